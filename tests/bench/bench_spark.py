"""Spark on this machine beside the local bucket engine: the same scores, and what they cost.

Targets: scores equal within 1e-9 at 5,000,000 orders with 1, 8 and 64 partitions; at most 2.5 times the time of the
bucket engine at 50,000,000 orders; cost per partition flat from 5 to 50 million.

Run: ``python tests/bench/bench_spark.py [customers] [--partitions 1 8 64] [--processors 2] [--folder DIR]
[--segments]``; prints Markdown. Both engines read the same Parquet files and leave scores on disk, without reasons;
nothing is published. With ``--segments`` Spark writes the ten ready segments of bench_buckets too, one of them by a
feature, and they are compared with what the nightly job chooses of the bucket engine's scores: members, order, columns,
words, who is held out.
Data and model are made once in the folder and used again. Processor seconds are those of all processes: driver, Java,
Python workers.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bench_buckets import AS_OF, READY, measured, row, write_orders
from measure import machine

_COLUMNS = {"order_id": "order_id"}
_SEGMENTS = {"ready": READY, "holdout": 0.1, "segments_key": "bench", "currency": "EUR"}


def local(folder: Path, data: Path, _partitions: int, _processors: int) -> dict[str, Any]:
    """Read into buckets and score them, one after the other."""
    from foretell.bundles.files import load_bundle
    from foretell.engines.buckets import score_buckets
    from foretell.engines.sizes import sizes_for
    from foretell.models.optimise import one_algebra_thread
    from foretell.tables.read_buckets import read_data_into_buckets
    from foretell.tables.source import Source

    start = time.perf_counter()
    source = Source(str(data / "*.parquet"), **_COLUMNS)
    sizes = sizes_for(2_000_000_000, rows=json.loads((data / "rows.json").read_text()), columns=4)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        shop = read_data_into_buckets(Path(made), sizes.buckets, rows_at_once=sizes.rows_at_once, orders=source)
        read = time.perf_counter()
        with one_algebra_thread():
            scored = score_buckets(
                shop, load_bundle(folder / "bundle"), AS_OF, Path(made) / "out", explained_customers=0
            )
        done = time.perf_counter()
        out = folder / f"{data.name}-local.parquet"
        scored.scores.lazy().sink_parquet(out)
    return {"read": read - start, "score and rank": done - read, "customers": scored.scores.height}


def segments(folder: Path, data: Path, _partitions: int, _processors: int) -> dict[str, Any]:
    """Choose the segments of the bucket engine's scores as the nightly job does."""
    import polars as pl

    import foretell as ft
    from foretell.bundles.files import load_bundle
    from foretell.delivery.availability import allowed
    from foretell.delivery.ready_segments import shop_segments
    from foretell.delivery.run import Counts, Run
    from foretell.delivery.selection import select_all
    from foretell.jobs.bundle_facts import model_facts
    from foretell.jobs.segment_inputs import with_features
    from foretell.scoring.schema import score_columns

    stored, as_of = load_bundle(folder / "bundle"), datetime.fromisoformat(AS_OF)
    horizons = stored.bundle.horizons
    run = Run(
        shop="Bench",
        as_of=as_of,
        horizons=horizons,
        currency=_SEGMENTS["currency"],
        scores=pl.read_parquet(folder / f"{data.name}-local.parquet"),
        columns=score_columns(horizons),
        forecast=pl.DataFrame(),
        model=model_facts(stored),
        counts=Counts(0, 0, 0, 0),
    )
    wanted, _ = shop_segments((), ready=_SEGMENTS["ready"], holdout=_SEGMENTS["holdout"])
    orders = ft.read_orders(str(data / "*.parquet"), **_COLUMNS)
    run = with_features(run, orders, wanted, as_of, stored.bundle.statistics)
    out = folder / f"{data.name}-segments"
    out.mkdir(exist_ok=True)
    told = {}
    for one in select_all(run, allowed(run, wanted)[0], key=_SEGMENTS["segments_key"]):
        told[one.segment.name] = one.size
        one.frame.write_parquet(out / f"{one.segment.name}.parquet")
        one.holdout_frame.write_parquet(out / f"{one.segment.name}_holdout.parquet")
    return {"customers": run.scores.height, "members": told}


