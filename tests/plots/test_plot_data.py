"""What a figure shows can be had as numbers, and is what the frame says."""

from datetime import date, timedelta

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest

from foretell.errors import ColumnMismatch
from foretell.plots.axes import plot_data
from foretell.plots.cohorts import plot_cohort_retention
from foretell.plots.customer import plot_customer_history
from foretell.plots.cutoffs import plot_backtest
from foretell.plots.forecast import plot_expected_orders
from foretell.plots.landscape import plot_frequency_recency
from foretell.plots.lookalike import plot_reach
from foretell.plots.tracking import plot_tracking
from foretell.plots.tuning import plot_tuning_history
from foretell.plots.value import plot_clv_distribution, plot_value_capture
from plot_frames import BACKTEST, DECILES, FORECAST, HISTORY, LANDSCAPE, REACH, RETENTION, SCORES, TRACKING, TRIALS


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    yield
    plt.close("all")


def test_capture_adds_up_what_the_best_ranked_brought():
    unequal = DECILES.with_columns(customers=pl.col("decile") + 1)
    shown = plot_data(plot_value_capture(unequal))
    best = unequal.sort("decile", descending=True)
    total = (best["actual"] * best["customers"]).sum()
    assert shown["value_share"][1] == pytest.approx(best["actual"][0] * best["customers"][0] / total)
    assert shown["customers_share"][1] == pytest.approx(11 / unequal["customers"].sum())
    assert shown.row(-1) == (1.0, 1.0)


def test_capture_of_nothing_is_refused():
    with pytest.raises(ColumnMismatch, match="brought nothing"):
        plot_value_capture(DECILES.with_columns(customers=pl.lit(1), actual=pl.lit(0.0)))


def test_every_customer_is_in_a_bar_of_the_distribution():
    shown = plot_data(plot_clv_distribution(SCORES))
    assert shown["customers"].sum() == SCORES.height
    assert shown["high"][-1] == pytest.approx(400.0)
    with pytest.raises(ColumnMismatch, match="above zero"):
        plot_clv_distribution(SCORES.with_columns(predicted_clv_365d=pl.lit(0.0)))


def test_a_heat_map_has_the_value_of_the_frame_in_each_cell_and_blanks_elsewhere():
    mesh = plot_frequency_recency(LANDSCAPE, value="p_alive").collections[0]
    cells = np.ma.filled(mesh.get_array().astype(float), np.nan)
    assert cells.shape == (3, 3)
    assert cells[2, 0] == 0.2
    assert cells[0, 1] == 0.9
    assert np.isnan(cells).sum() == 9 - LANDSCAPE.height


def test_retention_leaves_the_first_month_out():
    axes = plot_cohort_retention(RETENTION)
    assert plot_data(axes)["month"].to_list() == [1, 2, 1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Jan 2026", "Feb 2026"]
    with pytest.raises(ColumnMismatch, match="without rows"):
        plot_cohort_retention(RETENTION.filter(pl.col("month") == 0))


def test_orders_are_marked_on_their_days():
    law = pl.DataFrame({"day": [date(2026, 3, 1), date(2026, 3, 9)], "probability": [0.4, 0.9]})
    axes = plot_customer_history(HISTORY, next_order=law)
    marks = axes.lines[1].get_xdata()
    assert len(marks) == HISTORY["ordered"].sum()
    assert marks[0] == (date(2026, 1, 1) - date(1970, 1, 1)).days
    assert len(axes.collections) == 1


def test_the_density_of_the_next_order_is_the_chance_of_the_week_around_a_day():
    # Even over 20 days, after which it is certain: 7 / 20 a week, half of that at both ends.
    last = HISTORY["day"].max()
    law = pl.DataFrame({"day": [last + timedelta(days=10), last + timedelta(days=20)], "probability": [0.5, 1.0]})
    (shade,) = plot_customer_history(HISTORY, next_order=law).collections
    edge = shade.get_paths()[0].vertices
    start = (last - date(1970, 1, 1)).days
    height = {int(day - start): chance for day, chance in edge if chance > 0}
    assert height[10] == pytest.approx(7 / 20)
    assert [height[0], height[20]] == pytest.approx([3.5 / 20] * 2)
    assert max(height) == 23


def test_tracking_draws_weeks_or_their_sums_and_where_the_model_stops_seeing():
    weekly, cumulative = plot_tracking(TRACKING), plot_tracking(TRACKING, cumulative=True)
    assert list(weekly.lines[0].get_ydata()) == [3.0, 4.0, 2.0, 2.0]
    assert list(cumulative.lines[1].get_ydata()) == [3.5, 6.5, 9.0, 11.0]
    assert weekly.lines[2].get_xdata()[0] == (date(2026, 1, 19) - date(1970, 1, 1)).days


def test_the_best_so_far_never_rises_and_pruned_trials_do_not_count():
    axes = plot_tuning_history(TRIALS)
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["best so far"].get_ydata()) == [0.99, 0.98, 0.98]
    assert lines["usual settings"].get_ydata()[0] == 0.99
    assert list(lines["pruned"].get_xdata()) == [2]


def test_a_backtest_shows_one_metric_and_says_what_it_does_not_hold():
    shown = plot_data(plot_backtest(BACKTEST, target="churn", metric="auc"))
    assert shown["metric"].unique().to_list() == ["auc"]
    assert shown.height == 4
    with pytest.raises(ColumnMismatch, match="holds no gini of churn"):
        plot_backtest(BACKTEST, target="churn")


def test_foreign_axes_have_no_numbers():
    _, axes = plt.subplots()
    with pytest.raises(ColumnMismatch, match="No plot of foretell"):
        plot_data(axes)


def test_a_week_that_the_horizon_cuts_is_left_out_unless_there_is_no_other():
    weeks = FORECAST.with_columns(days=pl.when(pl.int_range(pl.len()) == pl.len() - 1).then(3).otherwise(7))
    assert plot_data(plot_expected_orders(weeks)).height == weeks.height - 1
    short = FORECAST.head(1).with_columns(days=pl.lit(3))
    assert plot_data(plot_expected_orders(short)).height == 1


def test_the_legend_of_a_backtest_covers_no_point():
    ax = plot_backtest(BACKTEST)
    ax.figure.canvas.draw()
    top = ax.transData.inverted().transform(ax.get_legend().get_window_extent().corners())[:, 1].max()
    assert top < plot_data(ax)["low"].min()


def test_the_legend_of_the_reach_stands_above_the_curves():
    ax = plot_reach(REACH)
    ax.figure.canvas.draw()
    bottom = ax.transData.inverted().transform(ax.get_legend().get_window_extent().corners())[:, 1].min()
    assert bottom > 1


def test_the_colours_of_expected_orders_say_for_how_many_days():
    grid = pl.DataFrame({"orders": [2, 3], "days_since_last_order": [5, 5], "expected_orders": [1.0, 2.0]})
    grid = grid.with_columns(p_alive=pl.lit(0.5))
    known = grid.with_columns(horizon_days=pl.lit(180))

    def label(frame, value):
        return plot_frequency_recency(frame, value=value).figure.axes[-1].get_ylabel()

    assert label(known, "expected_orders") == "Expected orders in 180 days"
    assert label(grid, "expected_orders") == "Expected orders"
    assert label(known, "p_alive") == "Probability of still being a customer"
