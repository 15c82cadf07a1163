"""Publishing: whole or not at all, the same bytes for the same run, nothing when nothing changed."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.delivery.manifest import is_whole
from foretell.delivery.publish import publish
from foretell.delivery.ready_segments import ready_segments
from foretell.errors import ConfigError, GateRefused

VIP = next(segment for segment in ready_segments() if segment.name == "vip")
DATA_FILES = {
    "scores.parquet",
    "scores.csv",
    "data_dictionary.csv",
    "quarantine.csv",
    "report.html",
    "README.txt",
    "segments.csv",
    "segments_diff.csv",
    "segments_power.csv",
    "segment_members.parquet",
    "segments/test_sample_holdout.csv",
    *(f"segments/{segment.name}.csv" for segment in ready_segments() if not segment.needs and not segment.off),
}


@pytest.fixture(scope="module")
def published(run, tmp_path_factory):
    return publish(run, tmp_path_factory.mktemp("out") / "exports")


def test_the_folder_is_named_by_the_day_and_holds_every_file(published, content_of):
    assert published.changed
    assert published.path.name == "2026-11-01"
    assert set(content_of(published.path)) == {*DATA_FILES, "run.json", "manifest.json"} == set(published.files)
    assert sorted(path.name for path in published.path.parent.iterdir()) == ["2026-11-01", "latest.json"]


def test_the_manifest_tells_hash_size_and_rows(published, run, content_of):
    manifest = json.loads((published.path / "manifest.json").read_bytes())
    listed = {file["name"]: file for file in manifest["files"]}
    assert set(listed) == DATA_FILES
    for name, content in content_of(published.path).items():
        if name in listed:
            assert listed[name]["sha256"] == hashlib.sha256(content).hexdigest()
            assert listed[name]["bytes"] == len(content)
    assert listed["scores.csv"]["rows"] == listed["scores.parquet"]["rows"] == run.scores.height
    assert listed["report.html"]["rows"] is None
    assert manifest["as_of"] == "2026-11-01T00:00:00"
    assert manifest["model_version"] == "3f2a9c11d0e4"
    assert len(manifest["inputs"]) == len(manifest["content"]) == 64


def test_the_parquet_file_reads_back_as_the_frame(published, run):
    assert_frame_equal(pl.read_parquet(published.path / "scores.parquet"), run.scores, check_exact=True)


def test_the_csv_reads_back_as_the_frame_to_its_decimals(published, run):
    back = pl.read_csv(published.path / "scores.csv", schema=run.scores.schema)
    exact = pl.selectors.exclude(pl.selectors.float())
    assert_frame_equal(back.select(exact), run.scores.select(exact))
    # half of the last digit that is written, and rounding of halves
    assert_frame_equal(back, run.scores, check_exact=False, rel_tol=0, abs_tol=0.00501)
    four = ["p_alive", "churn_risk_90d", "p_order_30d", "predicted_orders_365d"]
    assert_frame_equal(back.select(four), run.scores.select(four), check_exact=False, rel_tol=0, abs_tol=0.0000501)


def test_segment_files_hold_customers_of_the_scores(published, run):
    for selection in published.selections:
        back = pl.read_csv(published.path / selection.file_name)
        assert back.height == selection.size
        assert back["customer_id"].cast(pl.String).is_in(run.scores["customer_id"].implode()).all()


def test_the_dictionary_describes_every_column_of_every_table(published):
    described = pl.read_csv(published.path / "data_dictionary.csv")
    assert described["meaning"].null_count() == 0
    for path in published.path.rglob("*.csv"):
        name = path.relative_to(published.path).as_posix().removesuffix(".csv")
        if name != "data_dictionary":
            assert pl.read_csv(path).columns == described.filter(pl.col("file") == name)["column"].to_list()


@pytest.mark.usefixtures("quick")
def test_the_quarantine_holds_row_numbers_and_reasons_only(make_run, tmp_path, content_of):
    run = make_run(customers=5)
    personal = run.quarantine.with_columns(pl.lit("jane@mail.test").alias("customer_id"))
    folder = publish(make_run(customers=5, quarantine=personal), tmp_path).path
    back = pl.read_csv(folder / "quarantine.csv")
    assert back.columns == ["row_number", "table", "column", "reason"]
    assert b"jane" not in b"".join(content_of(folder).values())


def test_the_pointer_names_the_newest_folder(published):
    pointer = json.loads((published.path.parent / "latest.json").read_bytes())
    manifest = json.loads((published.path / "manifest.json").read_bytes())
    assert pointer == {
        "as_of": "2026-11-01T00:00:00",
        "content": manifest["content"],
        "folder": "2026-11-01",
        "model_version": "3f2a9c11d0e4",
    }


@pytest.mark.usefixtures("quick")
def test_the_same_run_again_changes_nothing(make_run, tmp_path):
    first = publish(make_run(customers=30), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path != tmp_path}
    again = publish(make_run(customers=30, circumstances={"started": "later"}), tmp_path)
    assert first.changed
    assert not again.changed
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.usefixtures("quick")
def test_the_same_run_is_written_again_if_forced(make_run, tmp_path):
    publish(make_run(customers=30), tmp_path)
    again = publish(make_run(customers=30, circumstances={"started": "later"}), tmp_path, force=True)
    assert again.changed
    assert json.loads((again.path / "run.json").read_bytes())["circumstances"] == {"started": "later"}


def test_equal_runs_give_equal_bytes_but_for_run_json(make_run, tmp_path, published, content_of):
    scores = make_run().scores
    parts = pl.concat([scores[:7], scores[7:]], rechunk=False)
    other = publish(make_run(scores=parts, circumstances={"started": "another day"}), tmp_path)
    here, there = content_of(published.path), content_of(other.path)
    assert here.pop("run.json") != there.pop("run.json")
    assert here == there


@pytest.mark.slow
def test_bytes_do_not_depend_on_threads_chunks_or_the_machine_s_settings(published, tmp_path, content_of):
    program = tmp_path / "again.py"
    program.write_text(
        "import importlib.util, sys, polars as pl\n"
        "spec = importlib.util.spec_from_file_location('runs', sys.argv[1])\n"
        "runs = importlib.util.module_from_spec(spec); spec.loader.exec_module(runs)\n"
        "import matplotlib; matplotlib.rcParams['font.size'] = 30\n"
        "run = runs.make_run()\n"
        "parts = [run.scores[:7], run.scores[7:]]\n"
        "run = runs.make_run(scores=pl.concat(parts, rechunk=False), circumstances={})\n"
        "from foretell.delivery.publish import publish\n"
        "publish(run, sys.argv[2])\n"
    )
    environment = os.environ | {
        "POLARS_MAX_THREADS": "1",
        "PYTHONHASHSEED": "5",
        "LC_ALL": "C.UTF-8",
        "TZ": "Asia/Tokyo",
    }
    conftest = Path(__file__).with_name("conftest.py")
    subprocess.run([sys.executable, program, conftest, tmp_path / "out"], env=environment, check=True)
    here, there = content_of(published.path), content_of(tmp_path / "out" / "2026-11-01")
    del here["run.json"], there["run.json"]
    assert here == there


@pytest.mark.usefixtures("quick")
def test_other_content_replaces_the_folder_whole(make_run, tmp_path):
    publish(make_run(customers=30), tmp_path)
    again = publish(make_run(customers=20), tmp_path, segments=[VIP])
    assert again.changed
    assert is_whole(again.path)
    assert [path.name for path in (again.path / "segments").iterdir()] == ["vip.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-11-01", "latest.json"]


@pytest.mark.parametrize("harm", ["cut", "missing", "added", "manifest"])
@pytest.mark.usefixtures("quick")
def test_a_damaged_folder_is_written_again(make_run, tmp_path, harm, content_of):
    run = make_run(customers=10)
    folder = publish(run, tmp_path).path
    whole = content_of(folder)
    target = {"cut": "scores.csv", "missing": "README.txt", "added": "more.csv", "manifest": "manifest.json"}[harm]
    if harm == "missing":
        (folder / target).unlink()
    else:
        (folder / target).write_bytes(whole.get(target, b"x")[:100] + b"x")
    assert not is_whole(folder)
    assert publish(run, tmp_path).changed
    assert content_of(folder) == whole


@pytest.mark.usefixtures("quick")
def test_another_as_of_makes_a_second_folder_and_moves_the_pointer(make_run, tmp_path):
    publish(make_run(customers=5), tmp_path)
    publish(make_run(customers=5, as_of=datetime(2026, 11, 8)), tmp_path)
    assert json.loads((tmp_path / "latest.json").read_bytes())["folder"] == "2026-11-08"
    assert {path.name for path in tmp_path.iterdir()} == {"2026-11-01", "2026-11-08", "latest.json"}


@pytest.mark.usefixtures("quick")
def test_an_older_as_of_does_not_take_the_pointer(make_run, tmp_path):
    publish(make_run(customers=5), tmp_path)
    older = publish(make_run(customers=5, as_of=datetime(2026, 10, 1)), tmp_path)
    assert older.changed
    assert json.loads((tmp_path / "latest.json").read_bytes())["folder"] == "2026-11-01"


@pytest.mark.usefixtures("quick")
def test_a_pointer_that_was_left_behind_is_mended(make_run, tmp_path):
    run = make_run(customers=5)
    publish(run, tmp_path)
    (tmp_path / "latest.json").write_text("{broken")
    mended = publish(run, tmp_path)
    assert mended.changed
    assert json.loads((tmp_path / "latest.json").read_bytes())["folder"] == "2026-11-01"


@pytest.mark.parametrize(
    ("as_of", "name"),
    [
        (datetime(2026, 11, 1), "2026-11-01"),
        (datetime(2026, 11, 1, 15, 30), "2026-11-01T153000"),
        (datetime(2026, 11, 1, 15, 30, 0, 250), "2026-11-01T153000-000250"),
    ],
)
def test_an_as_of_within_a_day_has_a_folder_of_its_own(make_run, as_of, name):
    assert make_run(customers=1, as_of=as_of).folder_name == name


def test_unsound_scores_and_wrong_segments_write_nothing(make_run, tmp_path):
    run = make_run(customers=5)
    unsound = make_run(customers=5, scores=run.scores.with_columns(pl.lit(2.0).alias("p_alive")))
    with pytest.raises(GateRefused):
        publish(unsound, tmp_path / "out")
    with pytest.raises(ConfigError):
        publish(run, tmp_path / "out", segments=[VIP, VIP])
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("quick")
def test_formulas_in_customer_ids_are_counted_and_told(make_run, tmp_path):
    run = make_run(customers=5)
    scores = run.scores.with_columns(pl.Series("customer_id", ["+1", "-2", "@3", "=4", "five"]).sort())
    folder = publish(make_run(customers=5, scores=scores), tmp_path).path
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert {file["name"]: file["escaped_cells"] for file in manifest["files"]}["scores.csv"] == 4
    assert "text cells began with a sign" in " ".join((folder / "README.txt").read_text().split())
    assert pl.read_parquet(folder / "scores.parquet")["customer_id"].to_list() == sorted(
        ["+1", "-2", "@3", "=4", "five"]
    )
