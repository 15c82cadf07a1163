"""Who is in a segment: its rule applied to the scores, with the reason beside each name."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.delivery.assignment import STRATA, drawn, held_out, value_strata
from foretell.delivery.compiled import CompiledSegment, compile_segments, ranked_columns
from foretell.delivery.file_rows import FileRows, Rows
from foretell.delivery.prospects import VALUE_OF_PROSPECTS, prospect_rule_columns
from foretell.delivery.rule_columns import (
    DERIVED,
    HAS_ORDERED,
    PREDICTED_VALUE,
    aliases,
    column_named,
    rule_columns,
)
from foretell.delivery.rules.condition import Condition, columns_of
from foretell.delivery.rules.evaluate import at
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.rules.words import sentence
from foretell.delivery.run import Run
from foretell.delivery.segment_defaults import default_columns, default_order
from foretell.delivery.segments import HOLDOUT_ENDING, Segment, direction
from foretell.delivery.stored_rule_rows import RuleRows, rule_rows
from foretell.delivery.telling import tell
from foretell.delivery.why_here import WHY_HERE, why_here
from foretell.errors import ConfigError
from foretell.tables.schema import Column

_NOT_IN_FILES = ("customer_id", "as_of", "clv_days", "churn_days", "order_days")


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """One segment of one run.

    Parameters
    ----------
    segment : Segment
        Its definition, with the horizons filled into its words and its defaults into its lists.
    condition : Condition
        Its rule.
    rule_in_words : str
        Its rule as one plain sentence.
    source : pl.DataFrame or StoredRuleRows
        The rule frame, one row per scored customer.
    rows : ndarray of int64
        Positions in `source` of the customers to talk to, the best candidates first.
    held_out_rows : ndarray of int64
        Positions of those held out, in the same order.
    full_names : mapping of str to str
        Alias to the column that it stands for.
    described : mapping of str to Column
        Every column by name.
    currency : str or None
        To print with money.
    """

    segment: Segment
    condition: Condition
    rule_in_words: str
    source: RuleRows
    rows: Rows
    held_out_rows: Rows
    full_names: dict[str, str]
    described: dict[str, Column]
    currency: str | None

    @property
    def rule_frame(self) -> pl.DataFrame:
        """All columns of the rule frame, in memory."""
        return self.source if isinstance(self.source, pl.DataFrame) else self.source.select(self.source.columns)

    @property
    def size(self) -> int:
        """Number of customers to talk to."""
        return len(self.rows)

    @property
    def held_out(self) -> int:
        """Number of customers held out of the campaign."""
        return len(self.held_out_rows)

    @property
    def members(self) -> Rows:
        """Positions of all customers of the segment, those held out too, in the order of the scores."""
        return np.sort(np.concatenate([self.rows, self.held_out_rows]))

    @property
    def predicted_value(self) -> float:
        """What those to talk to are expected to bring: currency, or orders.

        Of customers within the value horizon; of people without an order in the year after a first order.
        """
        name = PREDICTED_VALUE.name
        if self.segment.people == "prospects" and VALUE_OF_PROSPECTS in self.source.columns:
            has_money = self.source.get_column(VALUE_OF_PROSPECTS).is_not_null().any()
            name = VALUE_OF_PROSPECTS if has_money else "p_first_order"
        value = self.source.get_column(name).gather(np.sort(self.rows))
        return float(np.sum(value.drop_nulls().to_numpy()))

    @property
    def all_whom_it_could_hold(self) -> int:
        """Number of customers, of people without an order, or of both, whichever the segment is about."""
        ordered = int(self.source.get_column(HAS_ORDERED).sum())
        sizes = {"customers": ordered, "prospects": self.source.height - ordered, "everyone": self.source.height}
        return sizes[self.segment.people]

    @property
    def strata(self) -> tuple[tuple[int, int], ...]:
        """Customers, and how many of them are held out, in five strata of predicted value, the lowest first."""
        members = self.members
        inside = self.source.select(["customer_id", PREDICTED_VALUE.name])[members]
        strata = value_strata(inside.get_column("customer_id"), inside.get_column(PREDICTED_VALUE.name))
        kept = np.bincount(strata, weights=np.isin(members, self.held_out_rows), minlength=STRATA)
        return tuple(zip(np.bincount(strata, minlength=STRATA).tolist(), kept.astype(int).tolist(), strict=True))

    @property
    def file_name(self) -> str:
        """Path of its file inside the run's folder."""
        return f"segments/{self.segment.name}.csv"

    @property
    def holdout_file_name(self) -> str:
        """Path of the file of those held out."""
        return f"segments/{self.segment.name}{HOLDOUT_ENDING}.csv"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of its file."""
        named = (self.full_names.get(name, name) for name in self.segment.columns)
        return tuple(dict.fromkeys(("customer_id", WHY_HERE.name, *named)))

    @property
    def frame(self) -> pl.DataFrame:
        """Its file: customer_id, why_here and the segment's columns under their full names; made when asked for."""
        return self.file_rows().lazy().collect()

    @property
    def holdout_frame(self) -> pl.DataFrame:
        """The file of those held out, with the same columns."""
        return self.file_rows(held_out=True).lazy().collect()

    def file_rows(self, *, held_out: bool = False) -> FileRows:
        """Return the rows of its file, made a slice at a time.

        Parameters
        ----------
        held_out : bool
            Whether the file of those held out is meant.

        Returns
        -------
        FileRows
        """
        reason = why_here(self.segment.why, self.described, self.currency)
        columns = (pl.col("customer_id"), reason, *map(pl.col, self.columns[2:]))
        # Rows are gathered of these columns only: there are many more.
        read = sorted({name for column in columns for name in column.meta.root_names()})
        rows = self.held_out_rows if held_out else self.rows
        if isinstance(self.source, pl.DataFrame):
            return FileRows(self.source.select(read), rows, columns)
        # One column of all customers at a time.
        mine = pl.DataFrame([self.source.get_column(name).gather(rows) for name in read])
        return FileRows(mine, np.arange(len(rows)), columns)


