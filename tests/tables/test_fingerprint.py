"""A fingerprint is that of the rows: not of their order, chunks or process, and of every cell."""

import os
import subprocess
import sys
from datetime import datetime

import polars as pl

from foretell.tables.fingerprint import fingerprint_of
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
