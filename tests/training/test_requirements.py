"""Histories too thin to fit are refused with every reason; thin ones are warned of."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from foretell.errors import FitError, SmallSampleWarning, WindowError
from foretell.features.summary import purchase_summary
from foretell.models.population import Population
from foretell.tables.dataset import CustomerData
from foretell.training.requirements import capabilities, require_trainable
from foretell.training.train import train

START = datetime(2025, 1, 1)


def shop(*days_of_customers: tuple[int, ...]) -> CustomerData:
    rows = [(f"c{i}", START + timedelta(days=day), 10_000) for i, days in enumerate(days_of_customers) for day in days]
    schema = {"customer_id": pl.String, "ordered_at": pl.Datetime("us"), "amount_minor": pl.Int64}
    return CustomerData.from_orders(pl.DataFrame(rows, schema=schema, orient="row"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(shop((0, 10, 30)), "customers 1, needed 10", id="one customer"),
        pytest.param(shop(*[(i,) for i in range(20)]), "second order 0, needed 1", id="no repeat buyers"),
        pytest.param(shop(*[(0, 5) for _ in range(20)]), "days of history 6, needed 14", id="history too short"),
        pytest.param(shop(*[(0,) for _ in range(20)]), "days of history 0", id="all orders on one day"),
    ],
)
def test_what_cannot_be_fitted_is_named_with_the_remedy(data: CustomerData, said: str) -> None:
    with pytest.raises(FitError, match=rf"{said}.*Remedy") as refused:
        train(data)
    assert refused.value.exit_code == 3
    assert "c0" not in str(refused.value)


def test_all_reasons_are_given_at_once() -> None:
    with pytest.raises(FitError, match=r"customers 1.*days of history 0.*second order 0"):
        train(shop((0,)))


def test_a_cutoff_before_the_first_order_is_named() -> None:
    with pytest.raises(WindowError, match="Nobody bought before"):
        train(shop((0, 1)), "2024-12-31")


def test_a_thin_history_is_warned_of_and_stated() -> None:
    data = shop(*[(i, i + 9, i + 30) for i in range(15)])
    as_of = START + timedelta(days=60)
    with pytest.warns(SmallSampleWarning, match="customers: 15, advised 500"):
        limits = require_trainable(Population.of(purchase_summary(data, as_of)), as_of)
    assert "customers: 15, advised 500" in limits


def test_capabilities_say_observed_and_needed(few_orders: CustomerData) -> None:
    as_of = datetime(2025, 4, 1)
    found = capabilities(Population.of(purchase_summary(few_orders, as_of)), clv_days=30, churn_days=20)
    by_measure = {(item.name, item.measure): (item.observed, item.holds) for item in found}
    assert by_measure["fit a purchase model", "customers"] == (3, False)
    assert by_measure["trust the predictions", "customers with 3 orders"] == (1, False)
    assert by_measure["trust the predictions", "days since the newest order"] == (22, True)
    assert by_measure["judge value over 30 days", "days of history"] == (90, True)
