"""Orders from any source into one frozen data set, with every row accounted for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from foretell.errors import did_you_mean
from foretell.storage.ahead import imported_meanwhile
from foretell.tables.accounting import account_for_rows
from foretell.tables.dataset import CustomerData, Note
from foretell.tables.options import ReadOptions
from foretell.tables.parse import parse_table
from foretell.tables.schema import ORDERS
from foretell.tables.sources import OpenedSource, open_source
from foretell.windows import as_cutoff

_LARGE = 2**25
_MODELS_NEED = ("scipy.special", "scipy.optimize")


def read_orders(
    source: object,
    /,
    *,
    customer_id: str = "customer_id",
    ordered_at: str = "ordered_at",
    amount: str | None = "amount",
    order_id: str | None = None,
    cancelled: str | None = None,
    currency: str | None = None,
    time_zone: str | None = None,
    observed_until: date | datetime | str | None = None,
    drop_duplicates: bool = False,
    delimiter: str | None = None,
    encoding: str = "utf8",
    decimal_comma: bool = False,
    date_format: str | Sequence[str] | None = None,
    attributes: Sequence[str] | None = None,
    query: str | None = None,
    table: str | None = None,
    **columns: str,
) -> CustomerData:
    """Read orders, or lines of orders, and account for every row.

    Each column is named by a source column or by an SQL expression over source columns, as in
    ``amount="Quantity * UnitPrice"`` or ``cancelled="InvoiceNo LIKE 'C%'"``; an exact column name comes first. A
    column of the orders table that is not named is taken from a source column of the same name if there is one.

    Parameters
    ----------
    source : str, Path, sequence of them, polars.DataFrame, polars.LazyFrame or Arrow-compatible frame
        A text file with delimiters, Parquet or Arrow IPC; a pattern with ``*``; a folder; a frame (not modified); or
        the address of a database, ``postgresql://user@host/database`` or ``duckdb:///path/to/file.duckdb``, without a
        password (PGPASSWORD, ~/.pgpass or a service file hold it); or of objects, ``s3://bucket/orders/*.parquet``
        (keys and region from AWS_… in the environment).
    customer_id : str
        Who bought; read as text.
    ordered_at : str
        When: dates, datetimes or text.
    amount : str or None
        Money of the row in currency units, negative for refunds. None, or no column ``amount`` in the source: only
        orders are counted.
    order_id : str or None
        Which order the row belongs to.
    cancelled : str or None
        Whether the row was cancelled.
    currency : str or None
        Currency of the amount; more than one is refused.
    time_zone : str or None
        The shop's zone, as in ``Europe/Berlin``; times with an offset or a zone are converted to it.
    observed_until : date, datetime, str or None
        First instant not observed; rows from then on are left out. None is midnight after the last order.
    drop_duplicates : bool
        Whether rows that repeat an earlier row in every source column are left out; otherwise they are counted.
    delimiter : str or None
        Character between fields of a text file; None is a comma, or a tab in a ``.tsv`` file.
    encoding : str
        Encoding of a text file.
    decimal_comma : bool
        Whether numbers in text are written as ``1.234,56``.
    date_format : str, sequence of str or None
        How times in text are written, in strftime notation, tried in this order; None is ISO 8601.
    attributes : sequence of str or None
        Further source columns to keep as they are; None keeps all.
    query, table : str or None
        What to read of a database: a SELECT, or the name of a table or view.
    **columns : str
        Any other column of the orders table: channel, source, medium, campaign, gclid, device, country, store,
        discount.

    Returns
    -------
    CustomerData
        Usable rows, the rows left out with their reasons, and a report in which rows in = used + left out.

    Raises
    ------
    DataError
        If the source cannot be read, columns are missing, or what it holds cannot be trusted; all problems of
        a stage at once, with counts and up to three row numbers, never with values.
    ConfigError
        If an option is wrong.
    WindowError
        If `observed_until` is no date.
    TypeError
        If a keyword is no column of the orders table, or the source is of another type.
    """
    named = {"customer_id": customer_id, "ordered_at": ordered_at, "order_id": order_id, "cancelled": cancelled}
    plan = plan_orders(
        source,
        amount=amount,
        named={**named, "currency": currency, **columns},
        time_zone=time_zone,
        observed_until=observed_until,
        delimiter=delimiter,
        encoding=encoding,
        decimal_comma=decimal_comma,
        date_format=date_format,
        query=query,
        table=table,
    )
    # A large history is read to be modelled, and reading it leaves processors idle at times.
    with imported_meanwhile(*(_MODELS_NEED if _bytes(plan.opened) >= _LARGE else ())):
        parsed = parse_table(plan.opened, ORDERS, plan.wanted, attributes=attributes)
        return account_for_rows(
            parsed.rows,
            parsed.columns,
            attributes=parsed.attributes,
            observed_until=plan.observed_until,
            drop_duplicates=drop_duplicates,
            notes=(*plan.notes, *parsed.notes),
            title=parsed.title,
        )


@dataclass(frozen=True)
class OrdersPlan:
    """What is to be read, before any row is.

    Parameters
    ----------
    opened : OpenedSource
        Where the rows are.
    wanted : dict of str to (str or None)
        Source column or SQL expression by column of the orders table.
    notes : tuple of Note
        What was noticed.
    observed_until : datetime or None
        First instant not observed, where it was stated.
    """

    opened: OpenedSource
    wanted: dict[str, str | None]
    notes: tuple[Note, ...]
    observed_until: datetime | None


def plan_orders(
    source: object,
    /,
    *,
    amount: str | None = "amount",
    named: Mapping[str, str | None],
    time_zone: str | None = None,
    observed_until: date | datetime | str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf8",
    decimal_comma: bool = False,
    date_format: str | Sequence[str] | None = None,
    query: str | None = None,
    table: str | None = None,
) -> OrdersPlan:
    """Open a source of orders and settle which column is what.

    Parameters
    ----------
    source, amount, time_zone, observed_until, delimiter, encoding, decimal_comma, date_format, query, table
        As for `read_orders`.
    named : mapping of str to (str or None)
        The other columns by name in the orders table; None is passed over.

    Returns
    -------
    OrdersPlan
        Nothing is read but what tells the columns.

    Raises
    ------
    DataError, ConfigError, WindowError, TypeError
        As from `read_orders`.
    """
    formats = (date_format,) if isinstance(date_format, str) else tuple(date_format or ())
    options = ReadOptions(delimiter, encoding, decimal_comma, formats, time_zone)
    end = None if observed_until is None else as_cutoff(observed_until)
    _require_known(named)
    opened = open_source(source, table=ORDERS.name, options=options, query=query, database_table=table)
    wanted, notes = _without_absent_amount(opened, amount)
    wanted |= {name: text for name, text in named.items() if text is not None}
    return OrdersPlan(opened, wanted, notes, end)


def _bytes(opened: OpenedSource) -> int:
    """Size of the files; 0 where rows are in no file."""
    return sum(int(size) for _, size, _ in opened.identity() or ())


def _require_known(columns: Mapping[str, str | None]) -> None:
    for name in columns:
        if name not in ORDERS.names:
            msg = f"read_orders() got an unexpected keyword argument {name!r}.{did_you_mean(name, ORDERS.names)}"
            raise TypeError(msg)


def _without_absent_amount(opened: OpenedSource, amount: str | None) -> tuple[dict[str, str | None], tuple[Note, ...]]:
    """Counts only where no amount was asked for, or where nothing in the source is called so."""
    if amount is None:
        return {"amount": None}, ()
    if amount != ORDERS["amount"].name or any(name.lower() == amount for name in opened.schema):
        return {"amount": amount}, ()
    text = "There is no column amount: orders are counted, and nothing is said about money. Name it with amount=…"
    return {"amount": None}, (Note("no_amount", 0, text),)
