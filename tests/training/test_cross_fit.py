"""Who fits never judges: trees are not asked about customers whom they were fitted to or stopped on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from boosted_shops import AS_OF, QUICK
from foretell.evaluation.probabilities import auc
from foretell.models.binned import Binned
from foretell.models.boosting_params import BoostingParams
from foretell.tables.dataset import CustomerData
from foretell.training.answers import Answers
from foretell.training.corrections import fit_correction
from foretell.training.cross_fit import FOLDS, STOPPERS, Rows, cross_fit, draws_for, folds_for
from foretell.training.families import SIMPLEST, fit_families
from foretell.training.past import Past, Window

GREEDY = BoostingParams(
    num_leaves=255, learning_rate=0.3, min_child_samples=1, lambda_l2=0.0, bagging_fraction=1.0, feature_fraction=1.0,
    max_rounds=30, patience=30,
)  # fmt: skip
"""Learns by heart whatever it is shown."""

CUSTOMERS, WINDOWS = 200, 3


def memorisable(*, by_customer: bool) -> Rows:
    """Rows in which a customer's number tells the outcome, which is the same in all windows, and nothing else does."""
    rng = np.random.default_rng(8)
    customer = np.tile(np.arange(CUSTOMERS), WINDOWS)
    coin = rng.permutation(np.arange(CUSTOMERS) % 2).astype(np.float64)
    matrix = rng.permutation(CUSTOMERS).astype(np.float64)[customer][:, None]
    drawn_for = customer if by_customer else np.arange(customer.size)
    fold, stopper = (rng.integers(0, parts, customer.size)[drawn_for] for parts in (FOLDS, STOPPERS))
    flat = np.zeros(customer.size)
    return Rows(
        binned=Binned(matrix, replace(GREEDY, max_rounds=1)),
        sizes=(CUSTOMERS,) * WINDOWS,
        actual=coin[customer],
        offset=flat,
        weight=flat + 1,
        fold=fold,
        stopper=stopper,
        customer=customer,
    )


@pytest.mark.parametrize("draws", [1, 3])
def test_what_is_known_of_a_customer_by_heart_does_not_help(draws: int) -> None:
    rows = memorisable(by_customer=True)
    margin = cross_fit(rows, "binary", GREEDY, seed=0, threads=1, draws=draws).margin
    # 200 coins: the standard error of the AUC is .041.
    assert abs(auc(rows.actual, expit(margin)) - 0.5) < 0.12


def test_the_probe_finds_folds_that_are_drawn_by_row() -> None:
    rows = memorisable(by_customer=False)
    margin = cross_fit(rows, "binary", GREEDY, seed=0, threads=1).margin
    assert auc(rows.actual, expit(margin)) > 0.65


def test_each_part_is_answered_by_its_own_trees() -> None:
    rng = np.random.default_rng(1)
    signal = rng.normal(size=1_500)
    rows = Rows(
        binned=Binned(signal[:, None], QUICK),
        sizes=(1_500,),
        actual=(rng.random(1_500) < 1 / (1 + np.exp(-2 * signal))).astype(np.float64),
        offset=np.zeros(1_500),
        weight=np.ones(1_500),
        fold=rng.integers(0, FOLDS, 1_500),
        stopper=rng.integers(0, STOPPERS, 1_500),
        customer=np.arange(1_500),
    )
    fitted = cross_fit(rows, "binary", QUICK, seed=0, threads=1)
    assert auc(rows.actual, expit(fitted.margin)) > 0.7
    for part, booster in enumerate(fitted.boosters):
        mine = rows.fold == part
        assert (fitted.margin[mine] == booster.margin(rows.binned.matrix[mine])).all()
    # Flipping the outcomes of one part must change the trees of all parts but its own.
    flipped = replace(rows, actual=np.where(rows.fold == 0, 1 - rows.actual, rows.actual))
    again = cross_fit(flipped, "binary", QUICK, seed=0, threads=1)
    same = [one.to_text() == two.to_text() for one, two in zip(fitted.boosters, again.boosters, strict=True)]
    assert same == [True, False, False, False, False]


def test_a_draw_splits_customers_anew_and_keeps_them_together() -> None:
    rows = memorisable(by_customer=True)
    assert rows.redrawn(0) is rows
    drawn = [rows.redrawn(number) for number in (1, 2)]
    for each in drawn:
        for place in (each.fold, each.stopper):
            assert (place.reshape(WINDOWS, CUSTOMERS) == place[:CUSTOMERS]).all()
        assert np.unique(each.fold).tolist() == list(range(FOLDS))
    # One customer in five keeps the part by chance; five standard errors (.028) of 200 customers around that.
    for one, two in ((rows, drawn[0]), (rows, drawn[1]), drawn):
        assert abs((one.fold == two.fold)[:CUSTOMERS].mean() - 1 / FOLDS) < 0.14


