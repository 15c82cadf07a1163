"""docs/segments.md: its examples work, and its table is that of the library."""

import re
from pathlib import Path

import pytest

from foretell.delivery.compiled import compile_segments
from foretell.delivery.ready_segments import ready_definitions, render_library
from foretell.delivery.rule_columns import rule_columns
from foretell.delivery.segment_toml import as_segment, read_definitions
from foretell.delivery.segment_values import READERS
from foretell.jobs.segment_inputs import ANY_FEATURE
from foretell.scoring.schema import score_columns
from foretell.windows import Horizons

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "segments.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_can_be_used_as_they_stand(text):
    definitions, problems = read_definitions([("example.toml", text.encode())])
    assert problems == []
    segments = [as_segment(definition, ready_definitions()) for definition in definitions]
    known = rule_columns(score_columns(Horizons()), ANY_FEATURE)
    ready, problems = compile_segments(segments, known, publishable=set(known))
    assert problems == []
    assert len(ready) == len(segments) > 0


def test_every_key_is_explained():
    head = PAGE.split("| key | meaning |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", head)) >= set(READERS) - {"description_without_money", "off"}


def test_the_table_is_current():
    assert PAGE.endswith(render_library()), "Write it anew: foretell.delivery.ready_segments.render_library()"


def test_the_inventory_names_every_ready_segment():
    page = (Path(__file__).resolve().parents[2] / "docs" / "inventory.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page)) | {f"engagement_tier_{i}" for i in (2, 3, 4)}
    assert {name for name in ready_definitions() if not name.startswith("clv_tier_")} <= named
    assert "`clv_tier_…`" in page
