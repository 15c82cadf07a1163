"""The gamma-gamma: its formulas, its fit, and what it does where there is nothing to fit."""

import json
import math
import pickle

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.stats import gamma
from sklearn.base import clone

from foretell.errors import BundleError, ColumnMismatch, ConvergenceWarning, DataError, FitError, NotFitted
from foretell.models import gamma_gamma_fit as module
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.gamma_gamma_kernel import (
    GammaGammaParameters,
    expected_value,
    log_likelihood,
    mean_negative_likelihood,
)
from foretell.models.gamma_gamma_state import PooledMean

TRUTH = GammaGammaParameters(6.0, 3.5, 16.0)


def frame_of(x, z):
    values = pl.Series(z, dtype=pl.Float64) if not isinstance(z, pl.Series) else z
    return pl.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(len(x))],
            "orders_with_value": pl.Series(x).cast(pl.Int64),
            "mean_order_value": values,
        }
    )


def drawn(p, *, customers, seed):
    rng = np.random.default_rng(seed)
    x = rng.geometric(0.35, customers).astype(float)
    nu = rng.gamma(p.q, 1 / p.v, customers)
    return x, rng.gamma(p.p * x, 1 / nu) / x


@pytest.fixture(scope="module")
def values():
    return drawn(TRUTH, customers=20_000, seed=3)


@pytest.fixture(scope="module")
def summary(values):
    return frame_of(*values)


@pytest.fixture(scope="module")
def model(summary):
    return GammaGamma().fit(summary)


@pytest.mark.parametrize(("x", "z"), [(1, 20.0), (5, 20.0), (5, 80.0), (40, 3.0)])
def test_likelihood_is_the_mixture_over_rates(x, z):
    rates = gamma(TRUTH.q, scale=1 / TRUTH.v)
    mixed = quad(lambda nu: rates.pdf(nu) * gamma(TRUTH.p * x, scale=1 / (nu * x)).pdf(z), 0, 8, epsabs=0, limit=200)[0]
    found = log_likelihood(TRUTH, np.array([float(x)]), np.array([z]))[0]
    assert found == pytest.approx(math.log(mixed), abs=1e-8)


def test_expected_value_is_the_mean_over_the_posterior():
    x, z = np.array([0.0, 1.0, 4.0, 200.0]), np.array([0.0, 20.0, 33.0, 3.0])
    shape, rate = TRUTH.p * x + TRUTH.q, TRUTH.v + x * z
    # the mean of 1 / nu, nu ~ Gamma(shape, rate)
    expected = TRUTH.p * rate / (shape - 1)
    population = TRUTH.p * TRUTH.v / (TRUTH.q - 1)
    assert expected_value(TRUTH, population, x, z) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("p", [(3.0, 2.2, 0.8), (0.2, 1.01, 5.0), (300.0, 40.0, 0.1), (2.0, 5000.0, 4000.0)])
def test_objective_is_the_mean_likelihood_with_its_gradient(values, p):
    x, z = values[0][:500], values[1][:500] / 30
    weights = np.arange(1.0, 501.0)
    theta = np.log([p[0], p[1] - 1, p[2]])
    objective = mean_negative_likelihood(x, z, weights)
    value, gradient = objective(theta)
    mean = -(weights * log_likelihood(GammaGammaParameters(*p), x, z)).sum() / weights.sum()
    assert value == pytest.approx(mean, rel=1e-9, abs=1e-9)
    step = 1e-5
    for number in range(3):
        shift = step * np.eye(3)[number]
        difference = (objective(theta + shift)[0] - objective(theta - shift)[0]) / (2 * step)
        # rounding of a value near 1 over twice the step is near 1e-11, times q = 5,000 in the last case
        assert gradient[number] == pytest.approx(difference, rel=1e-6, abs=1e-7)


def test_fit_finds_the_parameters_that_values_were_drawn_with(model, values):
    found = model.params_
    # the likelihood at its maximum is above that of the truth by half a chi-square with 3 degrees of freedom
    gain = model.log_likelihood_ - log_likelihood(TRUTH, *values).sum()
    assert 0 < gain < 9
    assert model.population_mean_ == pytest.approx(TRUTH.p * TRUTH.v / (TRUTH.q - 1), rel=0.03)
    assert found.p == pytest.approx(TRUTH.p, rel=0.1)
    assert model.fit_report_.converged
    assert model.fit_report_.fallback == ""
    assert not model.fit_report_.at_boundary
    assert model.fit_report_.customers == 20_000


def test_sampled_starts_do_not_move_the_optimum(summary, model, monkeypatch):
    monkeypatch.setattr(module, "_SAMPLE", 1_000)
    again = GammaGamma().fit(summary)
    assert again.log_likelihood_ == pytest.approx(model.log_likelihood_, abs=1e-6)
    assert again.params_.p == pytest.approx(model.params_.p, rel=1e-4)


