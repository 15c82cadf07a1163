"""Rows at or after the cutoff change no score and not one byte of a bundle."""

from datetime import datetime, timedelta

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import Phase, given, settings

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle, bundle_files
from foretell.engines.trained_model import TrainedModel
from foretell.scoring.forecast import forecast_bucket
from foretell.scoring.reasons import explain_bucket
from foretell.scoring.score import score_bucket
from foretell.tables.dataset import CustomerData
from foretell.training.train import train

CUTOFF = datetime(2025, 7, 1)

later_rows = st.lists(
    st.tuples(
        st.integers(0, 30),  # which customer: one of the shop's, or a new one
        st.integers(0, 400 * 24 * 60),  # minutes after the cutoff, 0 included
        st.integers(-2_000_000, 5_000_000),  # refunds included
        st.integers(0, 40),  # which order id: one of the past, or a new one
        st.booleans(),  # cancelled
    ),
    min_size=1,
    max_size=12,
)


def with_later_rows(data: CustomerData, rows: list[tuple[int, int, int, int, bool]]) -> CustomerData:
    """Replace everything at or after the cutoff by other rows, some of them twice."""
    past = data.orders.filter(pl.col("ordered_at") < CUTOFF).collect()
    customers = [*past["customer_id"].unique(maintain_order=True).head(25), *(f"new-{i}" for i in range(6))]
    ids = [*past["order_id"].drop_nulls().unique(maintain_order=True).head(35), *(f"new-{i}" for i in range(6))]
    future = pl.DataFrame(
        {
            "customer_id": [customers[row[0]] for row in rows],
            "ordered_at": [CUTOFF + timedelta(minutes=row[1]) for row in rows],
            "amount_minor": [row[2] for row in rows],
            "order_id": [ids[row[3]] for row in rows],
            "cancelled": [row[4] for row in rows],
        },
        schema_overrides={"ordered_at": pl.Datetime("us"), "amount_minor": pl.Int64},
    )
    kept = past.select("customer_id", "ordered_at", "amount_minor", "order_id").with_columns(
        cancelled=pl.lit(value=False)
    )
    # The later rows come first: row numbers move too.
    return CustomerData.from_orders(pl.concat([future, future.head(2), kept], how="vertical_relaxed"))


@given(later_rows)
@settings(max_examples=8)
def test_no_score_forecast_or_reason_changes(
    big_shop: CustomerData, bundle: Bundle, rows: list[tuple[int, int, int, int, bool]]
) -> None:
    other, stored = with_later_rows(big_shop, rows), StoredBundle(bundle, "v1")
    assert score_bucket(other, stored, CUTOFF).equals(score_bucket(big_shop, stored, CUTOFF))
    assert forecast_bucket(other, bundle, CUTOFF).equals(forecast_bucket(big_shop, bundle, CUTOFF))
    ids = score_bucket(big_shop, stored, CUTOFF)["customer_id"].head(50)
    assert explain_bucket(other, bundle, ids, CUTOFF).equals(explain_bucket(big_shop, bundle, ids, CUTOFF))


@pytest.mark.slow
@given(later_rows, later_rows)
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate])
def test_no_byte_of_a_trained_bundle_changes(
    big_shop: CustomerData,
    rows: list[tuple[int, int, int, int, bool]],
    other_rows: list[tuple[int, int, int, int, bool]],
) -> None:
    one, two = (trained(with_later_rows(big_shop, later), CUTOFF) for later in (rows, other_rows))
    assert not one.backtest.is_empty()
    assert bundle_files(one.bundle) == bundle_files(two.bundle)


def test_a_cutoff_past_the_last_order_is_safe_too(big_shop: CustomerData) -> None:
    """Where observed_until is not given it follows the last order seen, never a later one."""
    end = datetime(2025, 7, 20)
    quiet = big_shop.orders.filter(pl.col("ordered_at") < CUTOFF).collect()
    noisy = pl.concat([quiet, big_shop.orders.filter(pl.col("ordered_at") >= end).collect()])
    one, two = (trained(CustomerData.from_orders(rows), end) for rows in (quiet, noisy))
    assert bundle_files(one.bundle) == bundle_files(two.bundle)


def trained(data: CustomerData, as_of: datetime) -> TrainedModel:
    """Train with everything that could look ahead: fit, automatic cutoffs, backtest, record."""
    return train(data, as_of, clv_days=90, churn_days=60, rungs=("purchase",))
