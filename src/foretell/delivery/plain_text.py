"""Plain text for the READMEs of published folders: paragraphs and headed lists in lines of one width."""

import textwrap
from collections.abc import Sequence

WIDTH = 92
"""Characters in a line."""


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