def test_money_in_another_unit_changes_v_only(values, model):
    x, z = values
    cents = GammaGamma().fit(frame_of(x, z * 100))
    assert (cents.params_.p, cents.params_.q) == pytest.approx((model.params_.p, model.params_.q), rel=1e-6)
    assert cents.params_.v == pytest.approx(100 * model.params_.v, rel=1e-6)
    assert cents.log_likelihood_ == pytest.approx(model.log_likelihood_ - x.size * math.log(100), abs=1e-5)


def test_order_of_rows_has_no_influence(summary, model):
    shuffled = GammaGamma().fit(summary.sample(fraction=1.0, shuffle=True, seed=1))
    assert shuffled.params_ == model.params_
    assert shuffled.population_mean_ == model.population_mean_


def test_customers_without_value_are_left_out_and_get_the_population_mean(summary, model):
    silent = frame_of([0, 0, 2], pl.Series([None, 0.0, 0.0], dtype=pl.Float64)).with_columns(
        pl.col("customer_id") + "silent"
    )
    again = GammaGamma().fit(pl.concat([summary, silent]))
    assert again.params_ == model.params_
    assert again.fit_report_.customers_without_value == 3
    expected = again.expected_order_value(silent)["expected_order_value"].to_list()
    assert expected == [again.population_mean_] * 3


def test_correlation_of_count_and_value_is_reported(values, model):
    x, z = values
    assert model.fit_report_.value_count_correlation == pytest.approx(np.corrcoef(x, z)[0, 1], abs=1e-12)
    assert GammaGamma().fit(frame_of([2] * 50, z[:50])).fit_report_.value_count_correlation is None


def heavy_tail():
    return frame_of(*drawn(GammaGammaParameters(2.0, 0.8, 20.0), customers=3000, seed=5))


def test_values_without_a_mean_keep_own_means_and_say_so():
    frame = heavy_tail()
    model = GammaGamma().fit(frame)
    assert "too heavy-tailed (q = 1.0" in model.fit_report_.fallback
    assert model.population_mean_ == pytest.approx(frame["mean_order_value"].mean(), rel=1e-12)
    value = model.expected_order_value(frame)["expected_order_value"]
    low = np.minimum(frame["mean_order_value"].to_numpy(), model.population_mean_)
    high = np.maximum(frame["mean_order_value"].to_numpy(), model.population_mean_)
    # existing libraries are negative or infinite here
    assert ((value >= low * (1 - 1e-12)) & (value <= high * (1 + 1e-12))).all()
    assert value.min() > 0


FEW = frame_of([1, 2, 3], [10.0, 20.0, 60.0])
EQUAL = frame_of([1, 2, 3] * 30, [25.0] * 90)
SINGLE = frame_of([1] * 100, np.linspace(5.0, 50.0, 100))


@pytest.mark.parametrize(
    ("frame", "reason", "mean"),
    [
        (FEW, "3 customers have an order of positive value, 30 are needed", 30.0),
        (EQUAL, "all customers have the same mean order value", 25.0),
        (SINGLE, "nobody has two orders of positive value", 27.5),
    ],
    ids=["few", "equal", "single"],
)
def test_too_little_to_fit_gives_the_pooled_mean_and_says_why(frame, reason, mean):
    model = GammaGamma().fit(frame)
    assert reason in model.fit_report_.fallback
    assert model.fit_report_.fallback.startswith("the pooled mean answers for every customer")
    assert isinstance(model.params_, PooledMean)
    assert model.log_likelihood_ is None
    values = model.expected_order_value(frame)["expected_order_value"]
    assert values.to_list() == pytest.approx([mean] * frame.height, rel=1e-14)


def test_the_least_number_of_customers_is_a_setting():
    # Of fewer customers the likelihood is so flat that the processor decides whether the search warns.
    rng = np.random.default_rng(6)
    x = rng.integers(1, 8, 25).astype(float)
    few = frame_of(x, rng.gamma(5.0 * x, rng.gamma(4.0, 1.0, 25)) / x)
    assert isinstance(GammaGamma().fit(few).params_, PooledMean)
    assert isinstance(GammaGamma(min_customers=25).fit(few).params_, GammaGammaParameters)


@pytest.mark.parametrize("values_within", ["constant", "no_difference_between"])
def test_parameters_at_their_bounds_still_predict(values_within):
    rng = np.random.default_rng(2)
    x = rng.integers(1, 30, 300).astype(float)
    z = rng.gamma(4.0, 10.0, 300) if values_within == "constant" else rng.gamma(5.0 * x, 4.0) / x
    frame = frame_of(x, z)
    model = GammaGamma().fit(frame)
    value = model.expected_order_value(frame)["expected_order_value"].to_numpy()
    assert np.isfinite(value).all()
    assert ((value > z.min() * 0.99) & (value < z.max() * 1.01)).all()
    if values_within == "no_difference_between":
        assert np.ptp(value) < 0.2 * np.ptp(z)


