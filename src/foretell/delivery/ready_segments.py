"""The segments that come with foretell: TOML in the folder ``library``, read as a shop's own are."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files

from foretell.delivery.segment_toml import (
    NEEDS_VALUE,
    Definition,
    as_segment,
    missing_parameters,
    read_definitions,
)
from foretell.delivery.segments import Segment
from foretell.errors import ConfigError, did_you_mean


@cache
def ready_definitions() -> dict[str, Definition]:
    """Return the definitions of all ready segments.

    Returns
    -------
    dict of str to Definition
        By name, in the order in which they are listed.
    """
    folder = files("foretell.delivery").joinpath("library")
    sources = sorted((entry.name, entry) for entry in folder.iterdir() if entry.name.endswith(".toml"))
    definitions, problems = read_definitions([(name, entry.read_bytes()) for name, entry in sources])
    if problems:
        raise ConfigError(problems)
    return {definition.name: definition for definition in definitions}


@cache
def ready_segments() -> tuple[Segment, ...]:
    """Return all ready segments.

    Returns
    -------
    tuple of Segment
        In the order in which they are listed; some are off until a shop asks for them, see `Segment.off`.
    """
    found = ready_definitions()
    return tuple(as_segment(definition, found, is_ready=True) for definition in found.values())


def shop_segments(
    own: Sequence[Definition] = (), *, ready: Sequence[str] | None = None, holdout: float = 0.0
) -> tuple[tuple[Segment, ...], list[str]]:
    """Return the segments of a shop: the ready ones that it wants, then its own.

    Parameters
    ----------
    own : sequence of Definition
        The shop's definitions; one with the name of a ready segment takes its place.
    ready : sequence of str or None
        Names of the ready ones wanted, those that are off until asked for among them; None wants all that are on.
    holdout : float
        Share held out of every segment that does not name its own.

    Returns
    -------
    tuple of Segment
        Those without a problem; names are unique unless the shop repeats its own.
    list of str
        Every problem, one sentence each.
    """
    known = ready_definitions()
    unknown = [name for name in ready or () if name not in known]
    problems = [f"segments.ready: there is no ready segment {n!r}.{did_you_mean(n, known)}" for n in unknown]
    mine = []
    for definition in own:
        try:
            mine.append(as_segment(definition, known))
        except ConfigError as error:
            problems += error.problems
    replaced = {definition.name for definition in own}
    theirs = [segment for segment in ready_segments() if segment.name not in replaced]
    if ready is not None:
        # Asked for by name; a parameter without a value keeps it off all the same.
        theirs = [replace(one, off=_lacking(known[one.name])) for one in theirs if one.name in ready]
    own_word = {definition.name for definition in own if "holdout" in definition.values}
    segments = (
        segment if segment.holdout or segment.name in own_word else replace(segment, holdout=holdout)
        for segment in (*theirs, *mine)
    )
    return tuple(segments), problems


def _lacking(definition: Definition) -> str:
    missing = missing_parameters(definition)
    return f"{NEEDS_VALUE} for {', '.join(missing)}." if missing else ""


def render_library() -> str:
    """Return the ready segments as a table of Markdown.

    Returns
    -------
    str
        One row per segment: name, title, rule, what it needs.
    """
    lines = ["| segment | title | rule | needs |", "| --- | --- | --- | --- |"]
    for definition in ready_definitions().values():
        values = definition.values
        rule = " ".join(str(values["where"]).split())
        parts = [", ".join(values.get("tables", ("orders",)))]
        parts += ["a value of yours"] * bool(missing_parameters(definition))
        parts += ["to be named: it is sensitive"] * bool(values.get("off"))
        lines.append(f"| `{definition.name}` | {values['title']} | `{rule}` | {'; '.join(parts)} |")
    return "\n".join(lines) + "\n"
