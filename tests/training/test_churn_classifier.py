"""The churn classifier: chosen, calibrated and judged on separate customers; told in words; at home in scikit-learn."""

import pickle
import warnings

import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from sklearn.base import clone

import foretell as ft
from foretell.errors import DataWarning, LeakageError, NotFitted
from foretell.evaluation.probabilities import auc, log_loss
from foretell.training.churn_candidates import FittedChurn, Settings, held_out_risks, stratified_folds

ROWS = 1000


def subscribers(rows=ROWS, seed=1):
    rng = np.random.default_rng(seed)
    tenure = rng.integers(1, 72, rows)
    plan = rng.choice(["monthly", "yearly"], rows, p=[0.6, 0.4])
    charges = np.round(rng.normal(60, 20, rows), 2)
    charges[rng.random(rows) < 0.1] = np.nan
    true = 0.8 - 0.06 * tenure - 1.4 * (plan == "yearly") + 0.9 * (np.nan_to_num(charges, nan=60) > 75)
    return pl.DataFrame(
        {
            "customer_id": [f"C{number}" for number in rng.permutation(90_000)[:rows]],
            "tenure": tenure,
            "plan": plan,
            "charges": pl.Series(charges).fill_nan(None),
            "paperless": rng.random(rows) < 0.5,
            "gone": rng.random(rows) < expit(true),
        }
    ), expit(true)


@pytest.fixture(scope="module")
def frame():
    return subscribers()[0]


@pytest.fixture(scope="module")
def fitted(frame):
    return ft.ChurnClassifier(seed=3).fit(frame, "gone")


def value(model, metric, *, of="churn_classifier"):
    return model.evaluation_.filter(model=of, metric=metric).row(0, named=True)


def test_the_record_is_what_new_customers_show(fitted):
    new, true = subscribers(rows=20_000, seed=2)
    risk = fitted.predict(new, reasons=False)["churn_risk"].to_numpy()
    happened = new["gone"].to_numpy().astype(float)
    for metric, function in (("auc", auc), ("log_loss", log_loss)):
        record = value(fitted, metric)
        assert record["low"] <= function(happened, risk) <= record["high"]
    # 1,000 customers teach a risk to about sqrt(6 effects x .16 / 1000) = .03 on average; .05 leaves room for trees
    assert np.abs(risk - true).mean() < 0.05
    assert risk.mean() == pytest.approx(true.mean(), rel=0.08)
    assert value(fitted, "log_loss")["high"] < value(fitted, "log_loss", of="base_rate")["low"]


def test_answers_come_in_the_order_of_the_rows(frame, fitted):
    answers = fitted.predict(frame)
    assert answers.schema == {
        "customer_id": pl.String,
        "churn_risk": pl.Float64,
        "churn_band": pl.String,
        "reason_1": pl.String,
        "reason_2": pl.String,
        "reason_3": pl.String,
        "prediction_status": pl.String,
    }
    assert answers["customer_id"].equals(frame["customer_id"])
    assert set(answers["prediction_status"]) == {"ok"}
    bands = answers.group_by("churn_band").agg(low=pl.col("churn_risk").min(), high=pl.col("churn_risk").max())
    by_band = {row["churn_band"]: row for row in bands.to_dicts()}
    assert by_band["low"]["high"] < 0.33 <= by_band["medium"]["low"]
    assert by_band["medium"]["high"] < 0.66 <= by_band["high"]["low"]
    assert fitted.predict(frame.clear()).schema == answers.schema


def test_an_answer_depends_on_the_customers_own_row_only(frame, fitted):
    whole = fitted.predict(frame)
    parts = pl.concat([fitted.predict(frame[start : start + 97]) for start in range(0, ROWS, 97)])
    turned = fitted.predict(frame.select(reversed(frame.columns)).reverse()).reverse()
    assert whole.equals(parts)
    assert whole.equals(turned)


def test_reasons_name_column_value_and_direction(fitted):
    rows = pl.DataFrame(
        {
            "customer_id": ["a", "b"],
            "tenure": [1, 70],
            "plan": ["monthly", "yearly"],
            "charges": [110.5, None],
            "paperless": [True, None],
        }
    )
    first, second = fitted.predict(rows).select("reason_1", "reason_2", "reason_3").rows()
    typical = f"{fitted.typical_['tenure']:.0f}"
    assert f"tenure is 1 (typical {typical}), raises the risk" in first
    assert any(reason.startswith("charges is 110.5 (typical ") and "raises" in reason for reason in first)
    assert second[0] == f"tenure is 70 (typical {typical}), lowers the risk"
    assert second[1] == "plan is yearly, lowers the risk"
    assert second[2] in {None, "charges is not known, raises the risk", "charges is not known, lowers the risk"}
    assert set(fitted.predict(rows, reasons=False)["reason_1"]) == {None}


