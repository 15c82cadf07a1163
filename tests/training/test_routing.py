"""The rung is chosen on older windows, beyond a standard error; the newest window only reports."""

import polars as pl
import pytest

from foretell.bundles.record import RECORD_SCHEMAS, empty_record
from foretell.training.routing import BETWEEN_WINDOWS, JUDGED, SMALLEST, beaten_by, choose_rung

CUTOFFS = ("2025-01-01", "2025-01-15T12:00:00", "2025-03-01")
ONE_OLDER = CUTOFFS[1:]
Errors = dict[str, tuple[float, ...]]


def record(errors: Errors, width: float = 0.0, cutoffs: tuple[str, ...] = CUTOFFS) -> dict[str, pl.DataFrame]:
    """Every judged metric of a rung has one error per cutoff; differences to the first are known to ± width."""
    judged = (*JUDGED, ("churn", "auc"))
    default = next(iter(errors))
    rows = [
        (cutoff, rung, target, metric, value, None, None)
        for rung, values in errors.items()
        for cutoff, value in zip(cutoffs, values, strict=True)
        for target, metric in judged
    ]
    compared = [
        (cutoff, rung, default, target, metric, value - other, value - other - width, value - other + width)
        for rung, values in errors.items()
        if rung != default
        for cutoff, value, other in zip(cutoffs, values, errors[default], strict=True)
        for target, metric in judged
    ]
    frames = {"backtest": rows, "comparisons": compared}
    return {
        **empty_record(),
        **{name: pl.DataFrame(found, dict(RECORD_SCHEMAS[name]), orient="row") for name, found in frames.items()},
    }


def chosen(
    found: dict[str, pl.DataFrame], rungs: tuple[str, ...] = ("purchase", "pareto"), label_days: int = 30
) -> str:
    return choose_rung(found, rungs, label_days=label_days).rung


@pytest.mark.parametrize(
    ("pareto", "expected"),
    [
        pytest.param((0.9, 0.9, 5.0), "pareto", id="better on older windows"),
        pytest.param((1.1, 1.1, 0.1), "purchase", id="better on the newest window only"),
        pytest.param((0.99, 0.99, 0.99), "purchase", id="better by less than windows differ"),
        pytest.param((0.2, 1.2, 1.0), "purchase", id="half as large in the mean, but for one window alone"),
    ],
)
def test_a_challenger_must_be_better_where_it_counts(pareto: tuple[float, float, float], expected: str) -> None:
    assert chosen(record({"purchase": (1.0, 1.0, 1.0), "pareto": pareto})) == expected


def test_one_standard_error_is_the_border() -> None:
    # one older window: the error of the windows alone is BETWEEN_WINDOWS; log loss counts from SMALLEST on
    for log_ratio, expected in ((-0.9, "purchase"), (-1.2, "pareto")):
        value = 1 + log_ratio * BETWEEN_WINDOWS
        assert chosen(record({"purchase": (1.0, 1.0), "pareto": (value, 1.0)}, cutoffs=ONE_OLDER)) == expected
    # a difference of .2, known to ± .1 of 95 %, is four of its standard errors, and known to ± .6 less than one
    for width, expected in ((0.1, "pareto"), (0.6, "purchase")):
        errors = {"purchase": (1.0, 1.0), "pareto": (0.8, 1.0)}
        assert chosen(record(errors, width, ONE_OLDER)) == expected


def test_log_losses_next_to_nothing_are_alike() -> None:
    full = record({"purchase": (1.0, 1.0), "pareto": (1.0, 1.0)}, cutoffs=ONE_OLDER)
    tiny = pl.when(pl.col("metric") == "log_loss").then(
        pl.when(pl.col("rung") == "pareto").then(1e-6).otherwise(SMALLEST["log_loss"] / 50)
    )
    table = full["backtest"].with_columns(value=tiny.otherwise(pl.col("value")))
    assert chosen({**full, "backtest": table}) == "purchase"


def test_without_older_windows_the_default_stays() -> None:
    full = record({"purchase": (1.0, 1.0, 1.0), "pareto": (0.1, 0.1, 0.1)})
    one = {**full, "backtest": full["backtest"].filter(pl.col("cutoff") == CUTOFFS[-1])}
    assert chosen(one) == "purchase"
    assert chosen(empty_record()) == "purchase"
    assert chosen(full, ("pareto",)) == "pareto"


def test_a_rung_that_was_not_judged_is_not_chosen() -> None:
    assert chosen(record({"purchase": (1.0, 1.0, 1.0)})) == "purchase"


def test_a_window_that_overlaps_the_newest_does_not_choose() -> None:
    full = record({"purchase": (1.0, 1.0, 1.0), "pareto": (1.5, 0.1, 0.1)})
    older = {**full, "backtest": full["backtest"].filter(pl.col("cutoff") != CUTOFFS[0])}
    assert chosen(older, label_days=30) == "pareto"
    assert chosen(older, label_days=50) == "purchase"


def test_the_best_of_several_challengers_wins() -> None:
    errors = {"boosted": (1.0, 1.0, 1.0), "purchase": (0.9, 0.9, 0.9), "pareto": (0.8, 0.8, 0.8)}
    assert chosen(record(errors), ("boosted", "purchase", "pareto")) == "pareto"


def test_the_newest_window_is_told_and_does_not_choose() -> None:
    found = record({"boosted": (1.0, 1.0, 1.0), "purchase": (1.1, 1.1, 0.7)}, width=0.05)
    choice = choose_rung(found, ("boosted", "purchase"), label_days=30)
    assert choice.rung == "boosted"
    assert "purchase was better than boosted in orders rmse, clv rmse, churn log_loss" in choice.why
    assert not beaten_by(
        record({"boosted": (1.0,) * 3, "purchase": (1.0, 1.0, 0.7)}, width=0.4), "boosted", ("purchase",)
    )
    # compared the other way round where the default is not what was chosen
    assert beaten_by(found, "purchase", ("boosted", "purchase")) == ""
    worse = record({"boosted": (1.0, 1.0, 1.0), "purchase": (0.5, 0.5, 1.5)}, width=0.05)
    assert "boosted was better than purchase" in choose_rung(worse, ("boosted", "purchase"), label_days=30).why


def test_a_rule_of_thumb_that_does_better_is_named_and_not_chosen() -> None:
    found = record({"boosted": (1.0, 1.0, 1.0), "naive_rate": (0.6, 0.6, 1.0)}, width=0.05)
    choice = choose_rung(found, ("boosted",), label_days=30, naive="naive_rate")
    assert choice.rung == "boosted"
    assert "rule of thumb did better still: errors of naive_rate are 0.6" in choice.why
    poor = record({"boosted": (1.0, 1.0, 1.0), "naive_rate": (1.6, 1.6, 1.0)}, width=0.05)
    assert "thumb" not in choose_rung(poor, ("boosted",), label_days=30, naive="naive_rate").why
