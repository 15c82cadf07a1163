"""The posterior of the season beside a slow one: the joint normal law of weeks and cells, conditioned cell by cell."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from foretell.training import season
from foretell.training.level_windows import History, PastWindow
from foretell.training.retail_year import weekly_log_factors

STEP, SEEN, CUTOFFS = 4, 30, (28, 20, 12)


@pytest.fixture
def history():
    """Cells of three cutoffs, with ratios, noise and repeats drawn at random."""
    rng = np.random.default_rng(8)
    rows = [(ahead, lead) for ahead in CUTOFFS for lead in range(0, min(ahead, 13) - STEP + 1, STEP)]
    ahead, lead = np.array(rows, dtype=np.float64).T
    expected = rng.uniform(50, 800, len(rows))
    cells = season._Cells(
        log_ratio=rng.normal(0.1, 0.2, len(rows)),
        noise=rng.uniform(0.001, 0.02, len(rows)),
        bend=np.zeros(len(rows)),
        rate_noise=0.1 / (60 - ahead),
        cutoff=ahead,
        lead=lead,
        block=ahead - lead,
        weeks=tuple(np.arange(start, start + STEP) - int(until) for until, start in rows),
        actual=rng.poisson(expected).astype(np.float64),
        expected=expected,
        scatter=1.3,
    )
    weeks = np.concatenate([np.arange(52), -1 - np.arange(SEEN)])
    return cells, weeks, rng.uniform(0, 50, SEEN)


def law_of(cells, weeks, learnt_from):
    """Mean and covariance of the weeks' season, how cells see it, and the covariance of all else, entry by entry."""
    count, total = len(weeks), cells.lead.size

    def similar(a, b, spans, period=None):
        apart = abs(a - b)
        if period:
            apart = min(apart % period, period - apart % period)
        return np.mean([np.exp(-apart / span) for span in spans])

    kernel = np.array([[similar(a, b, season._SEASON_SPANS_WEEKS, 52) for b in weeks] for a in weeks])
    sees = np.zeros((total, count))
    for row in range(total):
        for week in cells.weeks[row]:
            sees[row, list(weeks).index(week)] += 1 / len(cells.weeks[row])
        known = [-1 - at for at in range(len(learnt_from)) if at >= cells.cutoff[row]]
        weights = np.array([learnt_from[-1 - week] for week in known])
        for week, weight in zip(known, weights / weights.sum() if known else [], strict=True):
            sees[row, list(weeks).index(week)] -= weight
    drift, rest = np.zeros((total, total)), np.zeros((total, total))
    for a, b in product(range(total), repeat=2):
        drift[a, b] = np.mean(
            [similar(one, other, [season._DRIFT_SPAN_WEEKS]) for one in cells.weeks[a] for other in cells.weeks[b]]
        )
        rest[a, b] = season._CONSTANT_SD**2 + season._TREND_SD_PER_WEEK**2 * cells.lead[a] * cells.lead[b]
        if cells.cutoff[a] == cells.cutoff[b]:
            quarter = season._CUTOFF_SD_OF_A_QUARTER * 13 / (len(learnt_from) - cells.cutoff[a])
            rest[a, b] += season._CUTOFF_SD**2 + quarter**2 + cells.rate_noise[a]
        if cells.block[a] == cells.block[b]:
            rest[a, b] += np.sqrt(cells.noise[a] * cells.noise[b])
        if a == b:
            rest[a, b] += season._CELL_SD**2
    return kernel, sees, drift, rest


def test_the_posterior_is_that_of_the_joint_law_averaged_over_sizes(history):
    cells, weeks, learnt_from = history
    published = weekly_log_factors(date(2025, 11, 1), weeks)
    kernel, sees, drift, rest = law_of(cells, weeks, learnt_from)
    mean, means, of_cells, logs = season.PRIOR_WEIGHT * published, [], [], []
    rng = np.random.default_rng(4)
    events, bend = rng.normal(0, 0.2, weeks.size), rng.normal(0, 0.2, cells.lead.size)
    noise = (cells.block[:, None] == cells.block) * np.sqrt(np.outer(cells.noise, cells.noise))
    sizes = zip(season._SEASON_SDS, season._SEASON_ODDS, strict=True)
    for (season_sd, odds), drift_sd in product(sizes, season._DRIFT_SDS):
        prior = season_sd**2 * kernel + season.PRIOR_WEIGHT_SD**2 * np.outer(published, published)
        cell_law = sees @ prior @ sees.T + drift_sd**2 * drift + rest
        miss = cells.log_ratio - sees @ (mean + events) + bend
        means.append(mean + prior @ sees.T @ np.linalg.inv(cell_law) @ miss)
        of_cells.append(cells.log_ratio - miss + (cell_law - noise) @ np.linalg.inv(cell_law) @ miss)
        logs.append(np.log(odds) + multivariate_normal(np.zeros(miss.size), cell_law).logpdf(miss))
    weights = np.exp(np.array(logs) - max(logs))
    expected, without_noise = (weights @ np.array(each) / weights.sum() for each in (means, of_cells))
    weights = season._Learnt(learnt_from, np.ones(SEEN)).weights()
    found, seen = season._posterior(replace(cells, bend=bend), weeks, published, weights, events)
    # Matrices of condition 1e4 at most: nine digits are left.
    assert found == pytest.approx(expected, abs=1e-9)
    assert seen == pytest.approx(without_noise, abs=1e-9)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize("back", [0, 4, 20])
def test_without_any_window_it_is_the_published_year_from_that_end_on(back):
    end = date(2025, 11, 1)
    history = History((), end, np.ones(60, dtype=bool), 1.0, 0, np.zeros(60), np.zeros(60), np.zeros(420), ())
    found = season.fit_season(history, back, retail_year=True)
    weeks = np.arange(52)
    expected = season.PRIOR_WEIGHT * weekly_log_factors(end - timedelta(weeks=back), weeks)
    assert found.ahead == pytest.approx(expected, abs=1e-12)
    assert found.past[:20] == pytest.approx(
        season.PRIOR_WEIGHT * weekly_log_factors(end - timedelta(weeks=back + 20), weeks)[19::-1], abs=1e-12
    )


def test_a_rate_learnt_from_few_purchases_has_their_noise():
    windows = tuple(PastWindow(weeks, *[np.full(16, 9.0)] * 4, None, 1.5, 1.5) for weeks in (16, 20))
    repeats = np.r_[np.full(16, 50.0), 5.0, 7.0, 0.0, 8.0, 10.0, 0.0]
    shown = np.ones(20, dtype=bool)
    history = History(windows, date(2025, 11, 1), shown, 1.0, 2, repeats, np.ones(22), np.ones(154), ())
    cells = season._cells(history, 4)
    # Before the newer cutoff there were 30 repeat purchases, before the older one 10, whatever end they are seen from.
    assert set(zip(cells.cutoff.tolist(), cells.rate_noise.tolist(), strict=True)) == {
        (12.0, 1.5 / 30),
        (16.0, 1.5 / 10),
    }
