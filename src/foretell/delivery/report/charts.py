"""The report's figures as SVG, with the sentence that each of them shows and the numbers behind it."""

import html
import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from foretell.delivery.report.told import newest_rows, top_shares
from foretell.delivery.run import Run
from foretell.delivery.wording import day_words, money, percent, target_words, whole
from foretell.plots.backtest import plot_calibration, plot_decile_value
from foretell.plots.forecast import plot_expected_orders
from foretell.plots.lookalike import plot_reach
from foretell.plots.style import hover, page_figure, to_svg

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
    chosen = newest_rows(run.record, run.record.deciles, ("clv", "orders"))
    if chosen is None:
        return None
    target, cutoff, rows = chosen
    in_money = target == "clv"
    unit = (run.currency or "currency of the orders") if in_money else "orders"
    rows = rows.sort("decile", descending=True)

    def worth(value: float) -> str:
        return money(value, run.currency) if in_money else f"{value:,.2f} orders"

    predicted, actual = rows.get_column("predicted").to_list(), rows.get_column("actual").to_list()
    with page_figure() as (figure, axes):
        plot_decile_value(rows, axes, unit=unit)
        told = [f"Tenth {rank}: {worth(value)} predicted for each" for rank, value in enumerate(predicted, start=1)]
        told += [f"Tenth {rank}: {worth(value)} from each" for rank, value in enumerate(actual, start=1)]
        titles = hover(axes.patches, told)
        svg = _inline(to_svg(figure, prefix="decile-", titles=titles), title="Predicted and real value by tenth")
    shares = top_shares(rows)
    says = (
        f"Predicted as of {_day_of(cutoff)}, then compared with what happened. The best tenth of the customers was "
        f"predicted at {worth(predicted[0])} each and came to {worth(actual[0])}; the last tenth was predicted at "
        f"{worth(predicted[-1])} and came to {worth(actual[-1])}."
    )
    if shares is not None:
        says += f" The best tenth brought {percent(shares[1])} of everything; {percent(shares[0])} was predicted."
    return Chart(
        name="decile",
        title=target_words(target),
        svg=svg,
        says=says,
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
    chosen = newest_rows(run.record, run.record.calibration, ("churn",))
    if chosen is None:
        return None
    _, cutoff, rows = chosen
    days = run.horizons.churn_days
    with page_figure() as (figure, axes):
        plot_calibration(rows, axes, event=f"did not order in {days} days")
        svg = _inline(to_svg(figure, prefix="calibration-"), title="Share that stopped by predicted risk")
    rows = rows.sort("predicted")
    return Chart(
        name="calibration",
        title="Does a risk of 70 % mean 70 %?",
        svg=_point_titles(
            svg,
            [
                f"{whole(row['customers'])} customers: {percent(row['predicted'])} predicted, "
                f"{percent(row['observed'])} did not order"
                for row in rows.filter(pl.col("customers") > 0).to_dicts()
            ],
        ),
        says=f"Predicted as of {_day_of(cutoff)}. Points on the dashed line are percentages that came true.",
        header=("Predicted risk", "Customers", f"Did not order in {days} days"),
        rows=tuple(
            (percent(row["predicted"], decimals=1), whole(row["customers"]), percent(row["observed"], decimals=1))
            for row in rows.to_dicts()
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
    rows = weeks.to_dicts()
    has_range = {"expected_orders_low", "expected_orders_high"} <= set(weeks.columns)
    has_spend = run.has_money and "expected_spend" in weeks.columns and weeks["expected_spend"].null_count() == 0
    has_spend_range = has_spend and {"expected_spend_low", "expected_spend_high"} <= set(weeks.columns)

    between = " (4 times of 5 between)"

    def cells(row: dict[str, float]) -> tuple[str, ...]:
        orders = f"{row['expected_orders']:,.1f}"
        if has_range:
            orders += f" ({row['expected_orders_low']:,.1f} to {row['expected_orders_high']:,.1f})"
        if not has_spend:
            return (orders,)
        spend = money(row["expected_spend"], run.currency)
        if has_spend_range:
            low, high = (money(row[f"expected_spend_{end}"], run.currency) for end in ("low", "high"))
            spend += f" ({low} to {high})"
        return orders, spend

    with page_figure() as (figure, axes):
        plot_expected_orders(weeks, axes)
        told = [f"Week from {day_words(row['week_starts_on'])}: {row['expected_orders']:,.1f} orders" for row in rows]
        titles = hover(axes.patches, told)
        svg = _inline(to_svg(figure, prefix="forecast-", titles=titles), title="Orders expected by week")
    month = weeks.head(4).get_column("expected_orders").to_numpy().sum()
    return Chart(
        name="forecast",
        title="Orders expected by week",
        svg=svg,
        says=(
            f"About {whole(float(month))} orders in the next four weeks from the customers known today. Those who "
            "order for the first time come on top, more of them week by week."
        ),
        header=(
            "Week that starts on",
            f"Expected orders{between if has_range else ''}",
            *((f"Expected spend{between if has_spend_range else ''}",) if has_spend else ()),
        ),
        rows=tuple((f"{row['week_starts_on']}", *cells(row)) for row in rows),
    )


def reach_chart(run: Run) -> Chart | None:
    """Draw how many of the held-out seeds a lookalike audience holds, by its size.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    Chart or None
        None where no lookalike run was published beside it.
    """
    reached = run.reached
    if reached is None:
        return None
    reach = reached.reach.sort("top_share")
    rows = reach.to_dicts()
    told = [
        f"{percent(row['top_share'])} most alike, {whole(row['top_share'] * reached.ranked)} customers: "
        f"{percent(row['recall'])} of the hidden seeds, {row['lift']:.1f} times chance"
        for row in rows
    ]
    with page_figure() as (figure, axes):
        plot_reach(reach, axes)
        # what a pointer finds: wide, unseen marks over the points of the curve
        marks = [
            axes.plot(row["top_share"], row["recall"], marker="o", markersize=16, alpha=0, linestyle="")[0]
            for row in rows
        ]
        svg = to_svg(figure, prefix="reach-", titles=hover(marks, told))
        svg = _inline(svg, title="Held-out seeds in the audience by its size")
    best = rows[min(3, len(rows) - 1)]
    return Chart(
        name="reach",
        title="How far a lookalike audience reaches",
        svg=svg,
        says=(
            f"{whole(reached.ranked)} customers were ranked as of {day_words(reached.as_of.date())} by how much they "
            f"resemble {whole(reached.seeds)} seeds. The {percent(best['top_share'])} most alike hold "
            f"{percent(best['recall'])} of the seeds that were hidden: {best['lift']:.1f} times as many as a random "
            f"draw ({best['lift_low']:.1f} to {best['lift_high']:.1f}). A larger audience reaches more of them and is "
            "less alike."
        ),
        header=("Size", "Customers", "Hidden seeds in it", "95 % interval", "Times chance"),
        rows=tuple(
            (
                percent(row["top_share"]),
                whole(row["top_share"] * reached.ranked),
                percent(row["recall"]),
                f"{percent(row['recall_low'])} to {percent(row['recall_high'])}",
                f"{row['lift']:.1f}",
            )
            for row in rows
        ),
    )


def _point_titles(svg: str, titles: list[str]) -> str:
    """Give each marker of the scatter its text; none where they cannot be told apart."""
    head, mark, rest = svg.partition('id="calibration-PathCollection_1"')
    body, end, tail = rest.partition("</g>\n   <g ")
    points = re.findall(r'<path [^>]*style="fill[^>]*/>', body)
    if len(points) != len(titles):
        return svg
    for point, title in zip(points, titles, strict=True):
        body = body.replace(point, f"{point[:-2]}><title>{html.escape(title)}</title></path>", 1)
    return head + mark + body + end + tail


def _inline(svg: str, *, title: str) -> str:
    """Make an SVG element part of an HTML page: no namespaces, fluid width, a name for screen readers."""
    head, rest = svg.split(">", 1)
    head = _NAMESPACE.sub("", head)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{title}">{rest}'


def _day_of(cutoff: str) -> str:
    return day_words(date.fromisoformat(cutoff[:10]))
