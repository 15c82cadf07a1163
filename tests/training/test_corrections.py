"""When trees are taken, how they are weighed, and what is said of it."""

import numpy as np
import pytest

from boosted_shops import QUICK
from foretell.models.binned import Binned
from foretell.models.objectives import losses
from foretell.training.corrections import fit_correction
from foretell.training.cross_fit import FOLDS, STOPPERS, Rows, cross_fit, draws_for


def rows_of(actual, offset, column, seed: int = 5) -> Rows:
    rng = np.random.default_rng(seed)
    count = len(actual)
    return Rows(
        binned=Binned(np.column_stack([column, np.ones(count)]), QUICK),
        sizes=(count,),
        actual=actual.astype(np.float64),
        offset=offset,
        weight=np.ones(count),
        fold=rng.integers(0, FOLDS, count),
        stopper=rng.integers(0, STOPPERS, count),
        customer=rng.permutation(1_000_000)[:count],
    )


def fitted(rows: Rows | None, objective, by_errors: float = 1.0, naive: np.ndarray | None = None):
    if naive is None and objective == "binary" and rows is not None:
        # A rule of thumb that says what the offset says has no part.
        naive = rows.offset
    return fit_correction(rows, objective, naive=naive, days=90, by_errors=by_errors, params=QUICK, seed=0, threads=1)


