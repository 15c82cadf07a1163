"""The model card: what a bundle is, in plain words, for whoever opens its folder."""

from collections.abc import Mapping
from typing import Any

from foretell.bundles.bundle import Bundle
from foretell.bundles.record import newest_cutoff
from foretell.bundles.refinement import AMOUNTS


def render_card(bundle: Bundle) -> str:
    """Return the model card as Markdown.

    Parameters
    ----------
    bundle : Bundle
        The fitted values; its facts come from ``bundle.card``.

    Returns
    -------
    str
        Markdown text without personal data; equal bundles give equal text.
    """
    horizons = bundle.horizons
    lines = [
        "# Model card",
        "",
        f"A `{bundle.rung}` model trained on everything seen before {bundle.as_of.isoformat()}.",
        f"It predicts purchases and spend for {horizons.clv_days} days,",
        f"churn (no purchase) for {horizons.churn_days} days and a purchase within {horizons.order_days} days.",
        f"Future spend is discounted at {bundle.annual_discount_rate:.2%} a year.",
        "",
    ]
    for title, facts in sorted(bundle.card.items()):
        lines += [f"## {str(title).replace('_', ' ').capitalize()}", "", *_bullets(facts), ""]
    lines += ["## Reasons", "", *_reasons(bundle), "", "## Record", "", *_record(bundle), ""]
    return "\n".join(lines)


def _bullets(facts: Any) -> list[str]:
    if isinstance(facts, Mapping):
        return [f"- {str(name).replace('_', ' ')}: {_text(value)}" for name, value in sorted(facts.items())]
    if isinstance(facts, list | tuple):
        return [f"- {_text(value)}" for value in facts]
    return [_text(facts)]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(item)}" for name, item in sorted(value.items()))
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)


def _reasons(bundle: Bundle) -> list[str]:
    value = "predicted orders" if bundle.spend_model is None else "predicted value"
    factors = "the chance of still being one, the orders expected of one who is" + (
        "" if bundle.spend_model is None else ", the money expected of an order"
    )
    lines = [
        f"They tell what sets a customer's {value} for {bundle.horizons.clv_days} days apart from that of the shop's",
        f"typical customer: {factors}. The largest distance on a log scale comes first.",
    ]
    if bundle.refinement is not None and any(bundle.refinement.trees[name].boosters for name in AMOUNTS):
        lines.append(
            "What trees add to these is told by family of features, as exact Shapley values, from a tenth of all "
            "distances on. They describe the model: what raises a prediction need not cause a purchase."
        )
    return lines


def _record(bundle: Bundle) -> list[str]:
    table, newest = bundle.record["backtest"], newest_cutoff(bundle.record)
    if newest is None:
        return ["No past window was long enough to judge this model on: treat its numbers as untested."]
    rows = table.filter((table["cutoff"] == newest) & (table["rung"] == bundle.rung))
    head = [f"At the newest cutoff, {newest}:", "", "| target | metric | value | low | high |", "|---|---|---|---|---|"]
    body = [
        f"| {row['target']} | {row['metric']} | {_cell(row['value'])} | {_cell(row['low'])} | {_cell(row['high'])} |"
        for row in rows.to_dicts()
    ]
    return head + body


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
