"""Simulated tables beside the orders: orders stay as they are, and what is planted can be found."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import foretell as ft
from foretell.tables.schema import OPTIONAL

NAMES = tuple(table.name for table in OPTIONAL)
PAIRS = {"stationery": 0, "books": 0, "garden": 1, "kitchen": 1, "fashion": 2, "electronics": 2}


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
    pair = pl.col("favourite_category").replace_strict(PAIRS)
    medians = truth.group_by(pair.alias("pair")).agg(pl.median("mean_order_value")).sort("pair")
    cheap, middle, dear = medians["mean_order_value"]
    assert 1.2 * cheap < middle < dear / 1.2
    lines = table(shop, "order_lines").filter(pl.col("category") != "coffee").join(truth, on="customer_id")
    liked = lines.select((pl.col("category") == pl.col("favourite_category")).mean()).item()
    # nine in ten, and a sixth of the rest by chance; 20,000 lines: three standard errors are .006
    assert liked == pytest.approx(0.9 + 0.1 / 6, abs=0.01)


@pytest.mark.parametrize("planted", [True, False], ids=["planted", "switched off"])
def test_the_first_category_of_a_pair_is_that_of_the_half_who_leave_less_easily(truth, planted):
    if not planted:
        truth = ft.simulate(customers=3_000, seed=7, tables="all", planted=("carts", "messages"))[1]
    half = truth.select(pl.col("leave_probability").median()).item()
    first = pl.col("favourite_category").is_in(["stationery", "garden", "fashion"])
    for leaves_easily, share in ((True, 0.05), (False, 0.95)):
        # 1,500 customers each: three standard errors are .017, and .039 of a half
        among = truth.filter((pl.col("leave_probability") > half) == leaves_easily).select(first.mean()).item()
        assert among == pytest.approx(share if planted else 0.5, abs=0.02 if planted else 0.04)


@pytest.mark.parametrize("planted", [True, False], ids=["planted", "switched off"])
def test_readers_of_messages_are_those_who_come_back(truth, planted):
    if not planted:
        truth = ft.simulate(customers=3_000, seed=7, tables="all", planted=("carts", "categories"))[1]
    # A third are one-time buyers: ties, whose order among themselves is chance.
    again = truth.filter(pl.col("kind") != "one_time")
    found = again.select(pl.corr("message_engagement", "leave_probability", method="spearman")).item()
    assert found < -0.4 if planted else abs(found) < 0.07
    assert truth["message_engagement"].mean() == pytest.approx(0.4, abs=0.012)


def test_a_signal_that_is_switched_off_changes_no_truth_of_the_others(truth):
    off = ft.simulate(customers=3_000, seed=7, tables="all", planted="categories")[1]
    assert_frame_equal(off.drop("message_engagement"), truth.drop("message_engagement"))


def test_unknown_signals_are_refused():
    with pytest.raises(ft.ConfigError, match=r"No signal 'cart' is planted\. Did you mean 'carts'\?"):
        ft.simulate(customers=10, seed=1, planted=["cart"])


def test_coffee_is_bought_by_those_who_restock_it_at_their_interval(shop, truth):
    coffee = table(shop, "order_lines").filter((pl.col("category") == "coffee") & (pl.col("amount_minor") >= 0))
    days = coffee.join(truth, on="customer_id").select("customer_id", "ordered_at", "restock_days").unique()
    assert days["restock_days"].null_count() == 0
    gap = (
        days.sort("customer_id", "ordered_at")
        .with_columns(gap=pl.col("ordered_at").diff().over("customer_id").dt.total_days())
        .drop_nulls()
    )
    # most gaps are those of the orders; some 600 customers: chance alone stays below .12
    assert gap.select(pl.corr("gap", "restock_days", method="spearman")).item() > 0.15


@pytest.mark.parametrize("planted", ["all", ("categories", "messages")], ids=["planted", "switched off"])
def test_a_cart_in_the_last_week_means_that_an_order_is_near(shop, planted):
    data = shop[0] if planted == "all" else ft.simulate(customers=3_000, seed=7, tables="events", planted=planted)[0]
    orders = data.orders.filter(pl.col("amount_minor") > 0).collect()
    carts = data.optional.events.filter(pl.col("event") == "cart").collect()
    counts = pl.concat([near_orders(orders, carts, datetime(2025, month, 1)) for month in range(1, 13)])
    rates = dict(counts.group_by("cart").agg(pl.col("bought").mean()).rows())
    # Four times as likely. By chance some 130 of 2,900 would order: three standard errors are .27.
    assert rates[True] / rates[False] > 3.5 if planted == "all" else abs(rates[True] / rates[False] - 1) < 0.3


def near_orders(orders, carts, cutoff):
    """Customers known at a cutoff: a cart in the week before, an order in the week after."""
    week = timedelta(days=7)
    carted = carts.filter(pl.col("occurred_at").is_between(cutoff - week, cutoff, closed="left"))["customer_id"]
    soon = orders.filter(pl.col("ordered_at").is_between(cutoff, cutoff + week, closed="left"))["customer_id"]
    known = orders.filter(pl.col("ordered_at") < cutoff).select("customer_id").unique()
    who = pl.col("customer_id")
    return known.select(cart=who.is_in(carted.implode()), bought=who.is_in(soon.implode()))


def test_messages_are_opened_by_those_who_are_still_customers(shop, truth):
    events = table(shop, "events").join(truth, on="customer_id").filter(~pl.col("machine_generated"))
    gone = (pl.col("occurred_at") > pl.col("left_at")).fill_null(value=False)
    counts = events.group_by(gone.alias("gone"), "event").agg(pl.len())
    rate = {
        who: counts.filter((pl.col("gone") == who) & (pl.col("event") == "email_open"))["len"].sum()
        / counts.filter((pl.col("gone") == who) & (pl.col("event") == "email_sent"))["len"].sum()
        for who in (True, False)
    }
    sent = events.filter(event="email_sent").group_by(gone.alias("gone")).agg(pl.mean("message_engagement"))
    willing = dict(sent.rows())
    # of some 20,000 messages each; 2 % of people bounce
    assert rate[False] == pytest.approx(0.98 * willing[False], abs=0.02)
    assert rate[True] == pytest.approx(0.98 * 0.15 * willing[True], abs=0.01)
    assert willing[False] > 0.4 > willing[True]
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
    # +888 was withdrawn by the ITU: eleven digits follow, and nobody has any
    assert people["phone"].str.contains(r"^\+888\d{11}$").all()
    assert people["phone"].is_unique().all()
    phonenumbers = pytest.importorskip("phonenumbers")
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in people["phone"])


def test_events_lie_in_the_period(shop):
    at = table(shop, "events")["occurred_at"]
    assert at.min() >= shop[0].orders.collect()["ordered_at"].dt.truncate("1y").min()
    assert at.max() < shop[0].observed_until
