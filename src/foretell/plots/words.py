"""How numbers, months and names are written on a figure, whatever the machine's language is."""

from datetime import date

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Short names; strftime would write them in the language of the machine."""

_WORDS = {
    "clv": "value",
    "gini": "Gini",
    "rmse": "RMSE",
    "mae": "MAE",
    "auc": "AUC",
    "ece": "ECE",
    "spearman": "Spearman correlation",
    "median_abs_error_days": "median error (days)",
    "lifetimes_bgnbd": "lifetimes BG/NBD",
}


def thousands(value: float, _position: int = 0) -> str:
    """Write a number with commas between thousands; a tick formatter of matplotlib.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
    """
    return f"{value:,.10g}"


def short_day(day: date) -> str:
    """Write a day in two lines.

    Parameters
    ----------
    day : date
        The day.

    Returns
    -------
    str
        As in ``2 Nov`` over ``2026``.
    """
    return f"{day.day} {MONTHS[day.month - 1]}\n{day.year}"


def in_words(name: str) -> str:
    """Write a column's or a family's name as a reader would.

    Parameters
    ----------
    name : str
        As in ``log_loss``.

    Returns
    -------
    str
        As in ``log loss``.
    """
    return _WORDS.get(name, name.replace("_", " "))
