"""The keys of a segment in TOML: which value each takes, and what to say about another."""

from collections.abc import Callable, Mapping
from typing import Any

from foretell.delivery.segments import CHANNELS, UTM, name_problem
from foretell.errors import did_you_mean

Parameters = Mapping[str, str | int | float]


class Wrong(ValueError):
    """What a value must be, as the rest of a sentence that begins with the key."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = "must be a text in quotes."
        raise Wrong(msg)
    return " ".join(value.split())


def _name(value: object) -> str:
    problem = name_problem(text := _text(value))
    if problem:
        msg = f"is not usable. {problem}"
        raise Wrong(msg)
    return text


def _rule(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        msg = 'must be an SQL condition in quotes, as in "churn_risk > 0.5 AND orders >= 2".'
        raise Wrong(msg)
    return text


def _texts(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) and item.strip() for item in values):
        msg = "must be a text or a list of texts."
        raise Wrong(msg)
    return tuple(" ".join(item.split()) for item in values)


def _order(value: object) -> tuple[str, ...]:
    entries = [part.strip() for item in _texts(value) for part in item.split(",")]
    for entry in entries:
        words = entry.split(" ")
        if len(words) > 2 or not words[0] or (len(words) == 2 and words[1].upper() not in ("ASC", "DESC")):
            msg = 'must name columns, each with ASC or DESC, as in "predicted_clv DESC".'
            raise Wrong(msg)
    return tuple(entries)


def _one_or_more(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        msg = "must be a whole number, 1 or more."
        raise Wrong(msg)
    return value


def _share(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 0.9:
        msg = "must be a share from 0 to 0.9: 0.1 keeps a tenth out."
        raise Wrong(msg)
    return float(value)


def _sample(value: object) -> float | int:
    if isinstance(value, float) and 0 < value < 1:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    msg = "must be a share between 0 and 1, or a whole number of customers."
    raise Wrong(msg)


def _channels(value: object) -> tuple[str, ...]:
    found = _texts(value)
    for name in found:
        if name not in CHANNELS:
            msg = f"holds the unknown channel {name!r}.{did_you_mean(name, CHANNELS)} Known: {', '.join(CHANNELS)}."
            raise Wrong(msg)
    return found


def _utm(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not all(isinstance(text, str) and text.strip() for text in value.values()):
        msg = 'must be a table of texts, as in {source = "newsletter", campaign = "win_back"}.'
        raise Wrong(msg)
    for name in value:
        if name not in UTM:
            msg = f"holds the unknown part {name!r}.{did_you_mean(name, UTM)} Known: {', '.join(UTM)}."
            raise Wrong(msg)
    return tuple((name, value[name].strip()) for name in UTM if name in value)


def _parameters(value: object) -> Parameters:
    if not isinstance(value, dict) or not all(
        isinstance(item, str | int | float) and not isinstance(item, bool) for item in value.values()
    ):
        msg = "must be a table of numbers and texts, as in {to_days = 90}."
        raise Wrong(msg)
    return dict(value)


def _people(value: object) -> str:
    if value not in ("customers", "prospects", "everyone"):
        msg = 'must be "customers" (with an order), "prospects" (without one) or "everyone".'
        raise Wrong(msg)
    return str(value)


READERS: Mapping[str, Callable[[object], Any]] = {
    "name": _name,
    "like": _name,
    "parameters": _parameters,
    "title": _text,
    "where": _rule,
    "otherwise": _rule,
    "description": _text,
    "description_without_money": _text,
    "action": _text,
    "owner": _text,
    "exclusive": _text,
    "priority": _one_or_more,
    "order_by": _order,
    "limit": _one_or_more,
    "sample": _sample,
    "holdout": _share,
    "split": _text,
    "channels": _channels,
    "utm": _utm,
    "columns": _texts,
    "why": _texts,
    "people": _people,
    "needs": _texts,
    "tables": _texts,
    "off": _text,
    "purpose": _text,
}
"""Every key that a segment may have, in the order in which it is written, and what reads its value."""
