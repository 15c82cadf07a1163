"""The rolling backtest on shops small enough to check by hand, with recipes that know too much or too little."""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from foretell.errors import DataError, FitError, HorizonNotObserved, WindowError
from foretell.evaluation.backtest import backtest
from foretell.evaluation.ledger import (
    CALIBRATION_SCHEMA,
    COMPARISON_SCHEMA,
    DECILE_SCHEMA,
    SKIPPED_SCHEMA,
    TABLE_SCHEMA,
)
from foretell.evaluation.ranking import normalised_gini
from foretell.features.summary import purchase_summary
from foretell.labels.outcomes import outcomes
from foretell.tables.dataset import CustomerData
from foretell.windows import Horizons

CUTOFF = datetime(2025, 2, 15)
TOO_FEW = "Three customers are too few. Remedy: a longer history."
HORIZONS = Horizons(clv_days=40, churn_days=20, order_days=10)


def shop_of(rows, **options):
    schema = ["customer_id", "ordered_at", "amount_minor"][: len(rows[0])]
    return CustomerData.from_orders(pl.DataFrame(rows, schema=schema, orient="row"), **options)


@pytest.fixture(scope="module")
def small_shop():
    """Sixty customers who buy at random over 120 days, some with refunds."""
    rng = np.random.default_rng(1)
    start = datetime(2025, 1, 1)
    rows = [
        (f"c{customer:02d}", start + timedelta(days=int(day)), int(rng.integers(1, 90)) * 10_000)
        for customer in range(60)
        for day in np.unique(rng.integers(0, 120, 1 + customer % 7))
    ]
    rows += [(f"c{customer:02d}", start + timedelta(days=80), -150_000) for customer in range(0, 60, 9)]
    return shop_of(rows, observed_until="2025-05-01")


@dataclass
class Spy:
    """Predicts the same for everybody, and keeps what it was given."""

    name: str = "spy"
    given: list = field(default_factory=list)

    def fit_predict(self, data, as_of, horizons, seed):
        self.given.append((data, as_of, horizons, seed))
        return (
            purchase_summary(data, as_of)
            .select("customer_id")
            .with_columns(
                predicted_orders=1.0,
                predicted_clv=20.0,
                churn_risk=0.5,
                p_order=0.25,
                next_order_days=10.0,
                next_order_days_early=1.0,
                next_order_days_late=40.0,
                spend_low=0.0,
                spend_high=50.0,
            )
        )


@dataclass
class Oracle:
    """Looks the answers up in all of the data."""

    everything: CustomerData
    name: str = "oracle"

    def fit_predict(self, data, as_of, horizons, *_):
        def after(days):
            happened = outcomes(self.everything, as_of, days).collect()
            return customers.join(happened, on="customer_id", how="left", maintain_order="left")

        customers = purchase_summary(data, as_of).select("customer_id")
        clv, churn, order = (after(days) for days in (horizons.clv_days, horizons.churn_days, horizons.order_days))
        days = clv["days_to_next_order"].cast(pl.Float64)
        spend = clv["spend_in_window"].fill_null(0.0)
        return customers.with_columns(
            clv["orders_in_window"].fill_null(0).alias("predicted_orders"),
            spend.alias("predicted_clv"),
            (churn["orders_in_window"].fill_null(0) == 0).cast(pl.Float64).alias("churn_risk"),
            (order["orders_in_window"].fill_null(0) > 0).cast(pl.Float64).alias("p_order"),
            days.alias("next_order_days"),
            (days - 1).alias("next_order_days_early"),
            (days + 1).alias("next_order_days_late"),
            (spend - 1).alias("spend_low"),
            (spend + 1).alias("spend_high"),
        )


