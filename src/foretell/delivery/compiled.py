"""Definitions of segments made ready to be applied, or every problem in them at once."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from foretell.delivery.rule_columns import PERCENTILE, column_named
from foretell.delivery.rules.condition import Condition, columns_of
from foretell.delivery.rules.evaluate import expression
from foretell.delivery.rules.parse import NoRule, parse_rule
from foretell.delivery.rules.types import typed
from foretell.delivery.segments import Segment, direction
from foretell.errors import did_you_mean
from foretell.tables.schema import Column

PLACEHOLDER = re.compile(r"\{(\w+)\}")
_MOST_PROBLEMS_OF_ONE = 10


@dataclass(frozen=True)
class CompiledSegment:
    """A segment whose every name was found.

    Parameters
    ----------
    segment : Segment
        Its definition.
    condition : Condition
        Its rule, types looked at.
    """

    segment: Segment
    condition: Condition

    @property
    def expression(self) -> pl.Expr:
        """The rule, to be applied to a rule frame."""
        return expression(self.condition)


def named_columns(segment: Segment) -> tuple[str, ...]:
    """Return every column that a segment names, as far as its rule can be read.

    Parameters
    ----------
    segment : Segment
        Any definition, sound or not.

    Returns
    -------
    tuple of str
        Columns of its rule, order, file and reasons, each once.
    """
    try:
        in_rule = columns_of(parse_rule(segment.where))
    except NoRule:
        in_rule = ()
    in_order = (direction(entry)[0] for entry in segment.order_by)
    in_words = (name for part in segment.why for name in PLACEHOLDER.findall(part))
    return tuple(dict.fromkeys([*in_rule, *in_order, *segment.columns, *in_words, *segment.needs]))


def by_other_rule(segment: Segment) -> Segment:
    """Return a segment with the rule that stands in for its own.

    Parameters
    ----------
    segment : Segment
        A definition with `Segment.otherwise`.

    Returns
    -------
    Segment
        It needs what that rule reads, and has no other any more.
    """
    other = replace(segment, where=segment.otherwise, otherwise="", needs=())
    return replace(other, needs=named_columns(other))


def ranked_columns(segments: Sequence[Segment]) -> set[str]:
    """Return the ranks that segments ask for.

    Parameters
    ----------
    segments : sequence of Segment
        Definitions.

    Returns
    -------
    set of str
        Names such as ``avg_order_value_percentile``.
    """
    return {name for segment in segments for name in named_columns(segment) if name.endswith(PERCENTILE)}


def compile_segments(
    segments: Sequence[Segment], known: Mapping[str, Column], *, publishable: set[str]
) -> tuple[list[CompiledSegment], list[str]]:
    """Make definitions ready to be applied.

    Parameters
    ----------
    segments : sequence of Segment
        Definitions.
    known : mapping of str to Column
        From `foretell.delivery.rule_columns.rule_columns`.
    publishable : set of str
        Those that may stand in a file.

    Returns
    -------
    list of CompiledSegment
        Those without a problem, in order.
    list of str
        Every problem of every segment, one sentence each.
    """
    counted = Counter(segment.name for segment in segments)
    problems = [f"Two segments are called {name!r}." for name, count in sorted(counted.items()) if count > 1]
    problems += _priority_problems(segments)
    ready = []
    for segment in segments:
        condition, found = _compiled(segment, dict(known), publishable)
        problems += [f"Segment {segment.name!r}: {problem}" for problem in found[:_MOST_PROBLEMS_OF_ONE]]
        if condition is not None and not found:
            ready.append(CompiledSegment(segment, condition))
    return ready, problems


def _compiled(segment: Segment, known: dict[str, Column], publishable: set[str]) -> tuple[Condition | None, list[str]]:
    problems = []
    condition = None
    try:
        condition = parse_rule(segment.where)
    except NoRule as problem:
        problems.append(f"the rule {_short(segment.where)} {problem}")
    else:
        in_rule = columns_of(condition)
        unknown = [name for name in in_rule if column_named(name, known) is None]
        problems += [f"the rule names the {_unknown(name, known, in_rule=True)}" for name in unknown]
        if not unknown:
            found = {name: column for name in in_rule if (column := column_named(name, known)) is not None}
            checked = typed(condition, {name: column.dtype for name, column in found.items()})
            problems += [f"the rule {_short(segment.where)} {problem}" for problem in checked.problems]
            condition = checked.condition
    words = [name for part in segment.why for name in PLACEHOLDER.findall(part)]
    for place, names in (("order_by", [direction(entry)[0] for entry in segment.order_by]), ("why", words)):
        problems += [f"{place} names the {_unknown(n, known)}" for n in names if column_named(n, known) is None]
    allowed = {name for name in segment.columns if name in publishable or name.endswith(PERCENTILE)}
    problems += [
        f"columns names the {_unknown(name, publishable)}"
        for name in segment.columns
        if name not in allowed or column_named(name, known) is None
    ]
    return condition, problems


def _unknown(name: str, known: Mapping[str, Column] | set[str], *, in_rule: bool = False) -> str:
    hint = did_you_mean(name, sorted(known))
    if not hint and in_rule and not re.fullmatch(r"[a-z]+_[a-z0-9_]*", name):
        hint = f" A text stands in single quotes: '{name}'."
    return f"unknown column {name!r}.{hint}"


def _priority_problems(segments: Sequence[Segment]) -> list[str]:
    places: dict[tuple[str, int | None], list[str]] = {}
    for segment in segments:
        if segment.exclusive:
            places.setdefault((segment.exclusive, segment.priority), []).append(segment.name)
    problems = []
    for (group, priority), names in places.items():
        told = ", ".join(repr(name) for name in names)
        if priority is None:
            problems.append(f"In the exclusive group {group!r} {told} must have a priority: 1 chooses first.")
        elif len(names) > 1:
            problems.append(f"In the exclusive group {group!r} {told} have the same priority {priority}.")
    return problems


def _short(where: str) -> str:
    text = " ".join(where.split())
    return repr(text if len(text) <= 120 else f"{text[:117]}…")
