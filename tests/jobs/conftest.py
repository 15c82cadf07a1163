"""A small shop as its owner has it: a CSV file whose identifiers are e-mail addresses, and settings."""

from pathlib import Path

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData

EMAIL = "@private.example"


@pytest.fixture(scope="session")
def orders(big_shop: CustomerData) -> pl.DataFrame:
    """The large simulated shop as a file would hold it."""
    return big_shop.orders.select(
        (pl.col("customer_id") + EMAIL).alias("who"),
        pl.col("ordered_at").alias("when"),
        (pl.col("amount_minor") / MINOR_PER_UNIT).alias("total"),
        pl.col("order_id").alias("number"),
    ).collect()


def settings_of(folder: Path) -> Settings:
    """Settings for a shop in a folder, as the config file would give them."""
    return Settings.model_validate(
        {
            "shop": {"name": "A <b>shop</b>", "currency": "EUR"},
            "data": {
                "orders": {
                    "path": str(folder / "orders.csv"), "customer_id": "who", "ordered_at": "when",
                    "amount": "total", "order_id": "number",
                }
            },
            "horizons": {"clv_days": 90, "churn_days": 60},
            "training": {"rungs": ("purchase",)},
            "folders": {"models": folder / "models", "output": folder / "out"},
            "tracking": {"enabled": False},
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def trained_shop(orders: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop's folder with orders and a champion trained as of mid-2025; not to be changed."""
    from foretell.jobs.train import train

    folder = tmp_path_factory.mktemp("shop")
    orders.write_csv(folder / "orders.csv")
    result = train(settings_of(folder), as_of="2025-07-01")
    assert result.champion == result.model.version
    return folder


@pytest.fixture(scope="session")
def shop_settings(trained_shop: Path) -> Settings:
    """Settings of the trained shop."""
    return settings_of(trained_shop)
