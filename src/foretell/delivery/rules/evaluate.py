"""From the tree of a rule to a polars expression, by way of polars' own SQL."""

from dataclasses import replace
from datetime import date, datetime

import polars as pl

from foretell.delivery.rules.condition import (
    All,
    Between,
    Compare,
    Condition,
    Constant,
    Like,
    Member,
    Missing,
    Name,
    Not,
    Scalar,
    Shift,
    Some,
    Truth,
    Value,
)


def expression(condition: Condition) -> pl.Expr:
    """Return the polars expression of a rule whose types were checked.

    Parameters
    ----------
    condition : Condition
        As from `foretell.delivery.rules.types.typed`.

    Returns
    -------
    pl.Expr
        Boolean; null where a missing value leaves the rule open, which is not true.
    """
    return pl.sql_expr(sql_of(condition))


def at(condition: Condition, as_of: datetime) -> Condition:
    """Return a rule with the day of the scores, and what is counted from it, written as instants.

    Parameters
    ----------
    condition : Condition
        A rule.
    as_of : datetime
        The day of the scores.

    Returns
    -------
    Condition
        The same rule on that day.
    """
    if isinstance(condition, Not):
        return Not(at(condition.inner, as_of))
    if isinstance(condition, All | Some):
        return replace(condition, parts=tuple(at(part, as_of) for part in condition.parts))
    if isinstance(condition, Compare):
        return Compare(_at(condition.left, as_of), condition.operator, _at(condition.right, as_of))
    if isinstance(condition, Member):
        return Member(_at(condition.value, as_of), tuple(_at(option, as_of) for option in condition.options))
    if isinstance(condition, Between):
        return Between(*(_at(value, as_of) for value in (condition.value, condition.low, condition.high)))
    return condition


def _at(value: Value, as_of: datetime) -> Value:
    if value == Name("as_of"):
        return Constant(as_of)
    if isinstance(value, Shift):
        base = _at(value.base, as_of)
        if isinstance(base, Constant) and isinstance(base.value, date):
            return Constant(pl.select(pl.sql_expr(_sql(replace(value, base=base)))).item())
    return value


def sql_of(condition: Condition) -> str:
    """Return a rule as SQL that polars reads, every bracket written out.

    Parameters
    ----------
    condition : Condition
        A rule.

    Returns
    -------
    str
        One expression.
    """
    if isinstance(condition, Not):
        return f"(NOT {sql_of(condition.inner)})"
    if isinstance(condition, Compare):
        return f"({_sql(condition.left)} {condition.operator} {_sql(condition.right)})"
    if isinstance(condition, Member):
        return f"({_sql(condition.value)} IN ({', '.join(_sql(option) for option in condition.options)}))"
    if isinstance(condition, Between):
        return f"({_sql(condition.value)} BETWEEN {_sql(condition.low)} AND {_sql(condition.high)})"
    if isinstance(condition, Like):
        word = "ILIKE" if condition.any_case else "LIKE"
        return f"({_sql(condition.value)} {word} {_sql(Constant(condition.pattern))})"
    if isinstance(condition, Missing):
        return f"({_sql(condition.value)} IS NULL)"
    if isinstance(condition, Truth):
        return f"({_sql(condition.value)} = TRUE)" if isinstance(condition.value, Name) else _sql(condition.value)
    word = " AND " if isinstance(condition, All) else " OR "
    return f"({word.join(sql_of(part) for part in condition.parts)})"


def _sql(value: Value) -> str:
    if isinstance(value, Name):
        return '"' + value.name.replace('"', '""') + '"'
    if isinstance(value, Constant):
        return _literal(value.value)
    if isinstance(value, Shift):
        return f"({_sql(value.base)} {'-' if value.count < 0 else '+'} INTERVAL '{abs(value.count)} {value.unit}s')"
    arguments = [_sql(argument) for argument in value.arguments]
    if value.function in ("YEAR", "MONTH", "DAY"):
        return f"EXTRACT({value.function} FROM {arguments[0]})"
    if value.function.isalpha():
        return f"{value.function}({', '.join(arguments)})"
    return f"({arguments[0]} {value.function} {arguments[1]})"


def _literal(value: Scalar) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return f"CAST('{value.isoformat(sep=' ')}' AS TIMESTAMP)"
    if isinstance(value, date):
        return f"CAST('{value.isoformat()}' AS DATE)"
    return "'" + value.replace("'", "''") + "'"
