"""From the SQL of a rule to its tree: the only place that knows sqlglot.

What is not in the tree's vocabulary is refused by name: another row, another table, the clock and chance have no
say in who is in a segment.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

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
    Operator,
    Shift,
    Some,
    Truth,
    Unit,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMPARISONS: Mapping[str, Operator] = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%"}
_FUNCTIONS = {"Lower": "LOWER", "Upper": "UPPER", "Abs": "ABS", "Coalesce": "COALESCE", "Round": "ROUND"}
_DATE_PARTS = ("YEAR", "MONTH", "DAY")
_UNITS: Mapping[str, tuple[Unit, int]] = {
    "SECOND": ("second", 1),
    "MINUTE": ("minute", 1),
    "HOUR": ("hour", 1),
    "DAY": ("day", 1),
    "WEEK": ("day", 7),
    "MONTH": ("month", 1),
    "QUARTER": ("month", 3),
    "YEAR": ("year", 1),
}
_CLOCKS = ("CurrentDate", "CurrentTimestamp", "CurrentTime", "CurrentDatetime", "Localtime", "Localtimestamp")
_POPULATION = "A rule reads its own customer only; a rank is asked with a name such as avg_order_value_percentile > 80."


class NoRule(ValueError):
    """Why a text is no rule, as a part of a sentence that ends with a full stop."""


@cache
def parse_rule(sql: str) -> Condition:
    """Read a rule.

    Parameters
    ----------
    sql : str
        An SQL condition: columns, numbers, 'texts', TRUE, FALSE, NULL; AND, OR, NOT, comparisons, IN, BETWEEN, LIKE,
        ILIKE, IS NULL; ``DATE '2026-11-01'`` and ``as_of - INTERVAL '30 days'``; plus, minus, times, divided by,
        COALESCE, LOWER, UPPER, ABS, ROUND, EXTRACT(YEAR, MONTH or DAY).

    Returns
    -------
    Condition
        Its tree.

    Raises
    ------
    NoRule
        If it is no condition, or uses what a rule may not.
    """
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        tree: Any = parse_one(sql, read="postgres", into=exp.Condition)
    except (SqlglotError, RecursionError):
        msg = "is no SQL condition."
        raise NoRule(msg) from None
    return _condition(tree)


def _condition(node: Any) -> Condition:
    kind = type(node).__name__
    if kind in _COMPARISONS:
        return Compare(_value(node.this), _COMPARISONS[kind], _value(node.expression))
    if kind in _CONDITIONS:
        return _CONDITIONS[kind](node)
    if kind in ("Literal", "Null", *_ARITHMETIC, *_FUNCTIONS, "Extract"):
        msg = "is no condition: it gives a value, not true or false."
        raise NoRule(msg)
    raise _unknown(node)


def _member(node: Any) -> Condition:
    if node.args.get("query") or node.args.get("unnest"):
        raise _unknown(node)
    return Member(_value(node.this), tuple(_value(option) for option in node.expressions))


def _between(node: Any) -> Condition:
    return Between(_value(node.this), _value(node.args["low"]), _value(node.args["high"]))


def _joined(node: Any) -> Condition:
    kind = type(node).__name__
    # By hand, not by recursion: a rule of a thousand parts is deep on its left side.
    sides: list[Any] = [node]
    parts: list[Condition] = []
    while sides:
        side = sides.pop()
        if type(side).__name__ == kind:
            sides += [side.expression, side.this]
        else:
            part = _condition(side)
            same = All if kind == "And" else Some
            parts += part.parts if isinstance(part, same) else [part]
    return All(tuple(parts)) if kind == "And" else Some(tuple(parts))


def _not(inner: Condition) -> Condition:
    return inner.inner if isinstance(inner, Not) else Not(inner)


def _denied(node: Any, condition: Condition) -> Condition:
    return _not(condition) if node.args.get("negate") else condition


def _like(node: Any) -> Condition:
    pattern = _value(node.expression)
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        msg = "must give LIKE a text in single quotes."
        raise NoRule(msg)
    return _denied(node, Like(_value(node.this), pattern.value, any_case=type(node).__name__ == "ILike"))


def _is(node: Any) -> Condition:
    right = _value(node.expression)
    if right == Constant(None):
        return _denied(node, Missing(_value(node.this)))
    if isinstance(right, Constant) and isinstance(right.value, bool):
        # IS never leaves a missing value open, unlike =.
        known = Call("COALESCE", (_value(node.this), Constant(not right.value)))
        return _denied(node, Compare(known, "=", right))
    msg = "uses IS with something other than NULL, TRUE or FALSE."
    raise NoRule(msg)


def _value(node: Any) -> Value:
    kind = type(node).__name__
    if kind in _VALUES:
        return _VALUES[kind](node)
    if kind in _ARITHMETIC:
        return Call(_ARITHMETIC[kind], (_value(node.this), _value(node.expression)))
    if kind in _FUNCTIONS:
        return Call(_FUNCTIONS[kind], tuple(_value(part) for part in _arguments(node)))
    raise _unknown(node)


def _name(node: Any) -> Value:
    if node.table:
        msg = f"names the column {node.sql()!r} with a table: write {node.name!r}."
        raise NoRule(msg)
    return Name(str(node.name))


def _literal(node: Any) -> Value:
    text = str(node.this)
    if node.is_string:
        return Constant(text)
    return Constant(int(text) if re.fullmatch(r"\d+", text) else float(text))


def _negative(node: Any) -> Value:
    inner = _value(node.this)
    if isinstance(inner, Constant) and isinstance(inner.value, int | float):
        return Constant(-inner.value)
    return Call("-", (Constant(0), inner))


def _extract(node: Any) -> Value:
    if node.name.upper() not in _DATE_PARTS:
        raise _unknown(node)
    return Call(node.name.upper(), (_value(node.expression),))


def _date(node: Any) -> Value:
    if node.to.this.value not in ("DATE", "TIMESTAMP") or not getattr(node.this, "is_string", False):
        raise _unknown(node)
    return Constant(str(node.this.this))


def _arguments(node: Any) -> list[Any]:
    decimals = node.args.get("decimals")
    return [node.this, *node.expressions, *([decimals] if decimals is not None else [])]


def _sum(node: Any) -> Value:
    sign = _ARITHMETIC[type(node).__name__]
    left, right = _value(node.this), node.expression
    if type(right).__name__ != "Interval":
        return Call(sign, (left, _value(right)))
    match = re.fullmatch(r"(\d+)", str(right.this.this)) if right.this is not None else None
    unit = _UNITS.get(str(right.unit or "").upper().removesuffix("S"))
    if match is None or unit is None:
        msg = "holds an interval that is not one number and one unit, as in INTERVAL '30 days'."
        raise NoRule(msg)
    count = int(match.group(1)) * unit[1]
    return Shift(left, -count if sign == "-" else count, unit[0])


def _unknown(node: Any) -> NoRule:
    from sqlglot import exp

    kind = type(node).__name__
    if kind in _CLOCKS or (kind == "Anonymous" and str(node.this).upper() in ("TODAY", "NOW", "GETDATE")):
        return NoRule("reads the clock: use as_of, the day of the scores.")
    if isinstance(node, exp.AggFunc | exp.Window):
        return NoRule(f"looks at other customers. {_POPULATION}")
    if isinstance(node, exp.Query | exp.Subquery | exp.In | exp.Exists):
        return NoRule("asks another table: a rule reads the columns of its own customer only.")
    word = str(node.this).upper() if kind == "Anonymous" else kind.upper()
    return NoRule(f"uses {word}, which rules do not know. `foretell segments lint --help` lists what they know.")


_CONDITIONS: Mapping[str, Callable[[Any], Condition]] = {
    "Paren": lambda node: _condition(node.this),
    "And": _joined,
    "Or": _joined,
    "Not": lambda node: _not(_condition(node.this)),
    "In": _member,
    "Between": _between,
    "Like": _like,
    "ILike": _like,
    "Is": _is,
    "Column": lambda node: Truth(_value(node)),
    "Boolean": lambda node: Truth(_value(node)),
}
"""What reads each kind of sqlglot's conditions, comparisons aside."""

_VALUES: Mapping[str, Callable[[Any], Value]] = {
    "Paren": lambda node: _value(node.this),
    "Column": _name,
    "Literal": _literal,
    "Boolean": lambda node: Constant(bool(node.this)),
    "Null": lambda _: Constant(None),
    "Neg": _negative,
    "Add": _sum,
    "Sub": _sum,
    "Extract": _extract,
    "Cast": _date,
}
"""What reads each kind of sqlglot's values, functions and arithmetic aside."""
