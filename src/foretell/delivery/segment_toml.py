"""Segments as TOML: read from files, every problem at once; written for a person to edit."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from foretell.delivery.segment_values import READERS, Parameters, Wrong
from foretell.delivery.segments import Segment
from foretell.errors import ConfigError, did_you_mean

NEEDS_VALUE = "It needs a value of yours"
_FILLED = (
    "title",
    "where",
    "otherwise",
    "description",
    "description_without_money",
    "action",
    "needs",
    "columns",
    "why",
    "order_by",
)
# A placeholder outside of quotes, or one text in quotes, in which '' is a quote.
_PIECE = re.compile(r"'(?:[^']|'')*'|\{(\w+)\}")


@dataclass(frozen=True)
class Definition:
    """One segment as it is written: its keys, not yet filled in.

    Parameters
    ----------
    values : mapping of str to object
        Checked values by key.
    place : str
        Where it stands, for messages.
    """

    values: Mapping[str, Any]
    place: str

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.values["name"])


@dataclass
class _Found:
    definitions: list[Definition] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_definitions(sources: Sequence[tuple[str, bytes]]) -> tuple[tuple[Definition, ...], list[str]]:
    """Read the segments of several TOML texts.

    Parameters
    ----------
    sources : sequence of (str, bytes)
        Name of a file, as messages may show it, and its content: ``[[segments]]`` tables, or the keys of one segment,
        whose name is then that of the file unless it says another.

    Returns
    -------
    tuple of Definition
        In the order of the sources, without the keys that have a problem.
    list of str
        Every problem of every file, one sentence each.
    """
    found = _Found()
    for name, content in sources:
        _read(name, content, found)
    return tuple(found.definitions), found.problems


def read_folder(folder: Path) -> tuple[tuple[Definition, ...], list[str]]:
    """Read the segments of a folder.

    Parameters
    ----------
    folder : Path
        Holds ``*.toml``; it may be absent.

    Returns
    -------
    tuple of Definition
        By name of file, without the keys that have a problem.
    list of str
        Every problem of every file.
    """
    if not folder.is_dir():
        return (), []
    try:
        sources = [(f"{folder.name}/{path.name}", path.read_bytes()) for path in sorted(folder.glob("*.toml"))]
    except OSError as error:
        return (), [f"The folder of segments {folder.name} cannot be read: {error.strerror}."]
    return read_definitions(sources)


def as_segment(definition: Definition, ready: Mapping[str, Definition], *, is_ready: bool = False) -> Segment:
    """Fill in one definition.

    Parameters
    ----------
    definition : Definition
        As it is written.
    ready : mapping of str to Definition
        Those that it may take over from.
    is_ready : bool
        Whether it comes with foretell.

    Returns
    -------
    Segment
        Whole; off where a parameter has no value yet.

    Raises
    ------
    ConfigError
        If it takes over from a segment that does not exist, has no rule, or a parameter does not fit.
    """
    where = f"Segment {definition.name!r} ({definition.place})"
    values = dict(definition.values)
    like = values.pop("like", None)
    if like is not None:
        if like not in ready:
            raise ConfigError([f"{where}: like names the unknown segment {like!r}.{did_you_mean(like, ready)}"])
        base = dict(ready[like].values)
        # What was off until asked for has been asked for.
        base.pop("off", None)
        if "where" in values:
            # It stands in for the rule of the ready one, which is not the rule any more.
            base.pop("otherwise", None)
        parameters = {**base.get("parameters", {}), **values.get("parameters", {})}
        values = base | values | ({"parameters": parameters} if parameters else {})
    if "where" not in values:
        raise ConfigError(
            [f"{where}: where is missing, or wrong: say who is in it, or take over a ready one with like."]
        )
    parameters = values.pop("parameters", {})
    missing = sorted(name for name, value in parameters.items() if value == "")
    if missing and not is_ready:
        raise ConfigError([f"{where}: parameters must give a value for {', '.join(missing)}."])
    problems: list[str] = []
    for key in _FILLED:
        if key in values:
            value = values[key]
            is_rule = key in ("where", "otherwise")
            values[key] = (
                _filled(value, parameters, problems, is_rule=is_rule)
                if isinstance(value, str)
                else tuple(_filled(item, parameters, problems, is_rule=False) for item in value)
            )
    if problems and not missing:
        raise ConfigError([f"{where}: {problem}" for problem in dict.fromkeys(problems)])
    if missing and not values.get("off"):
        values["off"] = f"{NEEDS_VALUE} for {', '.join(missing)}."
    return Segment(**{"title": "", "description": "", "action": ""} | values | {"ready": is_ready})


def missing_parameters(definition: Definition) -> list[str]:
    """Return the parameters of a definition that have no value yet.

    Parameters
    ----------
    definition : Definition
        As it is written.

    Returns
    -------
    list of str
        Names, sorted.
    """
    return sorted(name for name, value in definition.values.get("parameters", {}).items() if value == "")


def render(segment: Segment) -> str:
    """Write a segment as TOML.

    Parameters
    ----------
    segment : Segment
        Any segment.

    Returns
    -------
    str
        A ``[[segments]]`` table that reads back as the same segment.
    """
    defaults = {item.name: item.default for item in fields(Segment)}
    lines = ["[[segments]]"]
    for key in READERS:
        value = getattr(segment, key, None)
        if key in defaults and value not in (None, defaults[key], (), ""):
            lines.append(f"{key} = {_toml(key, value)}")
    return "\n".join(lines) + "\n"


def _toml(key: str, value: Any) -> str:
    if key == "utm":
        return "{" + ", ".join(f"{name} = {_toml('', text)}" for name, text in value) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml("", item) for item in value) + "]"
    if isinstance(value, str) and "\n" in value:
        return '"""\n' + value.replace("\\", "\\\\").replace('"""', '""\\"') + '\n"""'
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _filled(text: str, parameters: Parameters, problems: list[str], *, is_rule: bool) -> str:
    if not is_rule:
        for name, value in parameters.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def fill(match: re.Match[str]) -> str:
        if match.group(1) is None:
            inner = match.group(0)
            for name, value in parameters.items():
                inner = inner.replace("{" + name + "}", str(value).replace("'", "''"))
            return inner
        name = match.group(1)
        if name not in parameters:
            problems.append(f"where holds {{{name}}}, but there is no such parameter.{did_you_mean(name, parameters)}")
            return ""
        value = parameters[name]
        if isinstance(value, str) and not re.fullmatch(r"\w+", value):
            problems.append(f"the parameter {name} stands in a name of a column: letters, digits and _ only.")
        return str(value)

    return _PIECE.sub(fill, text)


