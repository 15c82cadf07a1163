"""Scoring on Spark with the tables beside orders gives, bit for bit, what scoring in one piece gives."""

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from boosted_shops import AS_OF, HORIZONS, quick_recipe
from engines.spark_local import collected, frame_of
from engines.spark_parts import frame, in_buckets, planned, read, with_placed_lines
from foretell.bundles.files import StoredBundle
from foretell.engines.frame import score_frame
from foretell.engines.spark import scoring
from foretell.engines.spark.rows import sent
from foretell.engines.spark.score import scored_on_spark
from foretell.scoring.accounting import account_rows
from foretell.scoring.activity import activity_bucket
from foretell.tables.read_data import read_data
from spark_shops import raw_tables, sources


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    return raw_tables()


@pytest.fixture(scope="module")
def data(tables):
    with pytest.warns(match="no meaning"):
        return read_data(**sources(tables))


@pytest.fixture(scope="module")
def stored(data) -> StoredBundle:
    """Trees that read features of the other tables."""
    return StoredBundle(quick_recipe().fit(data, AS_OF, HORIZONS), "v1")


@pytest.fixture(scope="module")
def frames(spark, tables, tmp_path_factory):
    """Rows of several files each, in an order that cuts customers and orders."""
    folder = tmp_path_factory.mktemp("tables")
    return {
        name: frame_of(
            spark, rows.sample(fraction=1.0, shuffle=True, seed=2), folder / name, files=1 if rows.height < 9 else 2
        )
        for name, rows in tables.items()
    }


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:.*no meaning")
def test_every_table_is_read_as_in_one_piece(spark, frames, data, stored) -> None:
    whole = score_frame(data, stored, AS_OF, explained_customers=20)
    scored = scored_on_spark(spark, sources(frames), stored, AS_OF, buckets=8, explained_customers=20)
    assert_frame_equal(collected(scored.scores), whole.scores, check_exact=True)
    assert_frame_equal(scored.forecast, whole.forecast, check_exact=True)
    account = account_rows(data, AS_OF)
    assert {one.table: one.counts() for one in scored.accounts} == {one.table: one.counts() for one in account.tables}
    assert dict(scored.reasons) == account.reasons()
    assert [(note.table, note.code, note.count) for note in scored.notes] == [
        (note.table, note.code, note.count) for note in data.report.notes
    ]
    assert_frame_equal(scored.total, whole.total, check_exact=True)
    assert scored.activity == activity_bucket(data, AS_OF, active_days=HORIZONS.churn_days)
    scored.release()


@pytest.mark.parametrize("table", ["order_lines", "events", "customers"])
@pytest.mark.filterwarnings("ignore:Tables differ")
def test_what_is_compared_rests_on_the_table(data, stored, table: str) -> None:
    without = replace(data, optional=replace(data.optional, **{table: None}))
    with_all, less = (score_frame(rows, stored, AS_OF, explained_customers=0).scores for rows in (data, without))
    assert not with_all.equals(less)


@pytest.mark.parametrize("buckets", [1, 8, pytest.param(64, marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore:.*no meaning")
def test_any_number_of_partitions_gives_the_local_scores(tables, data, stored, buckets: int, monkeypatch) -> None:
    """The tasks themselves, in the order in which Spark runs them."""
    monkeypatch.setattr(scoring, "bundle_of", lambda _job: stored)
    given = sources({name: rows.sample(fraction=1.0, shuffle=True, seed=3) for name, rows in tables.items()})
    shop, packed = read(planned(given), given, 3)
    packed = with_placed_lines(shop, packed, buckets)
    job = {**shop.job(AS_OF), "described": None}
    scored = [scoring.scored_bucket(sent(mine), job) for mine in in_buckets(packed, buckets) if mine.height]
    found = pl.concat([frame(list(part)) for part in scored]).filter(pl.col(scoring.FACTS).is_null())
    whole = score_frame(data, stored, AS_OF, explained_customers=0).scores.drop("^.*_percentile$")
    assert_frame_equal(found.select(whole.columns).sort("customer_id"), whole, check_exact=True)