@dataclass
class Noisy:
    """Orders so far and a little seeded noise; answers orders and churn only."""

    name: str = "noisy"
    shuffled: bool = False

    def fit_predict(self, *asked):
        data, as_of, _, seed = asked
        summary = purchase_summary(data, as_of)
        rng = np.random.default_rng(seed)
        noise = rng.random(summary.height)
        predicted = summary.select(
            "customer_id",
            predicted_orders=pl.col("orders") / 3 + pl.Series(noise),
            churn_risk=1 / (1 + pl.col("orders") + pl.Series(noise)),
        )
        return predicted.sample(fraction=1.0, shuffle=True, seed=1) if self.shuffled else predicted


@dataclass
class Fixed:
    """Returns the frame that it was made with."""

    frame: pl.DataFrame
    name: str = "fixed"

    def fit_predict(self, *_):
        return self.frame


@dataclass
class Refuser:
    name: str = "refuser"

    def fit_predict(self, *_):
        raise FitError(TOO_FEW)


def values(result, rung, target):
    rows = result.table.filter((pl.col("rung") == rung) & (pl.col("target") == target))
    return dict(zip(rows["metric"], rows["value"], strict=True))


def test_a_recipe_sees_rows_before_the_cutoff_and_nothing_else(small_shop):
    spy = Spy()
    backtest(small_shop, ["2025-03-01", "2025-02-15"], [spy], horizons=HORIZONS, seed=7, bootstrap=0)
    assert [as_of for _, as_of, _, _ in spy.given] == [datetime(2025, 2, 15), datetime(2025, 3, 1)]
    for data, as_of, horizons, seed in spy.given:
        seen = data.orders.collect()
        assert seen["ordered_at"].max() < as_of
        assert seen.height == small_shop.orders.filter(pl.col("ordered_at") < as_of).collect().height
        assert data.observed_until == as_of
        assert (horizons, seed) == (HORIZONS, 7)
        with pytest.raises(HorizonNotObserved):
            outcomes(data, as_of, 1).collect()


def test_rows_after_the_cutoff_change_no_prediction(small_shop):
    later = small_shop.orders.with_columns(
        amount_minor=pl.when(pl.col("ordered_at") >= CUTOFF).then(9_990_000).otherwise("amount_minor")
    )
    changed = replace(small_shop, orders=later)
    first, second = Spy(), Spy()
    backtest(small_shop, [CUTOFF], [first], horizons=HORIZONS, bootstrap=0)
    backtest(changed, [CUTOFF], [second], horizons=HORIZONS, bootstrap=0)
    assert first.given[0][0].orders.collect().equals(second.given[0][0].orders.collect())


def test_metrics_worked_by_hand(few_orders):
    # after 15 February: anna 1 order of 30.0 on day 15, bert nothing, cleo 1 order of 4.0 on day 24
    result = backtest(few_orders, [CUTOFF], [Spy()], horizons=HORIZONS, bootstrap=0)
    assert values(result, "spy", "orders") == {
        "gini": 0.0,
        "spearman": None,
        "rmse": pytest.approx(math.sqrt(1 / 3)),
        "mae": pytest.approx(1 / 3),
        "wape": 0.5,
        "bias": 0.5,
    }
    clv = values(result, "spy", "clv")
    assert clv["mae"] == pytest.approx((10 + 20 + 16) / 3)
    assert clv["bias"] == pytest.approx(60 / 34 - 1)
    assert clv["top10_capture"] == pytest.approx(0.1)
    assert (clv["coverage"], clv["interval_width"]) == (1.0, 50.0)
    # bert and cleo bought nothing within 20 days
    assert values(result, "spy", "churn") == {
        "auc": 0.5,
        "average_precision": pytest.approx(2 / 3),
        "log_loss": pytest.approx(math.log(2)),
        "brier": 0.25,
        "ece": pytest.approx(2 / 3 - 0.5),
        "bias": pytest.approx(0.75 - 1),
    }
    # nobody bought within 10 days
    order = values(result, "spy", "order_10d")
    assert (order["auc"], order["average_precision"], order["bias"]) == (None, None, None)
    assert order["brier"] == 0.0625
    assert values(result, "spy", "next_order") == {
        "median_abs_error_days": 9.5,
        "within_7_days": 0.5,
        "concordance": 0.5,
        "concordance_by_risk": 0.5,
        "coverage": 1.0,
        "interval_width": 39.0,
    }


