"""First orders: rows and labels of past cutoffs, what is chosen, when there is no model, and what it finds."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from foretell.bundles.files import bundle_files
from foretell.bundles.prospects import prospect_files
from foretell.errors import HorizonNotObserved
from foretell.evaluation.probabilities import auc, ece
from foretell.features.fit_statistics import LEAST_CUSTOMERS
from foretell.scoring.prospects import encoded
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.simulate import simulate
from foretell.training.first_year_spend import newcomers
from foretell.training.prospect_evaluation import prospect_record
from foretell.training.prospect_recipe import FEWEST_FIRST_ORDERS, ProspectSettings, train_prospects
from foretell.training.prospect_rows import prospect_cutoffs, prospect_rows
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.training.shop import ShopInMemory
from foretell.training.train import train
from foretell.windows import Horizons

AS_OF, DAYS = datetime(2025, 10, 1), 90
SETTINGS = ProspectSettings(DAYS, with_trees=False)


@pytest.fixture(scope="module")
def busy() -> CustomerData:
    """A simulated shop with all tables, observed for three months after `AS_OF`."""
    return simulate(customers=900, seed=5, tables=("events", "customers"))[0]


@pytest.fixture(scope="module")
def past(busy: CustomerData) -> CustomerData:
    return busy.before(AS_OF)


@pytest.fixture(scope="module")
def purchase_model(past: CustomerData):
    return PurchaseRecipe().fit(past, past.observed_until, Horizons(), 0).purchase_model


@pytest.fixture(scope="module")
def trained(past, purchase_model):
    return train_prospects(whole(past), purchase_model, SETTINGS)


def whole(data: CustomerData) -> ShopInMemory:
    return ShopInMemory(data, data.observed_until)


def cutoffs_of(data: CustomerData) -> tuple[datetime, ...]:
    shop = whole(data)
    return prospect_cutoffs(shop.known_since, shop.first_order_at, data.observed_until, DAYS)


def ids_and_times(table: pl.LazyFrame, time: str) -> list[tuple[str, datetime]]:
    return list(table.select("customer_id", time).collect().iter_rows())


def slow_rows(data: CustomerData, cutoffs, days: int) -> dict:
    """Cutoff and person to whether the first order came in the window, by walking all rows."""
    orders = list(data.orders.select("customer_id", "order_id", "ordered_at", "amount_minor").collect().iter_rows())
    events = ids_and_times(data.optional.events, "occurred_at")
    members = ids_and_times(data.optional.customers, "signed_up_at")
    found = {}
    for cutoff in cutoffs:
        end = cutoff + timedelta(days=days)
        ordered = {who for who, _, at, _ in orders if at < cutoff}
        known = {who for who, at in (*events, *members) if at < cutoff} - ordered
        money: dict = {}
        for who, order, at, amount in orders:
            if cutoff <= at < end and who in known:
                money[who, order] = money.get((who, order), 0) + amount
        bought = {who for (who, _), amount in money.items() if amount > 0}
        found |= {(cutoff, who): float(who in bought) for who in known}
    return found


def test_rows_and_labels_are_those_of_a_slow_count(past):
    cutoffs = cutoffs_of(past)
    assert [later - earlier for earlier, later in pairwise(cutoffs)] == [timedelta(days=45)] * 7
    assert cutoffs[-1] + timedelta(days=DAYS) == past.observed_until
    rows = prospect_rows(whole(past), cutoffs, DAYS)
    keys = list(rows.frame.select("cutoff", "customer_id").iter_rows())
    assert keys == sorted(keys)
    assert dict(zip(keys, rows.actual.tolist(), strict=True)) == slow_rows(past, cutoffs, DAYS)
    assert 0 < rows.first_orders < len(set(rows.frame["customer_id"]))
    with pytest.raises(HorizonNotObserved):
        prospect_rows(whole(past), [cutoffs[-1] + timedelta(days=1)], DAYS)


def test_a_row_knows_nothing_of_what_came_after_its_cutoff(past):
    cutoffs = cutoffs_of(past)[:2]
    first = past.orders.group_by("customer_id").agg(pl.col("ordered_at").min())
    later = first.filter(pl.col("ordered_at") >= cutoffs[0]).select("customer_id", pl.lit("XX").alias("told"))
    people = past.optional.customers.join(later, on="customer_id", how="left")
    people = people.with_columns(country=pl.coalesce("told", "country")).drop("told")
    past = replace(past, optional=replace(past.optional, customers=people))
    blind = replace(past.before(cutoffs[0]), observed_until=past.observed_until, observed_until_given=True)
    seen = prospect_rows(whole(past), cutoffs, DAYS).at(cutoffs[0])
    alone = prospect_rows(whole(blind), cutoffs[:1], DAYS)
    assert seen.frame.equals(alone.frame)
    assert not alone.actual.any()
    # Enough of them to be told of, once they are customers.
    assert seen.frame.join(later.collect(), on="customer_id").height > LEAST_CUSTOMERS


def test_a_model_is_the_same_whatever_lies_at_or_after_the_cutoff(busy, past, purchase_model, trained):
    again, facts = train_prospects(whole(busy.before(AS_OF)), purchase_model, SETTINGS)
    shuffled = replace(
        past,
        optional=replace(
            past.optional,
            events=past.optional.events.collect().sample(fraction=1.0, shuffle=True, seed=1).lazy(),
            customers=past.optional.customers.collect().reverse().lazy(),
        ),
    )
    mixed, _ = train_prospects(whole(shuffled), purchase_model, SETTINGS)
    files = prospect_files(trained[0])
    assert prospect_files(again) == files
    assert prospect_files(mixed) == files
    assert facts == trained[1]


def test_the_newest_window_takes_no_part_in_what_it_judges(past, trained):
    record = trained[0].record
    newest = cutoffs_of(past)[-1]
    assert set(record["cutoff"]) == {newest.isoformat()}
    assert set(record["model"]) == {"prospects", "base_rate", "cart_then_visit"}
    value = {(row["model"], row["metric"]): row for row in record.to_dicts()}
    assert ("cart_then_visit", "log_loss") not in value
    assert value["base_rate", "auc"]["value"] == 0.5
    # What was planted is found: the chance beats the rule by more than its interval.
    assert value["prospects", "auc"]["low"] > value["cart_then_visit", "auc"]["high"]
    assert value["prospects", "log_loss"]["high"] < value["base_rate", "log_loss"]["low"]
    assert value["prospects", "top_5_percent_lift"]["low"] > 1


def test_the_record_is_that_of_a_model_which_ended_where_its_window_begins(purchase_model):
    data = simulate(customers=2_500, seed=6, tables=("events", "customers"))[0].before("2024-10-01")
    record = train_prospects(whole(data), purchase_model, SETTINGS)[0].record
    newest = cutoffs_of(data)[-1]
    # So young a shop has the same older windows, whether it is looked at now or then.
    earlier, facts = train_prospects(whole(data.before(newest)), purchase_model, SETTINGS)
    assert earlier.blend.chosen != "base_rate"
    assert facts["prospects"]["windows"] == 2
    judged = prospect_rows(whole(data), [newest], DAYS)
    older = prospect_rows(whole(data.before(newest)), cutoffs_of(data.before(newest)), DAYS)
    chance = earlier.blend.risk(encoded(judged.frame, earlier))
    rate = float(older.actual.mean())
    assert record.equals(prospect_record(judged.frame, judged.actual, chance, rate, cutoff=newest, seed=0))


def test_chances_are_those_of_the_truth(busy):
    """Of all who were known at the cutoff, as many order as was said, the ones that were said."""
    model = train(busy, AS_OF, rungs=("purchase",), backtest_cutoffs=())
    told = model.score_prospects(busy, AS_OF)
    rows = prospect_rows(whole(busy), [AS_OF], DAYS)
    assert told["customer_id"].to_list() == rows.frame["customer_id"].to_list()
    chance, actual = told[f"p_first_order_{DAYS}d"].to_numpy(), rows.actual
    # Three standard errors of the sum of independent events of these chances.
    assert abs(chance.sum() - actual.sum()) < 3 * np.sqrt((chance * (1 - chance)).sum())
    assert auc(actual, chance) > 0.9
    # Ten bins of 20 people each: chance alone makes gaps of about .02 where most chances are near 0 or 1.
    assert ece(actual, chance) < 0.06


def test_open_carts_are_found_and_told():
    """A shop in which a cart means an order to come, and nothing else does."""
    model = train(cart_shop(), datetime(2025, 1, 1), rungs=("purchase",), backtest_cutoffs=())
    told = model.score_prospects(cart_shop(), datetime(2025, 1, 1))
    chance = told.group_by("funnel_state").agg(pl.col("p_first_order_90d").mean())
    by_state = dict(chance.iter_rows())
    assert by_state["cart"] > 0.5
    assert by_state["visitor"] < 0.2
    with_cart = told.filter(pl.col("funnel_state") == "cart")
    first = with_cart["reason_1"].str.contains("cart") & with_cart["reason_1"].str.ends_with("raises the chance")
    assert first.all()
    assert with_cart["prospect_percentile"].min() > 80


def cart_shop(people: int = 2_000, seed: int = 2) -> CustomerData:
    """Everybody views once at a random day of two years; a third fills a cart next, and most of them order in days."""
    draw = np.random.default_rng(seed)
    start, end = datetime(2023, 1, 1), datetime(2025, 1, 1)
    events, orders = [], []
    for number in range(people):
        who, at = f"p{number:04}", start + timedelta(days=float(draw.uniform(0, 730)))
        events.append((who, at, "view"))
        if draw.random() < 1 / 3:
            events.append((who, at + timedelta(minutes=5), "cart"))
            if draw.random() < 0.8:
                orders.append((who, at + timedelta(days=float(draw.uniform(1, 60))), int(draw.gamma(3, 200_000))))
    for number in range(60):
        mean = float(draw.gamma(4, 100_000))
        orders += [
            (f"r{number:02}", start + timedelta(days=day), int(mean * draw.gamma(5, 1 / 5)))
            for day in range(number % 7, 700, 70)
        ]
    rows = pl.DataFrame(orders, schema=["customer_id", "ordered_at", "amount_minor"], orient="row")
    seen = pl.DataFrame(events, schema=["customer_id", "occurred_at", "event"], orient="row")
    data = CustomerData.from_orders(rows.filter(pl.col("ordered_at") < end), observed_until=end)
    return replace(data, optional=OptionalTables(events=seen.filter(pl.col("occurred_at") < end).lazy()))


def off(data, model) -> str:
    found, facts = train_prospects(whole(data), model, SETTINGS)
    assert found is None
    return facts["prospects"]["state"]


def test_there_is_a_reason_where_there_is_no_model(past, purchase_model):
    def tables(**parts):
        return replace(past, optional=OptionalTables(**parts))

    assert off(tables(), purchase_model) == "off: there is neither a table of events nor one of customers"
    undated = past.optional.customers.drop("signed_up_at")
    assert "does not say when anybody signed up" in off(tables(customers=undated), purchase_model)
    late = past.optional.events.filter(pl.col("occurred_at") >= AS_OF - timedelta(days=100))
    assert "no window of 90 days lies behind" in off(tables(events=late), purchase_model)
    strangers = past.optional.events.with_columns(("guest-" + pl.col("customer_id")).alias("customer_id"))
    assert "carry the same ids as orders" in off(tables(events=strangers), purchase_model)
    customers = past.orders.filter(pl.col("ordered_at") < past.first_order_at() + timedelta(days=1)).collect()
    known = past.optional.events.filter(pl.col("customer_id").is_in(customers["customer_id"].implode()))
    assert off(tables(events=known), purchase_model) == "off: nobody is known before the first order"


def test_few_first_orders_make_a_base_rate(past, purchase_model):
    some = past.optional.events.select(pl.col("customer_id").unique()).collect()["customer_id"].sort().head(30)
    few = replace(past.of_customers(some), observed_until=past.observed_until)
    model, facts = train_prospects(whole(few), purchase_model, SETTINGS)
    assert model.blend.chosen == "base_rate"
    assert model.encoding.features == ()
    assert 0 < facts["prospects"]["people_with_a_first_order"] < FEWEST_FIRST_ORDERS
    assert facts["prospects"]["candidate"].startswith("base_rate: 50 people")
    rows = prospect_rows(whole(few), cutoffs_of(few), DAYS)
    share = (rows.actual.sum() + 0.5) / (rows.actual.size + 1)
    assert model.blend.risk(np.empty((1, 0)))[0] == pytest.approx(share, rel=1e-9)


def test_one_funnel_state_is_said(past, purchase_model):
    data = replace(past, optional=OptionalTables(customers=past.optional.customers))
    model, facts = train_prospects(whole(data), purchase_model, SETTINGS)
    assert "everybody was in the state member" in facts["prospects"]["candidate"]
    assert "funnel_state" not in model.encoding.features
    assert "days_since_signup" in model.encoding.features


def test_without_money_there_is_a_chance_and_no_value(past, purchase_model):
    data = replace(past, orders=past.orders.drop("amount_minor"), has_refunds=False)
    model, facts = train_prospects(whole(data), purchase_model, SETTINGS)
    assert model.values is None
    assert facts["prospects_first_year_value"] == "none: orders carry no money"


def test_an_attribute_that_knows_the_outcome_is_left_out(past, purchase_model):
    bought = past.orders.select(pl.col("customer_id").unique()).collect()["customer_id"].implode()
    told = past.optional.customers.with_columns(tier=pl.col("customer_id").is_in(bought).cast(pl.Int64))
    data = replace(past, optional=replace(past.optional, customers=told, stable_attributes=("country", "tier")))
    model, facts = train_prospects(whole(data), purchase_model, SETTINGS)
    assert "profile_tier" in facts["prospects"]["left_out"]
    assert "profile_tier" not in model.encoding.features
    assert not {"nearest_place_km", "customer_id", "cutoff"} & set(model.encoding.features)


def test_first_years_are_those_of_a_slow_sum(past, purchase_model):
    rows = prospect_rows(whole(past), cutoffs_of(past), DAYS)
    people = newcomers(past, rows, purchase_model)
    orders = past.orders.collect()
    for row in people.head(60).iter_rows(named=True):
        own = orders.filter(pl.col("customer_id") == row["customer_id"]).sort("ordered_at")
        net = own.group_by("order_id").agg(pl.col("ordered_at").min(), pl.col("amount_minor").sum())
        kept = net.filter(pl.col("amount_minor") > 0)
        first = kept["ordered_at"].min().date()
        in_year = kept.filter(pl.col("ordered_at").dt.date() < first + timedelta(days=365))
        assert row["spend"] == pytest.approx(in_year["amount_minor"].sum() / 10_000, rel=1e-12)
        assert row["days_seen"] == min((AS_OF.date() - first).days, 365)
        repeats = purchase_model.new_customer_orders(row["days_seen"] - 1) if row["days_seen"] > 1 else 0.0
        # Read off a line between twenty days: the curve bends little between them.
        assert row["expected_orders"] == pytest.approx(1 + repeats, rel=5e-3)
        newest = max(day for day in rows.frame["cutoff"].unique() if day.date() <= first)
        assert row["cutoff"] <= newest


@pytest.mark.slow
def test_trees_are_in_question_where_boosting_is(busy):
    one, two = (
        train(busy, AS_OF, rungs=("boosted", "purchase"), backtest_cutoffs=(), threads=threads) for threads in (1, 2)
    )
    assert {name: content for name, content in bundle_files(one.bundle).items() if "prospects" in name} == {
        name: content for name, content in bundle_files(two.bundle).items() if "prospects" in name
    }
    assert one.bundle.prospects.blend.chosen in ("logistic", "boosted", "blend")
