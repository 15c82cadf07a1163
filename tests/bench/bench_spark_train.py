"""Training on Spark beside training in one piece: the same bundle, and what it costs.

Target: a bundle trained on the same data equal within 1e-9 at 5,000,000 orders, with 1, 8 and 64 partitions.

Run: ``python tests/bench/bench_spark_train.py [customers] [--rungs purchase boosted] [--partitions 1 8 64]
[--processors 2] [--folder DIR]``; prints Markdown. Both read the same Parquet files, judge at the same past cutoffs and
leave a bundle on disk. Processor seconds are those of all processes: driver, Java, Python workers.
"""

import argparse
import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bench_buckets import AS_OF, measured, row, write_orders
from bench_spark import _of_kind
from measure import machine

_COLUMNS = {"order_id": "order_id"}


def local(data: Path, out: Path, rungs: list[str], _partitions: int, _processors: int) -> dict[str, Any]:
    """Train in one piece."""
    import foretell as ft

    start = time.perf_counter()
    orders = ft.read_orders(str(data / "*.parquet"), **_COLUMNS)
    read = time.perf_counter()
    ft.train(orders, as_of=AS_OF, rungs=rungs).save(out)
    return {"read": read - start, "train": time.perf_counter() - read}


def spark(data: Path, out: Path, rungs: list[str], partitions: int, processors: int) -> dict[str, Any]:
    """Train on a local Spark."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    import foretell as ft
    from foretell.training import train_on_spark as room

    start = time.perf_counter()
    session = (
        SparkSession.builder.master(f"local[{processors}]")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.local.dir", str(out.parent / "spark"))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    began = time.perf_counter()
    told: dict[str, Any] = {"start": began - start}
    train_shop = room.train_shop

    def timed(shop: Any, *arguments: Any, **options: Any) -> Any:
        told["count and collect"] = time.perf_counter() - began
        told["rows on the driver"] = shop.data.orders.collect().height
        told["histories"] = shop.population.histories.distinct
        return train_shop(shop, *arguments, **options)

    room.train_shop = timed
    orders = ft.Source(session.read.parquet(str(data / "*.parquet")), **_COLUMNS)
    ft.train_on_spark(session, orders, AS_OF, rungs=rungs, buckets=partitions).save(out)
    told["count, collect and train"] = time.perf_counter() - began
    gateway = SparkContext._gateway
    session.stop()
    gateway.shutdown()
    # Waited for, so that its processor seconds and those of the workers are counted.
    gateway.proc.stdin.close()
    gateway.proc.wait()
    return told


def costs(data: Path, _out: Path, _rungs: list[str], partitions: int, _processors: int) -> dict[str, Any]:
    """What the tasks themselves take on one file, without Spark around them: processor time of each row."""
    import polars as pl
    import pyarrow.parquet as pq

    from foretell.engines.spark.payloads import as_bytes, split_payloads
    from foretell.engines.spark.population import Draw, counted_bucket, drawn_bucket
    from foretell.engines.spark.reading import Account, read_part, read_rows, reader_of

    batches = pq.read_table(min(data.glob("*.parquet"))).to_batches(max_chunksize=10_000)
    rows = sum(batch.num_rows for batch in batches)
    how = {"table": "orders", "source": _COLUMNS, "as_of": AS_OF}
    read = [batch.filter(batch["payload"].is_valid()) for batch in read_rows(iter(batches), how)]
    packed = list(split_payloads(iter(read), partitions))
    nothing = pl.DataFrame(batches[0]).clear()
    reader = reader_of(how, nothing)
    empty = {"orders": as_bytes(read_part(reader, nothing, Account(reader.ledger()), datetime.max))}
    job = {"as_of": AS_OF, "observed_until": None, "empty": empty, "shared": {}, "stable": (), "dropping": ()}
    count = {**job, "cutoffs": ["2025-01-01", "2024-01-02"], "people_at": []}
    samples = ((datetime.fromisoformat(AS_OF), "sample", 200_000), (datetime(2025, 1, 1), "judged", 100_000))
    draw = {**job, "draws": [Draw(at, salt, 10**7, most) for at, salt, most in samples], "customers": 10**7}
    told: dict[str, Any] = {"rows": rows}
    for name, task, asked in (("count", counted_bucket, count), ("draw", drawn_bucket, draw)):
        start = time.process_time()
        told[f"{name}, rows out"] = sum(
            out.num_rows for number in range(partitions) for out in task(_of_kind(packed, number), asked)
        )
        told[f"{name}, microseconds a row"] = round(1e6 * (time.process_time() - start) / rows, 2)
    return told


def equal(one: Path, other: Path) -> str:
    """Compare every file of two bundles."""
    names = sorted(file.name for file in one.iterdir())
    if names != sorted(file.name for file in other.iterdir()):
        return "OTHER FILES"
    different = [name for name in names if (one / name).read_bytes() != (other / name).read_bytes()]
    return f"DIFFERENT: {', '.join(different)}" if different else "the same bytes"


def main(options: argparse.Namespace, folder: Path) -> None:
    """Print the table."""
    import polars as pl

    data = folder / f"orders-{options.customers}"
    if not data.exists():
        write_orders(data, options.customers, options.orders_per_customer)
    rows = pl.scan_parquet(data / "*.parquet").select(pl.len()).collect().item()

    def child(mode: str, out: Path, partitions: int = 0) -> tuple[float, float, float, dict[str, Any]]:
        asked = (str(data), str(out), ",".join(options.rungs), str(partitions), str(options.processors))
        # Trees and fits take what a training takes everywhere; workers set their own to one.
        environment = {
            "POLARS_MAX_THREADS": str(options.processors), "OMP_NUM_THREADS": "1", "PYSPARK_PYTHON": sys.executable,
        }  # fmt: skip
        wall, processor, peak, printed = measured(sys.executable, __file__, "--child", mode, *asked, env=environment)
        return wall, processor, peak, json.loads(printed.splitlines()[-1])

    print(machine("polars", "pyspark"))
    print(f"\n| {rows:,} orders, {', '.join(options.rungs)} | wall time | processor time | largest process |")
    print("| --- | ---: | ---: | ---: |")
    here = folder / f"{data.name}-{'-'.join(options.rungs)}-local"
    wall, processor, peak, told = child("local", here)
    row("one piece", wall, processor, peak)
    _stages(told)
    print(f"| tasks alone, in 8 buckets: {child('costs', here, 8)[3]} | | | |", flush=True)
    for partitions in options.partitions:
        there = folder / f"{data.name}-{'-'.join(options.rungs)}-spark-{partitions}"
        wall, processor, peak, told = child("spark", there, partitions)
        row(f"Spark, local[{options.processors}], {partitions} partitions: {equal(here, there)}", wall, processor, peak)
        _stages(told)


def _stages(told: dict[str, Any]) -> None:
    print(f"| stages: {', '.join(f'{name} {value:,.0f}' for name, value in told.items())} | | | |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        mode, rows_of, made, names, partitions, processors = sys.argv[2:]
        run = {"local": local, "spark": spark, "costs": costs}[mode]
        print(json.dumps(run(Path(rows_of), Path(made), names.split(","), int(partitions), int(processors))))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("customers", type=int, nargs="?", default=500_000)
        parser.add_argument("--orders-per-customer", type=int, default=10)
        parser.add_argument("--rungs", nargs="+", default=["purchase"])
        parser.add_argument("--partitions", type=int, nargs="*", default=[1, 8, 64])
        parser.add_argument("--processors", type=int, default=2)
        parser.add_argument("--folder", type=Path, required=True)
        given = parser.parse_args()
        given.folder.mkdir(parents=True, exist_ok=True)
        main(given, given.folder.resolve())
