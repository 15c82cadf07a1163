"""What is known of a shop on a cluster before any row of its large tables is read: columns, options, small tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.engines.spark.given import empty_frame, quoted, tables_given
from foretell.engines.spark.optional_rows import OptionalReader
from foretell.engines.spark.reading import Account, read_part, reader_of
from foretell.engines.spark.rows import OrdersReader
from foretell.errors import ConfigError, DataError
from foretell.tables.bucketed import BY_CUSTOMER, DIGEST
from foretell.tables.dataset import CustomerData
from foretell.tables.optional_reading import TABLES, ReadTable, read_optional
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.read_data import stable_attributes, stable_columns, together
from foretell.tables.source import Source

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MOST_SHARED_ROWS = 1_000_000


@dataclass(frozen=True)
class ShopPlan:
    """How the tables of a shop are to be read.

    Parameters
    ----------
    rows : mapping of str to pyspark.sql.DataFrame
        Of each table that is split by customer the columns that Arrow has a place for.
    jobs : mapping of str to mapping
        How each is read, for `foretell.engines.spark.reading.read_rows`.
    readers : mapping of str to (OrdersReader or OptionalReader)
        The same, made ready.
    empty : mapping of str to polars.DataFrame
        Their usable rows, of which there are none.
    shared : mapping of str to ReadTable
        Tables that every customer's row may rest on, read.
    stable : tuple of str
        Attributes of customers that hardly change.
    """

    rows: "Mapping[str, DataFrame]"
    jobs: Mapping[str, Mapping[str, Any]]
    readers: Mapping[str, OrdersReader | OptionalReader]
    empty: Mapping[str, pl.DataFrame]
    shared: Mapping[str, ReadTable]
    stable: tuple[str, ...]

    @property
    def orders(self) -> OrdersReader:
        """How orders are read."""
        reader = self.readers["orders"]
        if not isinstance(reader, OrdersReader):
            msg = "Orders have a reader of their own."
            raise TypeError(msg)
        return reader

    @property
    def optional(self) -> tuple[str, ...]:
        """Names of the tables beside orders that are there."""
        return tuple(name for name in TABLES if name in self.readers or name in self.shared)

    @property
    def observed_until(self) -> str | None:
        """First instant not observed, where it was stated, as ISO text."""
        end = self.orders.plan.observed_until
        return None if end is None else end.isoformat()

    @property
    def lines_later(self) -> bool:
        """Whether lines find their orders in a step of its own."""
        lines = self.readers.get("order_lines")
        return isinstance(lines, OptionalReader) and lines.lines_later

    @property
    def has_order_ids(self) -> bool:
        """Whether orders say which rows belong together."""
        return "order_id" in self.orders.mapping.columns

    @property
    def dropping(self) -> tuple[str, ...]:
        """Tables of which repeated rows are left out."""
        return tuple(name for name, job in self.jobs.items() if job["source"].get("drop_duplicates"))

    def nobody(self) -> CustomerData:
        """Return the shop without any row of a customer."""
        end = self.orders.plan.observed_until
        split: dict[str, Any] = {
            name: rows.drop(DIGEST).lazy() for name, rows in self.empty.items() if name != "orders"
        }
        shared: dict[str, Any] = {name: read.frame for name, read in self.shared.items()}
        optional = replace(OptionalTables(stable_attributes=self.stable), **split, **shared)
        orders = self.empty["orders"].drop(DIGEST).with_row_index("row_number", offset=1)
        data = CustomerData(orders.lazy(), end or datetime.max, optional=optional)
        return replace(data, observed_until_given=end is not None)


def plan_shop(
    tables: "DataFrame | Source | Mapping[str, DataFrame | Source]",
    cutoff: datetime | None,
    *,
    time_zone: str | None = None,
) -> ShopPlan:
    """Settle how the tables of a shop are read.

    Parameters
    ----------
    tables : pyspark.sql.DataFrame, Source or mapping of str to either
        As for `foretell.score_on_spark`.
    cutoff : datetime or None
        First instant that is not seen; None where that is the end of what was observed.
    time_zone : str or None
        The shop's zone, for every table that names none.

    Returns
    -------
    ShopPlan

    Raises
    ------
    DataError, ConfigError, WindowError, TypeError
        As from `foretell.read_data`.
    """
    given = tables_given(tables, time_zone=time_zone)
    declared = stable_attributes(Source(None, **given["customers"][1]) if "customers" in given else None)
    stable = OptionalTables().stable_attributes if declared is None else declared
    job: dict[str, Any] = {"time_zone": time_zone, "stable": stable, "observed_until": None, "lines_later": False}
    job["as_of"] = None if cutoff is None else cutoff.isoformat()
    errors: list[DataError] = []
    jobs: dict[str, Mapping[str, Any]] = {}
    readers: dict[str, OrdersReader | OptionalReader] = {}
    shared: dict[str, ReadTable] = {}
    for name, (frame, arguments) in given.items():
        try:
            if name not in BY_CUSTOMER:
                shared[name] = _shared(name, frame, arguments, time_zone)
                continue
            jobs[name] = {**job, "table": name, "source": arguments}
            reader = readers[name] = reader_of(jobs[name], empty_frame(frame))
            if isinstance(reader, OrdersReader):
                end = reader.plan.observed_until
                job["observed_until"] = None if end is None else end.isoformat()
                job["lines_later"] = "order_id" in reader.mapping.columns
            elif name == "customers":
                stable_columns(declared, [*reader.mapping.columns, *reader.mapping.attributes])
        except DataError as error:
            errors.append(error)
    if errors:
        raise together(errors)
    return ShopPlan(
        rows={name: _readable(given[name][0]) for name in jobs},
        jobs=jobs,
        readers=readers,
        empty={name: _no_rows(readers[name], empty_frame(given[name][0])) for name in jobs},
        shared=shared,
        stable=stable,
    )


def _readable(frame: "DataFrame") -> "DataFrame":
    return frame.select([frame[quoted(name)] for name in empty_frame(frame).columns])


def _shared(name: str, frame: "DataFrame", arguments: Mapping[str, Any], time_zone: str | None) -> ReadTable:
    """Read a small table into this process, by the reader of every engine."""
    found = _readable(frame).limit(_MOST_SHARED_ROWS + 1).toArrow()
    if found.num_rows > _MOST_SHARED_ROWS:
        problem = f"{name} has more than {_MOST_SHARED_ROWS:,} rows, and every task would read all of them."
        raise ConfigError([f"{problem} Remedy: leave out rows that no customer is near to, or that are long past."])
    rows = pl.DataFrame(found)
    return read_optional(name, Source(rows, **arguments), time_zone=time_zone, observed_until=None, orders=None)


def _no_rows(reader: OrdersReader | OptionalReader, nothing: pl.DataFrame) -> pl.DataFrame:
    return read_part(reader, nothing, Account(reader.ledger()), datetime.max)
