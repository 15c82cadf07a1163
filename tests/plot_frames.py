"""Small frames that every plot can be drawn from."""

from datetime import date, timedelta

import polars as pl

DECILES = pl.DataFrame(
    {"decile": range(1, 11), "predicted": [i * 1.5 for i in range(10)], "actual": [i * 1.4 for i in range(10)]}
)
CALIBRATION = pl.DataFrame({"predicted": [0.1, 0.5, 0.9], "observed": [0.2, 0.5, 0.8], "customers": [10, 20, 5]})
FORECAST = pl.DataFrame(
    {
        "week_starts_on": [date(2026, 11, 2) + timedelta(days=7 * i) for i in range(52)],
        "expected_orders": [2000.0 - i for i in range(52)],
    }
)
DAYS = [date(2026, 1, 1) + timedelta(days=i) for i in range(40)]
CAPTURE = DECILES.with_columns(customers=pl.lit(10))
SCORES = pl.DataFrame({"predicted_clv_365d": [0.0, 1.0, 5.0, 40.0, 400.0], "predicted_clv_365d_low": [0.0] * 5})
LANDSCAPE = pl.DataFrame(
    {
        "orders": [1, 2, 2, 3],
        "days_since_last_order": [90, 10, 60, 10],
        "expected_orders": [0.1, 1.0, 0.3, 2.0],
        "p_alive": [0.2, 0.9, 0.4, 0.95],
    }
)
HISTORY = pl.DataFrame(
    {"day": DAYS, "ordered": [i % 13 == 0 for i in range(40)], "p_alive": [1 - i / 100 for i in range(40)]}
)
RETENTION = pl.DataFrame(
    {
        "cohort": [date(2026, 1, 1)] * 3 + [date(2026, 2, 1)] * 2,
        "month": [0, 1, 2, 0, 1],
        "retention": [1.0, 0.4, 0.3, 1.0, 0.5],
    }
)
TRACKING = pl.DataFrame(
    {
        "week_starts_on": [date(2026, 1, 5) + timedelta(days=7 * i) for i in range(4)],
        "actual_orders": [3.0, 4.0, 2.0, 2.0],
        "expected_orders": [3.5, 3.0, 2.5, 2.0],
        "actual_cumulative": [3.0, 7.0, 9.0, 11.0],
        "expected_cumulative": [3.5, 6.5, 9.0, 11.0],
        "after_cutoff": [False, False, True, True],
    }
)
TRIALS = pl.DataFrame(
    {
        "trial": range(4),
        "state": ["complete", "complete", "pruned", "complete"],
        "loss": [0.99, 0.98, 0.995, 0.985],
    }
)
BACKTEST = pl.DataFrame(
    [
        (cutoff, rung, target, metric, value, value - 0.1, None if rung == "b" else value + 0.1)
        for cutoff in ("2026-01-01", "2026-04-01")
        for rung, value in (("a", 0.5), ("b", 0.4))
        for target, metric in (("clv", "gini"), ("churn", "auc"))
    ],
    schema=["cutoff", "rung", "target", "metric", "value", "low", "high"],
    orient="row",
)
FAMILIES = pl.DataFrame({"family": ["rhythm", "alive", "order_lines"], "share": [0.2, 0.7, 0.1]})
REACH = pl.DataFrame(
    {
        "top_share": [0.01, 0.05, 0.2],
        "recall": [0.05, 0.2, 0.6],
        "recall_low": [0.02, 0.1, 0.5],
        "recall_high": [0.1, 0.3, 0.7],
        "recall_ceiling": [0.5, 1.0, 1.0],
        "control_lift": [0.5, 1.1, 1.0],
    }
)
