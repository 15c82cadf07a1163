"""What a recipe returned, checked and brought into the order of the customers it was asked about."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from foretell.errors import DataError, Violation
from foretell.evaluation.vectors import FloatArray


@dataclass(frozen=True)
class Answer:
    """What values a predicted column may hold.

    Parameters
    ----------
    low, high : float
        Bounds, both allowed.
    nullable : bool
        Whether null has a meaning: no purchase is expected within the window.
    """

    low: float = float("-inf")
    high: float = float("inf")
    nullable: bool = False


ANSWERS: Mapping[str, Answer] = {
    "predicted_orders": Answer(low=0.0),
    "predicted_clv": Answer(),
    "churn_risk": Answer(low=0.0, high=1.0),
    "p_order": Answer(low=0.0, high=1.0),
    "next_order_days": Answer(low=0.0, nullable=True),
    "next_order_days_early": Answer(low=0.0, nullable=True),
    "next_order_days_late": Answer(low=0.0, nullable=True),
    "spend_low": Answer(),
    "spend_high": Answer(),
}
"""Columns that a recipe may return; one that is missing is a question it does not answer."""

INTERVALS = (("next_order_days_early", "next_order_days_late"), ("spend_low", "spend_high"))


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers of one recipe, in the order of the customers.

    Attributes
    ----------
    rung : str
        Name of the recipe.
    columns : mapping of str to ndarray of float64, shape (customers,)
        The columns of `ANSWERS` that it answers; NaN where a nullable one was null.
    """

    rung: str
    columns: Mapping[str, FloatArray] = field(default_factory=dict)

    def answers(self, *names: str) -> bool:
        """Say whether all columns of these names were answered.

        Parameters
        ----------
        *names : str
            Keys of `ANSWERS`.

        Returns
        -------
        bool
            True for no names.
        """
        return all(name in self.columns for name in names)


def check_predictions(frame: pl.DataFrame, customers: pl.Series, *, rung: str) -> Predictions:
    """Check what a recipe returned, and sort it like the customers.

    Parameters
    ----------
    frame : pl.DataFrame
        ``customer_id`` String and columns of `ANSWERS`, one row per customer in any order; further columns
        are not read. Not modified.
    customers : pl.Series
        String, sorted, unique: the customers asked about.
    rung : str
        Name of the recipe, for the error text.

    Returns
    -------
    Predictions

    Raises
    ------
    DataError
        Naming the recipe and every problem with its count: missing, unknown, repeated or null customers; no
        known column; nulls, NaN, infinities or values out of bounds; an interval that ends below its start.
    """
    problems = _keys(frame, customers)
    names = [name for name in ANSWERS if name in frame.columns]
    if not names:
        problems.append(_violation(None, f"none of the columns {', '.join(ANSWERS)} is there", 1))
    for name in names:
        problems += _values(frame[name], ANSWERS[name])
    if not problems:
        problems += [problem for pair in INTERVALS for problem in _ends(frame, *pair)]
    if problems:
        raise DataError(problems, source=f"from recipe {rung!r}")
    ordered = customers.to_frame("customer_id").join(
        frame.select("customer_id", *names), on="customer_id", how="left", maintain_order="left"
    )
    columns = {
        name: ordered[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64) for name in names
    }
    return Predictions(rung, columns)


def _keys(frame: pl.DataFrame, customers: pl.Series) -> list[Violation]:
    if frame.schema.get("customer_id") != pl.String:
        return [_violation("customer_id", "the column is missing or not text", 1)]
    keys = frame["customer_id"]
    known = keys.is_in(customers.implode())
    return [
        *_count("customer_id", "null", keys.is_null()),
        *_count("customer_id", "row of a customer who has several", keys.is_duplicated() & keys.is_not_null()),
        *_count("customer_id", "customer without a purchase before the cutoff", ~known & keys.is_not_null()),
        *_missing(int((~customers.is_in(keys.implode())).sum()), len(customers)),
    ]


def _missing(count: int, customers: int) -> list[Violation]:
    rule = f"customers of {customers:,} without a prediction"
    return [_violation("customer_id", rule, count)] if count else []


def _values(column: pl.Series, answer: Answer) -> list[Violation]:
    if not column.dtype.is_numeric():
        return [_violation(column.name, f"numbers are needed, got {column.dtype}", len(column))]
    values = column.cast(pl.Float64)
    finite = values.is_finite().fill_null(value=True)
    outside = (values < answer.low) | (values > answer.high)
    problems = [
        *_count(column.name, "NaN or infinite", ~finite),
        *_count(column.name, f"outside [{answer.low:g}, {answer.high:g}]", outside.fill_null(value=False) & finite),
    ]
    return problems if answer.nullable else [*_count(column.name, "null", values.is_null()), *problems]


def _ends(frame: pl.DataFrame, low: str, high: str) -> list[Violation]:
    given = [name for name in (low, high) if name in frame.columns]
    if len(given) == 1:
        return [_violation(given[0], f"{low} and {high} are needed together", 1)]
    if not given:
        return []
    one_null = frame[low].is_null() != frame[high].is_null()
    return [
        *_count(low, f"only one of {low} and {high} is null", one_null),
        *_count(high, f"below {low}", (frame[high] < frame[low]).fill_null(value=False)),
    ]


def _count(column: str, rule: str, wrong: pl.Series) -> list[Violation]:
    count = int(wrong.sum())
    rows = tuple(int(row) + 1 for row in wrong.arg_true().head(3))
    return [_violation(column, rule, count, rows)] if count else []


def _violation(column: str | None, rule: str, count: int, rows: tuple[int, ...] = ()) -> Violation:
    return Violation("predictions", column, rule, count, rows, "Correct the recipe's fit_predict.")
