"""Scoring in buckets on disk gives, bit for bit, what scoring in one piece gives."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from behaviour_histories import as_data, dense_shop
from boosted_shops import AS_OF as BOOSTED_AS_OF
from foretell.bundles.files import StoredBundle
from foretell.engines import buckets as engine
from foretell.engines.buckets import score_buckets
from foretell.engines.frame import score_frame
from foretell.errors import WindowError
from foretell.features.compute import compute
from foretell.features.fit_statistics import fit_statistics
from foretell.scoring.score import score_bucket
from foretell.tables.bucketed import split_data
from foretell.tables.dataset import CustomerData
from foretell.tables.schema import CUSTOMERS
from foretell.tables.simulate import simulate

AS_OF = datetime(2025, 8, 1)


CASES = {"purchase": ("big_shop", "bundle", AS_OF), "boosted": ("boosted_shop", "boosted", BOOSTED_AS_OF)}


def in_buckets(data, stored, as_of, folder: Path, buckets: int, **options):
    split = split_data(data, folder / "rows", buckets, rows_at_once=700)
    return score_buckets(split, stored, as_of, folder / "work", **options)


def same(one, other) -> None:
    for name in ("scores", "forecast", "total"):
        left, right = (getattr(scored, name).lazy().collect() for scored in (one, other))
        assert_frame_equal(left, right, check_exact=True)


@pytest.mark.parametrize(
    ("case", "buckets"),
    [
        *(("purchase", buckets) for buckets in (1, 4, 64)),
        ("boosted", 4),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("purchase", 16), ("boosted", 1), ("boosted", 16))),
        pytest.param("boosted", 64, marks=pytest.mark.slow),
    ],
)
def test_any_number_of_buckets_gives_the_same(
    case: str, buckets: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    shop, fitted, as_of = CASES[case]
    data, stored = request.getfixturevalue(shop), StoredBundle(request.getfixturevalue(fitted), "v1")
    # Some files of sorted scores, and reasons for some customers only.
    monkeypatch.setattr(engine, "ROWS_AT_ONCE", 100)
    whole = score_frame(data, stored, as_of, explained_customers=50)
    found = in_buckets(data, stored, as_of, tmp_path, buckets, explained_customers=50)
    same(found, whole)
    assert len(found.scores.files) == -(-whole.scores.height // 100)


def test_customers_of_one_bucket_only_and_more_buckets_than_customers(few_orders, bundle, tmp_path: Path) -> None:
    stored, as_of = StoredBundle(bundle, "v1"), "2025-07-02"
    data = replace(few_orders, observed_until_given=False)
    whole = score_frame(data, stored, as_of)
    same(in_buckets(data, stored, as_of, tmp_path, 50), whole)
    assert len({path.parent.name for path in (tmp_path / "rows" / "orders").glob("*/*.parquet")}) == 3


def test_without_reasons_none_is_told(big_shop, bundle, tmp_path: Path) -> None:
    stored = StoredBundle(bundle, "v1")
    found = in_buckets(big_shop, stored, AS_OF, tmp_path, 3, explained_customers=0)
    same(found, score_frame(big_shop, stored, AS_OF, explained_customers=0))
    assert found.scores["reason_1"].null_count() == found.scores.height


def test_nobody_before_is_said(few_orders, bundle, tmp_path: Path) -> None:
    late = few_orders.orders.with_columns(pl.col("ordered_at").dt.offset_by("5y")).collect()
    with pytest.raises(WindowError, match=r"Nobody bought before.*first order"):
        in_buckets(CustomerData.from_orders(late), StoredBundle(bundle, "v1"), "2026-01-01", tmp_path, 2)


def test_finished_buckets_are_taken_as_they_are(big_shop, bundle, tmp_path: Path, monkeypatch) -> None:
    stored, folder = StoredBundle(bundle, "v1"), tmp_path / "work"
    split = split_data(big_shop, tmp_path / "rows", 4, rows_at_once=5_000)
    asked: list[int] = []

    def dies_at_the_third(rows, *args, **options):
        asked.append(1)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return score_bucket(rows, *args, **options)

    monkeypatch.setattr(engine, "score_bucket", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        score_buckets(split, stored, AS_OF, folder)
    found = score_buckets(split, stored, AS_OF, folder)
    assert len(asked) == 5
    same(found, score_frame(big_shop, stored, AS_OF))


def test_other_tables_go_with_their_customers_and_nothing_personal_reaches_the_disk(tmp_path: Path) -> None:
    data, _ = simulate(customers=60, seed=3, start="2024-01-01", end="2025-06-01", tables="all")
    split = split_data(data, tmp_path, 7, rows_at_once=100)
    ids = set()
    for number in range(7):
        mine = split.bucket(number)
        own = set(mine.orders.collect()["customer_id"])
        assert not own & ids
        ids |= own
        for name in ("order_lines", "events", "customers"):
            rows = getattr(mine.optional, name).collect()
            wanted = getattr(data.of_customers(pl.Series(sorted(own), dtype=pl.String)).optional, name).collect()
            theirs = rows.filter(pl.col("customer_id").is_in(sorted(own)))
            assert theirs.sort(pl.all()).equals(wanted.select(rows.columns).sort(pl.all())), name
    personal = {column.name for table in (CUSTOMERS,) for column in table if column.personal}
    assert not personal & set(split.rows("customers").collect_schema().names())


def test_features_of_every_table_are_those_of_the_whole(tmp_path: Path) -> None:
    data = as_data(dense_shop(3))
    as_of = data.observed_until
    statistics = fit_statistics(data, as_of)
    split = split_data(data, tmp_path, 5, rows_at_once=50)
    parts = [compute(split.bucket(number), as_of, statistics).collect() for number in range(5)]
    whole = compute(data, as_of, statistics).collect()
    assert whole.width > 120
    assert_frame_equal(pl.concat(parts).sort("customer_id"), whole, check_exact=True)