def test_the_outcome_may_be_told_in_several_ways(frame):
    few = frame.head(200)
    expected = ft.ChurnClassifier(folds=3).fit(few, "gone").predict(few, reasons=False)
    for column, positive in (
        (pl.col("gone").cast(pl.Int8), None),
        (pl.col("gone").cast(pl.Float64), None),
        (pl.when("gone").then(pl.lit("Yes")).otherwise(pl.lit("No")), "Yes"),
    ):
        again = ft.ChurnClassifier(folds=3).fit(few.with_columns(column.alias("gone")), "gone", positive=positive)
        assert again.predict(few, reasons=False).equals(expected)


def test_it_has_the_manners_of_scikit_learn(frame, fitted):
    with pytest.raises(NotFitted, match="fit\\(frame, label\\)"):
        ft.ChurnClassifier().predict(frame)
    params = {"seed": 3, "features": None, "allow": (), "threads": 1, "folds": 5, "band_edges": (0.33, 0.66)}
    assert fitted.get_params() == params
    fresh = clone(fitted).set_params(folds=4)
    assert fresh.get_params() == params | {"folds": 4}
    assert not hasattr(fresh, "fitted_")
    copy = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - our own bytes
    assert copy.predict(frame).equals(fitted.predict(frame))


def test_repetition_changes_nothing(frame, fitted):
    again = ft.ChurnClassifier(seed=3).fit(frame, "gone")
    assert again.predict(frame).equals(fitted.predict(frame))
    assert again.evaluation_.equals(fitted.evaluation_)


def test_threads_change_nothing():
    few = subscribers(rows=120)[0]
    one, two = (ft.ChurnClassifier(threads=threads, folds=3).fit(few, "gone") for threads in (1, 2))
    assert one.predict(few).equals(two.predict(few))


def test_judges_take_no_part_in_fitting_choosing_or_calibrating(monkeypatch):
    seen = []
    original = FittedChurn.fit.__func__

    def spy(cls, matrix, actual, settings):
        seen.append(matrix[:, 0].copy())
        return original(cls, matrix, actual, settings)

    monkeypatch.setattr(FittedChurn, "fit", classmethod(spy))
    matrix = np.column_stack([np.arange(300.0), np.random.default_rng(4).normal(size=300)])
    actual = (np.arange(300) % 3 == 0).astype(float)
    judged = [rows for rows, _ in held_out_risks(matrix, actual, Settings((0, 0), 5, 0, 1))]
    assert np.array_equal(np.sort(np.concatenate(judged)), np.arange(300))
    for rows, fit in zip(judged, seen, strict=True):
        assert not set(rows) & set(fit.astype(int))
        assert len(rows) + len(fit) == 300


def test_a_large_frame_is_judged_on_enough_rows_and_learnt_from_a_sample(monkeypatch):
    from foretell.training import churn_classifier

    monkeypatch.setattr(churn_classifier, "_MOST_ROWS", 150)
    monkeypatch.setattr(churn_classifier, "_ENOUGH_JUDGED", 60)
    judged = []
    original = churn_classifier.evaluation_table
    monkeypatch.setattr(
        churn_classifier, "evaluation_table", lambda y, p, *, seed: judged.append(y.size) or original(y, p, seed=seed)
    )
    many = subscribers(rows=300)[0]
    model = ft.ChurnClassifier().fit(many, "gone")
    assert judged == [60]
    assert model.predict(many, reasons=False).height == 300


def test_folds_have_their_share_of_a_rare_class():
    actual = (np.arange(200) < 10).astype(float)
    fold = stratified_folds(actual, 5, seed=1)
    assert [actual[fold == number].sum() for number in range(5)] == [2.0] * 5


@pytest.mark.parametrize("seed", range(2))
def test_shuffled_outcomes_are_not_predicted(seed):
    shuffled = subscribers(rows=500, seed=seed)[0].with_columns(pl.col("gone").shuffle(seed=seed))
    model = ft.ChurnClassifier(seed=seed, folds=3).fit(shuffled, "gone")
    record = value(model, "auc")
    assert record["low"] <= 0.5 <= record["high"]
    # on average over shuffles; the one-standard-error rule lets a candidate in only where chance helps
    assert model.predict(shuffled, reasons=False)["churn_risk"].std() < 0.1


