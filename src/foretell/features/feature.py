"""What a feature declares about itself, before any data is seen."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.features.history import PurchaseHistory

UNITS: Mapping[str, tuple[str, ...]] = {
    "purchase days": ("orders",),
    "order rows": ("rows",),
    "days": ("days",),
    "currency": ("spend", "value"),
    "currency per order": ("value",),
    "days per order": ("days",),
    "share": ("share",),
    "ratio": ("ratio",),
    "30-day blocks": ("blocks",),
    "month 1-12": ("month",),
    "weekday 1-7": ("weekday",),
    "cyclic": ("sin", "cos"),
    "lines": ("lines",),
    "categories": ("categories",),
    "brands": ("brands",),
    "products": ("products",),
    "nats": ("nats",),
    "events": ("events",),
    "sessions": ("sessions",),
    "messages": ("messages",),
    "touches": ("touches",),
    "points": ("points",),
    "tier 1-5": ("tier",),
    "yes 1, no 0": ("flag",),
    "km": ("km",),
    "places": ("places",),
    "years": ("years",),
    "as declared": ("profile",),
    "name": (
        "category",
        "brand",
        "device",
        "channel",
        "stage",
        "source",
        "medium",
        "campaign",
        "place",
        "occasion",
        "profile",
    ),
}
"""Units that a feature may have, and the words of which one stands in the feature's name."""

COUNT = pl.Int32()
"""Data type of features that are whole numbers and never null."""

NUMBER = pl.Float64()
"""Data type of every other feature."""

TEXT = pl.String()
"""Data type of features that are one of a few names; trees read them as codes of categories."""

TIMES = ("customer_id", "ordered_at")
"""Columns of orders that every feature reads."""

MONEY = (*TIMES, "amount")
"""Columns of orders that a feature of money reads."""

Values = dict[str, NDArray[np.int64 | np.float64] | pl.Series]
"""Values by name: NaN stands for null in an array; names come as a series of text."""


@dataclass(frozen=True)
class Feature:
    """One column that is known of a customer at a cutoff.

    Parameters
    ----------
    name : str
        Column name, ``[a-z0-9_]+``, with a word of its unit in it.
    unit : str
        A key of `UNITS`.
    meaning : str
        One sentence, ending in a full stop.
    family : str
        Name of the family that computes it.
    dtype : polars.DataType
        ``Int32`` for whole numbers that are never null, ``String`` for names, which may always be null, else
        ``Float64``.
    null_when : str
        When the value is null; empty if it never is.
    needs : tuple of str
        Columns of the source table without which the feature is off.
    source : str
        Table that it is computed from; "orders or events" is either.

    Raises
    ------
    ValueError
        If the declaration breaks one of these rules.
    """

    name: str
    unit: str
    meaning: str
    family: str
    dtype: pl.DataType = NUMBER
    null_when: str = ""
    needs: tuple[str, ...] = TIMES
    source: str = "orders"

    def __post_init__(self) -> None:
        """Refuse a declaration that a reader or a tree library could misunderstand."""
        problems = []
        if not re.fullmatch("[a-z0-9_]+", self.name):
            problems.append("the name must match [a-z0-9_]+")
        if not set(UNITS.get(self.unit, ())) & set(self.name.split("_")):
            problems.append(f"the name must say the unit {self.unit!r}")
        if not self.meaning.endswith(".") or ". " in self.meaning:
            problems.append("the meaning must be one sentence")
        if self.dtype not in (COUNT, NUMBER, TEXT) or (self.null_when and self.dtype == COUNT):
            problems.append("the dtype must be Float64 or String, or Int32 where it is never null")
        if self.dtype == TEXT and not self.null_when:
            problems.append("a name that was not known when the model was fitted is null: say when there is none")
        if problems:
            message = f"Feature {self.name!r}: {'; '.join(problems)}."
            raise ValueError(message)


@dataclass(frozen=True)
class Family:
    """Features that are computed together.

    Parameters
    ----------
    name : str
        Name of the family.
    features : tuple of Feature
        What it declares.
    compute : callable
        From a history to one array of shape (C,) per declared feature whose columns are there; NaN stands for null.
    """

    name: str
    features: tuple[Feature, ...]
    compute: Callable[[PurchaseHistory], Values]
