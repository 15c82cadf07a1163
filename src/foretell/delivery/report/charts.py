"""The report's figures as SVG, with the sentence that each of them shows and the numbers behind it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from foretell.delivery.run import Record, Run
from foretell.delivery.wording import money, percent, target_words, whole
from foretell.plots.backtest import plot_calibration, plot_decile_value
from foretell.plots.forecast import plot_expected_orders
from foretell.plots.style import page_figure, to_svg

HIGH_RISK = 0.66
_NAMESPACE = re.compile(r'\sxmlns(:\w+)?="[^"]*"')


@dataclass(frozen=True)
class Chart:
    """One figure of the page.

    Parameters
    ----------
    name : str
        Its id on the page.
    title : str
        Heading.
    svg : str
        The figure.
    says : str
        What it shows, one or two sentences computed from its numbers.
    header : tuple of str
        Column heads of its table.
    rows : tuple of tuple of str
        The numbers behind it.
    """

    name: str
    title: str
    svg: str
    says: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def decile_chart(run: Run) -> Chart | None:
    """Draw predicted and actual value by tenth of the customers, at the newest cutoff of the backtest.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    Chart or None
        None without a backtest of value or orders.
    """
    chosen = _newest(run.record, run.record.deciles, ("clv", "orders"))
    if chosen is None:
        return None
    target, cutoff, rows = chosen
    in_money = target == "clv"
    unit = (run.currency or "currency of the orders") if in_money else "orders"
    rows = rows.sort("decile", descending=True)

    def worth(value: float) -> str:
        return money(value, run.currency) if in_money else f"{value:,.2f} orders"

    with page_figure() as (figure, axes):
        plot_decile_value(rows, axes, unit=unit)
        svg = _inline(to_svg(figure, prefix="decile-"), title="Predicted and real value by tenth of the customers")
    predicted, actual = rows.get_column("predicted").to_list(), rows.get_column("actual").to_list()
    return Chart(
        name="decile",
        title=target_words(target),
        svg=svg,
        says=(
            f"Predicted as of {cutoff[:10]}, then compared with what happened. The best tenth of the customers was "
            f"predicted at {worth(predicted[0])} each and came to {worth(actual[0])}; the last tenth was predicted at "
            f"{worth(predicted[-1])} and came to {worth(actual[-1])}."
        ),
        header=("Tenth, best first", "Customers", "Predicted each", "Happened each"),
        rows=tuple(
            (str(rank), whole(customers), worth(p), worth(a))
            for rank, (customers, p, a) in enumerate(
                zip(rows.get_column("customers").to_list(), predicted, actual, strict=True), start=1
            )
        ),
    )


def calibration_chart(run: Run) -> Chart | None:
    """Draw how often customers really stopped against the risk that was predicted, at the newest cutoff.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    Chart or None
        None without a backtest of churn.
    """
    chosen = _newest(run.record, run.record.calibration, ("churn",))
    if chosen is None:
        return None
    _, cutoff, rows = chosen
    days = run.horizons.churn_days
    with page_figure() as (figure, axes):
        plot_calibration(rows, axes, event=f"did not order in {days} days")
        svg = _inline(to_svg(figure, prefix="calibration-"), title="Share that stopped by predicted risk")
    return Chart(
        name="calibration",
        title="Does a risk of 70 % mean 70 %?",
        svg=svg,
        says=(
            f"Predicted as of {cutoff[:10]}. Points on the dashed line are percentages that came true. "
            + _high_risk_sentence(rows, days)
        ),
        header=("Predicted risk", "Customers", f"Did not order in {days} days"),
        rows=tuple(
            (percent(row["predicted"], decimals=1), whole(row["customers"]), percent(row["observed"], decimals=1))
            for row in rows.sort("predicted").to_dicts()
        ),
    )


def forecast_chart(run: Run) -> Chart | None:
    """Draw the orders expected by week.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    Chart or None
        None without a forecast.
    """
    weeks = run.forecast.sort("week_starts_on")
    if "days" in weeks.columns:
        weeks = weeks.filter(pl.col("days") == 7)  # a cut week would look like a fall
    if weeks.is_empty():
        return None
    with page_figure() as (figure, axes):
        plot_expected_orders(weeks, axes)
        svg = _inline(to_svg(figure, prefix="forecast-"), title="Orders expected by week")
    month = weeks.head(4).get_column("expected_orders").to_numpy().sum()
    return Chart(
        name="forecast",
        title="Orders expected by week",
        svg=svg,
        says=(
            f"About {whole(float(month))} orders in the next four weeks from the customers known today. Those who "
            "order for the first time come on top, so the line falls with time even in a shop that grows. "
            "The model knows no season."
        ),
        header=("Week that starts on", "Expected orders"),
        rows=tuple((f"{row['week_starts_on']}", f"{row['expected_orders']:,.1f}") for row in weeks.to_dicts()),
    )


def _newest(record: Record, frame: pl.DataFrame, targets: Sequence[str]) -> tuple[str, str, pl.DataFrame] | None:
    for target in targets:
        rows = frame.filter((pl.col("target") == target) & (pl.col("rung") == record.rungs.get(target, "")))
        rows = rows.drop_nulls().drop_nans()
        if not rows.is_empty():
            cutoff = rows.get_column("cutoff").sort().to_list()[-1]
            return target, cutoff, rows.filter(pl.col("cutoff") == cutoff)
    return None


def _high_risk_sentence(rows: pl.DataFrame, days: int) -> str:
    high = rows.filter(pl.col("predicted") >= HIGH_RISK).sort("predicted")
    customers = high.get_column("customers").to_numpy().astype(float)
    if customers.sum() <= 0:
        return f"No group of customers was predicted at {percent(HIGH_RISK)} or more then."
    gone = float((customers * high.get_column("observed").to_numpy()).sum() / customers.sum())
    said = float((customers * high.get_column("predicted").to_numpy()).sum() / customers.sum())
    return (
        f"Of {whole(float(customers.sum()))} customers predicted at {percent(HIGH_RISK)} or more, {percent(gone)} did "
        f"not order in the {days} days that followed; {percent(said)} was predicted."
    )


def _inline(svg: str, *, title: str) -> str:
    """Make an SVG element part of an HTML page: no namespaces, fluid width, a name for screen readers."""
    head, rest = svg.split(">", 1)
    head = _NAMESPACE.sub("", head)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{title}">{rest}'
