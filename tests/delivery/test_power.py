"""What a holdout can show: published sample sizes, and an outcome that simulation confirms."""

import numpy as np
import polars as pl
import pytest

from foretell.delivery.power import expected_outcome, power_rows, smallest_rate_lift, smallest_spend_lift
from foretell.delivery.segments import Segment
from foretell.delivery.selection import select_all

EVERYBODY = Segment("everybody", "Everybody", "orders >= 1", "Everybody.", "Write.")


@pytest.mark.parametrize(
    ("rate", "raised", "size"),
    [
        # power.prop.test(p1 = .50, p2 = .60, power = .80) of R gives n = 387.3385.
        (0.50, 0.60, 387.3385),
        # power.prop.test(p1 = .10, p2 = .15, power = .80) of R gives n = 685.6.
        (0.10, 0.15, 685.6),
    ],
)
def test_the_smallest_lift_of_a_rate_is_that_of_published_sample_sizes(rate, raised, size):
    # R prints the size with which the lift is seen; the next whole number needs a hair less.
    assert smallest_rate_lift(rate, int(size) + 1, int(size) + 1) <= raised - rate
    assert smallest_rate_lift(rate, int(size), int(size)) > raised - rate


def test_the_smallest_lift_of_spend_is_cohens():
    # Cohen (1988), table 2.4.1: d = .50, two-sided 5 %, power .80 needs 64 by the t test; the normal law 62.79.
    assert smallest_spend_lift(1.0, 63, 63) < 0.5 < smallest_spend_lift(1.0, 62, 62)
    assert smallest_spend_lift(8.0, 50, 50) == pytest.approx(8.0 * smallest_spend_lift(1.0, 50, 50))


def test_a_group_without_people_shows_nothing():
    assert smallest_rate_lift(0.1, 100, 0) is None
    assert smallest_spend_lift(1.0, 0, 5) is None
    assert smallest_rate_lift(0.9, 20, 2) is None


def test_power_is_eight_in_ten_when_the_lift_is_real():
    contacted, kept, rate = 1800, 200, 0.2
    lift = smallest_rate_lift(rate, contacted, kept)
    draw = np.random.default_rng(0)
    first, second = draw.binomial(contacted, rate + lift, 20_000) / contacted, draw.binomial(kept, rate, 20_000) / kept
    mean = (first * contacted + second * kept) / (contacted + kept)
    z = (first - second) / np.sqrt(mean * (1 - mean) * (1 / contacted + 1 / kept))
    # 20,000 runs: the standard error is .003; counts of people are coarse, so a point is allowed.
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(0.80, abs=0.013)


def test_the_spread_of_spend_is_that_of_simulated_orders(make_run):
    run = make_run(customers=300)
    (selection,) = select_all(run, [EVERYBODY])
    outcome = expected_outcome(selection, run.horizons)
    part = 30 / 365
    rates = run.scores["predicted_orders_365d"].to_numpy() * part
    means = run.scores["predicted_clv_365d"].to_numpy() / run.scores["predicted_orders_365d"].to_numpy()
    values = run.scores["avg_order_value"].to_numpy()
    shape = values.mean() ** 2 / values.var()
    draw = np.random.default_rng(5)
    counts = draw.poisson(rates, (4000, 300))
    spend = np.where(counts > 0, draw.gamma(shape * np.maximum(counts, 1), means / shape), 0.0)
    assert outcome.spend == pytest.approx(spend.mean(), rel=0.03)
    # Strata take off a part of the spread between customers, never what is within them.
    within = np.sqrt(spend.var(axis=0).mean())
    assert within * 0.97 < outcome.spend_spread < spend.std() * 1.03


def test_rows_name_the_segments_own_holdout_first(make_run):
    run = make_run(customers=300)
    (selection,) = select_all(run, [Segment("half", "Half", "orders >= 1", "D.", "A.", holdout=0.5)])
    rows = power_rows(selection, run.horizons, (0.1,))
    assert [(row["holdout_share"], row["is_set"], row["measure"]) for row in rows] == [
        (0.5, True, "order_rate"),
        (0.5, True, "spend"),
        (0.1, False, "order_rate"),
        (0.1, False, "spend"),
    ]
    assert rows[0]["held_out"] == selection.held_out
    assert [customers for customers, _ in selection.strata] == [60] * 5
    assert sum(kept for _, kept in selection.strata) == selection.held_out
    lowest = selection.source[selection.members].sort("predicted_value", "customer_id").head(60)["customer_id"]
    assert selection.strata[0][1] == lowest.is_in(selection.holdout_frame["customer_id"].implode()).sum()
    assert rows[0]["contacted"] + rows[0]["held_out"] == 300
    assert all(row["smallest_lift"] < other["smallest_lift"] for row, other in zip(rows[:2], rows[2:], strict=True))


def test_a_shop_without_money_has_rates_only(make_run):
    run = make_run(customers=30, money=False)
    (selection,) = select_all(run, [EVERYBODY])
    assert {row["measure"] for row in power_rows(selection, run.horizons)} == {"order_rate"}
    (nobody,) = select_all(run, [Segment("n", "N", "orders > 99", "D.", "A.")])
    assert power_rows(nobody, run.horizons) == []
    assert isinstance(nobody.frame, pl.DataFrame)
