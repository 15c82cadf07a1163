"""Small random shops with all tables for property tests, and how to hand them to foretell."""

import random
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
from hypothesis import strategies as st

from foretell.features.statistics import Partner, Statistics
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables

START = datetime(2023, 1, 1)
LAST_DAY = 500
NAMES = st.sampled_from(["anna", "bert", "cleo"])
PEOPLE = st.sampled_from(["anna", "bert", "cleo", "visitor"])
DAYS = st.one_of(st.integers(0, 12), st.integers(LAST_DAY - 40, LAST_DAY), st.integers(0, LAST_DAY))
TIMES = st.builds(
    lambda day, seconds: START + timedelta(days=day, seconds=seconds), DAYS, st.sampled_from([0, 0, 900, 3_000, 86_399])
)
CATEGORIES = st.sampled_from(["tea", "tea", "cups", "soap", "new", None])
BRANDS = st.sampled_from(["acme", "zoe", None])
PRICES = st.one_of(st.none(), st.integers(0, 300_000))
SOURCES, MEDIA = st.sampled_from([None, None, "google", "news"]), st.sampled_from([None, "cpc", "email", "paid_social"])
CAMPAIGNS = st.sampled_from([None, None, None, "spring"])
CUTOFFS = st.builds(
    lambda day, hour: START + timedelta(days=day, hours=hour),
    st.one_of(st.integers(1, 30), st.integers(LAST_DAY - 30, LAST_DAY + 10)),
    st.sampled_from([0, 0, 12]),
)

ORDERS = {
    "customer_id": pl.String,
    "ordered_at": pl.Datetime("us"),
    "amount_minor": pl.Int64,
    "source": pl.String,
    "medium": pl.String,
    "campaign": pl.String,
}
LINES = {
    "customer_id": pl.String,
    "ordered_at": pl.Datetime("us"),
    "product_id": pl.String,
    "quantity": pl.Float64,
    "amount_minor": pl.Int64,
    "discount_minor": pl.Int64,
    "category": pl.String,
    "brand": pl.String,
}
EVENTS = {
    "customer_id": pl.String,
    "occurred_at": pl.Datetime("us"),
    "event": pl.String,
    "category": pl.String,
    "brand": pl.String,
    "price_minor": pl.Int64,
    "device": pl.String,
    "channel": pl.String,
    "machine_generated": pl.Boolean,
    "source": pl.String,
    "medium": pl.String,
    "campaign": pl.String,
}
CUSTOMERS = {
    "customer_id": pl.String,
    "signed_up_at": pl.Datetime("us"),
    "country": pl.String,
    "lat": pl.Float64,
    "lon": pl.Float64,
    "vip": pl.Boolean,
    "shoe_size": pl.Int64,
    "member_since": pl.Date,
}
STABLE = ("country", "signed_up_at", "vip", "shoe_size", "member_since")

CALENDAR = [
    {"event": "sale", "starts_on": date(2023, 1, 3), "ends_on": date(2023, 1, 5)},
    {"event": "sale", "starts_on": date(2023, 1, 10), "ends_on": date(2023, 1, 10)},
    {"event": "sale", "starts_on": date(2024, 5, 1), "ends_on": date(2024, 5, 20)},
    {"event": "sale", "starts_on": date(2024, 6, 1), "ends_on": date(2024, 6, 2)},
    {"event": "fair", "starts_on": date(2023, 1, 5), "ends_on": date(2023, 1, 8)},
]
PLACES = [
    {"place": "north", "lat": 59.3, "lon": 18.1, "radius_km": 900.0},
    {"place": "middle", "lat": 52.5, "lon": 13.4, "radius_km": None},
    {"place": "far", "lat": -33.9, "lon": -179.5, "radius_km": 50.0},
]

