"""Quantiles of the spend that a customer will realise in a horizon.

Given m orders in the horizon and x_v past ones of mean value z, the posterior of the gamma-gamma's rate is
nu ~ Gamma(p x_v + q, rate V), V = v + x_v z, and the spend S is Gamma(p m, nu). Hence S / V is beta-prime and

    P(S <= s) = P(X = 0) + sum over m >= 1 of P(X = m) I_t(p m, p x_v + q),      t = s / (s + V),

with I the regularised incomplete beta function (the compound of Fader, Hardie 2013, "The gamma-gamma model of monetary
value", eq. 1a, with the law of the number of orders X). The law of S / V depends on the order history and x_v only, so
customers share rows whatever they spent. Where orders tell how far a customer's own mean is believed
(`GammaGamma.credibility`), the law keeps its shape and is brought to the mean that they give.

Customers share the laws of X in turn (`foretell.models.order_mixture`): what a spend is exceeded with is tabulated for
these few, and every customer's quantile is read off a mixture of tables (`foretell.models.spend_tables`).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.models.cnbd import MBGCNBD
from foretell.models.cnbd_kernel import History
from foretell.models.compress import Compressed, compress
from foretell.models.estimator import keyed
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.gamma_gamma_kernel import GammaGammaParameters
from foretell.models.gamma_gamma_state import PooledMean
from foretell.models.history import HISTORY, Summary, frame_of, positive_horizon, read_history
from foretell.models.order_mixture import OrderMixture, order_mixture
from foretell.models.pareto_nbd import ParetoNBD
from foretell.models.spend_tables import TAIL, Mixed, spend_over_scale
from foretell.storage.threads import on_threads

Vector = NDArray[np.float64]

_READER = "spend_quantiles"
_FIRST_MOST = 16
_LAST_MOST = 2**17
_CELLS_PER_CHUNK = 1_000_000
# A thread that is done with its part finds another one, though parts take differently long.
_FEWEST_PARTS = 4
_BITS = 63


def spend_quantiles(
    purchase_model: MBGCNBD | ParetoNBD,
    gamma_gamma: GammaGamma,
    summary: Summary,
    *,
    horizon_days: float,
    probabilities: Sequence[float] = (0.1, 0.9),
) -> pl.DataFrame:
    """Quantiles of the spend that each customer will realise within a horizon.

    Parameters
    ----------
    purchase_model : MBGCNBD or ParetoNBD
        Fitted.
    gamma_gamma : GammaGamma
        Fitted. Where it fell back to the pooled mean, every order is worth that mean and only their number varies.
    summary : polars.DataFrame or Histories
        As for both models, with ``customer_id``.
    horizon_days : float
        > 0, counted from the end of ``days_observed``.
    probabilities : sequence of float
        Each in (0, 1).

    Returns
    -------
    polars.DataFrame
        ``customer_id`` and one column per probability, ``spend_q10``, ``spend_q90``, in the currency unit, in the row
        order given. 0 where no order is at least as probable as that.

    Raises
    ------
    NotFitted, ColumnMismatch, DataError
        As the models.
    ValueError
        If a probability is not in (0, 1) or the horizon is not a positive number.

    Notes
    -----
    Formula and accuracy in the head of this module. The uncertainty of the fitted parameters is not included.
    """
    if not probabilities or not all(0 < probability < 1 for probability in probabilities):
        message = "probabilities must lie between 0 and 1"
        raise ValueError(message)
    horizon = positive_horizon(horizon_days)
    # The model's own refusal of a model without a fit.
    purchase_model.p_alive(frame_of(summary).head(0))
    x_v, z = gamma_gamma.values(frame_of(summary))
    histories = read_history(summary, reader=_READER)
    params = gamma_gamma.params_
    if isinstance(params, PooledMean):
        x_v, scale = np.zeros_like(x_v), np.full_like(z, params.mean)
    else:
        scale = (params.v + x_v * z) * gamma_gamma.over_law(x_v, z)
    history, x_v, inverse = _shared(histories, x_v)
    mixture = order_mixture(purchase_model, history, horizon)
    standard = _standard_quantiles(mixture, params, x_v, probabilities)
    columns = {
        f"spend_q{100 * probability:g}": scale * standard[number][inverse]
        for number, probability in enumerate(probabilities)
    }
    return keyed(frame_of(summary), columns, reader=_READER)


def _shared(histories: Compressed, x_v: Vector) -> tuple[History, Vector, NDArray[np.intp]]:
    """Distinct pairs of history and number of past values, sorted, and the pair of each customer."""
    of_history = np.zeros(histories.distinct)
    of_history[histories.inverse] = x_v
    if np.array_equal(of_history[histories.inverse], x_v):
        # The rule: every order has a value, or none has.
        return History.of(histories), of_history, histories.inverse
    rows = compress({"history": histories.inverse.astype(np.float64), "x_v": x_v})
    which = rows.columns["history"].astype(np.intp)
    return History(*(histories.columns[name][which] for name in HISTORY)), rows.columns["x_v"], rows.inverse


def _standard_quantiles(
    mixture: OrderMixture, params: GammaGammaParameters | PooledMean, x_v: Vector, probabilities: Sequence[float]
) -> NDArray[np.float64]:
    """Quantiles of S / V, or of the number of orders with a pooled mean; shape (probabilities, rows)."""
    result = np.zeros((len(probabilities), x_v.size))
    open_ = _neighbours(x_v, mixture.which)
    most = _FIRST_MOST
    while open_.size:
        last = most >= _LAST_MOST

        def of_part(part: NDArray[np.intp], most: int = most, last: bool = last) -> NDArray[np.intp]:  # noqa: FBT001
            number = np.zeros(mixture.which.max() + 1, np.intp)
            number[mixture.which[part]] = 1
            numbers = np.flatnonzero(number)
            number[numbers] = np.arange(numbers.size)
            mixed = Mixed(mixture.law(numbers, most), number[mixture.which[part]], mixture.weights[:, part])
            some = mixed.chance(1) + TAIL > 1.0 - max(probabilities)
            reached = (mixed.chance(most) <= TAIL) | last
            here = np.flatnonzero(some & reached)
            _fill(result, part[here], mixed.of(here), x_v[part[here]], params=params, probabilities=probabilities)
            return part[some & ~reached]

        open_ = np.concatenate(on_threads(of_part, [open_[part] for part in _parts(x_v[open_], most)]))
        most *= 2
    return result


def _neighbours(x_v: Vector, which: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows in the order of the number of past orders and the law, which neighbours share; else as they come."""
    bits = x_v.size.bit_length()
    place = x_v.astype(np.int64) * (int(which.max(initial=0)) + 1) + which
    if (int(place.max(initial=0)) >> (_BITS - bits)) > 0:
        return np.argsort(place, kind="stable")
    place <<= bits
    place |= np.arange(x_v.size)
    place.sort()
    place &= (1 << bits) - 1
    return place


