"""Corrected answers: coherent at any horizons, the same in any bucket, harmless where a feature is missing."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from boosted_shops import AS_OF, incoherent, predictions
from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle
from foretell.bundles.refinement import Refinement, Trees
from foretell.scoring.base import Horizon, horizon, order_values
from foretell.scoring.known import Known, known_at
from foretell.scoring.predict import predict
from foretell.scoring.reasons import explain_bucket
from foretell.scoring.refine import event_offset, margins, probability, refine
from foretell.scoring.score import score_bucket
from foretell.tables.dataset import CustomerData
from foretell.windows import Horizons


def parts_of(data: CustomerData, names: list[list[str]]) -> list[CustomerData]:
    return [
        replace(data, orders=data.orders.filter(pl.col("customer_id").is_in(some)), observed_until_given=True)
        for some in names
    ]


def learnt(bundle: Bundle) -> Refinement:
    assert bundle.refinement is not None
    return bundle.refinement


@pytest.mark.parametrize("buckets", [2, 7, 50])
def test_buckets_put_together_are_the_whole_to_the_last_bit(
    boosted_shop: CustomerData, boosted: Bundle, buckets: int
) -> None:
    stored = StoredBundle(boosted, "v")
    whole = score_bucket(boosted_shop, stored, AS_OF)
    ids = whole["customer_id"].to_list()
    groups = [ids[start::buckets] for start in range(buckets)]
    parts = pl.concat([score_bucket(part, stored, AS_OF) for part in parts_of(boosted_shop, groups)])
    assert_frame_equal(parts.sort("customer_id"), whole, check_exact=True)


def test_parts_in_memory_are_the_whole_to_the_last_bit(
    boosted_shop: CustomerData, boosted: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = StoredBundle(boosted, "v")
    whole = score_bucket(boosted_shop, stored, AS_OF)
    told = explain_bucket(boosted_shop, boosted, whole["customer_id"], AS_OF)
    sizes = []
    for module in ("score", "reasons"):
        monkeypatch.setattr(f"foretell.scoring.{module}.MOST_AT_ONCE", 60)
    described = Known.described
    monkeypatch.setattr(Known, "described", lambda self, chosen: sizes.append(chosen.sum()) or described(self, chosen))
    assert_frame_equal(score_bucket(boosted_shop, stored, AS_OF), whole, check_exact=True)
    assert_frame_equal(explain_bucket(boosted_shop, boosted, whole["customer_id"], AS_OF), told, check_exact=True)
    assert sum(sizes) == 2 * whole.height
    assert 50 < min(sizes) <= max(sizes) <= 60


def test_a_customer_alone_is_scored_as_among_all(boosted_shop: CustomerData, boosted: Bundle) -> None:
    whole = predictions(boosted_shop, boosted)
    for name in whole["customer_id"].to_list()[:300:23]:
        (alone,) = parts_of(boosted_shop, [[name]])
        assert_frame_equal(predictions(alone, boosted), whole.filter(customer_id=name), check_exact=True)


def test_the_answers_are_the_formula(boosted_shop: CustomerData, boosted: Bundle) -> None:
    """Written out once more for the spend and one event, straight from the definitions of the stored values."""
    known = known_at(boosted_shop, AS_OF, with_features=True)
    learnt_ = learnt(boosted)
    added, refined = margins(known, boosted), refine(known, boosted, learnt_)
    days = boosted.horizons.clv_days
    expected = horizon(boosted.purchase_model, known.summary, days)
    assert boosted.spend_model is not None
    assert learnt_.ceiling is not None
    spend = expected.orders * order_values(boosted.spend_model, known.summary)
    spend *= np.exp(learnt_.level.log_orders(AS_OF, days) + learnt_.level.log_value() + learnt_.trees["spend"].shift)
    spend *= np.exp(learnt_.trees["spend"].weight * added["spend"] + learnt_.spend_orders_weight * added["orders"])
    pooled = np.where(spend <= learnt_.tail.threshold, learnt_.tail.mean, spend)
    assert refined.spend == pytest.approx(learnt_.ceiling.limited(pooled), rel=1e-9)
    churn = horizon(boosted.purchase_model, known.summary, boosted.horizons.churn_days)
    factor = learnt_.level.log_orders(AS_OF, churn.days) + learnt_.hazard_shift["churn"]
    p = 1 - np.exp(np.exp(factor) * np.log1p(-churn.p_order))
    trees = learnt_.trees["churn"]
    offset = np.log(p / (1 - p))
    thumb = np.log(churn.days / known.summary["days_since_last_order"].to_numpy())
    linear = trees.shift + trees.slope * offset + trees.weight * added["churn"] + trees.naive * (thumb - offset)
    # Probabilities next to 0 or 1 are clipped before the log-odds.
    assert refined.p_stay == pytest.approx(1 / (1 + np.exp(-linear)), rel=1e-6, abs=1e-9)


def test_the_level_keeps_the_total_and_trees_only_move_it_about(boosted_shop: CustomerData, boosted: Bundle) -> None:
    known, learnt_ = known_at(boosted_shop, AS_OF, with_features=True), learnt(boosted)
    days = boosted.horizons.clv_days
    expected = horizon(boosted.purchase_model, known.summary, days).orders
    total = expected.sum() * np.exp(learnt_.level.log_orders(AS_OF, days))
    refined = refine(known, boosted, learnt_)
    # Coherence may lift single customers up to the probability of a purchase.
    assert total <= refined.orders.sum() * (1 + 1e-9)
    assert refined.orders.sum() < 1.05 * total
    assert np.corrcoef(refined.orders, expected)[0, 1] < 0.95


def test_a_feature_that_is_null_at_scoring_is_unknown_and_no_error(boosted_shop: CustomerData, boosted: Bundle) -> None:
    known = known_at(boosted_shop, AS_OF, with_features=True)
    assert known.features is not None
    for name in known.features.columns[1::9]:
        blank = known.features.with_columns(pl.lit(None).alias(name))
        assert incoherent(predict(replace(known, features=blank), boosted), boosted.horizons) == []


def test_orders_without_money_get_no_money(boosted_shop: CustomerData, boosted: Bundle) -> None:
    counts = replace(boosted_shop, orders=boosted_shop.orders.with_columns(amount_minor=pl.lit(0, pl.Int64)))
    predicted = predictions(counts, boosted)
    assert incoherent(predicted, boosted.horizons) == []


def test_a_month_later_and_years_later_the_answers_stay_sound(boosted_shop: CustomerData, boosted: Bundle) -> None:
    stale = replace(boosted_shop, observed_until_given=False)
    for as_of in ("2025-08-31", "2027-01-01", "2035-01-01"):
        predicted = predict(known_at(stale, as_of, with_features=True), boosted)
        assert incoherent(predicted, boosted.horizons) == []


@given(
    days=st.tuples(*[st.integers(1, 60)] * 3)
    | st.sampled_from([(30, 30, 30), (30, 20, 30), (20, 30, 30), (30, 30, 20)]),
    shifts=st.tuples(*[st.sampled_from([-3.0, -1.0, 0.0, 0.5, 2.0])] * 4),
)
@example(days=(30, 20, 10), shifts=(0.0, 0.0, 0.0, -3.0))
@settings(max_examples=40)
def test_answers_are_coherent_at_any_horizons_and_corrections(
    few_customers: CustomerData, boosted: Bundle, days: tuple[int, int, int], shifts: tuple[float, ...]
) -> None:
    learnt_ = learnt(boosted)
    trees = {
        name: Trees(shift=shift, slope=1 + shift / 6)
        for name, shift in zip(("return", "churn", "order", "orders"), shifts, strict=True)
    }
    wild = replace(learnt_, trees={**trees, "spend": Trees()}, encoding=None)
    bundle = replace(boosted, horizons=Horizons(*days), refinement=wild)
    assert incoherent(predictions(few_customers, bundle), bundle.horizons) == []


@pytest.fixture(scope="module")
def few_customers(boosted_shop: CustomerData) -> CustomerData:
    names = [f"c{number:04}" for number in range(0, 500, 12)]
    return parts_of(boosted_shop, [names])[0]


def test_an_offset_is_the_probability_at_another_hazard() -> None:
    p = np.array([0.1, 0.5, 0.9])
    same, doubled = (event_offset(Horizon(30, p, p), np.log(factor)) for factor in (1.0, 2.0))
    assert 1 / (1 + np.exp(-same)) == pytest.approx(p, rel=1e-12)
    # Twice the hazard: nobody comes with probability (1 − p)².
    assert 1 / (1 + np.exp(-doubled)) == pytest.approx(1 - (1 - p) ** 2, rel=1e-12)


def test_probabilities_never_reach_their_ends() -> None:
    p = probability(np.array([-1e3, 1e3]), Trees(shift=50.0), 0.0, 0.0)
    assert ((p > 0) & (p < 1)).all()
