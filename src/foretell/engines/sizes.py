"""How many buckets, and how many rows at once, keep a run within its memory."""

import math
from dataclasses import dataclass

FRAME_ROWS = 2_000_000
"""So many order rows at most are scored in one piece unless asked otherwise."""

# What the process holds before any row is read, what a row takes while a batch is read (by column) and while its bucket
# is scored, and what all rows of a shop take in one piece. tests/bench/bench_sizes.py measured 377 MB, 24, 62 and 258
# bytes on short ids and ten orders a customer, by a purchase rung. These figures are chosen, not measured: they leave
# room for long text, for customers with one order each, for trees' features and for what the allocator keeps.
_BASE = 400e6
_READ_PER_ROW_AND_COLUMN = 120.0
_SCORED_PER_ROW = 400.0
_IN_ONE_PIECE_PER_ROW = 1_000.0
_FEWEST_AT_ONCE, _MOST_AT_ONCE = 20_000, 1_000_000
_MOST_BUCKETS = 4_096


@dataclass(frozen=True)
class Sizes:
    """What fits into a memory.

    Parameters
    ----------
    buckets : int
        Number of buckets.
    rows_at_once : int
        Rows of a batch while reading.
    fits_in_memory : bool
        Whether the shop may be scored in one piece.
    """

    buckets: int
    rows_at_once: int
    fits_in_memory: bool


def sizes_for(memory: int, *, rows: int, columns: int) -> Sizes:
    """Choose sizes for a run.

    Parameters
    ----------
    memory : int
        Bytes that the process should keep to.
    rows : int
        Order rows, about.
    columns : int
        Columns of their source.

    Returns
    -------
    Sizes
        Where the memory is hardly more than what the libraries take, the smallest sizes there are.
    """
    free = max(memory - _BASE, 0.1 * memory)
    at_once = free / 2 / (_READ_PER_ROW_AND_COLUMN * max(columns, 4))
    buckets = math.ceil(rows * _SCORED_PER_ROW / (free / 2))
    return Sizes(
        buckets=min(max(buckets, 1), _MOST_BUCKETS),
        rows_at_once=round(min(max(at_once, _FEWEST_AT_ONCE), _MOST_AT_ONCE)),
        fits_in_memory=rows <= FRAME_ROWS and rows * _IN_ONE_PIECE_PER_ROW <= free,
    )
