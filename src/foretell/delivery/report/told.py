"""How right we were, in sentences with counts: of those marked, how many did what was said."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from foretell.delivery.run import Record, Run
from foretell.delivery.wording import day_words, percent, whole

REVIEWED_RUNS = 6
EDGES = (0.33, 0.66)
"""Risks at which the bands medium and high begin, unless the run's options say others."""


@dataclass(frozen=True)
class Sums:
    """What a past run said of all customers together, and what came.

    Parameters
    ----------
    said_on : str
        Its day.
    about : str
        Orders, spend or customers.
    days : int
        How far it looked ahead.
    said, came : float
        Sums over all customers scored then.
    is_money : bool
        Whether they are currency.
    """

    said_on: str
    about: str
    days: int
    said: float
    came: float
    is_money: bool


def newest_rows(record: Record, frame: pl.DataFrame, targets: tuple[str, ...]) -> tuple[str, str, pl.DataFrame] | None:
    """Pick what the backtest says of this run's model at the newest cutoff.

    Parameters
    ----------
    record : Record
        What the backtest found.
    frame : pl.DataFrame
        Its deciles or its calibration.
    targets : tuple of str
        Answers in the order of preference.

    Returns
    -------
    (str, str, pl.DataFrame) or None
        The first target of which there is something, its cutoff, and the rows; None where there is nothing.
    """
    for target in targets:
        rows = frame.filter((pl.col("target") == target) & (pl.col("rung") == record.rungs.get(target, "")))
        rows = rows.drop_nulls().drop_nans()
        if not rows.is_empty():
            cutoff = rows.get_column("cutoff").sort().to_list()[-1]
            return target, cutoff, rows.filter(pl.col("cutoff") == cutoff)
    return None


def backtest_sentences(run: Run) -> tuple[str, ...]:
    """Tell what the newest backtest found, with counts.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    tuple of str
        On risk, then on value; empty without a backtest of either.
    """
    found = []
    churn = newest_rows(run.record, run.record.calibration, ("churn",))
    if churn is not None:
        found += _risk_sentences(churn[2], run)
    value = newest_rows(run.record, run.record.deciles, ("clv", "orders"))
    if value is not None and (shares := top_shares(value[2])) is not None:
        what = "spend" if value[0] == "clv" else "orders"
        found.append(
            f"The tenth of the customers ranked best brought {percent(shares[1])} of the {what} that came in; "
            f"{percent(shares[0])} had been predicted."
        )
    return tuple(found)


def top_shares(deciles: pl.DataFrame) -> tuple[float, float] | None:
    """Return the share of the best tenth, predicted and happened.

    Parameters
    ----------
    deciles : pl.DataFrame
        One cutoff, one rung, one target: columns decile (10 = best predicted), customers, predicted, actual.

    Returns
    -------
    (float, float) or None
        0 to 1; None where nothing was predicted or nothing came.
    """
    best = (deciles["decile"] == deciles["decile"].max()).to_numpy()
    customers = deciles["customers"].to_numpy().astype(float)
    shares = []
    for name in ("predicted", "actual"):
        sums = customers * deciles[name].to_numpy()
        if sums.sum() <= 0:
            return None
        shares.append(float(sums[best].sum() / sums.sum()))
    return shares[0], shares[1]


def review_sentences(run: Run) -> tuple[str, ...]:
    """Tell what became of the customers whom earlier runs marked high or low risk.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    tuple of str
        Newest run first; empty without a review.
    """
    bands = run.reviewed_bands
    if bands.is_empty():
        return ()
    rows = bands.filter(pl.col("band").is_in(["high", "low"]) & (pl.col("customers") > 0))
    rows = rows.filter(pl.col("cutoff").is_in(_newest(rows).implode()))
    return tuple(_band_sentence(row) for row in rows.sort("cutoff", "band", descending=[True, False]).to_dicts())


def review_sums(run: Run) -> tuple[Sums, ...]:
    """Return what earlier runs said of all customers together, and what came.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    tuple of Sums
        Newest run first; empty without a review.
    """
    if run.reviewed.is_empty():
        return ()
    about = {"orders": "orders", "clv": "spend", "churn": "customers without an order"}
    rows = run.reviewed.filter(pl.col("cutoff").is_in(_newest(run.reviewed).implode()))
    return tuple(
        Sums(
            day_words(row["cutoff"].date()),
            about.get(row["target"], "customers with an order"),
            row["days"],
            row["predicted"],
            row["actual"],
            row["target"] == "clv",
        )
        for row in rows.sort("cutoff", descending=True, maintain_order=True).to_dicts()
    )


def _newest(rows: pl.DataFrame) -> pl.Series:
    return rows["cutoff"].unique().sort(descending=True).head(REVIEWED_RUNS)


def _band_sentence(row: dict[str, Any]) -> str:
    gone, said = (row[name] * row["customers"] for name in ("observed", "predicted"))
    return (
        f"On {day_words(row['cutoff'].date())}: of {whole(row['customers'])} customers marked {row['band']} risk, "
        f"{whole(gone)} did not order in {row['days']} days; {whole(said)} were expected not to."
    )


def _risk_sentences(rows: pl.DataFrame, run: Run) -> list[str]:
    low, high = run.options.get("churn_band_edges", EDGES)
    days, told = run.horizons.churn_days, []
    groups = (
        (pl.col("predicted") >= high, f"high risk ({percent(high)} or more)"),
        (pl.col("predicted") < low, f"low risk (below {percent(low)})"),
    )
    for which, words in groups:
        part = rows.filter(which).sort("predicted")
        customers = part.get_column("customers").to_numpy().astype(float)
        if customers.sum() <= 0:
            told.append(f"No group of customers was marked {words} then.")
            continue
        gone = float((customers * part.get_column("observed").to_numpy()).sum())
        said = float((customers * part.get_column("predicted").to_numpy()).sum())
        told.append(
            f"Of {whole(float(customers.sum()))} customers marked {words}, {whole(gone)} did not order in the {days} "
            f"days that followed; {whole(said)} had been expected not to."
        )
    return told
