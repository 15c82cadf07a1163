"""What a season does to dates of the next order: read in days of the calendar, and in operational time.

At every cutoff of a shop an MBG/CNBD-k and its levels are fitted as the boosted rung fits them, with and without the
season that was known at each past window, and held against the next orders of those who then bought: median days off,
share within a week and within early to late, pinball loss of the three dates, and the concordance of the expected date
among all customers, those who did not buy being watched until the window's end.

Run: ``python tests/bench/bench_dates.py [whole] [parts] [simulated] [mechanisms]``; prints Markdown. FORETELL_DATA
names the folder of the histories; those whose file is absent are left out.
"""

import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

import bench_level
import bench_rungs
import numpy as np
import polars as pl
from accuracy_cases import Case, History
from measure import machine
from mechanism_shops import shops as mechanism_shops

from foretell.errors import FitError
from foretell.evaluation.concordance import PairTree
from foretell.models.cnbd import MBGCNBD
from foretell.models.date_spread import DateSpread
from foretell.models.next_order import next_order_at_levels
from foretell.models.operational_time import OperationalTime
from foretell.models.optimise import one_algebra_thread
from foretell.scoring.known import known_at
from foretell.tables.dataset import CustomerData
from foretell.training.level import level_history, level_of
from foretell.training.past import Past
from foretell.training.past_season import TimeAt, time_source
from foretell.training.timing import DatedWindow, fit_timing

DAYS, MOST_WINDOWS, FEWEST_BUYERS, LEAST_HISTORY_DAYS, FULL_SEASON_DAYS = (91, 364), 4, 30, 130, 364 + 42
STEP_DAYS = {"whole": 42, "parts": 56, "simulated": 91, "mechanisms": 91}
CALENDAR, SEASON = "calendar", "season"
Rows = dict[tuple[str, int, str], list[tuple[tuple[float, ...], tuple[float, ...]]]]


def shops(kind: str) -> Iterator[tuple[str, History, pl.DataFrame]]:
    """Yield the name, the history and the rows of every shop of a kind."""
    if kind in ("whole", "parts"):
        yield from bench_rungs.shops([kind])
    elif kind == "simulated":
        for history, rows in bench_level.histories():
            if history.name in bench_level.SIMULATED:
                yield history.name, history, rows
    else:
        yield from ((history.name, history, rows) for history, rows in mechanism_shops())


def walk(kind: str, name: str, history: History, rows: pl.DataFrame, found: Rows) -> None:
    """Judge both ways at every cutoff of a history."""
    first = rows["ordered_at"].min().date()
    cutoff = history.end - timedelta(days=min(DAYS))
    while (cutoff - first).days >= LEAST_HISTORY_DAYS:
        spans = [days for days in DAYS if cutoff + timedelta(days=days) <= history.end]
        age = "full season" if (cutoff - first).days >= FULL_SEASON_DAYS else "younger"
        for days, both in judged(history, rows, cutoff, spans).items():
            found[name, days, age].append(both)
        cutoff -= timedelta(days=STEP_DAYS[kind])


def judged(
    history: History, rows: pl.DataFrame, cutoff: date, spans: list[int]
) -> dict[int, tuple[tuple[float, ...], tuple[float, ...]]]:
    """Return what both ways reach at a cutoff, by horizon; a cutoff at which nothing can be fitted is passed over."""
    case = Case(history.name, history, cutoff, max(spans))
    data = case.past(rows)
    try:
        seen = level_history(data, case.as_of, bench_level.fit_models, horizons_days=spans)
        model = MBGCNBD(k=1).fit(known_at(data, case.as_of, with_features=False).summary)
    except FitError:
        return {}
    level = level_of(seen, horizons_days=spans)
    told = {}
    for days in spans:
        outcome = Case(history.name, history, cutoff, days).outcome(rows)
        if outcome["days"].count() >= FEWEST_BUYERS:
            coming = level.operational_time(case.as_of, days)
            ways = ((lambda _cutoff, _days: None), None), (time_source(seen, level, retail_year=True), coming)
            both = [measures(outcome, dates(data, case, days, model, *way), days) for way in ways]
            told[days] = (both[0], both[1])
    return told


