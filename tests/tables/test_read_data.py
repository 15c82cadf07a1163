"""All tables of a shop are read alike: mapped, checked, each row accounted for."""

import copy
import inspect
from datetime import date, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import foretell as ft
from foretell.features.behaviour.browsing import is_message
from foretell.features.behaviour.messages import CLICKED, HARD_BOUNCED, OPENED, SENT, SOFT_BOUNCED
from foretell.features.behaviour.seen import VISITS
from foretell.tables.event_names import KNOWN_EVENTS
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.schema import CALENDAR, CUSTOMERS, EVENTS, OPTIONAL, ORDER_LINES, PLACES

ORDERS = pl.DataFrame(
    {
        "customer_id": ["a", "a", "b", "c"],
        "ordered_at": ["2025-01-01 10:00", "2025-02-01", "2025-03-01", "2025-04-01"],
        "amount": [10, 20, 30, 40],
        "order_id": ["1", "2", "3", "4"],
    }
)
EVENT_ROWS = pl.DataFrame(
    {
        "visitor": ["a", "ghost", None, "b"],
        "ts": ["2025-01-05", "2025-01-06 12:00", "2025-01-07", "soon"],
        "what": ["View ", "Added to Cart", "view", "view"],
        "price": ["1,50", "x", "", "2"],
    }
)
MAPPED_EVENTS = ft.Source(EVENT_ROWS, customer_id="visitor", occurred_at="ts", event="what", decimal_comma=True)
PEOPLE = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "country": ["DE", "DE", "FR"],
        "email": ["anna@example.com", "bob@example.com", None],
        "consent_email": ["yes", "", "perhaps"],
        "birth_date": ["1980-02-29", "1799-01-01", "then"],
        "lat": ["52.5", "91", None],
        "lon": ["13.4", "10", None],
        "shoe": [40, 41, 42],
    }
)


def read(**tables):
    return ft.read_data(orders=ORDERS, **tables)


def codes(data, table):
    return {note.code: note.count for note in data.report.notes if note.table == table}


def rows(data, table):
    found = getattr(data.optional, table)
    return found.collect().to_dicts() if isinstance(found, pl.LazyFrame) else found.to_dicts()


def refused(**tables):
    with pytest.raises(ft.DataError) as error:
        read(**tables)
    return error.value


def test_orders_alone_are_what_read_orders_gives():
    data = read()
    assert_frame_equal(data.orders.collect(), ft.read_orders(ORDERS).orders.collect())
    assert data.optional.names == ()
    assert data.fingerprint() == ft.read_orders(ORDERS).fingerprint()


def test_orders_may_be_read_already():
    orders = ft.read_orders(ORDERS.drop("amount"), observed_until="2025-06-01")
    with pytest.warns(ft.DataWarning):
        data = ft.read_data(orders=orders, events=MAPPED_EVENTS)
    assert data.observed_until == datetime(2025, 6, 1)
    assert data.report.notes[0].code == "no_amount"
    assert orders.optional.names == ()


def test_events_are_mapped_and_those_of_unknown_customers_stay():
    with pytest.warns(ft.DataWarning, match="events: 1 events have one of 1 names") as warned:
        data = read(events=MAPPED_EVENTS)
    assert len(warned) == 1
    assert rows(data, "events") == [
        {"customer_id": "a", "occurred_at": datetime(2025, 1, 5), "event": "view", "price_minor": 15_000},
        {
            "customer_id": "ghost",
            "occurred_at": datetime(2025, 1, 6, 12),
            "event": "added to cart",
            "price_minor": None,
        },
    ]
    assert data.quarantine.rows() == [
        (3, "events", "customer_id", "customer_id_missing"),
        (4, "events", "occurred_at", "occurred_at_unreadable"),
    ]
    assert codes(data, "events") == {
        "price_unreadable": 1,
        "unknown_event_names": 1,
        "customer_id_missing": 1,
        "occurred_at_unreadable": 1,
    }
    report = data.report.tables["events"]
    assert (report.rows_in, report.rows_used, report.rows_quarantined) == (4, 2, 2)


