"""The corridor of time and the walls between customers, for the features of the optional tables."""

import re
from dataclasses import replace
from datetime import date, time, timedelta

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from behaviour_histories import CALENDAR, CUTOFFS, FITTED, SHOPS, as_data
from foretell.features.behaviour.available import Available, is_private, slug
from foretell.features.catalogue import catalogue
from foretell.features.compute import compute, compute_prospects
from foretell.features.fit_statistics import fit_statistics
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables

TIMES = {"orders": "ordered_at", "order_lines": "ordered_at", "events": "occurred_at", "customers": "signed_up_at"}
quick = settings(max_examples=10)


def known(shop, as_of):
    """All features of customers and of prospects."""
    data = as_data(shop)
    return compute(data, as_of, FITTED).collect(), compute_prospects(data, as_of, FITTED)


def assert_same(left, right):
    for ours, theirs in zip(left, right, strict=True):
        assert_frame_equal(ours, theirs, check_exact=True)


def before(shop, as_of):
    return {
        table: [row for row in rows if row[TIMES[table]] is None or row[TIMES[table]] < as_of]
        for table, rows in shop.items()
    }


@quick
@given(shop=SHOPS, other=SHOPS, as_of=CUTOFFS, days=st.integers(0, 400))
def test_rows_of_any_table_at_or_after_the_cutoff_change_nothing(shop, other, as_of, days):
    past = before(shop, as_of)
    assume(past["orders"])
    later = as_of + timedelta(days=days)
    expected, fitted = known(past, as_of), fit_statistics(as_data(past), as_of)
    for table in ("orders", "order_lines", "events"):
        future = [{**row, TIMES[table]: later} for row in (*other[table], *past[table])]
        more = {**past, table: [*future, *past[table]]}
        assert_same(known(more, as_of), expected)
        assert fit_statistics(as_data(more), as_of) == fitted
    joining = [{**row, "customer_id": "late", "signed_up_at": later} for row in other["customers"][:1]]
    assert_same(known({**past, "customers": [*past["customers"], *joining]}, as_of), expected)


@quick
@given(data=st.data(), shop=SHOPS, as_of=CUTOFFS)
def test_the_order_of_rows_changes_nothing(data, shop, as_of):
    shuffled = {table: data.draw(st.permutations(rows)) for table, rows in shop.items()}
    assert_same(known(shuffled, as_of), known(shop, as_of))
    assert fit_statistics(as_data(shuffled), as_of) == fit_statistics(as_data(shop), as_of)


@quick
@given(shop=SHOPS, as_of=CUTOFFS)
def test_buckets_put_together_are_the_whole_so_others_change_nothing(shop, as_of):
    names = sorted({row["customer_id"] for row in shop["orders"]})
    prospects = {row["customer_id"] for table in ("events", "customers") for row in shop[table]} - set(names)
    # A bucket without any order is no data set: the visitor goes with the first customer.
    parts = []
    for name in names:
        own = {name, *prospects} if name == names[0] else {name}
        rows = {table: [row for row in rows if row["customer_id"] in own] for table, rows in shop.items()}
        parts.append(known(rows, as_of))
    whole = known(shop, as_of)
    together = [pl.concat(frames) for frames in zip(*parts, strict=True)]
    assert_same([frame.sort("customer_id") for frame in together], whole)


@quick
@given(shop=SHOPS, as_of=CUTOFFS, days=st.integers(0, 400))
def test_what_the_calendar_is_told_at_the_cutoff_or_later_changes_nothing(shop, as_of, days):
    data = as_data(shop)
    past = pl.DataFrame(CALENDAR).with_columns(announced_on=pl.lit(None, dtype=pl.Date))
    day = as_of.date() + timedelta(days=days + (as_of.time() > time.min))
    began = pl.DataFrame(
        {
            "event": ["sale", "flood"],
            "starts_on": [date(2023, 1, 1), date(2023, 1, 2)],
            "ends_on": [date(2024, 5, 1), as_of.date() + timedelta(days=2)],
            "announced_on": [day, day],
        }
    )

    def features(calendar):
        told = replace(data, optional=replace(data.optional, calendar=calendar))
        return (
            compute(told, as_of, FITTED).collect(),
            compute_prospects(told, as_of, FITTED),
            fit_statistics(told, as_of),
        )

    *expected, fitted = features(past)
    *found, refitted = features(pl.concat([past, began]))
    assert_same(found, expected)
    assert refitted == fitted
    # Told the day before, it is known.
    earlier = began.with_columns(announced_on=pl.lit(as_of.date() - timedelta(days=1)))
    assert "orders_in_flood" in features(pl.concat([past, earlier]))[0].columns


SHOP = {
    "orders": [("anna", 5, 100_000), ("anna", 40, 50_000), ("bert", 20, 70_000)],
    "order_lines": [("anna", 5, "tea"), ("bert", 20, "cups")],
    "events": [("anna", 45, "cart"), ("bert", 46, "view"), ("visitor", 44, "cart")],
}


@pytest.fixture
def shop():
    from behaviour_histories import EVENTS, LINES, ORDERS, START

    def at(day):
        return START + timedelta(days=day)

    orders = [dict.fromkeys(ORDERS) | {"customer_id": c, "ordered_at": at(d), "amount_minor": a}
              for c, d, a in SHOP["orders"]]  # fmt: skip
    lines = [dict.fromkeys(LINES) | {"customer_id": c, "ordered_at": at(d), "product_id": n, "category": n, "quantity":
             1.0, "amount_minor": 100} for c, d, n in SHOP["order_lines"]]  # fmt: skip
    events = [dict.fromkeys(EVENTS) | {"customer_id": c, "occurred_at": at(d), "event": n}
              for c, d, n in SHOP["events"]]  # fmt: skip
    return as_data({"orders": orders, "order_lines": lines, "events": events, "customers": []}), at(50)


