"""Time the segments of a large shop: choosing, comparing with the run before, writing; and the memory it takes.

Two runs a month apart, 30 ready segments, holdouts of a tenth. Each step is timed once on the wall and by processor
time, since a shared machine makes the wall clock unsure. Target of the whole publication of 1,000,000 customers, upload
files included: 2 minutes, 3 GB.

Run: ``python tests/bench/bench_segments.py [customers]``; prints Markdown.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from measure import machine, peak_gigabytes

from foretell.delivery import publish as publishing
from foretell.delivery.previous import find_previous
from foretell.delivery.publish import publish
from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.run import Counts, ModelFacts, Run
from foretell.delivery.segment_diff import diff
from foretell.delivery.selection import select_all
from foretell.scoring.schema import score_columns
from foretell.windows import Horizons

SEGMENTS = 30
HORIZONS = Horizons()


def drawn_scores(customers: int, as_of: datetime, *, seed: int, days_later: int = 0) -> pl.DataFrame:
    """Draw scores of a shop in which most customers bought once and many are gone.

    Of the same seed some days later are the same customers, of whom one in 15 ordered in between.
    """
    rng = np.random.default_rng(seed)
    orders = rng.geometric(0.45, customers)
    since = rng.integers(1, 900, customers)
    value = np.round(rng.lognormal(3.5, 0.7, customers), 2)
    if days_later:
        again = rng.random(customers) < 1 / 15
        orders = orders + again
        since = np.where(again, rng.integers(1, days_later + 1, customers), since + days_later)
    alive = np.exp(-since / 250)
    expected = alive * orders * 0.6
    churn = 1 - alive * 0.8
    day = pl.lit(as_of.date())
    frame = pl.DataFrame(
        {"orders": orders, "since": since, "value": value, "alive": alive, "churn": churn, "e": expected}
    )
    expressions = {
        "customer_id": pl.int_range(pl.len()).cast(pl.String).str.pad_start(9, "0"),
        "as_of": pl.lit(as_of),
        "orders": pl.col("orders"),
        "order_rows": pl.col("orders") + 1,
        "first_order_date": day - pl.duration(days=pl.col("since") + 40 * (pl.col("orders") - 1)),
        "last_order_date": day - pl.duration(days=pl.col("since")),
        "days_since_last_order": pl.col("since"),
        "avg_days_between_orders": pl.when(pl.col("orders") > 1).then(40.0),
        "avg_order_value": pl.col("value"),
        "historic_clv": pl.col("value") * pl.col("orders"),
        "predicted_orders_365d": pl.col("e"),
        "predicted_clv_365d": pl.col("e") * pl.col("value"),
        "predicted_clv_365d_low": pl.lit(0.0),
        "predicted_clv_365d_high": pl.col("e") * pl.col("value") * 3,
        "total_clv": pl.col("value") * (pl.col("orders") + pl.col("e")),
        "p_alive": pl.col("alive"),
        "churn_risk_90d": pl.col("churn"),
        "churn_band": pl.when(pl.col("churn") < 0.33).then(pl.lit("low"))
        .when(pl.col("churn") < 0.66).then(pl.lit("medium")).otherwise(pl.lit("high")),
        "p_order_30d": 0.4 * (1 - pl.col("churn")),
        "expected_next_order_date": day + pl.duration(days=5 + pl.col("since") % 200),
        "next_order_date_early": day + pl.duration(days=2),
        "next_order_date_late": day + pl.duration(days=300),
        "overdue": pl.col("since") > 200,
        "clv_percentile": pl.lit(50),
        "churn_percentile": pl.lit(50),
        "reason_1": pl.lit("last order long ago, which lowers the chance of another"),
        "reason_2": pl.lit("ordered often, which raises the value"),
        "reason_3": pl.lit(None),
        "prediction_status": pl.lit("ok"),
        "model_version": pl.lit("bench"),
    }  # fmt: skip
    return frame.select(
        expressions[column.name].cast(column.dtype).alias(column.name) for column in score_columns(HORIZONS)
    )


def drawn_run(customers: int, as_of: datetime, *, seed: int, days_later: int = 0) -> Run:
    """Wrap scores as a run that can be published."""
    weeks = [as_of.date() + timedelta(days=7 * i) for i in range(53)]
    days = [7] * 52 + [1]
    return Run(
        shop="Bench",
        as_of=as_of,
        horizons=HORIZONS,
        currency="EUR",
        scores=drawn_scores(customers, as_of, seed=seed, days_later=days_later),
        columns=score_columns(HORIZONS),
        forecast=pl.DataFrame({"week_starts_on": weeks, "days": days, "expected_orders": [1.0] * 53}),
        model=ModelFacts("bench", as_of),
        counts=Counts(customers, customers, 0, 0),
    )


def timed(work: Callable[[], object]) -> tuple[object, float, float]:
    """Return a result, seconds on the wall, and seconds of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


def main(customers: int) -> None:
    """Measure and print."""
    on_scores = [one for one in ready_segments() if not one.needs and not one.off]
    segments = [replace(one, holdout=one.holdout or 0.1) for one in on_scores][:SEGMENTS]
    # The page has figures to draw and is no part of the question.
    publishing.render_page = lambda *_: ""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        publish(drawn_run(customers, datetime(2026, 10, 1), seed=0), output, segments=segments)
        run = drawn_run(customers, datetime(2026, 11, 1), seed=1)
        selections, *seconds = timed(lambda: select_all(run, segments))
        rows.append(("choose", seconds, f"{sum(one.size for one in selections):,} rows"))
        previous, *seconds = timed(lambda: find_previous(output, run.as_of))
        rows.append(("read the run before", seconds, ""))
        found, *seconds = timed(lambda: diff(run, selections, previous))
        rows.append(("compare", seconds, f"{found.rows.height:,} entered or left"))
        selections, found = (), None
        published, *seconds = timed(lambda: publish(run, output, segments=segments, previous=previous))
        written = sum(file.bytes for file in published.facts) / 1e9
        rows.append(("publish: all of it, and writing", seconds, f"{written:.2f} GB"))
    print(f"{customers:,} customers, {len(segments)} segments. {machine('polars', 'sqlglot')}.\n")
    print("| step | wall s | processor s | |\n| --- | --- | --- | --- |")
    for step, (wall, processor), note in rows:
        print(f"| {step} | {wall:.1f} | {processor:.1f} | {note} |")
    print(f"\nMost memory: {peak_gigabytes():.2f} GB.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
