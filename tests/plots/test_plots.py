"""Figures: on the axes given, from plain frames, never shown, the same SVG every time."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import date, timedelta

import matplotlib as mpl
import matplotlib.pyplot as plt
import polars as pl
import pytest

from foretell.errors import ColumnMismatch
from foretell.plots.backtest import plot_calibration, plot_decile_value
from foretell.plots.forecast import plot_expected_orders
from foretell.plots.lookalike import plot_reach
from foretell.plots.style import INK, page_figure, to_svg

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
PLOTS = [
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
    for label in (axes.get_xlabel(), axes.get_ylabel()):
        assert len(label) > 8
        assert "_" not in label


@pytest.mark.parametrize(("plot", "frame"), PLOTS)
def test_the_frame_given_is_not_changed_and_its_order_does_not_matter(plot, frame):
    before = frame.clone()
    assert drawn(plot, frame) == drawn(plot, frame.reverse())
    assert frame.equals(before)


@pytest.mark.parametrize(("plot", "frame"), PLOTS)
def test_a_frame_that_cannot_be_drawn_is_refused(plot, frame):
    column = next(name for name in ("expected_orders", "recall_low", "predicted") if name in frame.columns)
    with pytest.raises(ColumnMismatch, match=column):
        plot(frame.drop(column))
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
    assert "<image" not in svg
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
