"""Review: published runs read back, judged, written once, tracked, and shown by the next report."""

import json
import shutil

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.jobs.review import review
from foretell.jobs.score import score
from foretell.tracking.mlflow_tracker import MlflowTracker


@pytest.fixture(scope="module")
def reviewed_shop(trained_shop, tmp_path_factory):
    """A shop with two published runs of the past, and one of today that is not whole any more."""
    folder = tmp_path_factory.mktemp("review") / "shop"
    shutil.copytree(trained_shop, folder)
    return folder


@pytest.fixture(scope="module")
def settings(reviewed_shop, trained_shop, shop_settings):
    text = shop_settings.model_dump_json().replace(str(trained_shop), str(reviewed_shop))
    found = Settings.model_validate_json(text)
    for as_of in ("2025-08-01", "2025-09-01", "2025-12-20"):
        score(found, as_of=as_of)
    return found


def test_runs_whose_windows_ended_are_judged_and_the_next_report_says_so(settings):
    early = score(settings, as_of="2025-08-15")
    assert "What earlier runs said" not in (early.folder / "report.html").read_text(encoding="utf-8")
    shutil.rmtree(early.folder)
    first = review(settings)
    assert (first.runs, first.changed, first.broken) == (3, True, ())
    judged = first.review.totals
    assert judged["cutoff"].dt.to_string("%Y-%m-%d").unique().sort().to_list() == ["2025-08-01", "2025-09-01"]
    orders = pl.read_csv(settings.data.orders.path)
    window = orders.filter(pl.col("when").str.slice(0, 10).is_between(pl.lit("2025-08-01"), pl.lit("2025-10-29")))
    known = pl.read_parquet(settings.folders.output / "2025-08-01" / "scores.parquet")["customer_id"]
    actual = judged.filter(pl.col("target") == "orders")["actual"][0]
    # purchases, by hand, but for those that were refunded whole
    bought = window.filter(pl.col("who").is_in(known.implode()), pl.col("total") > 0)
    days = bought.select("who", pl.col("when").str.slice(0, 10)).unique().height
    assert 0.95 * days <= actual <= days
    lines = "\n".join(first.lines())
    assert "2025-08-01, 90 days: orders: said " in lines
    assert "churn band high: " in lines
    assert "clv gini: " in lines
    assert "private.example" not in lines + json.dumps(first.as_dict(), default=str)
    assert {path.name for path in first.folder.iterdir()} == {
        "review.json", "totals.csv", "table.csv", "deciles.csv", "calibration.csv", "bands.csv", "trend.csv",
        "skipped.csv",
    }  # fmt: skip
    assert not review(settings).changed

    seen = score(settings, as_of="2025-12-21")
    report = (seen.folder / "report.html").read_text(encoding="utf-8")
    assert "What earlier runs said, and what happened" in report
    assert f"<span>{actual:,.0f}</span>" in report
    # what was not known yet is not shown to a run of then
    again = score(settings, as_of="2025-10-31")
    report = (again.folder / "report.html").read_text(encoding="utf-8")
    assert report.count('<th scope="row">2025-08-01</th>') == 4
    assert '<th scope="row">2025-09-01</th><td data-label="About"><span>orders' not in report
    assert not score(settings, as_of="2025-12-21").changed


def test_a_run_that_was_changed_by_hand_is_not_read(settings):
    folder = settings.folders.output / "2025-09-01"
    with (folder / "scores.parquet").open("ab") as file:
        file.write(b"x")
    found = review(settings, dry_run=True)
    assert found.broken == ("2025-09-01",)
    assert "left out: 2025-09-01 was changed" in "\n".join(found.lines())


def test_nothing_to_judge_is_said_and_nothing_written(settings, tmp_path):
    folders = settings.folders.model_copy(update={"output": tmp_path / "none"})
    found = review(settings.model_copy(update={"folders": folders}))
    assert "No window has ended yet" in "\n".join(found.lines())
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_a_review_is_a_run_in_mlflow_with_a_step_for_each_run(settings, tmp_path):
    from foretell.tracking.store import opened_store

    found = review(settings, dry_run=True).review
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "totals.csv").write_text(found.totals.write_csv())
    run_id = MlflowTracker(tmp_path / "store").log_review(found, tmp_path / "files")
    with opened_store(tmp_path / "store") as client:
        run = client.get_run(run_id)
        assert run.data.tags["kind"] == "review"
        steps = client.get_metric_history(run_id, "churn.auc")
        assert [step.step for step in steps] == list(range(found.totals["cutoff"].n_unique()))
        assert [path.path for path in client.list_artifacts(run_id)] == ["totals.csv"]
