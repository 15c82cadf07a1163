"""What a notebook may hand to training and backtests: one where several are allowed, never a plain frame."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import foretell as ft
from foretell.bundles.record import empty_record
from foretell.errors import ConfigError, WindowError
from foretell.training.recipes import scoring_recipes


def test_a_plain_frame_is_refused_with_the_way_to_a_data_set(big_shop, bundle):
    frame = big_shop.orders.collect()
    for call in (ft.train, ft.backtest, ft.TrainedModel(bundle).score, ft.TrainedModel(bundle).forecast):
        with pytest.raises(TypeError, match=r"not on a DataFrame\. Remedy: foretell\.read_orders"):
            call(frame)


def test_one_rung_may_be_named_without_a_list():
    assert scoring_recipes("pareto") == scoring_recipes(("pareto",))


def test_one_cutoff_may_be_given_without_a_list(big_shop):
    options = {"clv_days": 90, "churn_days": 60, "rungs": "purchase", "bootstrap": 0}
    one = ft.backtest(big_shop, "2025-06-01", **options)
    assert one.equals(ft.backtest(big_shop, ["2025-06-01"], **options))


def test_no_last_bit_depends_on_the_threads_of_the_linear_algebra(big_shop, monkeypatch):
    def threads():
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    seen = []
    monkeypatch.setattr(
        "foretell.training.train.run_backtest", lambda *_, **__: seen.append(threads()) or empty_record()
    )
    with threadpool_limits(limits=2, user_api="blas"):
        assert threads() == {2}
        for given in (None, 2):
            ft.train(big_shop, "2025-10-01", clv_days=90, churn_days=60, rungs="purchase", threads=given)
    assert seen == [{1}, {1}]


def test_the_card_says_who_the_past_was_judged_on(big_shop, monkeypatch):
    options = {"clv_days": 90, "churn_days": 60, "rungs": "purchase", "backtest_cutoffs": ["2025-06-01"]}
    everybody = ft.train(big_shop, "2025-10-01", **options)
    assert everybody.bundle.card["training"]["judged_on"] == "all customers"
    for module in ("train", "backtest"):
        monkeypatch.setattr(f"foretell.training.{module}.MOST_JUDGED", 300)
    some = ft.train(big_shop, "2025-10-01", **options)
    assert some.bundle.card["training"]["judged_on"] == "about 300 customers at each cutoff, chosen by hash"
    judged = some.bundle.record["deciles"].filter(rung="purchase", target="orders")["customers"].sum()
    # Chosen by hash: within three standard errors of a binomial.
    assert abs(judged - 300) < 3 * (300 * 0.6) ** 0.5
    # The model itself is fitted to everybody.
    assert some.bundle.purchase_model.params_ == everybody.bundle.purchase_model.params_


def test_no_cutoff_at_all_is_no_short_history(big_shop):
    with pytest.raises(ValueError, match="at least one cutoff"):
        ft.backtest(big_shop, [])


def test_an_excluded_period_that_ends_before_it_starts_is_named(big_shop):
    with pytest.raises(ConfigError, match="2025-02-01 lies before 2025-03-01"):
        ft.train(big_shop, exclude_periods=[("2025-03-01", "2025-02-01")])


def test_an_excluded_period_that_is_no_date_is_named(big_shop):
    with pytest.raises(WindowError, match="'spring' is not a date"):
        ft.backtest(big_shop, exclude_periods=[("spring", "2025-02-01")])
