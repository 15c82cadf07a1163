"""Settings from flags, environment, config file and defaults, in that order, with the origin of each value."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from foretell.config.keys import known_keys, known_sections, unknown_key_hint
from foretell.config.settings import Settings
from foretell.errors import ConfigError

CONFIG_NAME = "foretell.toml"
ENVIRONMENT_PREFIX = "FORETELL__"
_FOLDERS = (
    "folders.models",
    "folders.output",
    "segments.folder",
    "lookalike.seeds",
    "lookalike.pool",
    "lookalike.exclude",
    "privacy.forget",
    "uploads.suppression",
)
_HINT_QUOTES = 'Texts need quotes, as in name = "My shop".'
_HINT_TWICE = "A key or a [section] is there for the second time: was the # of its [section] left in front of it?"
# tomllib's own words, for want of a class of its own.
_TWICE = re.compile("overwrite|twice|[Dd]uplicate")
_FLAG, _ENVIRONMENT, _FILE, _DEFAULT = "flag", "environment", "config file", "default"


@dataclass(frozen=True)
class Loaded:
    """Settings, and where each came from.

    Parameters
    ----------
    settings : Settings
        Checked; every path is absolute.
    sources : dict of str to str
        ``flag``, ``environment``, ``config file`` or ``default`` by dotted key.
    config_path : Path or None
        The file that was read; None if there was none.
    """

    settings: Settings
    sources: dict[str, str]
    config_path: Path | None


@dataclass
class _Given:
    """Values as they were given: by key, each with its origin and how a message names that."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def put(self, key: str, value: Any, source: str, *, base: Path, name: str) -> None:
        if _is_path(key) and isinstance(value, str) and value and "://" not in value:
            value = _absolute(value, base) if key in _FOLDERS else str(_absolute(value, base))
        self.values[key], self.sources[key], self.names[key] = value, source, name


def load_settings(
    config_path: Path | None,
    *,
    environment: Mapping[str, str],
    flags: Mapping[str, object],
    defaults: Mapping[str, object] | None = None,
    discover: bool = True,
    working_folder: Path | None = None,
) -> Loaded:
    """Read and check all settings; every problem at once.

    A relative path in a config file, and a default one, starts at the file's folder; one given as a flag or in
    the environment starts at the working folder. An empty text for a setting that may be absent
    means that it is: ``amount = ""`` counts orders only. An empty variable is "not given".

    Parameters
    ----------
    config_path : Path or None
        A TOML file of its own, or a ``pyproject.toml`` with a table ``[tool.foretell]``; None looks for
        ``foretell.toml``, then for that table, in the working folder.
    environment : mapping of str to str
        Variables such as ``FORETELL__HORIZONS__CHURN_DAYS``; others are not looked at.
    flags : mapping of str to object
        Values by dotted key, as in ``{"horizons.churn_days": 60}``; a text is read as the environment's are,
        and None is "not given".
    defaults : mapping of str to object, optional
        Values by dotted key that stand in for the built-in defaults.
    discover : bool
        Whether to look for a config file where none is named.
    working_folder : Path, optional
        Where relative paths of flags and of the environment start; None is the current one.

    Returns
    -------
    Loaded
        Settings and the origin of each value.

    Raises
    ------
    ConfigError
        If the file cannot be read, a key is unknown, or a value is not allowed.
    """
    here = (working_folder or Path.cwd()).resolve()
    path = config_path if config_path is not None or not discover else _found(here)
    base = here if path is None else path.resolve().parent
    given = _Given()
    for key, field_info in known_keys().items():
        if key in (defaults or {}):
            given.put(key, (defaults or {})[key], _DEFAULT, base=base, name="built in")
        elif key in _FOLDERS and isinstance(field_info.default, Path):
            given.put(key, str(field_info.default), _DEFAULT, base=base, name="built in")
    if path is not None:
        for key, value in _leaves(_read(path), "", given.problems, path.name):
            given.put(key, value, _FILE, base=base, name=path.name)
    _put_texts(given, _variables(environment), _ENVIRONMENT, here)
    _put_texts(given, {key: (_FLAG, value) for key, value in flags.items() if value is not None}, _FLAG, here)
    settings = _checked(given)
    sources = {key: given.sources.get(key, _DEFAULT) for key in known_keys()}
    return Loaded(settings, sources, None if path is None else path.resolve())


