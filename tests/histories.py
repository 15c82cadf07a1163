"""Small random order histories for property tests, and how to hand them to foretell."""

from datetime import datetime, timedelta

import polars as pl
from hypothesis import strategies as st

from foretell.tables.dataset import CustomerData

START = datetime(2023, 1, 1)
LAST_DAY = 900
SCHEMA = {
    "customer_id": pl.String,
    "ordered_at": pl.Datetime("us"),
    "amount_minor": pl.Int64,
    "order_id": pl.String,
    "cancelled": pl.Boolean,
}

CUSTOMERS = st.sampled_from(["anna", "bert", "cleo"])
# Near days make same-day orders and short gaps likely, far days reach every window.
DAYS = st.one_of(st.integers(0, 12), st.integers(0, LAST_DAY))
TIMES = st.builds(lambda day, hour: START + timedelta(days=day, hours=hour), DAYS, st.sampled_from([0, 0, 9, 23]))
AMOUNTS = st.one_of(st.sampled_from([0, 100_000, 250_000]), st.integers(0, 3_000_000))
ANY_AMOUNTS = st.one_of(AMOUNTS, st.sampled_from([-100_000, -250_000]), st.integers(-3_000_000, -1))
ORDER_IDS = st.sampled_from([None, None, "1", "2", "3"])
CANCELLED = st.sampled_from([None, False, False, True])
CUTOFFS = st.builds(
    lambda day, hour: START + timedelta(days=day, hours=hour),
    st.one_of(st.integers(1, 30), st.integers(1, LAST_DAY + 10)),
    st.sampled_from([0, 0, 12]),
)


def rows(*, amounts=ANY_AMOUNTS, order_ids=ORDER_IDS, cancelled=CANCELLED, min_size=1, max_size=25):
    """Lists of order rows of up to three customers."""
    row = st.fixed_dictionaries(
        {
            "customer_id": CUSTOMERS,
            "ordered_at": TIMES,
            "amount_minor": amounts,
            "order_id": order_ids,
            "cancelled": cancelled,
        }
    )
    return st.lists(row, min_size=min_size, max_size=max_size)


MESSY = rows()
"""Rows with refunds, cancellations, shared order ids, zero amounts and several orders a day."""

WITHOUT_AMOUNTS = rows(amounts=st.none())
"""Rows of a shop that records no money."""

PLAIN = rows(amounts=AMOUNTS, order_ids=st.none(), cancelled=st.none())
"""Rows of which each is a purchase of its own."""


def as_data(history, *, observed_until=None) -> CustomerData:
    """Build the data set from rows; the column of amounts is left out where they are None."""
    frame = pl.DataFrame(history, schema=SCHEMA)
    if frame["amount_minor"].is_null().all():
        frame = frame.drop("amount_minor")
    return CustomerData.from_orders(frame, observed_until=observed_until)
