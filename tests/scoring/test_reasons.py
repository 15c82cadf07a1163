"""Reasons add up to the prediction, tell the largest first, and every word of them is true."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from foretell.bundles.bundle import Bundle
from foretell.bundles.card import render_card
from foretell.bundles.files import StoredBundle
from foretell.bundles.refinement import AMOUNTS, EVENTS, Refinement, Trees
from foretell.features.catalogue import EVERYTHING, FAMILIES, TABLE_FAMILIES, catalogue
from foretell.models.boosting import Booster, BoostingParams
from foretell.models.encoding import Encoding
from foretell.models.level import Level
from foretell.models.tail_pool import TailPool
from foretell.scoring.base import tree_inputs
from foretell.scoring.behaviour_words import BEHAVIOUR_FACTS
from foretell.scoring.known import Known, known_at
from foretell.scoring.reason_words import ALIKE, FAMILY_FACTS, family_words
from foretell.scoring.reasons import TOLD_SHARE, explain_bucket, prediction_parts
from foretell.scoring.refine import refine
from foretell.scoring.score import score_bucket
from foretell.scoring.tree_shares import FACTORS, kind_of_input
from foretell.tables.dataset import CustomerData
from foretell.tables.purchases import purchase_days
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.windows import Horizons

AS_OF = datetime(2025, 8, 1)
LEVEL = replace(Level.none(), by_lead=(-0.2,), value=0.1)
INPUTS_DAYS = 90


def with_trees(bundle: Bundle, known: Known, answers: dict[str, float], spend_orders: float) -> Bundle:
    """Put trees on a bundle that learnt something of every family and of the models' own answers."""
    assert known.features is not None
    inputs = tree_inputs(known.summary, known.features, bundle.purchase_model, bundle.spend_model, INPUTS_DAYS)
    encoding = Encoding.learn(inputs, [name for name in inputs.columns if name != "customer_id"])
    matrix = encoding.to_matrix(inputs)
    params = BoostingParams(min_child_samples=10, lambda_l2=1.0, learning_rate=0.3, feature_fraction=0.3)
    trees = {name: Trees() for name in (*EVENTS, *AMOUNTS)}
    for name, weight in answers.items():
        boosters = []
        for seed in range(2):
            draw = np.random.default_rng((seed, name == "spend"))
            actual = draw.poisson(0.3, matrix.shape[0]) * draw.choice([1, 5], matrix.shape[0])
            booster = Booster("tweedie" if name == "spend" else "poisson", params, seed=seed)
            boosters.append(booster.fit(matrix, actual, np.full(actual.size, -1.0), rounds=15))
        trees[name] = Trees(shift=-0.03, weight=weight, boosters=tuple(boosters))
    refinement = Refinement(
        inputs_days=INPUTS_DAYS,
        level=LEVEL,
        timing_model=bundle.purchase_model,
        tail=TailPool(),
        encoding=encoding,
        trees=trees,
        spend_orders_weight=spend_orders,
    )
    return replace(bundle, refinement=refinement)


@pytest.fixture(scope="module")
def known(big_shop: CustomerData) -> Known:
    return known_at(big_shop, AS_OF, with_features=True)


@pytest.fixture(scope="module")
def boosted(bundle: Bundle, known: Known) -> Bundle:
    return with_trees(bundle, known, {"orders": 0.8, "spend": 0.6}, spend_orders=0.4)


@pytest.fixture(scope="module")
def counts_only(big_shop: CustomerData) -> CustomerData:
    rows = big_shop.orders.filter(pl.col("amount_minor") >= 0).drop("amount_minor").collect()
    return CustomerData.from_orders(rows)


@pytest.fixture(scope="module")
def boosted_counts(counts_only: CustomerData) -> Bundle:
    bundle = PurchaseRecipe().fit(counts_only, datetime(2025, 7, 1), Horizons(180, 90, 30))
    return with_trees(bundle, known_at(counts_only, AS_OF, with_features=True), {"orders": 0.8}, spend_orders=0.0)


