"""Optional tables are cut by their own time, and of some customers by the customer."""

from datetime import date, datetime

import polars as pl

from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables

ORDERS = pl.DataFrame({"customer_id": ["a", "b"], "ordered_at": [datetime(2025, 1, 1), datetime(2025, 2, 1)]})
LINES = ORDERS.with_columns(product_id=pl.lit("p"), quantity=pl.lit(1.0))
EVENTS = pl.DataFrame(
    {
        "customer_id": ["a", "visitor", "a"],
        "occurred_at": [datetime(2025, 1, 1), datetime(2025, 1, 2), datetime(2025, 1, 3)],
        "event": ["view", "view", "cart"],
    }
)
CUSTOMERS = pl.DataFrame(
    {"customer_id": ["a", "b", "c"], "signed_up_at": [datetime(2024, 1, 1), None, datetime(2025, 1, 2)]}
)
CALENDAR = pl.DataFrame({"event": ["sale"], "starts_on": [date(2026, 1, 1)], "ends_on": [date(2026, 1, 7)]})


def shop() -> CustomerData:
    optional = OptionalTables(LINES.lazy(), EVENTS.lazy(), CUSTOMERS.lazy(), CALENDAR)
    data = CustomerData.from_orders(ORDERS)
    return CustomerData(data.orders, data.observed_until, optional=optional)


def ids(table: pl.LazyFrame | None) -> list[str]:
    assert table is not None
    return table.collect()["customer_id"].to_list()


def test_a_cutoff_cuts_every_dated_table_and_leaves_the_calendar():
    seen = shop().before("2025-01-02").optional
    assert ids(seen.order_lines) == ["a"]
    assert ids(seen.events) == ["a"]
    assert ids(seen.customers) == ["a", "b"]
    assert seen.calendar is CALENDAR
    assert seen.names == ("order_lines", "events", "customers", "calendar")


def test_an_event_of_the_calendar_is_known_from_the_day_after_its_announcement_began():
    calendar = pl.DataFrame(
        {
            "event": ["always", "announced"],
            "starts_on": [date(2026, 1, 1)] * 2,
            "ends_on": [date(2026, 1, 7)] * 2,
            "announced_on": [None, date(2025, 11, 3)],
        }
    )
    tables = OptionalTables(calendar=calendar)

    def known(cutoff: datetime) -> list[str]:
        seen = tables.before(cutoff).calendar
        assert seen is not None
        return seen["event"].to_list()

    assert known(datetime(2025, 11, 2, 23)) == known(datetime(2025, 11, 3)) == ["always"]
    assert known(datetime(2025, 11, 3, 0, 0, 1)) == known(datetime(2025, 11, 4)) == ["always", "announced"]


def test_of_some_customers_only_their_rows_stay():
    kept = shop().of_customers(pl.Series(["b", "visitor"])).optional
    assert ids(kept.order_lines) == ["b"]
    assert ids(kept.events) == ["visitor"]
    assert ids(kept.customers) == ["b"]


def test_a_label_window_holds_orders_only():
    assert shop().between(datetime(2025, 1, 1), datetime(2025, 1, 5)).optional.names == ()
