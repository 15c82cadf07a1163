"""What is not sound is not published."""

import polars as pl
import pytest

from foretell.delivery.checks import check_run
from foretell.delivery.run import Counts
from foretell.errors import ColumnMismatch, GateRefused


def test_a_sound_run_passes(run):
    check_run(run)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.lit(float("nan")).alias("predicted_clv_365d"), "predicted_clv_365d is NaN or infinite in 30 rows"),
        (pl.lit(float("inf")).alias("total_clv"), "total_clv is NaN or infinite in 30 rows"),
        (pl.lit(1.5).alias("p_alive"), "p_alive lies outside 0 to 1 in 30 rows"),
        (pl.lit(-0.1).alias("churn_risk_90d"), "churn_risk_90d lies outside 0 to 1"),
        (pl.lit(None, pl.String).alias("churn_band"), "churn_band is empty in 30 rows"),
        (pl.lit("one").alias("customer_id"), "29 rows repeat a customer"),
        (pl.col("customer_id").reverse(), "not sorted by customer_id"),
    ],
)
def test_unsound_values_are_refused_without_naming_a_customer(make_run, change, words):
    run = make_run(customers=30)
    broken = make_run(customers=30, scores=run.scores.with_columns(change))
    with pytest.raises(GateRefused, match=words) as caught:
        check_run(broken)
    assert "shopper" not in str(caught.value)
    assert caught.value.exit_code == 4


def test_rows_that_do_not_add_up_are_refused(make_run):
    with pytest.raises(GateRefused, match="1,250 rows were read, but 1,249"):
        check_run(make_run(customers=5, counts=Counts(1250, 1200, 47, 2)))
    events = {"rows_in": 250, "used": 200, "at_or_after_as_of": 47, "quarantined": 2}
    with pytest.raises(GateRefused, match="250 rows of events were read, but 249"):
        check_run(make_run(customers=5, counts=Counts(1250, 1200, 47, 3, {"events": events})))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame.drop("overdue"), "overdue is missing"),
        (lambda frame: frame.rename({"overdue": "overdu"}), "overdu is not expected. Did you mean 'overdue'"),
        (lambda frame: frame.with_columns(pl.col("orders").cast(pl.Float64)), "orders is Float64, not Int64"),
        (lambda frame: frame.select(reversed(frame.columns)), "another order"),
    ],
)
def test_other_columns_than_the_schema_are_refused(make_run, change, words):
    run = make_run(customers=5)
    with pytest.raises(ColumnMismatch, match=words):
        check_run(make_run(customers=5, scores=change(run.scores)))
