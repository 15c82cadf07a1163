"""docs/numbers.md tells how every column of the scores is computed, and where."""

import re

from foretell.scoring.prospect_schema import prospect_columns
from foretell.scoring.schema import score_columns
from foretell.windows import Horizons


def page(repository):
    return (repository / "docs/numbers.md").read_text(encoding="utf-8")


def test_every_column_of_the_scores_is_told(repository):
    told = set(re.findall(r"`([a-z0-9_]+)`", page(repository)))
    assert {column.name for column in score_columns(Horizons())} <= told
    predicted = {column.name for column in prospect_columns(90)} & {
        "p_first_order_90d",
        "expected_first_year_value",
    }
    assert len(predicted) == 2
    assert predicted <= told


def test_every_module_that_is_named_exists(repository):
    named = re.findall(r"`([a-z_]+/[a-z_]*(?:\.py)?)`", page(repository))
    assert len(named) > 30
    missing = [name for name in named if not (repository / "src/foretell" / name).exists()]
    assert missing == []


def test_every_source_that_is_named_is_listed(repository):
    table, _, listed = page(repository).partition("## Sources")
    named = set(re.findall(r"\[(\w+)\](?!\()", table))
    assert named == set(re.findall(r"^- \[(\w+)\]", listed, flags=re.MULTILINE))