def select_all(run: Run, segments: Sequence[Segment], *, key: str = "") -> tuple[Selection, ...]:
    """Apply every segment's rule to the scores of a run.

    Parameters
    ----------
    run : Run
        A finished run.
    segments : sequence of Segment
        Definitions; names may not repeat.
    key : str
        The shop's own text for random assignments.

    Returns
    -------
    tuple of Selection
        In the order of `segments`; one without customers has an empty frame.

    Raises
    ------
    ConfigError
        If a name repeats, a rule is no condition, or anything names a column that does not exist; all
        problems at once.
    """
    known = rule_columns(run.columns, run.feature_columns)
    told = prospect_rule_columns(run.horizons.churn_days) if run.prospect_table is None else run.prospect_table.columns
    full = aliases((*run.columns, *told))
    publishable = {*full, *(column.name for column in (*run.columns, *run.feature_columns, *DERIVED))}
    ready, problems = compile_segments(segments, known, publishable=publishable)
    if problems:
        raise ConfigError(problems)
    frame = rule_rows(run, ranked_columns(segments))
    speech = Speech(known, asdict(run.horizons), run.currency, run.as_of)
    chosen = _choose(ready, frame, key)
    return tuple(
        Selection(
            segment=_complete(compiled, run, speech, known),
            condition=compiled.condition,
            rule_in_words=tell(compiled, run, frame, speech, ready),
            source=frame,
            rows=rows,
            held_out_rows=kept,
            full_names=full,
            described=_described(compiled, known),
            currency=run.currency,
        )
        for compiled, (rows, kept) in zip(ready, chosen, strict=True)
    )


def same_people(selections: Sequence[Selection]) -> dict[str, str]:
    """Find segments that hold the same people as an earlier one.

    Parameters
    ----------
    selections : sequence of Selection
        Segments of one run.

    Returns
    -------
    dict of str to str
        Name of a segment to that of the first with the same people, those held out among them; segments without
        anybody are left out.
    """
    first: dict[bytes, str] = {}
    found = {}
    for one in selections:
        if len(one.members):
            name = first.setdefault(one.members.tobytes(), one.segment.name)
            if name != one.segment.name:
                found[one.segment.name] = name
    return found


