"""One column as it was read: its values, the rows that cannot be used, and what must stop the reading."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from foretell.errors import Violation
from foretell.tables.dataset import Note


@dataclass(frozen=True)
class Parsed:
    """One column as it was read, in source order.

    Parameters
    ----------
    values : polars.Series
        The values in foretell's type; null where a row has none or cannot be used.
    unusable : tuple of (str, polars.Series)
        Reason and Boolean mask of rows for quarantine; only masks that hold a row.
    refusals : tuple of Violation
        Problems that make the whole column untrustworthy.
    notes : tuple of Note
        What was found that stops nothing.
    tallies : mapping of str to int
        Counts that rest on no other rows and tell something only once they are added up over all batches.
    """

    values: pl.Series
    unusable: tuple[tuple[str, pl.Series], ...] = ()
    refusals: tuple[Violation, ...] = ()
    notes: tuple[Note, ...] = ()
    tallies: Mapping[str, int] = field(default_factory=dict)


def masks(**candidates: pl.Series) -> tuple[tuple[str, pl.Series], ...]:
    """Keep the masks that hold a row.

    Parameters
    ----------
    **candidates : polars.Series
        Boolean mask without nulls by reason.

    Returns
    -------
    tuple of (str, polars.Series)
        Reason and mask, in the order given.
    """
    return tuple((reason, mask) for reason, mask in candidates.items() if mask.any())


def first_rows(mask: pl.Series) -> tuple[int, ...]:
    """Return the 1-based numbers of the first three rows of a mask.

    Parameters
    ----------
    mask : polars.Series
        Boolean, one value per row in source order.

    Returns
    -------
    tuple of int
        At most three row numbers.
    """
    return tuple(int(index) + 1 for index in mask.arg_true().head(3))


def most(mask: pl.Series) -> bool:
    """Say whether a mask holds more than half of its rows.

    Parameters
    ----------
    mask : polars.Series
        Boolean, one value per row.

    Returns
    -------
    bool
        True if more than half of the rows are in it.
    """
    return 2 * int(mask.sum()) > mask.len()
