"""Which features are on follows from what they declare."""

from dataclasses import replace
from datetime import datetime

import polars as pl

from foretell.features import availability as module
from foretell.features.availability import Availability, availability
from foretell.features.catalogue import FAMILIES, catalogue
from foretell.features.feature import Family, Feature
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables

AT = [datetime(2025, 1, 1)]
ORDERS = pl.DataFrame({"customer_id": ["a"], "ordered_at": AT, "amount_minor": [1]})
EVENTS = pl.DataFrame({"customer_id": ["a"], "occurred_at": AT, "event": ["view"], "price_minor": [1]})


def test_money_switches_on_what_needs_it():
    with_money = availability(CustomerData.from_orders(ORDERS))
    without = availability(CustomerData.from_orders(ORDERS.drop("amount_minor")))
    assert [found.family for found in with_money] == [family.name for family in FAMILIES]
    assert sum(found.on for found in with_money) == len(catalogue())
    assert sum(found.on for found in without) == len(catalogue(has_amount=False))
    assert {lack for found in without for lack in found.lacks} == {"orders.amount"}


def test_a_new_family_shows_up_by_what_it_declares(monkeypatch):
    seen = Feature("view_rows", "order rows", "Views.", "browsing", source="events", needs=("occurred_at",))
    dear = replace(seen, name="seen_rows", needs=("price",))
    worn = replace(seen, name="worn_rows", needs=("device",))
    monkeypatch.setattr(module, "FAMILIES", (Family("browsing", (seen, dear, worn), lambda _: {}),))
    data = CustomerData.from_orders(ORDERS)
    assert availability(data) == (Availability("browsing", ("events",), 0, 3, ("events",)),)
    data = replace(data, optional=OptionalTables(events=EVENTS.lazy()))
    assert availability(data) == (Availability("browsing", ("events",), 2, 3, ("events.device",)),)
