"""Rules over scores on disk: every column is that of the rule frame in memory, and so is every segment."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.rule_columns import rule_frame
from foretell.delivery.selection import select_all
from foretell.delivery.stored_rule_rows import StoredRuleRows
from foretell.engines.stored_scores import StoredScores

RANKED = ("avg_order_value_percentile", "gap_percentile")


@pytest.fixture
def stored(tmp_path):
    """The run of `make_run` with its scores in two files."""

    def on_disk(run):
        half = run.scores.height // 2
        for number, part in enumerate((run.scores.head(half), run.scores.slice(half))):
            part.write_parquet(tmp_path / f"{number}.parquet")
        return StoredScores.of(sorted(tmp_path.glob("*.parquet")))

    return on_disk


@pytest.mark.parametrize("with_money", [True, False])
def test_every_column_is_that_of_the_frame_in_memory(make_run, stored, with_money):
    run = make_run()
    if not with_money:
        money = [name for name in run.scores.columns if name.startswith("predicted_clv")]
        run = make_run(scores=run.scores.with_columns(pl.lit(None, pl.Float64).alias(name) for name in money))
    features = run.scores.select("customer_id", gap=pl.int_range(pl.len()).cast(pl.Float64))
    frame = rule_frame(
        run.scores, run.columns, as_of=run.as_of, horizons=run.horizons, features=features, ranked=RANKED
    )
    rows = StoredRuleRows(stored(run), run.columns, run.as_of, run.horizons, features, RANKED)
    assert rows.height == frame.height
    assert set(rows.columns) == set(frame.columns)
    assert_frame_equal(rows.select(frame.columns), frame)
    for name in frame.columns:
        assert_series_equal(rows.get_column(name), frame.get_column(name))
    assert rows.select([]).is_empty()


def test_every_segment_is_the_one_chosen_in_memory(make_run, stored):
    run, segments = make_run(), [one for one in ready_segments() if one.name in {"vip", "lapsed", "test_sample"}]
    here = select_all(run, segments, key="k")
    there = select_all(make_run(scores=stored(run)), segments, key="k")
    for one, other in zip(here, there, strict=True):
        assert_frame_equal(one.frame, other.frame)
        assert_frame_equal(one.holdout_frame, other.holdout_frame)
        assert (one.rule_in_words, one.strata, one.predicted_value) == (
            other.rule_in_words, other.strata, other.predicted_value,
        )  # fmt: skip
    assert sum(one.size for one in here) > 0
