"""Which segments the data allow, and why the others are off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foretell.delivery.checks import is_money
from foretell.delivery.compiled import by_other_rule, named_columns
from foretell.delivery.lookalike_run import RULE_COLUMNS
from foretell.delivery.prospects import CHANCES
from foretell.delivery.rule_columns import PERCENTILE, column_named, rule_columns, without_horizon
from foretell.delivery.rules.condition import columns_of
from foretell.delivery.rules.parse import NoRule, parse_rule
from foretell.delivery.run import Run
from foretell.delivery.segments import Segment
from foretell.features.catalogue import family_of
from foretell.tables.order_attributes import ATTRIBUTES, columns_of_attributes
from foretell.tables.schema import Column

LACKS_TABLES = "Needs "
"""Beginning of the reason why a segment is off whose tables, or columns of them, are not there."""
NO_LOOKALIKE = (
    "Run foretell lookalike first: no ranking of these customers by likeness has been published, as foretell lookalike "
    "--seeds vip.csv does."
)
"""Why a segment is off that reads one."""
_RANKED_ALIKE = frozenset(column.name for column in RULE_COLUMNS)
_NO_CONSENT_IN_RULES = "Consent is no column of rules: upload files leave out who gave none, whatever the segment."


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


def standing_in(segments: Sequence[Segment], known: Mapping[str, Column]) -> tuple[Segment, ...]:
    """Return segments by the rule that the data allow: their own, or the one that stands in for it.

    Parameters
    ----------
    segments : sequence of Segment
        Definitions.
    known : mapping of str to Column
        From `foretell.delivery.rule_columns.rule_columns`.

    Returns
    -------
    tuple of Segment
        In the same order; `Segment.otherwise` is the rule of those whose data lack a column of `Segment.needs`, and
        have all that it reads.
    """
    return tuple(_standing_in(segment, known) for segment in segments)


def _standing_in(segment: Segment, known: Mapping[str, Column]) -> Segment:
    if not segment.otherwise or segment.off or _has(segment, known):
        return segment
    instead = by_other_rule(segment)
    return instead if _has(instead, known) else segment


def _has(segment: Segment, known: Mapping[str, Column]) -> bool:
    return all(column_named(name, dict(known)) is not None for name in segment.needs)


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
    for segment in standing_in(segments, known):
        reason = _why_off(segment, run, known)
        if reason:
            off.append(Off(segment, reason))
        else:
            on.append(segment)
    return tuple(on), tuple(off)


def _why_off(segment: Segment, run: Run, known: Mapping[str, Column]) -> str:
    if segment.off:
        return segment.off
    named = [name for name in named_columns(segment) if column_named(name, dict(known)) is None]
    chances = [name for name in named if without_horizon(name) in CHANCES]
    if chances and run.prospects is not None:
        return f"It reads {_listed(chances)}, but {_why_no_chance(run, known)}."
    if _RANKED_ALIKE & {stem for name in named for stem in (name, name.removesuffix(PERCENTILE))}:
        return run.no_lookalikes or NO_LOOKALIKE
    missing = [name for name in segment.needs if name in named and name not in chances]
    if missing:
        return _why_missing(missing, segment.tables)
    if chances or (segment.people == "prospects" and run.prospects is None):
        needed = f"{LACKS_TABLES}{_listed(segment.tables)}: nobody" if segment.tables else "Nobody"
        return f"{needed} without an order is known."
    unread = [name for name in named if segment.people == "prospects" and _can_be_known(name)]
    if unread:
        return _why_missing(unread, segment.tables)
    if segment.ready and not run.has_money:
        money = [name for name in _rule_columns(segment) if _is_money(name, known)]
        if money:
            return f"The orders carry no amounts, and it reads {_listed(money)}."
    return ""


def _why_no_chance(run: Run, known: Mapping[str, Column]) -> str:
    told = sorted(name for name in known if without_horizon(name) in CHANCES and without_horizon(name) != name)
    if told:
        return f"the chance of a first order is that of {told[0]}; p_first_order means it whatever its days"
    return run.no_chances or "the published run tells no chances of first orders"


def _why_missing(missing: Sequence[str], tables: Sequence[str]) -> str:
    if any(name.startswith("consent_") for name in missing):
        return _NO_CONSENT_IN_RULES
    if tables and not any(_can_be_known(name) for name in missing):
        return f"foretell does not read {_listed(tables)} yet."
    needed = f"{LACKS_TABLES}{_listed(tables)}: the" if tables else "The"
    return f"{needed} data have no {_listed(missing)}."


def _can_be_known(name: str) -> bool:
    """Whether any data give a column: a feature, an attribute of orders, a score."""
    of_orders = {column.name for column in columns_of_attributes(ATTRIBUTES)}
    name = name.removesuffix(PERCENTILE)
    return family_of(name) is not None or name in of_orders


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
