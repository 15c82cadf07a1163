"""Erasure: nobody on the list is in any table, the counts add up, and the end of observation is that of the others."""

from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from foretell.errors import DataError
from foretell.tables.dataset import CustomerData
from foretell.tables.erasure import FORGOTTEN, without_people
from foretell.tables.read_data import read_data
from foretell.tables.source import Source


@pytest.fixture
def data() -> CustomerData:
    days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-09"]
    orders = pl.DataFrame(
        {"customer_id": ["a", "b", "a", "c "], "ordered_at": days, "order_id": list("1234"), "amount": [1.0] * 4}
    )
    lines = pl.DataFrame({"order_id": list("1244"), "product_id": ["p"] * 4, "quantity": [1] * 4, "amount": [1.0] * 4})
    events = pl.DataFrame({"customer_id": ["v", "c ", "b"], "occurred_at": days[:3], "event": ["view"] * 3})
    people = pl.DataFrame({"customer_id": ["a", "v", "c "], "email": ["a@x.test", "v@x.test", "c@x.test"]})
    return read_data(orders=orders, order_lines=Source(lines, order_id="order_id"), events=events, customers=people)


def test_nobody_on_the_list_is_in_any_table(data: CustomerData) -> None:
    kept = without_people(data, pl.Series(["c", "v", "nobody"]))
    tables = {"orders": kept.orders, **{name: getattr(kept.optional, name) for name in kept.optional.names}}
    ids = {name: table.collect()["customer_id"].sort().to_list() for name, table in tables.items()}
    assert ids == {"orders": ["a", "a", "b"], "order_lines": ["a", "b"], "events": ["b"], "customers": ["a"]}
    assert kept.observed_until == datetime(2026, 1, 4)
    assert kept.fingerprint() != data.fingerprint()
    for name, report in {"orders": kept.report, **kept.report.tables}.items():
        assert report.rows_in == report.rows_used + report.rows_quarantined == len(ids[name]), name
    (note,) = [note for note in kept.report.notes if note.code == FORGOTTEN]
    assert (note.count, "names 3; 7 rows" in note.text) == (3, True)


def test_a_stated_end_of_observation_stays_and_an_empty_list_changes_nothing(data: CustomerData) -> None:
    stated = replace(data, observed_until=datetime(2026, 2, 1), observed_until_given=True)
    assert without_people(stated, pl.Series(["c"])).observed_until == datetime(2026, 2, 1)
    assert without_people(data, pl.Series([], dtype=pl.String)) is data


def test_a_list_that_names_everybody_is_refused(data: CustomerData) -> None:
    with pytest.raises(DataError, match="nobody is left"):
        without_people(data, pl.Series(["a", "b", "c"]))
