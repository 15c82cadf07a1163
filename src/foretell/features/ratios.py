"""Division that says where there is no answer."""

import numpy as np
from numpy.typing import ArrayLike

from foretell.features.history import Floats


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> Floats:
    """Divide element by element, NaN where the denominator is 0 or NaN.

    Parameters
    ----------
    numerator, denominator : array_like, shape (C,)
        Numbers of one unit each; either may hold NaN.

    Returns
    -------
    ndarray of float64, shape (C,)
    """
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    quotient: Floats = np.full(np.broadcast_shapes(top.shape, bottom.shape), np.nan)
    np.divide(top, bottom, out=quotient, where=(bottom != 0) & ~np.isnan(bottom))
    return quotient