def test_shares_and_constant_add_up_to_the_log_of_the_spend(known: Known, boosted: Bundle) -> None:
    assert boosted.refinement is not None
    spend = refine(known, boosted, boosted.refinement).spend
    assert spend is not None
    parts = prediction_parts(known, boosted)
    assert set(parts.kinds) == {*FACTORS, *(family.name for family in FAMILIES)}
    # Sums of some ten logs of order 1 and of 15 trees' shares of order .1: their last bits stay far below 1e-9.
    np.testing.assert_allclose(total(parts.told, parts.kinds, parts.constant), np.log(spend), rtol=0, atol=1e-9)


def test_without_money_they_add_up_to_the_log_of_the_purchases(counts_only: CustomerData, boosted_counts: Bundle):
    assert boosted_counts.refinement is not None
    known = known_at(counts_only, AS_OF, with_features=True)
    refined = refine(known, boosted_counts, boosted_counts.refinement)
    parts = prediction_parts(known, boosted_counts)
    # Where the chance of a purchase lifts the purchases to it, they are more than their parts.
    free = refined.orders > refined.p_return
    assert free.mean() > 0.5
    found = total(parts.told, parts.kinds, parts.constant)
    np.testing.assert_allclose(found[free], np.log(refined.orders[free]), rtol=0, atol=1e-9)
    assert "value" not in parts.kinds


def test_customers_with_next_to_no_chance_add_up_too(boosted: Bundle) -> None:
    """The refined prediction has a floor; what it adds is counted to the chance of being a customer."""
    assert boosted.refinement is not None
    days = pl.DataFrame({"day": range(0, 400, 2)}).select(
        pl.lit("gone").alias("customer_id"),
        (pl.lit(datetime(2024, 1, 1)) + pl.duration(days=pl.col("day"))).alias("ordered_at"),
        pl.lit(100_000).cast(pl.Int64).alias("amount_minor"),
    )
    late = datetime(2035, 1, 1)
    known = known_at(CustomerData.from_orders(days), late, with_features=True)
    spend, parts = refine(known, boosted, boosted.refinement).spend, prediction_parts(known, boosted)
    assert spend is not None
    assert parts.told["alive"][0] * parts.told["orders_if_alive"][0] < 1e-6
    np.testing.assert_allclose(total(parts.told, parts.kinds, parts.constant), np.log(spend), rtol=0, atol=1e-9)


def total(told: pl.DataFrame, kinds: tuple[str, ...], constant: float) -> np.ndarray:
    return constant + told.select(pl.sum_horizontal(f"{kind}_share" for kind in kinds)).to_series().to_numpy()


def test_every_family_and_every_input_has_its_words(known: Known, bundle: Bundle) -> None:
    assert set(FAMILY_FACTS) == {family.name for family in FAMILIES}
    assert known.features is not None
    inputs = tree_inputs(known.summary, known.features, bundle.purchase_model, bundle.spend_model, 90)
    kinds = {kind_of_input(name) for name in inputs.columns if name != "customer_id"}
    assert kinds == {*FACTORS, *FAMILY_FACTS}


def test_every_family_of_the_optional_tables_has_its_words_with_all_facts_and_with_none() -> None:
    assert set(BEHAVIOUR_FACTS) == {family.name for family in TABLE_FAMILIES}
    everything = [feature for feature in catalogue(available=EVERYTHING) if feature.family in BEHAVIOUR_FACTS]
    full = pl.DataFrame(
        {each.name: ["tea"] if each.dtype == pl.String else [0.25] for each in everything} | {"share": [0.3]}
    )
    for family in BEHAVIOUR_FACTS:
        told = full.select(text=family_words(family, "share", money=True, columns=full.columns))["text"][0]
        bare = full.select("share").select(text=family_words(family, "share", money=True))["text"][0]
        for text in (told, bare):
            assert text.endswith(": raises the prediction")
            assert text[0] == text[0].upper() or text.startswith("tea")
            assert "null" not in text
        assert told != bare, family


def test_carts_are_told_by_what_there_is_of_them() -> None:
    rows = pl.DataFrame(
        {
            "days_since_open_cart": [3.0, 1.0, None, None, None, None],
            "open_cart_category": ["tea", None, None, None, None, None],
            "cart_events_last_90d": [5, 1, 1, 4, 0, 0],
            "carts_abandoned_share": [None, None, 0.5, None, 0.25, None],
            "share": [0.3] * 6,
        }
    )
    told = rows.select(text=family_words("carts", "share", money=True, columns=rows.columns))["text"]
    assert told.str.strip_suffix(": raises the prediction").to_list() == [
        "Put tea into the cart 3 days ago and did not order",
        "Filled a cart 1 day ago and did not order",
        "Filled a cart once in the last 90 days, none is open",
        "Filled a cart 4 times in the last 90 days, none is open",
        "No open cart; 25 % of the carts before were not ordered",
        "No open cart",
    ]


