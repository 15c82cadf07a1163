"""Reviews: sums, bands and dates counted by hand; metrics those of a backtest of the same predictions."""

from dataclasses import replace
from datetime import date, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.bundles.files import StoredBundle
from foretell.engines.frame import score_frame
from foretell.errors import DataError
from foretell.evaluation.backtest import backtest
from foretell.evaluation.review import review
from foretell.evaluation.said import Said
from foretell.tables.dataset import CustomerData
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.windows import Horizons

AS_OF = datetime(2025, 3, 1)


def said(**changes):
    """What a run said of three customers, for 30 days of value and churn and 10 days of orders."""
    columns = {
        "customer_id": ["anna", "bert", "cleo"],
        "predicted_orders_30d": [1.5, 0.1, 0.4],
        "predicted_clv_30d": [40.0, 0.5, 3.5],
        "predicted_clv_30d_low": [0.0, 0.0, 0.0],
        "predicted_clv_30d_high": [60.0, 1.0, 3.0],
        "churn_risk_30d": [0.2, 0.9, 0.8],
        "churn_band": ["low", "high", "high"],
        "p_order_10d": [0.5, 0.05, 0.1],
        "expected_next_order_date": [date(2025, 3, 1), None, date(2025, 3, 20)],
        "next_order_date_early": [date(2025, 3, 1), None, date(2025, 3, 12)],
        "next_order_date_late": [date(2025, 3, 5), None, date(2025, 3, 29)],
    }
    return Said(AS_OF, "v1", Horizons(30, 30, 10), pl.DataFrame(columns | changes))


def test_three_customers_by_hand(few_orders):
    # after 1 March: anna bought on the 1st for 30.00, cleo on the 10th for 4.00, bert did not
    found = review(few_orders, [said()], bootstrap=0)
    totals = {row["target"]: (row["predicted"], row["actual"]) for row in found.totals.to_dicts()}
    assert totals == {
        "orders": (pytest.approx(2.0), 2.0),
        "clv": (pytest.approx(44.0), 34.0),
        "churn": (pytest.approx(1.9), 1.0),
        "order_10d": (pytest.approx(0.65), 2.0),
    }
    assert found.bands.select("band", "customers", "predicted", "observed").rows() == [
        ("low", 1, pytest.approx(0.2), 0.0),
        ("high", 2, pytest.approx(0.85), 0.5),
    ]
    metric = {(row["target"], row["metric"]): row["value"] for row in found.table.to_dicts()}
    # anna's date is right and within its interval, cleo's is ten days late and before its interval
    assert metric["next_order", "coverage"] == 0.5
    assert metric["next_order", "within_7_days"] == 0.5
    assert metric["clv", "coverage"] == pytest.approx(2 / 3)
    assert found.deciles.filter(pl.col("target") == "orders")["customers"].sum() == 3
    assert found.trend.is_empty()


def test_discounted_value_is_held_against_discounted_spend(few_orders):
    # anna's 30.00 came on the first day ahead, cleo's 4.00 on the tenth; a purchase counts from the middle of its day
    rate = 0.5
    found = review(few_orders, [replace(said(), annual_discount_rate=rate)], bootstrap=0)
    (clv,) = found.totals.filter(target="clv").to_dicts()
    assert clv["actual"] == pytest.approx(30 * 1.5 ** (-0.5 / 365.25) + 4 * 1.5 ** (-9.5 / 365.25), rel=1e-12)
    assert clv["predicted"] == pytest.approx(44.0)
    # Intervals are of spend as it is paid, which 30.00 just reaches and its discounted self does not.
    low = said(predicted_clv_30d_low=[30.0, 0.0, 0.0])
    paid, plain = (review(few_orders, [replace(low, annual_discount_rate=r)], bootstrap=0) for r in (rate, 0.0))
    coverage = [run.table.filter(target="clv", metric="coverage")["value"].item() for run in (paid, plain)]
    assert coverage[0] == coverage[1] == pytest.approx(2 / 3)


def test_windows_that_have_not_ended_are_told_and_not_judged(few_orders):
    none = pl.Series([None] * 3, dtype=pl.Date)
    dates = dict.fromkeys(("expected_next_order_date", "next_order_date_early", "next_order_date_late"), none)
    late = replace(said(**dates), as_of=datetime(2025, 3, 10))
    found = review(few_orders, [late], bootstrap=0)
    assert set(found.totals["target"]) == {"order_10d"}
    assert set(found.skipped["target"]) == {"orders", "clv", "churn", "next_order"}
    assert review(few_orders, [], bootstrap=0).totals.is_empty()


def test_without_money_nothing_is_said_of_it(few_orders):
    nothing = {f"predicted_clv_30d{end}": pl.Series([None] * 3, dtype=pl.Float64) for end in ("", "_low", "_high")}
    found = review(few_orders, [said(**nothing)], bootstrap=0)
    assert set(found.totals["target"]) == {"orders", "churn", "order_10d"}


def test_scores_that_are_not_sound_are_refused(few_orders):
    with pytest.raises(DataError, match="outside"):
        review(few_orders, [said(churn_risk_30d=[0.2, 1.9, 0.8])], bootstrap=0)


def test_it_agrees_with_a_backtest_and_shows_the_trend(big_shop: CustomerData):
    horizons, recipe = Horizons(60, 60, 30), PurchaseRecipe()
    cutoffs = [datetime(2025, 6, 1), datetime(2025, 8, 1)]
    runs = []
    for cutoff in cutoffs:
        bundle = recipe.fit(big_shop.before(cutoff), cutoff, horizons)
        scores = score_frame(big_shop, StoredBundle(bundle, "purchase"), cutoff, explained_customers=0).scores
        runs.append(Said(cutoff, recipe.name, horizons, scores))
    found = review(big_shop, runs[::-1], bootstrap=10)
    tested = backtest(big_shop, cutoffs, [recipe], horizons=horizons, bootstrap=10)
    assert_frame_equal(found.table, tested.table, rel_tol=1e-9, abs_tol=1e-9)
    assert_frame_equal(found.calibration, tested.calibration, rel_tol=1e-9)
    assert_frame_equal(found.deciles, tested.deciles, rel_tol=1e-9)
    gini = found.table.filter(target="clv", metric="gini")["value"]
    (trend,) = found.trend.filter(target="clv", metric="gini").to_dicts()
    assert (trend["runs"], trend["first"], trend["last"]) == (2, gini[0], gini[1])
    assert trend["change_per_30_days"] == pytest.approx((gini[1] - gini[0]) / 61 * 30)
