"""The MBG/CNBD-k estimator: frames in, keyed frames out, fits that say how they went."""

import json
import pickle
from functools import partial

import numpy as np
import polars as pl
import pytest

from foretell.errors import (
    BundleError,
    ColumnMismatch,
    ConvergenceWarning,
    DataError,
    FitError,
    NotFitted,
)
from foretell.models import cnbd_search
from foretell.models.cnbd import MBGCNBD
from foretell.models.cnbd_counts import expected_orders
from foretell.models.cnbd_kernel import CNBDParams, History, p_alive
from foretell.models.optimise import FitOutcome
from models.oracles.cnbd_oracle import simulate, summary_of

TRUTH = {
    1: CNBDParams(0.55, 70.0, 0.6, 1.5),
    2: CNBDParams(1.3, 20.0, 0.45, 0.8, k=2),
}


@pytest.fixture(scope="module")
def drawn():
    """Customers drawn from the model, per k: what was seen until T, and what came in the 180 days after."""
    return {k: simulate(p, customers=40_000, observed=(190, 450), future=180, seed=5 + k) for k, p in TRUTH.items()}


@pytest.fixture(scope="module")
def summaries(drawn):
    return {k: summary_of(d["x"], d["t_x"], d["T"], d["log_gaps"]) for k, d in drawn.items()}


@pytest.fixture(scope="module")
def small(summaries):
    """A summary at day grain of 3,000 customers."""
    return (
        summaries[1].head(3000).with_columns(pl.col("days_first_to_last_order").ceil(), pl.col("days_observed").ceil())
    )


@pytest.fixture(scope="module")
def model(small):
    return MBGCNBD(k=1).fit(small)


def every_prediction(model, frame):
    return [
        model.p_alive(frame),
        model.p_wait_longer(frame),
        model.p_order(frame, 30),
        model.expected_orders(frame, 365),
        model.discounted_orders(frame, 365, 0.1),
        model.order_count_law(frame, 90, 4),
        model.next_order_days(frame, horizon_days=365),
    ]


@pytest.mark.parametrize("k", [1, 2])
def test_parameters_of_a_simulation_are_found_again(summaries, k):
    model = MBGCNBD().fit(summaries[k])
    found, truth = model.params_, TRUTH[k]
    assert found.k == k
    # 40,000 customers: repeated draws scatter by 2 to 5 % (r, alpha) and 4 to 9 % (a, b)
    assert (found.r, found.alpha) == pytest.approx((truth.r, truth.alpha), rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.1)
    assert model.fit_report_.converged
    assert not model.fit_report_.at_boundary


@pytest.mark.parametrize("k", [1, 2])
def test_predictions_agree_with_what_the_simulation_did(drawn, summaries, k):
    model = MBGCNBD(k=k)
    model.params_ = TRUTH[k]
    d, frame = drawn[k], summaries[k]
    alive = model.p_alive(frame)["p_alive"].to_numpy()
    orders = model.expected_orders(frame, 180)["expected_orders"].to_numpy()
    soon = model.p_order(frame, 30)["p_order"].to_numpy()
    law = model.order_count_law(frame, 180, 3)["p_at_least"].to_numpy()
    wait = model.p_wait_longer(frame)["p_wait_longer"].to_numpy()
    assert frame["repeat_orders"].max() > 20
    for group in (d["x"] == 0, (d["x"] > 0) & (d["x"] < 4), d["x"] >= 4, wait < 0.1):
        pairs = [
            (alive, d["alive"]),
            (orders, d["later"]),
            (soon, d["next"] <= 30),
            (law[:, 0], d["later"] >= 1),
            (law[:, 2], d["later"] >= 3),
        ]
        for predicted, actual in pairs:
            error = actual[group] - predicted[group]
            # four standard errors of a mean: 40 comparisons stay within with probability .997, and the seed is fixed
            assert abs(error.mean()) < 4 * error.std() / np.sqrt(group.sum())


