"""What each family of the optional tables adds to orders alone, on Complete Journey: 2017-10-01, 90 days.

Lines carry category and brand; a campaign mailed to a household is a message sent, a coupon of it redeemed a click;
demographics are undated, so that they may know what a household became later. Every row is the boosted rung, fitted
anew with one family on top of orders' own; losses are compared customer by customer, with a bootstrap over customers.

Run: ``FORETELL_DATA=… python tests/bench/bench_families.py [family …]``; prints Markdown. "all" is all at once.
"""

import os
import resource
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
from accuracy_cases import DATA_FOLDER, SHOP_ZONE
from measure import machine

from foretell.features import catalogue, compute
from foretell.features.behaviour.available import Available
from foretell.labels.outcomes import outcomes
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables
from foretell.training.boosted_recipe import BoostedRecipe
from foretell.windows import Horizons

AS_OF = datetime(2017, 10, 1)
DAYS = 90
RESAMPLES = 2_000
LOSSES = ("log loss of churn", "squared error of orders", "squared error of spend, capped")
STABLE = ("age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count")


def table(name: str) -> pl.DataFrame:
    """One file of the shop, its household as the customer."""
    frame = pl.read_parquet(Path(os.environ[DATA_FOLDER]) / f"complete_journey_{name}.parquet")
    if "household_id" not in frame.columns:
        return frame
    return frame.with_columns(pl.col("household_id").cast(pl.String).alias("customer_id")).drop("household_id")


def local(column: str) -> pl.Expr:
    """Instants in the shops' own zone."""
    return pl.col(column).dt.replace_time_zone("UTC").dt.convert_time_zone(SHOP_ZONE).dt.replace_time_zone(None)


def minor(column: str) -> pl.Expr:
    """Money in ten-thousandths."""
    return (pl.col(column) * 10_000).round().cast(pl.Int64)


def lines() -> pl.DataFrame:
    """Order lines."""
    off = pl.sum_horizontal("retail_disc", "coupon_disc", "coupon_match_disc")
    return (
        table("lines")
        .with_columns(off=off)
        .select(
            "customer_id",
            local("transaction_timestamp").alias("ordered_at"),
            pl.col("product_id").cast(pl.String),
            pl.col("product_category").alias("category"),
            "brand",
            pl.col("quantity").cast(pl.Float64),
            minor("sales_value").alias("amount_minor"),
            minor("off").alias("discount_minor"),
        )
    )


def events() -> pl.DataFrame:
    """Campaigns mailed and coupons redeemed."""
    columns = ("customer_id", "occurred_at", "event", "medium", "campaign")
    named = pl.col("campaign_id").cast(pl.String).alias("campaign")
    sent = (
        table("campaigns")
        .join(table("campaign_descriptions"), on="campaign_id", validate="m:1")
        .with_columns(named, occurred_at=pl.col("start_date").cast(pl.Datetime("us")), event=pl.lit("email_sent"))
        .with_columns(medium=pl.col("campaign_type"))
    )
    redeemed = (
        table("coupon_redemptions")
        .join(table("campaign_descriptions"), on="campaign_id", validate="m:1")
        .with_columns(named, occurred_at=pl.col("redemption_date").cast(pl.Datetime("us")), event=pl.lit("email_click"))
        .with_columns(medium=pl.col("campaign_type"))
    )
    return pl.concat([sent.select(columns), redeemed.select(columns)])


def shop() -> CustomerData:
    """All tables, up to the end of what the outcome needs."""
    orders = (
        table("baskets")
        .filter(pl.col("value") > 0)
        .select("customer_id", local("order_ts").alias("ordered_at"), minor("value").alias("amount_minor"))
    )
    optional = OptionalTables(
        order_lines=lines().lazy(),
        events=events().lazy(),
        customers=table("demographics").lazy(),
        stable_attributes=STABLE,
    )
    return replace(
        CustomerData.from_orders(orders.sort("ordered_at", "customer_id", "amount_minor")), optional=optional
    )


def losses(data: CustomerData, families: Sequence[str]) -> tuple[pl.DataFrame, float]:
    """Fit with some families on, and return each customer's losses and the processor seconds."""
    kept = tuple(family for family in catalogue.TABLE_FAMILIES if family.name in families)
    before = resource.getrusage(resource.RUSAGE_SELF)
    with ExitStack() as stack:
        for module in (catalogue, compute):
            stack.enter_context(patch.object(module, "TABLE_FAMILIES", kept))
        told = BoostedRecipe().fit_predict(data.before(AS_OF), AS_OF, Horizons(DAYS, DAYS, 30), 0)
    after = resource.getrusage(resource.RUSAGE_SELF)
    happened = outcomes(data, AS_OF, DAYS)
    rows = (
        told.lazy()
        .join(happened.lazy(), on="customer_id", how="left", maintain_order="left")
        .with_columns(pl.col("orders_in_window").fill_null(0), pl.col("spend_in_window").fill_null(0.0))
        .collect()
    )
    stayed = rows["orders_in_window"].to_numpy() > 0
    left = np.clip(rows["churn_risk"].to_numpy(), 1e-9, 1 - 1e-9)
    spend = rows["spend_in_window"].to_numpy()
    cap = np.quantile(spend[spend > 0], 0.99)
    each = {
        LOSSES[0]: -np.log(np.where(stayed, 1 - left, left)),
        LOSSES[1]: (rows["predicted_orders"].to_numpy() - rows["orders_in_window"].to_numpy()) ** 2,
        LOSSES[2]: (np.minimum(rows["predicted_clv"].to_numpy(), cap) - np.minimum(spend, cap)) ** 2,
    }
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return rows.select("customer_id").with_columns(pl.Series(name, values) for name, values in each.items()), cpu


def gain(base: np.ndarray, ours: np.ndarray) -> str:
    """Part of the loss of orders alone that is gone, in per cent, with a 95 % interval."""
    draw = np.random.default_rng(0).integers(0, base.size, (RESAMPLES, base.size))
    gains = 100 * (1 - ours[draw].mean(axis=1) / base[draw].mean(axis=1))
    low, high = np.quantile(gains, (0.025, 0.975))
    return f"{100 * (1 - ours.mean() / base.mean()):+.1f} ({low:+.1f} to {high:+.1f})"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    if not os.environ.get(DATA_FOLDER):
        print(f"Families of features on Complete Journey: left out, {DATA_FOLDER} is not set.")
        return
    data = shop()
    on = [family.name for family in catalogue.TABLE_FAMILIES if family.features(Available.of(data))]
    asked = sys.argv[1:] or ["all", *on]
    base, cpu = losses(data, ())
    print(f"## Complete Journey, {AS_OF:%Y-%m-%d}, {DAYS} days: what is gained over orders alone, % of the loss\n")
    print(f"| family | {' | '.join(LOSSES)} | processor seconds |\n| --- | ---: | ---: | ---: | ---: |")
    print(f"| orders alone: the loss | {' | '.join(f'{base[name].mean():.4g}' for name in LOSSES)} | {cpu:.0f} |")
    for name in asked:
        ours, cpu = losses(data, on if name == "all" else (name,))
        cells = " | ".join(gain(base[loss].to_numpy(), ours[loss].to_numpy()) for loss in LOSSES)
        print(f"| {name} | {cells} | {cpu:.0f} |", flush=True)
    print(f"\n{base.height:,} customers; {RESAMPLES:,} resamples of customers, 95 %. {machine('polars', 'lightgbm')}.")


if __name__ == "__main__":
    main()