def test_the_largest_share_is_told_first_and_small_families_are_not(
    big_shop: CustomerData, known: Known, boosted: Bundle
) -> None:
    parts = prediction_parts(known, boosted)
    reasons = explain_bucket(big_shop, boosted, known.summary["customer_id"], AS_OF)
    told_families = 0
    for row, told in zip(parts.told.to_dicts(), reasons.to_dicts(), strict=True):
        sizes = {kind: round(abs(row[f"{kind}_share"]), 6) for kind in parts.kinds}
        # 1e-6: sizes are compared after rounding to that.
        least = max(TOLD_SHARE * sum(sizes.values()), ALIKE)
        may = {kind for kind, size in sizes.items() if kind in FACTORS or size >= least - 1e-6}
        texts = [told[f"reason_{place}"] for place in (1, 2, 3)]
        kinds = [kind_of(text) for text in texts]
        assert len(set(kinds)) == 3
        assert set(kinds) <= may
        ranked = sorted((sizes[kind] for kind in may), reverse=True)[:3]
        np.testing.assert_allclose([sizes[kind] for kind in kinds], ranked, atol=1e-6)
        for kind, text in zip(kinds, texts, strict=True):
            if kind not in FACTORS:
                told_families += 1
                assert text.endswith("raises the prediction" if row[f"{kind}_share"] > 0 else "lowers the prediction")
    assert told_families > 100


STARTS = {
    "alive": r"Last order ",
    "orders": r"One order so far|\d+ orders since",
    "value": r"Average order|No paid order",
    "rfm": r"\d+ orders? in \d",
    "rhythm": r"Usually orders|The only two|No second",
    "windowed": r"(\d+ orders?|No order)( worth \d+)? in the last 365",
    "trend": r"Spent \d|(\d+ orders?|No order) in the last (90|180)",
    "calendar": r"The only order was|(\d+ orders?|No order) in the 90 days after this",
}


def kind_of(text: str) -> str:
    found = [kind for kind, start in STARTS.items() if re.match(start, text)]
    assert len(found) == 1, text
    return found[0]


@pytest.mark.parametrize("money", [True, False], ids=["money", "counts"])
@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
def test_the_facts_of_a_family_are_those_of_the_orders(
    big_shop: CustomerData, counts_only: CustomerData, family: str, *, money: bool
) -> None:
    data = big_shop if money else counts_only
    known = known_at(data, AS_OF, with_features=True)
    assert known.features is not None
    told = known.features.with_columns(pl.lit(-0.2).alias("share")).select(
        "customer_id", "spend_total" if money else pl.lit(None).alias("spend_total"),
        text=family_words(family, "share", money=money),
    )  # fmt: skip
    histories = dict(purchases(data))
    assert {len(history) for history in histories.values()} >= {1, 2, 3}
    for customer, spend, text in told.rows():
        assert text == f"{FACTS[family](histories[customer], spend)}: lowers the prediction"


def test_free_and_refunded_orders_are_told_as_such() -> None:
    rows = [
        ("free", datetime(2025, 6, 1), 0),
        ("often", datetime(2025, 6, 1), 200_000),
        ("often", datetime(2025, 7, 31), 400_000),
        ("often", datetime(2025, 7, 31), -100_000),
        ("once", datetime(2025, 7, 31), 400_000),
        ("once", datetime(2025, 7, 31), -100_000),
    ]
    frame = pl.DataFrame(rows, schema=["customer_id", "ordered_at", "amount_minor"], orient="row")
    features = known_at(CustomerData.from_orders(frame), AS_OF, with_features=True).features
    assert features is not None
    told = features.select(text=FAMILY_FACTS["rfm"](True))["text"].to_list()
    assert told == [
        "1 order in 61 days, nothing paid",
        "2 orders in 61 days, worth up to 40 each, 50 in all after refunds",
        "1 order in 1 day, worth 40, 30 in all after refunds",
    ]


Purchases = list[tuple[date, int]]