@pytest.mark.parametrize("k", [1, 2])
def test_quantiles_of_the_next_order_hold_their_level(drawn, summaries, k):
    model = MBGCNBD(k=k)
    model.params_ = TRUTH[k]
    d = drawn[k]
    dates = model.next_order_days(summaries[k], horizon_days=180)
    came = np.isfinite(d["next"])
    assert came.sum() > 5000
    for name, level in (("days_q10", 0.1), ("days_q50", 0.5), ("days_q90", 0.9)):
        share = (d["next"] <= dates[name].to_numpy())[came].mean()
        assert share == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / came.sum()))


def test_the_whole_fit_and_every_prediction_ignore_the_order_of_rows(small, model):
    shuffled = small.sample(fraction=1.0, shuffle=True, seed=1)
    again = MBGCNBD(k=1).fit(shuffled)
    assert again.params_ == model.params_
    assert again.log_likelihood_ == model.log_likelihood_
    regular, regular_again = (MBGCNBD(k=2).fit(frame) for frame in (small, shuffled))
    assert regular_again.log_likelihood_ == regular.log_likelihood_
    for one, other in zip(every_prediction(model, small), every_prediction(model, shuffled), strict=True):
        assert one.sort("customer_id").equals(other.sort("customer_id"))


def test_predictions_of_a_customer_do_not_depend_on_the_others(small, model):
    part = small.filter(pl.col("customer_id").str.ends_with("7"))
    for whole, alone in zip(every_prediction(model, small), every_prediction(model, part), strict=True):
        assert whole.join(part.select("customer_id"), on="customer_id", how="semi").equals(alone)


def test_predictions_of_compressed_rows_are_those_of_the_kernel(small, model):
    columns = ("repeat_orders", "days_first_to_last_order", "days_observed")
    h = History(*(small[name].cast(pl.Float64).to_numpy() for name in columns))
    assert model.p_alive(small)["p_alive"].to_list() == p_alive(model.params_, h).tolist()
    found = model.expected_orders(small, 90)
    assert found["expected_orders"].to_list() == expected_orders(model.params_, h, 90.0).tolist()
    assert found.columns == ["customer_id", "expected_orders"]
    assert found["customer_id"].equals(small["customer_id"])


def test_answers_fit_together(small, model):
    orders = model.expected_orders(small, 90)["expected_orders"]
    law = model.order_count_law(small, 90, 4)["p_at_least"]
    first = law.arr.get(0)
    assert law.dtype == pl.Array(pl.Float64, 4)
    assert (orders >= first).all()
    assert first.to_list() == pytest.approx(model.p_order(small, 90)["p_order"].to_list(), rel=1e-10)
    assert (first <= model.p_alive(small)["p_alive"]).all()
    assert (model.p_order(small, 30)["p_order"] <= model.p_order(small, 90)["p_order"]).all()
    dates = model.next_order_days(small, horizon_days=365)
    assert dates.columns == ["customer_id", "days_q10", "days_q50", "days_q90"]
    assert (dates["days_q10"] < dates["days_q50"]).all()
    assert (dates["days_q50"] < dates["days_q90"]).all()
    assert (dates["days_q90"] < 365).all()
    discounted = model.discounted_orders(small, 90, 0.1)["discounted_orders"]
    # between all orders on the last day and all on the first
    assert ((discounted < orders) & (discounted > orders * 1.1 ** (-90 / 365.25))).all()
    assert model.discounted_orders(small, 90, 0.0)["discounted_orders"].equals(orders, check_names=False)


def test_new_customers_are_customers_without_history(model):
    fresh = summary_of([0], [0], [0])
    assert model.new_customer_orders(90) == model.expected_orders(fresh, 90)["expected_orders"][0]


def test_no_customers_give_empty_answers(small, model):
    for answer in every_prediction(model, small.clear()):
        assert answer.height == 0
        assert answer.columns[0] == "customer_id"


