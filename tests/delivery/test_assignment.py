"""Holdouts and samples: decided by the id and the key alone, in equal parts of every stratum of value."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.delivery.assignment import STRATA, drawn, held_out, random_numbers, value_strata

IDS = pl.Series("customer_id", [f"c{i:06d}" for i in range(20_000)])
VALUE = pl.Series("predicted_value", np.random.default_rng(3).gamma(0.5, 100.0, len(IDS)))


def test_who_is_held_out_never_changes():
    """Written down once: another version, machine or engine that gives other people breaks every running test."""
    ids = pl.Series(["1", "2", "a@b.test", "é", "c000017", ""])
    found = random_numbers(ids, key="", purpose="holdout", split="vip").tolist()
    assert found == pytest.approx(
        [0.4609445685, 0.6940963995, 0.7175434902, 0.5223373766, 0.9428607484, 0.483294388], abs=1e-9
    )


@given(st.lists(st.text(max_size=12), min_size=1, max_size=30, unique=True), st.data())
@settings(max_examples=60, deadline=None)
def test_a_holdout_does_not_depend_on_the_other_customers(texts, data):
    some = data.draw(st.permutations(texts))[: data.draw(st.integers(1, len(texts)))]
    among_all = dict(zip(texts, held_out(pl.Series(texts), 0.5, key="k", split="s"), strict=True))
    alone = held_out(pl.Series(some), 0.5, key="k", split="s")
    assert alone.tolist() == [among_all[text] for text in some]


def test_a_larger_holdout_holds_the_smaller_one():
    small, large = (held_out(IDS, share, key="", split="x") for share in (0.1, 0.3))
    assert not (small & ~large).any()


@pytest.mark.parametrize(("key", "split"), [("", "b"), ("2027", "a")])
def test_another_key_or_split_is_an_independent_lot(key, split):
    first = held_out(IDS, 0.1, key="", split="a")
    other = held_out(IDS, 0.1, key=key, split=split)
    # Of 20,000 about 200 are in both; the standard deviation is 14.
    assert abs(int((first & other).sum()) - 200) < 5 * 14


def test_every_stratum_gives_its_part_of_a_holdout():
    strata = value_strata(IDS, VALUE)
    assert np.bincount(strata).tolist() == [len(IDS) // STRATA] * STRATA
    parts = np.bincount(strata, weights=held_out(IDS, 0.1, key="", split="a"))
    # 400 of 4,000; the standard deviation of a binomial count is 19.
    assert np.abs(parts - 400).max() < 4 * 19


@pytest.mark.parametrize(("sample", "size"), [(0.1, 2_000), (2_001, 2_001), (0.5, 10_000), (10**9, 20_000)])
def test_a_sample_has_its_size_and_equal_parts_of_every_stratum(sample, size):
    chosen = drawn(IDS, VALUE, sample, key="", split="a")
    assert chosen.sum() == size
    parts = np.bincount(value_strata(IDS, VALUE), weights=chosen)
    assert np.ptp(parts) <= 1


def test_a_sample_does_not_depend_on_the_order_of_rows_and_hardly_on_new_customers():
    chosen = set(IDS.filter(pl.Series(drawn(IDS, VALUE, 0.1, key="", split="a"))))
    order = np.random.default_rng(1).permutation(len(IDS))
    again = IDS.gather(order).filter(pl.Series(drawn(IDS.gather(order), VALUE.gather(order), 0.1, key="", split="a")))
    assert set(again) == chosen
    fewer = IDS.head(19_000).filter(pl.Series(drawn(IDS.head(19_000), VALUE.head(19_000), 0.1, key="", split="a")))
    # Of the 1,900 expected of the older customers all but chance stay.
    assert len(set(fewer) & chosen) > 0.95 * len(fewer)


def test_edges_are_no_error():
    nobody = pl.Series("customer_id", [], dtype=pl.String)
    assert drawn(nobody, pl.Series("v", [], dtype=pl.Float64), 0.1, key="", split="").size == 0
    assert held_out(nobody, 0.1, key="", split="").size == 0
    missing = pl.Series("v", [None, 2.0], dtype=pl.Float64)
    assert value_strata(pl.Series(["a", "b"]), missing).tolist() == [0, 2]
