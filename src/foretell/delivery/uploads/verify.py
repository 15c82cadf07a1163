"""An upload file checked as its platform will read it, before a person uploads it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from foretell.delivery.uploads.cells import cell_problems, value_problems
from foretell.delivery.uploads.opened import Finding, Opened, open_upload
from foretell.delivery.uploads.places import country
from foretell.delivery.uploads.platforms import platform_for
from foretell.delivery.uploads.template import Platform, UploadColumn, UploadOptions
from foretell.errors import did_you_mean

_SUFFIXES = (".csv", ".txt")
# Klaviyo's columns that subscribe people; nobody may be subscribed by a list of scores.
_SUBSCRIBES = re.compile(r"(Email Marketing|SMS Marketing|SMS Transactional) Consent( Timestamp)?", re.IGNORECASE)


@dataclass(frozen=True)
class Verified:
    """What is wrong with an upload file.

    Parameters
    ----------
    platform : str
        What it is for.
    rows : int
        Rows that could be read.
    findings : tuple of Finding
        Every problem, with every line; empty where the platform will take the file.
    """

    platform: str
    rows: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(path: Path, platform: str, *, removal: bool = False, options: UploadOptions | None = None) -> Verified:
    """Check an upload file, whoever made it.

    Parameters
    ----------
    path : Path
        The file.
    platform : str
        One of `foretell.delivery.uploads.platforms.PLATFORMS`.
    removal : bool
        Whether it takes people off a list: then it may be short and has no values.
    options : UploadOptions, optional
        Choices that are left open.

    Returns
    -------
    Verified
        Header, encoding, byte order mark, separators, hashing, normal forms, identifiers, duplicates, size.

    Raises
    ------
    ConfigError
        If there is no such platform.
    DataError
        If the file cannot be read.
    """
    asked = UploadOptions(sensitive=("gender", "birth_date")) if options is None else options
    expected = platform_for(platform, asked)
    opened = open_upload(path, expected)
    known = {column.header: column for column in (*expected.columns, *expected.accepted)}
    findings = [
        *opened.findings,
        *_name_problems(path, expected),
        *_header_problems(opened, expected, known, removal=removal),
    ]
    if opened.cells.width:
        findings += _cell_findings(opened, known)
        findings += _row_findings(opened, expected)
    findings += _size_problems(opened, expected, removal=removal)
    merged: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        place = (finding.column, finding.rule)
        lines = {*finding.lines, *(merged[place].lines if place in merged else ())}
        merged[place] = Finding(finding.rule, tuple(sorted(lines)), finding.column)
    return Verified(platform, opened.cells.height, tuple(merged.values()))


def _name_problems(path: Path, platform: Platform) -> Iterator[Finding]:
    if path.suffix.lower() not in _SUFFIXES:
        yield Finding(f"the name of the file has to end in {' or '.join(_SUFFIXES)}")
    if platform.name == "criteo" and not re.fullmatch(r"[a-z0-9_-]+", path.stem):
        yield Finding("the name of the file may hold lower case letters, digits, hyphens and underscores only")


def _header_problems(
    opened: Opened, platform: Platform, known: dict[str, UploadColumn], *, removal: bool
) -> Iterator[Finding]:
    if not platform.header:
        return
    own = tuple(column.header for column in platform.columns)
    line = (2,) if platform.time_zone_line else (1,)
    if platform.exact_header and opened.header != own:
        yield Finding("the header has to be the whole header of the template, in its order", line)
    counts = Counter(opened.header)
    for name, count in counts.items():
        if count > platform.repeats:
            yield Finding(f"the header names it {count} times; {platform.repeats} at most", line, name)
        if name in known:
            continue
        if _SUBSCRIBES.fullmatch(name):
            yield Finding("this column would subscribe or unsubscribe people; a list of scores must not", line, name)
        elif not platform.properties or name.lower() in {each.lower() for each in known}:
            yield Finding(f"there is no such column.{_meant(name, known)}", line, name)
    missing = [name for name in platform.required if name not in counts and not (removal and name == "value")]
    yield from (Finding("the column is missing", line, name) for name in missing)
    if not any(set(names) <= set(counts) for names in _identifying(platform)):
        wanted = ", ".join(" with ".join(names) for names in platform.identifies)
        yield Finding(f"no column identifies people; one of these has to be there: {wanted}", line)


def _meant(name: str, known: dict[str, UploadColumn]) -> str:
    alike = [each for each in known if _folded(each) == _folded(name)]
    return f" Did you mean {alike[0]!r}?" if alike else did_you_mean(name, known)


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _identifying(platform: Platform) -> tuple[tuple[str, ...], ...]:
    """What may identify a row: our own columns, and those that the platform takes in their place."""
    sources = {column.header: column.source for column in (*platform.columns, *platform.accepted)}
    others = [
        (column.header,)
        for column in platform.accepted
        if column.source and any(names[0] in sources and sources[names[0]] == column.source
                                 for names in platform.identifies if len(names) == 1)
    ]  # fmt: skip
    clicks = [(name,) for name in ("GBRAID", "WBRAID", "Google Click ID") if name in _others(platform)]
    return (*platform.identifies, *others, *clicks)


def _others(platform: Platform) -> set[str]:
    return {column.header for column in platform.accepted}


def _cell_findings(opened: Opened, known: dict[str, UploadColumn]) -> Iterator[Finding]:
    countries = _countries(opened)
    folded = {_folded(name): column for name, column in known.items()}
    for i, name in enumerate(opened.header):
        column = known.get(name, folded.get(_folded(name)))
        cells = opened.cells[str(i)]
        for rule, broken in cell_problems(cells, column, countries):
            wrong = opened.lines.filter((broken & cells.is_not_null()).fill_null(value=False))
            if wrong.len():
                yield Finding(rule, tuple(wrong.to_list()), name)
        if column is not None and column.source == "value":
            yield from (Finding(rule, (), name) for rule, _ in value_problems(cells))


def _countries(opened: Opened) -> pl.Series:
    for i, name in enumerate(opened.header):
        if name.lower() == "country":
            return opened.cells.select(country(pl.col(str(i)))).to_series()
    return pl.Series([None], dtype=pl.String).new_from_index(0, opened.cells.height)


def _row_findings(opened: Opened, platform: Platform) -> Iterator[Finding]:
    places: dict[str, list[str]] = {}
    for i, name in enumerate(opened.header):
        places.setdefault(name, []).append(str(i))
    keys = [
        pl.concat_str([pl.coalesce(places[name]) for name in names], separator="\x1f")
        for names in _identifying(platform)
        if all(name in places for name in names)
    ]
    if not keys:
        return
    key = opened.cells.select(pl.coalesce(keys).alias("key")).to_series()
    yield from _at(opened, key.is_null(), "nothing in the line identifies anybody")
    repeated = key.is_not_null() & ~key.is_first_distinct()
    yield from _at(opened, repeated, "the line repeats somebody of an earlier line")
    together = [name for name in platform.together if name in places]
    if together and not platform.last_resort:
        filled = opened.cells.select(pl.sum_horizontal(pl.coalesce(places[name]).is_not_null() for name in together))
        partial = filled.to_series().is_between(1, len(platform.together) - 1)
        wanted = ", ".join(platform.together)
        yield from _at(opened, partial, f"an address counts only with all of {wanted}")


def _at(opened: Opened, broken: pl.Series, rule: str) -> Iterator[Finding]:
    lines = opened.lines.filter(broken)
    if lines.len():
        yield Finding(rule, tuple(lines.to_list()))


def _size_problems(opened: Opened, platform: Platform, *, removal: bool) -> Iterator[Finding]:
    rows = opened.cells.height
    if not rows:
        yield Finding("there is no row that could be read")
    elif rows < platform.minimum and not removal:
        yield Finding(f"the list has {rows:,} rows; below {platform.minimum:,} the platform does not use it")
    for size, most, unit in ((rows, platform.most_rows, "rows"), (opened.bytes, platform.most_bytes, "bytes")):
        if most and size > most:
            yield Finding(f"the file has {size:,} {unit}; {most:,} at most")


def finding_words(findings: Sequence[Finding], *, most: int = 20) -> list[str]:
    """Return problems in words, one line for each line of the file.

    Parameters
    ----------
    findings : sequence of Finding
        From `verify`.
    most : int
        Lines of the file that are named for one kind of problem.

    Returns
    -------
    list of str
        Problems of the file as a whole first.
    """
    whole = [_words(finding) for finding in findings if not finding.lines]
    single = [(line, f"line {line:,}: {_words(finding)}") for finding in findings for line in finding.lines[:most]]
    rest = [
        f"and {len(finding.lines) - most:,} more lines: {_words(finding)}"
        for finding in findings
        if len(finding.lines) > most
    ]
    return [*whole, *(text for _, text in sorted(single, key=lambda pair: pair[0])), *rest]


def _words(finding: Finding) -> str:
    return f"{finding.column}: {finding.rule}" if finding.column else finding.rule
