"""Which features the tables at hand switch on, and what the others lack."""

from dataclasses import dataclass

import polars as pl

from foretell.features.catalogue import FAMILIES
from foretell.features.feature import Feature
from foretell.tables.dataset import CustomerData


@dataclass(frozen=True)
class Availability:
    """What a shop's data switch on of one family.

    Parameters
    ----------
    family : str
        Name of the family.
    sources : tuple of str
        Tables that its features read.
    on : int
        Features whose table and columns are there.
    features : int
        Features that the family declares.
    lacks : tuple of str
        What would switch on more: tables, or columns as ``table.column``.
    """

    family: str
    sources: tuple[str, ...]
    on: int
    features: int
    lacks: tuple[str, ...]


def availability(data: CustomerData) -> tuple[Availability, ...]:
    """Say for every family which of its features are on.

    Parameters
    ----------
    data : CustomerData
        The shop's tables; no row is read.

    Returns
    -------
    tuple of Availability
        In the order of the catalogue.
    """
    columns = {"orders": _names(data.orders)}
    columns |= {name: _names(getattr(data.optional, name).lazy()) for name in data.optional.names}
    found = []
    for family in FAMILIES:
        lacks = [_lacks(feature, columns) for feature in family.features]
        missing = dict.fromkeys(name for names in lacks for name in names)
        sources = dict.fromkeys(feature.source for feature in family.features)
        on = sum(not names for names in lacks)
        found.append(Availability(family.name, tuple(sources), on, len(family.features), tuple(missing)))
    return tuple(found)


def _lacks(feature: Feature, columns: dict[str, set[str]]) -> list[str]:
    if feature.source not in columns:
        return [feature.source]
    return [f"{feature.source}.{need}" for need in feature.needs if need not in columns[feature.source]]


def _names(rows: pl.LazyFrame) -> set[str]:
    """Names as features know them: money is held in minor units."""
    names = rows.collect_schema().names()
    return {*names, *(name.removesuffix("_minor") for name in names)}