def test_quantiles_are_named_after_their_level(small, model):
    dates = model.next_order_days(small.head(2), horizon_days=30, quantiles=(0.05, 0.975))
    assert dates.columns == ["customer_id", "days_q5", "days_q97.5"]


def test_no_chance_of_an_order_is_null(model):
    gone = summary_of([3000, 0], [3000, 0], [90_000, 10])
    dates = model.next_order_days(gone, horizon_days=30)
    assert dates["days_q50"].is_null().to_list() == [True, False]
    assert dates["days_q50"].is_nan().sum() == 0


@pytest.mark.parametrize("k", [1, 2])
def test_time_in_another_unit_changes_alpha_and_nothing_else(summaries, k):
    frame = summaries[k].head(4000)
    times = ("days_first_to_last_order", "days_observed")
    months = frame.with_columns(
        *(pl.col(name) / 30 for name in times),
        pl.col("sum_log_gaps_days") - pl.col("repeat_orders") * np.log(30),
    )
    days, other = MBGCNBD(k=k).fit(frame), MBGCNBD(k=k).fit(months)
    one, two = days.params_, other.params_
    # the search runs on times divided by their mean: equal up to rounding, magnified by a flat optimum
    assert (two.r, two.alpha * 30, two.a, two.b) == pytest.approx((one.r, one.alpha, one.a, one.b), rel=1e-5)
    orders = int(frame["repeat_orders"].sum())
    assert other.log_likelihood_ == pytest.approx(days.log_likelihood_ + orders * np.log(30), rel=1e-12)


@pytest.mark.parametrize("dropout_at_first", [True, False])
def test_of_two_optima_the_higher_is_kept_and_the_ridge_is_flagged(small, dropout_at_first):
    # Orders times 50 over 30 times the time: MBG has a local optimum near a = b = .2 that is 929 lower, and for both
    # the best drop-out law is nearly a point; without scaled times, BG fits are known to stop on the way there.
    grown = small.with_columns(
        pl.col("repeat_orders") * 50, pl.col("days_first_to_last_order") * 30, pl.col("days_observed") * 30
    )
    model = MBGCNBD(k=1, dropout_at_first=dropout_at_first).fit(grown)
    p, report = model.params_, model.fit_report_
    assert report.converged
    assert report.at_boundary
    assert p.r == pytest.approx(0.085, abs=0.002)
    assert p.a / (p.a + p.b) == pytest.approx(0.0065, abs=0.0002)
    assert np.isfinite(model.expected_orders(grown, 10_000)["expected_orders"].to_numpy()).all()


def test_rows_given_twice_double_the_likelihood_and_leave_the_parameters(small, model):
    twice = MBGCNBD(k=1).fit(pl.concat([small, small]))
    one, two = model.params_, twice.params_
    assert (two.r, two.alpha, two.a, two.b) == pytest.approx((one.r, one.alpha, one.a, one.b), rel=1e-5)
    assert twice.log_likelihood_ == pytest.approx(2 * model.log_likelihood_, rel=1e-12)
    assert twice.fit_report_.rows == model.fit_report_.rows
    assert twice.fit_report_.customers == 6000


def test_the_profile_of_k_stops_after_two_falls(summaries):
    report = MBGCNBD().fit(summaries[2].head(5000)).fit_report_
    assert [k for k, _ in report.k_profile] == [1, 2, 3, 4]
    totals = [total for _, total in report.k_profile]
    assert totals[1] > totals[0]
    assert totals[3] < totals[2] < totals[1]
    assert [k for k, _ in MBGCNBD(max_k=1).fit(summaries[2].head(500)).fit_report_.k_profile] == [1]


