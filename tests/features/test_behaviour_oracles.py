"""Every feature of the optional tables equals a plain loop over the rows."""

import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings

import behaviour_oracles
import profile_oracles
from behaviour_histories import CALENDAR, CUTOFFS, FITTED, LAST_DAY, PLACES, SHOPS, START, as_data, dense_shop
from foretell.features.behaviour.available import Available
from foretell.features.catalogue import catalogue
from foretell.features.compute import compute, compute_prospects

TIMES = {"orders": "ordered_at", "order_lines": "ordered_at", "events": "occurred_at", "customers": "signed_up_at"}
OF_ORDERS = {feature.name for feature in catalogue()}
drawn = given(shop=SHOPS, as_of=CUTOFFS)


def expected_of(shop, as_of, customer, days):
    """All features of the optional tables of one customer, by loops."""
    own = {
        table: [row for row in shop[table] if row["customer_id"] == customer and (row[time] or datetime.min) < as_of]
        for table, time in TIMES.items()
    }
    fitted = FITTED.to_dict()
    row = own["customers"][0] if own["customers"] else None
    return {
        **behaviour_oracles.lines(own["order_lines"], as_of, fitted),
        **behaviour_oracles.events(own["events"], as_of, fitted, days),
        **profile_oracles.profile(row, as_of, fitted, days, PLACES),
        **profile_oracles.occasions(CALENDAR, as_of, fitted, days),
        **profile_oracles.touches(own["orders"], own["events"], as_of, fitted),
    }


def assert_row(row, expected):
    assert row.keys() == expected.keys()
    for name, value in row.items():
        wanted = expected[name]
        if isinstance(wanted, float) and value is not None:
            # Points and logs are added on a grid of 2⁻²⁰ and 2⁻³⁰ a row; distances are in whole metres.
            near = 2e-3 if name.endswith("_km") else 5e-5 if name.startswith("intent") else 1e-7
            assert math.isclose(value, wanted, rel_tol=1e-9, abs_tol=near), name
        else:
            assert value == wanted, name


def equal_to_the_loops(shop, as_of):
    data = as_data(shop)
    table = compute(data, as_of, FITTED).collect()
    wanted = [feature.name for feature in catalogue(available=Available.of(data))]
    assert table.columns == ["customer_id", *wanted]
    days = {}
    for row in shop["orders"]:
        if row["ordered_at"] < as_of:
            days.setdefault(row["customer_id"], set()).add(row["ordered_at"].date())
    assert table["customer_id"].to_list() == sorted(days)
    for row in table.drop(OF_ORDERS).to_dicts():
        customer = row.pop("customer_id")
        assert_row(row, expected_of(shop, as_of, customer, sorted(days[customer])))
    prospects = compute_prospects(data, as_of, FITTED)
    assert not set(prospects["customer_id"]) & set(days)
    for row in prospects.to_dicts():
        customer = row.pop("customer_id")
        state = row.pop("funnel_state")
        assert_row(row, expected_of(shop, as_of, customer, []))
        waiting = row["open_cart_events_last_30d"] + row["open_checkout_events_last_30d"] > 0
        joined = [each["signed_up_at"] for each in shop["customers"] if each["customer_id"] == customer]
        member = any(at is None or at < as_of for at in joined)
        assert state == ("cart" if waiting else "member" if member else "visitor")


@pytest.mark.parametrize("hours", [0, 12])
def test_a_dense_shop(hours):
    equal_to_the_loops(dense_shop(hours), START + timedelta(days=LAST_DAY - (hours > 0), hours=hours))


test_random_shops = settings(max_examples=15)(drawn(equal_to_the_loops))
test_random_shops_thoroughly = pytest.mark.slow(settings(max_examples=150)(drawn(equal_to_the_loops)))
