"""What changed since the last run, in a marketer's counts: customers, risk, value, and segments."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from foretell.delivery.previous import Previous
from foretell.delivery.run import Run
from foretell.delivery.segment_diff import SegmentChange
from foretell.delivery.segment_files import SegmentsOfRun
from foretell.delivery.wording import money, whole


@dataclass(frozen=True)
class Compared:
    """One number of both runs.

    Parameters
    ----------
    title : str
        What it counts.
    before, now, change : str
        Written out; ``change`` has a sign.
    """

    title: str
    before: str
    now: str
    change: str


@dataclass(frozen=True)
class Since:
    """What changed.

    Parameters
    ----------
    as_of : datetime
        First instant that the last run did not see.
    compared : tuple of Compared
        Numbers of both runs.
    sentences : tuple of str
        Who came in, and who moved between the bands of churn risk.
    flags : tuple of (str, str)
        Title of a segment whose size jumped or collapsed, and what of it.
    started, ended : tuple of str
        Titles of segments that the last run did not have, and names of those that this one has not.
    """

    as_of: datetime
    compared: tuple[Compared, ...]
    sentences: tuple[str, ...]
    flags: tuple[tuple[str, str], ...]
    started: tuple[str, ...]
    ended: tuple[str, ...]


def since_last_run(run: Run, segments: SegmentsOfRun) -> Since | None:
    """Compare a run with the one before it.

    Parameters
    ----------
    run : Run
        A finished run.
    segments : SegmentsOfRun
        Its segments, with the run that they are compared with.

    Returns
    -------
    Since or None
        None where there is no earlier run.
    """
    if segments.diff is None:
        return None
    diff = segments.diff
    titles = {one.segment.name: one.segment.title for one in segments.selections}
    return Since(
        as_of=diff.since.as_of,
        compared=_compared(run, diff.since),
        sentences=_moves(run, diff.since),
        flags=tuple((titles[change.name], change.flag) for change in diff.changes if change.flag),
        started=tuple(title for name, title in titles.items() if diff.of(name) is None),
        ended=tuple(sorted(set(diff.since.rules) - set(titles))),
    )


def change_of(segments: SegmentsOfRun, name: str) -> SegmentChange | None:
    """Return how one segment changed since the last run.

    Parameters
    ----------
    segments : SegmentsOfRun
        Segments of a run.
    name : str
        Which.

    Returns
    -------
    SegmentChange or None
        None where there is no last run, or it did not have the segment.
    """
    return None if segments.diff is None else segments.diff.of(name)


def _compared(run: Run, previous: Previous) -> tuple[Compared, ...]:
    clv, churn = run.horizons.clv_days, run.horizons.churn_days
    compared = ("customer_id", "p_alive", "churn_band", f"predicted_orders_{clv}d", f"predicted_clv_{clv}d")
    then, now = (
        scores.select(*(name for name in compared if name in scores.columns))
        for scores in (previous.scores, run.scores)
    )
    rows: list[tuple[str, float, float, bool]] = [("Customers with at least one order", then.height, now.height, False)]
    if _both(then, now, "p_alive"):
        rows.append(("Still customers, about", _sum(then, "p_alive"), _sum(now, "p_alive"), False))
    if previous.horizons.churn_days == churn:
        was, is_now = (frame.filter(pl.col("churn_band") == "high").height for frame in (then, now))
        rows.append((f"At high risk of no order in {churn} days", was, is_now, False))
    if previous.horizons.clv_days == clv:
        orders, spend = f"predicted_orders_{clv}d", f"predicted_clv_{clv}d"
        if _both(then, now, orders):
            rows.append((f"Orders expected in {clv} days", _sum(then, orders), _sum(now, orders), False))
        if run.has_money and _both(then, now, spend):
            rows.append((f"Spend expected in {clv} days", _sum(then, spend), _sum(now, spend), True))

    def written(value: float, *, is_money: bool) -> str:
        return money(value, run.currency) if is_money else whole(value)

    return tuple(
        Compared(
            title,
            written(before, is_money=is_money),
            written(after, is_money=is_money),
            _signed(after - before, written(abs(after - before), is_money=is_money)),
        )
        for title, before, after, is_money in rows
    )


def _moves(run: Run, previous: Previous) -> tuple[str, ...]:
    both = run.scores.select("customer_id", pl.col("churn_band").alias("now")).join(
        previous.scores.select("customer_id", pl.col("churn_band").alias("then")), on="customer_id", how="inner"
    )
    new, gone = run.scores.height - both.height, previous.scores.height - both.height
    sentences = [
        f"{whole(new)} ordered for the first time since." if new else "Nobody ordered for the first time since."
    ]
    if gone:
        sentences.append(f"Of those scored then, {whole(gone)} can no longer be found in the orders that can be used.")
    if previous.horizons.churn_days == run.horizons.churn_days:
        is_high, was_high = pl.col("now") == "high", pl.col("then") == "high"
        fell, returned = both.filter(is_high & ~was_high).height, both.filter(was_high & ~is_high).height
        sentences.append(f"{whole(fell)} customers slipped into high risk, and {whole(returned)} came back out of it.")
    if run.model.version not in previous.scores.get_column("model_version").head(1).to_list():
        sentences.append("Another model scored then: part of the difference is the model's.")
    return tuple(sentences)


def _both(then: pl.DataFrame, now: pl.DataFrame, name: str) -> bool:
    return all(name in frame.columns and not frame[name].is_null().all() for frame in (then, now))


def _sum(frame: pl.DataFrame, name: str) -> float:
    return float(frame.sort("customer_id").get_column(name).fill_null(0.0).to_numpy().sum())


def _signed(value: float, written: str) -> str:
    return f"+{written}" if value > 0 else f"−{written}" if value < 0 else "±0"
