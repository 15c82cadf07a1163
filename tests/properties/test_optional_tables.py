"""Every table: each row is accounted for, order of rows is nothing, and the cut is that of a slow loop over rows."""

from datetime import date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import foretell as ft
from foretell.scoring.accounting import account_rows

START = datetime(2025, 1, 1)
TIMES = st.integers(0, 60).map(lambda half_days: START + timedelta(hours=12 * half_days))
IDS = st.sampled_from(["a", "b", "c", "visitor", None])
ORDER = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from("abc"),
        "ordered_at": TIMES,
        "amount": st.integers(-5, 20),
        "order": st.sampled_from(["1", "2", "3"]),
    }
)
LINE = st.fixed_dictionaries(
    {
        "order_id": st.sampled_from(["a1", "b2", "c3", "x", None]),
        "product_id": st.sampled_from(["p", "q", None]),
        "quantity": st.integers(-2, 2),
        "amount": st.one_of(st.none(), st.integers(-5, 20)),
    }
)
EVENT = st.fixed_dictionaries(
    {
        "customer_id": IDS,
        "occurred_at": st.one_of(st.none(), TIMES),
        "event": st.sampled_from(["view", "cart", "", None]),
    }
)
TABLES = {"order_lines": ("ordered_at",), "events": ("occurred_at",), "customers": ("signed_up_at",)}


@st.composite
def shops(draw):
    orders = draw(st.lists(ORDER, min_size=1, max_size=12))
    for row in orders:
        row["order_id"] = row["customer_id"] + row.pop("order")
    usable_order = {"customer_id": "a", "ordered_at": START, "amount": 1, "order_id": "a1"}
    usable_line = {"order_id": "a1", "product_id": "p", "quantity": 1, "amount": 1}
    usable_event = {"customer_id": "a", "occurred_at": START, "event": "view"}
    people = draw(st.dictionaries(st.sampled_from("abcd"), st.one_of(st.none(), TIMES), min_size=1))
    return {
        "orders": [usable_order, *orders],
        "order_lines": [usable_line, *draw(st.lists(LINE, max_size=12))],
        "events": [usable_event, *draw(st.lists(EVENT, max_size=12))],
        "customers": [{"customer_id": name, "signed_up_at": at} for name, at in people.items()],
    }


def read(shop):
    schemas = {
        "orders": {
            "customer_id": pl.String,
            "ordered_at": pl.Datetime("us"),
            "amount": pl.Int64,
            "order_id": pl.String,
        },
        "order_lines": dict.fromkeys(("order_id", "product_id"), pl.String)
        | dict.fromkeys(("quantity", "amount"), pl.Int64),
        "events": {"customer_id": pl.String, "occurred_at": pl.Datetime("us"), "event": pl.String},
        "customers": {"customer_id": pl.String, "signed_up_at": pl.Datetime("us")},
    }
    return ft.read_data(**{name: pl.DataFrame(rows, schema=schemas[name]) for name, rows in shop.items()})


def content(data):
    """Rows of every table as a sorted list."""
    return {
        name: sorted(map(repr, getattr(data.optional, name).lazy().collect().rows())) for name in data.optional.names
    }


@settings(max_examples=60, deadline=None)
@given(shop=shops(), cutoff=TIMES)
def test_every_row_of_every_table_is_accounted_for(shop, cutoff):
    data = read(shop)
    account = account_rows(data, cutoff)
    for table in account.tables:
        assert table.rows_in == len(shop[table.table])
        assert table.rows_in == table.used + table.at_or_after_as_of + table.quarantined
        left_out = account.quarantine.filter(pl.col("table") == table.table)
        assert left_out.height == table.quarantined
        assert left_out["row_number"].n_unique() == left_out.height
    assert account.rows_in == account.used + account.at_or_after_as_of + account.quarantine.height


