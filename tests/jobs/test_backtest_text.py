"""A backtest in a terminal."""

import polars as pl

from foretell.bundles.record import empty_record
from foretell.jobs.backtest_text import backtest_lines


def test_a_long_figure_does_not_run_into_the_next():
    record = empty_record()
    cells = {"ece": (0.008021, 0.007041, 0.01351), "bias": (0.003991, -0.001041, 0.009371)}
    rows = [
        {"cutoff": "1998-01-02", "rung": "boosted", "target": "churn", "metric": metric, "value": value,
         "low": low, "high": high}
        for metric, (value, low, high) in cells.items()
    ]  # fmt: skip
    backtest = pl.DataFrame(rows, schema=record["backtest"].schema)
    line = backtest_lines({**record, "backtest": backtest}, "boosted")[-1]
    assert line.split("-  ")[-1].split() == ["0.00802", "[0.00704,", "0.0135]", "0.00399", "[-0.00104,", "0.00937]"]
