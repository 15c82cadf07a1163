"""Simulated tables beside the orders: orders stay as they are, and what is planted can be found."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import foretell as ft
from foretell.tables.schema import OPTIONAL

NAMES = tuple(table.name for table in OPTIONAL)


@pytest.fixture(scope="module")
def shop():
    return ft.simulate(customers=3_000, seed=7, tables="all")


@pytest.fixture(scope="module")
def truth(shop):
    return shop[1]


def table(shop, name):
    return getattr(shop[0].optional, name).lazy().collect()


def test_orders_and_what_is_true_of_them_stay_as_without_tables(shop):
    plain, truth = ft.simulate(customers=3_000, seed=7)
    assert plain.optional.names == ()
    assert_frame_equal(shop[0].orders.collect(), plain.orders.collect())
    assert_frame_equal(shop[1].select(truth.columns), truth)


def test_a_table_is_the_same_with_others_and_without(shop):
    again, _ = ft.simulate(customers=3_000, seed=7, tables=["events"])
    assert again.optional.names == ("events",)
    assert_frame_equal(again.optional.events.collect(), table(shop, "events"))
    other, _ = ft.simulate(customers=3_000, seed=8, tables=["events"])
    assert other.fingerprint() != again.fingerprint()


def test_unknown_tables_are_refused():
    with pytest.raises(ft.ConfigError, match=r"There is no table 'event'\. Did you mean 'events'\?"):
        ft.simulate(customers=10, seed=1, tables=["event"])


def test_read_data_takes_the_tables_as_they_are(shop):
    held = {name: table(shop, name) for name in NAMES}
    money = {"amount_minor": "amount", "price_minor": "price"}
    given = {}
    for name, rows in held.items():
        units = [pl.col(column) / 10_000 for column in money if column in rows.columns]
        given[name] = rows.with_columns(units).rename(money, strict=False)
    read = ft.read_data(orders=shop[0], **given)
    for name in NAMES:
        again = getattr(read.optional, name).lazy().collect()
        assert_frame_equal(again, held[name], check_column_order=False)
    repeats = {note.code for note in read.report.notes}
    assert repeats <= {"duplicate_rows_kept"}
    assert read.quarantine.is_empty()


def test_lines_add_up_to_their_orders(shop):
    lines = table(shop, "order_lines").group_by("customer_id", "order_id", "ordered_at").agg(pl.sum("amount_minor"))
    orders = shop[0].orders.select("customer_id", "order_id", "ordered_at", "amount_minor").collect()
    assert_frame_equal(lines, orders, check_row_order=False)


def test_dear_customers_like_dear_categories(shop, truth):
    medians = truth.group_by("favourite_category").agg(pl.median("mean_order_value")).sort("mean_order_value")
    assert medians["favourite_category"].to_list() == [
        "stationery", "books", "garden", "kitchen", "fashion", "electronics",
    ]  # fmt: skip
    lines = table(shop, "order_lines").filter(pl.col("category") != "coffee").join(truth, on="customer_id")
    liked = lines.select((pl.col("category") == pl.col("favourite_category")).mean()).item()
    # two thirds, and a sixth of the rest by chance; 15,000 lines: three standard errors are .011
    assert liked == pytest.approx(2 / 3 + 1 / 18, abs=0.015)


def test_coffee_is_bought_by_those_who_restock_it_at_their_interval(shop, truth):
    coffee = table(shop, "order_lines").filter((pl.col("category") == "coffee") & (pl.col("amount_minor") >= 0))
    days = coffee.join(truth, on="customer_id").select("customer_id", "ordered_at", "restock_days").unique()
    assert days["restock_days"].null_count() == 0
    gap = (
        days.sort("customer_id", "ordered_at")
        .with_columns(gap=pl.col("ordered_at").diff().over("customer_id").dt.total_days())
        .drop_nulls()
    )
    assert gap.select(pl.corr("gap", "restock_days", method="spearman")).item() > 0.3


def test_a_cart_in_the_last_week_means_that_an_order_is_near(shop):
    cutoff = pl.datetime(2025, 6, 1)
    week = pl.duration(days=7)
    carts = table(shop, "events").filter(
        (pl.col("event") == "cart") & pl.col("occurred_at").is_between(cutoff - week, cutoff, closed="left")
    )
    orders = shop[0].orders.filter(pl.col("amount_minor") > 0).collect()
    known = orders.filter(pl.col("ordered_at") < cutoff).select("customer_id").unique()
    soon = orders.filter(pl.col("ordered_at").is_between(cutoff, cutoff + week, closed="left"))["customer_id"]
    with_cart = pl.col("customer_id").is_in(carts["customer_id"].implode())
    bought = pl.col("customer_id").is_in(soon.implode())
    rates = dict(known.group_by(with_cart.alias("cart")).agg(bought.mean()).rows())
    assert rates[True] > 3 * rates[False]


def test_messages_are_opened_by_those_who_are_still_customers(shop, truth):
    events = table(shop, "events").join(truth, on="customer_id").filter(~pl.col("machine_generated"))
    gone = (pl.col("occurred_at") > pl.col("left_at")).fill_null(value=False)
    counts = events.group_by(gone.alias("gone"), "event").agg(pl.len())
    rate = {
        who: counts.filter((pl.col("gone") == who) & (pl.col("event") == "email_open"))["len"].sum()
        / counts.filter((pl.col("gone") == who) & (pl.col("event") == "email_sent"))["len"].sum()
        for who in (True, False)
    }
    assert rate[False] == pytest.approx(0.4, abs=0.03)
    assert rate[True] == pytest.approx(0.4 * 0.15, abs=0.03)
    machines = table(shop, "events").filter("machine_generated").join(truth, on="customer_id")
    assert machines["opens_by_machine"].all()
    assert set(machines["event"]) == {"email_open"}


def test_those_who_buy_often_live_near(truth):
    assert truth.select(pl.corr("distance_km", "orders_per_day", method="spearman")).item() < -0.6


def test_the_distance_is_that_of_the_coordinates(shop, truth):
    lat, lon = np.radians(52.52), np.radians(13.405)
    people = table(shop, "customers").join(truth, on="customer_id").sort("customer_id")
    there_lat, there_lon = np.radians(people["lat"].to_numpy()), np.radians(people["lon"].to_numpy())
    half = np.sin((there_lat - lat) / 2) ** 2 + np.cos(lat) * np.cos(there_lat) * np.sin((there_lon - lon) / 2) ** 2
    km = 2 * 6371.0 * np.arcsin(np.sqrt(half))
    np.testing.assert_allclose(km, people["distance_km"].to_numpy(), rtol=0.03)


def test_there_are_prospects_and_members_who_never_ordered(shop, truth):
    events, people = table(shop, "events"), table(shop, "customers")
    buyers = truth["customer_id"].implode()
    visitors = events.filter(~pl.col("customer_id").is_in(buyers))["customer_id"].n_unique()
    assert visitors > 300
    members = people.filter(~pl.col("customer_id").is_in(buyers))
    assert 200 < members.height < 400
    assert people.filter(pl.col("customer_id").is_in(buyers)).height == 3_000
    first = shop[0].orders.group_by("customer_id").agg(first=pl.min("ordered_at")).collect()
    early = (
        events.filter(pl.col("event") == "view")
        .join(first, on="customer_id")
        .filter(pl.col("occurred_at") < pl.col("first"))
    )
    assert early.height > 100


def test_nobody_real_is_in_the_profiles(shop):
    people = table(shop, "customers")
    assert people["email"].str.ends_with("@example.com").all()
    assert people["phone"].str.contains(r"^\+447700900\d{3}$").all()


def test_events_lie_in_the_period(shop):
    at = table(shop, "events")["occurred_at"]
    assert at.min() >= shop[0].orders.collect()["ordered_at"].dt.truncate("1y").min()
    assert at.max() < shop[0].observed_until
