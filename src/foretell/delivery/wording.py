"""Plain words and written numbers for people who read no formulas."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from foretell.delivery.rule_columns import without_horizon

Better = Literal["higher", "lower", "zero"]


@dataclass(frozen=True)
class MetricWords:
    """How one metric of the backtest is told.

    Parameters
    ----------
    title : str
        A short heading.
    better : "higher", "lower" or "zero"
        Which values are good.
    style : "share", "change", "days", "number"
        How a value is written.
    explanation : str
        One sentence.
    """

    title: str
    better: Better
    style: Literal["share", "change", "days", "number"]
    explanation: str


METRICS: Mapping[str, MetricWords] = {
    "bias": MetricWords(
        "Total, predicted against real", "zero", "change", "0 % is right; +10 % means that too much was promised."
    ),
    "top10_capture": MetricWords(
        "Real value in the best tenth",
        "higher",
        "share",
        "How much of what really came in came from the tenth of the customers that was ranked best.",
    ),
    "gini": MetricWords(
        "Ranking", "higher", "number", "1 is the order that turned out to be right, 0 is a shuffled list."
    ),
    "log_loss": MetricWords(
        "Log loss", "lower", "number", "How far the probabilities were from what happened; 0 is perfect."
    ),
    "ece": MetricWords(
        "Average error of a percentage",
        "lower",
        "share",
        "How far a predicted percentage is from the share that really happened, on average.",
    ),
    "auc": MetricWords(
        "Pairs ranked right",
        "higher",
        "share",
        "Of a customer with and one without the event, how often the first had the higher risk; 50 % is chance.",
    ),
    "median_abs_error_days": MetricWords(
        "Typical miss", "lower", "days", "Half of the next orders came closer than this to the predicted date."
    ),
    "within_7_days": MetricWords(
        "Within a week", "higher", "share", "How many next orders came within 7 days of the predicted date."
    ),
    "concordance": MetricWords(
        "Pairs in the right order",
        "higher",
        "share",
        "Of two customers, how often the one predicted to order first did; 50 % is chance.",
    ),
    "coverage": MetricWords(
        "Inside the range",
        "higher",
        "share",
        "How many customers ended between the low and the high figure; 80 % or more is right.",
    ),
}
"""The metrics that are told to marketers, in the order in which they are told; others stay in the record."""

TARGETS: Mapping[str, str] = {
    "clv": "How much will each customer spend?",
    "orders": "How many times will each customer order?",
    "churn": "Who will stop buying?",
    "order": "Who will order soon?",
    "next_order": "When will the next order come?",
}

RUNGS: Mapping[str, str] = {
    "naive_rate": "Simple rule: the next period repeats the last",
    "naive_gap": "Simple rule: one usual gap after the last order",
    "lifetimes_bgnbd": "BG/NBD of the lifetimes library",
    "boosted": "foretell, trees on a purchase model",
    "purchase": "foretell, purchase model",
    "pareto": "foretell, Pareto/NBD",
}


def target_words(target: str) -> str:
    """Return the question that a target of the backtest answers.

    Parameters
    ----------
    target : str
        As in ``clv`` or ``order_30d``.

    Returns
    -------
    str
        A question in plain words; the name itself, without underscores, where none is known.
    """
    return TARGETS.get(without_horizon(target), target.replace("_", " "))


def rung_words(rung: str) -> str:
    """Return what a row of the backtest stands for.

    Parameters
    ----------
    rung : str
        As in ``naive_rate``.

    Returns
    -------
    str
        Plain words; the name itself, without underscores, where none are known.
    """
    return RUNGS.get(rung, rung.replace("_", " "))


MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def day_words(day: date) -> str:
    """Return a day as people write it, whatever the machine's language.

    Parameters
    ----------
    day : date
        Any day.

    Returns
    -------
    str
        As in ``1 November 2026``.
    """
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def instant_words(instant: datetime) -> str:
    """Return an instant as people write it: the day alone where it is midnight.

    Parameters
    ----------
    instant : datetime
        Naive, in the shop's zone.

    Returns
    -------
    str
        As in ``1 November 2026`` or ``1 November 2026, 15:30:00``.
    """
    day = day_words(instant.date())
    return day if instant.time() == time.min else f"{day}, {instant:%H:%M:%S}"


def whole(value: float) -> str:
    """Return a number without decimals, thousands set off.

    Parameters
    ----------
    value : float
        Any finite number.

    Returns
    -------
    str
        As in ``12,345``.
    """
    return f"{round(value) + 0:,}"


def money(value: float, currency: str | None) -> str:
    """Return a sum of money in words.

    Parameters
    ----------
    value : float
        In units of the currency.
    currency : str or None
        Code or sign; None writes the number alone.

    Returns
    -------
    str
        Whole units from 1,000 on, else two decimals.
    """
    text = whole(value) if abs(value) >= 1000 else f"{value + 0:,.2f}"
    return f"{text} {currency}" if currency else text


def percent(share: float, *, decimals: int = 0) -> str:
    """Return a share as a percentage.

    Parameters
    ----------
    share : float
        0 to 1.
    decimals : int
        Digits after the point.

    Returns
    -------
    str
        As in ``48 %``; a share that is not nothing never reads 0 %.
    """
    smallest = 10.0**-decimals
    if 0 < share * 100 < smallest:
        return f"under {smallest:g} %"
    return f"{share * 100 + 0:.{decimals}f} %"


def change(value: float) -> str:
    """Return a relative difference with its sign.

    Parameters
    ----------
    value : float
        0 is no difference, 0.1 is 10 % more.

    Returns
    -------
    str
        As in ``+10 %``.
    """
    rounded = round(value * 100)
    return "±0 %" if rounded == 0 else f"{rounded:+,} %".replace("-", "−")


def figure(value: float | None, style: str) -> str:
    """Return a figure of the backtest as text.

    Parameters
    ----------
    value : float or None
        None or NaN where there is none.
    style : str
        As in `MetricWords`.

    Returns
    -------
    str
        A dash where there is no figure.
    """
    if value is None or value != value:  # noqa: PLR0124  NaN is the one number that differs from itself
        return "–"
    if style == "share":
        return percent(value, decimals=1 if value < 0.1 else 0)
    if style == "change":
        return change(value)
    if style == "days":
        return f"{value:,.1f} days"
    return f"{value:.3f}"
