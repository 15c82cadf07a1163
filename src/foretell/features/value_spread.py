"""How far the order values of each customer lie apart, as the spend model reads it."""

import numpy as np

from foretell.features.history import Floats, PurchaseHistory

# As in `foretell.features.history`: sums of whole multiples of this step are exact in any order.
_LOG_STEP = 2.0**-44
_AT_ONCE = 2**13


def sum_log_value_ratios(history: PurchaseHistory) -> Floats:
    """Return the sum of the logs of order values over their mean, of each customer.

    Parameters
    ----------
    history : PurchaseHistory
        With amounts.

    Returns
    -------
    ndarray of float64, shape (C,)
        Sum of ln(value / mean value) over purchase days with an amount above zero, <= 0; 0 where there are fewer than
        two of them, or all are alike. Refunds that name no order make all of a customer's orders smaller alike, and
        leave the ratios as they are.

    Notes
    -----
    With the number of values, the sufficient statistic of the shape of gamma-distributed values around a mean of
    their own (`foretell.models.gamma_gamma_kernel`).
    """
    amount = np.zeros(history.day.size, np.int64) if history.amount is None else history.amount
    ratios = np.zeros(history.start.size)
    # Some customers at a time: their rows stay in the processor's own memory.
    for first in range(0, ratios.size, _AT_ONCE):
        start = history.start[first : first + _AT_ONCE]
        end = history.start[first + _AT_ONCE] if first + _AT_ONCE < ratios.size else amount.size
        part, start = amount[start[0] : end], start - start[0]
        paid = np.add.reduceat(part > 0, start, dtype=np.int64)
        steps = np.rint(np.log(np.maximum(part, 1)) / _LOG_STEP).astype(np.int64)
        mean = np.add.reduceat(part, start) / np.maximum(paid, 1)
        sums = np.add.reduceat(steps, start) * _LOG_STEP - paid * np.log(np.maximum(mean, 1.0))
        ratios[first : first + _AT_ONCE] = np.where(paid > 1, np.minimum(sums, 0.0), 0.0)
    return ratios
