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
    risk = predicted["churn_risk"].to_list()
    assert max(risk[:10]) < 0.1
    assert min(risk[10:]) > 0.9
    assert "predicted_clv" not in predicted.columns


def test_last_gap_adds_the_gap_to_the_last_order(few_orders: CustomerData) -> None:
    predicted = LastGap().fit_predict(few_orders, AS_OF, HORIZONS, 0)
    # anna: mean gap 29.5, waited 31 -> overdue, tomorrow; cleo: gap 59, waited 22 -> day 38
    # bert has one order: the shop's median gap 44.25, waited 76 -> overdue
    assert predicted["next_order_days"].to_list() == [1, 1, 38]
    assert predicted["predicted_orders"].to_list() == pytest.approx([30 / 29.5, 30 / 44.25, 30 / 59])
    assert predicted["predicted_clv"].to_list() == pytest.approx([20 * 30 / 29.5, 0, 8 * 30 / 59])