def test_likelihoods_of_k_do_not_depend_on_the_unit_of_time(summaries):
    frame = summaries[2].head(2000)
    weeks = frame.with_columns(
        pl.col("days_first_to_last_order") / 7,
        pl.col("days_observed") / 7,
        pl.col("sum_log_gaps_days") - pl.col("repeat_orders") * np.log(7),
    )
    one, two = (dict(MBGCNBD(max_k=2).fit(f).fit_report_.k_profile) for f in (frame, weeks))
    assert two[2] - two[1] == pytest.approx(one[2] - one[1], rel=1e-9)


def test_drop_out_alike_for_everyone_is_flagged_and_predictions_stay_finite():
    # a coin of .05, the same for all, and rates that differ: the beta law shrinks to a point
    rng = np.random.default_rng(12)
    n = 3000
    lives = rng.geometric(0.05, n) - 1
    rate = rng.gamma(1.0, 1 / 20.0, n)
    T = rng.integers(200, 400, n).astype(float)
    x, t_x, now = np.zeros(n), np.zeros(n), np.zeros(n)
    for _ in range(int(lives.max())):
        now += rng.exponential(1 / rate)
        bought = (x < lives) & (now <= T)
        x, t_x = x + bought, np.where(bought, now, t_x)
        now = np.where(bought, now, np.inf)
    frame = summary_of(x, t_x, T)
    model = MBGCNBD(k=1).fit(frame)
    p = model.params_
    assert model.fit_report_.at_boundary
    assert p.a / (p.a + p.b) == pytest.approx(0.05, abs=0.01)
    for answer in every_prediction(model, frame)[:5]:
        assert np.isfinite(answer.to_series(1).to_numpy()).all()


def test_nobody_leaving_is_flagged():
    rng = np.random.default_rng(2)
    T = np.full(2000, 300.0)
    x = rng.poisson(rng.gamma(3.0, 1.0, 2000)).astype(float)
    last = np.where(x > 0, T * rng.random(2000) ** (1 / np.maximum(x, 1)), 0.0)
    model = MBGCNBD(k=1).fit(summary_of(x, last, T))
    assert model.fit_report_.at_boundary
    assert model.p_alive(summary_of([3], [150], [300]))["p_alive"][0] > 0.99


@pytest.mark.parametrize(
    ("parameters", "flagged"),
    [
        ((0.5, 70.0, 0.6, 1.5), False),
        ((0.5, 70.0, 40.0, 900.0), False),
        ((0.5, 70.0, 60.0, 950.0), True),
        ((1001.0, 9000.0, 0.6, 1.5), True),
        ((0.4, 200.0, 2e-6, 177.0), True),
    ],
    ids=["ordinary", "nearly a point", "drop-out alike", "rates alike", "nobody leaves"],
)
def test_parameters_that_are_not_identified_are_flagged(small, monkeypatch, parameters, flagged):
    found = FitOutcome(("r", "alpha", "a", "b"), parameters, 1.0, True, 0.0, 1, 1, 1, "", ())
    monkeypatch.setattr(cnbd_search.CNBDSearch, "optimum", lambda *_, **__: found)
    assert MBGCNBD(k=1).fit(small).fit_report_.at_boundary is flagged


def test_the_frame_given_stays_as_it_is_and_other_columns_do_not_matter(small, model):
    before = small.clone()
    extended = small.with_columns(pl.lit("x").alias("note"), pl.lit(None).alias("nothing"))
    assert MBGCNBD(k=1).fit(extended.reverse().select(reversed(extended.columns))).params_ == model.params_
    assert small.equals(before)


def test_k_fixed_at_1_needs_no_gaps(small, model):
    assert MBGCNBD(k=1).fit(small.drop("sum_log_gaps_days")).log_likelihood_ == model.log_likelihood_
    with pytest.raises(ColumnMismatch, match="'sum_log_gaps_days' is missing"):
        MBGCNBD().fit(small.drop("sum_log_gaps_days"))


