"""First-year values of groups: whole years, years brought up from less, credibility, lookup, state."""

import numpy as np
import polars as pl
import pytest

from foretell.errors import BundleError
from foretell.models.first_year_values import LEAST_PEOPLE, FirstYearValues


def newcomers(*, counts=(40, 50, 5), means=(100.0, 300.0, 900.0), spread=20.0, seed=0):
    draw = np.random.default_rng(seed)
    parts = [
        pl.DataFrame(
            {"funnel_state": [state] * n, "profile_country": ["DE"] * n, "spend": draw.normal(mean, spread, n)}
        )
        for state, n, mean in zip(("cart", "member", "visitor"), counts, means, strict=True)
    ]
    return pl.concat(parts).with_columns(expected_orders=pl.lit(2.5))


def slow_credibility(groups, year):
    """Bühlmann and Straub's estimators, (4.26) and (4.27) of Bühlmann and Gisler, written out with loops."""
    weights = [sum(w for _, w in rows) for rows in groups]
    means = [sum(s for s, _ in rows) / w for rows, w in zip(groups, weights, strict=True)]
    total, people = sum(weights), sum(len(rows) for rows in groups)
    overall = sum(s for rows in groups for s, _ in rows) / total
    within = sum(w * (s / w - m) ** 2 for rows, m in zip(groups, means, strict=True) for s, w in rows)
    within /= people - len(groups)
    between = sum(w * (m - overall) ** 2 for w, m in zip(weights, means, strict=True)) - (len(groups) - 1) * within
    between = max(between / (total - sum(w * w for w in weights) / total), 0.0)
    trust = [w / (w + within / between) if between else 0.0 for w in weights]
    return [year * (z * m + (1 - z) * overall) for z, m in zip(trust, means, strict=True)]


def test_groups_are_drawn_to_the_whole_by_credibility():
    draw = np.random.default_rng(3)
    people = newcomers(spread=250.0).with_columns(expected_orders=pl.Series(draw.uniform(1, 3, 95)))
    fitted = FirstYearValues.fit(people, attribute=None, year=3.0)
    assert set(fitted.groups) == {("cart", None), ("member", None)}  # 5 visitors are too few
    rows = [people.filter(pl.col("funnel_state") == state) for state in ("cart", "member", "visitor")]
    expected = slow_credibility([list(zip(r["spend"], r["expected_orders"], strict=True)) for r in rows], 3.0)
    for state, value in zip(("cart", "member"), expected, strict=False):
        # stored with six decimals
        assert fitted.groups[state, None].value == pytest.approx(value, abs=1e-6)


def test_whole_years_are_a_mean_and_half_of_the_orders_is_half_of_the_year():
    people = newcomers()
    whole = FirstYearValues.fit(people, attribute=None, year=2.5).whole
    assert whole.value == pytest.approx(people["spend"].mean(), abs=1e-6)
    assert whole.low < whole.value < whole.high
    assert whole.people == people.height
    half = FirstYearValues.fit(people, attribute=None, year=5.0).whole
    assert half.value == pytest.approx(2 * people["spend"].mean(), abs=1e-6)


def test_groups_that_differ_by_chance_only_have_the_value_of_all():
    fitted = FirstYearValues.fit(newcomers(means=(200.0,) * 3, spread=1.0, seed=4), attribute=None, year=2.5)
    values = {group.value for group in fitted.groups.values()}
    assert max(values) - min(values) < 1.0
    apart = FirstYearValues.fit(newcomers(counts=(200, 200, 200)), attribute=None, year=2.5)
    assert apart.groups["visitor", None].value == pytest.approx(900, abs=5)


def test_people_get_the_value_of_the_finest_group_that_is_known():
    people = newcomers(counts=(2 * LEAST_PEOPLE, LEAST_PEOPLE, 5)).with_columns(
        profile_country=pl.when(pl.int_range(pl.len()) < LEAST_PEOPLE).then(pl.lit("DE")).otherwise(pl.lit("SE"))
    )
    fitted = FirstYearValues.fit(people, attribute="profile_country", year=2.5)
    assert set(fitted.groups) == {("cart", "DE"), ("cart", "SE"), ("member", "SE")}
    asked = pl.DataFrame(
        {"funnel_state": ["cart", "cart", "cart", "member"], "profile_country": ["SE", "FR", None, "SE"]}
    )
    of = fitted.groups
    assert fitted.of(asked).tolist() == [
        of["cart", "SE"].value,
        fitted.whole.value,
        fitted.whole.value,
        of["member", "SE"].value,
    ]
    assert fitted.of(asked.drop("profile_country")).tolist() == [fitted.whole.value] * 4


def test_the_state_is_carried_and_checked():
    fitted = FirstYearValues.fit(newcomers(), attribute="profile_country", year=2.5)
    state = fitted.to_dict()
    assert FirstYearValues.from_dict(state) == fitted
    for broken in (
        {**state, "more": 1},
        {**state, "whole": {**state["whole"], "value": -1.0}},
        {**state, "groups": [["cart"]]},
        {**state, "groups": [["cart", 3, state["whole"]]]},
        {**state, "whole": {**state["whole"], "people": "many"}},
    ):
        with pytest.raises(BundleError, match="FirstYearValues"):
            FirstYearValues.from_dict(broken)
