"""Days as places on an axis, named at the starts of months."""

from collections.abc import Sequence
from datetime import date, timedelta

from matplotlib.axes import Axes

from foretell.plots.words import short_day

_EPOCH = date(1970, 1, 1)
_MOST_NAMES = 6


def places_of(days: Sequence[date]) -> list[int]:
    """Return the place of each day on an axis.

    Parameters
    ----------
    days : sequence of date
        Any days.

    Returns
    -------
    list of int
        Days since 1970-01-01.
    """
    return [(day - _EPOCH).days for day in days]


def name_days(axes: Axes, first: int, last: int) -> None:
    """Name some starts of months along the horizontal axis; single days where the stretch holds fewer than two.

    Parameters
    ----------
    axes : Axes
        What was drawn on.
    first, last : int
        Ends of the stretch, as from `places_of`.
    """
    stretch = [_EPOCH + timedelta(days=place) for place in range(first, last + 1)]
    named = [day for day in stretch if day.day == 1]
    if len(named) < 2:
        named = stretch
    named = named[:: max(-(-len(named) // _MOST_NAMES), 1)]
    axes.set_xticks(places_of(named), [short_day(day) for day in named])
