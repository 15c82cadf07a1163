"""The law that dates are read from: regularity and levels as past windows want them."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foretell.models.operational_time import OperationalTime
from foretell.training.timing import FEWEST_BUYERS, DatedWindow, fit_timing

OBSERVED = 200
AHEAD = 90


def window(seed, k, customers=1500, gap=25.0):
    """Customers who stay, with Erlang(k) gaps of a mean that differs between them, in whole days."""
    rng = np.random.default_rng(seed)
    mean = gap * rng.gamma(6.0, 1 / 6.0, customers)
    first = rng.uniform(0, 60, customers)
    gaps = rng.gamma(k, 1.0, (customers, 120)) * mean[:, None] / k
    days = np.ceil(first[:, None] + np.cumsum(np.c_[np.zeros(customers), np.maximum(gaps, 1.0)], axis=1))
    seen = days <= OBSERVED
    orders = seen.sum(axis=1)
    last = days[np.arange(customers), orders - 1]
    wait = days[np.arange(customers), orders] - OBSERVED
    logs = np.where(seen[:, 1:], np.log(np.diff(days, axis=1)), 0.0).sum(axis=1)
    summary = pl.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(customers)],
            "orders": orders,
            "repeat_orders": orders - 1,
            "days_first_to_last_order": last - days[:, 0],
            "days_observed": OBSERVED - days[:, 0],
            "sum_log_gaps_days": logs,
        }
    )
    return DatedWindow(summary, AHEAD, np.where(wait <= AHEAD, wait, np.nan))


def test_regular_gaps_are_read_from_a_regular_law():
    found = fit_timing([window(1, 4), window(2, 4)])
    assert found.k == 3
    assert "k = 1" in found.why


def test_gaps_without_memory_are_not_read_from_the_most_regular_law():
    # not 1 for sure: what counts are days off, and a slightly earlier date than the median of a long tail is nearer
    assert fit_timing([window(3, 1), window(4, 1)]).k < 3


def test_a_gain_of_a_hundredth_of_the_days_is_not_worth_another_level():
    # 7,700 buyers: an earlier level is 9.1 instead of 9.2 days off, several standard errors better.
    assert fit_timing([window(13, 1, 4000), window(14, 1, 4000)]).spread.middle == 0.5


def test_a_law_that_fits_keeps_its_levels():
    spread = fit_timing([window(5, 1), window(6, 1)]).spread
    # 2,700 buyers; gamma rates and nobody who leaves are within the model
    assert spread.early == pytest.approx((0.1,) * 3, abs=0.04)
    assert spread.late == pytest.approx((0.9,) * 3, abs=0.04)


def test_levels_are_learnt_in_the_time_of_each_window():
    # Three quiet weeks in which three days' worth passes, then days that count for 1.3.
    time = OperationalTime.of(np.log(np.where(np.arange(AHEAD) < 21, 1 / 7, 1.3)))
    in_season = []
    for seed in (5, 6):
        plain = window(seed, 1)
        days = np.ceil(time.calendar_days(plain.next_day - 0.5))
        in_season.append(replace(plain, next_day=np.where(plain.next_day <= time.total, days, np.nan), time=time))
    spread, blind = (fit_timing([replace(each, time=how) for each in in_season]).spread for how in (time, None))
    # As of a law that fits (above), and nowhere near it where waits are read as days.
    assert spread.early == pytest.approx((0.1,) * 3, abs=0.04)
    assert spread.late == pytest.approx((0.9,) * 3, abs=0.04)
    assert min(blind.early) > 0.2


def test_dates_of_the_next_window_are_covered():
    from foretell.models.cnbd import MBGCNBD
    from foretell.models.next_order import next_order_at_levels

    found = fit_timing([window(7, 4), window(8, 4)])
    judged = window(9, 4)
    model = MBGCNBD(k=found.k).fit(judged.summary)
    levels = found.spread.levels(judged.summary["orders"].to_numpy())
    early, _, late = np.ceil(next_order_at_levels(model, judged.summary, levels, horizon_days=AHEAD)).T
    bought = np.isfinite(judged.next_day)
    inside = (early <= judged.next_day) & (judged.next_day <= late)
    # 1,400 buyers: four standard errors of .011, and a quarter of a day on either side
    assert 0.76 <= inside[bought].mean() <= 0.87


def test_too_few_buyers_choose_nothing():
    few = window(10, 2)
    places = np.flatnonzero(np.isfinite(few.next_day))[: FEWEST_BUYERS - 1]
    kept = np.full(few.next_day.shape, np.nan)
    kept[places] = few.next_day[places]
    assert fit_timing([DatedWindow(few.summary, AHEAD, kept)]) is None
    assert fit_timing([]) is None


def test_a_window_in_which_nothing_can_be_fitted_is_passed_over():
    good, once = window(11, 3), window(12, 3)
    single = once.summary.with_columns(orders=1, repeat_orders=0, days_first_to_last_order=0.0, sum_log_gaps_days=0.0)
    found = fit_timing([good, DatedWindow(single, AHEAD, once.next_day)])
    assert found == fit_timing([good])


def test_large_shops_are_sampled(monkeypatch):
    whole = window(13, 3)
    part = DatedWindow(whole.summary.gather_every(2), AHEAD, whole.next_day[::2])
    monkeypatch.setattr("foretell.training.timing._MOST_CUSTOMERS", 750)
    assert fit_timing([whole]) == fit_timing([part])
