"""Time and optimum of purchase model fits, beside lifetimes 0.11.3 in the same run.

Customers are drawn from a Pareto/NBD at day grain, observed for 27 to 65 weeks; purchase days are whole days, as in a
shop. Budgets: MBG/NBD 1 s and Pareto/NBD 2 s at 100,000 customers, 5 s and 20 s at 1,000,000.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import polars as pl
from measure import machine

from foretell.models import cnbd_kernel, pareto_kernel
from foretell.models.cnbd import MBGCNBD
from foretell.models.pareto_nbd import ParetoNBD

SEED = 20
# r, alpha, s, beta: the published CDNOW fit, in days
R, ALPHA, S, BETA = 0.553, 10.578 * 7, 0.606, 11.669 * 7
RUNS = 3


def simulated(customers: int) -> pl.DataFrame:
    """Summary of customers drawn from a Pareto/NBD: one purchase a day at most."""
    rng = np.random.default_rng(SEED)
    observed = rng.integers(27 * 7, 65 * 7 + 1, customers).astype(np.float64)
    rate = rng.gamma(R, 1 / ALPHA, customers)
    lifetime = rng.exponential(1 / rng.gamma(S, 1 / BETA, customers))
    until = np.minimum(lifetime, observed)
    orders, last, log_gaps = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    now = np.zeros(customers)
    going = np.arange(customers)
    while going.size:
        now[going] += rng.exponential(1 / rate[going])
        going = going[now[going] <= until[going]]
        day = np.floor(now[going])
        new_day = day > last[going]
        bought = going[new_day]
        orders[bought] += 1
        log_gaps[bought] += np.log(day[new_day] - last[bought])
        last[bought] = day[new_day]
    return pl.DataFrame(
        {
            "customer_id": np.arange(customers).astype(str),
            "repeat_orders": orders.astype(np.int64),
            "days_first_to_last_order": last,
            "days_observed": observed,
            "sum_log_gaps_days": log_gaps,
        }
    )


def timed(function: Callable[[], object], runs: int) -> tuple[float, object]:
    """Return the median wall time in seconds of some runs, and the last result."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2], result


def lifetimes_fit(name: str, summary: pl.DataFrame) -> Callable[[], object]:
    """Return a fit of lifetimes with its defaults, as its users call it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifetimes
    columns = ("repeat_orders", "days_first_to_last_order", "days_observed")
    x, t_x, T = (summary[column].to_pandas() for column in columns)
    return lambda: getattr(lifetimes, name)().fit(x, t_x, T)


def log_likelihood_of(fitted: object, summary: pl.DataFrame) -> float:
    """Return the sum of foretell's log-likelihood at the parameters that lifetimes found."""
    columns = ("repeat_orders", "days_first_to_last_order", "days_observed")
    x, t_x, T = (summary[column].cast(pl.Float64).to_numpy() for column in columns)
    found = fitted.params_.to_dict()
    if "a" in found:
        return float(cnbd_kernel.log_likelihood(cnbd_kernel.CNBDParams(**found), cnbd_kernel.History(x, t_x, T)).sum())
    return float(pareto_kernel.log_likelihood(pareto_kernel.ParetoNBDParameters(**found), x, t_x, T).sum())


def main() -> int:
    """Print the table; return 1 if a budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000, help="customers of the side-by-side run")
    parser.add_argument("--many", type=int, default=1_000_000, help="customers of the large run; 0 leaves it out")
    parser.add_argument("--without-lifetimes", action="store_true", help="foretell only")
    options = parser.parse_args()
    print(machine("numpy", "scipy", "polars", "lifetimes"))
    print()
    print("| model | customers | distinct rows | foretell s | budget s | lifetimes s | LL foretell | LL lifetimes |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    over = False
    MBGCNBD().fit(simulated(2_000))
    for customers, budgets in ((options.customers, (1.0, 2.0)), (options.many, (5.0, 20.0))):
        if not customers:
            continue
        summary = simulated(customers)
        peer = customers == options.customers and not options.without_lifetimes
        cases = (
            ("MBG/NBD (k = 1)", MBGCNBD(k=1), budgets[0], "ModifiedBetaGeoFitter"),
            ("MBG/CNBD-k, k by likelihood", MBGCNBD(), None, None),
            ("Pareto/NBD", ParetoNBD(), budgets[1], "ParetoNBDFitter"),
        )
        for name, model, budget, fitter in cases:
            seconds, _ = timed(lambda model=model, summary=summary: model.fit(summary), RUNS)
            report = model.fit_report_
            over |= budget is not None and seconds > budget
            theirs = theirs_ll = ""
            if peer and fitter is not None:
                their_seconds, fitted = timed(lifetimes_fit(fitter, summary), 1)
                theirs = f"{their_seconds:.2f}"
                theirs_ll = f"{log_likelihood_of(fitted, summary):,.2f}"
            limit = "" if budget is None else f"{budget:g}"
            print(
                f"| {name} | {customers:,} | {report.rows:,} | {seconds:.2f} | {limit} "
                f"| {theirs} | {model.log_likelihood_:,.2f} | {theirs_ll} |",
                flush=True,
            )
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
