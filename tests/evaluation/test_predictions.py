"""What a recipe may return, and what is refused by name and count."""

import math

import numpy as np
import polars as pl
import pytest

from foretell.errors import DataError
from foretell.evaluation.predictions import check_predictions

CUSTOMERS = pl.Series("customer_id", ["anna", "bert", "cleo"])


def frame(**columns):
    return pl.DataFrame({"customer_id": ["cleo", "anna", "bert"], **columns})


def test_answers_come_in_the_order_of_the_customers():
    found = check_predictions(frame(predicted_orders=[3, 1, 2], note=["x", "y", "z"]), CUSTOMERS, rung="own")
    assert found.rung == "own"
    assert list(found.columns) == ["predicted_orders"]
    assert np.array_equal(found.columns["predicted_orders"], [1.0, 2.0, 3.0])
    assert found.answers("predicted_orders")
    assert not found.answers("predicted_orders", "churn_risk")


def test_the_given_frame_is_not_modified():
    given = frame(predicted_orders=[3, 1, 2])
    before = given.clone()
    check_predictions(given, CUSTOMERS, rung="own")
    assert given.equals(before)


def test_a_null_date_says_not_within_the_window():
    found = check_predictions(
        frame(
            next_order_days=[None, 4.0, 5.0],
            next_order_days_early=[None, 1.0, 2.0],
            next_order_days_late=[None, 9.0, 9.0],
        ),
        CUSTOMERS,
        rung="own",
    )
    assert np.array_equal(found.columns["next_order_days"], [4.0, 5.0, math.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("given", "column", "text", "count", "rows"),
    [
        (frame(predicted_orders=[1.0, None, None]), "predicted_orders", "null", 2, (2, 3)),
        (frame(predicted_orders=[1.0, math.nan, math.inf]), "predicted_orders", "NaN or infinite", 2, (2, 3)),
        (frame(predicted_orders=[1.0, -0.5, 0.0]), "predicted_orders", "outside", 1, (2,)),
        (frame(churn_risk=[0.5, 1.5, 0.0]), "churn_risk", "outside [0, 1]", 1, (2,)),
        (frame(p_order=["a", "b", "c"]), "p_order", "numbers are needed", 3, ()),
        (frame(next_order_days=[1.0, math.nan, 2.0]), "next_order_days", "NaN", 1, (2,)),
        (frame(spend_low=[0.0, 2.0, 0.0], spend_high=[1.0] * 3), "spend_high", "below spend_low", 1, (2,)),
        (frame(spend_low=[0.0, 2.0, 0.0]), "spend_low", "needed together", 1, ()),
        (
            frame(next_order_days_early=[1.0, None, 1.0], next_order_days_late=[2.0] * 3),
            "next_order_days_early",
            "only one of",
            1,
            (2,),
        ),
        (frame(score=[1, 2, 3]), None, "none of the columns", 1, ()),
        (pl.DataFrame({"predicted_orders": [1.0]}), "customer_id", "missing or not text", 1, ()),
        (pl.DataFrame({"customer_id": [1, 2, 3], "p_order": [0.1] * 3}), "customer_id", "not text", 1, ()),
    ],
)
def test_unsound_values_are_refused(given, column, text, count, rows):
    with pytest.raises(DataError) as caught:
        check_predictions(given, CUSTOMERS, rung="own")
    violation = caught.value.violations[0]
    assert violation.column == column
    assert text in violation.rule
    assert (violation.count, violation.rows) == (count, rows)
    assert "'own'" in str(caught.value)


def test_all_key_problems_are_told_at_once_without_naming_anybody():
    keys = ["anna", "anna", "zoe@example.org", None]
    given = pl.DataFrame({"customer_id": keys, "predicted_orders": [1.0, 2.0, 3.0, None]})
    with pytest.raises(DataError) as caught:
        check_predictions(given, CUSTOMERS, rung="own")
    found = {(violation.rule, violation.count) for violation in caught.value.violations}
    assert found == {
        ("null", 1),
        ("row of a customer who has several", 2),
        ("customer without a purchase before the cutoff", 1),
        ("customers of 3 without a prediction", 2),
    }
    text = str(caught.value)
    assert not any(name in text for name in ("anna", "zoe", "bert", "cleo"))
