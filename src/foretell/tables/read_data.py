"""All tables of a shop into one frozen data set, with every row of each accounted for."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import polars as pl

from foretell.errors import ConfigError, DataError, DataWarning, Violation, did_you_mean
from foretell.tables.dataset import CustomerData
from foretell.tables.event_names import UNKNOWN
from foretell.tables.optional_reading import ReadTable, read_optional, require_known
from foretell.tables.optional_tables import OptionalTables
from foretell.tables.read import read_orders
from foretell.tables.schema import CUSTOMERS
from foretell.tables.source import Source

_Read = TypeVar("_Read")


def read_data(
    *,
    orders: object,
    order_lines: object | None = None,
    events: object | None = None,
    customers: object | None = None,
    calendar: object | None = None,
    places: object | None = None,
    time_zone: str | None = None,
) -> CustomerData:
    """Read orders and the tables beside them, and account for every row of each.

    Each table is a source as for `foretell.read_orders`, whose columns have foretell's names, or a
    `foretell.Source`: a source with its mapping and options. A table that is left out switches off what is computed
    from it, and nothing else.

    Parameters
    ----------
    orders : CustomerData, Source or source
        Orders; those that were read already keep what they are.
    order_lines : Source or source, optional
        One row per line: ``product_id``, and ``order_id``, or ``customer_id`` with ``ordered_at``; ``quantity``,
        ``amount``, ``category``, ``brand``, ``discount``.
    events : Source or source, optional
        One row per event: ``customer_id`` (of a customer or a visitor), ``occurred_at``, ``event``; ``category``,
        ``brand``, ``price``, ``device``, ``channel``, ``source``, ``medium``, ``campaign``, ``machine_generated``.
        ``event_names`` maps the shop's names to foretell's, as in ``{"added to cart": "cart"}``.
    customers : Source or source, optional
        One row per customer: ``customer_id`` and what is known of them. ``stable_attributes`` names the columns that
        hardly change, so that today's value may describe the past (by default country, region, city, signed_up_at).
    calendar : Source or source, optional
        One row per event and year: ``event``, ``starts_on``, ``ends_on``, both days inclusive; ``announced_on``, the
        day on which it became known, so that cutoffs up to its midnight do not see it (without one, all do).
    places : Source or source, optional
        One row per place: ``place``, ``lat``, ``lon`` (degrees), ``radius_km``.
    time_zone : str or None
        The shop's zone, for every source that names none.

    Returns
    -------
    CustomerData
        Orders as from `foretell.read_orders`, the other tables in ``optional``. ``report`` is that of orders, with the
        notes of all tables; ``report.tables`` has the rows of each other table, ``quarantine`` those left out of all.

    Raises
    ------
    DataError
        If a table breaks its contract; the problems of all tables at once.
    ConfigError
        If an option is wrong, or a stable attribute can be none.
    TypeError
        If an argument of a source is unknown.

    Notes
    -----
    Lines find customer and time by ``order_id``: those of the order's first row. A returned line (negative amount or
    quantity) needs a time of its own unless its order began as a refund, and is left out as ``return_undated``
    without one. Lines of an order that was cancelled from its first row on are left out as ``order_cancelled``, lines
    of no order that was read as ``unknown_order``; a line that names an order id of several customers and not its
    customer is an error. Events of customers without orders are kept: prospects.

    Examples
    --------
    >>> import polars as pl
    >>> orders = pl.DataFrame({"customer_id": ["a"], "ordered_at": ["2026-01-05"], "order_id": ["1"], "amount": [9.5]})
    >>> lines = pl.DataFrame({"invoice": ["1"], "sku": ["mug"], "quantity": [2], "amount": [9.5]})
    >>> data = read_data(orders=orders, order_lines=Source(lines, order_id="invoice", product_id="sku"))
    >>> data.optional.order_lines.select("customer_id", "product_id", "amount_minor").collect().row(0)
    ('a', 'mug', 95000)
    """
    given = {
        name: _as_source(value)
        for name, value in {
            "order_lines": order_lines,
            "events": events,
            "customers": customers,
            "calendar": calendar,
            "places": places,
        }.items()
        if value is not None
    }
    for name, source in given.items():
        require_known(name, source.arguments)
    stable = stable_attributes(given.get("customers"))
    errors: list[DataError] = []
    data = _attempt(lambda: _orders(orders, time_zone), errors)
    end = data.observed_until if data is not None and data.observed_until_given else None
    rows = None if data is None else data.orders
    tables: dict[str, ReadTable] = {}
    for name, source in given.items():
        read = _attempt(
            lambda name=name, source=source: read_optional(  # type: ignore[misc]
                name, source, time_zone=time_zone, observed_until=end, orders=rows
            ),
            errors,
        )
        if read is not None:
            tables[name] = read
    if errors or data is None:
        raise together(errors)
    for note in (note for read in tables.values() for note in read.report.notes):
        if note.code == UNKNOWN:
            warnings.warn(f"{note.table}: {note.text}", DataWarning, stacklevel=2)
    columns = tables["customers"].frame.columns if "customers" in tables else None
    return _data_set(data, tables, stable_columns(stable, columns))


def _as_source(value: object) -> Source:
    return value if isinstance(value, Source) else Source(value)


def _orders(orders: object, time_zone: str | None) -> CustomerData:
    if isinstance(orders, CustomerData):
        return orders
    given = _as_source(orders)
    return read_orders(given.source, **{"time_zone": time_zone} | given.arguments)


def _attempt(read: Callable[[], _Read], errors: list[DataError]) -> _Read | None:
    try:
        return read()
    except DataError as error:
        errors.append(error)
    return None


def together(errors: Sequence[DataError]) -> DataError:
    """Return the errors of several tables as one.

    Parameters
    ----------
    errors : sequence of DataError
        One at least.

    Returns
    -------
    DataError
        To be raised.
    """
    if len(errors) == 1:
        return errors[0]
    violations = [violation for error in errors for violation in error.violations]
    return DataError(violations, source="; ".join(dict.fromkeys(error.source for error in errors if error.source)))


def stable_attributes(customers: Source | None) -> tuple[str, ...] | None:
    """Return the attributes that the user declared stable; what identifies somebody is never a feature.

    Parameters
    ----------
    customers : Source or None
        The source of the customers table.

    Returns
    -------
    tuple of str or None
        None where nothing was declared.

    Raises
    ------
    ConfigError
        If one of them can be none.
    """
    if customers is None or customers.arguments.get("stable_attributes") is None:
        return None
    declared = tuple(customers.arguments["stable_attributes"])
    personal = [column.name for column in CUSTOMERS if column.personal]
    problems = [
        f"stable_attributes: {name} identifies customers or is their consent, which is never a feature. Leave it out."
        for name in declared
        if name in personal or name == "customer_id"
    ]
    if problems:
        raise ConfigError(problems)
    return declared


def stable_columns(stable: tuple[str, ...] | None, columns: Sequence[str] | None) -> tuple[str, ...]:
    """Return the attributes that are stable, and see that the customers table has those that were declared.

    Parameters
    ----------
    stable : tuple of str or None
        As from `stable_attributes`.
    columns : sequence of str or None
        Columns of the table; None where there is none.

    Returns
    -------
    tuple of str

    Raises
    ------
    DataError
        If one is missing.
    """
    if stable is None or columns is None:
        return OptionalTables().stable_attributes
    missing = [name for name in stable if name not in columns]
    if missing:
        raise DataError(
            [
                Violation("customers", name, "a stable attribute is not in the table", 1, remedy=hint)
                for name in missing
                for hint in [f"Name a column of it.{did_you_mean(name, columns)}"]
            ]
        )
    return stable


def _data_set(data: CustomerData, tables: dict[str, ReadTable], stable: tuple[str, ...]) -> CustomerData:
    before = data.optional
    frames: dict[str, Any] = {
        name: read.frame if name in {"calendar", "places"} else read.frame.lazy() for name, read in tables.items()
    }
    if "customers" in tables:
        frames["stable_attributes"] = stable
    notes = [note for note in data.report.notes if note.table not in tables]
    report = replace(
        data.report,
        notes=(*notes, *(note for read in tables.values() for note in read.report.notes)),
        tables={**data.report.tables, **{name: read.report for name, read in tables.items()}},
    )
    kept = data.quarantine.filter(~pl.col("table").is_in(list(tables)))
    quarantine = pl.concat([kept, *(read.quarantine for read in tables.values())], how="vertical_relaxed")
    return replace(data, optional=replace(before, **frames), report=report, quarantine=quarantine)
