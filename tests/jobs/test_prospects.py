"""Train and score with events and customers: prospects are a part of the bundle and a file of the folder."""

from pathlib import Path

import polars as pl

from foretell.config.settings import Settings
from foretell.jobs.score import score
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
