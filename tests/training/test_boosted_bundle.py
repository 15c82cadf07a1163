"""A boosted bundle: what may not change one byte of it."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from boosted_shops import AS_OF, HORIZONS, QUICK, incoherent, predictions, quick_recipe, rhythmic
from foretell.bundles.bundle import Bundle
from foretell.bundles.files import bundle_files
from foretell.tables.dataset import CustomerData
from foretell.training.boosted_recipe import BoostedRecipe


def test_the_shop_tests_what_it_should(boosted_shop: CustomerData, boosted: Bundle) -> None:
    """Without trees in every answer, and customers who come later, the tests below would be empty."""
    refinement = boosted.refinement
    assert refinement is not None
    assert all(trees.boosters and trees.weight > 0 for trees in refinement.trees.values())
    assert all(any(booster.rounds for booster in trees.boosters) for trees in refinement.trees.values())
    assert refinement.spread is not None
    assert refinement.tail.share > 0
    assert not refinement.level.reason
    assert boosted_shop.orders.filter(pl.col("ordered_at") >= AS_OF).collect().height > 100
    assert incoherent(predictions(boosted_shop, boosted), HORIZONS) == []


def test_rows_at_or_after_the_cutoff_change_no_byte(boosted_shop: CustomerData, boosted: Bundle) -> None:
    past = boosted_shop.orders.filter(pl.col("ordered_at") < AS_OF).drop("row_number").collect()
    copies = past.with_columns(ordered_at=pl.col("ordered_at") + timedelta(days=250))
    strangers = copies.with_columns(customer_id="new-" + pl.col("customer_id"), amount_minor=pl.lit(7, pl.Int64))
    at_once = past.head(50).with_columns(ordered_at=pl.lit(AS_OF, pl.Datetime("us")))
    refunds = at_once.with_columns(amount_minor=-pl.col("amount_minor"))
    other = CustomerData.from_orders(
        pl.concat([strangers, copies, at_once, refunds, past]), observed_until=AS_OF + timedelta(days=400)
    )
    assert bundle_files(quick_recipe().fit(other, AS_OF, HORIZONS)) == bundle_files(boosted)


def test_the_order_of_rows_changes_no_byte(boosted_shop: CustomerData, boosted: Bundle) -> None:
    rows = boosted_shop.orders.drop("row_number").collect()
    shuffled = CustomerData.from_orders(
        rows.sample(fraction=1.0, shuffle=True, seed=2), observed_until=boosted_shop.observed_until
    )
    assert bundle_files(quick_recipe().fit(shuffled, AS_OF, HORIZONS)) == bundle_files(boosted)


def test_the_number_of_threads_changes_no_byte(boosted_shop: CustomerData) -> None:
    # Few trees: on a busy machine, two threads wait for one another at every split.
    few = replace(QUICK, max_rounds=3)
    one, two = (BoostedRecipe(params=few, threads=count).fit(boosted_shop, AS_OF, HORIZONS) for count in (1, 2))
    assert one.refinement is not None
    assert any(booster.rounds for trees in one.refinement.trees.values() for booster in trees.boosters)
    assert bundle_files(one) == bundle_files(two)


def test_the_card_names_every_answer_and_what_was_done_about_giants(boosted: Bundle) -> None:
    card = bundle_files(boosted)["MODEL_CARD.md"].decode()
    for answer in ("return", "churn", "order", "orders", "spend"):
        assert f"- {answer}: taken: trees gain" in card
    assert "order values drawn in above" in card
    assert "most predicted for one customer" in card


@pytest.mark.slow
def test_another_seed_is_another_bundle_and_the_same_seed_the_same(boosted_shop: CustomerData, boosted: Bundle) -> None:
    assert bundle_files(quick_recipe().fit(boosted_shop, AS_OF, HORIZONS, 1)) != bundle_files(boosted)
    assert bundle_files(quick_recipe().fit(rhythmic(), AS_OF, HORIZONS, 0)) == bundle_files(boosted)
