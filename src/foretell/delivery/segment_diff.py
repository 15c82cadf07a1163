"""What changed in the segments since the last published run: who entered, who left, and which condition flipped."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.delivery.compiled import ranked_columns
from foretell.delivery.previous import MEMBER_PREFIX, Previous
from foretell.delivery.rule_columns import column_named, rule_columns
from foretell.delivery.rules.condition import Condition, columns_of, conjuncts
from foretell.delivery.rules.evaluate import expression
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.rules.words import clause
from foretell.delivery.run import Run
from foretell.delivery.selection import Selection
from foretell.delivery.stored_rule_rows import RuleRows
from foretell.delivery.why_here import in_words
from foretell.tables.schema import Column

DIFF_COLUMNS = (
    Column("segment", pl.String(), "text", False, "Name of the segment."),
    Column("customer_id", pl.String(), "text", False, "Who entered or left it."),
    Column("change", pl.String(), "category", False, "entered or left, since the last published run."),
    Column("why", pl.String(), "text", False, "Which condition of its rule flipped, with the value then and now."),
)
"""Columns of ``segments_diff.csv``."""
JUMP = 1.5
"""A segment that grew or shrank by this factor or more is flagged, if chance is no explanation."""
_CHANCE = 3.0
_MOST_VALUES = 3
_NOBODY = -1

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class SegmentChange:
    """How one segment changed.

    Parameters
    ----------
    name : str
        The segment.
    before, now : int
        Customers then and now, those held out too.
    entered, left, stayed : int
        ``before = left + stayed`` and ``now = entered + stayed``.
    reasons : tuple of (str, int)
        Why customers entered or left, without values, the most frequent first, and how many.
    flag : str
        A sentence where the size jumped or collapsed; else empty.
    """

    name: str
    before: int
    now: int
    entered: int
    left: int
    stayed: int
    reasons: tuple[tuple[str, int], ...]
    flag: str


@dataclass(frozen=True, eq=False, repr=False)
class Diff:
    """What changed in all segments.

    Parameters
    ----------
    since : Previous
        The run that is compared with.
    changes : tuple of SegmentChange
        Segments that both runs have, in order.
    rows : pl.DataFrame
        Columns of `DIFF_COLUMNS`.
    """

    since: Previous
    changes: tuple[SegmentChange, ...]
    rows: pl.DataFrame

    def of(self, name: str) -> SegmentChange | None:
        """Return how one segment changed.

        Parameters
        ----------
        name : str
            The segment.

        Returns
        -------
        SegmentChange or None
            None where the earlier run did not have it.
        """
        return next((change for change in self.changes if change.name == name), None)


def diff(run: Run, selections: Sequence[Selection], previous: Previous) -> Diff:
    """Compare the segments of a run with those of an earlier one.

    Parameters
    ----------
    run : Run
        The new run.
    selections : sequence of Selection
        Its segments.
    previous : Previous
        The earlier run.

    Returns
    -------
    Diff
        Changes and the rows of ``segments_diff.csv``.
    """
    shared = [one for one in selections if MEMBER_PREFIX + one.segment.name in previous.members.columns]
    if not shared:
        return Diff(previous, (), pl.DataFrame(schema={column.name: column.dtype for column in DIFF_COLUMNS}))
    then = previous.rule_frame(sorted(ranked_columns([one.segment for one in shared])))
    matched = _match(shared[0].source, then, previous)
    found = [_changed(run, selection, matched, _rivals(selection, selections)) for selection in shared]
    return Diff(previous, tuple(change for change, _ in found), pl.concat([rows for _, rows in found]))


@dataclass(frozen=True, eq=False, repr=False)
class _Matched:
    """Everybody of two runs: where they stand in the frames, -1 for nowhere."""

    previous: Previous
    now: RuleRows
    then: pl.DataFrame
    member_rows: Rows
    now_rows: Rows
    then_rows: Rows
    ids: pl.Series

    def held(self, condition: Condition) -> tuple[Mask, Mask]:
        """Tell of whom a condition held then, and holds now; of nobody where a column is missing."""
        return (
            _at_rows(_holds(condition, self.then), self.then_rows),
            _at_rows(_holds(condition, self.now), self.now_rows),
        )

    def taken(self, rivals: Sequence[Selection]) -> tuple[Mask, Mask]:
        """Tell who was in one of several segments then, and who is now."""
        then = np.zeros(self.previous.members.height, dtype=np.bool_)
        now = np.zeros(self.now.height, dtype=np.bool_)
        for rival in rivals:
            now[rival.members] = True
            name = MEMBER_PREFIX + rival.segment.name
            if name in self.previous.members.columns:
                then |= self.previous.members.get_column(name).to_numpy()
        return _at_rows(then, self.member_rows), _at_rows(now, self.now_rows)


def _match(now: RuleRows, then: pl.DataFrame, previous: Previous) -> _Matched:
    here = now.select(["customer_id"]).with_row_index("now")
    there = then.select("customer_id").with_row_index("then")
    members = previous.members.select("customer_id").with_row_index("member")
    both = (
        here.join(there.join(members, on="customer_id", how="left"), on="customer_id", how="full", coalesce=True)
        .sort("customer_id")
        .with_columns(pl.col("now", "then", "member").cast(pl.Int64).fill_null(_NOBODY))
    )
    return _Matched(
        previous=previous,
        now=now,
        then=then,
        member_rows=both.get_column("member").to_numpy(),
        now_rows=both.get_column("now").to_numpy(),
        then_rows=both.get_column("then").to_numpy(),
        ids=both.get_column("customer_id"),
    )


def _holds(condition: Condition, frame: RuleRows) -> Mask:
    if not set(columns_of(condition)) <= set(frame.columns):
        return np.zeros(frame.height, dtype=np.bool_)
    rule = expression(condition).fill_null(value=False).alias("holds")
    read = list(dict.fromkeys(["customer_id", *rule.meta.root_names()]))
    found = frame.select(read).select(pl.col("customer_id"), rule)
    return found.get_column("holds").to_numpy()


def _at_rows(values: Mask, rows: Rows) -> Mask:
    return np.append(values, False)[rows]


def _rivals(selection: Selection, selections: Sequence[Selection]) -> list[Selection]:
    """Return the segments that choose before a segment in its group."""
    mine = selection.segment
    others = (one for one in selections if mine.exclusive and one.segment.exclusive == mine.exclusive)
    return [one for one in others if (one.segment.priority or 0) < (mine.priority or 0)]


def _changed(
    run: Run, selection: Selection, matched: _Matched, rivals: Sequence[Selection]
) -> tuple[SegmentChange, pl.DataFrame]:
    name = selection.segment.name
    inside = np.zeros(matched.now.height, dtype=np.bool_)
    inside[selection.members] = True
    now = _at_rows(inside, matched.now_rows)
    member = matched.previous.members.get_column(MEMBER_PREFIX + name).to_numpy()
    then = _at_rows(member, matched.member_rows)
    taken_then, taken_now = matched.taken(rivals)
    entered, left = np.flatnonzero(now & ~then), np.flatnonzero(then & ~now)
    held = [(part, *matched.held(part)) for part in conjuncts(selection.condition)]
    parts, reasons = [], []
    for places, is_in, taken in ((entered, True, taken_then), (left, False, taken_now)):
        rows, told = _explained(run, selection, matched, places, held, taken=taken[places], is_in=is_in)
        parts.append(rows)
        reasons.append(told)
    counted = pl.concat(reasons).value_counts().sort(["count", "why"], descending=[True, False])
    before, size = int(then.sum()), int(now.sum())
    change = SegmentChange(
        name=name,
        before=before,
        now=size,
        entered=len(entered),
        left=len(left),
        stayed=int((now & then).sum()),
        reasons=tuple(counted.head(5).rows()),
        flag=size_flag(before, size),
    )
    return change, pl.concat(parts)


def _explained(
    run: Run,
    selection: Selection,
    matched: _Matched,
    places: Rows,
    held: Sequence[tuple[Condition, Mask, Mask]],
    *,
    taken: Mask,
    is_in: bool,
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows of those who entered or left, and their reasons without values."""
    speech = Speech(rule_columns(run.columns, run.feature_columns), asdict(run.horizons), run.currency)
    known = rule_columns(run.columns, run.feature_columns)
    there = matched.then_rows[places] if is_in else matched.now_rows[places]
    names = [name for name in columns_of(selection.condition) if name in matched.now.columns and name != "as_of"]
    frame = pl.DataFrame({"customer_id": matched.ids.gather(places), "elsewhere": there != _NOBODY})
    for prefix, source, rows in (("then", matched.then, matched.then_rows), ("now", matched.now, matched.now_rows)):
        picked = [name for name in names if name in source.columns]
        values = _gathered(source.select(picked), rows[places])
        frame = frame.hstack(
            values.select(in_words(n, column_named(n, known), run.currency).alias(f"{prefix}: {n}") for n in picked)
        )
    with_values, without = [], []
    for number, (part, then, now) in enumerate(held):
        gained, lost = now[places] & ~then[places], then[places] & ~now[places]
        frame = frame.with_columns(pl.Series(f"flip: {number}", gained if is_in else lost))
        words = f"{'now' if is_in else 'no longer'}: {clause(part, speech)}"
        flipped = pl.col(f"flip: {number}")
        shown = [name for name in columns_of(part) if f"then: {name}" in frame.columns][:_MOST_VALUES]
        told = pl.concat_str(pl.lit(f"{words} ("), _moved(shown, speech), pl.lit(")")) if shown else pl.lit(words)
        with_values.append(pl.when(flipped).then(told))
        without.append(pl.when(flipped).then(pl.lit(words)))
    frame = frame.with_columns(pl.Series("taken", taken))
    fallback = _other_reason(selection, matched.previous, is_in=is_in)
    gone = pl.lit("new: not known to the last run" if is_in else "gone: no longer in the scores")
    why = pl.when(~pl.col("elsewhere")).then(gone).when(pl.any_horizontal(pl.col("^flip: .*$")))
    frame = frame.with_columns(
        why.then(pl.concat_str(with_values, separator="; ", ignore_nulls=True)).otherwise(fallback).alias("why"),
        why.then(pl.coalesce(without)).otherwise(fallback).alias("reason"),
        pl.lit(selection.segment.name).alias("segment"),
        pl.lit("entered" if is_in else "left").alias("change"),
    )
    return frame.select(column.name for column in DIFF_COLUMNS), frame.get_column("reason").alias("why")


