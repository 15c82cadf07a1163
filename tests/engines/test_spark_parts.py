"""The parts of Spark scoring that need no Spark: ranks by counts, columns by name, bundles on their way, accounts."""

import inspect
import zipfile
from datetime import datetime
from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.bundles.files import save_bundle
from foretell.engines.spark import scoring, tasks
from foretell.engines.spark.ranks import CELL_BITS, _crossed, _steps
from foretell.engines.spark.rows import OrdersReader
from foretell.engines.spark.scoring import bucket_schema, rank_key
from foretell.errors import BundleError, ClusterMismatch
from foretell.scoring.ranks import percentile
from foretell.tables.ledger import OrderLedger

pytest.importorskip("pyarrow", reason="the extra 'spark' is not installed")


def by_counts(values: pl.Series) -> pl.Series:
    """The percentiles that Spark's counts lead to, computed from the same counts by polars."""
    keys = pl.DataFrame({"key": rank_key(values)}).drop_nulls().with_columns(cell=pl.col("key").map_batches(_cell))
    cells = keys.group_by("cell").len().sort("cell")
    cell, rows = cells["cell"].to_numpy(), cells["len"].cast(pl.Int64).to_numpy()
    near = keys.filter(pl.col("cell").is_in(cell[_crossed(rows)].tolist())).group_by("key").len().sort("key")
    steps = _steps(cell, rows, near["key"].to_numpy(), near["len"].cast(pl.Int64).to_numpy())
    if not steps:
        return pl.Series([None] * values.len(), dtype=pl.Int64)
    first, told = (np.array(column) for column in zip(*steps, strict=True))
    key = rank_key(values)
    place = np.searchsorted(first, key.fill_null(first[0]).to_numpy(), side="right") - 1
    return pl.Series(told[place]).set(key.is_null(), None)


def _cell(keys: pl.Series) -> pl.Series:
    return pl.Series(keys.to_numpy() >> CELL_BITS)


def ranked(values: pl.Series) -> pl.Series:
    return percentile(values)


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1.0, 1.0 + 1e-12])), max_size=300)
)
def test_percentiles_by_counts_are_the_ranks(values: list[float | None]) -> None:
    series = pl.Series(values, dtype=pl.Float64)
    assert by_counts(series).to_list() == ranked(series).to_list()


@pytest.mark.parametrize("size", [1, 99, 100, 101, 300, 20_000])
def test_percentiles_by_counts_of_values_as_scores_are(size: int) -> None:
    rng = np.random.default_rng(size)
    many = pl.Series(np.where(rng.random(size) < 0.3, 0.0, rng.lognormal(3, 1, size)))
    close = pl.Series(1 - rng.random(size) * 1e-4)
    for values in (many, close, pl.Series([0.5] * size), pl.Series(np.arange(size, dtype=float))):
        assert by_counts(values).to_list() == ranked(values).to_list()


def test_few_cells_are_looked_at_one_by_one() -> None:
    rng = np.random.default_rng(0)
    _, rows = np.unique(rank_key(pl.Series(rng.lognormal(3, 1, 200_000))).to_numpy() >> CELL_BITS, return_counts=True)
    assert _crossed(rows).sum() <= 99
    assert rows[_crossed(rows)].sum() < 0.01 * rows.sum()


def test_columns_go_to_spark_by_name_whatever_their_order(bundle) -> None:
    schema = bucket_schema(bundle.horizons)
    turned = pl.DataFrame(schema=dict(reversed(schema.items()))).clear(n=2)
    batches = list(scoring._sent(turned, schema))
    assert [batch.schema.names for batch in batches] == [list(schema)]
    counted = turned.with_columns(
        orders=pl.lit(3, pl.UInt32), as_of=pl.lit(datetime(2025, 1, 1)).cast(pl.Datetime("ns"))
    )
    types = dict(zip(schema, (str(kind) for kind in next(scoring._sent(counted, schema)).schema.types), strict=True))
    assert types["orders"] == "int64"
    assert types["as_of"] == "timestamp[us]"


def test_ledgers_of_partitions_add_up_to_that_of_all_rows() -> None:
    rows = pl.DataFrame(
        {
            "customer_id": ["a", " ", "b", None, "c", "d", "e", "e"] * 15,
            "ordered_at": [
                "2025-01-01",
                "2025-01-02",
                "never",
                "2025-01-03",
                "2020-01-04",
                "2025-02-01",
                "2025-01-05",
                "2025-01-06",
            ]
            * 15,
            "amount": ["1", "2", "3", "4", "5", "6", "x", "8"] * 15,
            "currency": ["eur", "EUR", "usd", None, "EUR", "usd", "EUR", "usd"] * 15,
        }
    )
    source = {"currency": "currency", "observed_until": "2025-01-31"}
    reader = OrdersReader.of(source, rows)
    whole, sums = reader.ledger(), reader.ledger()
    whole.add(rows, reader.parsed(rows))
    for start, count in ((0, 7), (7, 60), (67, 53)):
        part: OrderLedger = reader.ledger()
        mine = rows.slice(start, count)
        part.add(mine, reader.parsed(mine))
        sums.absorb(part.state(), part.quarantine())
    assert sums.quarantine().equals(whole.quarantine())
    assert sums.reasons() == whole.reasons()
    assert (sums.rows_in, sums.used, sums.late, sums.last) == (whole.rows_in, whole.used, whole.late, whole.last)
    assert sums.currencies() == whole.currencies() != ()
    assert sums.notes() == whole.notes()
    assert sums.day_notes() == whole.day_notes() != ()


def packed_bundle(bundle, folder: Path) -> tuple[Path, str]:
    version = save_bundle(bundle, folder / "bundle")
    archive = folder / "bundle.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in (folder / "bundle").iterdir():
            packed.write(file, file.name)
    return archive, version


def test_a_worker_checks_the_bundle_that_it_received(bundle, tmp_path: Path) -> None:
    archive, version = packed_bundle(bundle, tmp_path)
    assert scoring._unpacked_bundle(str(archive), version).version == version
    with pytest.raises(BundleError, match="received bundle"):
        scoring._unpacked_bundle(str(archive), "another")
    (tmp_path / "bundle" / "card.json").write_bytes(b"{}")
    with zipfile.ZipFile(tmp_path / "changed.zip", "w") as packed:
        for file in (tmp_path / "bundle").iterdir():
            packed.write(file, file.name)
    with pytest.raises(BundleError, match=r"card\.json changed"):
        scoring._unpacked_bundle(str(tmp_path / "changed.zip"), version)
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as packed:
        packed.writestr("../../escaped.txt", "x")
    with pytest.raises(BundleError):
        scoring._unpacked_bundle(str(tmp_path / "foreign.zip"), version)
    assert not list(tmp_path.parent.rglob("escaped.txt"))


def test_a_worker_with_other_libraries_stops() -> None:
    ours = tasks.versions_here()
    with pytest.raises(ClusterMismatch, match=r"polars 0\.1 on the driver, .* on a worker") as stopped:
        next(tasks.run(iter([]), task="split", buckets=1, versions={**ours, "polars": "0.1"}))
    assert "numpy" not in str(stopped.value)


def test_every_task_is_a_function_of_batches() -> None:
    for place in tasks.TASKS.values():
        module, name = place.split(".")
        function = getattr(import_module(f"foretell.engines.spark.{module}"), name)
        assert next(iter(inspect.signature(function).parameters)) == "batches"
