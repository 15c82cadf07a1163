"""Figures of the whole shop: what is fitted, what is kept, and what is refused when it is read back."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import numpy as np
import polars as pl
import pytest

from behaviour_histories import FITTED
from foretell.errors import BundleError
from foretell.features import fit_statistics as fitting
from foretell.features.fit_statistics import fit_statistics
from foretell.features.statistics import Statistics
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables

AS_OF = datetime(2025, 6, 1)
NAMES = ["bread", "cups", "honey", "soap", "spoons", "tea"]


@pytest.fixture(scope="module")
def lines():
    """Lines in which tea and honey go together, bread is dear for few, and some lines are returns."""
    rng = np.random.default_rng(4)
    rows = []
    for number in range(150):
        liked = ["tea", "honey"] if number % 3 == 0 else [NAMES[at] for at in rng.integers(0, 6, 2)]
        for _ in range(rng.integers(1, 5)):
            day = datetime(2025, 1, 1) + timedelta(days=int(rng.integers(0, 150)), hours=9)
            for category in liked:
                price = int(rng.integers(1, 40)) * 10_000
                pieces = float(rng.choice([1, 2, 3]))
                sign = -1 if rng.random() < 0.05 else 1
                rows.append((f"c{number:03}", day, category, sign * pieces, sign * price))
    schema = ["customer_id", "ordered_at", "category", "quantity", "amount_minor"]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(product_id=pl.col("category"))


@pytest.fixture(scope="module")
def data(lines):
    orders = lines.filter(pl.col("amount_minor") > 0).select("customer_id", "ordered_at", "amount_minor")
    return replace(CustomerData.from_orders(orders), optional=OptionalTables(order_lines=lines.lazy()))


@pytest.fixture(scope="module")
def fitted(data):
    found = fit_statistics(data, AS_OF)
    assert found is not None
    return found


def bought(lines):
    return [row for row in lines.to_dicts() if row["amount_minor"] >= 0]


def test_bands_are_the_thirds_of_unit_prices(lines, fitted):
    prices = defaultdict(list)
    for row in bought(lines):
        for name in (row["category"], ""):
            prices[name].append(row["amount_minor"] // row["quantity"])
    expected = {
        name: tuple(int(sorted(each)[int((len(each) - 1) * third / 3)]) for third in (1, 2))
        for name, each in prices.items()
        if len(each) >= fitting.LEAST_PRICES or not name
    }
    assert fitted.price_bands == expected
    assert len(expected) > 3


def test_usual_intervals_are_those_of_who_bought_again(lines, fitted):
    days = defaultdict(set)
    for row in bought(lines):
        days[row["category"], row["customer_id"]].add(row["ordered_at"].date())
    expected = {}
    for name in NAMES:
        spans = [(max(on) - min(on)).days for (category, _), on in days.items() if category == name]
        gaps = [len(on) - 1 for (category, _), on in days.items() if category == name]
        if sum(gaps) >= fitting.LEAST_GAPS:
            expected[name] = sum(spans) / sum(gaps)
    assert fitted.reorder_days == pytest.approx(expected, rel=1e-12)
    assert len(expected) > 3


def test_lifts_are_those_of_counted_customers(lines, fitted):
    buyers = defaultdict(set)
    for row in bought(lines):
        buyers[row["category"]].add(row["customer_id"])
    everybody = set().union(*buyers.values())
    expected = defaultdict(list)
    for name, other in permutations(sorted(buyers), 2):
        both = len(buyers[name] & buyers[other])
        share = both / len(buyers[name])
        lift = share / (len(buyers[other]) / len(everybody))
        if both >= fitting.LEAST_BOTH and lift >= fitting.LEAST_LIFT:
            expected[name].append((lift, other, share))
    assert set(fitted.partners) == set(expected)
    for name, partners in fitted.partners.items():
        assert [each.category for each in partners] == [other for _, other, _ in sorted(expected[name], reverse=True)]
        assert [each.lift for each in partners] == pytest.approx([lift for lift, *_ in sorted(expected[name])][::-1])
    assert fitted.partners["tea"][0].category == "honey"


def test_they_come_back_from_json_and_are_plain(fitted):
    for statistics in (fitted, FITTED, Statistics()):
        assert Statistics.from_dict(json.loads(json.dumps(statistics.to_dict()))) == statistics


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("columns", None),
        ("names", {"category": ["tea", "cups"]}),
        ("names", {"category": ["tea", 3]}),
        ("price_bands", {"tea": [2, 1]}),
        ("price_bands", {"tea": [1.0, 2]}),
        ("price_bands", {"tea": [1]}),
        ("reorder_days", {"tea": 0}),
        ("reorder_days", {"tea": float("nan")}),
        ("reorder_days", {"tea": True}),
        ("partners", {"tea": [["cups", 0.9, 0.5]]}),
        ("partners", {"tea": [["cups", 2.0, 1.5]]}),
        ("partners", {"tea": ["cups"]}),
        ("partners", {"tea": None}),
        ("surprise", {}),
    ],
)
def test_what_no_fit_gives_is_refused(section, value):
    with pytest.raises(BundleError, match="statistics of the features are damaged"):
        Statistics.from_dict(FITTED.to_dict() | {section: value})


def test_what_few_customers_share_and_addresses_are_not_kept(data):
    ids = [f"c{number:03}" for number in range(150)]
    town = ["Rome" if number < 100 else "Oslo" if number < 130 else f"hamlet {number}" for number in range(150)]
    taste = ["anna@example.org" if number < 60 else "sweet" for number in range(150)]
    people = pl.DataFrame({"customer_id": ids, "city": town, "taste": taste}).lazy()
    tables = replace(data.optional, customers=people, stable_attributes=("city", "taste"))
    found = fit_statistics(replace(data, optional=tables), AS_OF)
    assert found is not None
    assert found.names["profile_city"] == ("Oslo", "Rome")
    assert found.names["profile_taste"] == ("sweet",)


@pytest.mark.parametrize("signed_up_at", [None, datetime(2025, 3, 1)], ids=["no date", "a date"])
def test_customers_who_came_after_the_cutoff_are_not_counted(data, signed_up_at):
    """The table of customers is today's: who is in it without a date, an order or an event was not there yet."""
    ids = [*(f"c{number:03}" for number in range(150)), *(f"late{number}" for number in range(50))]
    dates = [None] * 150 + [signed_up_at] * 50
    people = pl.DataFrame(
        {"customer_id": ids, "signed_up_at": dates, "city": ["Rome"] * 150 + ["Oslo"] * 50},
        schema_overrides={"signed_up_at": pl.Datetime("us")},
    )
    visits = pl.DataFrame({"customer_id": ["late1"], "occurred_at": [AS_OF + timedelta(days=1)], "event": ["view"]})
    shops = (people, people.drop("signed_up_at")) if signed_up_at is None else (people,)
    for customers in shops:
        tables = replace(data.optional, customers=customers.lazy(), events=visits.lazy(), stable_attributes=("city",))
        found = fit_statistics(replace(data, optional=tables), AS_OF)
        assert found is not None
        assert found.names["profile_city"] == (("Rome",) if signed_up_at is None else ("Oslo", "Rome"))


def test_bands_are_those_of_events_where_lines_have_no_price(data):
    events = pl.DataFrame(
        {
            "customer_id": ["a"] * 100,
            "occurred_at": [datetime(2025, 1, 1)] * 100,
            "event": ["view"] * 100,
            "price_minor": range(100),
        }
    )
    found = fit_statistics(replace(data, optional=OptionalTables(events=events.lazy())), AS_OF)
    assert found is not None
    assert found.price_bands == {"": (33, 66)}
    assert found.partners == found.reorder_days == {}