def test_an_oracle_makes_no_mistake(small_shop):
    result = backtest(small_shop, [CUTOFF], [Oracle(small_shop)], horizons=HORIZONS, bootstrap=0)
    perfect = {
        "orders": {"gini": 1, "spearman": 1, "rmse": 0, "mae": 0, "wape": 0, "bias": 0},
        "clv": {
            "gini": 1,
            "spearman": 1,
            "rmse": 0,
            "mae": 0,
            "wape": 0,
            "bias": 0,
            "coverage": 1,
            "interval_width": 2,
        },
        "churn": {"auc": 1, "average_precision": 1, "log_loss": 0, "brier": 0, "ece": 0, "bias": 0},
        "order_10d": {"auc": 1, "average_precision": 1, "log_loss": 0, "brier": 0, "ece": 0, "bias": 0},
        "next_order": {
            "median_abs_error_days": 0,
            "within_7_days": 1,
            "concordance": 1,
            "coverage": 1,
            "interval_width": 2,
        },
    }
    for target, wanted in perfect.items():
        found = values(result, "oracle", target)
        assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=1e-12)


def test_refunds_count_against_spend(small_shop):
    result = backtest(small_shop, ["2025-03-20"], [Oracle(small_shop)], horizons=HORIZONS, bootstrap=0)
    after = outcomes(small_shop, "2025-03-20", 40).collect()
    assert after["spend_in_window"].min() < 0
    known = purchase_summary(small_shop.before("2025-03-20"), "2025-03-20")["customer_id"]
    spend = after.filter(pl.col("customer_id").is_in(known.implode()))["spend_in_window"].sum()
    deciles = result.deciles.filter(pl.col("target") == "clv")
    assert (deciles["actual"] * len(known) / 10).sum() == pytest.approx(spend, rel=1e-9)


def test_frames_have_their_columns_and_order(small_shop):
    recipes = [Spy(), Noisy(), Oracle(small_shop)]
    result = backtest(small_shop, ["2025-03-01", CUTOFF], recipes, horizons=HORIZONS, bootstrap=5, reference="noisy")
    schemas = {
        "table": TABLE_SCHEMA,
        "comparisons": COMPARISON_SCHEMA,
        "deciles": DECILE_SCHEMA,
        "calibration": CALIBRATION_SCHEMA,
        "skipped": SKIPPED_SCHEMA,
    }
    for name, schema in schemas.items():
        assert dict(getattr(result, name).schema) == dict(schema)
    table = result.table
    assert table["cutoff"].is_sorted()
    first = table.filter(pl.col("cutoff") == CUTOFF)
    assert first["target"].unique(maintain_order=True).to_list() == [
        "orders",
        "clv",
        "churn",
        "order_10d",
        "next_order",
    ]
    assert first.filter(target="orders")["rung"].unique(maintain_order=True).to_list() == ["spy", "noisy", "oracle"]
    assert first.select("rung", "target", "metric").is_duplicated().sum() == 0
    assert set(first.filter(rung="noisy")["target"]) == {"orders", "churn"}
    assert table.select(pl.selectors.float().is_nan().any()).row(0) == (False, False, False)
    assert set(result.comparisons["rung"]) == {"spy", "oracle"}
    assert set(result.comparisons["target"]) == {"orders", "churn"}


def test_charts_say_what_the_table_says(small_shop):
    result = backtest(small_shop, [CUTOFF], [Noisy()], horizons=HORIZONS, bootstrap=0)
    known = purchase_summary(small_shop.before(CUTOFF), CUTOFF).height
    assert result.deciles["decile"].to_list() == list(range(1, 11))
    assert result.deciles["customers"].sum() == known
    assert result.deciles["predicted"].is_sorted()
    ratio = result.deciles["predicted"].sum() / result.deciles["actual"].sum() - 1
    assert values(result, "noisy", "orders")["bias"] == pytest.approx(ratio, rel=1e-9)
    gaps = (result.calibration["predicted"] - result.calibration["observed"]).abs().mean()
    assert values(result, "noisy", "churn")["ece"] == pytest.approx(gaps, rel=1e-9)


