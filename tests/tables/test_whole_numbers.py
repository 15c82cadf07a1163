"""Ids that read as whole numbers are told apart as texts would be, or not at all."""

import numpy as np
import polars as pl
import pytest

from foretell.tables import whole_numbers
from foretell.tables.digests import ids_differ
from foretell.tables.whole_numbers import all_apart, places_of

NO_NUMBERS = {
    "words": ["a", "b"],
    "a word in the end": ["1", "2", "3", "4", "5", "x"],
    "an empty text": ["1", ""],
    "blanks around": ["1", " 2"],
    "far apart": ["1", "2", str(2**62), str(-(2**62))],
    "far below those that come first": ["1000000", "1000001", "1000002", "3"],
    "far above those that come first": ["1", "2", "3", "1000000"],
    "beyond 64 bits": ["1", str(2**64)],
}


@pytest.fixture(autouse=True, params=[1, 3], ids=["one thread", "three threads"])
def some_at_a_time(monkeypatch, request):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: request.param)
    monkeypatch.setattr(whole_numbers, "_AT_ONCE", 2)


@pytest.mark.parametrize("names", NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
def test_other_ids_have_no_place(names):
    ids = pl.Series(names)
    assert places_of(ids) is None
    assert not all_apart(ids)
    assert ids_differ(ids)


def test_places_are_the_numbers_less_one_of_them():
    numbers = np.random.default_rng(4).permutation(np.arange(-20, 60))
    place = places_of(pl.Series(numbers).cast(pl.String))
    assert place.dtype == np.uint32
    assert len(set((place - numbers).tolist())) == 1
    assert int(place.max()) < 4 * numbers.size


def test_one_number_written_in_two_ways_has_one_place():
    place = places_of(pl.Series(["7", "07", "+7", "-0", "0", "8"]))
    assert (place - place.min()).tolist() == [7, 7, 7, 0, 0, 8]


@pytest.mark.parametrize(
    ("names", "apart", "differ"),
    [
        (["3", "1", "2", "9"], True, True),
        (["3", "1", "2", "3"], False, False),
        (["3", "3", "2", "1"], False, False),
        (["1", "2", "3", "01"], False, True),
        (["5"], True, True),
        ([], False, True),
    ],
    ids=str,
)
def test_ids_are_apart_where_no_number_is_there_twice(names, apart, differ):
    ids = pl.Series(names, dtype=pl.String)
    assert all_apart(ids) is apart
    assert ids_differ(ids) is differ


def test_an_id_that_is_missing_is_not_told_apart():
    assert not ids_differ(pl.Series(["1", None, "2"]))
