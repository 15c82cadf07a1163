"""What one lookalike run hands to delivery: plain values and frames, so that publishing fits and reads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from foretell.delivery.dated_folders import folder_name
from foretell.tables.schema import Column

FOLDER = "lookalikes"
"""Where lookalike runs live, below the output folder."""
CARD_NAME = "model_card.json"

LOOKALIKE_COLUMNS = (
    Column("customer_id", pl.String(), "text", False, "Customer, as in the pool."),
    Column("lookalike_score", pl.Float64(), "share", False, "Share of the others who are less alike, 0 to 1."),
    Column("lookalike_percentile", pl.Int64(), "rank 1-100", False, "Rank among all; 100 is the most alike."),
    Column("lookalike_band_percent", pl.Int64(), "percent", True, "1 is the top 1 %, up to 10; empty beyond."),
    Column("reason_1", pl.String(), "text", True, "What makes the customer most alike."),
    Column("reason_2", pl.String(), "text", True, "What comes next."),
    Column("reason_3", pl.String(), "text", True, "What comes after that."),
    Column("prediction_status", pl.String(), "category", False, "ok, or no_features: nothing is known."),
)  # fmt: skip
"""The ranking's columns, in order."""
RULE_COLUMNS = tuple(replace(column, nullable=True) for column in LOOKALIKE_COLUMNS[1:4])
"""Those that segments read; empty for customers whom no lookalike ranked, its seeds among them."""


@dataclass(frozen=True)
class SeedFacts:
    """What became of the seeds.

    Parameters
    ----------
    given, matched, duplicates : int
        Different seeds given, those found in the pool, rows that repeated one.
    matched_by : str
        ``key``, ``email``, ``hashed email`` or ``rule``.
    effective : float
        Kish's effective number of the weighted seeds.
    capped : int
        Seeds whose weight was cut.
    rule : str
        The plain rule that nearly all of them fulfil, in words.
    """

    given: int
    matched: int
    duplicates: int
    matched_by: str
    effective: float
    capped: int
    rule: str


@dataclass(frozen=True)
class LookalikeRun:
    """One finished lookalike run.

    Parameters
    ----------
    shop : str
        Name of the shop; treated as hostile text.
    as_of : datetime
        First instant that was not seen.
    ranking : pl.DataFrame
        Everybody ranked, most alike first: columns of `LOOKALIKE_COLUMNS`.
    audience_size : int
        So many of them, from the top, are the audience.
    reach, profile, audit : pl.DataFrame
        Size against precision; who the audience is; shares of sensitive groups.
    unmatched : pl.DataFrame
        Columns row_number, seed.
    seeds : SeedFacts
        What became of the seeds.
    method : str
        What ranked, in words.
    features : tuple of str
        Columns learnt from.
    left_out : mapping of str to str
        Why each other column was not.
    evaluation : pl.DataFrame
        Areas under the ROC curve of held-out seeds.
    notes : tuple of str
        Whole sentences that a person should read.
    inputs : mapping of str to str
        Name of an input to its fingerprint.
    options : mapping of str to object
        Plain values that shaped the result.
    circumstances : mapping of str to object
        Start, durations, host: written to run.json, part of no other file.
    """

    shop: str
    as_of: datetime
    ranking: pl.DataFrame
    audience_size: int
    reach: pl.DataFrame
    profile: pl.DataFrame
    audit: pl.DataFrame
    unmatched: pl.DataFrame
    seeds: SeedFacts
    method: str
    features: tuple[str, ...]
    left_out: Mapping[str, str]
    evaluation: pl.DataFrame
    notes: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    circumstances: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder_name(self) -> str:
        """Name of the run's folder: the day, and the time of day where there is one."""
        return folder_name(self.as_of)

    @property
    def audience(self) -> pl.DataFrame:
        """The most alike."""
        return self.ranking.head(self.audience_size)
