"""The law of the next order's day at each customer's own probability level.

The models' own `next_order_days` reads the same levels for everybody; a correction learnt on the past
(`foretell.models.date_spread`) needs other levels for other customers, and the levels at which past orders came.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from foretell.models import cnbd_kernel, pareto_future, pareto_kernel
from foretell.models.cnbd import MBGCNBD
from foretell.models.cnbd_kernel import History
from foretell.models.compress import compress
from foretell.models.history import HISTORY, Summary, frame_of, positive_horizon, read_history
from foretell.models.objectives import Matrix, Vector
from foretell.models.operational_time import OperationalTime
from foretell.models.pareto_nbd import ParetoNBD

_READER = "next_order"


def next_order_at_levels(
    model: MBGCNBD | ParetoNBD,
    summary: Summary,
    levels: npt.ArrayLike,
    *,
    horizon_days: float,
    time: OperationalTime | None = None,
) -> Matrix:
    """When the next order comes, given that it comes within a horizon, at each customer's own levels.

    Parameters
    ----------
    model : MBGCNBD or ParetoNBD
        Fitted.
    summary : polars.DataFrame or Histories
        As for the model.
    levels : array-like of shape (customers, dates)
        Probabilities, each in (0, 1).
    horizon_days : float
        > 0, counted from the end of ``days_observed``.
    time : OperationalTime, optional
        Of the horizon, where its days are not alike; by default they are.

    Returns
    -------
    ndarray of shape (customers, dates)
        Days after the end of ``days_observed``, in [0, horizon]; NaN where an order has no chance in floating point.

    Raises
    ------
    NotFitted, ColumnMismatch, DataError
        As the model.
    ValueError
        If a level is not in (0, 1), their number is not that of the customers, the horizon is not positive, or the
        time is that of another one.
    """
    asked = np.asarray(levels, dtype=np.float64)
    if asked.ndim != 2 or len(asked) != frame_of(summary).height or not ((asked > 0) & (asked < 1)).all():
        message = "levels must lie between 0 and 1, one row for each customer"
        raise ValueError(message)
    horizon = _horizon(horizon_days, time)
    read = _quantile(model)

    def ends(h: History, level: Vector) -> Vector:
        waits = read(h, level, horizon)
        return waits if time is None else time.calendar_days(waits)

    columns = [_each(model, summary, "level", column, ends) for column in asked.T]
    return np.stack(columns, axis=1) if columns else np.empty(asked.shape)


def next_order_levels(
    model: MBGCNBD | ParetoNBD,
    summary: Summary,
    days: npt.ArrayLike,
    *,
    horizon_days: float,
    time: OperationalTime | None = None,
) -> tuple[Vector, Vector]:
    """Levels of days on which orders came: the law's probability of an earlier day, and of that day or an earlier one.

    Parameters
    ----------
    model : MBGCNBD or ParetoNBD
        Fitted.
    summary : polars.DataFrame or Histories
        As for the model.
    days : array-like of shape (customers,)
        Whole days, >= 1 and at most the horizon; 1 is the first day after ``days_observed``.
    horizon_days : float
        > 0; both probabilities are given an order within it.
    time : OperationalTime, optional
        As for `next_order_at_levels`.

    Returns
    -------
    before, at : ndarray of shape (customers,)
        Within [0, 1], before <= at.

    Raises
    ------
    NotFitted, ColumnMismatch, DataError
        As the model.
    ValueError
        If a day lies outside the horizon, the horizon is not positive, or the time is that of another one.
    """
    horizon = _horizon(horizon_days, time)
    asked = np.asarray(days, dtype=np.float64)
    if not ((asked >= 1) & (asked <= horizon_days)).all():
        message = "days must lie within the horizon, from 1"
        raise ValueError(message)
    chance = _chance(model)
    within = _each(model, summary, "days", np.full(asked.shape, horizon), chance)
    sure = np.where(within > 0, within, 1.0)
    ends = (asked - 1.0, asked) if time is None else (time.by_end_of(asked - 1.0), time.by_end_of(asked))
    before, at = (_each(model, summary, "days", end, chance) / sure for end in ends)
    return np.clip(before, 0.0, 1.0), np.clip(at, 0.0, 1.0)


def _horizon(days: float, time: OperationalTime | None) -> float:
    """The horizon in days of the model."""
    horizon = positive_horizon(days)
    if time is None:
        return horizon
    if time.days != horizon:
        message = f"the time of {time.days} days is not that of a horizon of {horizon:g}"
        raise ValueError(message)
    return time.total


def _each(
    model: MBGCNBD | ParetoNBD,
    summary: Summary,
    name: str,
    values: Vector,
    kernel: Callable[[History, Vector], Vector],
) -> Vector:
    """Evaluate on distinct pairs of history and value."""
    # The model's own refusal of a model without a fit.
    model.p_alive(frame_of(summary).head(0))
    rows = read_history(summary, reader=_READER)
    pairs = compress({"history": rows.inverse.astype(np.float64), name: values})
    which = pairs.columns["history"].astype(np.intp)
    history = History(*(rows.columns[column][which] for column in HISTORY))
    return kernel(history, pairs.columns[name])[pairs.inverse]


def _quantile(model: MBGCNBD | ParetoNBD) -> Callable[[History, Vector, float], Vector]:
    if isinstance(model, MBGCNBD):
        return lambda h, level, horizon: cnbd_kernel.next_order_quantile(model.params_, h, level, horizon)

    def read(h: History, level: Vector, horizon: float) -> Vector:
        params = model.params_
        time = pareto_future.next_order_time(params, h.x, h.T, horizon=horizon, quantile=level)
        return np.where(pareto_kernel.p_alive(params, h.x, h.t_x, h.T) == 0.0, np.nan, time)

    return read


def _chance(model: MBGCNBD | ParetoNBD) -> Callable[[History, Vector], Vector]:
    if isinstance(model, MBGCNBD):
        return lambda h, days: cnbd_kernel.p_order_if_alive(model.params_, h, days)
    return lambda h, days: pareto_future.p_order_alive(model.params_, h.x, h.T, days)
