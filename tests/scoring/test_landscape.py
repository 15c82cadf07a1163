"""The grid of histories, and one customer through time, against what the model says of real rows."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from boosted_shops import AS_OF as BOOSTED_AS_OF
from foretell.bundles.files import StoredBundle
from foretell.errors import ColumnMismatch, ConfigError
from foretell.features.summary import purchase_summary
from foretell.scoring.family_weights import family_weights
from foretell.scoring.landscape import landscape
from foretell.scoring.score import score_bucket
from foretell.scoring.timeline import customer_timeline
from foretell.tables.dataset import CustomerData

AS_OF = datetime(2025, 7, 1)


def shop_of(days_before: list[int]) -> CustomerData:
    at = [AS_OF - timedelta(days=days) for days in days_before]
    frame = pl.DataFrame({"customer_id": ["one"] * len(at), "ordered_at": at, "amount_minor": [10_000] * len(at)})
    return CustomerData.from_orders(frame.with_columns(pl.col("amount_minor").cast(pl.Int64)), observed_until=AS_OF)


def test_a_cell_is_what_the_model_says_of_such_a_customer(bundle):
    grid = landscape(bundle, days_as_customer=300, most_orders=4)
    assert grid["horizon_days"].unique().to_list() == [bundle.horizons.clv_days]
    chosen = grid.filter((pl.col("orders") == 3) & (pl.col("days_since_last_order") > 50)).row(0, named=True)
    silent = chosen["days_since_last_order"]
    summary = purchase_summary(shop_of([300, 290, silent]), AS_OF)
    model = bundle.purchase_model
    assert chosen["p_alive"] == pytest.approx(model.p_alive(summary)["p_alive"][0], rel=1e-12)
    expected = model.expected_orders(summary, bundle.horizons.clv_days)["expected_orders"][0]
    assert chosen["expected_orders"] == pytest.approx(expected, rel=1e-12)


def test_histories_that_cannot_be_are_left_out(bundle):
    grid = landscape(bundle, days_as_customer=40, most_orders=30)
    span = 40 - grid["days_since_last_order"]
    assert ((grid["orders"] == 1) == (span == 0)).all()
    assert (span >= grid["orders"] - 1).all()
    assert grid.select("orders", "days_since_last_order").is_unique().all()


def test_a_grid_of_nothing_is_refused_with_all_reasons(bundle):
    with pytest.raises(ConfigError, match=r"(?s)days_as_customer.*most_orders"):
        landscape(bundle, days_as_customer=1, most_orders=1)


def test_the_timeline_ends_with_what_scoring_says_and_starts_certain(bundle, big_shop):
    scores = score_bucket(big_shop, StoredBundle(bundle, "v"), AS_OF)
    chosen = scores.filter(pl.col("orders") == 5).row(0, named=True)
    timeline = customer_timeline(big_shop, bundle, chosen["customer_id"], AS_OF)
    assert timeline.days["p_alive"][-1] == pytest.approx(chosen["p_alive"], rel=1e-12)
    assert timeline.days["orders"][-1] == 5
    assert timeline.days["ordered"].sum() == 5
    assert timeline.days["day"][0] == chosen["first_order_date"]
    assert timeline.days["day"][-1] == date(2025, 6, 30)
    law = timeline.next_order
    assert law["day"].is_sorted()
    assert law["probability"].is_sorted()
    middle = law.filter(pl.col("probability") >= 0.5)["day"][0]
    assert abs((middle - chosen["expected_next_order_date"]).days) <= 1


def test_the_next_order_of_a_timeline_follows_the_season_of_the_scores(boosted, boosted_shop):
    # Nothing happens in odd weeks: half of the law's days.
    season = tuple(5.0 * (week % 2 - 1) for week in range(52))
    level = replace(boosted.refinement.level, season=season, season_starts_on=f"{BOOSTED_AS_OF:%Y-%m-%d}")
    seasonal = replace(boosted, refinement=replace(boosted.refinement, level=level))
    scores = score_bucket(boosted_shop, StoredBundle(seasonal, "v"), BOOSTED_AS_OF).filter(pl.col("orders") == 3)
    quiet = {BOOSTED_AS_OF.date() + timedelta(days=day) for day in range(28) if day // 7 % 2 == 0}
    for chosen in scores.head(5).iter_rows(named=True):
        law = customer_timeline(boosted_shop, seasonal, chosen["customer_id"], BOOSTED_AS_OF).next_order
        middle = law.filter(pl.col("probability") >= seasonal.refinement.dates.middle)["day"][0]
        assert abs((middle - chosen["expected_next_order_date"]).days) <= 1
        # A fortnight of them passes as much as a tenth of a busy day.
        assert law.filter(pl.col("day").is_in(list(quiet))).height <= 2
        assert chosen["expected_next_order_date"] not in quiet


def test_the_timeline_of_a_day_does_not_know_the_next(bundle, big_shop):
    customer = purchase_summary(big_shop, AS_OF).filter(pl.col("orders") >= 4)["customer_id"][0]
    whole = customer_timeline(big_shop, bundle, customer, AS_OF).days
    early = customer_timeline(big_shop, bundle, customer, "2025-03-01").days
    assert whole.head(early.height).equals(early)


def test_a_customer_who_is_not_there_is_named_by_no_error_text(bundle, big_shop):
    with pytest.raises(ColumnMismatch) as caught:
        customer_timeline(big_shop, bundle, "ada@example.com", AS_OF)
    assert "ada" not in str(caught.value)


def test_families_add_up_and_name_what_trees_read(boosted, boosted_shop):
    weights = family_weights(boosted_shop, boosted, boosted.as_of)
    assert weights["share"].sum() == pytest.approx(1.0, abs=1e-12)
    assert weights["share"].is_sorted(descending=True)
    assert {"alive", "orders"} < set(weights["family"])
    assert (weights["mean_factor"] >= 1).all()