def matches(ready: Sequence[CompiledSegment], frame: RuleRows) -> list[NDArray[np.bool_]]:
    """Tell of whom each rule holds, whatever its group, limit or sample.

    Parameters
    ----------
    ready : sequence of CompiledSegment
        Segments.
    frame : pl.DataFrame or StoredRuleRows
        From `foretell.delivery.rule_columns.rule_frame`.

    Returns
    -------
    list of ndarray of bool, shape (rows,)
        One per segment.
    """
    ordered = frame.get_column(HAS_ORDERED).to_numpy()
    among = {"customers": ordered, "prospects": ~ordered, "everyone": np.ones_like(ordered)}
    found = []
    # One after the other: what all rules compute on the way would be in memory together.
    for compiled in ready:
        # A rule such as TRUE has one value for all rows.
        expression = compiled.expression.fill_null(value=False).alias("holds")
        read = frame.select([HAS_ORDERED, *dict.fromkeys(expression.meta.root_names())])
        holds = read.select(pl.col(HAS_ORDERED), expression).get_column("holds")
        found.append(holds.to_numpy() & among[compiled.segment.people])
    return found


def _choose(ready: Sequence[CompiledSegment], frame: RuleRows, key: str) -> list[tuple[Rows, Rows]]:
    holds = matches(ready, frame)
    taken: dict[str, NDArray[np.bool_]] = {}
    found: list[tuple[Rows, Rows]] = [(np.empty(0, np.int64), np.empty(0, np.int64))] * len(ready)
    # Within a group the first priority chooses first; the order of the others does not matter.
    for i in sorted(range(len(ready)), key=lambda i: (ready[i].segment.priority or 0, i)):
        segment = ready[i].segment
        inside = holds[i]
        if segment.exclusive:
            inside = inside & ~taken.setdefault(segment.exclusive, np.zeros(frame.height, dtype=np.bool_))
        rows = _ordered(np.flatnonzero(inside), segment, frame, key)
        if segment.exclusive:
            taken[segment.exclusive][rows] = True
        if segment.holdout:
            split = segment.split or segment.name
            kept = held_out(frame.get_column("customer_id").gather(rows), segment.holdout, key=key, split=split)
            found[i] = rows[~kept], rows[kept]
        else:
            found[i] = rows, np.empty(0, np.int64)
    return found


def _ordered(rows: Rows, segment: Segment, frame: RuleRows, key: str) -> Rows:
    entries = [direction(entry) for entry in segment.order_by or default_order(segment, frame.columns)]
    if segment.sample is not None:
        ids, value = (frame.get_column(name).gather(rows) for name in ("customer_id", PREDICTED_VALUE.name))
        rows = rows[drawn(ids, value, segment.sample, key=key, split=segment.split or segment.name)]
    names: dict[str, bool] = {}
    for name, down in entries:
        names.setdefault(name, down)
    if not frame.get_column("customer_id").gather(rows).is_sorted():
        names.setdefault("customer_id", False)
    inside = frame.select(list(names))[rows]
    # Where ids ascend already, a stable sort need not look at them.
    by = pl.arg_sort_by(list(names), descending=list(names.values()), nulls_last=True, maintain_order=True)
    order = inside.select(by).to_series().to_numpy()
    ordered: Rows = rows[order[: segment.limit or order.size]]
    return ordered


def _complete(compiled: CompiledSegment, run: Run, speech: Speech, known: Collection[str]) -> Segment:
    segment = compiled.segment
    in_rule = [name for name in columns_of(compiled.condition) if name not in _NOT_IN_FILES]
    description = segment.description
    if segment.description_without_money and not run.has_money:
        description = segment.description_without_money
    horizons = asdict(run.horizons)

    def fill(text: str) -> str:
        for name, days in horizons.items():
            text = text.replace("{" + name + "}", str(days))
        return text

    return replace(
        segment,
        title=fill(segment.title) or segment.name.replace("_", " ").capitalize(),
        description=fill(description) or sentence(at(compiled.condition, run.as_of), speech),
        action=fill(segment.action),
        order_by=segment.order_by or default_order(segment, known),
        columns=segment.columns or tuple(dict.fromkeys([*default_columns(segment, known), *in_rule])),
        why=segment.why or _default_why(in_rule, speech),
    )


def _default_why(in_rule: Sequence[str], speech: Speech) -> tuple[str, ...]:
    parts = [f"{speech.phrase(name).removeprefix('the ')}: {{{name}}}" for name in in_rule]
    return (parts[0][0].upper() + parts[0][1:], *parts[1:]) if parts else ()


def _described(compiled: CompiledSegment, known: dict[str, Column]) -> dict[str, Column]:
    ranked = ranked_columns([compiled.segment])
    return known | {name: column for name in ranked if (column := column_named(name, known)) is not None}
