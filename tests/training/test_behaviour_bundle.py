"""A bundle of a shop with all tables: what it learns from them, what it stores, what it does without them."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from behaviour_shops import of_ids, with_signals, without_tables
from boosted_shops import AS_OF, HORIZONS, predictions, quick_recipe
from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle, bundle_files, load_bundle, save_bundle
from foretell.errors import BundleError, DataWarning
from foretell.features.catalogue import family_of
from foretell.models.encoding import Encoding
from foretell.scoring.reasons import explain_bucket
from foretell.scoring.score import score_bucket
from foretell.scoring.table_changes import table_changes
from foretell.tables.dataset import CustomerData
from foretell.training.answers import MOST_LEVELS_OF_SETS, NOT_INPUTS, split_by_sets


@pytest.fixture(scope="module")
def data() -> CustomerData:
    return with_signals()


@pytest.fixture(scope="module")
def learnt(data: CustomerData) -> Bundle:
    return quick_recipe().fit(data, AS_OF, HORIZONS)


@pytest.fixture(scope="module")
def stored(learnt: Bundle) -> StoredBundle:
    return StoredBundle(learnt, "0123456789abcdef")


def encoding_of(bundle: Bundle) -> Encoding:
    assert bundle.refinement is not None
    assert bundle.refinement.encoding is not None
    return bundle.refinement.encoding


def test_trees_read_every_table_and_no_date(learnt: Bundle) -> None:
    read = set(encoding_of(learnt).features)
    families = {family_of(name) for name in read}
    assert {"assortment", "carts", "messages", "browsing", "intent", "reorder"} <= families
    assert "top_category" in encoding_of(learnt).levels
    assert not read & NOT_INPUTS
    # Nobody searches in this shop: a column that is the same for all is no input.
    assert "search_events_last_30d" not in read


def test_text_of_few_levels_is_split_by_sets_and_of_many_by_its_order(learnt: Bundle) -> None:
    letters = [chr(97 + number) for number in range(MOST_LEVELS_OF_SETS + 1)]
    frame = pl.DataFrame({"many": letters, "number": range(len(letters)), "few": ["a", *letters[:-1]]})
    assert split_by_sets(Encoding.learn(frame, frame.columns)) == (2,)
    assert learnt.refinement is not None
    encoding, found = encoding_of(learnt), set()
    sets = split_by_sets(encoding)
    assert encoding.features.index("top_category") in sets
    for trees in learnt.refinement.trees.values():
        for booster in trees.boosters:
            nodes = list(booster.trees())
            while nodes:
                node = nodes.pop()
                if "split_feature" in node:
                    nodes += [node["left_child"], node["right_child"]]
                    found.add((node["split_feature"] in sets, node["decision_type"]))
    assert found == {(True, "=="), (False, "<=")}


def test_planted_signals_are_among_the_reasons(data: CustomerData, learnt: Bundle) -> None:
    ids = data.orders.filter(pl.col("ordered_at") < AS_OF).select("customer_id").unique().collect()["customer_id"]
    told = explain_bucket(data, learnt, ids, AS_OF).select(pl.concat_list("^reason_.*$").alias("all"))["all"].explode()
    words = told.drop_nulls()
    planted = words.str.contains("message|cart|coffee|lamp|Looks|looks")
    assert planted.sum() > 0.3 * len(ids)


def test_it_comes_back_from_disk_and_an_older_bundle_has_no_statistics(
    data: CustomerData, learnt: Bundle, tmp_path
) -> None:
    save_bundle(learnt, tmp_path / "bundle")
    again = load_bundle(tmp_path / "bundle").bundle
    assert again.statistics == learnt.statistics is not None
    assert bundle_files(again) == bundle_files(learnt)
    assert_frame_equal(predictions(data, again), predictions(data, learnt), check_exact=True)
    assert "statistics.json" not in bundle_files(replace(learnt, statistics=None))
    content = (tmp_path / "bundle" / "statistics.json").read_bytes()
    (tmp_path / "bundle" / "statistics.json").write_bytes(content.replace(b"coffee", b"toffee"))
    with pytest.raises(BundleError, match="changed since it was written"):
        load_bundle(tmp_path / "bundle")


def test_customers_split_into_buckets_score_to_the_same_bit(data: CustomerData, stored: StoredBundle) -> None:
    whole = score_bucket(data, stored, AS_OF)
    ids = whole["customer_id"].to_list()
    parts = [score_bucket(of_ids(data, ids[place::3], AS_OF), stored, AS_OF) for place in range(3)]
    assert_frame_equal(pl.concat(parts).sort("customer_id"), whole, check_exact=True)


def test_rows_at_or_after_the_cutoff_change_no_byte(data: CustomerData, learnt: Bundle) -> None:
    """Of any table: dearer orders, refunds, lines and visits of a category that was not there, people who sign up."""
    past = data.before(AS_OF)
    orders, lines, events = (table.lazy() for table in (past.orders, past.optional.order_lines, past.optional.events))
    later = timedelta(days=300)
    new = {"category": pl.lit("lamps of the future"), "product_id": pl.lit("p9")}
    dearer = orders.with_columns(pl.col("ordered_at") + later, pl.col("amount_minor") * 7)
    refunds = orders.with_columns(ordered_at=pl.lit(AS_OF, pl.Datetime("us")), amount_minor=-pl.col("amount_minor"))
    bought = lines.with_columns(pl.col("ordered_at") + later, **new)
    visits = events.with_columns(pl.col("occurred_at") + later, category=new["category"], event=pl.lit("view"))
    tables = replace(past.optional, order_lines=pl.concat([bought, lines]), events=pl.concat([visits, events]))
    late = replace(data, orders=pl.concat([dearer, refunds, orders]), has_refunds=True, optional=tables)
    assert late.before(AS_OF).fingerprint() == past.fingerprint()
    assert bundle_files(quick_recipe().fit(late, AS_OF, HORIZONS)) == bundle_files(learnt)
    assert_frame_equal(predictions(late, learnt), predictions(data, learnt), check_exact=True)


def test_events_of_the_calendar_announced_between_two_views_are_learnt_from_the_later_ones(data: CustomerData) -> None:
    told = AS_OF - timedelta(days=40)
    calendar = pl.DataFrame(
        {
            "event": ["fair", "sale"],
            "starts_on": [AS_OF.date() - timedelta(days=120)] * 2,
            "ends_on": [AS_OF.date() - timedelta(days=60)] * 2,
            "announced_on": [None, told.date()],
        }
    )
    late = pl.concat([calendar, calendar.tail(1).with_columns(event=pl.lit("flood"), announced_on=AS_OF.date())])

    def learnt(rows: pl.DataFrame) -> Bundle:
        tables = replace(data.optional, calendar=rows)
        return quick_recipe().fit(replace(data, optional=tables), AS_OF, HORIZONS)

    found = learnt(calendar)
    assert {"orders_in_fair", "orders_in_sale"} <= set(encoding_of(found).features)
    assert bundle_files(learnt(late)) == bundle_files(found)
    score = score_bucket(replace(data, optional=replace(data.optional, calendar=late)), StoredBundle(found, "v"), AS_OF)
    assert score["churn_risk_20d"].null_count() == 0


def test_tables_that_are_gone_count_as_missing_with_one_warning(data: CustomerData, stored: StoredBundle) -> None:
    with pytest.warns(DataWarning, match="order_lines: the model was trained with it") as warned:
        bare = score_bucket(without_tables(data), stored, AS_OF)
    assert len(warned) == 1
    assert bare.height == score_bucket(data, stored, AS_OF).height
    assert bare["churn_risk_20d"].null_count() == 0
    events = data.optional.events
    assert events is not None
    fewer = replace(data, optional=replace(data.optional, events=events.drop("category")))
    assert table_changes(fewer, stored.bundle) == (
        "events (category): the model was trained with it and counts what it says as missing.",
    )
    reasons = explain_bucket(without_tables(data), stored.bundle, bare["customer_id"], AS_OF)
    assert reasons["reason_1"].null_count() == 0


def test_tables_that_are_new_are_not_read_and_one_warning_says_so(
    data: CustomerData, boosted_shop: CustomerData, boosted: Bundle
) -> None:
    more = replace(boosted_shop, optional=data.optional)
    with pytest.warns(DataWarning, match="events: the model was trained without it"):
        scores = score_bucket(more, StoredBundle(boosted, "0123456789abcdef"), AS_OF)
    plain = score_bucket(boosted_shop, StoredBundle(boosted, "0123456789abcdef"), AS_OF)
    assert_frame_equal(scores, plain, check_exact=True)
