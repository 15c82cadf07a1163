"""The few numbers of a run that a person reads first."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from foretell.delivery.expected import Expected
from foretell.delivery.rule_columns import aliases
from foretell.delivery.run import Run

BANDS = ("low", "medium", "high")


@dataclass(frozen=True)
class Band:
    """Customers of one band of churn risk.

    Parameters
    ----------
    name : str
        low, medium or high.
    customers : int
        How many.
    share : float
        Of all customers, 0 to 1.
    historic_value, predicted_value : float
        What they brought, and what they are expected to bring within the value horizon: currency, or orders
        in a shop without amounts.
    """

    name: str
    customers: int
    share: float
    historic_value: float
    predicted_value: float


@dataclass(frozen=True)
class Headlines:
    """Totals over all scored customers.

    Parameters
    ----------
    customers : int
        Scored customers.
    active : float
        Expected number who are still customers: the sum of ``p_alive``.
    active_share : float
        The same as a share of all, 0 to 1; 0 without customers.
    orders : Expected
        Orders within the value horizon.
    revenue : Expected or None
        Spend within the value horizon; None in a shop without amounts.
    summed_value : float
        Value within the value horizon, added up over single customers: currency, or orders in a shop without amounts.
    top_tenth_share : float
        Share of the expected value that the best tenth of the customers is expected to bring, 0 to 1.
    expected_churners : float
        Customers expected not to order within the churn horizon: the sum of the churn risks.
    overdue : int
        Customers who have waited longer than 90 % of the waits expected of them.
    statuses : tuple of (str, int)
        Every ``prediction_status`` that occurs, and how often.
    bands : tuple of Band
        low, medium, high.
    """

    customers: int
    active: float
    active_share: float
    orders: Expected
    revenue: Expected | None
    summed_value: float
    top_tenth_share: float
    expected_churners: float
    overdue: int
    statuses: tuple[tuple[str, int], ...]
    bands: tuple[Band, ...]

    @property
    def expected_orders(self) -> float:
        """Orders expected within the value horizon."""
        return self.orders.expected

    @property
    def expected_revenue(self) -> float | None:
        """Spend expected within the value horizon; None in a shop without amounts."""
        return None if self.revenue is None else self.revenue.expected

    @property
    def value(self) -> Expected:
        """Spend, or orders in a shop without amounts."""
        return self.revenue or self.orders

    def band(self, name: str) -> Band:
        """Return one band.

        Parameters
        ----------
        name : "low", "medium" or "high"
            Which.

        Returns
        -------
        Band
        """
        return next(band for band in self.bands if band.name == name)


def headlines(run: Run) -> Headlines:
    """Compute the totals of a run.

    Parameters
    ----------
    run : Run
        A finished run; its rows are sorted by ``customer_id``, so that float sums are the same every time.

    Returns
    -------
    Headlines
        Totals; zeros where nobody was scored.
    """
    names = aliases(run.columns)

    def numbers(name: str) -> npt.NDArray[np.float64]:
        return run.scores.get_column(names.get(name, name)).cast(float).fill_null(0.0).to_numpy()

    def of_all(name: str, summed: float) -> Expected:
        return _from_total(run.total, name) or Expected(summed, None, None)

    customers = run.scores.height
    has_money = run.has_money
    predicted = numbers("predicted_clv" if has_money else "predicted_orders")
    historic = numbers("historic_clv" if has_money else "orders")
    band_of = run.scores.get_column("churn_band")
    bands = []
    for name in BANDS:
        inside = (band_of == name).fill_null(value=False).to_numpy()
        count = int(inside.sum())
        bands.append(
            Band(
                name=name,
                customers=count,
                share=count / customers if customers else 0.0,
                historic_value=float(np.sum(historic[inside])),
                predicted_value=float(np.sum(predicted[inside])),
            )
        )
    active = float(np.sum(numbers("p_alive")))
    return Headlines(
        customers=customers,
        active=active,
        active_share=active / customers if customers else 0.0,
        orders=of_all("expected_orders", float(np.sum(numbers("predicted_orders")))),
        revenue=of_all("expected_spend", float(np.sum(predicted))) if has_money else None,
        summed_value=float(np.sum(predicted)),
        top_tenth_share=_top_share(predicted),
        expected_churners=float(np.sum(numbers("churn_risk"))),
        overdue=int(run.scores.get_column("overdue").sum()),
        statuses=_tally(run.scores.get_column("prediction_status")),
        bands=tuple(bands),
    )


def _from_total(total: pl.DataFrame, name: str) -> Expected | None:
    if total.is_empty() or total[name][0] is None:
        return None
    return Expected(*(total[column][0] for column in (name, f"{name}_low", f"{name}_high")))


def _top_share(values: npt.NDArray[np.float64]) -> float:
    total = float(np.sum(values))
    if total <= 0:
        return 0.0
    best = np.sort(values)[::-1][: max(1, round(values.size / 10))]
    return float(np.sum(best)) / total


def _tally(values: pl.Series) -> tuple[tuple[str, int], ...]:
    counted = values.value_counts(name="count").sort(values.name)
    return tuple(zip(counted.get_column(values.name).to_list(), counted.get_column("count").to_list(), strict=True))
