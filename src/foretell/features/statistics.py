"""What features need to know of the whole shop: fitted before a cutoff, stored in the bundle as plain values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from foretell.errors import BundleError

WHOLE_SHOP = ""
"""Key of the figures that stand for a category without its own."""


@dataclass(frozen=True)
class Partner:
    """A category that the buyers of another buy more often than customers do on the whole.

    Parameters
    ----------
    category : str
        Its name.
    lift : float
        Share of the other's buyers that buy it, over the share of all customers that do, > 1.
    share : float
        Share of the other's buyers that buy it, within (0, 1].
    """

    category: str
    lift: float
    share: float


@dataclass(frozen=True)
class Statistics:
    """Figures of the whole shop at a cutoff.

    Parameters
    ----------
    columns : mapping of str to tuple of str
        Columns of each optional table that was there, sorted; what is absent later is missing, with a warning.
    names : mapping of str to tuple of str
        Names that may be told of each kind (category, brand, device, …), sorted; others are missing.
    price_bands : mapping of str to tuple of (int, int)
        Lower and upper third of the unit prices of each category, in minor units; `WHOLE_SHOP` for all together.
    reorder_days : mapping of str to float
        Mean days between two days with the same category, over the customers who bought it again.
    partners : mapping of str to tuple of Partner
        Categories that go with each category, the highest lift first.
    """

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    price_bands: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    reorder_days: Mapping[str, float] = field(default_factory=dict)
    partners: Mapping[str, tuple[Partner, ...]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {
            "columns": {table: list(names) for table, names in self.columns.items()},
            "names": {kind: list(names) for kind, names in self.names.items()},
            "price_bands": {category: list(band) for category, band in self.price_bands.items()},
            "reorder_days": dict(self.reorder_days),
            "partners": {
                category: [[each.category, each.lift, each.share] for each in partners]
                for category, partners in self.partners.items()
            },
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild statistics from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        Statistics

        Raises
        ------
        BundleError
            If the state cannot be that of statistics.
        """
        fields = {"columns", "names", "price_bands", "reorder_days", "partners"}
        if set(state) != fields or not all(isinstance(state[name], Mapping) for name in fields):
            raise _damaged(where="fields")
        return cls(
            columns={str(table): _texts(names, "columns") for table, names in state["columns"].items()},
            names={str(kind): _texts(names, "names") for kind, names in state["names"].items()},
            price_bands={str(name): _band(band) for name, band in state["price_bands"].items()},
            reorder_days={str(name): _above(days, 0.0, "reorder_days") for name, days in state["reorder_days"].items()},
            partners={str(name): _partners(found) for name, found in state["partners"].items()},
        )


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise _damaged(where=where)
    if list(value) != sorted(set(value)):
        raise _damaged(where=where)
    return tuple(value)


def _band(value: object) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or [type(edge) for edge in value] != [int, int]:
        raise _damaged(where="price_bands")
    low, high = value
    if not 0 <= low <= high:
        raise _damaged(where="price_bands")
    return low, high


def _above(value: object, least: float, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= least:
        raise _damaged(where=where)
    return float(value)


def _partners(value: object) -> tuple[Partner, ...]:
    if not isinstance(value, list | tuple):
        raise _damaged(where="partners")
    found = []
    for each in value:
        if not isinstance(each, list | tuple) or len(each) != 3 or not isinstance(each[0], str):
            raise _damaged(where="partners")
        partner = Partner(each[0], _above(each[1], 1.0, "partners"), _above(each[2], 0.0, "partners"))
        if partner.share > 1:
            raise _damaged(where="partners")
        found.append(partner)
    return tuple(found)


def _damaged(*, where: str) -> BundleError:
    return BundleError(f"The stored statistics of the features are damaged at {where!r}; train the model again.")
