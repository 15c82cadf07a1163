"""The scoring job at its gates: a night whose orders are cut off is refused, and forced only in the open."""

import json
import shutil

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.errors import BundleError, DataWarning, GateRefused, InputTooOld
from foretell.jobs import gating
from foretell.jobs.score import score


@pytest.fixture
def settings(trained_shop, shop_settings, tmp_path):
    shutil.copytree(trained_shop, tmp_path / "shop")
    text = shop_settings.model_dump_json().replace(str(trained_shop), str(tmp_path / "shop"))
    return Settings.model_validate_json(text)


def spoil(settings, change):
    path = settings.data.orders.path
    change(pl.read_csv(path, infer_schema=False)).write_csv(path)


def test_two_usual_nights_pass_and_every_gate_that_can_judges(settings):
    first = score(settings, as_of="2025-08-01")
    second = score(settings, as_of="2025-08-02")
    assert {item.gate for item in first.outcomes if item.value is None} == {
        "input_age",
        "rows",
        "active_customers",
        "known_customers",
        "categories",
        "score_drift",
    }
    assert {item.gate for item in second.outcomes if item.value is None} == {"input_age", "categories"}
    manifest = json.loads((second.folder / "manifest.json").read_text())
    assert [gate["gate"] for gate in manifest["gates"]] == [item.gate for item in second.outcomes]
    assert manifest["forced"] == []
    assert second.as_dict()["gates"][2]["gate"] == "rows"


def test_a_night_whose_new_orders_cannot_be_read_is_told_though_they_are_few_of_all_rows(settings, caplog):
    caplog.set_level("WARNING", logger="foretell")
    score(settings, as_of="2025-08-01")
    score(settings, as_of="2025-08-02")
    assert caplog.text == ""
    day = pl.col("when").str.starts_with("2025-08-02")
    new = pl.read_csv(settings.data.orders.path, infer_schema=False).filter(day).height
    spoil(
        settings, lambda orders: orders.with_columns(pl.when(day).then(pl.lit("2 Aug")).otherwise("when").alias("when"))
    )
    score(settings, as_of="2025-08-03")
    assert new > 0
    assert f"Since the run of 2025-08-02 {new} rows of orders more could not be used, and 0 more could." in caplog.text


def test_a_file_cut_at_a_line_end_is_refused_and_the_last_run_stays(settings):
    score(settings, as_of="2025-08-01")
    before = sorted(settings.folders.output.rglob("*"))
    spoil(settings, lambda orders: orders.head(orders.height // 2))
    for dry_run in (False, True):
        with pytest.raises(GateRefused, match=r"rows: .* rows were used, .*Remedy: see whether the files are cut off"):
            score(settings, as_of="2025-08-02", dry_run=dry_run)
    assert sorted(settings.folders.output.rglob("*")) == before


def test_force_publishes_and_says_so_in_warning_manifest_and_readme(settings):
    score(settings, as_of="2025-08-01")
    spoil(settings, lambda orders: orders.head(orders.height // 2))
    with pytest.warns(DataWarning) as told:
        forced = score(settings, as_of="2025-08-02", force=True)
    assert any(str(warning.message).startswith("forced past the gate rows: ") for warning in told)
    assert "rows" in forced.as_dict()["forced"]
    assert "rows" in json.loads((forced.folder / "manifest.json").read_text())["forced"]
    assert "Published by force" in (forced.folder / "README.txt").read_text()


def test_an_input_that_is_too_old_can_be_forced(settings):
    strict = settings.model_copy(update={"scoring": settings.scoring.model_copy(update={"max_input_age_days": 3})})
    with pytest.raises(InputTooOld):
        score(strict, as_of="2026-01-20")
    with pytest.warns(DataWarning) as told:
        forced = score(strict, as_of="2026-01-20", force=True)
    assert "forced past the gate input_age" in str(told[0].message)
    assert forced.as_dict()["forced"][0] == "input_age"


def test_amounts_in_cents_are_refused_on_the_first_run_of_a_shop(settings):
    spoil(settings, lambda orders: orders.with_columns(pl.col("total").cast(pl.Float64) * 100))
    with pytest.raises(GateRefused, match="feature_drift: avg_order_value"):
        score(settings, as_of="2025-08-01")


def test_a_profile_that_is_none_is_a_damaged_bundle(settings, monkeypatch):
    real = gating.Distribution.from_dict
    monkeypatch.setattr(gating.Distribution, "from_dict", lambda value: real(value | {"nulls": -1}))
    with pytest.raises(BundleError, match="does not hold a profile"):
        score(settings, as_of="2025-08-01")
