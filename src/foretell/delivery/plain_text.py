"""Plain text for the READMEs of published folders: paragraphs and headed lists in lines of one width."""

import textwrap
from collections.abc import Sequence

from foretell.delivery.wording import whole

WIDTH = 92
"""Characters in a line."""


def heading(title: str) -> str:
    """Return the title of a text, underlined.

    Parameters
    ----------
    title : str
        One line.

    Returns
    -------
    str
        Plain text.
    """
    return title + "\n" + "=" * min(len(title), WIDTH)


def escaped_words(cells: int, exact: str) -> str:
    """Say that cells of CSV files have an apostrophe before them.

    Parameters
    ----------
    cells : int
        How many.
    exact : str
        File that has them as they are.

    Returns
    -------
    str
        Two sentences.
    """
    return (
        f"{whole(cells)} text cells began with a sign that a spreadsheet would run as a formula. They have an "
        f"apostrophe before it in the CSV files; {exact} has them as they are."
    )


def section(title: str, lines: Sequence[str]) -> str:
    """Return a headed list of sentences.

    Parameters
    ----------
    title : str
        The heading.
    lines : sequence of str
        The sentences.

    Returns
    -------
    str
        Plain text.
    """
    return title + "\n" + "-" * len(title) + "\n" + "\n".join(wrap(line, bullet=True) for line in lines)


def wrap(text: str, *, bullet: bool = False) -> str:
    """Return a text in lines of 92 characters.

    Parameters
    ----------
    text : str
        One paragraph.
    bullet : bool
        Whether it is an entry of a list.

    Returns
    -------
    str
        Plain text.
    """
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        initial_indent="- " if bullet else "",
        subsequent_indent="  " if bullet else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