def purchases(data: CustomerData) -> Iterator[tuple[str, Purchases]]:
    """The purchase days of each customer before the cutoff, with money in minor units."""
    days = purchase_days(data.before(AS_OF)).collect().sort("customer_id", "purchase_date")
    for (customer,), rows in days.group_by("customer_id"):
        minor = rows["amount_minor"] if data.has_amount else [0] * rows.height
        yield str(customer), list(zip(rows["purchase_date"], minor, strict=True))


def within(history: Purchases, first_age: int, last_age: int) -> Purchases:
    """Purchases from `first_age` days before the cutoff down to `last_age`, both included."""
    return [(day, amount) for day, amount in history if last_age <= (AS_OF.date() - day).days <= first_age]


def count(history: Purchases) -> str:
    return {0: "no order", 1: "1 order"}.get(len(history), f"{len(history)} orders")


def whole(value: float) -> str:
    # Halves go to the even number, as in polars.
    return str(round(value))


def paid(history: Purchases) -> float:
    return sum(amount for _, amount in history) / 10_000


def span(days: float) -> str:
    return "1 day" if round(days) == 1 else f"{whole(days)} days"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def rfm_facts(history: Purchases, spend: float | None) -> str:
    told = f"{count(history)} in {span((AS_OF.date() - history[0][0]).days)}"
    amounts = [amount for _, amount in history]
    if spend is None:
        return told
    after = " after refunds" if spend < paid(history) - 0.005 else ""
    in_all = f", {whole(spend)} in all{after}"
    if len(history) == 1:
        return f"{told}, worth {whole(amounts[0] / 10_000)}{in_all if after else ''}"
    return f"{told}, worth up to {whole(max(amounts) / 10_000)} each{in_all}"


def rhythm_facts(history: Purchases, _: float | None) -> str:
    days = [day for day, _ in history]
    wait = (AS_OF.date() - days[-1]).days
    if len(days) == 1:
        return f"No second order in the {span(wait)} since the first"
    gaps = [(after - before).days for before, after in pairwise(days)]
    if len(days) == 2:
        return f"The only two orders were {span(gaps[0])} apart; last order {span(wait)} ago"
    usual = span(sum(gaps) / len(gaps))
    return f"Usually orders every {usual}, at most {span(max(gaps))} apart; last order {span(wait)} ago"


def windowed_facts(history: Purchases, spend: float | None) -> str:
    def part(days: int) -> str:
        found = within(history, days, 1)
        worth = f" worth {whole(paid(found))}" if spend is not None and found else ""
        return count(found) + worth

    if not within(history, 365, 1):
        return "No order in the last 365 days"
    return capital(f"{part(365)} in the last 365 days, {part(90)} in the last 90")


def trend_facts(history: Purchases, spend: float | None) -> str:
    recent, before = within(history, 90, 1), within(history, 180, 91)
    if not recent and not before:
        return "No order in the last 180 days"
    if spend is None:
        return capital(f"{count(recent)} in the last 90 days, {count(before)} in the 90 before")
    money = [whole(paid(found)) for found in (recent, before)]
    return f"Spent {money[0]} in the last 90 days, {money[1]} in the 90 before"


def calendar_facts(history: Purchases, _: float | None) -> str:
    begin = AS_OF.date() - timedelta(days=364)
    days = [day for day, _ in history]
    then = [(day, 0) for day in days if begin <= day < begin + timedelta(days=90)]
    if len(days) == 1:
        same = ", in the 90 days after this date last year" if then else ""
        return f"The only order was on a {days[0]:%A}{same}"
    weekend, winter = (
        whole(100 * sum(marks) / len(days))
        for marks in ([day.isoweekday() >= 6 for day in days], [day.month >= 10 for day in days])
    )
    return (
        f"{capital(count(then))} in the 90 days after this date last year; {weekend} % of all on weekends, "
        f"{winter} % in October to December"
    )


FACTS = {
    "rfm": rfm_facts,
    "rhythm": rhythm_facts,
    "windowed": windowed_facts,
    "trend": trend_facts,
    "calendar": calendar_facts,
}


