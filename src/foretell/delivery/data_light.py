"""How sound the ground of a run is, its rows and its model's age: a light with words."""

from foretell.delivery.run import Run
from foretell.delivery.trust import Level, Verdict
from foretell.delivery.wording import percent, whole

UNUSABLE_FINE, UNUSABLE_BAD = 0.01, 0.10
"""Shares of the rows that could not be used: up to the first is fine, from the second on is bad."""
FRESH_DAYS = 7
"""A newest order older than this says that the data may lag."""
_TITLES: dict[Level, str] = {"good": "Sound", "caution": "Read this note", "bad": "Look at the data first"}
_ORDER: tuple[Level, ...] = ("good", "caution", "bad")


def data_light(run: Run) -> Verdict:
    """Judge the rows that a run rests on: how many could not be used, how old the newest is, how old the model.

    Parameters
    ----------
    run : Run
        A finished run.

    Returns
    -------
    Verdict
        With an empty target; as good as the weakest of the three.
    """
    found = [part for part in (_unusable(run), _newest(run), _model(run)) if part is not None]
    level = max((level for level, _ in found), key=_ORDER.index)
    return Verdict("", "Data and model", level, _TITLES[level], tuple(words for _, words in found))


def _unusable(run: Run) -> tuple[Level, str]:
    counts = run.counts
    if not counts.quarantined:
        return "good", f"All {whole(counts.rows_in)} rows could be read."
    share = counts.quarantined / max(counts.rows_in, 1)
    level: Level = "good" if share <= UNUSABLE_FINE else "caution" if share < UNUSABLE_BAD else "bad"
    return level, f"{whole(counts.quarantined)} of {whole(counts.rows_in)} rows could not be used ({percent(share)})."


def _newest(run: Run) -> tuple[Level, str] | None:
    if run.newest_order_at is None:
        return None
    days = (run.as_of.date() - run.newest_order_at.date()).days
    level: Level = "good" if days <= FRESH_DAYS else "caution" if days < run.horizons.churn_days else "bad"
    return level, f"The newest order is {whole(days)} {'day' if days == 1 else 'days'} before the day of these scores."


def _model(run: Run) -> tuple[Level, str] | None:
    days = (run.as_of - run.model.trained_as_of).days
    if days <= run.horizons.churn_days:
        return None
    return "caution", f"The model learnt {whole(days)} days ago: train a new one."