def test_absent_tables_and_columns_switch_features_off_and_change_no_other(shop):
    data, as_of = shop
    whole = compute(data, as_of, FITTED).collect()
    tables = data.optional
    bare = (
        replace(tables, order_lines=tables.order_lines.select("customer_id", "ordered_at", "product_id")),
        replace(tables, events=tables.events.select("customer_id", "occurred_at", "event")),
        replace(tables, order_lines=None),
        replace(tables, events=None, customers=None),
        replace(tables, calendar=None, places=None),
        OptionalTables(),
    )
    for optional in bare:
        fewer = replace(data, optional=optional)
        table = compute(fewer, as_of, FITTED).collect()
        expected = [feature.name for feature in catalogue(available=Available.of(fewer))]
        assert table.columns == ["customer_id", *expected]
        assert len(expected) < len(whole.columns) - 1
        # Which tables there are says nothing of the others; unit prices fall back on the whole shop's band.
        assert_frame_equal(table, whole.select(table.columns))
    plain = CustomerData.from_orders(data.orders.select("customer_id", "ordered_at").collect())
    assert fit_statistics(plain, as_of) is None
    assert compute_prospects(plain, as_of).height == 0


def test_a_table_without_any_row_of_these_customers_is_no_error(shop):
    data, as_of = shop
    tables = replace(
        data.optional,
        order_lines=data.optional.order_lines.head(0),
        events=data.optional.events.head(0),
        calendar=data.optional.calendar.head(0),
        places=data.optional.places.head(0),
    )
    empty = compute(replace(data, optional=tables), as_of, FITTED).collect()
    assert empty["lines_bought"].to_list() == empty["view_events_last_90d"].to_list() == [0, 0]
    assert empty["top_category"].null_count() == 2
    nobody = compute(data, "2022-12-31", FITTED).collect()
    assert nobody.height == 0
    assert nobody.columns == compute(data, as_of, FITTED).collect().columns


HOSTILE = (
    *(
        "consent_email",
        "ConsentSms",
        "email",
        "E-Mail",
        "contact_email",
        "phone",
        "PhoneNumber",
        "mobile",
        "first_name",
    ),
    *("lastName", "full name", "Name", "madid", "account_id", "newsletter_opt_in", "optIn", "postcode", "birth_date"),
    *("Straße", "prénom", "Nachname", "telefono", "toestemming_mail", "Einwilligung"),
    *("email_consented", "emailaddress", "telephone_home", "street_address", "customer_id", "company", "unsubscribed"),
)


def test_consent_ways_to_reach_a_person_and_names_are_never_features(shop):
    data, as_of = shop
    people = pl.DataFrame({"customer_id": ["anna", "bert"], "taste": ["sweet", "sour"]}).with_columns(
        *(pl.Series(name, ["anna", "bert"]) for name in HOSTILE if name != "customer_id")
    )
    tables = replace(data.optional, customers=people.lazy(), stable_attributes=(*people.columns, *HOSTILE))
    hostile = replace(data, optional=tables)
    assert all(map(is_private, HOSTILE))
    assert [each.column for each in Available.of(hostile).attributes] == ["taste"]
    table = compute(hostile, as_of, fit_statistics(hostile, as_of)).collect()
    assert [name for name in table.columns if name.startswith("profile")] == ["profile_taste"]


def test_ordinary_words_are_not_private():
    names = ("country", "region", "city", "favourite_colour", "gender", "shoe_size", "household_size", "loyalty_tier")
    assert not any(map(is_private, names))


def test_events_and_attributes_named_in_other_scripts_stay_apart(shop):
    data, as_of = shop
    names = ["双十一", "圣诞", "Noël", "Black Friday", "black_friday"]
    days = [as_of.date() - timedelta(days=days) for days in (45, 30, 10, 9, 8)]
    calendar = pl.DataFrame({"event": names, "starts_on": days, "ends_on": days})
    people = pl.DataFrame({"customer_id": ["anna"], "城市": ["x"], "颜色": ["y"], "téléphone": ["z"]})
    tables = replace(
        data.optional, calendar=calendar, customers=people.lazy(), stable_attributes=("城市", "颜色", "téléphone")
    )
    available = Available.of(replace(data, optional=tables))
    assert {"noel", "black_friday"} < set(available.occasions)
    assert len(available.occasions) == 4
    assert len(available.attributes) == 2
    table = compute(replace(data, optional=tables), as_of, FITTED).collect()
    counts = {slug(name): table[f"orders_in_{slug(name)}"].to_list() for name in names}
    assert counts[slug("双十一")] == [1, 0]
    assert counts[slug("圣诞")] == [0, 1]
    assert counts["noel"] == [1, 0]
    assert all(re.fullmatch("[a-z0-9_]+", name) for name in available.occasions)


def test_only_attributes_declared_stable_are_features(shop):
    data, _ = shop
    people = pl.DataFrame({"customer_id": ["anna"], "country": ["DE"], "tier": ["gold"], "tags": [["a"]]})
    tables = replace(data.optional, customers=people.lazy(), stable_attributes=("country", "tags"))
    assert [each.feature for each in Available.of(replace(data, optional=tables)).attributes] == ["profile_country"]
