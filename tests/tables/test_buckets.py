"""Buckets are the same for ever, even, and independent of one another."""

from zlib import crc32

import numpy as np
import polars as pl
import pytest

from foretell.tables.buckets import bucket_of

IDS = pl.Series("customer_id", [f"{number:05d}" for number in range(20_000)])


def test_a_bucket_is_known_for_all_time():
    ids = pl.Series(["1", "2", "anna", "Zoë", ""])
    # Written down once: a published holdout or a fold must not move with a version.
    assert bucket_of(ids, 1000).tolist() == [165, 273, 865, 475, 0]
    assert bucket_of(ids, 1000, salt="fold").tolist() == [
        ((crc32(b"fold" + text.encode()) * 2_654_435_769) % 2**32 * 1000) >> 32 for text in ids
    ]


@pytest.mark.parametrize("buckets", [2, 3, 5, 64])
def test_buckets_are_even(buckets):
    counts = np.bincount(bucket_of(IDS, buckets), minlength=buckets)
    expected = len(IDS) / buckets
    # Chi-squared over its degrees of freedom; 2 is far out for 1 to 63 of them, and sequential ids are the hard case.
    assert ((counts - expected) ** 2 / expected).sum() / max(buckets - 1, 1) < 2.5


def test_another_salt_is_another_assignment():
    one, other = bucket_of(IDS, 5, salt="fold"), bucket_of(IDS, 4, salt="stop")
    table = np.zeros((5, 4))
    np.add.at(table, (one, other), 1)
    # 1,000 customers a cell: four standard errors are 124.
    assert np.abs(table - 1000).max() < 124


def test_order_and_company_do_not_matter():
    shuffled = IDS.sample(fraction=1.0, shuffle=True, seed=3)
    whole = dict(zip(IDS, bucket_of(IDS, 7), strict=True))
    assert [whole[text] for text in shuffled] == bucket_of(shuffled, 7).tolist()


def test_no_customers():
    assert bucket_of(pl.Series([], dtype=pl.String), 4).tolist() == []


def test_a_text_of_megabytes_costs_no_other_one():
    # Whatever takes a step a byte over all texts takes more than a minute for this.
    ids = pl.concat([IDS, pl.Series([5_000_000 * "x"])])
    assert bucket_of(ids, 7)[:-1].tolist() == bucket_of(IDS, 7).tolist()