def test_several_draws_are_the_mean_of_each() -> None:
    rows = memorisable(by_customer=True)
    both = cross_fit(rows, "binary", QUICK, seed=4, threads=1, draws=2)
    first = cross_fit(rows, "binary", QUICK, seed=4, threads=1)
    second = cross_fit(rows.redrawn(1), "binary", QUICK, seed=4 + FOLDS, threads=1)
    assert both.margin == pytest.approx((first.margin + second.margin) / 2, abs=1e-15)
    texts = [booster.to_text() for each in (first, second) for booster in each.boosters]
    assert [booster.to_text() for booster in both.boosters] == texts


@pytest.mark.parametrize(("rows", "draws"), [(0, 4), (10_000, 4), (10_001, 3), (20_000, 2), (20_001, 1), (10**7, 1)])
def test_small_shops_are_drawn_more_often(rows: int, draws: int) -> None:
    assert draws_for(rows) == draws


@pytest.fixture(scope="module")
def windows(boosted_shop: CustomerData) -> tuple[Window, ...]:
    return Past(boosted_shop.before(AS_OF), fit_families).windows(30, most=3)


def answers_of(windows: tuple[Window, ...], most_rows: int) -> Answers:
    return Answers.of(windows[0].view, SIMPLEST, 20, most_rows=most_rows, params=QUICK, threads=1)


@pytest.mark.parametrize("most_rows", [10**6, 600])
def test_a_customer_keeps_part_and_role_over_all_windows_and_answers(
    windows: tuple[Window, ...], most_rows: int
) -> None:
    answers = answers_of(windows, most_rows)
    places: dict[str, set[tuple[int, int, int]]] = {}
    seen: list[set[str]] = []
    for answer in ("orders", "spend", "churn"):
        rows = answers.rows(windows, answer)
        assert rows is not None
        names = [
            name
            for window, mask in zip(windows, answers.masks(windows), strict=True)
            for name in window.view.known.summary["customer_id"].filter(mask)
        ]
        assert len(names) == len(rows.actual)
        for name, *place in zip(names, rows.fold.tolist(), rows.stopper.tolist(), rows.customer.tolist(), strict=True):
            places.setdefault(name, set()).add(tuple(place))
        seen.append(set(names))
    assert all(len(place) == 1 for place in places.values())
    assert seen[0] == seen[1] == seen[2]
    # Who is thinned out is thinned out of every window: a customer known at all three has three rows or none.
    everywhere = set.intersection(*(set(window.view.known.summary["customer_id"]) for window in windows))
    assert (everywhere <= seen[0]) == (most_rows > 1_500)
    if most_rows == 600:
        assert 450 < len(rows.actual) < 750


def test_parts_and_roles_are_independent(windows: tuple[Window, ...]) -> None:
    rows = answers_of(windows, 10**6).rows(windows, "orders")
    assert rows is not None
    table = np.zeros((folds_for(len(rows.actual)), STOPPERS))
    newest = slice(0, rows.sizes[0])
    np.add.at(table, (rows.fold[newest], rows.stopper[newest]), 1)
    # About 25 customers a cell, standard deviation 5.
    assert table.min() > 5
    assert table.max() < 50


def permuted(window: Window, seed: int) -> Window:
    """Give every customer another one's future."""
    mixed = np.random.default_rng(seed).permutation(len(window.orders))
    return replace(window, orders=window.orders[mixed], spend=window.spend[mixed], next_day=window.next_day[mixed])


@pytest.mark.parametrize("answer", ["churn", "orders"])
def test_with_shuffled_futures_there_is_nothing_to_learn(windows: tuple[Window, ...], answer: str) -> None:
    mixed = tuple(permuted(window, seed) for seed, window in enumerate(windows))
    rows = answers_of(windows, 10**6).rows(mixed, answer)
    assert rows is not None
    objective = "binary" if answer == "churn" else "poisson"
    margin = cross_fit(rows, objective, QUICK, seed=0, threads=1).margin
    bought = (rows.actual > 0).astype(np.float64)
    few = min(bought.sum(), len(bought) - bought.sum())
    # Hanley, McNeil (1982): at an AUC of .5 the variance is about 1 / (12 n) each of buyers and others; three of them.
    error = float(np.sqrt(2 / (12 * few)))
    assert abs(auc(bought, expit(margin)) - 0.5) < 3 * error
    assert abs(auc(bought, expit(rows.offset)) - 0.5) < 3 * error
    # What the offset says of who is who is wrong now, and trees may take that back: here it says next to nothing.
    mean = np.average(rows.actual, weights=rows.weight)
    flat = np.log(mean / (1 - mean)) if answer == "churn" else np.log(mean)
    rows = replace(rows, offset=flat + 0.02 * (rows.offset - rows.offset.mean()))
    # A rule of thumb that says what the offset says leaves the calibration nothing to take from it either.
    naive = rows.offset if answer == "churn" else None
    found = fit_correction(rows, objective, naive=naive, days=30, by_errors=1.0, params=QUICK, seed=0, threads=1)
    assert found.trees.boosters == ()
    assert found.trees.why.startswith("left out")
    assert not np.concatenate(found.margins).any()
