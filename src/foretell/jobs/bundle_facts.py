"""A bundle in the words and tables of a published folder."""

from typing import Any

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.delivery.run import ModelFacts, Record


def model_facts(stored: StoredBundle) -> ModelFacts:
    """Return what a published folder says of the bundle that scored it.

    Parameters
    ----------
    stored : StoredBundle
        The bundle with its version.

    Returns
    -------
    ModelFacts
    """
    bundle = stored.bundle
    facts: dict[str, str] = {"Rung": bundle.rung}
    for title in ("purchase_model", "spend_model"):
        part = bundle.card.get(title)
        if isinstance(part, dict):
            label = title.replace("_", " ").capitalize()
            facts |= {f"{label}: {name.replace('_', ' ')}": _fact(value) for name, value in part.items()}
    limits = bundle.card.get("limits", [])
    return ModelFacts(
        stored.version,
        bundle.as_of,
        facts,
        tuple(str(limit) for limit in limits if limit != "none found"),
        bundle.annual_discount_rate,
    )


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_fact(item)}" for name, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def past_record(stored: StoredBundle) -> Record:
    """Return how the bundle's recipe did on the shop's own past.

    Parameters
    ----------
    stored : StoredBundle
        The bundle with its version.

    Returns
    -------
    Record
        With the reason where it was never judged.
    """
    record = stored.bundle.record
    if record["backtest"].is_empty():
        return Record(reason_if_empty="The history before training was too short to judge the model on its own past.")
    targets = record["backtest"].filter(pl.col("rung") == stored.bundle.rung)["target"].unique().sort()
    return Record(
        table=record["backtest"],
        deciles=record["deciles"],
        calibration=record["calibration"],
        comparisons=record["comparisons"],
        rungs=dict.fromkeys(targets.to_list(), stored.bundle.rung),
        naive_rungs=("naive_rate", "naive_gap"),
    )