def _parts(x_v: Vector, most: int) -> list[slice]:
    """Rows a few at a time, so that laws of so many orders fit into memory: whole groups of one x_v where they do."""
    size = max(1, min(_CELLS_PER_CHUNK // most, -(-x_v.size // _FEWEST_PARTS)))
    ends = [*(np.flatnonzero(np.diff(x_v)) + 1).tolist(), x_v.size]
    parts, start, end = [], 0, 0
    for next_end in ends:
        if end > start and next_end - start > size:
            parts.append(slice(start, end))
            start = end
        while next_end - start > size:
            parts.append(slice(start, start + size))
            start += size
        end = next_end
    return [*parts, slice(start, end)]


def _fill(
    result: NDArray[np.float64],
    rows: NDArray[np.intp],
    mixed: Mixed,
    x_v: Vector,
    *,
    params: GammaGammaParameters | PooledMean,
    probabilities: Sequence[float],
) -> None:
    """Write the quantiles of some rows, sorted by x_v, into the result."""
    edges = np.array([0, x_v.size])
    if not isinstance(params, PooledMean):
        edges = np.flatnonzero(np.diff(x_v, prepend=-1.0, append=-1.0))

    for start, end in pairwise(edges.tolist()):
        group = mixed.of(np.arange(start, end))
        for number, probability in enumerate(probabilities):
            some = np.flatnonzero(1.0 - group.chance(1) + TAIL < probability)
            if not some.size:
                continue
            asked = group.of(some)
            if isinstance(params, PooledMean):
                found = asked.orders(probability)
            else:
                found = spend_over_scale(asked, params, float(x_v[start]), probability)
            result[number, rows[start + some]] = found
