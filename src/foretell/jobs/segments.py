"""Segments: list, preview and lint, on the scores that were published last."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from foretell.config.settings import Settings
from foretell.delivery.availability import Off, allowed
from foretell.delivery.compiled import compile_segments
from foretell.delivery.power import power_rows
from foretell.delivery.rule_columns import rule_columns
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.run import Run
from foretell.delivery.segment_lint import Finding, group_sizes, lint_counts, lint_definition, lint_rule
from foretell.delivery.segment_toml import render
from foretell.delivery.segments import Segment
from foretell.delivery.selection import Selection, select_all
from foretell.delivery.wording import instant_words, money, percent, whole
from foretell.errors import ConfigError, OutputError, did_you_mean
from foretell.jobs.published import published_run
from foretell.jobs.segment_inputs import ANY_FEATURE, scan_segments, segments_of, static_problems
from foretell.scoring.schema import score_columns

NOTHING_PUBLISHED = "Nothing has been published yet, so sizes are not known. Remedy: foretell score."
_EXAMPLES = 3
_NOT_SHOWN = ("customer_id", "why_here", "as_of", "model_version")


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
        return SegmentsListed(None, tuple(_row(segment, None, segment.off) for segment in segments))
    on, off = allowed(run, segments)
    chosen = select_all(run, on, key=settings.segments.key or "")
    rows = [_row(one.segment, one, "") for one in chosen] + [_row(one.segment, None, one.reason) for one in off]
    return SegmentsListed(run.as_of, tuple(rows))


def _row(segment: Segment, selection: Selection | None, off: str) -> dict[str, Any]:
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


@dataclass(frozen=True)
class SegmentPreviewed:
    """One segment, looked at before it is used.

    Parameters
    ----------
    as_of : datetime
        Day of the scores.
    selection : Selection
        Whom it holds.
    customers : int
        All scored customers.
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
    customers: int
    worth: str
    overlaps: tuple[tuple[str, int], ...]
    power: tuple[dict[str, Any], ...]
    examples: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        segment, total = self.selection.segment, self.selection.size + self.selection.held_out
        lines = [
            f"{segment.name}: {segment.title}",
            f"  Who: {segment.description}",
            f"  Rule: {' '.join(segment.where.split())}",
            f"  In words: {self.selection.rule_in_words}",
            f"  What to do: {segment.action or 'not written down'}",
            f"  For: {segment.owner or 'nobody named'}{' (' + ', '.join(segment.channels) + ')' if segment.channels else ''}",
            f"  As of {instant_words(self.as_of)}: {whole(total)} customers, {percent(total / max(self.customers, 1))} of all",
            f"  Expected from those to talk to: {self.worth}",
        ]
        if segment.holdout:
            lines.append(f"  Held out: {whole(self.selection.held_out)} customers ({percent(segment.holdout)} by lot)")
        if self.overlaps:
            lines.append("  Shares customers with: " + ", ".join(f"{name} ({whole(count)})" for name, count in self.overlaps))
        if self.examples:
            lines += ["  For example:", *(f"    {example}" for example in self.examples)]
        if self.power:
            lines += ["  Smallest effect that a holdout would show (8 times of 10):", *(_power_line(row) for row in self.power)]
        return lines

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            **_row(self.selection.segment, self.selection, ""),
            "as_of": self.as_of.isoformat(),
            "share_of_all": (self.selection.size + self.selection.held_out) / max(self.customers, 1),
            "predicted_value": self.selection.predicted_value,
            "overlaps": dict(self.overlaps),
            "power": list(self.power),
            "examples": list(self.examples),
        }


def _power_line(row: dict[str, Any]) -> str:
    measure = "orders" if row["measure"] == "order_rate" else "spend"
    lift = row["smallest_lift_percent"]
    told = "none" if lift is None else f"{lift:,.0f} % more {measure} than without the campaign"
    return f"    holdout of {percent(row['holdout_share'])} ({whole(row['held_out'])} customers): {told} in {row['days']} days"


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
    shared = [(one.segment.name, len(members.intersection(one.members.tolist()))) for one in chosen if one is not selection]
    value = selection.predicted_value
    worth = money(value, run.currency) if run.has_money else f"{whole(value)} orders"
    return SegmentPreviewed(
        as_of=run.as_of,
        selection=selection,
        customers=run.scores.height,
        worth=f"{worth} in {run.horizons.clv_days} days",
        overlaps=tuple(sorted((pair for pair in shared if pair[1]), key=lambda pair: (-pair[1], pair[0]))[:5]),
        power=tuple(power_rows(selection, run.horizons)),
        examples=_examples(selection),
    )


