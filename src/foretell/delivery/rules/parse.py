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
    from collections.abc import Mapping

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
        raise NoRule("is no SQL condition.") from None
    return _condition(tree)


def _condition(node: Any) -> Condition:
    kind = type(node).__name__
    if kind == "Paren":
        return _condition(node.this)
    if kind in ("And", "Or"):
        return _joined(node, kind)
    if kind == "Not":
        return _not(_condition(node.this))
    if kind in _COMPARISONS:
        return Compare(_value(node.this), _COMPARISONS[kind], _value(node.expression))
    if kind == "In" and not node.args.get("query") and not node.args.get("unnest"):
        return Member(_value(node.this), tuple(_value(option) for option in node.expressions))
    if kind == "Between":
        return Between(_value(node.this), _value(node.args["low"]), _value(node.args["high"]))
    if kind in ("Like", "ILike"):
        return _denied(node, _like(node, any_case=kind == "ILike"))
    if kind == "Is":
        return _denied(node, _is(node))
    if kind == "Column" or (kind == "Boolean"):
        return Truth(_value(node))
    if kind in ("Literal", "Null", *_ARITHMETIC, *_FUNCTIONS, "Extract"):
        raise NoRule("is no condition: it gives a value, not true or false.")
    raise _unknown(node)


def _joined(node: Any, kind: str) -> Condition:
    # By hand, not by recursion: a rule of a thousand parts is deep on its left side.
    sides, parts = [node], []
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


def _like(node: Any, *, any_case: bool) -> Condition:
    pattern = _value(node.expression)
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        raise NoRule("must give LIKE a text in single quotes.")
    return Like(_value(node.this), pattern.value, any_case)


def _is(node: Any) -> Condition:
    right = _value(node.expression)
    if right == Constant(None):
        return Missing(_value(node.this))
    if isinstance(right, Constant) and isinstance(right.value, bool):
        # IS never leaves a missing value open, unlike =.
        return Compare(Call("COALESCE", (_value(node.this), Constant(not right.value))), "=", right)
    raise NoRule("uses IS with something other than NULL, TRUE or FALSE.")


def _value(node: Any) -> Value:
    kind = type(node).__name__
    if kind == "Paren":
        return _value(node.this)
    if kind == "Column":
        if node.table:
            raise NoRule(f"names the column {node.sql()!r} with a table: write {node.name!r}.")
        return Name(str(node.name))
    if kind == "Literal":
        return Constant(str(node.this) if node.is_string else _number(str(node.this)))
    if kind == "Boolean":
        return Constant(bool(node.this))
    if kind == "Null":
        return Constant(None)
    if kind == "Neg":
        inner = _value(node.this)
        if isinstance(inner, Constant) and isinstance(inner.value, int | float):
            return Constant(-inner.value)
        return Call("-", (Constant(0), inner))
    if kind in ("Add", "Sub"):
        return _sum(node, _ARITHMETIC[kind])
    if kind in _ARITHMETIC:
        return Call(_ARITHMETIC[kind], (_value(node.this), _value(node.expression)))
    if kind == "Extract" and node.name.upper() in _DATE_PARTS:
        return Call(node.name.upper(), (_value(node.expression),))
    if kind in _FUNCTIONS:
        return Call(_FUNCTIONS[kind], tuple(_value(part) for part in _arguments(node)))
    if kind == "Cast" and node.to.this.value in ("DATE", "TIMESTAMP") and getattr(node.this, "is_string", False):
        return Constant(str(node.this.this))
    raise _unknown(node)


def _arguments(node: Any) -> list[Any]:
    decimals = node.args.get("decimals")
    return [node.this, *node.expressions, *([decimals] if decimals is not None else [])]


def _sum(node: Any, sign: str) -> Value:
    left, right = _value(node.this), node.expression
    if type(right).__name__ != "Interval":
        return Call(sign, (left, _value(right)))
    match = re.fullmatch(r"(\d+)", str(right.this.this)) if right.this is not None else None
    unit = _UNITS.get(str(right.unit or "").upper().removesuffix("S"))
    if match is None or unit is None:
        raise NoRule("holds an interval that is not one number and one unit, as in INTERVAL '30 days'.")
    count = int(match.group(1)) * unit[1]
    return Shift(left, -count if sign == "-" else count, unit[0])


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"\d+", text) else float(text)


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
