"""The low end of a ranking, where differences say nothing: one common mean."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from foretell.models.state import read_section

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class TailPool:
    """Values up to a threshold are replaced by their mean.

    Parameters
    ----------
    threshold : float
        Largest value that is pooled; below 0 pools nothing.
    mean : float
        Mean of the pooled values when the pool was made.
    share : float
        Share of the customers pooled then.
    """

    threshold: float = -1.0
    mean: float = 0.0
    share: float = 0.0

    @classmethod
    def of(cls, values: Vector, share: float) -> Self:
        """Pool the lowest share of some values.

        Parameters
        ----------
        values : ndarray of shape (customers,)
            Predicted means, >= 0.
        share : float
            Within [0, 1).

        Returns
        -------
        TailPool
        """
        if share <= 0 or not values.size:
            return cls()
        threshold = float(np.quantile(values, share))
        low = values <= threshold
        return cls(threshold, float(values[low].mean()), float(low.mean()))

    def pooled(self, values: Vector) -> Vector:
        """Return the values with the low end pooled.

        Parameters
        ----------
        values : ndarray of shape (customers,)
            Predicted means.

        Returns
        -------
        ndarray of shape (customers,)
            In the order of `values`, ties aside.
        """
        return np.where(values <= self.threshold, self.mean, values)

    def to_dict(self) -> dict[str, Any]:
        """Return the pool as plain values."""
        return {"pool": asdict(self)}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild a pool from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`.

        Returns
        -------
        TailPool

        Raises
        ------
        BundleError
            If the state is not that of a pool.
        """
        return read_section(cls, state, "pool", model=cls.__name__)
