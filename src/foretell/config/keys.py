"""The dotted names of all settings, and the nearest one to a name that does not exist."""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from foretell.config.settings import Settings
from foretell.errors import did_you_mean


@cache
def known_keys() -> dict[str, FieldInfo]:
    """Return every setting by its dotted name, in the order of the sections.

    Returns
    -------
    dict of str to FieldInfo
        As in ``horizons.churn_days``.
    """
    return dict(_walk(Settings, ""))


@cache
def known_sections() -> dict[str, type[BaseModel]]:
    """Return every section by its dotted name, outer before inner.

    Returns
    -------
    dict of str to type
        As in ``data.orders``; the whole is ``""``.
    """
    return dict(_sections(Settings, ""))


def flatten(settings: Settings) -> dict[str, Any]:
    """Return the values of settings by dotted name.

    Parameters
    ----------
    settings : Settings
        Any settings.

    Returns
    -------
    dict of str to object
        Every key of the sections that are there.
    """
    values: dict[str, Any] = {}
    for key in known_keys():
        value: Any = settings
        *sections, leaf = key.split(".")
        for name in sections:
            value = None if value is None else getattr(value, name)
        if value is not None:
            values[key] = getattr(value, leaf)
    return values


def unknown_key_hint(key: str) -> str:
    """Say what may have been meant by a setting that does not exist.

    Parameters
    ----------
    key : str
        The dotted name that was given.

    Returns
    -------
    str
        A hint with a leading space, or the known names of the section, or ``""``.
    """
    section, _, leaf = key.rpartition(".")
    elsewhere = [known for known in known_keys() if known.rpartition(".")[2] == leaf]
    if len(elsewhere) == 1:
        return f" Did you mean {elsewhere[0]!r}?"
    if section in known_sections():
        prefix = f"{section}." if section else ""
        siblings = list(known_sections()[section].model_fields)
        hint = did_you_mean(leaf, siblings)
        if hint and prefix:
            return did_you_mean(key, [prefix + name for name in siblings]) or hint
        return hint or f" Known there: {', '.join(siblings)}."
    return did_you_mean(key, known_keys())


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a field holds, or None for a plain value.

    Parameters
    ----------
    field : FieldInfo
        Field of a section.

    Returns
    -------
    type or None
        The section's class.
    """
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _walk(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in section.model_fields.items():
        inner = section_of(field)
        if inner is None:
            yield prefix + name, field
        else:
            yield from _walk(inner, f"{prefix}{name}.")


def _sections(section: type[BaseModel], name: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield name, section
    for key, field in section.model_fields.items():
        inner = section_of(field)
        if inner is not None:
            yield from _sections(inner, f"{name}.{key}" if name else key)