def _moved(names: Sequence[str], speech: Speech) -> pl.Expr:
    """Tell the values of columns then and now; once where they stayed and only the day moved on."""
    told = []
    for name in names:
        then, now = (pl.col(f"{when}: {name}").fill_null("unknown") for when in ("then", "now"))
        label = pl.lit(f"{speech.phrase(name).removeprefix('the ')} " if len(names) > 1 else "")
        told.append(label + pl.when(then == now).then(now).otherwise(pl.concat_str(then, pl.lit(" → "), now)))
    return pl.concat_str(told, separator=", ")


def _gathered(values: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    index = pl.Series(np.where(rows == _NOBODY, 0, rows))
    if not values.height:
        return values.clear(len(rows))
    missing = pl.Series("missing", rows == _NOBODY)
    picked = values.select(pl.all().gather(index)).with_columns(missing)
    return picked.select(pl.when(~pl.col("missing")).then(pl.col(name)).alias(name) for name in values.columns)


def _other_reason(selection: Selection, previous: Previous, *, is_in: bool) -> pl.Expr:
    """Tell why somebody entered or left of whom no condition flipped; reads the column ``taken``."""
    segment = selection.segment
    if " ".join(previous.rules.get(segment.name, "").split()) != " ".join(segment.where.split()):
        return pl.lit("the rule of the segment was changed")
    if segment.sample is not None:
        chance = "drawn into the sample" if is_in else "no longer drawn into the sample"
    elif segment.limit is not None:
        chance = f"{'now' if is_in else 'no longer'} among the first {segment.limit:,}"
    else:
        chance = "a setting of the segment was changed"
    priority = "no longer taken" if is_in else "taken"
    rival = f"{priority} by a segment of higher priority (group {segment.exclusive})"
    return pl.when(pl.col("taken")).then(pl.lit(rival)).otherwise(pl.lit(chance))


def size_flag(before: int, now: int) -> str:
    """Say whether a size jumped or collapsed.

    Parameters
    ----------
    before, now : int
        Customers then and now.

    Returns
    -------
    str
        A sentence; empty unless the size changed by the factor `JUMP` or more, and by more than three standard
        deviations of the difference of two Poisson counts.
    """
    if abs(now - before) <= _CHANCE * np.sqrt(now + before):
        return ""
    if now == 0:
        return f"It collapsed: {before:,} customers then, nobody now. Look at its rule and at the data."
    if now >= JUMP * before:
        return f"It jumped from {before:,} to {now:,}. Look at its rule and at the data before using it."
    if before >= JUMP * now:
        return f"It collapsed from {before:,} to {now:,}. Look at its rule and at the data before using it."
    return ""