def test_event_names_of_the_shop_come_before_those_of_analytics_tools():
    names = pl.DataFrame(
        {"customer_id": "a", "occurred_at": ["2025-01-01"] * 3, "event": ["ADD ", "add_to_cart", "view_item"]}
    )
    data = read(events=ft.Source(names, event_names={" add": "Cart", "view_item": "search"}))
    assert [row["event"] for row in rows(data, "events")] == ["cart", "cart", "search"]
    assert codes(data, "events") == {}


def test_customers_keep_what_is_known_and_lose_what_cannot_be_read():
    data = read(customers=ft.Source(PEOPLE, stable_attributes=["country", "shoe"]))
    assert rows(data, "customers")[0] == {
        "customer_id": "a", "country": "DE", "lat": 52.5, "lon": 13.4, "birth_date": date(1980, 2, 29),
        "email": "anna@example.com", "consent_email": True, "shoe": 40,
    }  # fmt: skip
    known = [(row["consent_email"], row["birth_date"], row["lat"], row["lon"]) for row in rows(data, "customers")]
    assert known[1:] == [(None, None, None, None)] * 2
    assert codes(data, "customers") == {
        "birth_date_out_of_range": 1,
        "birth_date_unreadable": 1,
        "consent_email_unreadable": 1,
        "coordinates_out_of_range": 1,
    }
    assert data.optional.stable_attributes == ("country", "shoe")
    assert data.report.tables["customers"].rows_used == 3


@pytest.mark.parametrize("name", ["email", "consent_ads", "customer_id", "account_id"])
def test_what_identifies_somebody_is_no_stable_attribute(name):
    with pytest.raises(ft.ConfigError, match=name):
        read(customers=ft.Source(PEOPLE, stable_attributes=["country", name]))


def test_a_stable_attribute_has_to_be_there():
    (violation,) = refused(customers=ft.Source(PEOPLE, stable_attributes=["contry"])).violations
    assert violation.column == "contry"
    assert "Did you mean 'country'?" in violation.remedy


def test_customers_that_are_there_twice_are_one_or_an_error():
    data = read(customers=pl.concat([PEOPLE, PEOPLE.head(1)]))
    assert data.report.tables["customers"].rows_used == 3
    assert data.quarantine.rows() == [(4, "customers", None, "duplicate_row")]
    other = PEOPLE.head(1).with_columns(consent_email=pl.lit("no"))
    error = refused(customers=pl.concat([PEOPLE, other]))
    assert [(v.column, v.count, v.rows) for v in error.violations] == [("customer_id", 2, (1, 4))]
    assert "anna" not in str(error)


def test_the_calendar_needs_days_in_order_and_apart():
    good = pl.DataFrame(
        {
            "event": ["Black Friday", "christmas", "black friday"],
            "starts_on": ["2024-11-29", "2024-12-01", "2025-11-28"],
            "ends_on": ["2024-12-02", "2024-12-26", None],
        }
    )
    assert rows(read(calendar=good), "calendar")[0] == {
        "event": "black friday", "starts_on": date(2024, 11, 29), "ends_on": date(2024, 12, 2),
    }  # fmt: skip
    assert rows(read(calendar=good), "calendar")[2]["ends_on"] == date(2025, 11, 28)
    assert rows(read(calendar=good.drop("ends_on")), "calendar")[0]["ends_on"] == date(2024, 11, 29)
    wrong = good.with_columns(ends_on=pl.Series(["2024-12-02", "2024-11-30", "x"]))
    data = read(calendar=wrong)
    assert data.quarantine.rows() == [
        (2, "calendar", "ends_on", "ends_before_starts"),
        (3, "calendar", "ends_on", "ends_on_unreadable"),
    ]
    again = good.with_columns(
        starts_on=pl.Series(["2024-11-29", "2024-12-01", "2024-12-02"]), ends_on=pl.lit("2024-12-02")
    )
    (violation,) = refused(calendar=again).violations
    assert (violation.rule, violation.rows) == ("rows of the same event overlap in time", (3,))


