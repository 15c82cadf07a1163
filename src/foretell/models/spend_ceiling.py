"""A ceiling on one customer's predicted spend: nobody alone may carry the shop's total."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from foretell.models.state import damaged, read_section

Vector = NDArray[np.float64]

LARGEST_SHARE = 0.075
"""Of the total: with it, a customer adds less than a tenth to what the others make."""

_UNTOUCHED = 0.99


@dataclass(frozen=True)
class SpendCeiling:
    """Predicted spend bends below a ceiling and never passes it.

    Up to half the ceiling c nothing changes; a larger s becomes c − c² / (4 s), which rises with s towards c and
    begins with slope 1.

    Parameters
    ----------
    largest : float or None
        The ceiling, currency units over the value horizon, > 0; None where there is none.
    """

    largest: float | None = None

    @classmethod
    def of(cls, spend: Vector, share: float = LARGEST_SHARE) -> Self:
        """Set the ceiling so that nobody has more than a share of the total that is left under it.

        Parameters
        ----------
        spend : ndarray of shape (customers,)
            Predicted means of all customers, >= 0.
        share : float
            Within (0, 1).

        Returns
        -------
        SpendCeiling
            Never so low that it changes more than the highest hundredth: where a few customers are the shop, they
            are no exception to be drawn in.
        """
        falling = np.sort(spend)[::-1]
        if not falling.size or falling[0] <= 0:
            return cls()
        capped = np.arange(falling.size)
        left = np.cumsum(falling[::-1])[::-1]
        room = 1 - share * capped
        ceiling = np.divide(share * left, room, out=np.full(falling.size, np.inf), where=room > 0)
        fits = np.flatnonzero(falling <= ceiling)
        of_total = float(ceiling[fits[0]]) if fits.size else np.inf
        usual = 2 * float(np.quantile(spend, _UNTOUCHED, method="lower"))
        largest = max(of_total, usual)
        return cls(largest) if 0 < largest < np.inf else cls()

    def limited(self, spend: Vector) -> Vector:
        """Return spend under the ceiling.

        Parameters
        ----------
        spend : ndarray of shape (customers,)
            Predicted means, >= 0.

        Returns
        -------
        ndarray of shape (customers,)
            In the order of `spend`.
        """
        if self.largest is None:
            return spend
        half = self.largest / 2
        return np.where(spend > half, self.largest - half * (half / np.maximum(spend, half)), spend)

    def to_dict(self) -> dict[str, Any]:
        """Return the ceiling as plain values."""
        return {"ceiling": asdict(self)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a ceiling from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`.

        Returns
        -------
        SpendCeiling

        Raises
        ------
        BundleError
            If the state is not that of a ceiling.
        """
        found = read_section(cls, state, "ceiling", model=cls.__name__)
        if found.largest is not None and found.largest <= 0:
            raise damaged(cls.__name__, "ceiling.largest")
        return found
