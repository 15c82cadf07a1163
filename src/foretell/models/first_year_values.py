"""What newcomers spend in their first year, by group, drawn to the mean of all as far as groups are small."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl

from foretell.models.objectives import Vector
from foretell.models.state import damaged, is_finite

LEAST_PEOPLE = 30
"""Newcomers from which a group has a value of its own."""

_NAME = "FirstYearValues"
_NORMAL_90 = 1.6449
_NUMBERS = ("value", "low", "high")


@dataclass(frozen=True)
class GroupValue:
    """Mean spend of a group's first year.

    Parameters
    ----------
    people : int
        Newcomers that it rests on.
    value : float
        Expected spend in 365 days from the first order, that order included, currency units.
    low, high : float
        90 % interval of that mean; a single person can be far off.
    """

    people: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class FirstYearValues:
    """Mean first-year spend of newcomers by funnel state, and by one attribute where a group is large enough.

    Parameters
    ----------
    whole : GroupValue
        Of all newcomers; for whom no group is large enough.
    attribute : str or None
        Feature that divides states further; None divides by state alone.
    groups : mapping of (str, str or None) to GroupValue
        By state and value of the attribute; None is the rest of the state.
    """

    whole: GroupValue
    attribute: str | None = None
    groups: Mapping[tuple[str, str | None], GroupValue] = field(default_factory=dict)

    @classmethod
    def fit(cls, people: pl.DataFrame, *, attribute: str | None, year: float) -> Self:
        """Fit the means.

        Parameters
        ----------
        people : polars.DataFrame
            One row per newcomer, in an order that does not change: ``funnel_state``, the attribute, ``spend`` so far
            (currency units, at most of the first 365 days) and ``expected_orders`` of a newcomer in the days seen.
        attribute : str or None
            Column that divides states further.
        year : float
            Expected orders of a newcomer in 365 days.

        Returns
        -------
        FirstYearValues

        Notes
        -----
        Spend of who was seen for d days is brought to a year by the ratio of expected orders, so a group's own value
        is ``year · Σ spend / Σ expected_orders``; with whole years seen that is the mean. Groups are drawn to the
        whole by credibility: Z = w / (w + σ²/τ²), w being the group's expected orders, σ² the variance within and τ²
        that between groups; τ² = 0 where groups differ no more than by chance. Intervals come from the mean squared
        error, (1 - Z) τ² + (1 - Z)² σ² / Σw.

        References
        ----------
        Bühlmann, Straub (1970), "Glaubwürdigkeit für Schadensätze"; Bühlmann, Gisler (2005), "A Course in
        Credibility Theory", section 4.
        """
        states = people["funnel_state"].to_list()
        texts = [None] * len(states) if attribute is None else people[attribute].cast(pl.String).to_list()
        cells = list(zip(states, texts, strict=True))
        large = _large([cell for cell in cells if cell[1] is not None])
        homes = [cell if cell in large else (cell[0], None) for cell in cells]
        names = sorted(_large(homes), key=lambda group: (group[0], group[1] or ""))
        place = {name: number for number, name in enumerate(names)}
        group = np.array([place.get(home, len(names)) for home in homes], dtype=np.intp)
        weight = people["expected_orders"].to_numpy()
        mean, error, whole_error = _credible(people["spend"].to_numpy() / weight, weight, group, len(names) + 1)
        count = np.bincount(group, minlength=len(names) + 1)
        whole = float(people["spend"].sum() / weight.sum())
        return cls(
            _group(len(states), year * whole, year * whole_error),
            attribute,
            {name: _group(int(count[n]), year * mean[n], year * error[n]) for name, n in place.items()},
        )

    def of(self, people: pl.DataFrame) -> Vector:
        """Return the expected first-year spend of who places a first order.

        Parameters
        ----------
        people : polars.DataFrame
            ``funnel_state``, and the attribute where there is one; where that is absent, states count alone.

        Returns
        -------
        ndarray of shape (people,)
            Currency units.
        """
        states = people["funnel_state"]
        known = self.attribute is not None and self.attribute in people.columns
        texts = (
            people[self.attribute or ""].cast(pl.String) if known else pl.Series([None] * len(states), dtype=pl.String)
        )
        values = np.full(len(states), self.whole.value)
        for (state, text), found in sorted(self.groups.items(), key=lambda item: item[0][1] is not None):
            here = (states == state) if text is None else (states == state) & (texts == text).fill_null(value=False)
            values[here.to_numpy()] = found.value
        return values

    def to_dict(self) -> dict[str, Any]:
        """Return the means as plain values.

        Returns
        -------
        dict of str to object
            For JSON; read back by `from_dict`.
        """
        return {
            "whole": vars(self.whole),
            "attribute": self.attribute,
            "groups": [[state, text, vars(found)] for (state, text), found in self.groups.items()],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild the means from plain values.

        Parameters
        ----------
        state : mapping
            As from `to_dict`, possibly through JSON.

        Returns
        -------
        FirstYearValues

        Raises
        ------
        BundleError
            If the state is not that of such means.
        """
        if set(state) != {"whole", "attribute", "groups"} or not isinstance(state["attribute"], str | None):
            raise damaged(_NAME, "fields")
        groups = {}
        for entry in state["groups"]:
            if not isinstance(entry, list) or len(entry) != 3:
                raise damaged(_NAME, "groups")
            if not isinstance(entry[0], str) or not isinstance(entry[1], str | None):
                raise damaged(_NAME, "groups")
            groups[entry[0], entry[1]] = _read_group(entry[2])
        return cls(_read_group(state["whole"]), state["attribute"], groups)


def _large(cells: list[tuple[str, Any]]) -> set[tuple[str, Any]]:
    counts: dict[tuple[str, Any], int] = {}
    for cell in cells:
        counts[cell] = counts.get(cell, 0) + 1
    return {cell for cell, count in counts.items() if count >= LEAST_PEOPLE}


def _credible(rate: Vector, weight: Vector, group: np.ndarray, groups: int) -> tuple[Vector, Vector, float]:
    """Return the credible mean of each group with its standard error, and the standard error of the whole's mean."""
    heft = np.bincount(group, weights=weight, minlength=groups)
    total = heft.sum()
    own = np.bincount(group, weights=weight * rate, minlength=groups) / np.maximum(heft, 1e-12)
    whole = float((heft * own).sum() / total)
    there = int((heft > 0).sum())
    within = float((weight * (rate - own[group]) ** 2).sum() / max(rate.size - there, 1))
    spare = total - (heft**2).sum() / total
    between = 0.0
    if there > 1 and spare > 0:
        between = max(float((heft * (own - whole) ** 2).sum() - (there - 1) * within) / float(spare), 0.0)
    trust = heft * between / (heft * between + within) if between > 0 else np.zeros(groups)
    mean = trust * own + (1 - trust) * whole
    error = (1 - trust) * between + (1 - trust) ** 2 * within / total
    return mean, np.sqrt(error), float(np.sqrt(within / total))


def _group(people: int, value: float, error: float) -> GroupValue:
    low, high = max(value - _NORMAL_90 * error, 0.0), value + _NORMAL_90 * error
    return GroupValue(people, *(round(float(number), 6) for number in (value, low, high)))


def _read_group(value: object) -> GroupValue:
    if not isinstance(value, Mapping) or set(value) != {"people", *_NUMBERS} or type(value["people"]) is not int:
        raise damaged(_NAME, "groups")
    if not all(is_finite(value[name]) and value[name] >= 0 for name in _NUMBERS):
        raise damaged(_NAME, "groups")
    return GroupValue(value["people"], *(float(value[name]) for name in _NUMBERS))
