"""One segment, looked at on the scores that were published last, or written as TOML to be edited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from foretell.config.settings import Settings
from foretell.delivery.availability import allowed
from foretell.delivery.power import power_rows
from foretell.delivery.prospects import VALUE_OF_PROSPECTS
from foretell.delivery.run import Run
from foretell.delivery.segment_toml import render
from foretell.delivery.segments import Segment
from foretell.delivery.selection import Selection, select_all
from foretell.delivery.wording import instant_words, money, percent, whole
from foretell.errors import ConfigError, OutputError, did_you_mean
from foretell.jobs.published import published_run
from foretell.jobs.segment_inputs import segments_of
from foretell.jobs.segments import NOTHING_PUBLISHED, segment_row

_EXAMPLES = 3
_WHO = {
    "customers": "customers, {share} of all",
    "prospects": "people without an order, {share} of all known",
    "everyone": "people with or without an order, {share} of all known",
}
_NOT_SHOWN = ("customer_id", "why_here", "as_of", "model_version")


@dataclass(frozen=True)
class SegmentPreviewed:
    """One segment, looked at before it is used.

    Parameters
    ----------
    as_of : datetime
        Day of the scores.
    selection : Selection
        Whom it holds.
    everybody : int
        All whom it could hold: customers, people without an order, or both.
    worth : str
        What its customers are expected to bring, in words.
    overlaps : tuple of (str, int)
        Segments that share customers with it, the most first, and how many.
    power : tuple of dict
        What holdouts of several sizes can show, as from `foretell.delivery.power.power_rows`.
    examples : tuple of str
        Facts of three of its customers, without anything personal.
    """

    as_of: datetime
    selection: Selection
    everybody: int
    worth: str
    overlaps: tuple[tuple[str, int], ...]
    power: tuple[dict[str, Any], ...]
    examples: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        segment, total = self.selection.segment, self.selection.size + self.selection.held_out
        channels = f" ({', '.join(segment.channels)})" if segment.channels else ""
        share = percent(total / max(self.everybody, 1))
        lines = [
            f"{segment.name}: {segment.title}",
            f"  Who: {segment.description}",
            f"  Rule: {' '.join(segment.where.split())}",
            f"  In words: {self.selection.rule_in_words}",
            f"  What to do: {segment.action or 'not written down'}",
            f"  For: {segment.owner or 'nobody named'}{channels}",
            f"  As of {instant_words(self.as_of)}: {whole(total)} {_WHO[segment.people].format(share=share)}",
            f"  Expected from those to talk to: {self.worth}",
        ]
        if segment.holdout:
            lines.append(f"  Held out: {whole(self.selection.held_out)} customers ({percent(segment.holdout)} by lot)")
            parts = ", ".join(f"{whole(kept)} of {whole(count)}" for count, kept in self.selection.strata)
            lines.append(f"  Held out by expected value, from the lowest fifth to the highest: {parts}")
        if self.overlaps:
            lines.append(
                "  Shares customers with: " + ", ".join(f"{name} ({whole(count)})" for name, count in self.overlaps)
            )
        if self.examples:
            lines += ["  For example:", *(f"    {example}" for example in self.examples)]
        if self.power:
            lines += [
                "  Smallest effect that a holdout would show (8 times of 10):",
                *(_power_line(row) for row in self.power),
            ]
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            **segment_row(self.selection.segment, self.selection, ""),
            "as_of": self.as_of.isoformat(),
            "share_of_all": (self.selection.size + self.selection.held_out) / max(self.everybody, 1),
            "predicted_value": self.selection.predicted_value,
            "overlaps": dict(self.overlaps),
            "power": list(self.power),
            "examples": list(self.examples),
        }


def _power_line(row: dict[str, Any]) -> str:
    measure = "orders" if row["measure"] == "order_rate" else "spend"
    lift = row["smallest_lift_percent"]
    told = "none" if lift is None else f"{lift:,.0f} % more {measure} than without the campaign"
    held_out = f"{percent(row['holdout_share'])} ({whole(row['held_out'])} customers)"
    return f"    holdout of {held_out}: {told} in {row['days']} days"


@dataclass(frozen=True)
class SegmentWritten:
    """A segment as TOML, to be edited.

    Parameters
    ----------
    segment : Segment
        The definition.
    """

    segment: Segment

    def lines(self) -> list[str]:
        """Return the text, line by line."""
        return render(self.segment).splitlines()

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {"toml": render(self.segment)}


def write_segment(settings: Settings, name: str) -> SegmentWritten:
    """Return the definition of a segment as TOML.

    Parameters
    ----------
    settings : Settings
        Which segments there are.
    name : str
        One of them.

    Returns
    -------
    SegmentWritten
        Its text.

    Raises
    ------
    ConfigError
        If there is no such segment.
    """
    return SegmentWritten(_named(segments_of(settings), name))


def preview_segment(settings: Settings, name: str, *, as_of: datetime | None = None) -> SegmentPreviewed:
    """Show one segment on the scores that were published.

    Parameters
    ----------
    settings : Settings
        Which segments there are, and where published runs are.
    name : str
        The segment.
    as_of : datetime or None
        Which run; None is the newest.

    Returns
    -------
    SegmentPreviewed
        Words, size, overlaps, holdouts and examples.

    Raises
    ------
    ConfigError
        If there is no such segment, it is off, or any definition has a problem.
    OutputError
        If nothing has been published.
    """
    segments = segments_of(settings)
    asked = _named(segments, name)
    run = published_run(settings, as_of, segments)
    if run is None:
        raise OutputError(NOTHING_PUBLISHED)
    on, off = allowed(run, segments)
    for one in off:
        if one.segment.name == name:
            raise ConfigError([f"The segment {name!r} is off. {one.reason}"])
    chosen = select_all(run, on, key=settings.segments.key or "")
    selection = next(one for one in chosen if one.segment.name == asked.name)
    members = set(selection.members.tolist())
    shared = [
        (one.segment.name, len(members.intersection(one.members.tolist()))) for one in chosen if one is not selection
    ]
    return SegmentPreviewed(
        as_of=run.as_of,
        selection=selection,
        everybody=selection.all_whom_it_could_hold,
        worth=_worth(selection, run),
        overlaps=tuple(sorted((pair for pair in shared if pair[1]), key=lambda pair: (-pair[1], pair[0]))[:5]),
        power=tuple(power_rows(selection, run.horizons)),
        examples=_examples(selection),
    )


def _worth(selection: Selection, run: Run) -> str:
    value = selection.predicted_value
    if selection.segment.people == "prospects":
        if VALUE_OF_PROSPECTS not in selection.source.columns:
            return "not known: no chances of first orders are told"
        first_orders = f"{whole(value)} first orders in {run.horizons.churn_days} days"
        return f"{money(value, run.currency)} in the year after a first order" if run.has_money else first_orders
    worth = money(value, run.currency) if run.has_money else f"{whole(value)} orders"
    return f"{worth} in {run.horizons.clv_days} days"


def _named(segments: tuple[Segment, ...], name: str) -> Segment:
    for segment in segments:
        if segment.name == name:
            return segment
    raise ConfigError([f"There is no segment {name!r}.{did_you_mean(name, [one.name for one in segments])}"])


def _examples(selection: Selection) -> tuple[str, ...]:
    """Return the facts of the first, a middle and the last customer: numbers, dates and yes or no, never a text."""
    count = selection.size
    places = sorted({0, count // 2, count - 1}) if count else []
    frame = selection.rule_frame[selection.rows[places].tolist()] if places else selection.rule_frame.head(0)
    told = []
    for row in range(min(_EXAMPLES, frame.height)):
        facts = [
            f"{name.replace('_', ' ')} {_shown(frame.get_column(name)[row])}"
            for name in selection.columns
            if name not in _NOT_SHOWN and frame.schema[name] != pl.String and frame.get_column(name)[row] is not None
        ]
        told.append("; ".join(facts))
    return tuple(told)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
