"""The simulated shop is what its arguments say, and the same every time."""

import io
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.errors import ConfigError, WindowError
from foretell.tables.purchases import loose_refunds, purchase_days
from foretell.tables.simulate import simulate

FLAT = {"season_strength": 0.0, "weekday_weights": (1,) * 7, "refund_share": 0.0}
PLAIN = {**FLAT, "one_time_share": 0.0, "regular_share": 0.0}


def bytes_of(frame):
    content = io.BytesIO()
    frame.write_ipc(content)
    return content.getvalue()


def gaps_in_days(data, truth, kind):
    return (
        data.orders.join(truth.lazy().filter(pl.col("kind") == kind), on="customer_id")
        .sort("customer_id", "ordered_at")
        .select("customer_id", gap=pl.col("ordered_at").diff().over("customer_id").dt.total_seconds() / 86_400)
        .drop_nulls()
        .collect()
    )


def test_the_same_seed_gives_the_same_bytes():
    first, first_truth = simulate(customers=300, seed=5)
    again, again_truth = simulate(customers=300, seed=5)
    other, _ = simulate(customers=300, seed=6)
    assert bytes_of(first.orders.collect()) == bytes_of(again.orders.collect())
    assert bytes_of(first_truth) == bytes_of(again_truth)
    assert first.fingerprint() != other.fingerprint()


def test_rows_are_canonical_and_in_time_order(shop):
    data, _ = shop
    orders = data.orders.collect()
    assert orders.schema == {
        "row_number": pl.UInt32,
        "customer_id": pl.String,
        "order_id": pl.String,
        "ordered_at": pl.Datetime("us"),
        "amount_minor": pl.Int64,
    }
    assert orders["ordered_at"].is_sorted()
    assert orders["ordered_at"].min() >= datetime(2024, 1, 1)
    assert orders["ordered_at"].max() < data.observed_until == datetime(2026, 1, 1)
    assert data.observed_until_given
    assert (orders["amount_minor"] % 100 == 0).all()  # whole cents
    assert sum(orders.null_count().row(0)) == 0


def test_truth_agrees_with_the_orders(shop):
    data, truth = shop
    orders = data.orders.collect()
    counted = (
        orders.group_by("customer_id")
        .agg(
            orders=(pl.col("amount_minor") > 0).sum().cast(pl.Int64),
            refunds=(pl.col("amount_minor") < 0).sum().cast(pl.Int64),
            last=pl.col("ordered_at").filter(pl.col("amount_minor") > 0).max(),
        )
        .sort("customer_id")
    )
    assert_frame_equal(counted.drop("last"), truth.select("customer_id", "orders", "refunds"))
    gone = truth.filter(pl.col("left_at").is_not_null()).join(counted, on="customer_id")
    assert gone.filter(pl.col("left_at") != pl.col("last")).height == 0


def test_one_time_buyers_buy_once(shop):
    _, truth = shop
    one_time = truth.filter(pl.col("kind") == "one_time")
    assert one_time.height > 0
    assert one_time.select(pl.col("orders").max(), pl.col("left_at").null_count()).row(0) == (1, 0)
    assert one_time["mean_gap_days"].null_count() == one_time.height


def test_kinds_come_in_the_shares_asked_for():
    count = 20_000
    _, truth = simulate(customers=count, seed=2, one_time_share=0.5, regular_share=0.2)
    shares = dict(truth["kind"].value_counts().iter_rows())
    for kind, share in {"one_time": 0.5, "random": 0.3, "regular": 0.2}.items():
        # four standard errors of a binomial share
        assert shares[kind] / count == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / count))


def test_gaps_of_regular_buyers_are_erlang():
    # nobody leaves and rates are all but equal, so gaps are draws of one law but for the cut at the end
    data, truth = simulate(
        customers=400, seed=3, one_time_share=0, regular_share=1, leave_a=1e-3, leave_b=1e3, rate_shape=1e6,
        orders_per_year=36.525, end="2034-01-01", **FLAT,
    )  # fmt: skip
    gaps = gaps_in_days(data, truth, "regular")["gap"].to_numpy()
    assert gaps.size > 50_000
    error = 4 / np.sqrt(gaps.size)
    # a mean of 10 days, less the long gaps that the end cut off: one gap of about 180 a customer
    assert gaps.mean() == pytest.approx(10, rel=error + 0.01)
    assert gaps.std() / gaps.mean() == pytest.approx(1 / np.sqrt(4), rel=error + 0.01)


def test_gaps_of_random_buyers_are_exponential():
    data, truth = simulate(
        customers=400,
        seed=3,
        leave_a=1e-3,
        leave_b=1e3,
        rate_shape=1e6,
        orders_per_year=36.525,
        end="2034-01-01",
        **PLAIN,
    )
    gaps = gaps_in_days(data, truth, "random")["gap"].to_numpy()
    assert gaps.std() / gaps.mean() == pytest.approx(1, rel=4 / np.sqrt(gaps.size) + 0.02)


def test_customers_leave_with_their_own_probability():
    # Beta(3, 6), coin after every order: the share that leaves at the first order is a / (a + b)
    count = 20_000
    _, truth = simulate(customers=count, seed=4, leave_a=3, leave_b=6, orders_per_year=100, rate_shape=1e6, **PLAIN)
    early = truth.filter(pl.col("left_at").is_not_null() & (pl.col("orders") == 1)).height / count
    assert early == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / count))
    assert truth["leave_probability"].mean() == pytest.approx(
        1 / 3, abs=4 * truth["leave_probability"].std() / count**0.5
    )


