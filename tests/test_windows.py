"""Cutoffs, horizons, windows."""

from datetime import UTC, date, datetime

import pytest

from foretell.errors import WindowError
from foretell.windows import Horizons, Window, as_cutoff, first_unseen_day, label_window, rolling_cutoffs


@pytest.mark.parametrize("value", [date(2011, 9, 9), datetime(2011, 9, 9), "2011-09-09", " 2011-09-09T00:00 "])
def test_a_date_is_its_midnight(value: date | str) -> None:
    assert as_cutoff(value) == datetime(2011, 9, 9)


@pytest.mark.parametrize(
    "value", ["09.09.2011", "soon", "", "2011-09-09T00:00+02:00", datetime(2011, 9, 9, tzinfo=UTC)]
)
def test_what_is_no_naive_iso_instant_is_refused(value: datetime | str) -> None:
    with pytest.raises(WindowError):
        as_cutoff(value)


def test_a_cutoff_within_a_day_has_seen_that_day() -> None:
    assert first_unseen_day(datetime(2011, 9, 9)) == date(2011, 9, 9)
    assert first_unseen_day(datetime(2011, 9, 9, 15)) == date(2011, 9, 10)


def test_a_label_window_is_half_open() -> None:
    assert label_window(datetime(2011, 9, 9), 90) == Window(datetime(2011, 9, 9), datetime(2011, 12, 8))
    with pytest.raises(WindowError):
        Window(datetime(2011, 9, 9), datetime(2011, 9, 9))


@pytest.mark.parametrize("days", [0, -1, 1.5, True, 10_001])
def test_horizons_are_whole_days(days: int) -> None:
    with pytest.raises(WindowError, match="churn_days"):
        Horizons(churn_days=days)


def test_rolling_cutoffs_have_history_before_and_a_seen_window_after() -> None:
    first, end = datetime(1997, 1, 1), datetime(1998, 7, 1)
    cutoffs = rolling_cutoffs(first_seen=first, end=end, horizon_days=180, count=3)
    assert cutoffs == (datetime(1997, 7, 6), datetime(1997, 10, 4), datetime(1998, 1, 2))
    assert rolling_cutoffs(first_seen=first, end=end, horizon_days=500) == ()
    assert rolling_cutoffs(first_seen=first, end=end, horizon_days=180, step_days=1, count=2)[0] == datetime(1998, 1, 1)