def test_the_calendar_may_say_when_an_event_became_known():
    dates = pl.DataFrame(
        {
            "event": ["sale", "fair", "feast"],
            "starts_on": ["2025-06-01", "2025-07-01", "2025-08-01"],
            "told": ["2025-05-01", None, "soon"],
        }
    )
    data = read(calendar=ft.Source(dates, announced_on="told"))
    assert [row["announced_on"] for row in rows(data, "calendar")] == [date(2025, 5, 1), None]
    # Without the day that cannot be read it would be known always: the row is left out, and told.
    assert data.quarantine.rows() == [(3, "calendar", "announced_on", "announced_on_unreadable")]


def test_places_lie_on_earth_and_once():
    places = pl.DataFrame(
        {"place": ["x", "y", "z"], "lat": [1, 2, 95], "lon": [1, 2, 3], "radius_km": ["5", "", "far"]}
    )
    data = read(places=places)
    assert rows(data, "places") == [
        {"place": "x", "lat": 1.0, "lon": 1.0, "radius_km": 5.0},
        {"place": "y", "lat": 2.0, "lon": 2.0, "radius_km": None},
    ]
    assert data.quarantine.rows() == [(3, "places", "lat", "coordinates_out_of_range")]
    swapped = places.with_columns(lat=pl.Series([100, 120, 3]))
    assert "swapped" in refused(places=swapped).violations[0].remedy
    assert refused(places=places.with_columns(place=pl.lit("x"))).violations[0].count == 2


def test_the_problems_of_all_tables_are_told_at_once():
    error = refused(
        order_lines=ft.Source(pl.DataFrame({"sku": ["x"], "order_id": ["1"]}), product_id="skuu"),
        events=pl.DataFrame({"customer_id": ["a"], "event": ["view"]}),
        places=pl.DataFrame(schema={"place": pl.String, "lat": pl.Float64, "lon": pl.Float64}),
    )
    assert [(violation.table, violation.column) for violation in error.violations] == [
        ("order_lines", "product_id"),
        ("events", "occurred_at"),
        ("places", None),
    ]
    with pytest.raises(ft.DataError) as caught:
        ft.read_data(orders=ORDERS.drop("customer_id"), calendar=pl.DataFrame({"event": ["x"]}))
    assert {violation.table for violation in caught.value.violations} == {"orders", "calendar"}


def test_an_argument_that_a_table_cannot_have_is_a_type_error():
    with pytest.raises(TypeError, match=r"source of events got an unexpected argument 'ocurred_at'.*'occurred_at'"):
        read(events=ft.Source(EVENT_ROWS, ocurred_at="ts"))
    with pytest.raises(ft.ConfigError, match="time_zone"):
        read(events=ft.Source(EVENT_ROWS, time_zone="Mars"))


def test_the_zone_of_the_shop_is_that_of_every_table():
    aware = pl.DataFrame({"customer_id": ["a"], "occurred_at": ["2025-01-01T23:30:00Z"], "event": ["view"]})
    assert "zone" in refused(events=aware).violations[0].rule
    data = read(events=aware, time_zone="Europe/Berlin")
    assert rows(data, "events")[0]["occurred_at"] == datetime(2025, 1, 2, 0, 30)
    data = read(events=ft.Source(aware, time_zone="UTC"), time_zone="Europe/Berlin")
    assert rows(data, "events")[0]["occurred_at"] == datetime(2025, 1, 1, 23, 30)


def test_events_at_or_after_a_stated_end_are_left_out():
    orders = ft.Source(ORDERS, observed_until="2025-05-01")
    events = pl.DataFrame(
        {"customer_id": "a", "occurred_at": ["2025-04-30", "2025-04-30", "2025-05-01"], "event": "view"}
    )
    data = ft.read_data(orders=orders, events=events)
    assert data.quarantine.rows() == [(3, "events", "occurred_at", "after_observed_until")]
    assert codes(data, "events") == {"after_observed_until": 1, "duplicate_rows_kept": 1}
    assert ft.read_data(orders=orders, events=ft.Source(events, drop_duplicates=True)).quarantine.height == 2


