"""A rule as a tree of plain values: what every reader of a rule works on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal as OneOf

Scalar = bool | int | float | str | date | datetime | None
Operator = OneOf["=", "<>", "<", "<=", ">", ">="]
Unit = OneOf["day", "month", "year", "hour", "minute", "second"]

FLIPPED: dict[Operator, Operator] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""What an operator becomes when its two sides change places."""
OPPOSITE: dict[Operator, Operator] = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
"""What an operator becomes when it is denied."""


@dataclass(frozen=True)
class Name:
    """A column.

    Parameters
    ----------
    name : str
        As it is written in the rule.
    """

    name: str


@dataclass(frozen=True)
class Constant:
    """A value that is written in the rule.

    Parameters
    ----------
    value : bool, int, float, str, date, datetime or None
        None is NULL.
    """

    value: Scalar


@dataclass(frozen=True)
class Shift:
    """An instant moved by a stretch of time, as in ``as_of - INTERVAL '30 days'``.

    Parameters
    ----------
    base : Value
        The instant.
    count : int
        How many units, negative for earlier.
    unit : str
        day, month, year, hour, minute or second.
    """

    base: "Value"
    count: int
    unit: Unit


@dataclass(frozen=True)
class Call:
    """An operation on values.

    Parameters
    ----------
    function : str
        ``+``, ``-``, ``*``, ``/``, ``%``, or the name of a function in capitals.
    arguments : tuple of Value
        What it works on.
    """

    function: str
    arguments: tuple["Value", ...]


Value = Name | Constant | Shift | Call


@dataclass(frozen=True)
class Compare:
    """A comparison of two values.

    Parameters
    ----------
    left, right : Value
        The two sides.
    operator : str
        How they are compared.
    """

    left: Value
    operator: Operator
    right: Value


@dataclass(frozen=True)
class Member:
    """A value that is one of several.

    Parameters
    ----------
    value : Value
        What is looked up.
    options : tuple of Value
        The list.
    """

    value: Value
    options: tuple[Value, ...]


@dataclass(frozen=True)
class Between:
    """A value between two others, both included.

    Parameters
    ----------
    value, low, high : Value
        What is compared, and its bounds.
    """

    value: Value
    low: Value
    high: Value


@dataclass(frozen=True)
class Like:
    """A text that fits a pattern.

    Parameters
    ----------
    value : Value
        The text.
    pattern : str
        ``%`` stands for any text, ``_`` for one character.
    any_case : bool
        Whether capitals make no difference.
    """

    value: Value
    pattern: str
    any_case: bool


@dataclass(frozen=True)
class Missing:
    """A value that is not there.

    Parameters
    ----------
    value : Value
        What is looked at.
    """

    value: Value


@dataclass(frozen=True)
class Truth:
    """A yes/no value that stands for itself.

    Parameters
    ----------
    value : Value
        A column, or TRUE or FALSE.
    """

    value: Value


@dataclass(frozen=True)
class Not:
    """A condition that must not hold.

    Parameters
    ----------
    inner : Condition
        The condition.
    """

    inner: "Condition"


@dataclass(frozen=True)
class All:
    """Conditions that must all hold.

    Parameters
    ----------
    parts : tuple of Condition
        At least two.
    """

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Some:
    """Conditions of which one must hold.

    Parameters
    ----------
    parts : tuple of Condition
        At least two.
    """

    parts: tuple["Condition", ...]


Atom = Compare | Member | Between | Like | Missing | Truth
Condition = Atom | Not | All | Some


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """Return the conditions that must all hold for a rule to hold.

    Parameters
    ----------
    condition : Condition
        A rule.

    Returns
    -------
    tuple of Condition
        The parts of its outermost AND; the rule itself where there is none.
    """
    return condition.parts if isinstance(condition, All) else (condition,)


def values_of(atom: Atom) -> tuple[Value, ...]:
    """Return the values that an atom looks at, its own one first.

    Parameters
    ----------
    atom : Atom
        A condition without conditions in it.

    Returns
    -------
    tuple of Value
        At least one.
    """
    if isinstance(atom, Compare):
        return atom.left, atom.right
    if isinstance(atom, Member):
        return atom.value, *atom.options
    if isinstance(atom, Between):
        return atom.value, atom.low, atom.high
    return (atom.value,)


def atoms(condition: Condition) -> Iterator[Atom]:
    """Go through the conditions that have no condition in them.

    Parameters
    ----------
    condition : Condition
        A rule.

    Yields
    ------
    Atom
        In the order in which they are written.
    """
    if isinstance(condition, Not):
        yield from atoms(condition.inner)
    elif isinstance(condition, All | Some):
        for part in condition.parts:
            yield from atoms(part)
    else:
        yield condition


def columns_of(condition: Condition) -> tuple[str, ...]:
    """Return the columns that a rule names.

    Parameters
    ----------
    condition : Condition
        A rule.

    Returns
    -------
    tuple of str
        Each once, in the order in which they are written.
    """
    names = (name for atom in atoms(condition) for value in values_of(atom) for name in value_columns(value))
    return tuple(dict.fromkeys(names))


def value_columns(value: Value) -> Iterator[str]:
    """Go through the columns that a value names.

    Parameters
    ----------
    value : Value
        Any value.

    Yields
    ------
    str
        Names, repeated ones too.
    """
    if isinstance(value, Name):
        yield value.name
    elif isinstance(value, Shift):
        yield from value_columns(value.base)
    elif isinstance(value, Call):
        for argument in value.arguments:
            yield from value_columns(argument)