FITTED = Statistics(
    columns={"events": ("event",)},
    names={
        "brand": ("acme", "zoe"),
        "campaign": ("spring",),
        "category": ("cups", "soap", "spoons", "tea"),
        "channel": ("app", "web"),
        "device": ("phone",),
        "medium": ("cpc", "email", "paid_social"),
        "occasion": ("fair", "sale"),
        "place": ("far", "middle", "north"),
        "profile_country": ("DE", "SE"),
        "source": ("google",),
        "stage": ("awareness", "consideration", "conversion", "loyalty"),
    },
    price_bands={"": (50_000, 150_000), "tea": (20_000, 40_000)},
    reorder_days={"tea": 20.0, "cups": 90.5},
    partners={
        "tea": (Partner("cups", 2.0, 0.5), Partner("spoons", 1.5, 0.25)),
        "cups": (Partner("spoons", 2.0, 0.4), Partner("soap", 2.0, 0.2)),
        "new": (Partner("tea", 1.2, 0.6),),
    },
)
"""Statistics that a fit could have given: the category "new" and the source "news" were not known to it by name."""


def _rows(schema, **columns):
    """Strategy of a row: columns of the schema, in its order."""
    return st.fixed_dictionaries({name: columns[name.removesuffix("_minor")] for name in schema})


ORDER_ROWS = st.lists(
    _rows(
        ORDERS,
        customer_id=NAMES,
        ordered_at=TIMES,
        amount=st.integers(0, 3_000_000),
        source=SOURCES,
        medium=MEDIA,
        campaign=CAMPAIGNS,
    ),
    min_size=1,
    max_size=10,
)
LINE_ROWS = st.lists(
    _rows(
        LINES,
        customer_id=PEOPLE,
        ordered_at=TIMES,
        product_id=st.sampled_from(["p1", "p2", "p3"]),
        quantity=st.sampled_from([1.0, 2.0, 3.0, 0.0, -1.0]),
        amount=st.one_of(st.integers(0, 300_000), st.integers(-100_000, -1)),
        discount=st.one_of(st.none(), st.integers(0, 50_000)),
        category=CATEGORIES,
        brand=BRANDS,
    ),
    max_size=25,
)
KINDS = (
    *("view", "cart", "checkout", "search", "view", "cart", "email_sent", "email_open", "email_click", "sms_sent"),
    *("sms_click", "email_soft_bounce", "email_hard_bounce", "email_unsubscribe", "spun_a_wheel"),
    *("sms_open", "sms_soft_bounce", "sms_hard_bounce", "ad_seen", "ad_click"),
)
EVENT_ROWS = st.lists(
    _rows(
        EVENTS,
        customer_id=PEOPLE,
        occurred_at=TIMES,
        event=st.sampled_from(KINDS),
        category=CATEGORIES,
        brand=BRANDS,
        price=PRICES,
        device=st.sampled_from(["phone", "app", None]),
        channel=st.sampled_from(["app", "web", None]),
        machine_generated=st.sampled_from([False, False, None, True]),
        source=SOURCES,
        medium=MEDIA,
        campaign=CAMPAIGNS,
    ),
    max_size=30,
)
CUSTOMER_ROWS = st.lists(
    _rows(
        CUSTOMERS,
        customer_id=PEOPLE,
        signed_up_at=st.one_of(st.none(), TIMES),
        country=st.sampled_from(["DE", "SE", "XX", None]),
        lat=st.one_of(st.none(), st.floats(-90, 90)),
        lon=st.floats(-180, 180),
        vip=st.sampled_from([True, False, None]),
        shoe_size=st.one_of(st.none(), st.integers(30, 50)),
        member_since=st.one_of(st.none(), st.dates(date(2022, 1, 1), date(2024, 12, 31))),
    ),
    max_size=4,
    unique_by=lambda row: row["customer_id"],
)
SHOPS = st.fixed_dictionaries(
    {"orders": ORDER_ROWS, "order_lines": LINE_ROWS, "events": EVENT_ROWS, "customers": CUSTOMER_ROWS}
)
"""Rows of all tables of up to three customers and a visitor."""


