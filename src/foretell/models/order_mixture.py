"""The law of the number of future orders of many customers as mixtures of few laws.

Given alive, and given the phase of the current gap, the future depends on the repeat orders and the time observed only:
a million customers share some ten thousand laws, and differ in how much of each they have,

    P(X >= m) = sum over phases j of P(alive, phase j) * P(X >= m | alive, phase j).

For the Pareto/NBD and for k = 1 there is one phase.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.models import cnbd_counts, pareto_future, pareto_kernel
from foretell.models.cnbd import MBGCNBD
from foretell.models.cnbd_kernel import History, Vector
from foretell.models.compress import compress
from foretell.models.pareto_nbd import ParetoNBD


@dataclass(frozen=True, eq=False)
class OrderMixture:
    """Laws of the number of orders within a horizon.

    Attributes
    ----------
    which : ndarray of int, shape (rows,)
        The pair of repeat orders and time observed of each row.
    weights : ndarray of shape (phases, rows)
        P(alive, phase j); they sum to P(alive).
    law : callable
        From numbers of pairs, shape (pairs,), and a largest count to P(X >= m | alive, phase j) for m = 1 .. most,
        an array of shape (phases, pairs, most). What a pair is given does not depend on the others.
    """

    which: NDArray[np.intp]
    weights: NDArray[np.float64]
    law: Callable[[NDArray[np.intp], int], NDArray[np.float64]]


def order_mixture(model: MBGCNBD | ParetoNBD, h: History, horizon: float) -> OrderMixture:
    """Return the laws of the number of orders of some rows.

    Parameters
    ----------
    model : MBGCNBD or ParetoNBD
        Fitted.
    h : History
        One entry per row.
    horizon : float
        Days, > 0.

    Returns
    -------
    OrderMixture
    """
    pairs = compress({"x": h.x, "T": h.T})
    x, T = pairs.columns["x"], pairs.columns["T"]
    if isinstance(model, MBGCNBD):
        p = model.params_

        def of_cnbd(numbers: NDArray[np.intp], most: int) -> Vector:
            return cnbd_counts.p_at_least_alive(p, x[numbers], T[numbers], horizon, most)

        return OrderMixture(pairs.inverse, cnbd_counts.phase_weights(p, h), of_cnbd)
    params = model.params_

    def of_pareto(numbers: NDArray[np.intp], most: int) -> Vector:
        law = pareto_future.count_law_alive(params, x[numbers], T[numbers], horizon=horizon, max_orders=most)
        return law[None]

    alive = pareto_kernel.p_alive(params, h.x, h.t_x, h.T)
    return OrderMixture(pairs.inverse, alive[None], of_pareto)
