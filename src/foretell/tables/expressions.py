"""SQL expressions over a source's columns, with text read as numbers where the expression needs numbers.

An expression may read its own row only: a sum or a rank over all rows would let rows after a cutoff change what
was known before it. Which text columns are read as numbers is settled by types alone, never by what cells hold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from foretell.tables.amounts import number_from_text

_PROBE_NUMBERS = (1, 2, 3)


class ExpressionProblem(Exception):
    """Why an expression cannot be used; neither text holds a value from the data.

    Parameters
    ----------
    rule : str
        What is wrong.
    remedy : str
        What to do about it; empty if naming another column is all there is.
    """

    def __init__(self, rule: str, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(rule)


class ReadsOtherRows(ExpressionProblem):
    """The value of a row would depend on other rows."""


@dataclass(frozen=True)
class Expression:
    """A usable SQL expression.

    Parameters
    ----------
    sql : str
        As the user wrote it.
    roots : tuple of str
        Source columns that it reads.
    as_numbers : tuple of str
        Those that are text and are read as numbers first.
    """

    sql: str
    roots: tuple[str, ...]
    as_numbers: tuple[str, ...]

    def evaluate(self, rows: pl.DataFrame, *, decimal_comma: bool) -> pl.Series:
        """Compute the expression for every row.

        Parameters
        ----------
        rows : polars.DataFrame
            Holds the roots.
        decimal_comma : bool
            Whether numbers in text have a decimal comma.

        Returns
        -------
        polars.Series
            One value per row.

        Raises
        ------
        ExpressionProblem
            If it fails on some row.
        """
        try:
            return _evaluate(self.sql, rows, self.as_numbers, decimal_comma=decimal_comma)
        except pl.exceptions.PolarsError:
            rule = "the expression fails on some row"
            # polars' own text quotes the cell: it must not be chained.
            raise ExpressionProblem(rule, "TRY_CAST instead of CAST gives no value where one fails.") from None


def root_names(sql: str) -> tuple[str, ...]:
    """Return the columns that an SQL expression reads.

    Parameters
    ----------
    sql : str
        The expression.

    Returns
    -------
    tuple of str
        Names, each once, in order.

    Raises
    ------
    ExpressionProblem
        If it cannot be understood as one SQL expression.
    """
    try:
        return tuple(dict.fromkeys(pl.sql_expr(sql).meta.root_names()))
    except pl.exceptions.PolarsError:
        rule = "it is neither a column nor an SQL expression"
        raise ExpressionProblem(rule) from None


def prepare(sql: str, schema: pl.Schema, *, wanted: Callable[[pl.DataType], bool], numbers_first: bool) -> Expression:
    """Find how an expression gives values of the wanted type, and that it reads its own row only.

    Parameters
    ----------
    sql : str
        The expression; its columns are in `schema`.
    schema : polars.Schema
        Types of the source columns.
    wanted : callable
        Says whether a type will do.
    numbers_first : bool
        Whether text columns are rather read as numbers than left as text.

    Returns
    -------
    Expression
        The expression with the text columns that are to be read as numbers.

    Raises
    ------
    ExpressionProblem
        If no reading of it works.
    ReadsOtherRows
        If it needs more than its own row.
    """
    roots = root_names(sql)
    text = [name for name in roots if schema[name] == pl.String]
    probe = _probe(roots, schema)
    choices = [chosen for size in range(len(text) + 1) for chosen in combinations(text, size)]
    for chosen in sorted(choices, key=len, reverse=numbers_first):
        try:
            values = _evaluate(sql, probe, chosen, decimal_comma=False)
        except pl.exceptions.PolarsError:
            continue
        if wanted(values.dtype):
            _require_own_row(sql, probe, chosen, values)
            return Expression(sql, roots, chosen)
    rule = "the expression does not fit the types of its columns, or gives another type than is needed"
    raise ExpressionProblem(rule)


def _evaluate(sql: str, rows: pl.DataFrame, as_numbers: Sequence[str], *, decimal_comma: bool) -> pl.Series:
    numbers = [number_from_text(pl.col(name), decimal_comma=decimal_comma).alias(name) for name in as_numbers]
    return rows.with_columns(numbers).with_columns(pl.sql_expr(sql).alias("foretell: value"))["foretell: value"]


def _probe(roots: Sequence[str], schema: pl.Schema) -> pl.DataFrame:
    """Three rows that differ in every column."""
    numbers = pl.Series(_PROBE_NUMBERS)
    columns = {}
    for name in roots or tuple(schema)[:1]:
        dtype = schema[name]
        try:
            columns[name] = (numbers % 2 == 0) if dtype == pl.Boolean else numbers.cast(dtype)
        except pl.exceptions.PolarsError:
            columns[name] = pl.Series([None] * len(_PROBE_NUMBERS), dtype=dtype)
    return pl.DataFrame(columns)


def _require_own_row(sql: str, probe: pl.DataFrame, as_numbers: Sequence[str], values: pl.Series) -> None:
    one_by_one = [
        _evaluate(sql, probe.slice(index, 1), as_numbers, decimal_comma=False) for index in range(probe.height)
    ]
    alone = pl.concat(one_by_one)
    backwards = _evaluate(sql, probe.reverse(), as_numbers, decimal_comma=False).reverse()
    # A window whose groups hold one probe row each gives itself away by its name only.
    windowed = ".over(" in str(pl.sql_expr(sql))
    if windowed or not (values.equals(alone) and values.equals(backwards)):
        rule = "the expression looks at other rows (a sum, rank or window)"
        remedy = "An expression may read its own row only: later rows must not change what was known before."
        raise ReadsOtherRows(rule, remedy)
