"""Time as the corridor: cutoffs, horizons, half-open windows and rolling cutoffs.

A cutoff (``as_of``) is the first instant that is not seen. Model time counts whole calendar days, so a cutoff
within a day counts that day as seen as far as it has gone, and ``first_unseen_day`` is the day after it.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from foretell.errors import WindowError

FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Years that orders and cutoffs may lie in: further off a date is a slip or a placeholder."""


@dataclass(frozen=True)
class Horizons:
    """How far ahead each answer looks, in days.

    Parameters
    ----------
    clv_days : int
        Horizon of predicted orders, spend and of the next-order date, > 0.
    churn_days : int
        A customer without a purchase for this long from the cutoff has churned, > 0.
    order_days : int
        Horizon of the short-term purchase probability, > 0.
    """

    clv_days: int = 365
    churn_days: int = 90
    order_days: int = 30

    def __post_init__(self) -> None:
        """Refuse horizons that are not whole numbers of days from 1 to 10,000."""
        for name in ("clv_days", "churn_days", "order_days"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10_000:
                msg = f"{name} must be a whole number of days from 1 to 10,000, got {value!r}."
                raise WindowError(msg)


@dataclass(frozen=True)
class Window:
    """A half-open stretch of time: ``start <= t < end``.

    Parameters
    ----------
    start, end : datetime
        Naive instants in the shop's zone, ``start < end``.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse an empty or reversed window."""
        if self.start >= self.end:
            msg = f"A window must end after it starts, got {self.start} to {self.end}."
            raise WindowError(msg)


def as_cutoff(value: date | datetime | str) -> datetime:
    """Read a cutoff: the first instant that is not seen.

    Parameters
    ----------
    value : date, datetime or str
        A date stands for its midnight; text is ISO 8601 (``2011-09-09`` or ``2011-09-09T15:00``).

    Returns
    -------
    datetime
        Naive, in the shop's zone.

    Raises
    ------
    WindowError
        If the text is not ISO 8601, the instant carries a time zone, or its year is none of an order.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            msg = f"{value!r} is not a date. Write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM."
            raise WindowError(msg) from None
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        msg = f"{value} is not between the years {FIRST_YEAR} and {LAST_YEAR}. Remedy: check the date."
        raise WindowError(msg)
    if not isinstance(value, datetime):
        return datetime.combine(value, time.min)
    if value.tzinfo is not None:
        msg = "A cutoff is an instant in the shop's own zone: give it without a UTC offset."
        raise WindowError(msg)
    return value


def first_unseen_day(cutoff: datetime) -> date:
    """Return the first calendar day of which nothing is seen at the cutoff.

    Parameters
    ----------
    cutoff : datetime
        The first instant that is not seen.

    Returns
    -------
    date
        The cutoff's own day if the cutoff is midnight, else the next day.
    """
    return cutoff.date() if cutoff.time() == time.min else cutoff.date() + timedelta(days=1)


def label_window(cutoff: datetime, horizon_days: int) -> Window:
    """Return the stretch of time that labels read.

    Parameters
    ----------
    cutoff : datetime
        The first instant of the window.
    horizon_days : int
        Length of the window in days, > 0.

    Returns
    -------
    Window
        ``cutoff <= t < cutoff + horizon_days``.
    """
    return Window(cutoff, cutoff + timedelta(days=horizon_days))


def rolling_cutoffs(
    *,
    first_seen: datetime,
    end: datetime,
    horizon_days: int,
    count: int = 3,
    step_days: int | None = None,
    min_history_days: int | None = None,
) -> tuple[datetime, ...]:
    """Return past cutoffs whose label windows are fully observed.

    Parameters
    ----------
    first_seen : datetime
        Instant of the first order.
    end : datetime
        First instant that is not observed; every label window ends by then.
    horizon_days : int
        Length of each label window in days, > 0.
    count : int
        At most so many cutoffs, > 0.
    step_days : int or None
        Days between cutoffs; None is half the horizon.
    min_history_days : int or None
        Days of history that a cutoff needs before it; None is half the horizon, at least 30.

    Returns
    -------
    tuple of datetime
        Oldest first, the newest at ``end - horizon_days``; empty if none fits.
    """
    step = timedelta(days=step_days if step_days is not None else max(horizon_days // 2, 1))
    history = timedelta(days=min_history_days if min_history_days is not None else max(horizon_days // 2, 30))
    newest = end - timedelta(days=horizon_days)
    candidates = (newest - step * i for i in range(count))
    return tuple(reversed([cutoff for cutoff in candidates if cutoff - history >= first_seen]))


def midnight_after(instant: datetime) -> datetime:
    """Return the midnight that ends a day.

    Parameters
    ----------
    instant : datetime
        Any instant of the day.

    Returns
    -------
    datetime
    """
    return datetime.combine(instant.date() + timedelta(days=1), time.min)