def test_nothing_personal_is_ever_shown():
    data = read(customers=PEOPLE)
    shown = f"{data!r} {data} {data.report} {ft.Source(PEOPLE, customer_id='customer_id')!r}"
    for value in ("anna", "bob@", "1980"):
        assert value not in shown
    assert repr(data).endswith("0 rows left out; with customers)")
    assert "Source(<DataFrame>, customer_id='customer_id')" in shown


@pytest.mark.parametrize("name", [table.name for table in OPTIONAL])
def test_no_error_shows_what_a_cell_holds(name):
    columns = next(table for table in OPTIONAL if table.name == name).names
    hostile = pl.DataFrame({column: ["anna@example.com", "bob@example.com"] for column in columns})
    error = refused(**{name: hostile})
    assert error.violations
    assert "@" not in str(error)
    assert error.__cause__ is None


def test_a_source_does_not_change():
    source = ft.Source("x.csv", customer_id="id")
    with pytest.raises(AttributeError):
        source.source = "y.csv"
    source.arguments["customer_id"] = "other"
    assert repr(source) == "Source('x.csv', customer_id='id')"
    assert repr(copy.deepcopy(source)) == repr(source)


def test_the_fingerprint_covers_what_features_read_and_nothing_personal():
    tables = {
        "order_lines": pl.DataFrame({"order_id": ["1", "2"], "product_id": ["p", "q"], "amount": [1, 2]}),
        "events": pl.DataFrame(
            {"customer_id": ["a", "b"], "occurred_at": ["2025-01-01", "2025-01-02"], "event": "view"}
        ),
        "customers": PEOPLE,
        "calendar": pl.DataFrame({"event": ["x"], "starts_on": ["2025-01-01"]}),
    }

    def fingerprint(**changed):
        return read(**{**tables, **changed}).fingerprint()

    base = fingerprint()
    assert base != read().fingerprint()
    assert base == fingerprint(**{name: table.reverse() for name, table in tables.items()})
    lines, events, calendar = tables["order_lines"], tables["events"], tables["calendar"]
    assert base != fingerprint(order_lines=lines.with_columns(product_id=pl.lit("p")))
    assert base != fingerprint(events=events.with_columns(event=pl.lit("cart")))
    assert base != fingerprint(calendar=calendar.with_columns(starts_on=pl.lit("2025-01-02")))
    assert base != fingerprint(customers=PEOPLE.with_columns(country=pl.lit("FR")))
    personal = PEOPLE.with_columns(email=pl.lit("x@example.com"), consent_email=pl.lit("no"), lat=pl.lit(0.0))
    assert base == fingerprint(customers=personal)


def test_every_table_of_the_design_can_be_read():
    assert [table.name for table in OPTIONAL] == list(inspect.signature(ft.read_data).parameters)[1:-1]
    described = inspect.getdoc(OptionalTables)
    stored = {column.stored_name for table in (ORDER_LINES, EVENTS, CALENDAR, PLACES) for column in table}
    assert [name for name in stored if name not in described] == []
    assert {column.name for column in CUSTOMERS if column.personal} == {
        "account_id", "email", "phone", "first_name", "last_name", "madid",
        "consent_email", "consent_sms", "consent_ads",
    }  # fmt: skip


def test_what_features_read_of_events_is_known_and_a_bounce_of_a_text_message_is_one():
    read_by_features = {*VISITS, *SENT, *OPENED, *CLICKED, *SOFT_BOUNCED, *HARD_BOUNCED}
    consent = {name for name in KNOWN_EVENTS if name.endswith(("_unsubscribe", "_complaint"))}
    assert read_by_features <= set(KNOWN_EVENTS)
    assert {name for name in KNOWN_EVENTS if is_message(name)} - consent <= read_by_features
    bounced = pl.DataFrame({"customer_id": ["a"], "occurred_at": ["2025-01-01"], "event": ["sms_bounce"]})
    data = read(events=bounced)
    assert data.optional.events.collect()["event"].to_list() == ["sms_soft_bounce"]
