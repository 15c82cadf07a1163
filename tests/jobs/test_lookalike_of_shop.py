"""Lookalikes among the shop's own customers: lists of any kind, what is audited, sentences without column names."""

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.delivery.uploads.hashing import digests
from foretell.errors import ColumnMismatch, TooFewSeeds
from foretell.jobs.feature_phrases import in_words
from foretell.jobs.lookalike import lookalike
from foretell.tables.dataset import MINOR_PER_UNIT
from foretell.tables.simulate import simulate

AS_OF = "2025-10-01"
pytestmark = [
    pytest.mark.filterwarnings("ignore::foretell.errors.DataWarning"),
    pytest.mark.filterwarnings("ignore::foretell.errors.SmallSampleWarning"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Orders, events and customers in files, and the ids of some who order often."""
    folder = tmp_path_factory.mktemp("shop")
    data, _ = simulate(customers=300, seed=5, tables=("events", "customers"))
    orders = data.orders.with_columns(amount=pl.col("amount_minor") / MINOR_PER_UNIT).collect()
    orders.select("customer_id", "ordered_at", "order_id", "amount").write_csv(folder / "orders.csv")
    for name in ("events", "customers"):
        getattr(data.optional, name).collect().select(pl.exclude("^.*_minor$")).write_csv(folder / f"{name}.csv")
    seen = orders.filter(pl.col("ordered_at") < pl.lit(AS_OF).str.to_datetime())
    often = seen.group_by("customer_id").len().sort(["len", "customer_id"], descending=[True, False])
    return folder, often["customer_id"]


@pytest.fixture
def settings_for(shop, tmp_path):
    folder, _ = shop
    keys = {"customer_id": "customer_id"}
    tables = {
        "orders": {"ordered_at": "ordered_at", "amount": "amount", "order_id": "order_id"},
        "events": {"occurred_at": "occurred_at", "event": "event"},
        "customers": {"signed_up_at": "signed_up_at", "email": "email", "gender": "gender"},
    }
    data = {name: {"path": str(folder / f"{name}.csv"), **keys, **columns} for name, columns in tables.items()}

    def make(**lists):
        for name, rows in lists.items():
            rows.write_csv(tmp_path / f"{name}.csv")
        asked = {name: tmp_path / f"{name}.csv" for name in lists}
        return Settings.model_validate({"data": data, "lookalike": asked, "folders": {"output": tmp_path / "out"}})

    return make


@pytest.fixture
def seeds(shop):
    return shop[1].head(20)


def test_hashed_addresses_find_customers_by_their_table(settings_for, seeds):
    hashes = digests(seeds + "@example.com").alias("hash").to_frame()
    result = lookalike(settings_for(seeds=hashes), as_of=AS_OF, dry_run=True)
    assert (result.run.seeds.matched, result.run.seeds.matched_by) == (20, "hashed email")
    assert set(result.run.audit["column"]) == {"birth_date", "gender"}
    assert not {"gender", "birth_date", "email"} & set(result.run.features)
    # what people did in the shop is learnt from, not orders alone
    assert any("visit" in name or "view" in name for name in (*result.run.features, *result.run.left_out))


def test_a_pool_of_ids_alone_is_a_part_of_the_shop(settings_for, seeds, shop):
    pool = shop[1].tail(100)
    result = lookalike(settings_for(seeds=seeds.to_frame(), pool=pool.to_frame()), as_of=AS_OF, dry_run=True)
    assert set(result.run.ranking["customer_id"]) == set(pool) - set(seeds)
    strangers = pl.DataFrame({"customer_id": ["x", "y"]})
    with pytest.raises(ColumnMismatch, match="none of them is a customer"):
        lookalike(settings_for(seeds=seeds.to_frame(), pool=strangers), as_of=AS_OF, dry_run=True)


def test_seeds_that_are_nobody_are_counted_once(settings_for):
    nobody = pl.DataFrame({"customer_id": ["x1", "x2", "x3"] * 5})
    with pytest.raises(TooFewSeeds, match="0 of 3 seeds"):
        lookalike(settings_for(seeds=nobody), as_of=AS_OF, dry_run=True)


def test_sentences_say_features_in_words(settings_for, seeds):
    run = lookalike(settings_for(seeds=seeds.to_frame()), as_of=AS_OF, dry_run=True).run
    said = " ".join([*run.profile["words"], *run.ranking["reason_1"].drop_nulls()])
    assert "in the last 365 days is" in said
    assert "_last_" not in said
    sentences = pl.Series("words", ["orders_last_30d_share is 1", "orders_last_30d is 2", "my_column is 3", "orders 4"])
    assert in_words(sentences, ["orders_last_30d", "orders_last_30d_share", "my_column", "orders"]).to_list() == [
        "the orders share in the last 30 days is 1",
        "the number of orders in the last 30 days is 2",
        "my_column is 3",
        "orders 4",
    ]
