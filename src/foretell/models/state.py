"""Learned state as plain values, checked field by field when it is read back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeGuard, TypeVar, get_args, get_type_hints

from foretell.errors import BundleError

Section = TypeVar("Section")

# Beyond it sums of a model overflow or lose every digit; money of the largest shop is far below.
_LARGEST = 1e15


def read_section(kind: type[Section], state: Mapping[str, Any], section: str, *, model: str) -> Section:
    """Rebuild a dataclass of numbers, flags and texts from one section of a state.

    Parameters
    ----------
    kind : type
        A dataclass whose fields are float, int, bool or str, or one of these or None.
    state : mapping
        The whole state, possibly through JSON.
    section : str
        Key of the section, itself a mapping of field names to values.
    model : str
        Whose state it is, for the message.

    Returns
    -------
    object of type ``kind``

    Raises
    ------
    BundleError
        If the section is absent, has other fields, or holds a value of another type or a number that is not finite.
    """
    values = state.get(section)
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(values, Mapping) or set(values) != names:
        raise damaged(model, section)
    types = get_type_hints(kind)
    for name, value in values.items():
        if not _fits(value, types[name]):
            raise damaged(model, f"{section}.{name}")
    return kind(**values)


def damaged(model: str, where: str) -> BundleError:
    """Return the error for a state that no fit can have produced.

    Parameters
    ----------
    model, where : str
        Whose state, and where in it.

    Returns
    -------
    BundleError
    """
    return BundleError(f"The state of a {model} model is damaged at {where!r}; train it again.")


def is_finite(value: object) -> TypeGuard[float]:
    """Tell whether a value is a number that a fit can have produced: finite, below 1e15 in size, and not a flag.

    Parameters
    ----------
    value : object

    Returns
    -------
    bool
    """
    # NaN compares false.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _fits(value: object, kind: Any) -> bool:
    allowed = set(get_args(kind)) or {kind}
    if float in allowed and is_finite(value):
        return True
    return type(value) in allowed - {float}
