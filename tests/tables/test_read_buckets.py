"""Reading into buckets gives what reading into memory gives: rows, quarantine, notes, refusals."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from foretell.errors import DataError
from foretell.tables.erasure import without_people
from foretell.tables.read import read_orders
from foretell.tables.read_buckets import read_data_into_buckets, read_orders_into_buckets
from foretell.tables.read_data import read_data
from foretell.tables.source import Source


def both(source: object, folder: Path, *, rows_at_once: int = 3, buckets: int = 4, **arguments: Any):
    """What each reader makes of a source: facts, or the refusal's text."""
    found = []
    for read in (
        lambda: read_orders(source, **arguments),
        lambda: read_orders_into_buckets(source, folder, buckets, rows_at_once=rows_at_once, **arguments),
    ):
        try:
            found.append(read())
        except DataError as error:
            found.append(str(error))
    return found


def agree(source: object, folder: Path, **arguments: Any) -> Any:
    """Hold that both readers agree, and return what they say."""
    memory, disk = both(source, folder, **arguments)
    if isinstance(memory, str) or isinstance(disk, str):
        assert disk == memory
        return memory
    columns = disk.orders.collect_schema().names()
    left, right = (data.orders.select(columns).collect().sort("row_number") for data in (memory, disk))
    assert_frame_equal(left, right, check_exact=True)
    assert_frame_equal(memory.quarantine, disk.quarantine)
    assert disk.report == memory.report
    assert (disk.observed_until, disk.observed_until_given) == (memory.observed_until, memory.observed_until_given)
    assert disk.fingerprint() == memory.fingerprint()
    return disk


def orders(**columns: list[Any]) -> pl.DataFrame:
    """Ten good rows, with some columns replaced."""
    days = [f"2025-01-{day:02}" for day in range(1, 11)]
    good: Mapping[str, list[Any]] = {"customer_id": list("abcabcabca"), "ordered_at": days, "amount": ["1.5"] * 10}
    return pl.DataFrame({**good, **columns})


