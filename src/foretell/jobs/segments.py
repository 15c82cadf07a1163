"""Segments: a list of all of them, counted on the scores that were published last."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foretell.config.settings import Settings
from foretell.delivery.availability import allowed
from foretell.delivery.segments import Segment
from foretell.delivery.selection import Selection, select_all
from foretell.delivery.wording import instant_words, whole
from foretell.jobs.published import published_run
from foretell.jobs.segment_inputs import segments_of

NOTHING_PUBLISHED = "Nothing has been published yet, so sizes are not known. Remedy: foretell score."


@dataclass(frozen=True)
class SegmentsListed:
    """All segments at a glance.

    Parameters
    ----------
    as_of : datetime or None
        Day of the scores that they were counted on; None where nothing has been published.
    rows : tuple of dict
        name, title, customers, held_out, rule, rule_in_words, owner, off (why), ready; sizes None where not known.
    """

    as_of: datetime | None
    rows: tuple[dict[str, Any], ...]

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        width = max((len(row["name"]) for row in self.rows), default=0)
        lines = [NOTHING_PUBLISHED if self.as_of is None else f"Segments as of {instant_words(self.as_of)}:"]
        for row in self.rows:
            if not row["off"]:
                size = "?" if row["customers"] is None else whole(row["customers"])
                held = f", {whole(row['held_out'])} held out" if row["held_out"] else ""
                lines.append(f"  {row['name']:<{width}}  {size:>9}  {row['title']}{held}")
        off = [row for row in self.rows if row["off"]]
        if off:
            lines += ["Off:", *(f"  {row['name']:<{width}}  {row['off']}" for row in off)]
        return [*lines, "foretell segments preview NAME shows one of them; --toml writes it as a file to edit."]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {"as_of": None if self.as_of is None else self.as_of.isoformat(), "segments": list(self.rows)}


def list_segments(settings: Settings, *, as_of: datetime | None = None) -> SegmentsListed:
    """List all segments, with sizes where scores have been published.

    Parameters
    ----------
    settings : Settings
        Which segments there are, and where published runs are.
    as_of : datetime or None
        Which run; None is the newest.

    Returns
    -------
    SegmentsListed
        Those that are on, then those that are off.

    Raises
    ------
    ConfigError
        Every problem of every definition at once.
    """
    segments = segments_of(settings)
    run = published_run(settings, as_of, segments)
    if run is None:
        return SegmentsListed(None, tuple(segment_row(segment, None, segment.off) for segment in segments))
    on, off = allowed(run, segments)
    chosen = select_all(run, on, key=settings.segments.key or "")
    rows = [segment_row(one.segment, one, "") for one in chosen] + [
        segment_row(one.segment, None, one.reason) for one in off
    ]
    return SegmentsListed(run.as_of, tuple(rows))


def segment_row(segment: Segment, selection: Selection | None, off: str) -> dict[str, Any]:
    """Return what is said of a segment in every list.

    Parameters
    ----------
    segment : Segment
        Its definition.
    selection : Selection or None
        Whom it holds; None where that is not known.
    off : str
        Why it is off; empty if it is on.

    Returns
    -------
    dict
        Plain values, without a customer.
    """
    return {
        "name": segment.name,
        "title": segment.title or segment.name,
        "customers": None if selection is None else selection.size,
        "held_out": None if selection is None else selection.held_out,
        "rule": " ".join(segment.where.split()),
        "rule_in_words": None if selection is None else selection.rule_in_words,
        "description": segment.description,
        "action": segment.action,
        "owner": segment.owner,
        "channels": list(segment.channels),
        "off": off,
        "ready": segment.ready,
    }
