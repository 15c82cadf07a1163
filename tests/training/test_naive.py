"""The rules of thumb, by hand."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from foretell.tables.dataset import CustomerData
from foretell.training.naive import LastGap, RecentRate
from foretell.windows import Horizons

AS_OF = datetime(2025, 4, 1)
HORIZONS = Horizons(clv_days=30, churn_days=60, order_days=30)


def test_recent_rate_repeats_the_last_horizon(few_orders: CustomerData) -> None:
    predicted = RecentRate().fit_predict(few_orders, AS_OF, HORIZONS, 0)
    assert predicted["customer_id"].to_list() == ["anna", "bert", "cleo"]
    # the last 30 days begin on 2 March: nothing of anna's (1 March), cleo's order of 10 March at 4.00
    assert predicted["predicted_orders"].to_list() == [0, 0, 1]
    assert predicted["predicted_clv"].to_list() == [0, 0, 4]


def test_recent_rate_scales_a_short_history_up(few_orders: CustomerData) -> None:
    predicted = RecentRate().fit_predict(few_orders, AS_OF, Horizons(clv_days=180, churn_days=60), 0)
    # 1 January to 31 March are 90 days: everything happens twice
    assert predicted["predicted_orders"].to_list() == [6, 2, 4]
    assert predicted["predicted_clv"].to_list() == pytest.approx([120, 0, 32])


@pytest.mark.parametrize(("quiet_days", "stated"), [(0, True), (0, False), (1, False), (5, False)])
def test_recent_rate_takes_shares_of_buyers_from_the_newest_observed_window(quiet_days: int, stated: bool) -> None:
    """Twenty customers: those who bought lately always came back, the others never; quiet days before the cutoff."""
    rows = []
    for i in range(20):
        recent = i < 10
        first = datetime(2025, 1, 1) + timedelta(days=40 if recent else 0)
        rows.append((f"c{i:02}", first))
        if recent:
            rows += [(f"c{i:02}", first + timedelta(days=step)) for step in (20, 40, 49)]
    frame = pl.DataFrame(rows, schema={"customer_id": pl.String, "ordered_at": pl.Datetime("us")}, orient="row")
    data = CustomerData.from_orders(frame, observed_until=AS_OF if stated else None)
    as_of = AS_OF + timedelta(days=quiet_days)
    predicted = RecentRate().fit_predict(data, as_of, Horizons(30, 30, 30), 0)
    # ten of ten came back, none of ten did; the shop's share, one half, counts as one customer more
    assert predicted["churn_risk"].to_list() == pytest.approx([1 - 10.5 / 11] * 10 + [1 - 0.5 / 11] * 10)
    assert predicted["p_order"].to_list() == pytest.approx([10.5 / 11] * 10 + [0.5 / 11] * 10)
    assert "predicted_clv" not in predicted.columns


def test_recent_rate_groups_customers_by_the_wait_before_the_window() -> None:
    """Ten bought on the first day of the window and not since: nobody had waited as long as they have by now."""
    rows = [(f"c{i:02}", datetime(2025, 1, 1)) for i in range(10)]
    rows += [(f"d{i:02}", instant) for i in range(10) for instant in (datetime(2025, 2, 10), datetime(2025, 3, 2))]
    frame = pl.DataFrame(rows, schema={"customer_id": pl.String, "ordered_at": pl.Datetime("us")}, orient="row")
    data = CustomerData.from_orders(frame, observed_until=AS_OF)
    predicted = RecentRate().fit_predict(data, AS_OF, Horizons(30, 30, 30), 0)
    # waits then: 60 and 20 days, so groups end at 20, 40 and beyond; waits now: 90 and 30 days. An empty group has
    # the shop's share.
    assert predicted["p_order"].to_list() == pytest.approx([0.5 / 11] * 10 + [0.5] * 10)


def test_last_gap_gives_up_after_two_gaps(few_orders: CustomerData) -> None:
    data = CustomerData.from_orders(few_orders.orders.collect())
    # anna: mean gap 29.5, last order on 1 March; 59 days later is 29 April
    for as_of, orders in ((datetime(2025, 4, 29), 30 / 29.5), (datetime(2025, 4, 30), 0)):
        assert LastGap().fit_predict(data, as_of, HORIZONS, 0)["predicted_orders"][0] == pytest.approx(orders)


def test_last_gap_adds_the_gap_to_the_last_order(few_orders: CustomerData) -> None:
    predicted = LastGap().fit_predict(few_orders, AS_OF, HORIZONS, 0)
    # anna: mean gap 29.5, waited 31 -> overdue, tomorrow; cleo: gap 59, waited 22 -> day 38
    # bert has one order: the shop's median gap 44.25, waited 76 -> overdue
    assert predicted["next_order_days"].to_list() == [1, 1, 38]
    assert predicted["predicted_orders"].to_list() == pytest.approx([30 / 29.5, 30 / 44.25, 30 / 59])
    assert predicted["predicted_clv"].to_list() == pytest.approx([20 * 30 / 29.5, 0, 8 * 30 / 59])