def test_customers_who_are_all_alike_get_the_base_rate(frame):
    alike = frame.select("customer_id", "gone", tenure=pl.lit(5), plan=pl.lit("monthly"), empty=pl.lit(None))
    model = ft.ChurnClassifier().fit(alike, "gone")
    answers = model.predict(alike)
    assert model.chosen_ == "base_rate"
    assert model.left_out_ == {"tenure": "is the same for all", "plan": "is the same for all", "empty": "has no value"}
    assert set(answers["prediction_status"]) == {"base_rate"}
    assert set(answers["reason_1"]) == {None}
    # the calibrator may move the level by its shrinkage only
    assert answers["churn_risk"].unique().to_list() == pytest.approx([frame["gone"].mean()], abs=1e-6)


def test_ten_of_a_class_are_enough_for_every_fold():
    rng = np.random.default_rng(5)
    rare = pl.DataFrame({"customer_id": range(60), "visits": rng.random(60), "gone": rng.permutation(60) < 10})
    model = ft.ChurnClassifier().fit(rare, "gone")
    assert model.predict(rare)["churn_risk"].is_between(0, 1, closed="none").all()


def test_news_at_scoring_counts_as_missing_and_is_said(frame, fitted):
    news = frame.head(50).with_columns(
        charges=pl.lit(None), plan=pl.when(pl.int_range(50) < 3).then(pl.lit("weekly")).otherwise("plan")
    )
    with pytest.warns(DataWarning, match="'plan' has categories in 3 rows .* 'charges' has no value in any row"):
        answers = fitted.predict(news)
    missing = news.with_columns(plan=pl.when(pl.int_range(50) < 3).then(None).otherwise("plan"))
    with pytest.warns(DataWarning):
        assert fitted.predict(missing)["churn_risk"].equals(answers["churn_risk"])
    nothing = frame.head(3).with_columns(pl.lit(None).alias(name) for name in fitted.features_)
    with pytest.warns(DataWarning):
        assert set(fitted.predict(nothing)["prediction_status"]) == {"no_features"}


def test_what_says_who_somebody_is_is_never_a_feature(frame):
    private = frame.with_columns(
        email=pl.col("customer_id") + "@shop.example",
        kontakt=pl.col("customer_id") + "@shop.example",
        FirstName=pl.lit("Ann"),
        mobile=pl.int_range(pl.len()) % 97,
        billing_phone=pl.lit("1"),
        consent_ads=pl.col("paperless"),
        accountId=pl.int_range(pl.len()),
        note=pl.col("customer_id") + "x",
        signed_up=pl.lit("2025-01-01").str.to_date(),
        PhoneService=pl.col("paperless"),
    )
    model = ft.ChurnClassifier(seed=3).fit(private, "gone")
    assert model.features_ == ("tenure", "plan", "charges", "paperless", "PhoneService")
    assert set(model.left_out_) == {
        *("email", "kontakt", "FirstName", "mobile", "billing_phone", "consent_ads", "accountId", "note", "signed_up")
    }
    for name in ("email", "kontakt", "billing_phone", "mobile"):
        assert model.left_out_[name] == "says who the customer is"
    with pytest.raises(ft.ColumnMismatch, match=r"'email' says who .* 'consent_ads' is a consent.* 'accountId' is an"):
        ft.ChurnClassifier(features=["tenure", "email", "consent_ads", "accountId"]).fit(private, "gone")


def test_leaks_are_refused_by_name_unless_allowed(frame):
    leaky = frame.head(300).with_columns(
        refund=pl.col("gone").cast(pl.Float64) * 20,
        closed_on=pl.date(2025, 4, 30) + pl.duration(days=pl.col("tenure") % 9),
    )
    with pytest.raises(LeakageError, match="refund") as caught:
        ft.ChurnClassifier(folds=3).fit(leaky, "gone")
    assert caught.value.columns == ("refund",)
    with pytest.raises(LeakageError, match="closed_on"):
        ft.ChurnClassifier(folds=3).fit(leaky.drop("refund"), "gone", as_of="2025-05-01")
    allowed = ft.ChurnClassifier(folds=3, allow=("refund",)).fit(leaky, "gone")
    assert value(allowed, "auc")["value"] == 1.0
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ft.ChurnClassifier(folds=3, features=("tenure",)).fit(leaky, "gone")
    assert said == []