def test_no_value_at_all_is_refused():
    for frame in (frame_of([0, 1], [0.0, 0.0]), frame_of([0, 0], pl.Series([None, None]))):
        with pytest.raises(FitError, match="None of 2 customers has an order of positive value"):
            GammaGamma().fit(frame)


@pytest.mark.parametrize(
    ("x", "z", "rule"),
    [
        (pl.Series([1.5, 2.0]), [1.0, 1.0], "orders_with_value: must be a whole number, 0 or more"),
        (pl.Series([-1, 2]), [1.0, 1.0], "orders_with_value: must be a whole number, 0 or more"),
        (pl.Series([1, None]), [1.0, 1.0], "orders_with_value: must be a finite number"),
        (pl.Series([1, 2]), [1.0, math.nan], "mean_order_value: must be a finite number"),
        (pl.Series([1, 2]), [math.inf, 1.0], "mean_order_value: must be a finite number"),
    ],
)
def test_bad_values_are_refused(x, z, rule):
    frame = pl.DataFrame({"customer_id": ["a", "b"], "orders_with_value": x, "mean_order_value": z})
    with pytest.raises(DataError, match=rule):
        GammaGamma().fit(frame)


def test_missing_columns_are_refused(model, summary):
    with pytest.raises(ColumnMismatch, match="mean_order_value"):
        GammaGamma().fit(summary.drop("mean_order_value"))
    with pytest.raises(ColumnMismatch, match="orders_with_value"):
        GammaGamma().fit(summary.drop("orders_with_value"))
    with pytest.raises(ColumnMismatch, match="customer_id"):
        model.expected_order_value(summary.drop("customer_id"))
    with pytest.raises(ColumnMismatch, match=r"polars\.DataFrame"):
        GammaGamma().fit(summary.lazy())


def test_nothing_is_predicted_before_fit(summary):
    with pytest.raises(NotFitted):
        GammaGamma().expected_order_value(summary)
    with pytest.raises(NotFitted):
        GammaGamma().to_dict()


def test_a_fit_that_does_not_converge_warns(summary, monkeypatch):
    search = module.maximise_likelihood
    monkeypatch.setattr(
        module, "maximise_likelihood", lambda *args, **kwargs: search(*args, **{**kwargs, "max_iterations": 2})
    )
    with pytest.warns(ConvergenceWarning, match="GammaGamma ended with a gradient"):
        GammaGamma().fit(summary.head(400))


def test_fit_and_prediction_change_nothing_and_keep_the_order(model, summary):
    frame = summary.sample(fraction=0.1, shuffle=True, seed=2).with_columns(pl.lit(None).alias("other"))
    before = frame.clone()
    predicted = model.expected_order_value(frame)
    assert predicted["customer_id"].equals(frame["customer_id"])
    assert predicted.columns == ["customer_id", "expected_order_value"]
    assert frame.equals(before)


@pytest.mark.parametrize("frame", [None, FEW, "heavy"], ids=["fitted", "pooled", "heavy"])
def test_state_survives_json(model, summary, frame):
    fitted = model if frame is None else GammaGamma().fit(heavy_tail() if isinstance(frame, str) else frame)
    again = GammaGamma.from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert again.to_dict() == fitted.to_dict()
    assert again.get_params() == fitted.get_params()
    assert again.expected_order_value(summary).equals(fitted.expected_order_value(summary))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "pareto_nbd"),
        (("settings",), {}),
        (("settings", "min_customers"), "30"),
        (("settings", "credibility"), "hearsay"),
        (("prior_orders",), 1.0),
        (("settings", "credibility"), "orders"),
        (("params", "p"), -1.0),
        (("params", "q"), 1.0),
        (("params", "v"), float("nan")),
        (("params",), {"mean": 3.0}),
        (("population_mean",), 0.0),
        (("population_mean",), None),
        (("log_likelihood",), float("nan")),
        (("log_likelihood",), None),
        (("fit_report", "fallback"), None),
        (("fit_report", "value_count_correlation"), "high"),
    ],
)
def test_a_damaged_state_is_refused(model, path, value):
    state = json.loads(json.dumps(model.to_dict()))
    section = state
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    with pytest.raises(BundleError, match=r"GammaGamma model is damaged at .*; train it again"):
        GammaGamma.from_dict(state)


def test_pickle_and_clone(model, summary):
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert again.expected_order_value(summary).equals(model.expected_order_value(summary))
    fresh = clone(GammaGamma(min_customers=7))
    assert fresh.get_params() == {"min_customers": 7, "cap_quantile": None, "credibility": "means"}
    assert not hasattr(fresh, "params_")
    assert repr(fresh) == "GammaGamma(cap_quantile=None, credibility='means', min_customers=7)"
