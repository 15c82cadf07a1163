"""The settings in force, each with its origin."""

from dataclasses import dataclass
from typing import Any

from foretell.config.keys import flatten
from foretell.config.load import Loaded


@dataclass(frozen=True)
class ConfigShown:
    """Every setting that is in force.

    Parameters
    ----------
    loaded : Loaded
        Settings with their origins.
    """

    loaded: Loaded

    def lines(self) -> list[str]:
        """Return one line per setting: key, value, origin."""
        values = flatten(self.loaded.settings)
        width = max(len(key) for key in values)
        shown = [f"{key:<{width}} = {_words(value)}  ({self.loaded.sources[key]})" for key, value in values.items()]
        return [f"config file: {self.loaded.config_path or 'none'}", *shown]

    def as_dict(self) -> dict[str, Any]:
        """Return value and origin by key."""
        sources = self.loaded.sources
        settings = {
            key: {"value": value, "source": sources[key]} for key, value in flatten(self.loaded.settings).items()
        }
        return {"config_path": self.loaded.config_path, "settings": settings}


def _words(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
