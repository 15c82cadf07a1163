"""Which segments the data allow, and why the others are off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foretell.delivery.checks import is_money
from foretell.delivery.compiled import named_columns
from foretell.delivery.rule_columns import column_named, rule_columns
from foretell.delivery.rules.condition import columns_of
from foretell.delivery.rules.parse import NoRule, parse_rule
from foretell.delivery.run import Run
from foretell.delivery.segments import Segment
from foretell.tables.schema import Column

NO_COLUMN = "The data have no"


@dataclass(frozen=True)
class Off:
    """A segment that is not written, and why.

    Parameters
    ----------
    segment : Segment
        Its definition.
    reason : str
        One sentence.
    """

    segment: Segment
    reason: str


def wanted_columns(segments: Sequence[Segment]) -> frozenset[str]:
    """Return every column that segments would read if it were there.

    Parameters
    ----------
    segments : sequence of Segment
        Definitions; those that are off do not count.

    Returns
    -------
    frozenset of str
        Names of scores, features and ranks.
    """
    return frozenset(name for segment in segments if not segment.off for name in named_columns(segment))


def allowed(run: Run, segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], tuple[Off, ...]]:
    """Tell apart the segments that a run allows from those that it does not.

    Parameters
    ----------
    run : Run
        A finished run.
    segments : sequence of Segment
        Definitions.

    Returns
    -------
    tuple of Segment
        Those to apply.
    tuple of Off
        The others, with the reason.
    """
    known = rule_columns(run.columns, run.feature_columns)
    on, off = [], []
    for segment in segments:
        reason = _why_off(segment, run, known)
        if reason:
            off.append(Off(segment, reason))
        else:
            on.append(segment)
    return tuple(on), tuple(off)


def _why_off(segment: Segment, run: Run, known: Mapping[str, Column]) -> str:
    if segment.off:
        return segment.off
    missing = [name for name in segment.needs if column_named(name, dict(known)) is None]
    if missing:
        return f"{NO_COLUMN} {_listed(missing)}{_from(segment.tables)}."
    if segment.people == "prospects" and run.prospects is None:
        return f"Nobody without an order is known{_from(segment.tables)}."
    if segment.ready and not run.has_money:
        money = [name for name in _rule_columns(segment) if _is_money(name, known)]
        if money:
            return f"The orders carry no amounts, and it reads {_listed(money)}."
    return ""


def _is_money(name: str, known: Mapping[str, Column]) -> bool:
    column = known.get(name.removesuffix("_percentile"))
    # past_value and predicted_value count orders where there is no money.
    return column is not None and is_money(column) and "orders in a shop" not in column.unit


def _rule_columns(segment: Segment) -> tuple[str, ...]:
    try:
        return columns_of(parse_rule(segment.where))
    except NoRule:
        return ()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _from(tables: Sequence[str]) -> str:
    if not tables:
        return ""
    noun = "the table" if len(tables) == 1 else "the tables"
    return f" ({noun} {_listed(tables)})"
