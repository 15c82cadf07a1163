"""Mistakes in segments that are no errors: rules that say nothing, percent for shares, sensitive names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

from foretell.delivery.checks import is_probability
from foretell.delivery.compiled import CompiledSegment
from foretell.delivery.rule_columns import column_named
from foretell.delivery.rules.condition import (
    All,
    Atom,
    Between,
    Compare,
    Condition,
    Constant,
    Member,
    Name,
    Not,
    Some,
    Value,
    atoms,
    columns_of,
    conjuncts,
    values_of,
)
from foretell.delivery.rules.evaluate import at, expression
from foretell.delivery.rules.logic import Domain, always_empty, always_true
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.rules.words import clause
from foretell.delivery.segments import Segment
from foretell.delivery.selection import Selection, matches
from foretell.delivery.sensitive_words import sensitive_group
from foretell.errors import did_you_mean
from foretell.tables.schema import Column
from foretell.windows import FIRST_YEAR, LAST_YEAR

Level = Literal["error", "warning"]
_MOST_CATEGORIES = 60
# What is so on either of these days does not hang on how a date of the rule lies to the day of the scores.
_FAR_APART = (datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 1, 1))


@dataclass(frozen=True)
class Finding:
    """One thing to look at in one segment.

    Parameters
    ----------
    segment : str
        Its name; empty where a definition could not be read.
    level : "error" or "warning"
        Whether it must be mended.
    text : str
        A sentence.
    """

    segment: str
    level: Level
    text: str


def lint_rule(
    compiled: CompiledSegment, known: Mapping[str, Column], speech: Speech, as_of: datetime | None
) -> list[Finding]:
    """Look at one rule without data.

    Parameters
    ----------
    compiled : CompiledSegment
        A segment whose names and types are right.
    known : mapping of str to Column
        Columns that rules may name.
    speech : Speech
        To tell parts of rules.
    as_of : datetime or None
        Day that relative dates are counted from; None finds what holds on any day.

    Returns
    -------
    list of Finding
        Percent for shares, then what can never or must always be true.
    """
    name = compiled.segment.name
    condition = compiled.condition if as_of is None else at(compiled.condition, as_of)
    days = _FAR_APART if as_of is None else (as_of,)
    found = [Finding(name, "error", text) for atom in atoms(condition) for text in _scale_problems(atom, known)]
    if found:
        return found
    domains: dict[Value, Domain] = {Name(column): _domain(column, known) for column in columns_of(condition)}

    def empty(part: Condition) -> bool:
        return all(always_empty(at(part, day), domains) for day in days)

    def true(part: Condition) -> bool:
        return all(always_true(at(part, day), domains) for day in days)

    if empty(condition):
        return [Finding(name, "error", f"The rule can hold of nobody: {clause(condition, speech)}.")]
    if true(condition) and columns_of(condition):
        text = f"The rule holds of everybody whose values are known: {clause(condition, speech)}."
        return [Finding(name, "warning", text)]
    for part in _parts(condition):
        if empty(part):
            found.append(Finding(name, "warning", f"A part of the rule can hold of nobody: {clause(part, speech)}."))
        elif true(part):
            found.append(Finding(name, "warning", f"A part of the rule says nothing: {clause(part, speech)}."))
    return found


def lint_definition(segment: Segment, group_sizes: Mapping[str, int]) -> list[Finding]:
    """Look at what stands around a rule.

    Parameters
    ----------
    segment : Segment
        A definition.
    group_sizes : mapping of str to int
        Number of segments in each exclusive group.

    Returns
    -------
    list of Finding
        Sensitive names, priorities without use, missing actions.
    """
    found = []
    told = " ".join((segment.name.replace("_", " "), segment.title, dict(segment.utm).get("campaign", "")))
    words = sensitive_group(told)
    if words:
        suggested = ", ".join(dict.fromkeys(group for _, group in words))
        text = (
            f"Its name suggests {suggested} ({', '.join(word for word, _ in words)}). Advertising platforms refuse or "
            "flag such audiences, and the law protects the people. Rename it after what they bought, or do not use it."
        )
        found.append(Finding(segment.name, "warning", text))
    if segment.priority is not None and not segment.exclusive:
        text = 'Its priority has no use: give the segments that should share no customer one exclusive = "name".'
        found.append(Finding(segment.name, "warning", text))
    if segment.exclusive and group_sizes.get(segment.exclusive, 0) == 1:
        found.append(Finding(segment.name, "warning", f"It is alone in the exclusive group {segment.exclusive!r}."))
    if segment.split and not segment.holdout and segment.sample is None:
        found.append(Finding(segment.name, "warning", "split has no use without holdout or sample."))
    absent = [key for key in ("action", "owner") if not getattr(segment, key)]
    if absent:
        text = f"It has no {' and no '.join(absent)}: nobody will know what to do with the file, or feel meant by it."
        found.append(Finding(segment.name, "warning", text))
    return found


def lint_counts(compiled: CompiledSegment, selection: Selection, speech: Speech) -> list[Finding]:
    """Look at one segment by counting.

    Parameters
    ----------
    compiled : CompiledSegment
        The segment.
    selection : Selection
        Whom it holds.
    speech : Speech
        To tell parts of rules.

    Returns
    -------
    list of Finding
        Nobody, everybody, parts that leave nobody out, values that do not occur, priorities that leave nothing.
    """
    name, frame = compiled.segment.name, selection.rule_frame
    found = [
        Finding(name, "warning", text) for atom in atoms(compiled.condition) for text in _absent_values(atom, frame)
    ]
    (holds,) = matches([compiled], frame)
    count, everybody = int(holds.sum()), frame.height
    if not everybody:
        return found
    if not count:
        text = "It holds nobody today."
        lonely = [part for part in conjuncts(compiled.condition) if not _count(part, frame)]
        if lonely and len(conjuncts(compiled.condition)) > 1:
            text += f" Nobody fulfils: {clause(lonely[0], speech)}."
        return [*found, Finding(name, "warning", text)]
    if not len(selection.members):
        text = f"Segments of higher priority in {compiled.segment.exclusive!r} take all its {count:,} customers."
        found.append(Finding(name, "warning", text))
    if count == everybody and not compiled.segment.ready:
        found.append(Finding(name, "warning", "It holds everybody today."))
    elif len(conjuncts(compiled.condition)) > 1:
        for part in conjuncts(compiled.condition):
            if _count(part, frame) == everybody:
                text = f"A part of the rule leaves nobody out today: {clause(part, speech)}."
                found.append(Finding(name, "warning", text))
    return found


def _count(condition: Condition, frame: pl.DataFrame) -> int:
    held = frame.select(pl.col("customer_id"), expression(condition).alias("held")).get_column("held")
    return int(held.sum())


def _parts(condition: Condition) -> list[Condition]:
    if isinstance(condition, Not):
        return _parts(condition.inner)
    if not isinstance(condition, All | Some):
        return []
    return [deeper for part in condition.parts for deeper in (part, *_parts(part))]


def _domain(name: str, known: Mapping[str, Column]) -> Domain:
    column = column_named(name, dict(known))
    if column is None or not column.dtype.is_numeric():
        return Domain()
    whole = column.dtype.is_integer()
    if is_probability(column) or column.unit == "share":
        return Domain(0.0, 1.0)
    if column.unit.startswith(("percentile", "rank 1-100")):
        return Domain(1.0 if whole else 0.0, 100.0, whole)
    if whole:
        return Domain(0.0, whole=True)
    return Domain()


def _scale_problems(atom: Atom, known: Mapping[str, Column]) -> list[str]:
    names = [value.name for value in values_of(atom) if isinstance(value, Name)]
    numbers = _numbers(values_of(atom))
    if len(names) != 1 or not numbers:
        return []
    column = column_named(names[0], dict(known))
    if column is None:
        return []
    shown = names[0]
    if is_probability(column) or column.unit == "share":
        wrong = next((number for number in numbers if 1 < number <= 100), None)
        if wrong is not None:
            return [f"{shown} runs from 0 to 1, not in percent: write {wrong / 100:g} for {wrong:g} %."]
    if column.unit.startswith(("percentile", "rank 1-100")):
        wrong = next((number for number in numbers if 0 < number < 1), None)
        if wrong is not None:
            return [f"{shown} runs to 100: write {wrong * 100:g} for the share {wrong:g}."]
    return []


def _numbers(values: Sequence[Value]) -> list[float]:
    return [
        float(value.value)
        for value in values
        if isinstance(value, Constant) and isinstance(value.value, int | float) and not isinstance(value.value, bool)
    ]


def _absent_values(atom: Atom, frame: pl.DataFrame) -> list[str]:
    """Say which texts occur nowhere; of columns with few values only, so that no personal text is shown."""
    if not isinstance(atom, Compare | Member) or isinstance(atom, Between):
        return []
    if isinstance(atom, Compare) and atom.operator not in ("=", "<>"):
        return []
    names = [value.name for value in values_of(atom) if isinstance(value, Name)]
    texts = [value.value for value in values_of(atom) if isinstance(value, Constant) and isinstance(value.value, str)]
    if len(names) != 1 or not texts or names[0] == "customer_id":
        return []
    occurring = frame.get_column(names[0]).drop_nulls().unique()
    if occurring.dtype != pl.String or len(occurring) > _MOST_CATEGORIES:
        return []
    there = sorted(occurring.to_list())
    return [
        f"{names[0]} is {text!r} of nobody today.{did_you_mean(text, there) or did_you_mean(text.lower(), there)}"
        for text in texts
        if text not in there
    ]


def group_sizes(segments: Sequence[Segment]) -> dict[str, int]:
    """Count the segments of each exclusive group.

    Parameters
    ----------
    segments : sequence of Segment
        Definitions.

    Returns
    -------
    dict of str to int
        By name of the group.
    """
    names = [segment.exclusive for segment in segments if segment.exclusive]
    return {name: names.count(name) for name in dict.fromkeys(names)}
