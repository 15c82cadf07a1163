"""The soft cap on order values: its shape, and that one giant order decides nothing."""

import numpy as np
import polars as pl
import pytest

from foretell.errors import BundleError
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.robust_value import cap_of, softly_capped
from foretell.models.spend import spend_quantiles


def test_below_the_cap_nothing_changes_and_above_it_rises_by_the_log() -> None:
    z = np.array([1.0, 10.0, 10.0 * np.e, 40.0])
    capped = softly_capped(np.array([1.0, 1.0, 1.0, 16.0]), z, 10.0)
    # K (1 + ln e) = 2 K; sixteen orders are believed up to K sqrt(16) = 40.
    assert capped == pytest.approx([1.0, 10.0, 20.0, 40.0], rel=1e-12)


def test_the_cap_is_continuous_with_a_continuous_slope_and_keeps_the_order() -> None:
    z = np.linspace(0, 100, 100_001)
    capped = softly_capped(np.ones_like(z), z, 10.0)
    slope = np.diff(capped) / np.diff(z)
    assert (slope > 0).all()
    # The second derivative is at most 1 / K = .1, the step .001.
    assert np.abs(np.diff(slope)).max() < 2e-4


def test_no_single_value_raises_the_cap_to_itself() -> None:
    for count in (2, 3, 50, 100, 101, 1000):
        z = np.full(count, 20.0)
        z[-1] = 20_000.0
        assert cap_of(z, 0.99, np.ones(z.size, np.int64)) == 20.0


@pytest.fixture(scope="module")
def values() -> pl.DataFrame:
    rng = np.random.default_rng(4)
    x = rng.geometric(0.4, 1_000)
    mean = rng.gamma(3.0, 20.0, x.size)
    z = rng.gamma(5.0 * x, mean / (5.0 * x))
    return pl.DataFrame(
        {"customer_id": [f"c{i:04}" for i in range(x.size)], "orders_with_value": x, "mean_order_value": z}
    )


def with_giant(frame: pl.DataFrame) -> pl.DataFrame:
    """Give the first customer one order of a thousand times the typical value."""
    giant = 1_000 * float(np.median(frame["mean_order_value"].to_numpy()))
    first = pl.col("customer_id") == "c0000"
    return frame.with_columns(
        orders_with_value=pl.when(first).then(1).otherwise("orders_with_value"),
        mean_order_value=pl.when(first).then(giant).otherwise("mean_order_value"),
    )


def test_a_giant_order_moves_nobody_else(values: pl.DataFrame) -> None:
    before, after = (
        GammaGamma(cap_quantile=0.99).fit(frame).expected_order_value(frame)["expected_order_value"].to_numpy()
        for frame in (values, with_giant(values))
    )
    others = np.abs(after[1:] / before[1:] - 1)
    # Measured .8 % for the median customer and 3.7 % for the one who feels it most; 3.2 % and 15 % without the cap.
    assert np.median(others) < 0.015
    assert others.max() < 0.06
    # Measured 10 times the median customer's value; 447 times without the cap.
    assert after[0] < 30 * float(np.median(before))


def test_without_a_cap_the_model_is_the_published_one(values: pl.DataFrame) -> None:
    plain, capped = GammaGamma().fit(values), GammaGamma(cap_quantile=0.99).fit(values)
    assert plain.cap_ is None
    assert plain.params_ != capped.params_
    top = values.filter(pl.col("mean_order_value") == pl.col("mean_order_value").max())
    assert (plain.values(top)[1] == top["mean_order_value"].to_numpy()).all()
    assert (capped.values(top)[1] < top["mean_order_value"].to_numpy()).all()


def test_the_cap_is_stored_and_used_again(values: pl.DataFrame) -> None:
    model = GammaGamma(cap_quantile=0.99).fit(values)
    again = GammaGamma.from_dict(model.to_dict())
    assert again.cap_ == model.cap_
    assert again.expected_order_value(values).equals(model.expected_order_value(values))


@pytest.mark.parametrize(("section", "value"), [("cap", None), ("cap", -1.0), ("cap", "9"), ("cap", float("nan"))])
def test_a_damaged_cap_is_refused(values: pl.DataFrame, section: str, value: object) -> None:
    state = GammaGamma(cap_quantile=0.99).fit(values).to_dict()
    with pytest.raises(BundleError, match=section):
        GammaGamma.from_dict({**state, section: value})


def test_quantiles_of_spend_read_the_capped_value(values: pl.DataFrame) -> None:
    from foretell.models.cnbd import MBGCNBD

    rng = np.random.default_rng(5)
    count = values.height
    repeats = rng.poisson(1.5, count)
    observed = rng.integers(200, 400, count).astype(float)
    span = np.where(repeats > 0, observed * rng.random(count), 0.0).round()
    repeats = np.minimum(repeats, span.astype(int))
    history = with_giant(values).with_columns(
        orders=pl.Series(repeats + 1),
        repeat_orders=pl.Series(repeats),
        days_first_to_last_order=pl.Series(np.where(repeats > 0, span, 0.0)),
        days_observed=pl.Series(observed),
        sum_log_gaps_days=pl.Series(
            np.where(repeats > 0, repeats * np.log(np.maximum(span / np.maximum(repeats, 1), 1)), 0.0)
        ),
    )
    purchases = MBGCNBD(k=1).fit(history)
    high = [
        spend_quantiles(purchases, GammaGamma(cap_quantile=cap).fit(history), history, horizon_days=365)["spend_q90"][0]
        for cap in (None, 0.99)
    ]
    assert 0 < high[1] < high[0] / 5