def as_data(shop) -> CustomerData:
    """Build the data set from rows of each table."""
    optional = OptionalTables(
        order_lines=pl.LazyFrame(shop["order_lines"], schema=LINES),
        events=pl.LazyFrame(shop["events"], schema=EVENTS),
        customers=pl.LazyFrame(shop["customers"], schema=CUSTOMERS),
        calendar=pl.DataFrame(CALENDAR),
        places=pl.DataFrame(PLACES),
        stable_attributes=STABLE,
    )
    return replace(CustomerData.from_orders(pl.DataFrame(shop["orders"], schema=ORDERS)), optional=optional)


def dense_shop(seed: int) -> dict:
    """Many rows of few people, on the edges of every window before `LAST_DAY`, of every price band and session."""
    draw = random.Random(seed)  # noqa: S311  # draws of a test
    people = [f"c{number:02}" for number in range(25)]
    edges = [LAST_DAY - age for age in (1, 6, 7, 8, 20, 29, 30, 31, 40, 89, 90, 91, 179, 180, 181, 365, 366)]
    sales = [*range(12), LAST_DAY - 14, LAST_DAY - 10]

    def at():
        day = draw.choice(edges) if draw.random() < 0.7 else draw.choice(sales)
        return START + timedelta(days=day, seconds=draw.choice([0, 900, 2_700, 2_701, 4_500, 6_301, 80_000]))

    def order():
        touch = {"source": draw.choice([None, "google", "news"]), "medium": draw.choice([None, "cpc", "email"])}
        return {"customer_id": draw.choice(people), "ordered_at": at(), "amount_minor": draw.randrange(10**6), **touch,
                "campaign": draw.choice([None, "spring"])}  # fmt: skip

    def line():
        name = draw.choice(people)
        taste = ["tea", "cups", "soap", "new", None][: 2 + people.index(name) % 4]
        price = draw.choice([20_000, 20_001, 40_000, 40_001, 50_000, 150_000, 150_001, 300_000])
        back = draw.random() < 0.1
        return {"customer_id": name, "ordered_at": at(), "product_id": draw.choice(["p1", "p2", "p3", "p4"]),
                "quantity": draw.choice([1.0, 1.0, 2.0]) * (-1 if back else 1), "amount_minor": price,
                "discount_minor": draw.choice([None, 0, 10_000]), "category": draw.choice(taste),
                "brand": draw.choice(["acme", "acme", "zoe", "other", None])}  # fmt: skip

    def event(name):
        price = draw.choice([None, 20_000, 20_001, 40_000, 40_001, 50_000, 150_000, 150_001])
        return {"customer_id": name, "occurred_at": at(), "event": draw.choice(KINDS),
                "category": draw.choice(["tea", "cups", "new", None]), "brand": draw.choice(["acme", "zoe", None]),
                "price_minor": price, "device": draw.choice(["phone", "app", None]),
                "channel": draw.choice(["app", "web", None]),
                "machine_generated": draw.choice([False, False, None, True]),
                "source": draw.choice([None, "google"]), "medium": draw.choice([None, "cpc", "paid_social"]),
                "campaign": draw.choice([None, "spring"])}  # fmt: skip

    customers = [
        {"customer_id": name, "signed_up_at": draw.choice([None, at()]), "country": draw.choice(["DE", "SE", "XX"]),
         "lat": draw.uniform(48, 62), "lon": draw.uniform(8, 24), "vip": draw.choice([True, False, None]),
         "shoe_size": draw.choice([None, 38]),
         "member_since": draw.choice([None, date(2022, 2, 2), at().date(), date(2030, 1, 1)])}
        for name in [*people, "visitor"]
    ]  # fmt: skip
    return {
        "orders": [order() for _ in range(150)],
        "order_lines": [line() for _ in range(500)],
        # A few do little, so that their only event may lie on an edge.
        "events": [
            *(event(draw.choice([*people[:15], "visitor"])) for _ in range(900)),
            *(event(name) for name in people[15:] for _ in range(6)),
        ],
        "customers": customers,
    }
