"""The commented sample of a config file, written from the settings themselves."""

import inspect
import json
import textwrap
from typing import Any

from pydantic.fields import FieldInfo

from foretell.config.keys import known_sections, section_of
from foretell.config.section import TEXT
from foretell.config.settings import COLUMN

_LIVE = (
    "shop.name",
    "data.orders.path",
    "data.orders.customer_id",
    "data.orders.ordered_at",
    "data.orders.amount",
    "horizons.clv_days",
    "horizons.churn_days",
    "horizons.order_days",
)
_INSTEAD = {"shop.name": '"My shop"'}
_HEAD = """\
# Settings of foretell for one shop. `foretell config show` says which values are in force and where each is from.
# Lines that begin with a single # and a key are optional: remove the # to use them.
# Paths start at the folder of this file. A variable such as FORETELL__HORIZONS__CHURN_DAYS goes before this file,
# a flag before both.
"""


def render_template() -> str:
    """Return a commented ``foretell.toml`` that reads and validates as it is.

    Returns
    -------
    str
        TOML with every section and key: those that a shop must look at are live, the rest is commented out.
    """
    parts = [_HEAD]
    for name, section in known_sections().items():
        fields = {key: field for key, field in section.model_fields.items() if section_of(field) is None}
        if fields:
            about = inspect.cleandoc(section.__doc__ or "").split(": ", 1)[-1]
            lines = [*(_comment(line) for line in about.split("\n\n")), f"[{name}]"]
            for key, field in fields.items():
                lines += _key_lines(f"{name}.{key}", key, field)
            parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _key_lines(dotted: str, key: str, field: FieldInfo) -> list[str]:
    extra: Any = field.json_schema_extra
    value = _INSTEAD.get(dotted) or extra["example"] or _toml(field.default)
    allowed = "" if extra["allowed"] in {TEXT, COLUMN} else f" Allowed: {extra['allowed']}."
    return [_comment(f"{field.description}{allowed}"), f"{'' if dotted in _LIVE else '# '}{key} = {value}"]


def _comment(text: str) -> str:
    return textwrap.fill(text, 110, initial_indent="## ", subsequent_indent="## ")


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)