def _named(segments: tuple[Segment, ...], name: str) -> Segment:
    for segment in segments:
        if segment.name == name:
            return segment
    raise ConfigError([f"There is no segment {name!r}.{did_you_mean(name, [one.name for one in segments])}"])


def _examples(selection: Selection) -> tuple[str, ...]:
    """Return the facts of the first, a middle and the last customer: numbers, dates and yes or no, never a text."""
    count = selection.size
    places = sorted({0, count // 2, count - 1}) if count else []
    frame = selection.source[selection.rows[places].tolist()] if places else selection.source.head(0)
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


@dataclass(frozen=True)
class SegmentsLinted:
    """What is wrong, or odd, with segments.

    Parameters
    ----------
    as_of : datetime or None
        Day of the scores that were counted on; None where nothing has been published.
    segments : int
        Definitions looked at.
    findings : tuple of Finding
        Errors first.
    """

    as_of: datetime | None
    segments: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        """Number of findings that must be mended."""
        return sum(finding.level == "error" for finding in self.findings)

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        lines = [f"{finding.level}: {finding.segment + ': ' if finding.segment else ''}{finding.text}" for finding in self.findings]
        warnings = len(self.findings) - self.errors
        counted = "without counting" if self.as_of is None else f"as of {instant_words(self.as_of)}"
        return [*lines, f"{self.segments} segments looked at, {counted}: {self.errors} errors, {warnings} warnings."]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "segments": self.segments,
            "errors": self.errors,
            "findings": [asdict(finding) for finding in self.findings],
        }


def lint_segments(settings: Settings, *, as_of: datetime | None = None) -> SegmentsLinted:
    """Look for mistakes in all segments, by their rules and by counting on the scores that were published.

    Parameters
    ----------
    settings : Settings
        Which segments there are, and where published runs are.
    as_of : datetime or None
        Which run; None is the newest.

    Returns
    -------
    SegmentsLinted
        Every finding of every segment.
    """
    segments, problems = scan_segments(settings)
    problems += static_problems(settings, segments)
    findings = [Finding("", "error", problem) for problem in dict.fromkeys(problems)]
    run = published_run(settings, as_of, () if problems else segments)
    sizes = group_sizes(segments)
    for segment in segments:
        findings += lint_definition(segment, sizes)
    if run is None or problems:
        findings += _lint_rules(segments, settings)
    else:
        on, off = allowed(run, segments)
        findings += _lint_on_data(run, on, off, settings)
    ranked = sorted(findings, key=lambda finding: finding.level != "error")
    counted_on = None if run is None or problems else run.as_of
    return SegmentsLinted(counted_on, len(segments), tuple(ranked))


def _lint_rules(segments: tuple[Segment, ...], settings: Settings) -> list[Finding]:
    horizons = settings.horizons.as_horizons()
    known = rule_columns(score_columns(horizons), ANY_FEATURE)
    ready, _ = compile_segments([s for s in segments if not s.off], known, publishable=set(known))
    speech = Speech(known, asdict(horizons), settings.shop.currency)
    # Without scores any day will do to compare relative dates with one another.
    return [found for one in ready for found in lint_rule(one, known, speech, datetime(2000, 1, 1))]


def _lint_on_data(run: Run, on: tuple[Segment, ...], off: tuple[Off, ...], settings: Settings) -> list[Finding]:
    known = rule_columns(run.columns, run.feature_columns)
    speech = Speech(known, asdict(run.horizons), run.currency)
    ready, problems = compile_segments(on, known, publishable=set(known))
    findings = [Finding("", "error", problem) for problem in problems]
    findings += [Finding(one.segment.name, "warning", f"It is off. {one.reason}") for one in off if not one.segment.ready]
    if problems:
        return findings
    chosen = select_all(run, on, key=settings.segments.key or "")
    for compiled, selection in zip(ready, chosen, strict=True):
        by_rule = lint_rule(compiled, known, speech, run.as_of)
        findings += by_rule
        if not by_rule:
            findings += lint_counts(compiled, selection, speech)
    return findings
