"""The files of segments, byte by byte: a small shop, two months, reviewed by eye.

After a change that is meant run it with ``FORETELL_WRITE_GOLDEN=1``, and read the difference.
"""

import os
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from foretell.delivery.previous import find_previous
from foretell.delivery.publish import publish
from foretell.delivery.segment_toml import as_segment, read_definitions

GOLDEN = Path(__file__).with_name("golden")
FILES = (
    "segments.csv",
    "segments_diff.csv",
    "segments_power.csv",
    "segments/regulars.csv",
    "segments/regulars_holdout.csv",
    "segments/tier_top.csv",
    "segments/tier_rest.csv",
)
OWN = """
[[segments]]
name = "regulars"
title = "Regulars, \\"=1+1\\" among them; ¡olé!"
where = "orders >= 2 AND churn_risk < 0.6"
action = "Write to them, and\\nsay thanks."
owner = "Anna"
channels = ["email", "post"]
utm = {source = "newsletter", campaign = "regulars"}
holdout = 0.4

[[segments]]
name = "tier_top"
title = "Top"
where = "avg_order_value_percentile > 70"
exclusive = "tiers"
priority = 1
limit = 3
action = "Call."
owner = "Ben"
description = "The best."

[[segments]]
name = "tier_rest"
title = "Rest"
where = "last_order_date >= as_of - INTERVAL '6 months'"
exclusive = "tiers"
priority = 2
action = "Write."
owner = "Ben"
why = ["last order {last_order_date}", "{avg_order_value} per order"]
columns = ["orders"]
"""


def shop(make_run, as_of, shift):
    """Twelve customers whose figures follow from their number, moved on by a month; one has a formula for a name."""
    n = pl.int_range(12)
    ids = pl.Series("customer_id", ["=cmd|x", *(f"c{i:02d}" for i in range(1, 12))])
    scores = make_run(customers=12, as_of=as_of).scores.with_columns(
        ids,
        (1 + (n + shift) % 4).alias("orders"),
        (pl.lit(as_of.date()) - pl.duration(days=20 * n + 5)).alias("last_order_date"),
        (20 * n + 5).cast(pl.Int64).alias("days_since_last_order"),
        (10.5 * (1 + (7 * n + shift) % 12)).alias("avg_order_value"),
        (25.25 * (1 + n)).alias("historic_clv"),
        (0.5 + n / 10).alias("predicted_orders_365d"),
        (12.5 * (1 + (5 * n) % 12)).alias("predicted_clv_365d"),
        ((1 + (n + 2 * shift) % 10) / 12).alias("churn_risk_90d"),
        (0.9 - n / 20).alias("p_order_30d"),
        (pl.lit(as_of.date()) + pl.duration(days=n)).alias("expected_next_order_date"),
    )
    return make_run(customers=12, as_of=as_of, scores=scores.sort("customer_id"))


@pytest.mark.usefixtures("quick")
def test_files_are_those_that_were_reviewed(make_run, tmp_path):
    definitions, problems = read_definitions([("own.toml", OWN.encode())])
    assert problems == []
    segments = [as_segment(definition, {}) for definition in definitions]
    publish(shop(make_run, datetime(2026, 10, 1), 0), tmp_path, segments=segments)
    run = shop(make_run, datetime(2026, 11, 1), 1)
    folder = publish(run, tmp_path, segments=segments, previous=find_previous(tmp_path, run.as_of)).path
    for name in FILES:
        found, golden = (folder / name).read_bytes(), GOLDEN / name
        if os.environ.get("FORETELL_WRITE_GOLDEN"):
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_bytes(found)
        assert found == golden.read_bytes(), name
