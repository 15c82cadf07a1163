"""Customers by number and rows in order are those of plain sorting, whatever digests do."""

import numpy as np
import polars as pl
import pytest

from foretell.features import customer_numbers
from foretell.features.customer_numbers import numbered, sorted_within

TAGGED = customer_numbers._tagged


def poor(ids, bits):
    """Digests of which there are three only."""
    digest = ids.str.len_chars().to_numpy().astype(np.uint64) % 3
    return (digest << np.uint64(bits)) | np.arange(ids.len(), dtype=np.uint64)


@pytest.fixture(params=[TAGGED, poor], ids=["digests apart", "digests coincide"])
def digests(request, monkeypatch):
    monkeypatch.setattr(customer_numbers, "_tagged", request.param)


def some_ids(rows, customers, seed=1):
    rng = np.random.default_rng(seed)
    names = [f"{'x' * int(rng.integers(0, 15))}é{number}" for number in range(customers)]
    return pl.Series("customer_id", [names[who] for who in rng.integers(0, customers, rows)], pl.String)


@pytest.mark.usefixtures("digests")
@pytest.mark.parametrize(("rows", "customers"), [(1, 1), (2, 2), (500, 3), (500, 400), (64, 64)])
def test_numbers_are_places_among_the_sorted_ids(rows, customers):
    ids = some_ids(rows, customers)
    found, number = numbered(ids)
    assert found.equals(ids.unique().sort(), check_names=True)
    assert found.gather(pl.Series(number)).equals(ids)


@pytest.mark.usefixtures("digests")
def test_parts_of_the_rows_make_no_difference(monkeypatch):
    ids = some_ids(3000, 700)
    whole = numbered(ids)
    monkeypatch.setattr(customer_numbers, "_AT_ONCE", 64)
    monkeypatch.setattr(customer_numbers, "_COMPARED_AT_ONCE", 100)
    parts = numbered(ids)
    assert parts[0].equals(whole[0])
    assert parts[1].tolist() == whole[1].tolist()


WHOLE_NUMBERS = {
    "of one length": ["007", "012", "100", "099"],
    "of several lengths": ["7", "12", "100", "99", "-3", "0"],
    "written in two ways": ["7", "07", "+7", "-0", "0", "00", "+00"],
    "of one length with signs": ["+9", "08", "-9", "-1", "10"],
    "far apart": ["1", str(2**62), str(-(2**62))],
    "too large for 64 bits": ["1", str(2**70)],
    "the lowest of 64 bits": [str(-(2**63))],
    "the highest of 64 bits": [str(2**63 - 1)],
    "near the lowest of 64 bits": [str(-(2**63) + above) for above in (0, 1, 5)],
    "near the highest of 64 bits": [str(2**63 - 1 - below) for below in (0, 1, 5)],
    "and a word in the end": ["1", "2", "3", "x"],
    "and an empty text": ["1", "2", ""],
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("names", WHOLE_NUMBERS.values(), ids=WHOLE_NUMBERS.keys())
def test_ids_that_read_as_whole_numbers_are_still_texts(monkeypatch, names, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    monkeypatch.setattr(customer_numbers, "_AT_ONCE", 7)
    monkeypatch.setattr(customer_numbers, "_COMPARED_AT_ONCE", 5)
    rng = np.random.default_rng(8)
    ids = pl.Series("customer_id", [names[who] for who in rng.integers(0, len(names), 60)] + names)
    found, number = numbered(ids)
    assert found.equals(ids.unique().sort(), check_names=True)
    assert found.gather(pl.Series(number)).equals(ids)


def test_whole_numbers_are_put_together_without_digests(monkeypatch):
    monkeypatch.setattr(customer_numbers, "_by_digests", None)
    found, number = numbered(pl.Series("customer_id", ["9", "10", "9", "11"]))
    assert (found.to_list(), number.tolist()) == (["10", "11", "9"], [2, 0, 2, 1])


@pytest.mark.parametrize("name", [str(-(2**63)), str(2**63 - 1)])
def test_one_customer_at_either_end_of_64_bits_is_numbered(name):
    found, number = numbered(pl.Series("customer_id", [name]))
    assert (found.to_list(), number.tolist()) == ([name], [0])


def test_no_row_has_no_customer():
    found, number = numbered(pl.Series("customer_id", [], pl.String))
    assert found.len() == number.size == 0


@pytest.mark.parametrize("bits", [63, 8], ids=["packed", "too wide to be packed"])
@pytest.mark.parametrize("values", [[5, -3, 5, 5, 900, -3, 0], [7] * 7, [2**31 - 1, -(2**31), 0, 1, 2, 3, 4]], ids=str)
def test_rows_are_sorted_by_customer_and_value_and_stay_in_order(monkeypatch, bits, values):
    monkeypatch.setattr(customer_numbers, "_BITS", bits)
    monkeypatch.setattr(customer_numbers, "_AT_ONCE", 3)
    number = np.array([1, 0, 1, 2, 2, 0, 1], np.uint32)
    values = np.array(values)
    rows = sorted_within(number, values)
    assert rows.row.tolist() == np.lexsort((np.arange(7), values, number)).tolist()
    first = rows.firsts()
    pairs = sorted(set(zip(number.tolist(), values.tolist(), strict=True)))
    found, starts = rows.split(first)
    assert found.tolist() == [value for _, value in pairs]
    assert number[rows.row[first[starts]]].tolist() == [0, 1, 2]
    # A few values do not keep the memory of all rows.
    assert found.base is None or found.base.nbytes <= 2 * found.nbytes
    money = 10 ** np.arange(7)
    assert rows.sums(money, first).tolist() == [
        int(money[(number == who) & (values == value)].sum()) for who, value in pairs
    ]
