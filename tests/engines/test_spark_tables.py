"""Scoring on Spark with the tables beside orders gives, bit for bit, what scoring in one piece gives."""

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from boosted_shops import AS_OF, HORIZONS, quick_recipe
from engines.spark_local import collected, frame_of
from foretell.bundles.files import StoredBundle
from foretell.engines.frame import score_frame
from foretell.engines.spark.score import scored_on_spark
from foretell.scoring.accounting import account_rows
from foretell.scoring.activity import activity_bucket
from foretell.tables.read_data import read_data
from spark_shops import raw_tables, sources

pytestmark = pytest.mark.spark


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


@pytest.mark.parametrize("buckets", [1, 8, 64])
@pytest.mark.filterwarnings("ignore:.*no meaning")
def test_every_table_is_read_as_in_one_piece(spark, frames, data, stored, buckets: int) -> None:
    explained = 20 if buckets == 8 else 0
    whole = score_frame(data, stored, AS_OF, explained_customers=explained)
    scored = scored_on_spark(spark, sources(frames), stored, AS_OF, buckets=buckets, explained_customers=explained)
    assert_frame_equal(collected(scored.scores), whole.scores, check_exact=True)
    assert_frame_equal(scored.forecast, whole.forecast, check_exact=True)
    account = account_rows(data, AS_OF)
    assert {one.table: one.counts() for one in scored.accounts} == {one.table: one.counts() for one in account.tables}
    assert dict(scored.reasons) == account.reasons()
    assert scored.activity == activity_bucket(data, AS_OF, active_days=HORIZONS.churn_days)
    scored.release()


@pytest.mark.parametrize("table", ["order_lines", "events", "customers"])
@pytest.mark.filterwarnings("ignore:Tables differ")
def test_what_is_compared_rests_on_the_table(data, stored, table: str) -> None:
    without = replace(data, optional=replace(data.optional, **{table: None}))
    with_all, less = (score_frame(rows, stored, AS_OF, explained_customers=0).scores for rows in (data, without))
    assert not with_all.equals(less)