def _found(folder: Path) -> Path | None:
    own = folder / CONFIG_NAME
    if own.is_file():
        return own
    project = folder / "pyproject.toml"
    # A pyproject.toml that cannot be read is not ours to complain about unless it was named.
    try:
        table = tomllib.loads(project.read_text(encoding="utf-8-sig")).get("tool", {})
    except (OSError, ValueError):
        return None
    return project if "foretell" in table else None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError([f"There is no config file {path}. Remedy: foretell init makes one."]) from None
    except OSError as error:
        raise ConfigError([f"The config file {path} cannot be read: {error.strerror}."]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"The config file {path} is not UTF-8 text. Remedy: save it as UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\((at [^()]*)\)$", str(error))
        place = f" ({where.group(1)})" if where else ""
        hint = _HINT_TWICE if _TWICE.search(str(error)) else _HINT_QUOTES
        raise ConfigError([f"The config file {path} is not TOML{place}. {hint}"]) from None
    if path.name != "pyproject.toml":
        return values
    tool = values.get("tool")
    table = tool.get("foretell") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        raise ConfigError([f"{path} has no table [tool.foretell]."])
    return table


def _leaves(table: Mapping[str, Any], prefix: str, problems: list[str], name: str) -> Iterator[tuple[str, Any]]:
    """Yield known keys with their values; write down what is not known."""
    for word, value in table.items():
        key = prefix + word
        if key in known_keys():
            yield key, value
        elif key not in known_sections():
            problems.append(f"{key}: there is no such setting ({name}).{unknown_key_hint(key)}")
        elif isinstance(value, Mapping):
            yield from _leaves(value, f"{key}.", problems, name)
        else:
            problems.append(f"{key}: must be a section, as in [{key}] ({name}).")


def _variables(environment: Mapping[str, str]) -> dict[str, tuple[str, object]]:
    """Return key to (variable, text) of the variables that are ours and not empty."""
    return {
        variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", "."): (variable, text)
        for variable, text in sorted(environment.items())
        if variable.startswith(ENVIRONMENT_PREFIX) and text.strip()
    }


def _put_texts(given: _Given, values: Mapping[str, tuple[str, object]], source: str, base: Path) -> None:
    for key, (name, value) in values.items():
        if key in known_keys():
            given.put(key, _typed(key, value), source, base=base, name=name)
        else:
            hint = "" if key in known_sections() else unknown_key_hint(key)
            given.problems.append(f"{key}: there is no such setting ({name}).{hint}")


def _typed(key: str, value: object) -> object:
    """Read a text as the type that its setting has: TOML where that is no text, commas for lists."""
    annotation = known_keys()[key].annotation
    kinds = {kind for kind in _plain_types(annotation) if kind is not NoneType}
    if not isinstance(value, str) or _is_path(key) or (str in kinds and tuple not in kinds):
        return value
    try:
        return tomllib.loads(f"value = {value.strip().lower() if bool in kinds else value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        if tuple in kinds and str not in kinds:
            return [_number_or_text(part.strip()) for part in value.split(",")]
        return value


def _number_or_text(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _plain_types(annotation: Any) -> Iterator[Any]:
    origin = getattr(annotation, "__origin__", annotation)
    if hasattr(annotation, "__metadata__"):
        yield from _plain_types(origin)
    elif origin in (tuple, dict):
        yield origin
    elif get_args(annotation):
        for part in get_args(annotation):
            yield from _plain_types(part)
    else:
        yield origin


def _checked(given: _Given) -> Settings:
    values: dict[str, Any] = {}
    for key, value in given.values.items():
        *sections, leaf = key.split(".")
        inner = values
        for name in sections:
            inner = inner.setdefault(name, {})
        if value == "" and _may_be_absent(key):
            inner[leaf] = None
        else:
            inner[leaf] = _frozen(value)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise ConfigError([*given.problems, *_sentences(details, given)]) from None
    if given.problems:
        raise ConfigError(given.problems)
    return settings


def _may_be_absent(key: str) -> bool:
    return NoneType in _plain_types(known_keys()[key].annotation)


def _frozen(value: object) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _sentences(details: list[ErrorDetails], given: _Given) -> list[str]:
    found: dict[str, str] = {}
    for detail in details:
        key = ".".join(str(part) for part in detail["loc"])
        while key not in known_keys():
            key = key.rpartition(".")[0]
        found.setdefault(key, _sentence(key, detail, given))
    return list(found.values())


def _sentence(key: str, detail: ErrorDetails, given: _Given) -> str:
    extra = known_keys()[key].json_schema_extra
    allowed = extra.get("allowed", "") if isinstance(extra, dict) else ""
    if detail["type"] == "missing":
        return f"{key}: is missing; it must be {allowed}."
    place = f" ({given.names.get(key, 'built in')})"
    if detail["type"] == "value_error":
        return f"{key}: {detail['ctx']['error']}{place}"
    value = given.values.get(key)
    # Texts may be personal; numbers and switches are not, and seeing them helps.
    shown = f", got {str(value).lower()}" if isinstance(value, int | float) else ""
    return f"{key}: must be {allowed}{shown}{place}."


def _is_path(key: str) -> bool:
    return key in _FOLDERS or (key.startswith("data.") and key.endswith(".path"))


def _absolute(text: str, base: Path) -> Path:
    return base / os.path.expanduser(text)  # noqa: PTH111  Path.expanduser fails where there is no home