@pytest.mark.parametrize(
    ("change", "column", "rule"),
    [
        (pl.lit(None, pl.Int64).alias("repeat_orders"), "repeat_orders", "finite"),
        (pl.lit(-1).alias("repeat_orders"), "repeat_orders", "whole number"),
        (pl.lit(1.5).alias("repeat_orders"), "repeat_orders", "whole number"),
        (pl.lit(float("nan")).alias("days_observed"), "days_observed", "finite"),
        (pl.lit(1.0).alias("days_observed"), "days_first_to_last_order", "not be later"),
        (pl.lit(-3.0).alias("days_first_to_last_order"), "days_first_to_last_order", "negative"),
        (pl.lit(0.0).alias("days_first_to_last_order"), "days_first_to_last_order", "only there"),
        (pl.lit(0).alias("repeat_orders"), "days_first_to_last_order", "only there"),
        (pl.lit(float("inf")).alias("sum_log_gaps_days"), "sum_log_gaps_days", "finite"),
    ],
)
def test_broken_rows_are_named_and_counted(change, column, rule):
    frame = summary_of([2, 0, 3], [20, 0, 30], [40, 40, 50], [2.0, 0.0, 3.0])
    broken = frame.with_row_index().with_columns(
        pl.when(pl.col("index") == 2).then(change).otherwise(pl.col(change.meta.output_name()))
    )
    with pytest.raises(DataError) as caught:
        MBGCNBD().fit(broken)
    violation = caught.value.violations[0]
    assert (violation.column, violation.count, violation.rows) == (column, 1, (3,))
    assert rule in violation.rule
    assert "c00000" not in str(caught.value)


def test_every_broken_rule_is_told_at_once():
    frame = summary_of([2.0, 0.0], [20, 0], [10, -1]).with_columns(pl.Series("repeat_orders", [-2, 0]))
    with pytest.raises(DataError) as caught:
        MBGCNBD(k=1).fit(frame)
    assert len(caught.value.violations) == 2


def test_columns_that_are_absent_or_text_are_named(small, model):
    renamed = small.rename({"repeat_orders": "repeat_order"}).with_columns(pl.col("days_observed").cast(pl.String))
    with pytest.raises(ColumnMismatch) as caught:
        model.p_alive(renamed)
    assert "'repeat_orders' is missing. Did you mean 'repeat_order'?" in str(caught.value)
    assert "'days_observed' holds String" in str(caught.value)
    with pytest.raises(ColumnMismatch, match="customer_id"):
        model.p_alive(small.drop("customer_id"))
    with pytest.raises(ColumnMismatch, match="collect"):
        model.p_alive(small.lazy())


@pytest.mark.parametrize("frame", [summary_of([0, 0, 0], [0, 0, 0], [30, 60, 0]), summary_of([], [], [])])
def test_nobody_came_back_is_an_error_with_a_remedy(frame):
    with pytest.raises(FitError, match="Use a longer history"):
        MBGCNBD().fit(frame)


def test_a_single_customer_can_be_fitted_but_is_flagged():
    model = MBGCNBD(k=1).fit(summary_of([3], [30], [60]))
    assert model.fit_report_.at_boundary


@pytest.mark.parametrize("settings", [{"k": 0}, {"k": 1.5}, {"k": True}, {"max_k": 0}, {"k": 51}])
def test_senseless_settings_are_refused(small, settings):
    with pytest.raises(FitError, match="whole numbers from 1 to 50"):
        MBGCNBD(**settings).fit(small)


@pytest.mark.parametrize("horizon", [0, -1, float("inf"), float("nan")])
def test_senseless_horizons_are_refused(small, model, horizon):
    for call in (model.p_order, model.expected_orders, partial(model.order_count_law, max_orders=2)):
        with pytest.raises(ValueError, match="horizon_days"):
            call(small, horizon)
    with pytest.raises(ValueError, match="horizon_days"):
        model.next_order_days(small, horizon_days=horizon)


