"""A table of a shop as the user hands it over: where it lies, which column is what, how it is written."""

from typing import Any


class Source:
    """Where a table lies, with its mapping and options, for `foretell.read_data`.

    Parameters
    ----------
    source : str, Path, sequence of them, polars.DataFrame, polars.LazyFrame or Arrow-compatible frame
        As for `foretell.read_orders`.
    **arguments : object
        Columns of the table, each by a source column or an SQL expression, and options of the source, all as in
        `foretell.read_orders`.

    Examples
    --------
    >>> Source("events.csv", customer_id="visitor", occurred_at="ts", event="action")
    Source('events.csv', customer_id='visitor', occurred_at='ts', event='action')
    """

    _source: object
    _arguments: dict[str, Any]

    def __init__(self, source: object, /, **arguments: Any) -> None:
        object.__setattr__(self, "_source", source)
        object.__setattr__(self, "_arguments", dict(arguments))

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"A Source does not change: make another with the {name} that is meant."
        raise AttributeError(msg)

    @property
    def source(self) -> object:
        """What was handed over."""
        return self._source

    @property
    def arguments(self) -> dict[str, Any]:
        """A copy of mapping and options."""
        return dict(self._arguments)

    def __repr__(self) -> str:
        """Return the call that makes it; of a frame its type only."""
        place = repr(self.source) if isinstance(self.source, str) else f"<{type(self.source).__name__}>"
        parts = [place, *(f"{name}={value!r}" for name, value in self.arguments.items())]
        return f"Source({', '.join(parts)})"