CASES: dict[str, tuple[pl.DataFrame, dict[str, Any]]] = {
    "good": (orders(), {}),
    "rows left out for several reasons": (
        orders(
            customer_id=["a", None, "c", " ", "b", "nan", "a", "b", None, "x"],
            ordered_at=["2025-01-01"] * 7 + ["soon", None, "9999-12-31"],
            amount=["1", "2", "inf", "x", "5", "6", "1e12", "8", None, "9"],
        ),
        {},
    ),
    "empty lines": (
        orders(customer_id=["a", None] * 5, ordered_at=["2025-01-01", None] * 5, amount=["1", None] * 5), {},
    ),
    "more than half of one batch, less than half of all": (
        orders(ordered_at=["x", "y", "2025-01-01"] + ["2025-02-01"] * 7), {},
    ),
    "more than half of all": (orders(ordered_at=["03.01.2025"] * 6 + ["2025-02-01"] * 4), {}),
    "signs and commas": (orders(amount=["1"] * 5 + ["2,50", "€3"] + ["4"] * 3), {}),
    "no amounts at all": (orders(amount=["n/a"] * 10), {}),
    "nothing left": (orders(customer_id=[None] * 10), {}),
    "padded ids in several batches": (orders(customer_id=["a ", "b"] * 5), {}),
    "ids with a point": (orders(customer_id=[1.0, 2.0, None, 2.5] + [3.0] * 6), {}),
    "two currencies in two batches": (
        orders(cur=["EUR"] * 4 + ["usd "] + ["EUR"] * 4 + [""]), {"currency": "cur"},
    ),
    "offsets without a zone": (orders(ordered_at=["2025-01-01"] * 5 + ["2025-01-02T10:00:00+01:00"] * 5), {}),
    "offsets with a zone, in other batches": (
        orders(ordered_at=["2025-01-01 10:00:00"] * 4 + ["2025-01-02T23:30:00Z"] * 6), {"time_zone": "Europe/Berlin"},
    ),
    "flags that cannot be read": (orders(off=["yes"] + ["perhaps"] * 5 + ["no"] * 4), {"cancelled": "off"}),
    "no flag at all": (orders(off=["perhaps"] * 10), {"cancelled": "off"}),
    "an expression that fails on some row": (orders(), {"amount": "CAST(ordered_at AS DOUBLE)"}),
    "a constant": (orders(), {"amount": "1"}),
    "a column that is no time": (orders(ordered_at=[True] * 10), {}),
    "observed until, some rows later": (orders(), {"observed_until": "2025-01-08"}),
    "observed until, most rows later": (orders(), {"observed_until": "2025-01-03"}),
    "repeats kept": (pl.concat([orders(), orders()]), {}),
    "repeats dropped": (pl.concat([orders(), orders().head(4), orders()]), {"drop_duplicates": True}),
    "order ids of several customers": (
        orders(number=["1", "2", "3", "1", "1", "3", None, "4", "4", "1"]), {"order_id": "number"},
    ),
    "a day far from all others": (orders(ordered_at=["1990-01-01"] * 2 + [f"2025-01-0{d}" for d in range(1, 9)]), {}),
    "no row": (orders().clear(), {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_both_readers_say_the_same(case: str, tmp_path: Path) -> None:
    frame, arguments = CASES[case]
    agree(frame, tmp_path / "frame", **arguments)
    if not frame.is_empty():
        agree(frame, tmp_path / "one batch", rows_at_once=100, buckets=1, **arguments)
    if case not in {"ids with a point", "a column that is no time"}:
        frame.write_csv(tmp_path / "orders.csv")
        agree(tmp_path / "orders.csv", tmp_path / "text", **arguments)


CELLS = st.one_of(
    st.none(), st.sampled_from(["", "a", "b", " a", "2025-01-01", "2025-01-02T05:00:00Z", "5", "-3", "1,5", "no"])
)


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=12),
    good=st.integers(0, 12),
    drop=st.booleans(),
    zone=st.sampled_from([None, "Europe/Berlin"]),
    rows_at_once=st.integers(1, 13),
)
def test_whatever_the_cells_hold(rows, good, drop, zone, rows_at_once, tmp_path_factory) -> None:
    names = ["customer_id", "ordered_at", "amount", "order_id", "cancelled"]
    fine = [("a", "2025-01-01", "5", "1", "no")] * good
    frame = pl.DataFrame([*rows, *fine], schema=dict.fromkeys(names, pl.String), orient="row")
    agree(
        frame, tmp_path_factory.mktemp("cells"), rows_at_once=rows_at_once, drop_duplicates=drop, time_zone=zone,
        order_id="order_id", cancelled="cancelled",
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [{}, {"drop_duplicates": True}, {"observed_until": "2025-02-01"}], ids=str)
def test_people_to_be_forgotten_are_dropped_as_in_memory(tmp_path: Path, arguments: dict[str, Any]) -> None:
    days = ["2025-01-01", "2025-01-02", "2025-01-02", "2025-01-03", "2025-01-03", "2025-01-09", "soon", "2025-01-08"]
    table = pl.DataFrame(
        {
            "customer_id": [*list("abbcc"), "d ", "b", "b"],
            "ordered_at": days,
            "order_id": list("12233457"),
            "amount": 1.0,
        }
    )
    lines = pl.DataFrame({"order_id": list("12457"), "product_id": ["p"] * 5, "quantity": [1] * 5, "amount": [1.0] * 5})
    events = pl.DataFrame({"customer_id": ["v", "b", "a"], "occurred_at": days[:3], "event": ["view"] * 3})
    sources = {"orders": Source(table, order_id="order_id", **arguments), "events": Source(events)}
    sources["order_lines"] = Source(lines, order_id="order_id")
    gone = pl.Series(["b", "d", "v", "nobody"])
    memory = without_people(read_data(**sources), gone)
    disk = read_data_into_buckets(tmp_path, 3, rows_at_once=2, forget=gone, **sources).shop
    left, right = (data.orders.collect().sort("row_number") for data in (memory, disk))
    assert_frame_equal(left.select(right.columns), right, check_exact=True)
    assert left["customer_id"].unique().sort().to_list() == ["a", "c"]
    for name in ("events", "order_lines"):
        assert_frame_equal(getattr(disk.optional, name).collect(), getattr(memory.optional, name).collect())
    assert_frame_equal(memory.quarantine, disk.quarantine)
    assert disk.report == memory.report
    assert (disk.observed_until, disk.observed_until_given) == (memory.observed_until, memory.observed_until_given)
    kept = [pl.read_parquet(path) for path in tmp_path.rglob("*.parquet")]
    assert {who for rows in kept if "customer_id" in rows.columns for who in rows["customer_id"]} == {"a", "c"}
    everybody = pl.Series(["a", "b", "c", "d"])
    with pytest.raises(DataError, match="nobody is left"):
        read_data_into_buckets(tmp_path / "all", 3, rows_at_once=2, forget=everybody, **sources)