def test_metrics_are_those_of_the_plain_functions(small_shop):
    result = backtest(small_shop, [CUTOFF], [Noisy()], horizons=HORIZONS, seed=3, bootstrap=0)
    predicted = Noisy().fit_predict(small_shop.before(CUTOFF), CUTOFF, HORIZONS, 3)
    joined = predicted.join(outcomes(small_shop, CUTOFF, 40).collect(), on="customer_id", how="left")
    expected = normalised_gini(joined["orders_in_window"].fill_null(0), joined["predicted_orders"])
    assert values(result, "noisy", "orders")["gini"] == pytest.approx(expected, rel=1e-9)


def test_several_references_each_have_their_comparisons_once(small_shop):
    recipes = [Noisy(), Spy(), Noisy(name="twin")]
    both = backtest(small_shop, [CUTOFF], recipes, horizons=HORIZONS, bootstrap=20, reference=("spy", "noisy"))
    pairs = both.comparisons.filter(target="orders", metric="rmse").select("rung", "reference").rows()
    assert sorted(pairs) == [("noisy", "spy"), ("twin", "noisy"), ("twin", "spy")]
    alone = backtest(small_shop, [CUTOFF], recipes, horizons=HORIZONS, bootstrap=20, reference="noisy")
    of_noisy = [result.comparisons.filter(rung="twin", reference="noisy") for result in (both, alone)]
    assert of_noisy[0].equals(of_noisy[1])
    with pytest.raises(ValueError, match="reference 'nobody'"):
        backtest(small_shop, [CUTOFF], recipes, horizons=HORIZONS, reference=("spy", "nobody"))


def test_comparisons_are_paired(small_shop):
    recipes = [Noisy(), Noisy(name="twin"), Spy()]
    result = backtest(small_shop, [CUTOFF], recipes, horizons=HORIZONS, bootstrap=20)
    twin = result.comparisons.filter(rung="twin")
    assert set(twin["reference"]) == {"noisy"}
    assert twin.select(pl.col("difference", "low", "high").abs().max()).row(0) == (0.0, 0.0, 0.0)
    row = result.comparisons.filter(rung="spy", target="orders", metric="rmse").row(0, named=True)
    gap = values(result, "spy", "orders")["rmse"] - values(result, "noisy", "orders")["rmse"]
    assert row["difference"] == pytest.approx(gap, rel=1e-12)
    assert row["low"] < row["difference"] < row["high"]


def test_intervals_surround_the_value(small_shop):
    result = backtest(small_shop, [CUTOFF], [Noisy()], horizons=HORIZONS, bootstrap=50)
    rows = result.table.filter(pl.col("metric").is_in(["rmse", "mae", "auc", "brier"]))
    assert rows.height == 4
    assert (rows["low"] < rows["value"]).all()
    assert (rows["value"] < rows["high"]).all()


def test_no_resamples_leave_intervals_null(small_shop):
    result = backtest(small_shop, [CUTOFF], [Noisy(), Spy()], horizons=HORIZONS, bootstrap=0)
    for frame in (result.table, result.comparisons):
        assert frame.height
        assert frame["low"].null_count() == frame["high"].null_count() == frame.height


def test_row_order_changes_nothing(small_shop):
    shuffled = replace(small_shop, orders=small_shop.orders.collect().sample(fraction=1.0, shuffle=True, seed=2).lazy())
    plain = backtest(small_shop, [CUTOFF], [Noisy()], horizons=HORIZONS, bootstrap=10)
    other = backtest(shuffled, [CUTOFF], [Noisy(shuffled=True)], horizons=HORIZONS, bootstrap=10)
    for name in ("table", "deciles", "calibration"):
        assert getattr(plain, name).equals(getattr(other, name))


