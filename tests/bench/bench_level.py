"""How far the forecast totals are off, over rolling cutoffs of every history: the level alone, without trees.

At every cutoff, 28 days apart, an MBG/NBD with gamma-gamma and the shop's level are fitted to what was seen, and the
totals of the known customers are compared with what happened. That is fast, so that a change of the level can be
judged on some 300 forecasts in a minute or two; simulated shops without a season show what it costs where there is
nothing to find.

Run: ``python tests/bench/bench_level.py [--no-retail-year] [history ...]``; prints Markdown. FORETELL_DATA names the
folder of the histories; those whose file is absent are left out.
"""

import argparse
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
from accuracy_cases import HISTORIES, Case, History
from measure import machine
from mechanism_shops import shops

from foretell.errors import FitError
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.scoring.base import horizon, order_values
from foretell.scoring.known import known_at
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData
from foretell.tables.simulate import simulate
from foretell.training.families import fit_spend
from foretell.training.level import fit_level
from foretell.windows import as_cutoff

HORIZONS_DAYS = (28, 91, 182, 364)
STEP_DAYS, LONG_STEP_DAYS, LEAST_HISTORY_DAYS, FULL_SEASON_DAYS = 28, 182, 100, 364 + 42
LEAST_ORDERS = 20
"""Totals of fewer orders are chance."""
SIMULATED = {
    "simulated, no season": {"season_strength": 0.0},
    "simulated, season": {"season_strength": 0.3},
    "simulated, rare": {"season_strength": 0.0, "one_time_share": 0.6, "orders_per_year": 3.0},
    "simulated, frequent": {"season_strength": 0.0, "orders_per_year": 20.0, "one_time_share": 0.1},
}
Errors = dict[tuple[str, int, str], list[tuple[float, ...]]]


def fit_models(summary: pl.DataFrame) -> tuple[MBGCNBD, GammaGamma | None]:
    """Fit what the level stands on."""
    return MBGCNBD(k=1).fit(summary), fit_spend(summary)


def histories() -> Iterator[tuple[History, pl.DataFrame]]:
    """Yield every history with its rows: those whose file is there, and simulated ones."""
    for history in HISTORIES:
        if history.absent() is None:
            yield history, history.orders()
    for seed, (name, arguments) in enumerate(SIMULATED.items()):
        data, _ = simulate(customers=4_000, seed=seed, refund_share=0.0, **arguments)
        rows = data.orders.select("customer_id", "ordered_at", amount=pl.col("amount_minor") / MINOR_PER_UNIT).collect()
        yield History(name, None, lambda _path, rows=rows: rows, date(2026, 1, 1)), rows


def walk(history: History, rows: pl.DataFrame, errors: Errors, step_days: int, *, retail_year: bool) -> None:
    """Forecast at every cutoff of a history, and add the logs of forecast over actual to `errors`."""
    first = rows["ordered_at"].min().date()
    cutoff = history.end - timedelta(days=STEP_DAYS)
    while (cutoff - first).days >= LEAST_HISTORY_DAYS:
        spans = [days for days in HORIZONS_DAYS if cutoff + timedelta(days=days) <= history.end]
        as_of = as_cutoff(datetime.combine(cutoff, time.min))
        past = Case(history.name, history, cutoff, spans[0]).past(rows)
        try:
            found = forecasts(past, as_of, spans, retail_year=retail_year)
        except FitError:
            break
        seen = "full season" if (cutoff - first).days >= FULL_SEASON_DAYS else "younger"
        for days, told in found.items():
            outcome = Case(history.name, history, cutoff, days).outcome(rows)
            actual = np.array([outcome["orders"].sum(), outcome["spend"].sum()])
            if actual[0] < LEAST_ORDERS:
                continue
            errors[history.name, days, seen].append(tuple(np.log(told / actual).ravel()))
        cutoff -= timedelta(days=step_days)


def forecasts(past: CustomerData, as_of: datetime, spans: list[int], *, retail_year: bool) -> dict[int, np.ndarray]:
    """Return totals by horizon, rows: the models alone, with the level; columns: purchases, spend."""
    summary = known_at(past, as_of, with_features=False).summary
    model, spend_model = fit_models(summary)
    level = fit_level(past, as_of, fit_models, horizons_days=spans, retail_year=retail_year)
    value = np.ones(summary.height) if spend_model is None else order_values(spend_model, summary)
    told = {}
    for days in spans:
        expected = horizon(model, summary, days).orders
        alone = np.array([expected.sum(), expected @ value])
        told[days] = np.stack([alone, alone * np.exp(level.log_orders(as_of, days) + np.array([0, level.log_value()]))])
    return told


def table(errors: Errors) -> str:
    """Return mean |bias| (and the mean of the log) by history and horizon, of the models alone and with the level."""
    lines = [
        "| history | days | of them | cutoffs | purchases: alone | with level | spend: alone | with level |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (name, days, seen), rows in errors.items():
        logs = np.array(rows)
        size, mean = 100 * np.abs(np.expm1(logs)).mean(axis=0), 100 * logs.mean(axis=0)
        cells = [f"{size[place]:.1f} % ({mean[place]:+.0f})" for place in (0, 2, 1, 3)]
        lines.append(f"| {name} | {days} | {seen} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def means(errors: Errors) -> str:
    """Return the mean over histories and horizons, those of up to 182 days, each counted once."""
    found = defaultdict(list)
    for (name, days, seen), rows in errors.items():
        if days <= 182:
            logs = np.abs(np.expm1(np.array(rows)))
            found["simulated" if name.startswith("simulated") else "real", seen].append(logs.mean(axis=0))
    lines = []
    for (kind, seen), sizes in found.items():
        size = 100 * np.mean(sizes, axis=0)
        lines.append(
            f"{kind}, {seen}: purchases {size[0]:.1f} % alone, {size[2]:.1f} % with level; "
            f"spend {size[1]:.1f} % alone, {size[3]:.1f} % with level."
        )
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("history", nargs="*", help="only these histories, by the start of their names")
    parser.add_argument("--mechanisms", action="store_true", help="shops by other mechanisms instead")
    parser.add_argument("--no-retail-year", action="store_true", help="without the published year")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    errors: Errors = defaultdict(list)
    step_days = LONG_STEP_DAYS if options.mechanisms else STEP_DAYS
    for history, rows in shops() if options.mechanisms else histories():
        if not options.history or any(history.name.startswith(name) for name in options.history):
            print(f"… {history.name}", file=sys.stderr, flush=True)
            walk(history, rows, errors, step_days, retail_year=not options.no_retail_year)
    print(machine("numpy", "polars"), table(errors), means(errors), sep="\n\n")


if __name__ == "__main__":
    main()
