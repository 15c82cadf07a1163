"""Ids that read as whole numbers close to one another: told apart by their place, with nothing sorted or digested."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.storage.threads import on_threads

_AT_ONCE = 2**17
_CELLS_PER_ROW = 4
_LOWEST = -(2**63)


def places_of(ids: pl.Series) -> NDArray[np.uint32] | None:
    """Return the number that each id reads as, counted from some number below all of them.

    Parameters
    ----------
    ids : polars.Series
        String without nulls.

    Returns
    -------
    ndarray of uint32, shape (rows,) or None
        Below 4 a row. The same for ids that are written in two ways, as ``7`` and ``07`` are. None where an id reads as
        no number of 64 bits, or they are far apart.
    """
    place = np.empty(ids.len(), np.uint32)
    base = _base(ids)

    def read(start: int) -> bool:
        found = None if base is None else _from(base, ids, start)
        if found is not None:
            place[start : start + _AT_ONCE] = found
        return found is not None

    # Most ids that are no numbers are seen to be none in the first part.
    starts = range(0, place.size, _AT_ONCE)
    return place if all(map(read, starts[:1])) and all(on_threads(read, starts[1:])) else None


def all_apart(ids: pl.Series) -> bool:
    """Say whether all ids read as whole numbers close to one another and no number is there twice.

    Parameters
    ----------
    ids : polars.Series
        String without nulls.

    Returns
    -------
    bool
        If true, all ids differ; they may where it is false.
    """
    base = _base(ids)
    if base is None:
        return False
    # What is not touched takes no memory.
    seen = np.zeros(_window(ids), np.bool_)

    def see(start: int) -> bool:
        found = _from(base, ids, start)
        if found is not None:
            seen[found] = True
        return found is not None

    starts = range(0, ids.len(), _AT_ONCE)
    # Where orders have several rows, that shows in the first part.
    if not see(0) or np.count_nonzero(seen) < min(_AT_ONCE, ids.len()):
        return False
    return all(on_threads(see, starts[1:])) and int(np.count_nonzero(seen)) == ids.len()


def _base(ids: pl.Series) -> int | None:
    """The first place: the others have as much room above the numbers that come first as below."""
    low, high = (getattr(ids.head(_AT_ONCE).cast(pl.Int64, strict=False), end)() for end in ("min", "max"))
    return None if low is None else max((int(low) + int(high) - _window(ids)) // 2, _LOWEST)


def _window(ids: pl.Series) -> int:
    return min(_CELLS_PER_ROW * ids.len(), 2**32)


def _from(base: int, ids: pl.Series, start: int) -> NDArray[np.int64] | None:
    """Places of some ids; None where one has none."""
    whole = ids.slice(start, _AT_ONCE).cast(pl.Int64, strict=False)
    if whole.null_count():
        return None
    found: NDArray[np.int64] = whole.to_numpy()
    if int(found.min()) < base or int(found.max()) >= base + _window(ids):
        return None
    return found - base
