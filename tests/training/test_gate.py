"""The gate: promoted unless significantly worse than the naive rate, or than the champion where that is fair."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl
import pytest

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle
from foretell.bundles.record import RECORD_SCHEMAS
from foretell.models.cnbd import MBGCNBD
from foretell.tables.dataset import CustomerData
from foretell.training import gate
from foretell.training.boosted_recipe import TREES
from foretell.training.gate import Decision, FittedBundle, decide
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.training.shop import ShopInMemory
from foretell.training.study import SPACE
from foretell.training.tuning import Tuned
from foretell.windows import Horizons


def decided(candidate: Bundle, champion: StoredBundle | None, data: CustomerData) -> Decision:
    return decide(candidate, champion, ShopInMemory.of(data, candidate.as_of))


def judged(bundle: Bundle, *, low: float, high: float) -> Bundle:
    rows = [
        ("2025-01-02T00:00:00", "purchase", "naive_rate", target, metric, (low + high) / 2, low, high)
        for target, metric in (("orders", "rmse"), ("clv", "rmse"), ("churn", "log_loss"))
    ]
    frame = pl.DataFrame(rows, schema=dict(RECORD_SCHEMAS["comparisons"]), orient="row")
    table = pl.DataFrame({"cutoff": ["2025-01-02T00:00:00"]}).join(bundle.record["backtest"], on="cutoff", how="left")
    return replace(bundle, record={**bundle.record, "backtest": table, "comparisons": frame})


def test_the_first_bundle_needs_only_not_to_be_worse_than_naive(bundle: Bundle, big_shop: CustomerData) -> None:
    better = decided(judged(bundle, low=-0.3, high=-0.1), None, big_shop)
    alike = decided(judged(bundle, low=-0.1, high=0.1), None, big_shop)
    worse = decided(judged(bundle, low=0.1, high=0.3), None, big_shop)
    assert (better.promote, alike.promote, worse.promote) == (True, True, False)
    assert "better than naive_rate" in better.reasons[0]
    assert "worse than naive_rate by +0.2 [+0.1, +0.3]" in worse.reasons[0]
    assert (better.refusals, worse.refusals) == ((), worse.reasons)


def test_only_the_bundles_own_rung_on_the_newest_window_decides(bundle: Bundle, big_shop: CustomerData) -> None:
    """An older window and another rung that were far worse than naive change neither the answer nor the reasons."""
    fine = judged(bundle, low=-0.3, high=-0.1)
    rows = fine.record["comparisons"]
    worse = [pl.lit(value).alias(name) for name, value in (("difference", 9.0), ("low", 8.0), ("high", 10.0))]
    older = rows.with_columns(*worse, cutoff=pl.lit("2024-07-06T00:00:00"))
    other = rows.with_columns(*worse, rung=pl.lit("pareto"))
    mixed = replace(fine, record={**fine.record, "comparisons": pl.concat([older, other, rows])})
    assert decided(mixed, None, big_shop) == decided(fine, None, big_shop)
    assert decided(mixed, None, big_shop).promote


def test_a_rung_that_beat_the_chosen_one_on_the_newest_window_is_told_and_refuses_nothing(
    bundle: Bundle, big_shop: CustomerData
) -> None:
    fine = judged(bundle, low=-0.3, high=-0.1)
    rows = fine.record["comparisons"]
    beaten = rows.with_columns(rung=pl.lit("pareto"), reference=pl.lit("purchase"))
    told = replace(fine, record={**fine.record, "comparisons": pl.concat([beaten, rows])})
    decision = decide(told, None, big_shop)
    assert decision.promote
    assert any("pareto was better than purchase in orders rmse" in reason for reason in decision.reasons)
    # the same differences, had the bundle been chosen over it
    turned = rows.with_columns(rung=pl.lit("pareto"), reference=pl.lit("purchase"), low=0.1, high=0.3)
    quiet = replace(fine, record={**fine.record, "comparisons": pl.concat([turned, rows])})
    assert decide(quiet, None, big_shop) == decide(fine, None, big_shop)


def test_a_champion_with_other_horizons_is_not_compared(big_shop: CustomerData) -> None:
    old = PurchaseRecipe().fit(big_shop, datetime(2025, 3, 1), Horizons(90, 30, 30))
    candidate = judged(PurchaseRecipe().fit(big_shop, datetime(2025, 7, 1), Horizons(90, 60, 30)), low=-0.3, high=-0.1)
    decision = decided(candidate, StoredBundle(old, "v1"), big_shop)
    assert decision.promote
    assert "other horizons" in decision.reasons[-1]


def test_a_bundle_of_an_older_day_does_not_take_a_newer_champions_place(big_shop: CustomerData) -> None:
    """A backfill would else score tonight's customers with last spring's model; equal days are not older."""
    champion = StoredBundle(PurchaseRecipe().fit(big_shop, datetime(2025, 7, 1), Horizons(90, 30, 30)), "v1")
    for horizons in (Horizons(90, 30, 30), Horizons(90, 60, 30)):
        fitted = PurchaseRecipe().fit(big_shop, datetime(2025, 3, 1), horizons)
        decision = decided(judged(fitted, low=-0.3, high=-0.1), champion, big_shop)
        assert not decision.promote
        assert "as of 2025-03-01, and the champion as of 2025-07-01: an older model" in decision.reasons[-1]
    assert decided(judged(champion.bundle, low=-0.3, high=-0.1), champion, big_shop).promote


def test_an_unjudged_bundle_is_not_promoted(bundle: Bundle, big_shop: CustomerData) -> None:
    decision = decided(bundle, None, big_shop)
    assert not decision.promote
    assert "no past window" in decision.reasons[0]


def test_a_champion_that_has_seen_every_window_is_not_compared(bundle: Bundle, big_shop: CustomerData) -> None:
    candidate = judged(bundle, low=-0.3, high=-0.1)
    decision = decided(candidate, StoredBundle(bundle, "v1"), big_shop)
    assert decision.promote
    assert "not compared" in decision.reasons[-1]


def spoiled(bundle: Bundle) -> Bundle:
    """The same bundle with customers who buy thirty times as often: its level is far off."""
    state = bundle.purchase_model.to_dict()
    state["params"]["alpha"] /= 30
    return replace(bundle, purchase_model=MBGCNBD.from_dict(state))


@dataclass(frozen=True)
class SpoiledRecipe(PurchaseRecipe):
    """The purchase rung gone wrong."""

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:
        return FittedBundle(spoiled(self.fit(data, as_of, horizons))).fit_predict(data, as_of, horizons, seed)


@pytest.mark.parametrize("spoils", ["champion", "candidate"])
def test_the_champion_is_compared_on_windows_after_its_own_cutoff(
    big_shop: CustomerData, monkeypatch: pytest.MonkeyPatch, spoils: str
) -> None:
    horizons = Horizons(90, 60, 30)
    old = PurchaseRecipe().fit(big_shop, datetime(2025, 3, 1), horizons)
    champion = StoredBundle(spoiled(old) if spoils == "champion" else old, "v1")
    if spoils == "candidate":
        monkeypatch.setattr(gate, "scoring_recipes", lambda *_, **__: (SpoiledRecipe(),))
    candidate = judged(PurchaseRecipe().fit(big_shop, datetime(2025, 7, 1), horizons), low=-0.3, high=-0.1)
    decision = decided(candidate, champion, big_shop)
    words = [reason for reason in decision.reasons if "champion" in reason]
    assert len(words) == 3
    assert all("window from 2025-04-02" in word for word in words)
    assert decision.promote == (spoils == "champion")
    assert words[0].startswith(f"orders rmse: {'better' if spoils == 'champion' else 'worse'} than champion")


def test_a_tuned_candidate_is_compared_with_its_own_settings(
    big_shop: CustomerData, monkeypatch: pytest.MonkeyPatch
) -> None:
    horizons = Horizons(90, 60, 30)
    seen = []

    def recipes(_rungs: Sequence[str], tuned: Tuned | None, **_: object) -> tuple[PurchaseRecipe]:
        seen.append(tuned)
        return (PurchaseRecipe(),)

    monkeypatch.setattr(gate, "scoring_recipes", recipes)
    champion = StoredBundle(PurchaseRecipe().fit(big_shop, datetime(2025, 3, 1), horizons), "v1")
    candidate = judged(PurchaseRecipe().fit(big_shop, datetime(2025, 7, 1), horizons), low=-0.3, high=-0.1)
    settings = {name: getattr(TREES, name) for name in SPACE} | {"num_leaves": 5}
    tuning = {"in_use": True, "as_of": "2025-04-02", "settings": settings}
    decided(replace(candidate, card={**candidate.card, "tuning": tuning}), champion, big_shop)
    assert (seen[0].params, seen[0].as_of) == (replace(TREES, num_leaves=5), datetime(2025, 4, 2))


def test_a_fitted_bundle_is_not_judged_on_what_it_has_seen(bundle: Bundle, big_shop: CustomerData) -> None:
    with pytest.raises(AssertionError, match="has seen"):
        FittedBundle(bundle).fit_predict(big_shop, datetime(2025, 6, 30), bundle.horizons, 0)


def test_a_champion_that_knows_no_money_is_compared_on_what_it_answers(big_shop: CustomerData) -> None:
    horizons = Horizons(90, 60, 30)
    counts = replace(big_shop, orders=big_shop.orders.drop("amount_minor"))
    champion = StoredBundle(PurchaseRecipe().fit(counts, datetime(2025, 3, 1), horizons), "v1")
    candidate = judged(PurchaseRecipe().fit(big_shop, datetime(2025, 7, 1), horizons), low=-0.3, high=-0.1)
    words = [reason for reason in decided(candidate, champion, big_shop).reasons if "than champion" in reason]
    assert [word.split(":")[0] for word in words] == ["orders rmse", "churn log_loss"]