def dates(
    data: CustomerData, case: Case, days: int, near: MBGCNBD, time_at: TimeAt, coming: OperationalTime | None
) -> np.ndarray:
    """Return the early, the expected and the late day of all customers."""
    past = Past(data, lambda _summary: ({}, None))
    length = past.longest_window_days(days)
    windows = past.windows(length, most=MOST_WINDOWS) if length else ()
    timing = fit_timing(
        [DatedWindow(w.view.known.summary, w.days, w.next_day, time_at(w.view.cutoff, w.days)) for w in windows],
        near=near,
    )
    summary = known_at(data, case.as_of, with_features=False).summary
    spread = DateSpread() if timing is None else timing.spread
    model = near if timing is None or timing.k == 1 else MBGCNBD(k=timing.k).fit(summary)
    levels = spread.levels(summary["orders"].to_numpy())
    found = next_order_at_levels(model, summary, levels, horizon_days=days, time=coming)
    return np.clip(np.ceil(np.nan_to_num(found, nan=float(days))), 1, days)


def measures(outcome: pl.DataFrame, told: np.ndarray, days: int) -> tuple[float, ...]:
    """Return median days off, shares within a week and within the range, pinball loss, concordance."""
    day = outcome["days"].cast(pl.Float64).fill_null(days).to_numpy()
    bought = outcome["days"].is_not_null().to_numpy()
    actual, (early, expected, late) = day[bought], told[bought].T
    off = np.abs(expected - actual)
    losses = [
        np.where(actual >= date, tau * (actual - date), (1 - tau) * (date - actual)).mean()
        for tau, date in ((0.1, early), (0.5, expected), (0.9, late))
    ]
    return (
        float(np.median(off)),
        float(np.mean(off <= 7)),
        float(np.mean((early <= actual) & (actual <= late))),
        float(np.mean(losses)),
        float(PairTree(day, bought, told[:, 1])(np.ones(bought.size))),
    )


def table(found: Rows) -> str:
    """Return means over the cutoffs, without and with season; losses as a paired change with two standard errors."""
    heads = (
        *("shop", "days", "seen", "cutoffs", "median days off", "within a week", "early to late covers"),
        *("points off 80 %", "pinball loss", "concordance"),
    )
    lines = ["| " + " | ".join(heads) + " |", "| --- | ---: | --- |" + " ---: |" * 7]
    for (name, days, age), rows in sorted(found.items()):
        both = np.array(rows)
        mean = both.mean(axis=0)
        change = 100 * np.log(both[:, 1, 3] / both[:, 0, 3])
        error = f" ± {2 * change.std(ddof=1) / np.sqrt(change.size):.1f}" if change.size > 1 else ""
        wide = 100 * np.abs(both[:, :, 2] - 0.8).mean(axis=0)
        cells = [
            f"{mean[0, 0]:.1f} → {mean[1, 0]:.1f}",
            f"{100 * mean[0, 1]:.0f} → {100 * mean[1, 1]:.0f} %",
            f"{100 * mean[0, 2]:.0f} → {100 * mean[1, 2]:.0f} %",
            f"{wide[0]:.1f} → {wide[1]:.1f}",
            f"{change.mean():+.1f}{error} %",
            f"{mean[0, 4]:.3f} → {mean[1, 4]:.3f}",
        ]
        lines.append(f"| {name} | {days} | {age} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    found: Rows = defaultdict(list)
    with one_algebra_thread():
        for kind in sys.argv[1:] or STEP_DAYS:
            for name, history, rows in shops(kind):
                print(f"… {name}", file=sys.stderr, flush=True)
                walk(kind, name, history, rows, found)
    print(machine("numpy", "polars"), table(found), sep="\n\n")


if __name__ == "__main__":
    main()