def test_order_values_are_gamma_gamma():
    count = 20_000
    data, truth = simulate(customers=count, seed=7, mean_order_value=40, value_shape=4, value_tail=6, **PLAIN)
    means = truth["mean_order_value"].to_numpy()
    assert means.mean() == pytest.approx(40, abs=4 * means.std() / np.sqrt(count))
    # an inverse gamma of shape q has the variance mean^2 / (q - 2); its estimate has a heavy tail itself
    assert means.std() / means.mean() == pytest.approx(0.5, rel=0.05)
    orders = data.orders.join(truth.lazy(), on="customer_id").collect()
    ratio = (orders["amount_minor"] / 10_000 / orders["mean_order_value"]).to_numpy()
    assert ratio.mean() == pytest.approx(1, abs=4 * 0.5 / np.sqrt(ratio.size))
    assert ratio.std() == pytest.approx(1 / np.sqrt(4), rel=0.02)


def test_a_lower_tail_index_is_a_heavier_tail():
    def share_of_the_top_percent(value_tail):
        _, truth = simulate(customers=20_000, seed=8, value_tail=value_tail)
        means = truth["mean_order_value"].sort(descending=True)
        return means.head(200).sum() / means.sum()

    assert share_of_the_top_percent(1.5) > 2 * share_of_the_top_percent(6)


def test_refunds_belong_to_an_earlier_order_and_never_exceed_it():
    data, truth = simulate(customers=3_000, seed=9, refund_share=0.2)
    orders = data.orders.collect()
    refunds = orders.filter(pl.col("amount_minor") < 0)
    pairs = refunds.join(orders.filter(pl.col("amount_minor") > 0), on=["customer_id", "order_id"], suffix="_order")
    assert pairs.height == refunds.height == truth["refunds"].sum() > 500
    assert (pairs["ordered_at"] > pairs["ordered_at_order"]).all()
    assert (-pairs["amount_minor"] <= pairs["amount_minor_order"]).all()
    full = (-pairs["amount_minor"] == pairs["amount_minor_order"]).mean()
    assert full == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(pairs.height))
    assert loose_refunds(data).collect().height == 0
    assert purchase_days(data).collect()["amount_minor"].sum() == orders["amount_minor"].sum()


def test_switching_refunds_off_leaves_the_purchases():
    with_refunds, _ = simulate(customers=500, seed=10, refund_share=0.3)
    without, _ = simulate(customers=500, seed=10, refund_share=0)
    bought = with_refunds.orders.filter(pl.col("amount_minor") > 0).drop("row_number").collect()
    assert_frame_equal(bought, without.orders.drop("row_number").collect())


def test_the_season_and_the_week_show():
    # opens on a Wednesday, so that a calendar counting from its own first day would be found out
    data, _ = simulate(
        customers=20_000,
        seed=11,
        start="2023-02-01",
        end="2025-02-01",
        season_strength=0.8,
        season_peak_day=105,
        weekday_weights=(2, 1, 1, 1, 1, 1, 0),
        refund_share=0,
    )
    at = data.orders.select("ordered_at").collect()["ordered_at"]
    assert (at.dt.month() == 4).sum() > 2 * (at.dt.month() == 10).sum()
    days = dict(at.dt.weekday().value_counts().iter_rows())
    assert set(days) == {1, 2, 3, 4, 5, 6}
    assert days[1] / days[2] == pytest.approx(2, rel=0.05)  # some 12,000 orders on a Tuesday: 4 standard errors


def test_a_flat_shop_is_even_over_the_day():
    data, _ = simulate(customers=20_000, seed=12, **FLAT)
    hours = (
        data.orders.select(pl.col("ordered_at").dt.hour()).collect()["ordered_at"].value_counts()["count"].to_numpy()
    )
    assert hours.std() / hours.mean() < 4 / np.sqrt(hours.mean())


def test_every_customer_has_an_order_and_sorted_truth():
    data, truth = simulate(customers=1_000, seed=13, refund_share=1.0)
    assert truth["customer_id"].is_sorted()
    assert truth["orders"].min() >= 1
    assert data.orders.select(pl.col("customer_id").n_unique()).collect().item() == truth.height == 1_000


def test_one_customer_is_enough():
    data, truth = simulate(customers=1, seed=0)
    assert truth.height == 1
    assert data.orders.collect().height >= 1


@pytest.mark.parametrize("start", ["2025-03-15T13:30:00", "2025-03-15"])
def test_a_shop_may_open_in_the_middle_of_a_day_and_close_within_it(start):
    data, _ = simulate(customers=50, seed=1, start=start, end="2025-03-16T00:00:01")
    at = data.orders.select(
        pl.col("ordered_at").min().alias("first"), pl.col("ordered_at").max().alias("last")
    ).collect()
    assert at["first"][0] >= datetime.fromisoformat(start)
    assert at["last"][0] <= datetime(2025, 3, 16, 0, 0, 0)


def test_all_wrong_numbers_are_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        simulate(customers=0, seed=1, one_time_share=0.8, regular_share=0.4, value_tail=1.0, weekday_weights=(1, 1))
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 4
    for name in ("customers", "one_time_share + regular_share", "value_tail - 1", "seven weekday_weights"):
        assert name in told


def test_a_shop_that_closes_before_it_opens_is_refused():
    with pytest.raises(WindowError):
        simulate(customers=1, seed=1, start="2025-01-02", end="2025-01-01")


@pytest.mark.slow
def test_a_hundred_thousand_customers_are_no_burden():
    data, truth = simulate(customers=100_000, seed=1)
    assert truth.height == 100_000
    assert data.orders.collect().height > 300_000
