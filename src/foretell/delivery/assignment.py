"""Who is held out of a campaign, and who is drawn for a sample: by keyed hash of the customer id.

A customer's number depends on the id, the key and the name of the split, and on nothing else: not on the other
customers, the day, the machine or the version. Being held out is one comparison of that number, so it never changes
as the shop grows; how many of each stratum of predicted value it took is told beside it (`Selection.strata`).
A sample takes from each stratum the customers with the lowest numbers: sampling with permanent random numbers
(Ohlsson 1995, Coordination of samples using permanent random numbers), which changes as few people as possible when
the shop grows.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.tables.buckets import bucket_of

STRATA = 5
"""Strata of predicted value, of equal size."""
_RANGE = 2**32


def random_numbers(ids: pl.Series, *, key: str, purpose: str, split: str) -> NDArray[np.float64]:
    """Return the permanent random number of each customer.

    Parameters
    ----------
    ids : polars.Series
        Customer ids, String.
    key : str
        The shop's own text; another key is another assignment of everybody.
    purpose : str
        As in ``holdout``.
    split : str
        Name of the split; other names are independent assignments.

    Returns
    -------
    ndarray of float64, shape (ids,)
        In [0, 1), uniform.

    Notes
    -----
    CRC-32 is linear: under two keys the codes of all ids of one length differ by the same bits. The finisher of
    MurmurHash3 (Appleby 2011, fmix32) after it makes the numbers of two keys independent.
    """
    code = bucket_of(ids, _RANGE, salt=f"{key}\x1f{purpose}\x1f{split}\x1f").astype(np.uint32)
    code ^= code >> np.uint32(16)
    code *= np.uint32(0x85EBCA6B)
    code ^= code >> np.uint32(13)
    code *= np.uint32(0xC2B2AE35)
    code ^= code >> np.uint32(16)
    return code.astype(np.float64) / _RANGE


def value_strata(ids: pl.Series, value: pl.Series) -> NDArray[np.int64]:
    """Return the stratum of each customer by predicted value.

    Parameters
    ----------
    ids : polars.Series
        Customer ids, which decide between equal values.
    value : polars.Series
        Predicted value; a missing one is the lowest.

    Returns
    -------
    ndarray of int64, shape (ids,)
        0 to `STRATA` - 1, the highest last; sizes differ by one at most.
    """
    order = pl.DataFrame({"id": ids, "value": value}).with_row_index("row").sort("value", "id", nulls_last=False)
    strata = np.empty(len(ids), dtype=np.int64)
    strata[order["row"].to_numpy()] = np.arange(len(ids)) * STRATA // max(len(ids), 1)
    return strata


def held_out(ids: pl.Series, share: float, *, key: str, split: str) -> NDArray[np.bool_]:
    """Tell who is held out.

    Parameters
    ----------
    ids : polars.Series
        Customer ids.
    share : float
        Part that is held out, 0 to below 1.
    key, split : str
        As in `random_numbers`.

    Returns
    -------
    ndarray of bool, shape (ids,)
        True for those who are left out of the campaign; nested: whoever is held out at 5 % is at 10 %.
    """
    return random_numbers(ids, key=key, purpose="holdout", split=split) < share


def drawn(ids: pl.Series, value: pl.Series, sample: float, *, key: str, split: str) -> NDArray[np.bool_]:
    """Tell who is in a sample stratified by predicted value.

    Parameters
    ----------
    ids : polars.Series
        Customer ids.
    value : polars.Series
        Predicted value.
    sample : float
        A share where it is below 1, else a number of customers.
    key, split : str
        As in `random_numbers`.

    Returns
    -------
    ndarray of bool, shape (ids,)
        True for those in the sample. From every stratum the same part, to within one customer.
    """
    total = len(ids)
    wanted = min(total, round(total * sample) if sample < 1 else int(sample))
    chosen = np.zeros(total, dtype=np.bool_)
    if not wanted:
        return chosen
    strata = value_strata(ids, value)
    numbers = random_numbers(ids, key=key, purpose="sample", split=split)
    sizes = np.bincount(strata, minlength=STRATA)
    quotas = _quotas(sizes, wanted)
    frame = pl.DataFrame({"stratum": strata, "number": numbers, "id": ids}).with_row_index("row")
    order = frame.sort("stratum", "number", "id")
    place = np.arange(total) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    inside = place < quotas[order["stratum"].to_numpy()]
    chosen[order["row"].to_numpy()[inside]] = True
    return chosen


def _quotas(sizes: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
    """Share out a number in proportion, by largest remainders."""
    exact = sizes * wanted / sizes.sum()
    quotas: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    rest = wanted - int(quotas.sum())
    quotas[np.argsort(-(exact - quotas), kind="stable")[:rest]] += 1
    return quotas
