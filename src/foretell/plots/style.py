"""Colours, and figures as SVG text that fits a light and a dark page."""

import html
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PREDICTED = "#3b7dd8"
"""Colour of what was predicted: at least 3:1 against white and against near-black (WCAG 2.2, 1.4.11)."""
HAPPENED = "#d07408"
"""Colour of what happened; differs from `PREDICTED` in brightness too, for those who do not see hue."""
# No figure uses this colour by chance; the page's own text colour takes its place.
INK = "#010203"
# small enough that text stays readable on a phone
_SIZE_INCHES = (4.6, 3.2)

_PAGE: dict[Any, Any] = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 11.0,
    "axes.labelsize": 11.0,
    "legend.fontsize": 10.5,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "foretell",
}


@contextmanager
def page_figure() -> Iterator[tuple[Figure, Axes]]:
    """Give a figure in the style of a page, whatever the user's own matplotlib settings are.

    Yields
    ------
    tuple of Figure and Axes
        One empty axes; nothing of it is known to pyplot. Call `to_svg` inside.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_PAGE)
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        yield figure, figure.add_subplot()


def hover(artists: Iterable[Artist], titles: Iterable[str]) -> dict[str, str]:
    """Name artists so that `to_svg` can give each a text that shows where a pointer rests on it.

    Parameters
    ----------
    artists : iterable of Artist
        Bars, markers or lines.
    titles : iterable of str
        One for each.

    Returns
    -------
    dict of str to str
        Name of the artist in the figure to its text.
    """
    found = {}
    for place, (artist, title) in enumerate(zip(artists, titles, strict=True)):
        name = f"hover-{place}"
        artist.set_gid(name)
        found[name] = title
    return found


def to_svg(figure: Figure, *, prefix: str = "", titles: Mapping[str, str] | None = None) -> str:
    """Return a figure as one SVG element; equal figures give equal text.

    Parameters
    ----------
    figure : Figure
        Any figure; one from `page_figure` takes the text colour of the page that it stands on.
    prefix : str
        Put before every id, so that several figures can stand in one page.
    titles : mapping of str to str, optional
        From `hover`; any text, it is escaped.

    Returns
    -------
    str
        SVG without date, fonts or anything that is fetched; text stays text.
    """
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "foretell", "svg.fonttype": "none"}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = text.replace(INK, "currentColor")
    for name, title in (titles or {}).items():
        text = text.replace(f'<g id="{name}">', f'<g id="{name}"><title>{html.escape(title)}</title>', 1)
    if prefix:
        text = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}", text)
    return text