@pytest.fixture(scope="module")
def known() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the offset knows, what only trees can see, and draws."""
    rng = np.random.default_rng(12)
    return rng.normal(size=3_000), rng.normal(size=3_000), rng.random(3_000)


def test_trees_that_see_more_than_the_offset_are_taken(known) -> None:
    base, more, draw = known
    event = draw < 1 / (1 + np.exp(-(base + more)))
    found = fitted(rows_of(event, base, more), "binary")
    assert len(found.trees.boosters) == 4 * FOLDS
    assert found.trees.why.startswith("taken: trees gain")
    assert "90-day windows" in found.trees.why
    assert np.corrcoef(found.margins[0], more)[0, 1] > 0.9


@pytest.mark.parametrize("objective", ["binary", "poisson", "tweedie"])
def test_trees_with_nothing_to_see_are_left_out(known, objective) -> None:
    base, noise, draw = known
    rng = np.random.default_rng(3)
    mean = np.exp(base * 0.5)
    actual = {
        "binary": draw < 1 / (1 + np.exp(-base)),
        "poisson": rng.poisson(mean),
        "tweedie": rng.poisson(mean) * rng.gamma(2, 0.5, mean.size),
    }[objective]
    offset = base if objective == "binary" else base * 0.5
    found = fitted(rows_of(actual, offset, noise), objective)
    assert found.trees.boosters == ()
    assert found.trees.weight == 0
    assert found.trees.why.startswith("left out")
    assert not found.margins[0].any()


def test_an_event_is_calibrated_with_or_without_trees(known) -> None:
    base, noise, draw = known
    event = draw < 1 / (1 + np.exp(-0.6 * base))
    trees = fitted(rows_of(event, base, noise), "binary").trees
    assert trees.boosters == ()
    # Standard errors of a logistic fit to 3,000 rows are .04; the slope is pulled to 1 by about 1 %.
    assert trees.shift == pytest.approx(0.0, abs=0.12)
    assert trees.slope == pytest.approx(0.6, abs=0.12)


def test_a_rule_of_thumb_is_blended_in_as_far_as_it_helps(known) -> None:
    base, noise, draw = known
    thumb = np.random.default_rng(8).normal(size=base.size)
    event = draw < 1 / (1 + np.exp(-(0.7 * base + 0.3 * thumb)))
    found = fitted(rows_of(event, base, noise), "binary", naive=thumb)
    # Standard errors of a logistic fit to 3,000 rows are .04; the prior pulls by a few per cent.
    assert found.trees.naive == pytest.approx(0.3, abs=0.12)
    assert found.trees.slope == pytest.approx(1.0, abs=0.15)
    assert found.naive_lead == pytest.approx(float(np.mean(thumb - base)), abs=1e-12)
    assert "rule of thumb" in found.trees.why
    # One that is wrong gets nothing, not less than nothing.
    against = fitted(rows_of(draw < 1 / (1 + np.exp(-(base - 0.3 * thumb))), base, noise), "binary", naive=thumb)
    assert against.trees.naive == 0
    assert "rule of thumb" not in against.trees.why


def test_few_rows_change_little(known) -> None:
    base, noise, draw = (part[:150] for part in known)
    event = draw < 1 / (1 + np.exp(-3 * base))
    trees = fitted(rows_of(event, base, noise), "binary").trees
    free = fitted(rows_of(known[2] < 1 / (1 + np.exp(-3 * known[0])), known[0], known[1]), "binary").trees
    assert 1 < trees.slope < free.slope <= 3


@pytest.mark.parametrize(
    ("objective", "few"),
    [("binary", 0), ("binary", 19), ("poisson", 0), ("poisson", 49), ("tweedie", 0), ("tweedie", 49)],
)
@pytest.mark.parametrize("rare", [1.0, 0.0])
def test_with_too_few_of_a_kind_nothing_is_chosen_and_the_card_says_why(objective, few, rare) -> None:
    actual = np.where(np.arange(500) < few, rare, 1.0 - rare)
    found = fitted(rows_of(actual, np.zeros(500), np.arange(500.0)), objective)
    assert found.trees.boosters == ()
    assert (found.trees.shift, found.trees.slope, found.trees.weight) == (0, 1, 0)
    assert "customers of the rarer kind, needed 50" in found.trees.why
    assert [margin.tolist() for margin in found.margins] == [[0.0] * 500]


@pytest.mark.parametrize("rare", [True, False])
def test_few_events_are_calibrated_without_trees(known, rare) -> None:
    """Chances that are too sure by a half: 35 of the rarer kind cannot choose trees, and do say so."""
    base, more, draw = (part[:400] for part in known)
    event = draw < 1 / (1 + np.exp(-(base + np.log(0.06))))
    actual, offset = (event, 2 * base + np.log(0.06)) if rare else (~event, -2 * base - np.log(0.06))
    assert 20 <= event.sum() < 50
    found = fitted(rows_of(actual, offset, more), "binary")
    assert found.trees.boosters == ()
    assert not found.margins[0].any()
    assert found.trees.why.startswith("left out: the newest window of 90 days has")
    # The right slope is .5; 37 events over log-odds that spread by 2 tell it to .1, and the prior pulls by a fifth.
    assert found.trees.slope == pytest.approx(0.5, abs=0.25)
    linear = found.trees.shift + found.trees.slope * offset
    assert losses("binary", actual * 1.0, linear).mean() < losses("binary", actual * 1.0, offset).mean()


def test_a_part_without_a_single_buyer_is_fitted_on_the_others(known) -> None:
    base, more, draw = known
    rows = rows_of(draw < 1 / (1 + np.exp(-(base + more))), base, more)
    for part in range(FOLDS):
        actual = np.where(rows.fold == part, 0.0, rows.actual)
        found = fitted(Rows(**{**vars(rows), "actual": actual}), "binary")
        assert all(np.isfinite(margin).all() for margin in found.margins)
        assert np.isfinite([found.trees.shift, found.trees.slope, found.trees.weight]).all()


def test_without_a_window_there_is_no_correction() -> None:
    found = fitted(None, "poisson")
    assert found.margins == ()
    assert found.trees.boosters == ()


def test_the_gain_and_its_error_are_those_of_a_sum_over_customers(known) -> None:
    """Two windows of the same customers: their gains are not independent, and count together."""
    base, more, draw = (np.tile(part[:800], 2) for part in known)
    rng = np.random.default_rng(2)
    fold, stopper = (np.tile(rng.integers(0, parts, 800), 2) for parts in (FOLDS, STOPPERS))
    number = np.tile(rng.permutation(1_000_000)[:800], 2)
    event = (draw < 1 / (1 + np.exp(-(base + more)))).astype(np.float64)
    rows = Rows(
        Binned(more[:, None], QUICK), (800, 800), event, base, np.repeat([1.0, 0.75], 800), fold, stopper, number
    )
    margin = cross_fit(rows, "binary", QUICK, seed=0, threads=1, draws=draws_for(1_600)).margin
    before, after = (losses("binary", event, base + added) for added in (0.0, margin))
    constant = np.average(event, weights=rows.weight)
    none = losses("binary", event, np.full(1_600, np.log(constant / (1 - constant))))
    whole = rows.weight @ np.abs(none - before)
    each = (rows.weight * (before - after)).reshape(2, 800).sum(axis=0)
    error = each.std(ddof=1) * np.sqrt(800)
    assert f"trees gain {each.sum() / whole:.1%} ± {error / whole:.1%} on" in fitted(rows, "binary").trees.why
