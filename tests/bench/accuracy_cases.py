"""The real histories that predictions are judged on, each cut at a date whose aftermath is known."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from foretell.tables.cdnow import load_cdnow
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.windows import Horizons

DATA_FOLDER = "FORETELL_DATA"
"""Environment variable that names the folder of the histories; CDNOW needs none."""

SHOP_ZONE = "America/New_York"
"""Where the Complete Journey stores are: their timestamps are UTC, their days are not."""


@dataclass(frozen=True)
class History:
    """Where the positive, uncancelled orders of a shop come from.

    Parameters
    ----------
    name : str
        How tables call it.
    file : str or None
        Name within the data folder; None if it is installed with a package.
    read : callable
        Path to order rows: ``customer_id`` String, ``ordered_at`` Datetime[us], ``amount`` Float64 > 0.
    end : date
        First day that was not observed.
    """

    name: str
    file: str | None
    read: Callable[[Path], pl.DataFrame]
    end: date

    def path(self) -> Path:
        """Return where the file should be."""
        return Path(os.environ.get(DATA_FOLDER, "")) / (self.file or "")

    def absent(self) -> str | None:
        """Return why the history cannot be read, or None."""
        if self.file is None:
            return None
        if not os.environ.get(DATA_FOLDER):
            return f"{DATA_FOLDER} is not set"
        return None if self.path().is_file() else f"{self.file} is not in {DATA_FOLDER}"

    def orders(self) -> pl.DataFrame:
        """Return the order rows; only positive amounts."""
        return self.read(self.path()).filter(pl.col("amount") > 0).sort("ordered_at", "customer_id", "amount")


def _cdnow(_: Path) -> pl.DataFrame:
    return load_cdnow().orders.collect().select(
        "customer_id", "ordered_at", amount=(pl.col("amount_minor") / MINOR_PER_UNIT).round(4)
    )  # fmt: skip


def _online_retail(path: Path) -> pl.DataFrame:
    rows = pl.read_parquet(path).filter(~pl.col("is_cancel"), pl.col("customer_id").is_not_null())
    return rows.select(pl.col("customer_id").cast(pl.String), pl.col("order_ts").alias("ordered_at"), amount="value")


def _complete_journey(path: Path) -> pl.DataFrame:
    local = pl.col("order_ts").dt.replace_time_zone("UTC").dt.convert_time_zone(SHOP_ZONE).dt.replace_time_zone(None)
    return pl.read_parquet(path).select(
        pl.col("household_id").cast(pl.String).alias("customer_id"), local.alias("ordered_at"), amount="value"
    )


def _grocery(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path).select(
        pl.col("customer_id").cast(pl.String), pl.col("date").cast(pl.Datetime("us")).alias("ordered_at"), amount=1.0
    )


CDNOW = History("CDNOW", None, _cdnow, date(1998, 7, 1))
ONLINE_RETAIL = History("Online Retail", "online_retail_orders.parquet", _online_retail, date(2011, 12, 10))
COMPLETE_JOURNEY = History("Complete Journey", "complete_journey_baskets.parquet", _complete_journey, date(2018, 1, 1))
GROCERY = History("grocery", "btydplus_grocery_elog.parquet", _grocery, date(2007, 12, 31))
HISTORIES = (CDNOW, ONLINE_RETAIL, COMPLETE_JOURNEY, GROCERY)


@dataclass(frozen=True)
class Case:
    """One question: what will each customer seen before a cutoff do in the days after it?

    Parameters
    ----------
    name : str
        How tables and ``--case`` call it.
    history : History
        Whose customers.
    cutoff : date
        First day that nobody who predicts may see.
    days : int
        How many days from the cutoff on are predicted.
    """

    name: str
    history: History
    cutoff: date
    days: int

    @property
    def as_of(self) -> datetime:
        """Return the cutoff as an instant."""
        return datetime.combine(self.cutoff, time.min)

    @property
    def horizons(self) -> Horizons:
        """Return the case's days as value and churn horizon, and at most 30 of them as the short one."""
        return Horizons(self.days, self.days, min(self.days, 30))

    def past(self, orders: pl.DataFrame) -> CustomerData:
        """Return what may be seen: rows before the cutoff, and nothing else."""
        seen = orders.filter(pl.col("ordered_at") < self.as_of).select(
            "customer_id", "ordered_at", amount_minor=(pl.col("amount") * MINOR_PER_UNIT).round().cast(pl.Int64)
        )
        return CustomerData.from_orders(seen, observed_until=self.as_of)

    def outcome(self, orders: pl.DataFrame) -> pl.DataFrame:
        """Return what every customer seen before the cutoff then did.

        Returns
        -------
        polars.DataFrame
            Sorted by ``customer_id``: ``orders_before`` purchase days seen, ``orders`` and ``spend`` of the window,
            ``days`` to its first purchase (1 is the cutoff's own day; null without one).
        """
        start, end = self.as_of, self.as_of + timedelta(days=self.days)
        day = pl.col("ordered_at").dt.date()
        seen = orders.filter(pl.col("ordered_at") < start).group_by("customer_id").agg(orders_before=day.n_unique())
        later = (
            orders.filter(pl.col("ordered_at").is_between(start, end, closed="left"))
            .group_by("customer_id")
            .agg(
                orders=day.n_unique(),
                spend=pl.col("amount").sum(),
                days=(day.min() - pl.lit(self.cutoff)).dt.total_days() + 1,
            )
        )
        return (
            seen.join(later, on="customer_id", how="left")
            .with_columns(pl.col("orders").fill_null(0), pl.col("spend").fill_null(0.0))
            .sort("customer_id")
        )


CASES = (
    Case("CDNOW 180", CDNOW, date(1997, 10, 1), 180),
    Case("CDNOW 90", CDNOW, date(1998, 4, 1), 90),
    Case("Online Retail 90", ONLINE_RETAIL, date(2011, 9, 9), 90),
    Case("Complete Journey 90", COMPLETE_JOURNEY, date(2017, 10, 1), 90),
    Case("grocery 90", GROCERY, date(2007, 10, 1), 90),
    Case("grocery 364", GROCERY, date(2006, 12, 31), 364),
)
DATE_CASE = Case("grocery dates 126", GROCERY, date(2006, 12, 31), 126)
"""Where the date of the next order is judged: regular buyers, a year of history, a third of a year ahead."""
