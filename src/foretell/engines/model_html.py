"""A trained model as a small table for notebooks: what it is, and how it did on the shop's own past."""

from html import escape

import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.bundles.record import newest_cutoff
from foretell.tables.notebook_html import html_table

_SHOWN = {
    "clv": ("gini", "spearman", "bias"),
    "orders": ("rmse", "bias"),
    "churn": ("auc", "log_loss", "ece"),
    "next_order": ("median_abs_error_days", "coverage"),
}


def model_html(bundle: Bundle, version: str) -> str:
    """Return a model as HTML for a notebook's cell.

    Parameters
    ----------
    bundle : Bundle
        The fitted values.
    version : str
        Hash of its content.

    Returns
    -------
    str
        Two small tables, escaped, without any customer's data, style left to the page.
    """
    horizons = bundle.horizons
    limits = [str(limit) for limit in bundle.card.get("limits", []) if limit != "none found"]
    facts = {
        "rung": bundle.rung,
        "trained as of": str(bundle.as_of).removesuffix(" 00:00:00"),
        "horizons": f"value {horizons.clv_days} days, churn {horizons.churn_days}, order {horizons.order_days}",
        "version": version,
        "limits": "; ".join(limits) or "none found",
    }
    parts = ["<b>foretell model</b>", html_table(list(facts.items()))]
    cutoff = newest_cutoff(bundle.record)
    if cutoff is None:
        parts.append("<p>Never judged on past windows.</p>")
    else:
        rows = _figures(bundle.record["backtest"].filter(pl.col("cutoff") == cutoff), bundle.rung)
        parts.append(f"<p>Judged on the window after {escape(cutoff)} [95 % interval]:</p>")
        parts.append(html_table([("answer", "metric", "value"), *rows], head=True))
    return f"<div>{''.join(parts)}</div>"


def _figures(table: pl.DataFrame, rung: str) -> list[tuple[str, str, str]]:
    rows = []
    for target, metrics in _SHOWN.items():
        mine = table.filter((pl.col("rung") == rung) & pl.col("target").str.starts_with(target))
        for metric in metrics:
            for value, low, high in mine.filter(pl.col("metric") == metric).select("value", "low", "high").rows()[:1]:
                interval = "" if low is None or high is None else f" [{low:.3g}, {high:.3g}]"
                shown = "–" if value is None else f"{value:.3g}{interval}"
                rows.append((target.replace("_", " "), metric.replace("_", " "), shown))
    return rows
