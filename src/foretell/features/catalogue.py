"""Every feature there is, in the order of the columns."""

import polars as pl

from foretell.features.calendar_position import CALENDAR
from foretell.features.feature import Family, Feature
from foretell.features.rfm import RFM
from foretell.features.rhythm import RHYTHM
from foretell.features.trend import TREND
from foretell.features.windowed import WINDOWED

FAMILIES: tuple[Family, ...] = (RFM, RHYTHM, WINDOWED, TREND, CALENDAR)
"""All families, in the order of their columns."""


def catalogue(*, has_amount: bool = True) -> tuple[Feature, ...]:
    """Return the declaration of every feature.

    Parameters
    ----------
    has_amount : bool
        Whether orders carry amounts; without them the features of money are off.

    Returns
    -------
    tuple of Feature
        In the order of the columns that `foretell.features.compute.compute` returns.
    """
    return tuple(
        feature for family in FAMILIES for feature in family.features if has_amount or "amount" not in feature.needs
    )


def catalogue_frame() -> pl.DataFrame:
    """Return the catalogue as a frame, for printing and for the data dictionary.

    Returns
    -------
    pl.DataFrame
        One row per feature: ``name``, ``family``, ``unit``, ``dtype``, ``meaning``, ``null_when``, ``needs``,
        ``source``, all String.
    """
    return pl.DataFrame(
        [
            {
                "name": feature.name,
                "family": feature.family,
                "unit": feature.unit,
                "dtype": str(feature.dtype),
                "meaning": feature.meaning,
                "null_when": feature.null_when or "never",
                "needs": ", ".join(feature.needs),
                "source": feature.source,
            }
            for feature in catalogue()
        ]
    )


def render_catalogue() -> str:
    """Return the catalogue as a page of Markdown.

    Returns
    -------
    str
        One table per family, with a head that says what holds for all features.
    """
    lines = [
        "# Features",
        "",
        "What is computed of each customer at a cutoff. Every feature reads order rows before the cutoff only, and",
        "rows of its customer only. Orders of one calendar day are one purchase day; refunds seen before the cutoff",
        "are netted first. A window of the last n days ends with the last day seen. Features marked with a dot (·)",
        "need amounts and are off without them. This page is written by `render_catalogue()`.",
    ]
    for family in FAMILIES:
        lines += ["", f"## {family.name}", "", "| feature | unit | meaning | null when |", "| --- | --- | --- | --- |"]
        for feature in family.features:
            mark = " ·" if "amount" in feature.needs else ""
            lines.append(
                f"| `{feature.name}`{mark} | {feature.unit} | {feature.meaning} | {feature.null_when or 'never'} |"
            )
    return "\n".join(lines) + "\n"