def test_other_senseless_numbers_are_refused(small, model):
    with pytest.raises(ValueError, match="annual_discount_rate"):
        model.discounted_orders(small, 30, -0.1)
    with pytest.raises(ValueError, match="max_orders"):
        model.order_count_law(small, 30, 0)
    with pytest.raises(ValueError, match="quantiles"):
        model.next_order_days(small, horizon_days=30, quantiles=(0.5, 1.0))


def test_nothing_is_answered_before_fit(small):
    fresh = MBGCNBD()
    for call in (
        lambda: fresh.p_alive(small),
        lambda: fresh.discounted_orders(small, 30, 0.1),
        lambda: fresh.next_order_days(small, horizon_days=30),
        lambda: fresh.new_customer_orders(30),
        fresh.to_dict,
    ):
        with pytest.raises(NotFitted, match="fit"):
            call()


def test_a_search_cut_short_warns_and_reports(small, monkeypatch):
    short = partial(cnbd_search.maximise_likelihood, max_iterations=2)
    monkeypatch.setattr(cnbd_search, "maximise_likelihood", short)
    model = MBGCNBD(k=1)
    with pytest.warns(ConvergenceWarning, match="gradient"):
        model.fit(small)
    assert not model.fit_report_.converged


def test_state_survives_json_to_the_last_bit(small, summaries):
    for fitted in (
        MBGCNBD().fit(summaries[2].head(2000)),
        MBGCNBD(k=1, dropout_at_first=False).fit(small),
    ):
        again = MBGCNBD.from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
        assert again.get_params() == fitted.get_params()
        assert (again.params_, again.log_likelihood_) == (fitted.params_, fitted.log_likelihood_)
        assert again.fit_report_ == fitted.fit_report_
        for one, other in zip(every_prediction(fitted, small), every_prediction(again, small), strict=True):
            assert one.equals(other)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "pareto_nbd"),
        (("params", "r"), float("nan")),
        (("params", "alpha"), -1.0),
        (("params", "a"), "0.5"),
        (("params", "b"), float("inf")),
        (("params", "k"), 1.5),
        (("params", "k"), 0),
        (("params", "dropout_at_first"), 1),
        (("params", "extra"), 1.0),
        (("settings", "k"), "two"),
        (("settings", "extra"), 1),
        (("log_likelihood",), float("-inf")),
        (("fit_report", "converged"), "yes"),
        (("fit_report", "k_profile"), [[1, float("nan")]]),
        (("fit_report", "k_profile"), 3),
        (("fit_report", "extra"), 3),
        (("params",), None),
    ],
    ids=lambda v: ".".join(v) if isinstance(v, tuple) else repr(v),
)
def test_damaged_state_is_refused(model, path, value):
    state = json.loads(json.dumps(model.to_dict()))
    *parents, last = path
    target = state
    for name in parents:
        target = target[name]
    target[last] = value
    with pytest.raises(BundleError):
        MBGCNBD.from_dict(state)


@pytest.mark.parametrize("name", ["kind", "settings", "params", "log_likelihood", "fit_report"])
def test_incomplete_state_is_refused(model, name):
    state = model.to_dict()
    del state[name]
    with pytest.raises(BundleError):
        MBGCNBD.from_dict(state)


def test_pickling(small, model):
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert again.p_alive(small).equals(model.p_alive(small))


def test_settings_are_read_and_changed_by_name():
    model = MBGCNBD(max_k=5)
    assert model.set_params(k=2, dropout_at_first=False) is model
    assert model.get_params() == {"k": 2, "max_k": 5, "dropout_at_first": False}
    assert repr(model) == "MBGCNBD(dropout_at_first=False, k=2, max_k=5)"
    with pytest.raises(ValueError, match="Did you mean 'max_k'"):
        model.set_params(maxk=3)


def test_scikit_learn_clones_settings_and_not_what_was_learned(model):
    from sklearn.base import clone

    settings = MBGCNBD(k=3, max_k=5, dropout_at_first=False)
    assert clone(settings) is not settings
    assert clone(settings).get_params() == settings.get_params()
    assert not hasattr(clone(model), "params_")