def spark(folder: Path, data: Path, partitions: int, processors: int, wanted: bool = False) -> dict[str, Any]:
    """Score on a local Spark, and write the folder that a cluster would write."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    import foretell as ft

    start = time.perf_counter()
    session = (
        SparkSession.builder.master(f"local[{processors}]")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.local.dir", str(folder / "spark"))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    began = time.perf_counter()
    orders = ft.Source(session.read.parquet(str(data / "*.parquet")), **_COLUMNS)
    out = folder / f"{data.name}-spark-{partitions}{'-segments' if wanted else ''}"
    asked = _SEGMENTS if wanted else {}
    written = ft.write_scores_on_spark(session, orders, folder / "bundle", AS_OF, str(out), buckets=partitions, **asked)
    done = time.perf_counter()
    gateway = SparkContext._gateway
    session.stop()
    gateway.shutdown()
    # Waited for, so that its processor seconds and those of the workers are counted.
    gateway.proc.stdin.close()
    gateway.proc.wait()
    return {"start": began - start, "score and write": done - began, "customers": written.manifest["customers"]}


def costs(folder: Path, data: Path, _partitions: int, _processors: int) -> dict[str, Any]:
    """What the tasks themselves take, without Spark around them: processor time and bytes of each row."""
    import polars as pl
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from foretell.bundles.files import load_bundle
    from foretell.engines.spark import scoring
    from foretell.engines.spark.lines import placed_lines, split_order_digests
    from foretell.engines.spark.payloads import as_bytes, split_payloads
    from foretell.engines.spark.reading import Account, read_part, read_rows, reader_of

    stored = load_bundle(folder / "bundle")
    scoring.bundle_of = lambda _job: stored
    batches = pq.read_table(min(data.glob("*.parquet"))).to_batches(max_chunksize=10_000)
    rows = sum(batch.num_rows for batch in batches)
    told: dict[str, Any] = {"rows": rows}

    def timed(name: str, run: Any) -> list[Any]:
        start = time.process_time()
        found = list(run())
        told[f"{name}, microseconds a row"] = round(1e6 * (time.process_time() - start) / rows, 2)
        return found

    how = {"table": "orders", "source": _COLUMNS, "as_of": AS_OF}
    read = timed("read", lambda: read_rows(iter(batches), how))
    kept = [batch.filter(pc.is_valid(batch.column(0))) for batch in read]
    told["read, bytes a row"] = round(sum(batch.nbytes for batch in kept) / rows, 1)
    buckets = max(rows // 500_000, 1)
    packed = timed("pack", lambda: split_payloads(iter(kept), buckets))
    told["packed, bytes a row"] = round(sum(batch.nbytes for batch in packed) / rows, 1)
    digests = timed("pack order ids", lambda: split_order_digests(iter(kept), 1))
    told["order ids, bytes a row"] = round(sum(batch.nbytes for batch in digests) / rows, 1)
    timed("count order ids", lambda: placed_lines(_of_kind(digests, 0), {"observed_until": None}))
    nothing = pl.DataFrame(batches[0]).clear()
    reader = reader_of(how, nothing)
    empty = {"orders": as_bytes(read_part(reader, nothing, Account(reader.ledger()), datetime.max))}
    job = {"as_of": AS_OF, "observed_until": None, "empty": empty, "shared": {}, "stable": (), "dropping": (),
           "described": None}  # fmt: skip
    scored = timed(
        "score", lambda: (out for mine in range(buckets) for out in scoring.scored_bucket(_of_kind(packed, mine), job))
    )
    customers = sum(batch.num_rows for batch in scored)
    told["customers"] = customers
    told["scores, bytes a customer"] = round(sum(batch.nbytes for batch in scored) / customers, 1)
    return told


def _of_kind(batches: list[Any], bucket: int) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in batches:
        mine = batch.filter(pc.equal(batch.column(0), bucket))
        yield mine.append_column("kind", pa.array(["orders"] * mine.num_rows))


def train(folder: Path, data: Path, _partitions: int, _processors: int) -> dict[str, Any]:
    """Fit a purchase rung to some of the customers."""
    import foretell as ft

    orders = ft.read_orders(str(data / "*.parquet"), **_COLUMNS)
    ft.train(orders, as_of=AS_OF, rungs=("purchase",)).save(folder / "bundle")
    return {}


def spark_segments(folder: Path, data: Path, partitions: int, processors: int) -> dict[str, Any]:
    """Score on a local Spark, and write segments too."""
    return spark(folder, data, partitions, processors, wanted=True)


def equal_segments(folder: Path, data: Path, partitions: int) -> str:
    """Compare every row of every segment, in its order."""
    import polars as pl

    out, here = folder / f"{data.name}-spark-{partitions}-segments", folder / f"{data.name}-segments"
    told = {one["name"]: one["folder"] for one in json.loads((out / "manifest.json").read_text())["segments"]}
    names = sorted(file.stem for file in here.glob("*.parquet"))
    different, rows = [], 0
    if set(told) != {name.removesuffix("_holdout") for name in names}:
        return "OTHER SEGMENTS"
    for name in names:
        one = pl.read_parquet(here / f"{name}.parquet")
        place = out / (told[name.removesuffix("_holdout")] + ("_holdout" if name.endswith("_holdout") else ""))
        files = [pl.read_parquet(file) for file in sorted(place.glob("part-*"))]
        other = pl.concat(files) if files else one.clear()
        rows += one.height
        if one.columns != other.columns or not one.equals(other.cast(dict(one.schema))):
            different.append(name)
    return f"DIFFERENT: {', '.join(different)}" if different else f"{len(told)} segments equal, {rows:,} rows"


def equal(folder: Path, data: Path, partitions: int, suffix: str = "") -> str:
    """Compare every column of every customer."""
    import polars as pl

    one = pl.scan_parquet(folder / f"{data.name}-local.parquet").collect().sort("customer_id")
    out = folder / f"{data.name}-spark-{partitions}{suffix}"
    place = out / json.loads((out / "manifest.json").read_text())["scores"]
    other = (
        pl.scan_parquet(place / "*.parquet").collect().sort("customer_id").select(one.columns).cast(dict(one.schema))
    )
    if one.equals(other):
        return "bit for bit"
    reals = [name for name, dtype in one.schema.items() if dtype == pl.Float64]
    same = one.drop(reals).equals(other.drop(reals))
    worst = max(float((one[name] - other[name]).abs().max() or 0.0) for name in reals)
    return f"largest difference {worst:.1e}, other columns {'equal' if same else 'DIFFER'}"


def main(options: argparse.Namespace, folder: Path) -> None:
    """Print the table."""
    import polars as pl

    for customers in {options.customers, min(options.customers, 20_000)}:
        data = folder / f"orders-{customers}"
        if not data.exists():
            write_orders(data, customers, options.orders_per_customer)
            rows = pl.scan_parquet(data / "*.parquet").select(pl.len()).collect().item()
            (data / "rows.json").write_text(json.dumps(rows))

    def child(mode: str, data: Path, partitions: int = 0) -> tuple[float, float, float, dict[str, Any]]:
        asked = (str(folder), str(data), str(partitions), str(options.processors))
        threads = "1" if mode in {"spark", "spark_segments", "costs"} else str(options.processors)
        environment = {"POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": "1", "PYSPARK_PYTHON": sys.executable}
        wall, processor, peak, printed = measured(sys.executable, __file__, "--child", mode, *asked, env=environment)
        return wall, processor, peak, json.loads(printed.splitlines()[-1])

    if not (folder / "bundle").exists():
        child("train", folder / f"orders-{min(options.customers, 20_000)}")
    data = folder / f"orders-{options.customers}"
    print(machine("polars", "pyspark"))
    print(
        f"\n| {json.loads((data / 'rows.json').read_text()):,} orders | wall time | processor time | largest process |"
    )
    print("| --- | ---: | ---: | ---: |")
    wall, processor, peak, told = child("local", data)
    row(f"bucket engine, {told['customers']:,} customers", wall, processor, peak)
    _stages(told)
    print(f"| tasks alone: {child('costs', data)[3]} | | | |", flush=True)
    mode, suffix = ("spark_segments", "-segments") if options.segments else ("spark", "")
    if options.segments:
        wall, processor, peak, told = child("segments", data)
        row(f"segments in one piece, members: {told.pop('members')}", wall, processor, peak)
    for partitions in options.partitions:
        wall, processor, peak, told = child(mode, data, partitions)
        scores = equal(folder, data, partitions, suffix)
        if options.segments:
            scores += f"; {equal_segments(folder, data, partitions)}"
        row(f"Spark, local[{options.processors}], {partitions} partitions: {scores}", wall, processor, peak)
        _stages(told)


def _stages(told: dict[str, Any]) -> None:
    stages = (f"{name} {value:,.0f} s" for name, value in told.items() if name != "customers")
    print(f"| stages: {', '.join(stages)} | | | |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        mode, made, rows_of, partitions, processors = sys.argv[2:]
        modes = (local, spark, spark_segments, segments, train, costs)
        run = next(one for one in modes if one.__name__ == mode)
        told = run(Path(made), Path(rows_of), int(partitions), int(processors))
        print(json.dumps(told))
        sys.exit()
    parser = argparse.ArgumentParser()
    parser.add_argument("customers", type=int, nargs="?", default=500_000)
    parser.add_argument("--orders-per-customer", type=float, default=10.0)
    parser.add_argument("--partitions", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--processors", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--segments", action="store_true")
    given = parser.parse_args()
    if given.folder is not None:
        main(given, given.folder.resolve())
    else:
        with tempfile.TemporaryDirectory() as made_here:
            main(given, Path(made_here))
