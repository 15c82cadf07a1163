"""The files that tell of all segments together: what there is, what changed, what a holdout can show, who is in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from foretell.delivery.availability import Off
from foretell.delivery.power import power_rows
from foretell.delivery.previous import HAS_ORDERED_NAME, MEMBER_PREFIX
from foretell.delivery.rule_columns import HAS_ORDERED, PREDICTED_VALUE
from foretell.delivery.run import Run
from foretell.delivery.segment_diff import DIFF_COLUMNS, Diff
from foretell.delivery.segments import Segment
from foretell.delivery.selection import Selection
from foretell.tables.schema import Column

OVERVIEW_NAME = "segments.csv"
DIFF_NAME = "segments_diff.csv"
POWER_NAME = "segments_power.csv"

_TEXT, _COUNT, _REAL, _FLAG = pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()

OVERVIEW_COLUMNS = (
    Column("segment", _TEXT, "text", False, "Name of the segment."),
    Column("title", _TEXT, "text", False, "Its name in words."),
    Column("is_on", _FLAG, "yes/no", False, "Whether it was written."),
    Column("why_off", _TEXT, "text", True, "Why it was not."),
    Column("customers", _COUNT, "customers", True, "Customers in its file."),
    Column("held_out", _COUNT, "customers", True, "Customers held out of the campaign, in a file of their own."),
    Column("share_of_all", _REAL, "share", True, "Both files, of all whom it could hold."),
    Column("predicted_value", _REAL, PREDICTED_VALUE.unit, True, "Expected of those in its file."),
    Column("before", _COUNT, "customers", True, "Customers in both files of the last published run."),
    Column("entered", _COUNT, "customers", True, "Who came in since."),
    Column("left", _COUNT, "customers", True, "Who left since."),
    Column("flag", _TEXT, "text", True, "A warning where the size jumped or collapsed."),
    Column("owner", _TEXT, "text", True, "Who acts on it."),
    Column("action", _TEXT, "text", True, "What to do with it."),
    Column("channels", _TEXT, "text", True, "Where it is used."),
    Column("utm", _TEXT, "text", True, "Tag of the links in its campaign."),
    Column("description", _TEXT, "text", True, "Whom it holds."),
    Column("rule_in_words", _TEXT, "text", True, "Its rule as a sentence."),
    Column("rule", _TEXT, "text", False, "Its rule as SQL."),
    Column("exclusive_group", _TEXT, "text", True, "Group of segments that share no customer."),
    Column("priority", _COUNT, "rank", True, "Place in that group; 1 chooses first."),
)  # fmt: skip
"""Columns of ``segments.csv``."""

POWER_COLUMNS = (
    Column("segment", _TEXT, "text", False, "Name of the segment."),
    Column("holdout_share", _REAL, "share", False, "Share of the segment that would be held out."),
    Column("is_set", _FLAG, "yes/no", False, "Whether this is the holdout that the segment has."),
    Column("contacted", _COUNT, "customers", False, "Customers in the campaign."),
    Column("held_out", _COUNT, "customers", False, "Customers held out."),
    Column("measure", _TEXT, "category", False, "order_rate: share who order; spend: money per customer."),
    Column("days", _COUNT, "days", False, "How long after the campaign both groups are compared."),
    Column("baseline", _REAL, "of the measure", False, "Expected of those held out."),
    Column("smallest_lift", _REAL, "of the measure", True, "Smallest rise shown 8 times of 10 (two-sided, 5 %)."),
    Column("smallest_lift_percent", _REAL, "percent of the baseline", True, "The same as a percentage."),
)  # fmt: skip
"""Columns of ``segments_power.csv``."""


@dataclass(frozen=True, eq=False, repr=False)
class SegmentsOfRun:
    """Everything that a run says of its segments.

    Parameters
    ----------
    selections : tuple of Selection
        Those that are on.
    off : tuple of Off
        The others.
    diff : Diff or None
        What changed since the last published run; None where there was none.
    """

    selections: tuple[Selection, ...]
    off: tuple[Off, ...] = ()
    diff: Diff | None = None

    def without_rows_of_diff(self) -> "SegmentsOfRun":
        """Return the same without the row for each customer who came or left: written, they only take room."""
        return self if self.diff is None else replace(self, diff=replace(self.diff, rows=self.diff.rows.clear()))


def overview(segments: SegmentsOfRun) -> pl.DataFrame:
    """Return the content of ``segments.csv``.

    Parameters
    ----------
    segments : SegmentsOfRun
        Its segments.

    Returns
    -------
    pl.DataFrame
        Columns of `OVERVIEW_COLUMNS`; those that are on first.
    """
    rows: list[dict[str, Any]] = []
    for selection in segments.selections:
        total = selection.size + selection.held_out
        change = None if segments.diff is None else segments.diff.of(selection.segment.name)
        rows.append(
            _definition(selection.segment)
            | {
                "is_on": True,
                "customers": selection.size,
                "held_out": selection.held_out,
                "share_of_all": total / max(selection.all_whom_it_could_hold, 1),
                "predicted_value": selection.predicted_value,
                "rule_in_words": selection.rule_in_words,
            }
        )
        if change is not None:
            rows[-1] |= {name: getattr(change, name) for name in ("before", "entered", "left")}
            rows[-1]["flag"] = change.flag or None
    rows += [_definition(one.segment) | {"is_on": False, "why_off": one.reason} for one in segments.off]
    return pl.DataFrame(rows, schema={column.name: column.dtype for column in OVERVIEW_COLUMNS})


def power_table(run: Run, selections: Sequence[Selection]) -> pl.DataFrame:
    """Return the content of ``segments_power.csv``.

    Parameters
    ----------
    run : Run
        A finished run.
    selections : sequence of Selection
        Its segments.

    Returns
    -------
    pl.DataFrame
        Columns of `POWER_COLUMNS`: the holdout that a segment has, or a tenth, for those of whom anything is predicted.
    """
    rows = [row for one in selections for row in power_rows(one, run.horizons, () if one.segment.holdout else (0.1,))]
    return pl.DataFrame(rows, schema={column.name: column.dtype for column in POWER_COLUMNS})


def diff_table(found: Diff | None) -> pl.DataFrame:
    """Return the content of ``segments_diff.csv``.

    Parameters
    ----------
    found : Diff or None
        What changed; None where there was no earlier run.

    Returns
    -------
    pl.DataFrame
        Columns of `DIFF_COLUMNS`.
    """
    return pl.DataFrame(schema={column.name: column.dtype for column in DIFF_COLUMNS}) if found is None else found.rows


def member_table(run: Run, selections: Sequence[Selection]) -> pl.DataFrame:
    """Return the content of ``segment_members.parquet``, which the next run is compared with.

    Parameters
    ----------
    run : Run
        A finished run.
    selections : sequence of Selection
        Its segments.

    Returns
    -------
    pl.DataFrame
        One row per person: ``customer_id``, ``has_ordered``, the features that rules name, and one yes/no column
        ``segment: <name>`` for each segment, true for those held out too.
    """
    if not selections:
        return run.scores.select("customer_id", pl.lit(value=True).alias(HAS_ORDERED_NAME))
    source = selections[0].source
    features = [column.name for column in run.feature_columns if column.name in source.columns]
    flags = []
    for one in selections:
        inside = np.zeros(source.height, dtype=np.bool_)
        inside[one.members] = True
        flags.append(pl.Series(MEMBER_PREFIX + one.segment.name, inside))
    return source.select(["customer_id", HAS_ORDERED, *features]).rename({HAS_ORDERED: HAS_ORDERED_NAME}).hstack(flags)


def manifest_entry(segments: SegmentsOfRun) -> list[dict[str, Any]]:
    """Return what the manifest says of the segments.

    Parameters
    ----------
    segments : SegmentsOfRun
        Segments of a run.

    Returns
    -------
    list of dict
        One per segment that is on: name, rule, rule in words, sizes, split and what changed; no customer.
    """
    entries = []
    for one in segments.selections:
        change = None if segments.diff is None else segments.diff.of(one.segment.name)
        changed = None
        if change is not None and segments.diff is not None:
            changed = {
                "since": segments.diff.since.as_of.isoformat(),
                "before": change.before,
                "entered": change.entered,
                "left": change.left,
                "stayed": change.stayed,
                "reasons": [{"why": why, "customers": count} for why, count in change.reasons],
                "flag": change.flag,
            }
        entries.append(
            {
                "name": one.segment.name,
                "rule": " ".join(one.segment.where.split()),
                "rule_in_words": one.rule_in_words,
                "customers": one.size,
                "held_out": one.held_out,
                "held_out_by_stratum": [list(pair) for pair in one.strata] if one.segment.holdout else None,
                "channels": list(one.segment.channels),
                "utm": dict(one.segment.utm),
                "owner": one.segment.owner,
                "change": changed,
            }
        )
    return entries


def _definition(segment: Segment) -> dict[str, Any]:
    return {
        "segment": segment.name,
        "title": segment.title or segment.name,
        "owner": segment.owner or None,
        "action": segment.action or None,
        "channels": ", ".join(segment.channels) or None,
        "utm": "&".join(f"utm_{name}={text}" for name, text in segment.utm) or None,
        "description": segment.description or None,
        "rule": " ".join(segment.where.split()),
        "exclusive_group": segment.exclusive or None,
        "priority": segment.priority,
    }


TABLES: Sequence[tuple[str, Sequence[Column]]] = (
    (OVERVIEW_NAME, OVERVIEW_COLUMNS),
    (DIFF_NAME, DIFF_COLUMNS),
    (POWER_NAME, POWER_COLUMNS),
)
"""CSV files of all segments together, and their columns."""
DECIMALS = {"share_of_all": 4, PREDICTED_VALUE.name: 2, "baseline": 4, "smallest_lift": 4, "smallest_lift_percent": 1}
"""Decimals of their numbers."""
