"""Lint: mistakes in segments, by their rules and by counting on the scores that were published last."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from foretell.config.settings import Settings
from foretell.delivery.availability import Off, allowed
from foretell.delivery.compiled import compile_segments
from foretell.delivery.rule_columns import rule_columns
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.run import Run
from foretell.delivery.segment_lint import Finding, group_sizes, lint_counts, lint_definition, lint_rule
from foretell.delivery.segments import Segment
from foretell.delivery.selection import same_people, select_all
from foretell.delivery.wording import instant_words
from foretell.jobs.published import published_run
from foretell.jobs.segment_inputs import ANY_FEATURE, scan_segments, static_problems
from foretell.scoring.schema import score_columns


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
        lines = [
            f"{finding.level}: {finding.segment + ': ' if finding.segment else ''}{finding.text}"
            for finding in self.findings
        ]
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
    return [found for one in ready for found in lint_rule(one, known, speech, None)]


def _lint_on_data(run: Run, on: tuple[Segment, ...], off: tuple[Off, ...], settings: Settings) -> list[Finding]:
    known = rule_columns(run.columns, run.feature_columns)
    speech = Speech(known, asdict(run.horizons), run.currency)
    ready, problems = compile_segments(on, known, publishable=set(known))
    findings = [Finding("", "error", problem) for problem in problems]
    findings += [
        Finding(one.segment.name, "warning", f"It is off. {one.reason}") for one in off if not one.segment.ready
    ]
    if problems:
        return findings
    chosen = select_all(run, on, key=settings.segments.key or "")
    for compiled, selection in zip(ready, chosen, strict=True):
        by_rule = lint_rule(compiled, known, speech, run.as_of)
        findings += by_rule
        if not by_rule:
            findings += lint_counts(compiled, selection, speech)
    findings += [
        Finding(name, "warning", f"It holds the same customers as {other} today: one of the two will do.")
        for name, other in same_people(chosen).items()
    ]
    return findings
