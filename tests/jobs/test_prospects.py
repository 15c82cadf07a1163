"""Train and score with events and customers: prospects are a part of the bundle and a file of the folder."""

from pathlib import Path

import polars as pl

from foretell.config.settings import Settings
from foretell.jobs.score import score
from foretell.jobs.segment_check import lint_segments
from foretell.jobs.segment_preview import preview_segment
from foretell.jobs.segments import list_segments
from foretell.jobs.train import train
from foretell.tables.dataset import MINOR_PER_UNIT
from foretell.tables.simulate import simulate

AS_OF = "2025-10-01"


def settings_in(folder: Path) -> Settings:
    data, _ = simulate(customers=900, seed=5, tables=("events", "customers"))
    orders = data.orders.with_columns(amount=pl.col("amount_minor") / MINOR_PER_UNIT)
    orders.select("customer_id", "ordered_at", "order_id", "amount").collect().write_csv(folder / "orders.csv")
    for name in ("events", "customers"):
        table = getattr(data.optional, name).collect()
        table.select(pl.exclude("^.*_minor$")).write_csv(folder / f"{name}.csv")
    keys = {"customer_id": "customer_id"}
    return Settings.model_validate(
        {
            "shop": {"name": "shop"},
            "data": {
                "orders": {
                    "path": str(folder / "orders.csv"),
                    **keys,
                    "ordered_at": "ordered_at",
                    "amount": "amount",
                    "order_id": "order_id",
                },
                "events": {"path": str(folder / "events.csv"), **keys, "occurred_at": "occurred_at", "event": "event"},
                "customers": {"path": str(folder / "customers.csv"), **keys, "signed_up_at": "signed_up_at"},
            },
            "training": {"rungs": ("purchase",)},
            "folders": {"models": folder / "models", "output": folder / "out"},
            "tracking": {"enabled": False},
        }
    )


OWN = """
[[segments]]
name = "likely_carts"
people = "prospects"
where = "p_first_order > 0.3 AND funnel_state = 'cart'"

[[segments]]
name = "other_days"
people = "prospects"
where = "p_first_order_30d > 0.3"

[[segments]]
name = "no_lines"
people = "prospects"
where = "low_price_lines_share > 0.3"
"""


def test_segments_read_what_is_foretold_of_people_without_an_order(tmp_path: Path):
    settings = settings_in(tmp_path)
    (tmp_path / "segments").mkdir()
    (tmp_path / "segments" / "own.toml").write_text(OWN, encoding="utf-8")
    chosen = settings.segments.model_copy(update={"folder": tmp_path / "segments"})
    settings = settings.model_copy(update={"segments": chosen})
    train(settings, as_of=AS_OF)
    folder = score(settings, as_of=AS_OF).folder
    table = pl.read_parquet(folder / "prospects.parquet")
    carts = table.filter((pl.col("p_first_order_90d") > 0.3) & (pl.col("funnel_state") == "cart"))
    found = pl.read_csv(folder / "segments" / "likely_carts.csv")
    assert set(found["customer_id"]) == set(carts["customer_id"])
    assert found.columns[:5] == [
        "customer_id",
        "why_here",
        "funnel_state",
        "days_since_last_event",
        "p_first_order_90d",
    ]
    best = pl.read_csv(folder / "segments" / "prospects_top.csv")
    assert set(best["customer_id"]) == set(table.filter(pl.col("prospect_percentile") > 90)["customer_id"])
    pools = [path.stem for path in (folder / "segments").glob("remarketing_*.csv")]
    ids = pl.concat([pl.read_csv(folder / "segments" / f"{name}.csv")["customer_id"] for name in pools])
    assert "remarketing_member" in pools
    assert len(ids) == ids.n_unique()
    rows = {row["name"]: row for row in list_segments(settings).rows}
    assert rows["likely_carts"]["customers"] == carts.height
    assert "p_first_order_90d; p_first_order means it whatever its days" in rows["other_days"]["off"]
    assert rows["no_lines"]["off"] == "The data have no low_price_lines_share."
    assert any(
        "chance of a first order within 90 days" in line for line in preview_segment(settings, "likely_carts").lines()
    )
    assert lint_segments(settings).errors == 0


def test_without_a_model_of_first_orders_segments_say_so(tmp_path: Path):
    settings = settings_in(tmp_path)
    # what tells of people without an order begins too late for a window behind 30 days of it
    for name, day in (("events", "occurred_at"), ("customers", "signed_up_at")):
        rows = pl.read_csv(tmp_path / f"{name}.csv").filter(pl.col(day) >= "2025-07-15")
        rows.write_csv(tmp_path / f"{name}.csv")
    train(settings, as_of=AS_OF)
    score(settings, as_of=AS_OF)
    rows = {row["name"]: row for row in list_segments(settings).rows}
    why = (
        "It reads prospect_percentile, but the model tells no chances of first orders: no window of 90 days lies behind"
    )
    assert rows["prospects_top"]["off"].startswith(why)
    assert rows["remarketing_member"]["customers"] > 0


def test_prospects_are_trained_scored_and_published(tmp_path: Path):
    settings = settings_in(tmp_path)
    trained = train(settings, as_of=AS_OF)
    facts = trained.model.bundle.card["prospects"]
    assert facts["state"] == "on"
    assert any(line.startswith("Prospects: on, ") for line in trained.lines())
    result = score(settings, as_of=AS_OF)
    assert {"prospects.csv", "prospects.parquet"} <= set(result.files)
    table, scores = (pl.read_parquet(result.folder / f"{name}.parquet") for name in ("prospects", "scores"))
    assert table.height > 100
    assert not set(table["customer_id"]) & set(scores["customer_id"])
    assert set(table["model_version"]) == {result.model_version}
    text = (result.folder / "prospects.csv").read_text("utf-8-sig")
    assert "@example.com" not in text
    assert "+4477" not in text
    assert not score(settings, as_of=AS_OF).changed
