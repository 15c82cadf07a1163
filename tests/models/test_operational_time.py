"""Operational time against a sum over minutes, there and back, and never out of order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.models.operational_time import OperationalTime

BUSY = np.log([0.5, 2.0, 4.0, 0.1, 1.0])
LOGS = st.lists(st.floats(-5, 5), min_size=1, max_size=400)


def minute_by_minute(log_factors, wait):
    """The first minute by which a wait has passed, in days: no sum over days, no inverse."""
    passed, minutes = 0.0, 24 * 60
    for minute in range(len(log_factors) * minutes):
        passed += np.exp(log_factors[minute // minutes]) / minutes
        if passed >= wait:
            return (minute + 1) / minutes
    return float(len(log_factors))


def test_a_wait_ends_when_as_much_has_passed():
    time = OperationalTime.of(BUSY)
    waits = np.array([0.2, 0.5, 1.0, 2.4, 6.4, 6.55, 7.1])
    by_minute = [minute_by_minute(BUSY, wait) for wait in waits]
    # A minute of the slowest day and the last bits of the sum.
    np.testing.assert_allclose(time.calendar_days(waits), by_minute, atol=2 / (24 * 60))
    assert time.total == pytest.approx(7.6)
    np.testing.assert_allclose(time.by_end_of([0, 1, 3.0, 5]), [0, 0.5, 6.5, 7.6])


def test_where_days_are_alike_it_is_the_calendars():
    assert OperationalTime.of(np.zeros(30)) is None


def test_twice_as_busy_throughout_halves_every_wait():
    time = OperationalTime.of(np.full(10, np.log(2)))
    np.testing.assert_allclose(time.calendar_days([1.0, 5.0, 20.0]), [0.5, 2.5, 10.0], rtol=1e-12)


def test_nothing_known_stays_unknown_and_nothing_leaves_the_horizon():
    time = OperationalTime.of(BUSY)
    found = time.calendar_days([np.nan, 0.0, 7.7, 1e9])
    assert np.isnan(found[0])
    np.testing.assert_array_equal(found[1:], [0.0, 5.0, 5.0])


@given(logs=LOGS, levels=st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_later_waits_never_end_earlier(logs, levels):
    time = OperationalTime.of(logs)
    if time is not None:
        waits = np.sort(levels) * time.total
        ends = time.calendar_days(waits)
        assert (np.diff(ends) >= 0).all()
        assert (np.diff(np.ceil(ends)) >= 0).all()
        assert ((ends >= 0) & (ends <= time.days)).all()


@given(logs=LOGS)
def test_what_has_passed_by_the_end_of_a_day_ends_on_that_day(logs):
    time = OperationalTime.of(logs)
    if time is not None:
        days = np.arange(time.days + 1)
        # A day that is e^10 times shorter than its neighbours can vanish in the last bits of the sum.
        apart = np.r_[True, np.diff(time.passed) > 0]
        np.testing.assert_array_equal(np.ceil(time.calendar_days(time.by_end_of(days)))[apart], days[apart])


@pytest.mark.parametrize("logs", [[], [np.nan], [np.inf], [[0.1]]])
def test_factors_that_are_none_are_refused(logs):
    with pytest.raises(ValueError, match="log factors"):
        OperationalTime.of(logs)
