"""What must hold of a run before any of it is published."""

from collections.abc import Sequence

import polars as pl

from foretell.delivery.run import Run
from foretell.engines.stored_scores import StoredScores
from foretell.errors import ColumnMismatch, GateRefused, did_you_mean
from foretell.tables.schema import Column

_FATES = ("used", "at_or_after_as_of", "quarantined")


def check_run(run: Run) -> None:
    """Refuse a run whose scores break their own schema or whose rows do not add up.

    Parameters
    ----------
    run : Run
        What is about to be published.

    Raises
    ------
    ColumnMismatch
        If scores or prospects have other columns, another order or other types than their schema.
    GateRefused
        If a value is missing where none may be, a number is NaN or infinite, a probability lies outside
        0..1, a customer appears twice, rows are not sorted by ``customer_id``, or the row counts do not add up.
    """
    tables: list[tuple[str, pl.DataFrame | StoredScores, tuple[Column, ...]]] = [("scores", run.scores, run.columns)]
    if run.prospect_table is not None:
        tables.append(("prospects", run.prospect_table.scores, run.prospect_table.columns))
    for table in tables:
        _check_columns(*table)
    problems = [
        problem if table == "scores" else f"{table}: {problem}"
        for table, frame, columns in tables
        for problem in _value_problems(frame, columns)
    ]
    problems += _count_problems(run)
    if problems:
        raise GateRefused(
            "The scores were not published, because they are not sound:\n"
            + "\n".join(f"  - {problem}" for problem in problems)
            + "\nNothing was written. Remedy: train again on data that `foretell check` accepts."
        )


def _check_columns(table: str, frame: pl.DataFrame | StoredScores, columns: Sequence[Column]) -> None:
    expected = {column.name: column.dtype for column in columns}
    found = dict(frame.schema)
    problems = [
        *(f"{name} is missing" for name in expected if name not in found),
        *(f"{name} is not expected.{did_you_mean(name, expected)}" for name in found if name not in expected),
        *(
            f"{name} is {found[name]}, not {dtype}"
            for name, dtype in expected.items()
            if name in found and found[name] != dtype
        ),
    ]
    if not problems and list(expected) != list(found):
        problems = ["the columns are in another order"]
    if problems:
        raise ColumnMismatch(f"The {table} do not have the columns of their schema: " + "; ".join(problems) + ".")


def _value_problems(scores: pl.DataFrame | StoredScores, columns: Sequence[Column]) -> list[str]:
    problems: list[str] = []
    for column in columns:
        values = scores.get_column(column.name)
        empty = values.null_count()
        if empty and not column.nullable:
            problems.append(f"{column.name} is empty in {empty:,} rows")
        if values.dtype.is_float():
            broken = int((~values.is_finite()).sum())
            if broken:
                problems.append(f"{column.name} is NaN or infinite in {broken:,} rows")
            if is_probability(column):
                outside = int(((values < 0) | (values > 1)).sum())
                if outside:
                    problems.append(f"{column.name} lies outside 0 to 1 in {outside:,} rows")
    ids = scores.get_column("customer_id")
    if ids.n_unique() != ids.len():
        problems.append(f"{ids.len() - ids.n_unique():,} rows repeat a customer")
    if not ids.is_sorted():
        problems.append("the rows are not sorted by customer_id")
    return problems


def _count_problems(run: Run) -> list[str]:
    counts = run.counts
    all_rows = {name: getattr(counts, name) for name in ("rows_in", *_FATES)}
    problems = []
    for where, numbers in {"": all_rows, **{f" of {name}": table for name, table in counts.tables.items()}}.items():
        accounted = sum(numbers[fate] for fate in _FATES)
        if numbers["rows_in"] != accounted:
            problems.append(f"{numbers['rows_in']:,} rows{where} were read, but {accounted:,} are accounted for")
    return problems


def is_probability(column: Column) -> bool:
    """Tell whether a column holds probabilities, by its unit.

    Parameters
    ----------
    column : Column
        One column of a schema.

    Returns
    -------
    bool
        True where values lie in 0..1.
    """
    return column.unit.startswith("probability") and column.dtype == pl.Float64


def is_money(column: Column) -> bool:
    """Tell whether a column holds money in the shop's currency, by its unit.

    Parameters
    ----------
    column : Column
        One column of a schema.

    Returns
    -------
    bool
        True where values are money.
    """
    return column.unit.startswith("money")
