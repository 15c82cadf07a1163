"""What makes somebody alike, told by the value of a column beside what is usual among the seeds and the others."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from foretell.evaluation.vectors import FloatArray
from foretell.models.encoding import Encoding
from foretell.models.objectives import Matrix
from foretell.training.column_words import REASONS, facts_of, plain_numbers, top_reasons
from foretell.training.lookalike_candidates import FittedLookalike

_SMALLEST = 0.05
"""Share of all that makes a row alike, below which a column is no reason to name."""

Usual = Mapping[str, Mapping[str, float]]
"""By column: medians of a number (``seeds``, ``others``); shares of a level (``seeds:level``, ``others:level``)."""


def usual_values(matrix: Matrix, seeds: FloatArray, encoding: Encoding) -> dict[str, dict[str, float]]:
    """Return what is usual among the seeds and among the others.

    Parameters
    ----------
    matrix : ndarray of float64, shape (rows, features)
        As from `Encoding.to_matrix`.
    seeds : ndarray of shape (rows,)
        1 for a seed, else 0; both present.
    encoding : Encoding
        Names and levels of the columns.

    Returns
    -------
    dict
        As `Usual`; without medians of columns that have no value there.
    """
    found: dict[str, dict[str, float]] = {}
    for place, name in enumerate(encoding.features):
        told: dict[str, float] = {}
        for who, rows in (("seeds", seeds > 0), ("others", seeds == 0)):
            values = matrix[rows, place]
            if name in encoding.levels:
                told |= {
                    f"{who}:{level}": float((values == code).mean()) for code, level in enumerate(encoding.levels[name])
                }
            elif not np.isnan(values).all():
                # Four digits are what one tells; the matrix itself is on a grid.
                told[who] = float(f"{np.nanmedian(values):.4g}")
        found[name] = told
    return found


def reasons_of_the_best(
    frame: pl.DataFrame,
    score: FloatArray,
    *,
    fitted: FittedLookalike,
    encoding: Encoding,
    usual: Usual,
    most: int,
) -> pl.DataFrame:
    """Tell what makes the most alike of some rows alike.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows as they were given.
    score : ndarray of shape (rows,)
        Their resemblance.
    fitted : FittedLookalike
        What scored them.
    encoding : Encoding
        Names and known categories of the columns.
    usual : mapping
        As from `usual_values`.
    most : int
        Rows to explain, highest score first.

    Returns
    -------
    polars.DataFrame
        ``reason_1`` … ``reason_3``, in the order of the rows; null for the others.
    """
    told = pl.DataFrame(schema=dict.fromkeys(REASONS, pl.String)).clear(frame.height)
    best = np.sort(np.argsort(-np.round(score, 9), kind="stable")[:most])
    if not best.size:
        return told
    rows = frame[best]
    words = lookalike_reasons(rows, fitted.contributions(encoding.to_matrix(rows)), encoding, usual)
    return told.with_columns(told[name].scatter(best, words[name]) for name in REASONS)


def lookalike_reasons(frame: pl.DataFrame, contributions: FloatArray, encoding: Encoding, usual: Usual) -> pl.DataFrame:
    """Tell the three columns that make each row most alike.

    Parameters
    ----------
    frame : polars.DataFrame
        The rows as they were given.
    contributions : ndarray of shape (rows, features)
        What each column adds; what makes less alike is not told.
    encoding : Encoding
        Names and known categories of the columns.
    usual : mapping
        As from `usual_values`.

    Returns
    -------
    polars.DataFrame
        ``reason_1`` … ``reason_3``, in the order of the rows; null where nothing is worth naming.
    """
    alike = np.maximum(contributions, 0.0)
    total = alike.sum(1, keepdims=True)
    shares = np.divide(alike, total, out=np.zeros(alike.shape), where=total > 0)
    return top_reasons(
        frame, shares, encoding.features, _SMALLEST, lambda column, _: _words(column, encoding, usual[column.name])
    )


def _words(column: pl.Series, encoding: Encoding, usual: Mapping[str, float]) -> pl.Series:
    facts = facts_of(column, encoding)
    if column.name in encoding.levels:
        levels = list(encoding.levels[column.name])
        told = [
            f" ({100 * usual[f'seeds:{each}']:.0f} % of the seeds, {100 * usual[f'others:{each}']:.0f} % of the others)"
            for each in levels
        ]
        beside = column.cast(pl.String).replace_strict(levels, told, default="", return_dtype=pl.String)
        return facts + beside.fill_null("")
    if column.dtype == pl.Boolean or not {"seeds", "others"} <= set(usual):
        return facts
    seeds, others = plain_numbers(pl.Series([usual["seeds"], usual["others"]])).to_list()
    known = ~column.cast(pl.Float64).fill_nan(None).is_null()
    typical = pl.lit(f" (seeds typically {seeds}, others {others})")
    return facts + pl.select(pl.when(known).then(typical).otherwise(pl.lit(""))).to_series()


def read_usual(state: Any) -> dict[str, dict[str, float]]:
    """Rebuild what is usual from plain values.

    Parameters
    ----------
    state : object
        As from `usual_values`, possibly through JSON.

    Returns
    -------
    dict

    Raises
    ------
    AttributeError, TypeError, ValueError
        If the values are others.
    """
    return {str(name): {str(key): float(value) for key, value in told.items()} for name, told in state.items()}
