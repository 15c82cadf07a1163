"""A fingerprint is that of the rows: not of their order, chunks or process, and of every cell."""

import os
import subprocess
import sys
from datetime import date, datetime

import polars as pl
import pytest

from foretell.tables.fingerprint import fingerprint_of, fingerprint_of_parts, table_digests
from foretell.tables.optional_tables import OptionalTables

ROWS = {
    "customer_id": ["a", "b", "b", "long enough to lie outside of the view"],
    "ordered_at": [datetime(2025, 1, day) for day in (1, 2, 2, 3)],
    "amount_minor": [0, None, 5, 5],
    "order_id": ["", None, "1", "1"],
    "cancelled": [True, False, None, None],
}
SCHEMA = {
    "customer_id": pl.String, "ordered_at": pl.Datetime("us"), "amount_minor": pl.Int64, "order_id": pl.String,
    "cancelled": pl.Boolean,
}  # fmt: skip
OTHER = {"customer_id": "c", "ordered_at": datetime(2025, 1, 4), "amount_minor": 1, "order_id": "x", "cancelled": True}


def of(rows: pl.DataFrame) -> str:
    return fingerprint_of(rows.lazy(), OptionalTables())


def test_order_and_chunks_do_not_matter():
    rows = pl.DataFrame(ROWS, schema=SCHEMA)
    pieces = pl.concat([rows[2:], rows[:1], rows[1:2]], rechunk=False)
    assert of(pieces) == of(rows) == of(rows.reverse())


def test_every_cell_matters_and_nothing_is_not_empty_or_zero():
    rows = pl.DataFrame(ROWS, schema=SCHEMA)
    found = {}
    for name, dtype in SCHEMA.items():
        for place in range(rows.height):
            for value in (OTHER[name], None, {"amount_minor": 0, "order_id": ""}.get(name)):
                cells = [value if i == place else cell for i, cell in enumerate(rows[name])]
                changed = rows.with_columns(pl.Series(name, cells, dtype=dtype))
                found[tuple(sorted(map(repr, changed.rows())))] = of(changed)
    assert len(set(found.values())) == len(found) > 40


def test_rows_count_as_often_as_they_are_there():
    rows = pl.DataFrame(ROWS, schema=SCHEMA)
    assert len({of(rows), of(pl.concat([rows, rows])), of(rows.head(3)), of(rows.clear())}) == 4
    assert of(rows.drop("cancelled")) != of(rows.with_columns(cancelled=pl.lit(None, pl.Boolean)))


def test_a_value_belongs_to_its_column_and_to_its_row():
    rows = pl.DataFrame(ROWS, schema=SCHEMA).drop_nulls("order_id")
    exchanged = rows.with_columns(customer_id="order_id", order_id="customer_id")
    turned = rows.with_columns(pl.col("order_id").reverse())
    assert len({of(rows), of(exchanged), of(turned)}) == 3


def test_another_process_says_the_same():
    program = "import test_fingerprint as t, polars as pl; print(t.of(pl.DataFrame(t.ROWS, schema=t.SCHEMA)))"
    paths = os.pathsep.join([os.path.dirname(__file__), *sys.path])  # noqa: PTH120  a plain text is wanted
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": paths, "POLARS_MAX_THREADS": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == of(pl.DataFrame(ROWS, schema=SCHEMA))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (pl.Series([1, 2], dtype=pl.UInt16), pl.Series([1, 2], dtype=pl.Int64), True),
        (pl.Series(["a", "b"], dtype=pl.Categorical), pl.Series(["a", "b"]), True),
        (pl.Series(["a", "b"], dtype=pl.Enum(["b", "a"])), pl.Series(["a", "b"]), True),
        (pl.Series([datetime(2025, 1, 1)] * 2, dtype=pl.Datetime("ms")), pl.Series([datetime(2025, 1, 1)] * 2), True),
        (pl.Series([1, 2]), pl.Series([1.0, 2.0]), False),
        (pl.Series([1, 2]), pl.Series([1, 3]), False),
    ],
)
def test_attributes_are_the_same_in_every_width_that_a_source_gives_them(one, other, same) -> None:
    def made(tier: pl.Series) -> str:
        people = pl.DataFrame({"customer_id": ["a", "b"], "tier": tier})
        tables = OptionalTables(customers=people.lazy(), stable_attributes=("tier",))
        return fingerprint_of(pl.DataFrame(ROWS, schema=SCHEMA).lazy(), tables)

    assert (made(one) == made(other)) is same


def test_parts_of_all_tables_are_the_whole() -> None:
    orders = pl.DataFrame(ROWS, schema=SCHEMA)
    events = pl.DataFrame({"customer_id": ["a", "b", "c"], "event": ["view", "cart", None]})
    calendar = pl.DataFrame({"event": ["sale"], "starts_on": [date(2025, 1, 1)], "ends_on": [date(2025, 1, 2)]})

    def tables(rows: pl.DataFrame) -> OptionalTables:
        return OptionalTables(events=rows.lazy(), calendar=calendar)

    parts = [
        table_digests(orders.head(1).lazy(), tables(events.clear())),
        table_digests(orders.slice(1).lazy(), tables(events.head(2))),
        table_digests(orders.clear().lazy(), tables(events.tail(1))),
    ]
    whole = fingerprint_of(orders.lazy(), tables(events))
    assert fingerprint_of_parts(parts) == whole
    assert fingerprint_of_parts(parts[:2]) != whole
