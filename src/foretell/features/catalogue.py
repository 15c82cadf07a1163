"""Every feature there is, in the order of the columns, and which of them a shop's tables switch on."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from foretell.features.behaviour.assortment import ASSORTMENT
from foretell.features.behaviour.available import TABLES, Attribute, Available
from foretell.features.behaviour.baskets import BASKETS
from foretell.features.behaviour.browsing import BROWSING
from foretell.features.behaviour.carts import CARTS
from foretell.features.behaviour.cross_sell import CROSS_SELL
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.intent import INTENT
from foretell.features.behaviour.messages import MESSAGES
from foretell.features.behaviour.occasions import OCCASIONS
from foretell.features.behaviour.profile import PROFILE
from foretell.features.behaviour.reorder import REORDER
from foretell.features.behaviour.touches import TOUCHES
from foretell.features.calendar_position import CALENDAR
from foretell.features.feature import Family, Feature
from foretell.features.rfm import RFM
from foretell.features.rhythm import RHYTHM
from foretell.features.trend import TREND
from foretell.features.windowed import WINDOWED

FAMILIES: tuple[Family, ...] = (RFM, RHYTHM, WINDOWED, TREND, CALENDAR)
"""All families of orders, in the order of their columns."""

TABLE_FAMILIES: tuple[TableFamily, ...] = (
    ASSORTMENT,
    BASKETS,
    REORDER,
    CROSS_SELL,
    BROWSING,
    CARTS,
    INTENT,
    MESSAGES,
    PROFILE,
    OCCASIONS,
    TOUCHES,
)
"""All families of the optional tables, in the order of their columns, after those of orders."""

OPTIONAL_FAMILIES = frozenset(family.name for family in TABLE_FAMILIES)
"""Names of the families of the optional tables."""

FAMILY_NAMES = (*(family.name for family in FAMILIES), *(family.name for family in TABLE_FAMILIES))
"""Names of all families, whatever tables there are."""

EVERYTHING = Available(
    {
        "orders": frozenset(("customer_id", "ordered_at", "amount", "source", "medium", "campaign")),
        "order_lines": frozenset(("product_id", "category", "brand", "quantity", "amount", "discount")),
        "events": frozenset(
            (
                "event",
                "category",
                "brand",
                "price",
                "device",
                "channel",
                "machine_generated",
                "source",
                "medium",
                "campaign",
            )
        ),
        "customers": frozenset(("signed_up_at", "country", "region", "city", "lat", "lon")),
        "calendar": frozenset(("event", "starts_on", "ends_on")),
        "places": frozenset(("place", "lat", "lon", "radius_km")),
    },
    tuple(Attribute(column, "name") for column in ("city", "country", "region")),
    ("black_friday",),
)
"""All tables with all columns that features read, the usual stable attributes, and one event as an example."""


def catalogue(*, has_amount: bool = True, available: Available | None = None) -> tuple[Feature, ...]:
    """Return the declaration of every feature.

    Parameters
    ----------
    has_amount : bool
        Whether orders carry amounts; without them the features of money are off. Read where `available` is None.
    available : Available or None
        What the shop's tables hold; None is orders alone.

    Returns
    -------
    tuple of Feature
        In the order of the columns that `foretell.features.compute.compute` returns. Absent tables and columns switch
        features off.
    """
    if available is not None:
        has_amount = available.has("orders", "amount")
    orders = tuple(
        feature for family in FAMILIES for feature in family.features if has_amount or "amount" not in feature.needs
    )
    if available is None:
        return orders
    return (*orders, *(feature for family in TABLE_FAMILIES for feature in family.features(available)))


def family_of(name: str) -> str | None:
    """Return the family of a feature.

    Parameters
    ----------
    name : str
        Name of a feature, also of a shop's own attribute or event of its calendar.

    Returns
    -------
    str or None
        None where there is no such feature.
    """
    if name in _FAMILY_OF:
        return _FAMILY_OF[name]
    if name.startswith("profile_"):
        return PROFILE.name
    return OCCASIONS.name if name.startswith(("orders_in_", "years_in_")) else None


@dataclass(frozen=True)
class FamilyState:
    """Whether a shop's tables switch a family of features on.

    Parameters
    ----------
    name : str
        Name of the family.
    features : int
        Features that are on.
    of : int
        Features that there can be; a shop's own attributes and events count as they are.
    missing : str
        What would have to be there; empty where anything is on.
    """

    name: str
    features: int
    of: int
    missing: str

    @property
    def is_on(self) -> bool:
        """Whether any feature of the family is on."""
        return self.features > 0


def family_states(available: Available) -> tuple[FamilyState, ...]:
    """Say which families of features a shop's tables switch on, and what the others lack.

    Parameters
    ----------
    available : Available
        What the tables hold, as from ``Available.of(data)``.

    Returns
    -------
    tuple of FamilyState
        All families, in the order of the catalogue.
    """
    counts = dict.fromkeys(FAMILY_NAMES, 0)
    for feature in catalogue(available=available):
        counts[feature.family] += 1
    most = dict.fromkeys(FAMILY_NAMES, 0)
    for feature in catalogue(available=EVERYTHING):
        most[feature.family] += 1
    missing = {family.name: _missing(family, available) for family in TABLE_FAMILIES}
    return tuple(
        FamilyState(name, count, max(most[name], count), "" if count else missing.get(name, "orders"))
        for name, count in counts.items()
    )


def read_columns(available: Available) -> Mapping[str, tuple[str, ...]]:
    """Return the columns of each table that features are made of.

    Parameters
    ----------
    available : Available
        What the tables hold.

    Returns
    -------
    mapping of str to tuple of str
        By table, sorted; only what the features that are on need, the columns that orders always have left out.
    """
    features = [feature for family in TABLE_FAMILIES for feature in family.features(available)]
    found = {
        table: tuple(
            sorted({n for each in features if table in each.source for n in each.needs if available.has(table, n)})
        )
        for table in TABLES
    }
    used = {table for feature in features for table in feature.source.split(" or ") if available.has(table)}
    return {table: names for table, names in sorted(found.items()) if names or table in used - {"orders"}}


def _missing(family: TableFamily, available: Available) -> str:
    tables = {name for what in family.wants for name in what.split(" or ")} & set(TABLES)
    there = {table for table in tables if available.has(table)}
    names = there.union(*(available.columns[table] for table in there))
    return ", ".join(words for what, words in family.wants.items() if not names & set(what.split(" or ")))


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
                "needs": ", ".join(feature.needs) or "the table",
                "source": feature.source,
            }
            for feature in catalogue(available=EVERYTHING)
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
        "What is computed of each customer at a cutoff. Every feature reads rows before the cutoff only, and rows of",
        "its customer only. Orders of one calendar day are one purchase day; refunds seen before the cutoff are netted",
        "first. A window of the last n days ends with the last day seen. Features marked with a dot (·) need amounts",
        "and are off without them. This page is written by `render_catalogue()`.",
        "",
        "Families after `calendar` are made of the other tables; a table or column that is absent switches off what",
        "needs it. Names are null where they were not known when the model was fitted. `profile` takes every column of",
        "customers that was declared stable (here: city, country, region), `occasions` every event of the calendar",
        "(here: black_friday).",
    ]
    declared = {family.name: family.features for family in FAMILIES}
    declared |= {family.name: family.features(EVERYTHING) for family in TABLE_FAMILIES}
    for name, features in declared.items():
        source = "" if name in _OF_ORDERS else f"From {features[0].source.replace('_', ' ')}."
        lines += ["", f"## {name}", "", *([source, ""] if source else [])]
        lines += ["| feature | unit | meaning | null when |", "| --- | --- | --- | --- |"]
        for feature in features:
            mark = " ·" if "amount" in feature.needs else ""
            lines.append(
                f"| `{feature.name}`{mark} | {feature.unit} | {feature.meaning} | {feature.null_when or 'never'} |"
            )
    return "\n".join(lines) + "\n"


_OF_ORDERS = frozenset(family.name for family in FAMILIES)
_FAMILY_OF = {feature.name: feature.family for feature in catalogue(available=EVERYTHING)}
