"""What README.txt says of each segment: for whom the file is, what it means, how many, since when, what to do."""

from collections import Counter
from collections.abc import Sequence

from foretell.delivery.availability import LACKS_TABLES, Off
from foretell.delivery.run import Run
from foretell.delivery.segment_diff import Diff
from foretell.delivery.segment_files import SegmentsOfRun
from foretell.delivery.segment_toml import NEEDS_VALUE
from foretell.delivery.segments import PURPOSES
from foretell.delivery.selection import Selection, same_people
from foretell.delivery.wording import instant_words, money, percent, whole

_NO_PURPOSE = "Other segments"


def segment_lines(run: Run, segments: SegmentsOfRun) -> list[tuple[str, list[str]]]:
    """Return one paragraph per segment that was written, those for one purpose together.

    Parameters
    ----------
    run : Run
        A finished run.
    segments : SegmentsOfRun
        Its segments.

    Returns
    -------
    list of (str, list of str)
        Purpose and paragraphs, without a customer in them; the shop's own purposes first.
    """
    twins = same_people(segments.selections)
    groups: dict[str, list[str]] = {}
    for one in segments.selections:
        told = _paragraph(run, one, segments.diff, twins.get(one.segment.name, ""))
        groups.setdefault(one.segment.purpose or _NO_PURPOSE, []).append(told)
    places = {name: place for place, name in enumerate((*PURPOSES, _NO_PURPOSE))}
    return sorted(groups.items(), key=lambda group: places.get(group[0], -1))


def overview_line(segments: SegmentsOfRun) -> str:
    """Return how many segment files there are for which purpose.

    Parameters
    ----------
    segments : SegmentsOfRun
        Segments of a run.

    Returns
    -------
    str
        A sentence.
    """
    counted = Counter(one.segment.purpose or _NO_PURPOSE for one in segments.selections)
    places = {name: place for place, name in enumerate((*PURPOSES, _NO_PURPOSE))}
    listed = [
        f"{name.lower()} ({whole(counted[name])})" for name in sorted(counted, key=lambda name: places.get(name, -1))
    ]
    return (
        f"{whole(sum(counted.values()))} segment files, told below by what they are for: {', '.join(listed)}. Choose "
        "one purpose; nobody needs all of them. ready = [...] in [segments] of the settings names those to write."
    )


def change_lines(segments: SegmentsOfRun) -> list[str]:
    """Return what changed since the last published run, segment by segment.

    Parameters
    ----------
    segments : SegmentsOfRun
        Segments of a run.

    Returns
    -------
    list of str
        Warnings first; one line where there is nothing to compare with.
    """
    if segments.diff is None:
        return ["There was no earlier run with segments to compare with, so segments_diff.csv holds its header only."]
    lines = [f"{change.name}: {change.flag}" for change in segments.diff.changes if change.flag]
    new = [one.segment.name for one in segments.selections if segments.diff.of(one.segment.name) is None]
    if new:
        lines.append(f"New since {instant_words(segments.diff.since.as_of)}: {', '.join(new)}.")
    gone = sorted(set(segments.diff.since.rules) - {one.segment.name for one in segments.selections})
    if gone:
        lines.append(f"No longer written since then: {', '.join(gone)}. Take them off where you uploaded them.")
    moved = sum(change.entered + change.left for change in segments.diff.changes)
    lines.append(
        f"segments_diff.csv holds a row for each customer who entered or left a segment since "
        f"{instant_words(segments.diff.since.as_of)} ({whole(moved)} rows), with the condition that flipped."
    )
    return lines


def off_lines(segments: SegmentsOfRun) -> list[str]:
    """Return which segments are off and why, those with one cause in one line.

    Parameters
    ----------
    segments : SegmentsOfRun
        Segments of a run.

    Returns
    -------
    list of str
        The causes with most segments first; which column each lacks is in ``segments.csv``.
    """
    names: dict[str, list[str]] = {}
    for one in segments.off:
        names.setdefault(_cause(one), []).append(one.segment.name)
    ranked = sorted(names.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return [f"{cause} {', '.join(listed)}." for cause, listed in ranked]


def _cause(one: Off) -> str:
    if one.reason.startswith(NEEDS_VALUE):
        return "They need a value of yours, such as a category or a country (see why_off in segments.csv):"
    if one.reason.startswith(LACKS_TABLES):
        return f"The data lack what comes from {', '.join(one.segment.tables)}:"
    return f"{one.reason} This concerns"


def _paragraph(run: Run, selection: Selection, diff: Diff | None, twin: str) -> str:
    segment = selection.segment
    parts = [f"{selection.file_name}: {segment.title} ({_size(selection)})."]
    if segment.owner or segment.channels:
        channels = f" ({', '.join(segment.channels)})" if segment.channels else ""
        parts.append(f"For {segment.owner or 'whoever runs these channels'}{channels}.")
    parts.append(_ended(segment.description))
    if selection.size:
        worth = (
            money(selection.predicted_value, run.currency)
            if run.has_money
            else f"{whole(selection.predicted_value)} orders"
        )
        parts.append(f"Expected from them in {run.horizons.clv_days} days: {worth}.")
    parts.append(f"What to do: {_ended(segment.action)}" if segment.action else "No action is written down yet.")
    if segment.utm:
        parts.append("Tag its links with " + "&".join(f"utm_{name}={text}" for name, text in segment.utm) + ".")
    if segment.holdout:
        parts.append(
            f"{selection.holdout_file_name} ({_customers(selection.held_out)}, "
            f"{percent(segment.holdout)} by lot): leave these alone, and compare what they buy with the others."
        )
    if twin:
        parts.append(f"It holds the same customers as {twin} today: use one of the two.")
    parts.append(f"Valid from {instant_words(run.as_of)}{_changed(selection, diff)}.")
    return " ".join(parts)


def _size(selection: Selection) -> str:
    if selection.size:
        return _customers(selection.size)
    return "nobody today, so it holds its header only"


def _customers(count: int) -> str:
    return f"{whole(count)} {'customer' if count == 1 else 'customers'}"


def _changed(selection: Selection, diff: Diff | None) -> str:
    change = None if diff is None else diff.of(selection.segment.name)
    if change is None or diff is None:
        return ""
    text = (
        f"; since {instant_words(diff.since.as_of)} {whole(change.entered)} entered, {whole(change.left)} left and "
        f"{whole(change.stayed)} stayed"
    )
    if change.reasons:
        why, count = change.reasons[0]
        text += f", most often ({whole(count)}) {why}"
    return text


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def where_lines(selections: Sequence[Selection]) -> list[str]:
    """Return the rule of each segment as a sentence.

    Parameters
    ----------
    selections : sequence of Selection
        Segments of a run.

    Returns
    -------
    list of str
        One line per segment.
    """
    return [f"{selection.segment.name}: {selection.rule_in_words}" for selection in selections]
