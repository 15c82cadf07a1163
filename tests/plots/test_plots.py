"""Figures: on the axes given, from plain frames, never shown, the same SVG every time."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib as mpl
import matplotlib.pyplot as plt
import polars as pl
import pytest

from foretell.errors import ColumnMismatch
from foretell.plots.backtest import plot_calibration, plot_decile_value
from foretell.plots.cohorts import plot_cohort_retention
from foretell.plots.customer import plot_customer_history
from foretell.plots.cutoffs import plot_backtest
from foretell.plots.families import plot_feature_families
from foretell.plots.forecast import plot_expected_orders
from foretell.plots.landscape import plot_frequency_recency
from foretell.plots.lookalike import plot_reach
from foretell.plots.style import INK, page_figure, to_svg
from foretell.plots.tracking import plot_tracking
from foretell.plots.tuning import plot_tuning_history
from foretell.plots.value import plot_clv_distribution, plot_value_capture
from plot_frames import (
    BACKTEST,
    CALIBRATION,
    CAPTURE,
    DECILES,
    FAMILIES,
    FORECAST,
    HISTORY,
    LANDSCAPE,
    REACH,
    RETENTION,
    SCORES,
    TRACKING,
    TRIALS,
)

PLOTS = [
    pytest.param(plot_value_capture, CAPTURE, id="capture"),
    pytest.param(plot_clv_distribution, SCORES, id="values"),
    pytest.param(plot_frequency_recency, LANDSCAPE, id="landscape"),
    pytest.param(plot_customer_history, HISTORY, id="customer"),
    pytest.param(plot_cohort_retention, RETENTION, id="cohorts"),
    pytest.param(plot_tracking, TRACKING, id="tracking"),
    pytest.param(plot_tuning_history, TRIALS, id="tuning"),
    pytest.param(plot_backtest, BACKTEST, id="backtest"),
    pytest.param(plot_feature_families, FAMILIES, id="families"),
    pytest.param(plot_decile_value, DECILES, id="deciles"),
    pytest.param(plot_calibration, CALIBRATION, id="calibration"),
    pytest.param(plot_expected_orders, FORECAST, id="forecast"),
    pytest.param(plot_reach, REACH, id="reach"),
]


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    yield
    plt.close("all")


def drawn(plot, frame, prefix=""):
    with page_figure() as (figure, axes):
        plot(frame, axes)
        return to_svg(figure, prefix=prefix)


@pytest.mark.parametrize(("plot", "frame"), PLOTS)
def test_it_draws_on_the_axes_given_and_returns_them(plot, frame):
    with page_figure() as (_, axes):
        assert plot(frame, axes) is axes
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("plot", "frame"), PLOTS)
def test_without_axes_it_makes_one_figure_and_does_not_show_it(plot, frame, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))
    axes = plot(frame)
    assert plt.get_fignums() == [axes.figure.number]


@pytest.mark.parametrize(("plot", "frame"), PLOTS)
def test_axes_are_named_in_words(plot, frame):
    axes = plot(frame)
    for label in (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()):
        assert len(label) > 8
        assert "_" not in label


@pytest.mark.parametrize(("plot", "frame"), PLOTS)
def test_the_frame_given_is_not_changed_and_its_order_does_not_matter(plot, frame):
    before = frame.clone()
    assert drawn(plot, frame) == drawn(plot, frame.reverse())
    assert frame.equals(before)


@pytest.mark.parametrize(("plot", "frame"), PLOTS)
def test_a_frame_that_cannot_be_drawn_is_refused(plot, frame):
    column = frame.columns[1] if plot is not plot_clv_distribution else "predicted_clv"
    with pytest.raises(ColumnMismatch, match=column):
        plot(frame.drop(column) if column in frame.columns else frame.select("predicted_clv_365d_low"))
    with pytest.raises(ColumnMismatch, match="without rows"):
        plot(frame.clear())


def test_bars_have_the_heights_of_the_frame_best_first():
    axes = plot_decile_value(DECILES)
    predicted, happened = axes.containers
    assert [bar.get_height() for bar in predicted] == DECILES["predicted"].reverse().to_list()
    assert [bar.get_height() for bar in happened] == DECILES["actual"].reverse().to_list()


def test_calibration_points_lie_where_the_frame_says_and_empty_bins_are_left_out():
    with_empty = pl.concat([CALIBRATION, pl.DataFrame({"predicted": [0.3], "observed": [0.3], "customers": [0]})])
    points = plot_calibration(with_empty).collections[0]
    assert points.get_offsets().tolist() == [[0.1, 0.2], [0.5, 0.5], [0.9, 0.8]]
    sizes = points.get_sizes()
    assert sizes.argmax() == 1


@pytest.mark.parametrize(("plot", "frame"), PLOTS)
def test_svg_is_the_same_every_time_and_fetches_nothing(plot, frame):
    svg = drawn(plot, frame)
    assert svg == drawn(plot, frame)
    root = ET.fromstring(svg)  # noqa: S314  our own text
    assert root.tag.endswith("svg")
    assert "<metadata" not in svg
    # Colour bars are pictures, which stand in the text themselves.
    assert svg.count("<image") == svg.count('href="data:image/png;base64,')
    assert len(svg) < 80_000


def test_a_user_s_own_figure_is_the_same_every_time_too():
    texts = []
    for _ in range(2):
        axes = plot_calibration(CALIBRATION)
        texts.append(to_svg(axes.figure))
        plt.close("all")
    assert texts[0] == texts[1]
    assert "<text" in texts[0]


def test_svg_text_is_text_in_the_colour_of_the_page():
    svg = drawn(plot_decile_value, DECILES)
    assert "currentColor" in svg
    assert INK not in svg
    assert "#000000" not in svg
    assert ">predicted</text>" in svg


def test_ids_take_the_prefix_and_references_follow():
    svg = drawn(plot_calibration, CALIBRATION, prefix="one-")
    root = ET.fromstring(svg)  # noqa: S314  our own text
    ids = {element.get("id") for element in root.iter() if element.get("id")}
    assert ids
    assert all(name.startswith("one-") for name in ids)
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.endswith("href"):
                assert value.removeprefix("#") in ids
            if "url(#" in value:
                assert value.split("url(#")[1].split(")")[0] in ids


def test_the_user_s_settings_neither_change_the_page_nor_are_changed():
    before = drawn(plot_decile_value, DECILES)
    with mpl.rc_context({"font.size": 40, "axes.grid": True, "axes.facecolor": "red"}):
        settings = dict(mpl.rcParams)
        assert drawn(plot_decile_value, DECILES) == before
        assert dict(mpl.rcParams) == settings


def test_the_package_imports_no_matplotlib_until_a_figure_is_asked_for():
    program = "import foretell.plots, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