def test_the_chance_in_words_is_the_column(big_shop: CustomerData, boosted: Bundle) -> None:
    scores = score_bucket(big_shop, StoredBundle(boosted, "v1"), AS_OF)
    reasons = explain_bucket(big_shop, boosted, scores["customer_id"], AS_OF)
    seen = 0
    for chance, texts in zip(scores["p_alive"], reasons.drop("customer_id").rows(), strict=True):
        for text in texts:
            if found := re.search(r": (under 1|\d+) % likely to be a customer still", text):
                seen += 1
                assert found[1] == ("under 1" if chance < 0.005 else whole(100 * chance))
    assert seen > 100


def test_trees_of_other_answers_change_no_reason(big_shop: CustomerData, boosted: Bundle, bundle: Bundle) -> None:
    assert boosted.refinement is not None
    ids = known_at(big_shop, AS_OF, with_features=False).summary["customer_id"]
    trees = {**boosted.refinement.trees, "churn": boosted.refinement.trees["orders"]}
    trees |= {"orders": Trees(), "spend": Trees()}
    refinement = replace(boosted.refinement, trees=trees, spend_orders_weight=0.0)
    elsewhere = explain_bucket(big_shop, replace(boosted, refinement=refinement), ids, AS_OF)
    plain = explain_bucket(big_shop, bundle, ids, AS_OF)
    assert elsewhere.equals(plain)
    assert not explain_bucket(big_shop, boosted, ids, AS_OF).equals(plain)


def test_reasons_of_some_are_those_of_all(big_shop: CustomerData, known: Known, boosted: Bundle) -> None:
    ids = known.summary["customer_id"]
    every = explain_bucket(big_shop, boosted, ids, AS_OF)
    some = explain_bucket(big_shop, boosted, [*ids.gather_every(7), "nobody"], AS_OF)
    assert some.equals(every.filter(pl.col("customer_id").is_in(ids.gather_every(7).implode())))
    assert explain_bucket(big_shop, boosted, ["nobody"], AS_OF).is_empty()
    assert explain_bucket(big_shop, boosted, [], AS_OF).columns == every.columns


def test_customers_are_explained_past_the_last_order(big_shop: CustomerData, boosted: Bundle) -> None:
    """The shop was observed until its last order, these customers until theirs: neither is a stated end."""
    shop = CustomerData.from_orders(big_shop.orders.collect())
    quiet = known_at(shop, AS_OF, with_features=False).summary.sort("last_purchase_date")["customer_id"][:3]
    late = shop.observed_until + timedelta(days=20)
    assert explain_bucket(shop, boosted, quiet, late)["customer_id"].to_list() == sorted(quiet)


def test_no_reason_names_a_customer(big_shop: CustomerData, known: Known, boosted: Bundle) -> None:
    for customer, *texts in explain_bucket(big_shop, boosted, known.summary["customer_id"], AS_OF).rows():
        assert not any(customer in text for text in texts)


def test_the_card_says_what_is_explained(boosted: Bundle, bundle: Bundle, boosted_counts: Bundle) -> None:
    cards = {name: render_card(each) for name, each in
             {"trees": boosted, "plain": bundle, "counts": boosted_counts}.items()}  # fmt: skip
    assert "predicted value for 180 days" in cards["plain"]
    assert "predicted orders for 180 days" in cards["counts"]
    assert "money" not in cards["counts"].split("## Reasons")[1].split("##")[0]
    assert {name: "family of features" in card for name, card in cards.items()} == {
        "trees": True,
        "plain": False,
        "counts": True,
    }


def test_without_money_the_third_reason_is_a_family_that_is_large_enough_or_none(
    counts_only: CustomerData, boosted_counts: Bundle
) -> None:
    known = known_at(counts_only, AS_OF, with_features=True)
    parts = prediction_parts(known, boosted_counts)
    sizes = parts.told.select(pl.col(f"{kind}_share").abs().alias(kind) for kind in parts.kinds)
    least = np.maximum(TOLD_SHARE * sizes.sum_horizontal().to_numpy(), ALIKE)
    large = sizes.select(list(FAMILY_FACTS)).max_horizontal().to_numpy() >= least
    told = explain_bucket(counts_only, boosted_counts, known.summary["customer_id"], AS_OF)
    # At the edge itself rounding decides: nobody of this shop lies there.
    assert told["reason_3"].is_not_null().to_list() == large.tolist()
    assert told["reason_2"].null_count() == 0
    assert 0 < large.sum() < large.size