def _read(file: str, content: bytes, found: _Found) -> None:
    try:
        tables = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        found.problems.append(f"{file} is not UTF-8 text. Remedy: save it as UTF-8.")
        return
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\((at [^()]*)\)$", str(error))
        place = f" ({where.group(1)})" if where else ""
        found.problems.append(f'{file} is not TOML{place}. Texts need quotes, as in name = "my_segment".')
        return
    if not tables:
        # As a shell makes it before `foretell segments preview NAME --toml` writes to it.
        return
    listed = tables.get("segments")
    if listed is None:
        listed = [{"name": Path(file).stem, **tables}]
    elif len(tables) > 1 or not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        found.problems.append(f"{file} must hold [[segments]] tables only, or the keys of one segment.")
        return
    for number, table in enumerate(listed, 1):
        _define(file, number, table, found)


def _define(file: str, number: int, table: Mapping[str, Any], found: _Found) -> None:
    name = table.get("name")
    told = f"Segment {name!r}" if isinstance(name, str) else f"Segment {number}"
    problems = [f"there is no key {key!r}.{did_you_mean(key, READERS)}" for key in table if key not in READERS]
    values: dict[str, Any] = {}
    for key, read in READERS.items():
        if key in table:
            try:
                values[key] = read(table[key])
            except Wrong as problem:
                problems.append(f"{key} {problem}")
    if name is None:
        problems.append("name is missing.")
    found.problems += [f"{told} ({file}): {problem}" for problem in problems]
    if "name" in values:
        # Though it has problems: its rule may have more of them, and all are said at once.
        found.definitions.append(Definition(values, file))
