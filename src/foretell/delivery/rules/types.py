"""Whether a rule compares what can be compared; quoted dates become dates on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

import polars as pl

from foretell.delivery.rules.condition import (
    All,
    Between,
    Call,
    Compare,
    Condition,
    Constant,
    Like,
    Member,
    Missing,
    Name,
    Not,
    Shift,
    Some,
    Truth,
    Value,
)

Kind = Literal["number", "text", "date", "yes/no", "nothing"]


@dataclass(frozen=True)
class Typed:
    """A rule whose types were looked at.

    Parameters
    ----------
    condition : Condition
        The rule with quoted dates read as dates, and whole numbers added to a date read as days.
    problems : tuple of str
        What cannot be compared, each the rest of a sentence about the rule; empty if the rule can be evaluated.
    """

    condition: Condition
    problems: tuple[str, ...]


def typed(condition: Condition, schema: Mapping[str, pl.DataType]) -> Typed:
    """Look at the types of a rule.

    Parameters
    ----------
    condition : Condition
        A rule whose columns are all in `schema`.
    schema : mapping of str to polars.DataType
        Column to type.

    Returns
    -------
    Typed
        The rule ready to be evaluated, and every problem.
    """
    reader = _Reader(schema)
    found = reader.condition(condition)
    return Typed(found, tuple(dict.fromkeys(reader.problems)))


class _Reader:
    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self._schema = schema
        self.problems: list[str] = []

    def condition(self, condition: Condition) -> Condition:
        if isinstance(condition, Not):
            return Not(self.condition(condition.inner))
        if isinstance(condition, All | Some):
            return replace(condition, parts=tuple(self.condition(part) for part in condition.parts))
        if isinstance(condition, Compare):
            left, right = self._alike((condition.left, condition.right))
            return Compare(left, condition.operator, right)
        if isinstance(condition, Member):
            value, *options = self._alike((condition.value, *condition.options))
            return Member(value, tuple(options))
        if isinstance(condition, Between):
            return Between(*self._alike((condition.value, condition.low, condition.high)))
        if isinstance(condition, Like):
            value, kind = self._value(condition.value)
            if kind != "text":
                self.problems.append(f"looks for a pattern in {_told(value)}, which is a {_word(kind)}, not a text.")
            return replace(condition, value=value)
        if isinstance(condition, Missing):
            return Missing(self._value(condition.value)[0])
        return self._truth(condition)

    def _truth(self, condition: Truth) -> Condition:
        value, kind = self._value(condition.value)
        if kind != "yes/no":
            self.problems.append(f"uses {_told(value)} as a condition, but it is a {_word(kind)}: compare it.")
        return Truth(value)

    def _alike(self, values: Sequence[Value]) -> tuple[Value, ...]:
        if Constant(None) in values:
            self.problems.append(f"compares {_told(values[0])} with NULL, which is never true: write IS NULL.")
            return tuple(values)
        found = [self._value(value) for value in values]
        kinds = {kind for _, kind in found if kind != "nothing"}
        if "date" in kinds and "text" in kinds:
            found = [self._dated(value, kind) for value, kind in found]
            kinds = {kind for _, kind in found if kind != "nothing"}
        if len(kinds) > 1:
            self._unlike(found)
        return tuple(value for value, _ in found)

    def _dated(self, value: Value, kind: Kind) -> tuple[Value, Kind]:
        if kind != "text" or not isinstance(value, Constant):
            return value, kind
        day = _day(str(value.value))
        if day is None:
            self.problems.append(f"compares a date with {value.value!r}, which is no date: write '2026-11-01'.")
            return value, "nothing"
        return Constant(day), "date"

    def _unlike(self, found: Sequence[tuple[Value, Kind]]) -> None:
        (first, kind), *others = found
        for other, its in others:
            if its not in (kind, "nothing") and kind != "nothing":
                self.problems.append(
                    f"compares the {_word(kind)} {_told(first)} with the {_word(its)} {_told(other)}."
                    + _remedy(first, kind, other, its)
                )
                return

    def _value(self, value: Value) -> tuple[Value, Kind]:
        if isinstance(value, Name):
            return value, kind_of(self._schema[value.name])
        if isinstance(value, Constant):
            return value, _kind_of_constant(value)
        if isinstance(value, Shift):
            base, kind = self._value(value.base)
            if kind == "text" and isinstance(base, Constant):
                base, kind = self._dated(base, kind)
            if kind not in ("date", "nothing"):
                self.problems.append(f"moves {_told(base)} by a stretch of time, but it is a {_word(kind)}.")
            return replace(value, base=base), "date"
        return self._call(value)

    def _call(self, call: Call) -> tuple[Value, Kind]:
        found = [self._value(argument) for argument in call.arguments]
        kinds: list[Kind] = [kind for _, kind in found]
        arguments = tuple(value for value, _ in found)
        if call.function in ("+", "-") and kinds[0] == "date":
            days = arguments[1]
            if isinstance(days, Constant) and isinstance(days.value, int) and not isinstance(days.value, bool):
                return Shift(arguments[0], -days.value if call.function == "-" else days.value, "day"), "date"
            self.problems.append(
                f"calculates with {_told(arguments[0])} and {_told(days)}: from a date only a number of days can be "
                "taken, as in as_of - INTERVAL '30 days'; for days between two dates use days_since_last_order."
            )
            return Constant(None), "nothing"
        wanted: Kind = "number"
        if call.function in ("LOWER", "UPPER"):
            wanted = "text"
        elif call.function in ("YEAR", "MONTH", "DAY"):
            wanted = "date"
        elif call.function == "COALESCE":
            wanted = next((kind for kind in kinds if kind != "nothing"), "nothing")
        for value, kind in zip(arguments, kinds, strict=True):
            if kind not in (wanted, "nothing"):
                self.problems.append(
                    f"calculates with {_told(value)}, which is a {_word(kind)}, not a {_word(wanted)}."
                )
        return replace(call, arguments=arguments), "number" if wanted == "date" else wanted


def kind_of(dtype: pl.DataType) -> Kind:
    """Return what a column holds, as far as rules care.

    Parameters
    ----------
    dtype : polars.DataType
        Its type.

    Returns
    -------
    str
        number, text, date or yes/no.
    """
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "yes/no"
    return "date" if dtype.is_temporal() else "text"


def _kind_of_constant(constant: Constant) -> Kind:
    value = constant.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes/no"
    if isinstance(value, int | float):
        return "number"
    return "date" if isinstance(value, date) else "text"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _word(kind: Kind) -> str:
    return {"nothing": "missing value", "yes/no": "yes/no value"}.get(kind, kind)


def _told(value: Value) -> str:
    if isinstance(value, Name):
        return value.name
    if isinstance(value, Constant):
        return repr(value.value)
    return "a calculation"


def _remedy(first: Value, kind: Kind, other: Value, its: Kind) -> str:
    quoted = next((v.value for v in (first, other) if isinstance(v, Constant) and isinstance(v.value, str)), None)
    if {kind, its} == {"number", "text"} and quoted is not None and quoted.replace(".", "", 1).isdigit():
        return f" Write the number without quotes: {quoted}."
    if "yes/no" in (kind, its):
        name = next((v.name for v in (first, other) if isinstance(v, Name)), "the column")
        return f" A yes/no column stands alone: {name}, or NOT {name}."
    return ""
