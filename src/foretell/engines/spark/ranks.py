"""Percentiles of scores that lie in a cluster: counts, never an order of all rows."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

CELL_BITS = 38
"""Keys that agree but in so many low bits are counted together first: values within 0.006 % of one another."""

Keys = NDArray[np.int64]


def percentile_steps(scored: "DataFrame", names: tuple[str, ...]) -> dict[str, list[tuple[int, int]]]:
    """Find where percentiles step up, in two counts over all rows.

    Parameters
    ----------
    scored : pyspark.sql.DataFrame
        With whole numbers in the order of the values that are ranked, possibly null.
    names : tuple of str
        Their columns.

    Returns
    -------
    dict of str to list of (int, int)
        By column, the first number that has a percentile, with the percentile, in rising order; empty where all
        are null. The percentiles are those of `foretell.scoring.ranks`, ties by mean rank.

    Notes
    -----
    First the rows of each cell of neighbouring numbers are counted. Only in cells that a step falls into, about a
    hundred, are the distinct numbers looked at one by one.
    """
    from pyspark.sql import functions as f

    pairs = f.explode(f.array(*(f.struct(f.lit(name).alias("name"), f.col(name).alias("key")) for name in names)))
    keys = scored.select(pairs.alias("pair")).select("pair.name", "pair.key").where(f.col("key").isNotNull())
    cell = f.shiftright(f.col("key"), CELL_BITS)
    cells = keys.groupBy("name", cell.alias("cell")).count().toArrow()
    crossed: dict[str, list[int]] = {}
    counted: dict[str, tuple[Keys, Keys]] = {}
    for name in names:
        number, rows = _of(cells, name, "cell")
        counted[name] = number, rows
        crossed[name] = number[_crossed(rows)].tolist()
    wanted = f.lit(False)
    for name, found in crossed.items():
        if found:
            wanted |= (f.col("name") == name) & cell.isin(found)
    single = keys.where(wanted).groupBy("name", "key").count().toArrow()
    return {name: _steps(*counted[name], *_of(single, name, "key")) for name in names}


def percentile_of(key: "Column", steps: list[tuple[int, int]]) -> "Column":
    """Return the percentile of each row.

    Parameters
    ----------
    key : pyspark.sql.Column
        As ranked by `percentile_steps`.
    steps : list of (int, int)
        Of this column.

    Returns
    -------
    pyspark.sql.Column
        Whole number, 1 to 100; null where the key is.
    """
    from pyspark.sql import functions as f

    nothing = f.lit(None).cast("bigint")

    def between(first: int, last: int) -> "Column":
        if last - first == 1:
            return f.lit(steps[first][1]).cast("bigint")
        middle = (first + last) // 2
        return f.when(key >= steps[middle][0], between(middle, last)).otherwise(between(first, middle))

    return f.when(key.isNull(), nothing).otherwise(between(0, len(steps))) if steps else nothing


def _of(counts: "pa.Table", name: str, column: str) -> tuple[Keys, Keys]:
    """Numbers and counts of one kind, in rising order."""
    found = pl.DataFrame(counts).filter(pl.col("name") == name).sort(column)
    return found[column].cast(pl.Int64).to_numpy(), found["count"].cast(pl.Int64).to_numpy()


def _percentile(twice_mean_rank: Keys, rows: int) -> Keys:
    return np.clip(-(-100 * twice_mean_rank // (2 * rows)), 1, 100)


def _crossed(rows: Keys) -> NDArray[np.bool_]:
    """Cells whose lowest and highest possible mean rank have different percentiles."""
    if not rows.size:
        return np.zeros(0, dtype=bool)
    total, upto = int(rows.sum()), np.cumsum(rows)
    return np.not_equal(_percentile(2 * (upto - rows + 1), total), _percentile(2 * upto, total))


def _steps(cells: Keys, rows: Keys, keys: Keys, counts: Keys) -> list[tuple[int, int]]:
    """First key of each percentile that occurs."""
    if not cells.size:
        return []
    total, upto = int(rows.sum()), np.cumsum(rows)
    whole = ~_crossed(rows)
    starts, told = [cells[whole] << CELL_BITS], [_percentile(2 * upto[whole], total)]
    home = np.searchsorted(cells, keys >> CELL_BITS)
    within = np.cumsum(counts) - counts
    first_here = np.searchsorted(home, home, side="left")
    smaller = (upto - rows)[home] + within - within[first_here]
    starts.append(keys)
    told.append(_percentile(2 * smaller + counts + 1, total))
    key, percentile = np.concatenate(starts), np.concatenate(told)
    order = np.argsort(key, kind="stable")
    key, percentile = key[order], percentile[order]
    steps = np.flatnonzero(np.diff(percentile, prepend=0))
    return [(int(key[place]), int(percentile[place])) for place in steps]
