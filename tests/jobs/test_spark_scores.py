"""Segments on Spark hold whom, in the order and with the words in which, the nightly job's hold them."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import foretell as ft
from boosted_shops import AS_OF, HORIZONS, quick_recipe
from engines.spark_local import frame_of
from foretell.bundles.files import StoredBundle
from foretell.delivery.availability import allowed
from foretell.delivery.ready_segments import shop_segments
from foretell.delivery.run import Counts, Run
from foretell.delivery.segment_toml import read_folder
from foretell.delivery.selection import select_all
from foretell.engines.frame import score_frame
from foretell.errors import ConfigError
from foretell.jobs.bundle_facts import model_facts
from foretell.jobs.segment_inputs import with_features
from foretell.jobs.spark_scores import SegmentMaker
from foretell.scoring.schema import score_columns
from foretell.tables.read_data import read_data
from spark_shops import raw_tables, sources

KEY = "a shop's own text"
READY = ("aov_low", "lookalike_top")
OWN = """
[[segments]]
name = "cart_first"
where = "cart_events_last_90d >= 1 AND profile_country = 'DE'"
exclusive = "calls"
priority = 1
limit = 9
holdout = 0.3
order_by = ["cart_events_last_90d DESC", "days_to_next_order"]

[[segments]]
name = "best_next"
where = "predicted_value_percentile >= 40"
exclusive = "calls"
priority = 2
limit = 25
columns = ["predicted_clv", "predicted_value_percentile", "cart_events_last_90d"]
why = ["Expected {predicted_clv}", "in percent {avg_order_value_percentile}"]

[[segments]]
name = "the_rest"
where = "TRUE"
exclusive = "calls"
priority = 3
holdout = 0.5
order_by = "avg_days_between_orders, churn_risk DESC"

[[segments]]
name = "nobody"
where = "orders > 1000000"
holdout = 0.1
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("definitions")
    (made / "own.toml").write_text(OWN)
    return made


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    """No lines: what is asked for here is in orders, events and attributes."""
    tables = raw_tables()
    return {name: tables[name] for name in ("orders", "events", "customers")}


@pytest.fixture(scope="module")
def data(tables):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_data(**sources(tables))


@pytest.fixture(scope="module")
def stored(data) -> StoredBundle:
    return StoredBundle(quick_recipe().fit(data, AS_OF, HORIZONS), "v1")


@pytest.fixture(scope="module")
def run(data, stored, folder) -> tuple[Run, dict, dict]:
    """What the nightly job selects."""
    segments, problems = shop_segments(read_folder(folder)[0], ready=READY)
    assert not problems
    scored = score_frame(data, stored, AS_OF, explained_customers=0)
    made = Run(
        shop="",
        as_of=AS_OF,
        horizons=HORIZONS,
        currency="EUR",
        scores=scored.scores,
        columns=score_columns(HORIZONS),
        forecast=scored.forecast,
        model=model_facts(stored),
        counts=Counts(0, 0, 0, 0),
    )
    made = with_features(made, data, segments, AS_OF, stored.bundle.statistics)
    on, off = allowed(made, segments)
    return made, {one.segment.name: one for one in select_all(made, on, key=KEY)}, {one.segment.name for one in off}


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:.*no meaning")
def test_segments_are_those_of_the_nightly_job(spark, tables, stored, run, folder, tmp_path: Path) -> None:
    _, selections, off = run
    frames = sources({name: frame_of(spark, rows, tmp_path / name) for name, rows in tables.items()})
    wanted = {"segments": folder, "ready": READY, "segments_key": KEY, "currency": "EUR"}
    out = tmp_path / "out"
    written = ft.write_scores_on_spark(spark, frames, stored, AS_OF, str(out), buckets=2, **wanted)
    told = {one["name"]: one for one in written.manifest["segments"]}
    assert set(told) == set(selections)
    assert set(written.manifest["segments_off"]) == off == {"lookalike_top"}
    assert json.loads((out / "manifest.json").read_bytes())["segments"] == written.manifest["segments"]
    for name, one in selections.items():
        assert (told[name]["customers"], told[name]["held_out"]) == (one.size, one.held_out)
        for part, frame in {"": one.frame, "_holdout": one.holdout_frame}.items():
            place = out / (told[name]["folder"] + part)
            assert place.exists() == (not part or bool(one.segment.holdout))
            if place.exists():
                files = [pl.read_parquet(file) for file in sorted(place.glob("part-*"))]
                found = pl.concat(files)
                assert found.columns == list(frame.columns) == told[name]["columns"]
                assert_frame_equal(found, frame, check_exact=True, check_dtypes=False)
    left = {place.name.removesuffix("_holdout") for place in (out / "segments").glob("*/*")}
    assert left == set(selections), "what files were made of is gone"
    assert sum(one.size for one in selections.values()) > 300
    assert [name for name, one in selections.items() if not one.size] == ["nobody"]


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ('name = "some"\nwhere = "TRUE"\nsample = 0.1', "draws a sample"),
        ('name = "people"\nwhere = "TRUE"\npeople = "prospects"', "people without an order"),
        ('name = "people"\nwhere = "TRUE"\npeople = "everyone"', "people without an order"),
    ],
)
def test_what_a_cluster_cannot_make_is_refused_by_name(definition: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(definition)
    with pytest.raises(ConfigError, match=said):
        ft.write_scores_on_spark(None, None, None, AS_OF, "nowhere", segments=tmp_path)


def test_mistakes_are_said_before_anything_is_read(data, stored, folder, tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('name = "wrong"\nwhere = "chrun_risk > 0.5"')
    nobody = replace(data, orders=data.orders.clear())
    found = shop_segments(read_folder(tmp_path)[0], ready=())[0]
    with pytest.raises(ConfigError, match="chrun_risk"):
        SegmentMaker(found, KEY, None, AS_OF).described(nobody, stored)
    with pytest.raises(ConfigError, match="no folder of segments"):
        ft.write_scores_on_spark(None, None, None, AS_OF, "nowhere", segments=tmp_path / "absent")
    reads = shop_segments(read_folder(folder)[0], ready=())[0]
    without = replace(stored, bundle=replace(stored.bundle, statistics=None))
    with pytest.raises(ConfigError, match="the model was trained without them"):
        SegmentMaker(reads, KEY, None, AS_OF).described(nobody, without)
