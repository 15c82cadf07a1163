"""What the report says of people who never ordered: how many first orders are expected, of whom, how sure that is."""

from dataclasses import dataclass

import polars as pl

from foretell.delivery.expected import Expected
from foretell.delivery.prospects import VALUE_OF_PROSPECTS, ProspectTable
from foretell.delivery.wording import percent
from foretell.features.prospects import STATES

TOP_SHARE = 0.05
"""Share of the people whose expected value is highest that is told apart."""


@dataclass(frozen=True)
class ProspectGroup:
    """Some of the people without an order.

    Parameters
    ----------
    title : str
        Who they are.
    people : int
        How many.
    first_orders : float
        Expected of them in the horizon.
    value : float or None
        Expected of them in the year after a first order, currency units; None without money.
    """

    title: str
    people: int
    first_orders: float
    value: float | None

    @property
    def each(self) -> float | None:
        """What a first order of theirs is worth on average, first year; None where that is not known."""
        return self.value / self.first_orders if self.value is not None and self.first_orders > 0 else None


@dataclass(frozen=True)
class ProspectsTold:
    """The section of the report.

    Parameters
    ----------
    days : int
        Horizon of the first order.
    all : ProspectGroup
        Everybody.
    first_orders : Expected
        Expected of everybody, with an interval where it is known.
    groups : tuple of ProspectGroup
        By funnel state; only those that hold anybody.
    top : ProspectGroup
        The `TOP_SHARE` ranked highest.
    undated : int
        Of whom no chance can be told.
    past : str
        How a past window went, as a sentence.
    """

    days: int
    all: ProspectGroup
    first_orders: Expected
    groups: tuple[ProspectGroup, ...]
    top: ProspectGroup
    undated: int
    past: str

    @property
    def rows(self) -> tuple[ProspectGroup, ...]:
        """The groups, then the top."""
        return (*self.groups, self.top)

    @property
    def has_money(self) -> bool:
        """Whether values are told."""
        return self.all.value is not None

    @property
    def top_share_of_orders(self) -> float:
        """Share of the expected first orders that the top brings, 0 to 1."""
        return self.top.first_orders / self.all.first_orders if self.all.first_orders > 0 else 0.0


def prospects_told(table: ProspectTable | None) -> ProspectsTold | None:
    """Sum up a table of prospects.

    Parameters
    ----------
    table : ProspectTable or None
        Of the run.

    Returns
    -------
    ProspectsTold or None
        None where the run has none; no person is in it.
    """
    if table is None:
        return None
    chance = f"p_first_order_{table.days}d"
    scores = table.scores
    ranked = scores.sort(VALUE_OF_PROSPECTS, chance, "customer_id", descending=[True, True, False], nulls_last=True)
    top = ranked.head(max(round(TOP_SHARE * scores.height), 1))
    groups = [
        _group(meaning, scores.filter(pl.col("funnel_state") == state), chance) for state, meaning in STATES.items()
    ]
    return ProspectsTold(
        days=table.days,
        all=_group("All", scores, chance),
        first_orders=table.first_orders,
        groups=tuple(group for group in groups if group.people),
        top=_group(f"The {percent(TOP_SHARE)} ranked highest", top, chance),
        undated=scores[chance].null_count(),
        past=table.past(),
    )


def _group(title: str, people: pl.DataFrame, chance: str) -> ProspectGroup:
    value = people[VALUE_OF_PROSPECTS].drop_nulls()
    # Without a chance there is no value either: a shop without money has chances and no values.
    has_money = len(value) > 0 or people[chance].null_count() == people.height
    worth = float(value.sum()) if has_money else None
    return ProspectGroup(title[0].upper() + title[1:], people.height, float(people[chance].sum()), worth)
