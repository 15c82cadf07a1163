"""Segments on the command line's side: what is said of those that a shop's folder holds, and what is published."""

import json
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.errors import ConfigError, OutputError
from foretell.jobs.score import score
from foretell.jobs.segment_check import lint_segments
from foretell.jobs.segment_inputs import segments_of
from foretell.jobs.segment_preview import preview_segment, write_segment
from foretell.jobs.segments import list_segments

OWN = """
[[segments]]
name = "regulars"
title = "Regulars by telephone"
where = "orders_last_90d >= 1 AND churn_risk < 0.9"
action = "Call them."
owner = "Anna"
holdout = 0.2
limit = 50

[[segments]]
name = "days_200"
like = "buyers_by_days_lapsed"
parameters = {to_days = 200}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("own")
    (folder / "segments").mkdir()
    (folder / "segments" / "own.toml").write_text(OWN, encoding="utf-8")
    return folder


def with_folder(settings: Settings, folder: Path, **more: object) -> Settings:
    values = {"folder": folder / "segments", **more}
    segments = settings.segments.model_copy(update=values)
    folders = settings.folders.model_copy(update={"output": folder / "out"})
    return settings.model_copy(update={"segments": segments, "folders": folders})


@pytest.fixture(scope="module")
def settings(shop_settings: Settings, folder: Path) -> Settings:
    settings = with_folder(shop_settings, folder)
    score(settings, as_of="2025-08-01")
    score(settings, as_of="2025-09-01")
    return settings


def test_the_list_holds_sizes_and_reasons(settings: Settings) -> None:
    listed = list_segments(settings)
    rows = {row["name"]: row for row in listed.rows}
    assert rows["regulars"]["customers"] + rows["regulars"]["held_out"] == 50
    assert rows["cart_abandoners"]["off"].startswith("Needs events: the data have no days_since_open_cart")
    assert rows["season_returners"]["off"] == ""
    assert "Segments as of 1 September 2025:" in listed.lines()
    assert list_segments(settings, as_of=datetime(2025, 8, 1)).as_dict()["as_of"] == "2025-08-01T00:00:00"


def test_a_published_run_holds_the_segment_its_holdout_and_the_change(settings: Settings) -> None:
    run = settings.folders.output / "2025-09-01"
    chosen, kept = (pl.read_csv(run / "segments" / f"regulars{end}.csv") for end in ("", "_holdout"))
    assert chosen.height + kept.height == 50
    assert not set(chosen["customer_id"]) & set(kept["customer_id"])
    assert chosen["orders_last_90d"].min() >= 1
    assert chosen["why_here"].str.starts_with("Number of orders in the last 90 days: ").all()
    entry = next(
        one for one in json.loads((run / "manifest.json").read_bytes())["segments"] if one["name"] == "regulars"
    )
    assert entry["change"]["since"] == "2025-08-01T00:00:00"
    assert entry["change"]["before"] == 50
    readme = " ".join((run / "README.txt").read_text(encoding="utf-8").split())
    assert "segments/regulars.csv: Regulars by telephone" in readme
    assert "For Anna. " in readme
    assert "What to do: Call them." in readme
    assert "Valid from 1 September 2025; since 1 August 2025" in readme


def test_a_preview_shows_words_sizes_and_nobody(settings: Settings) -> None:
    shown = preview_segment(settings, "regulars")
    text = "\n".join(shown.lines()) + json.dumps(shown.as_dict())
    assert (
        "the number of orders in the last 90 days is at least 1 and the risk of no order within 60 days is below 90 %"
        in text
    )
    assert "Of these the first 50 by the expected value (highest first). 20 % of them, by lot, are held out." in text
    assert "holdout of 20 %" in text
    assert len(shown.examples) == 3
    assert "private.example" not in text
    assert dict(shown.overlaps)["remarketing_buyer"] == 50


def test_a_definition_is_written_to_be_edited(settings: Settings, tmp_path: Path, shop_settings: Settings) -> None:
    (tmp_path / "segments").mkdir()
    text = "\n".join(write_segment(settings, "win_back").lines())
    (tmp_path / "segments" / "win_back.toml").write_text(text.replace("> 50", "> 60"), encoding="utf-8")
    edited = next(row for row in list_segments(with_folder(shop_settings, tmp_path)).rows if row["name"] == "win_back")
    assert "past_value_percentile > 60" in edited["rule"]
    assert not edited["ready"]


def test_features_that_were_not_published_are_computed_for_a_preview(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "segments").mkdir()
    new = '[[segments]]\nname = "new"\nwhere = "spend_last_30d > 0"\naction = "Write."\nowner = "Anna"'
    (tmp_path / "segments" / "new.toml").write_text(new, encoding="utf-8")
    segments = settings.segments.model_copy(update={"folder": tmp_path / "segments"})
    shown = preview_segment(settings.model_copy(update={"segments": segments}), "new")
    frame = shown.selection.frame
    assert 0 < frame.height < shown.everybody
    assert frame["spend_last_30d"].min() > 0
    assert frame["days_since_last_order"].max() <= 30


def test_lint_passes_sound_segments_and_finds_all_mistakes_at_once(settings: Settings, tmp_path: Path) -> None:
    assert lint_segments(settings).errors == 0
    (tmp_path / "segments").mkdir()
    bad = OWN + '\n[[segments]]\nname = "x"\nwhere = "ordrs > 1 AND churn_band = \\"high\\""\nclour = 1\n'
    bad += '\n[[segments]]\nname = "y"\nwhere = "churn_risk > 50"\n'
    (tmp_path / "segments" / "bad.toml").write_text(bad, encoding="utf-8")
    segments = settings.segments.model_copy(update={"folder": tmp_path / "segments"})
    broken = settings.model_copy(update={"segments": segments})
    found = lint_segments(broken)
    text = "\n".join(found.lines())
    for words in (
        "no key 'clour'",
        "column 'ordrs'. Did you mean 'orders'?",
        "A text stands in single quotes: 'high'",
        "0.5",
    ):
        assert words in text, words
    assert found.errors == 4
    with pytest.raises(ConfigError) as caught:
        score(broken, as_of="2025-09-01")
    assert len(caught.value.problems) == 3


def test_without_a_published_run_rules_are_looked_at_all_the_same(
    shop_settings: Settings, folder: Path, tmp_path: Path
) -> None:
    settings = with_folder(shop_settings, folder)
    folders = settings.folders.model_copy(update={"output": tmp_path / "none"})
    settings = settings.model_copy(update={"folders": folders})
    assert "without counting" in lint_segments(settings).lines()[-1]
    assert list_segments(settings).as_of is None
    with pytest.raises(OutputError, match="Nothing has been published yet"):
        preview_segment(settings, "vip")
    with pytest.raises(ConfigError, match="Did you mean 'vip'"):
        preview_segment(settings, "vipp")


def test_columns_of_other_tables_are_no_mistake_and_groups_see_ready_segments(
    shop_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "segments").mkdir()
    text = """
[[segments]]
name = "north"
like = "in_region"
parameters = {region = "North"}
[[segments]]
name = "app_carts"
like = "cart_abandoners_app"
[[segments]]
name = "wrong"
where = "region + 1 > 2 AND no_where = 1"
needs = ["region"]
[[segments]]
name = "either"
where = "last_order_country = 'CH'"
otherwise = "profile_contry = 'CH'"
needs = ["last_order_country"]
[[segments]]
name = "tier_2b"
where = "orders > 2"
exclusive = "engagement"
priority = 2
"""
    (tmp_path / "segments" / "own.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        segments_of(with_folder(shop_settings, tmp_path))
    assert caught.value.problems == (
        "In the exclusive group 'engagement' 'engagement_tier_2', 'tier_2b' have the same priority 2.",
        "Segment 'either': the rule names the unknown column 'profile_contry'. Did you mean 'profile_country'?",
        "Segment 'wrong': the rule names the unknown column 'no_where'.",
    )