@settings(max_examples=40, deadline=None)
@given(shop=shops(), seed=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(shop, seed):
    data = read(shop)
    mixed = {name: seed.sample(rows, len(rows)) for name, rows in shop.items()}
    again = read(mixed)
    assert content(again) == content(data)
    assert again.fingerprint() == data.fingerprint()


@settings(max_examples=60, deadline=None)
@given(shop=shops(), cutoff=TIMES)
def test_the_cut_of_every_table_is_that_of_a_loop_over_rows(shop, cutoff):
    seen = read(shop).before(cutoff).optional
    first = {}
    for row in shop["orders"]:
        order, at = row["order_id"], row["ordered_at"]
        first[order] = min(first.get(order, at), at)
    began = {
        order: all(
            row["amount"] < 0 for row in shop["orders"] if (row["order_id"], row["ordered_at"]) == (order, first[order])
        )
        for order in first
    }
    lines = []
    for row in shop["order_lines"]:
        order = row["order_id"]
        if order in first and row["product_id"] is not None and row["amount"] is not None:
            returned = row["amount"] < 0 or row["quantity"] < 0
            at = first[order]
            if at < cutoff and (began[order] or not returned):
                lines.append((order[0], at, row["product_id"], float(row["quantity"]), row["amount"] * 10_000))
    columns = ("customer_id", "ordered_at", "product_id", "quantity", "amount_minor")
    assert sorted(seen.order_lines.select(columns).collect().rows()) == sorted(lines)
    events = [
        (row["customer_id"], row["occurred_at"], row["event"])
        for row in shop["events"]
        if row["customer_id"] and row["event"] and row["occurred_at"] and row["occurred_at"] < cutoff
    ]
    assert sorted(seen.events.collect().rows()) == sorted(events)
    people = {r["customer_id"] for r in shop["customers"] if r["signed_up_at"] is None or r["signed_up_at"] < cutoff}
    assert set(seen.customers.collect()["customer_id"]) == people


@settings(max_examples=30, deadline=None)
@given(shop=shops(), cutoff=TIMES)
def test_rows_that_come_later_change_nothing_before(shop, cutoff):
    data = read(shop)
    kept = data.optional.order_lines.collect()
    early = {
        **shop,
        "orders": [row for row in shop["orders"] if row["ordered_at"] < cutoff],
        "events": [row for row in shop["events"] if row["occurred_at"] is None or row["occurred_at"] < cutoff],
    }
    if not early["orders"] or kept.filter(pl.col("ordered_at") < cutoff).is_empty() or len(early["events"]) < 1:
        return
    if not any(row["occurred_at"] and row["customer_id"] and row["event"] for row in early["events"]):
        return
    cut, whole = read(early).before(cutoff), data.before(cutoff)
    known = cut.optional.order_lines.collect()
    # Lines carry no date of their own here: a return whose refund lies ahead is dated by its order until then.
    bought = (pl.col("amount_minor") >= 0) & (pl.col("quantity") >= 0)
    columns = ("customer_id", "ordered_at", "product_id", "quantity", "amount_minor")
    assert_frame_equal(
        known.filter(bought).select(columns).sort(columns),
        whole.optional.order_lines.collect().filter(bought).select(columns).sort(columns),
    )
    assert_frame_equal(cut.optional.events.collect(), whole.optional.events.collect())


def test_the_calendar_is_known_ahead():
    calendar = pl.DataFrame({"event": ["sale"], "starts_on": [date(2030, 1, 1)], "ends_on": [date(2030, 1, 2)]})
    orders = pl.DataFrame({"customer_id": ["a"], "ordered_at": [START], "amount": [1]})
    data = ft.read_data(orders=orders, calendar=calendar)
    assert data.before(START + timedelta(days=1)).optional.calendar.height == 1
    account = account_rows(data, START + timedelta(days=1))
    assert [table.words() for table in account.tables][1] == "1 in = 1 used + 0 at or after as_of + 0 quarantined"
