"""The data set: cut at any instant, it tells nothing of what comes after."""

from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from foretell.errors import DataError, HorizonNotObserved, WindowError
from foretell.tables.dataset import CustomerData


def rows(*days: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": ["a"] * len(days),
            "ordered_at": [datetime(2025, 1, day, 12) for day in days],
            "amount_minor": list(days),
        },
        schema_overrides={"ordered_at": pl.Datetime("us"), "amount_minor": pl.Int64},
    )


def test_observation_ends_at_the_midnight_after_the_last_order_unless_given() -> None:
    assert CustomerData.from_orders(rows(1, 5)).observed_until == datetime(2025, 1, 6)
    assert CustomerData.from_orders(rows(1, 5), observed_until="2025-01-20").observed_until == datetime(2025, 1, 20)


def test_before_and_between_are_half_open() -> None:
    data = CustomerData.from_orders(rows(1, 5, 9))
    assert data.before(datetime(2025, 1, 5, 12)).orders.collect().height == 1
    assert data.between(datetime(2025, 1, 5, 12), datetime(2025, 1, 9, 12)).orders.collect().height == 1


def test_the_end_of_observation_does_not_depend_on_later_rows() -> None:
    early, late = CustomerData.from_orders(rows(1, 5)), CustomerData.from_orders(rows(1, 5, 25))
    assert early.before("2025-01-20").observed_until == late.before("2025-01-20").observed_until == datetime(2025, 1, 6)


def test_nothing_is_asked_for_past_a_given_end() -> None:
    data = CustomerData.from_orders(rows(1, 5), observed_until="2025-01-20")
    assert data.before("2025-01-20").observed_until == datetime(2025, 1, 20)
    with pytest.raises(WindowError, match="observed_until"):
        data.before("2025-01-21")
    with pytest.raises(HorizonNotObserved):
        data.between(datetime(2025, 1, 19), datetime(2025, 1, 21))


def test_the_fingerprint_knows_rows_and_not_their_order() -> None:
    frame = rows(1, 5, 9)
    one = CustomerData.from_orders(frame).fingerprint()
    assert one == CustomerData.from_orders(frame.reverse()).fingerprint()
    assert one != CustomerData.from_orders(rows(1, 5, 8)).fingerprint()


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (rows(1).head(0), "no usable row"),
        (rows(1).drop("customer_id"), "missing"),
        (rows(1).with_columns(customer_id=pl.lit(7)), "must be String"),
        (rows(1).with_columns(amount_minor=pl.lit(None, pl.Int64)), "nulls"),
    ],
)
def test_frames_that_are_not_canonical_are_refused(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(DataError, match=said):
        CustomerData.from_orders(frame)


def test_the_given_frame_is_not_changed() -> None:
    frame = rows(1, 5)
    before = frame.clone()
    CustomerData.from_orders(frame)
    assert frame.equals(before)


def test_a_data_set_is_shown_in_one_line(few_orders):
    assert repr(few_orders) == "CustomerData(7 order rows, observed_until='2025-04-01T00:00:00', 0 rows left out)"


def test_the_fingerprint_does_not_depend_on_how_texts_lie_in_memory() -> None:
    ids = [f"customer-number-{number:06d}@mail.test" for number in range(50)]
    frame = pl.DataFrame({"customer_id": ids, "ordered_at": [datetime(2025, 1, 1)] * 50})
    padded = pl.DataFrame({"customer_id": [f"left-out-again-{number}" for number in range(50)] + ids}).tail(50)
    elsewhere = frame.with_columns(padded["customer_id"])
    for other in (elsewhere, frame.reverse(), pl.concat([frame.tail(20), frame.head(30)])):
        assert CustomerData.from_orders(other).fingerprint() == CustomerData.from_orders(frame).fingerprint()


def test_a_view_of_the_past_is_kept_for_its_cutoff_and_none_for_other_rows(few_orders) -> None:
    data = CustomerData.from_orders(few_orders.orders)
    seen = data.before("2025-02-01")
    assert data.before("2025-02-01") is seen
    assert seen.before("2025-02-01") is seen
    assert data.before("2025-03-01") is not seen
    earlier = seen.before("2025-01-12")
    last = earlier.last_order_at()
    assert last is not None
    assert last < datetime(2025, 1, 12)
    assert seen.last_order_at() != last
    assert replace(data, orders=seen.orders).before("2025-03-01").last_order_at() == seen.last_order_at()
