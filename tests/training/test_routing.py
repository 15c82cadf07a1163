"""The rung is chosen on older windows, by a margin; the newest window only reports."""

import polars as pl
import pytest

from foretell.bundles.record import RECORD_SCHEMAS, empty_record
from foretell.training.routing import JUDGED, choose_rung

CUTOFFS = ("2025-01-01", "2025-01-15T12:00:00", "2025-03-01")


def record(errors: dict[str, tuple[float, float, float]]) -> dict[str, pl.DataFrame]:
    """A record in which every judged metric of a rung has one error per cutoff."""
    rows = [
        (cutoff, rung, target, metric, value, None, None)
        for rung, values in errors.items()
        for cutoff, value in zip(CUTOFFS, values, strict=True)
        for target, metric in (*JUDGED, ("churn", "auc"))
    ]
    return {**empty_record(), "backtest": pl.DataFrame(rows, schema=dict(RECORD_SCHEMAS["backtest"]), orient="row")}


@pytest.mark.parametrize(
    ("pareto", "chosen"),
    [
        pytest.param((0.9, 0.9, 5.0), "pareto", id="better on older windows"),
        pytest.param((1.1, 1.1, 0.1), "purchase", id="better on the newest window only"),
        pytest.param((0.99, 0.99, 0.99), "purchase", id="better by less than the margin"),
        pytest.param((0.5, 1.9, 1.0), "pareto", id="geometric mean 0.975"),
    ],
)
def test_a_challenger_must_be_better_where_it_counts(pareto: tuple[float, float, float], chosen: str) -> None:
    choice = choose_rung(record({"purchase": (1.0, 1.0, 1.0), "pareto": pareto}), ["purchase", "pareto"], label_days=30)
    assert choice.rung == chosen


def test_without_older_windows_the_default_stays() -> None:
    full = record({"purchase": (1.0, 1.0, 1.0), "pareto": (0.1, 0.1, 0.1)})
    one = {**full, "backtest": full["backtest"].filter(pl.col("cutoff") == CUTOFFS[-1])}
    assert choose_rung(one, ["purchase", "pareto"], label_days=30).rung == "purchase"
    assert choose_rung(empty_record(), ["purchase", "pareto"], label_days=30).rung == "purchase"
    assert choose_rung(full, ["pareto"], label_days=30).rung == "pareto"


def test_a_rung_that_was_not_judged_is_not_chosen() -> None:
    assert choose_rung(record({"purchase": (1.0, 1.0, 1.0)}), ["purchase", "pareto"], label_days=30).rung == "purchase"


def test_a_window_that_overlaps_the_newest_does_not_choose() -> None:
    full = record({"purchase": (1.0, 1.0, 1.0), "pareto": (1.5, 0.1, 0.1)})
    assert choose_rung(full, ["purchase", "pareto"], label_days=30).rung == "pareto"
    assert choose_rung(full, ["purchase", "pareto"], label_days=50).rung == "purchase"
