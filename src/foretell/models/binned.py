"""A matrix whose columns LightGBM has cut into bins, once for many fits on parts of its rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foretell.models.boosting_params import BoostingParams, lightgbm_settings
from foretell.models.objectives import Matrix, Vector

Rows = NDArray[np.intp]


class Binned:
    """A matrix cut into bins.

    Parameters
    ----------
    matrix : ndarray of float64, shape (rows, features)
        NaN is missing. Kept for predictions.
    params : BoostingParams
        Settings of the trees to come.
    threads : int
        Threads of LightGBM.
    categorical : sequence of int
        Positions of the columns that hold codes of categories: their order means nothing, and a split is by sets.

    Notes
    -----
    Cut points come from all rows, also from those that judge a fit: quantiles of the columns, no outcome among them.
    """

    def __init__(
        self, matrix: Matrix, params: BoostingParams, *, threads: int = 1, categorical: Sequence[int] = ()
    ) -> None:
        import lightgbm

        self.matrix = matrix
        settings = lightgbm_settings("binary", params, seed=0, threads=threads)
        self._whole = lightgbm.Dataset(
            matrix,
            np.zeros(len(matrix)),
            params=settings,
            free_raw_data=True,
            categorical_feature=list(categorical),
        )
        if matrix.size:
            self._whole.construct()

    def part(self, rows: Rows, actual: Vector, offset: Vector, weights: Vector | None) -> Any:
        """Return LightGBM's data set of some rows.

        Parameters
        ----------
        rows : ndarray of int
            Their numbers, ascending.
        actual, offset, weights : ndarray of shape (rows,)
            Outcome, offset and weight of those rows.

        Returns
        -------
        lightgbm.Dataset
        """
        part = self._whole.subset(rows.tolist()).construct()
        part.set_label(actual)
        part.set_init_score(offset)
        if weights is not None:
            part.set_weight(weights)
        return part