def test_further_cutoffs_and_recipes_change_no_number(small_shop):
    alone = backtest(small_shop, [CUTOFF], [Noisy()], horizons=HORIZONS, bootstrap=10).table
    cutoffs = ["2025-03-01", "2025-02-01", CUTOFF]
    among = backtest(small_shop, cutoffs, [Spy(), Noisy()], horizons=HORIZONS, bootstrap=10).table
    assert among.filter((pl.col("cutoff") == CUTOFF) & (pl.col("rung") == "noisy")).equals(alone)


def test_a_seed_repeats_its_intervals(small_shop):
    first, again, other = (
        backtest(small_shop, [CUTOFF], [Spy()], horizons=HORIZONS, seed=seed, bootstrap=10).table for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert first["value"].equals(other["value"], null_equal=True)
    assert not first["low"].equals(other["low"], null_equal=True)


def test_a_window_that_was_not_observed_is_left_out_with_its_reason(few_orders):
    result = backtest(few_orders, ["2025-03-05"], [Spy()], horizons=HORIZONS, bootstrap=0)
    assert set(result.table["target"]) == {"churn", "order_10d"}
    assert result.skipped["target"].to_list() == ["orders", "clv", "next_order"]
    assert result.skipped["rung"].null_count() == 3
    assert "reaches past 2025-04-01" in result.skipped["reason"][0]


def test_nothing_observed_at_any_cutoff_is_an_error(few_orders):
    with pytest.raises(HorizonNotObserved, match="nothing can be judged at 2 cutoff"):
        backtest(few_orders, ["2025-03-25", "2025-03-26"], [Spy()], horizons=HORIZONS)


def test_a_cutoff_before_the_first_purchase_is_left_out(few_orders):
    result = backtest(few_orders, ["2025-01-01", CUTOFF], [Spy()], horizons=HORIZONS, bootstrap=0)
    assert result.table["cutoff"].unique().to_list() == [CUTOFF]
    assert result.skipped.row(0, named=True) == {
        "cutoff": datetime(2025, 1, 1),
        "rung": None,
        "target": None,
        "reason": "no customer bought before the cutoff",
    }


def test_a_recipe_that_cannot_be_fitted_is_listed_and_the_others_go_on(few_orders):
    result = backtest(few_orders, [CUTOFF], [Refuser(), Spy()], horizons=HORIZONS, bootstrap=3)
    assert set(result.table["rung"]) == {"spy"}
    assert result.comparisons.is_empty()
    assert result.skipped.select("rung", "target", "reason").rows() == [("refuser", None, TOO_FEW)]


def test_no_recipe_can_be_fitted(few_orders):
    result = backtest(few_orders, [CUTOFF], [Refuser()], horizons=HORIZONS, bootstrap=3)
    assert result.table.is_empty()
    assert result.skipped.height == 1


def test_a_shop_without_amounts_has_no_spend_to_judge():
    rows = [("anna", datetime(2025, 1, day)) for day in (1, 9, 20)] + [("bert", datetime(2025, 1, 5))]
    data = shop_of(rows, observed_until="2025-04-01")
    result = backtest(data, ["2025-01-15"], [Spy()], horizons=HORIZONS, bootstrap=0)
    assert "clv" not in set(result.table["target"])
    assert result.skipped.select("target", "reason").rows() == [("clv", "the orders carry no amounts")]


def test_no_date_is_read_as_the_day_after_the_window_and_ranks_last(few_orders):
    def dated(anna, cleo):
        frame = pl.DataFrame({"customer_id": ["anna", "bert", "cleo"], "next_order_days": [anna, None, cleo]})
        frame = frame.with_columns(pl.col("next_order_days").cast(pl.Float64))
        result = backtest(few_orders, [CUTOFF], [Fixed(frame)], horizons=HORIZONS, bootstrap=0)
        return values(result, "fixed", "next_order")

    # days 15 and 24; bert bought nothing
    assert dated(15.0, 24.0)["concordance"] == 1.0
    # anna against bert is a tie, anna against cleo is wrong, cleo against bert is right
    missing = dated(None, 24.0)
    assert missing["concordance"] == pytest.approx(1.5 / 3)
    assert missing["median_abs_error_days"] == pytest.approx(((41 - 15) + 0) / 2)


def test_unsound_predictions_name_the_recipe_and_the_count(few_orders):
    frame = pl.DataFrame({"customer_id": ["anna"], "predicted_orders": [1.0]})
    with pytest.raises(DataError, match=r"recipe 'fixed'(?s:.*)customers of 3 without a prediction \[2\]"):
        backtest(few_orders, [CUTOFF], [Fixed(frame)], horizons=HORIZONS)


@pytest.mark.parametrize(
    ("cutoffs", "recipes", "options", "error", "text"),
    [
        ([], [Spy()], {}, ValueError, "at least one cutoff"),
        ([CUTOFF], [], {}, ValueError, "at least one recipe"),
        ([CUTOFF], [Spy(), Spy()], {}, ValueError, "different names"),
        ([CUTOFF], [Spy()], {"reference": "spi"}, ValueError, "Did you mean 'spy'"),
        (["2025-05-01"], [Spy()], {}, WindowError, "observed_until"),
        (["yesterday"], [Spy()], {}, WindowError, "not a date"),
    ],
)
def test_unsound_requests_are_refused(few_orders, cutoffs, recipes, options, error, text):
    with pytest.raises(error, match=text):
        backtest(few_orders, cutoffs, recipes, horizons=HORIZONS, **options)


def test_cutoffs_given_twice_are_judged_once(few_orders):
    result = backtest(few_orders, [CUTOFF, "2025-02-15"], [Spy()], horizons=HORIZONS, bootstrap=0)
    assert not result.table.select("cutoff", "rung", "target", "metric").is_duplicated().any()


def test_of_many_customers_a_sample_stands_for_all(small_shop):
    spy = Spy()
    result = backtest(small_shop, [CUTOFF], [spy, Oracle(small_shop)], horizons=HORIZONS, most_customers=20)
    seen = spy.given[0][0]
    some = set(seen.orders.collect()["customer_id"])
    # Twenty are chosen by hash: about so many.
    assert 10 <= len(some) <= 30
    assert seen.observed_until == small_shop.before(CUTOFF).observed_until
    assert result.deciles.filter(rung="spy", target="orders")["customers"].sum() == len(some)
    # Who is chosen does not depend on what came later, and all rows before the cutoff of who is are seen.
    again = Spy()
    short = replace(small_shop, orders=small_shop.orders.filter(pl.col("ordered_at") < CUTOFF + timedelta(days=60)))
    backtest(short, [CUTOFF], [again], horizons=HORIZONS, most_customers=20)
    past = small_shop.before(CUTOFF).orders.filter(pl.col("customer_id").is_in(some)).collect()
    assert again.given[0][0].orders.collect().equals(seen.orders.collect())
    assert seen.orders.collect().equals(past)


@pytest.mark.parametrize("stated", [True, False])
def test_a_sample_is_observed_as_the_shop_is_and_as_far_as_it_was_stated(small_shop, stated):
    spy = Spy()
    backtest(
        replace(small_shop, observed_until_given=stated),
        [CUTOFF],
        [spy],
        horizons=HORIZONS,
        bootstrap=0,
        most_customers=20,
    )
    # Stated by mistake, a recipe that looks at the cutoff would be told that nothing is known of the days before it.
    assert spy.given[0][0].observed_until_given is stated


def test_as_many_customers_as_may_be_judged_are_all_judged(small_shop):
    known = purchase_summary(small_shop, CUTOFF).height
    all_of_them = backtest(small_shop, [CUTOFF], [Spy()], horizons=HORIZONS, bootstrap=0)
    few_enough = backtest(small_shop, [CUTOFF], [Spy()], horizons=HORIZONS, bootstrap=0, most_customers=known)
    assert few_enough.table.equals(all_of_them.table)
