"""Order lines and the orders that they belong to: whose they are, and when they were ordered.

An order is dated by its first row, and a returned line by the first refund of its order, so that rows that come later
never move a line. Lines that carry a customer and a time of their own keep them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from foretell.errors import Violation
from foretell.tables.parsed import Parsed, first_rows

_TABLE = "order_lines"
_FACTS = ("first", "refunded", "cancelled", "buyer")


@dataclass(frozen=True)
class PlacedLines:
    """Whose each line is, and when it was ordered.

    Parameters
    ----------
    customer_id : polars.Series
        String; null where it is not known.
    ordered_at : polars.Series
        Datetime; null where it is not known.
    masks : dict of str to polars.Series
        Boolean mask of lines that cannot be used, by reason.
    violations : tuple of Violation
        What makes the lines as a whole untrustworthy.
    """

    customer_id: pl.Series
    ordered_at: pl.Series
    masks: dict[str, pl.Series]
    violations: tuple[Violation, ...] = ()


def place_lines(columns: Mapping[str, Parsed], height: int, orders: pl.LazyFrame | None) -> PlacedLines:
    """Find customer and time of every line, its own first, else those of its order.

    Parameters
    ----------
    columns : mapping of str to Parsed
        The columns that the lines have: ``order_id`` or ``customer_id`` with ``ordered_at``, or all of them.
    height : int
        Number of lines.
    orders : polars.LazyFrame or None
        Usable rows of orders; None if they could not be read, then only what needs none is said.

    Returns
    -------
    PlacedLines
        One value per line; no line is there twice.
    """
    lines = _lines(columns, height)
    own = lines.select(own=pl.col("customer_id").is_not_null() & pl.col("ordered_at").is_not_null()).to_series()
    if "order_id" not in columns or orders is None:
        nobody = _missing(lines, own & False)
        return PlacedLines(lines["customer_id"], lines["ordered_at"], nobody, missing_keys(columns))
    if "order_id" not in orders.collect_schema().names():
        if own.all():
            return PlacedLines(lines["customer_id"], lines["ordered_at"], {})
        return PlacedLines(lines["customer_id"], lines["ordered_at"], {}, (no_order_ids(~own),))
    placed = _joined(lines, _order_table(orders))
    unknown = ~own & placed["order_id"].is_not_null() & ~placed["found"] & ~placed["shared"]
    masks = {"unknown_order": unknown, "order_cancelled": placed["cancelled"], "return_undated": placed["undated"]}
    masks |= _missing(placed, unknown)
    return PlacedLines(placed["customer_id"], placed["ordered_at"], masks, _shared(placed["shared"]))


def own_keys(columns: Mapping[str, Parsed], height: int) -> PlacedLines:
    """Look at the keys that lines have of their own, where their orders are somewhere else.

    Parameters
    ----------
    columns : mapping of str to Parsed
        As for `place_lines`.
    height : int
        Number of lines.

    Returns
    -------
    PlacedLines
        Lines without an order id must have both keys; of the others, those that lack some are placed later.
    """
    lines = _lines(columns, height)
    lacking = _missing(lines, lines["order_id"].is_not_null())
    return PlacedLines(lines["customer_id"], lines["ordered_at"], lacking, missing_keys(columns))


def missing_keys(columns: Collection[str]) -> tuple[Violation, ...]:
    """Refuse lines that say neither which order they belong to nor whose they are.

    Parameters
    ----------
    columns : collection of str
        Columns of the table that they have.

    Returns
    -------
    tuple of Violation
        One at most.
    """
    if "order_id" in columns or {"customer_id", "ordered_at"} <= set(columns):
        return ()
    rule = "the lines have neither an order_id nor both customer_id and ordered_at"
    remedy = 'Say which columns they are, as in order_id="…".'
    return (Violation(_TABLE, "order_id", rule, 1, remedy=remedy),)


def no_order_ids(unplaced: pl.Series | int) -> Violation:
    """Return the refusal of lines that know their order only, where orders have no ids.

    Parameters
    ----------
    unplaced : polars.Series or int
        Boolean mask of these lines, or their number.

    Returns
    -------
    Violation
    """
    count, where = (unplaced, ()) if isinstance(unplaced, int) else (int(unplaced.sum()), first_rows(unplaced))
    remedy = "Name the order_id of the orders, or customer_id and ordered_at of the lines."
    return Violation(_TABLE, "order_id", "lines are keyed by order_id, and the orders have none", count, where, remedy)


def shared_order_ids(count: int, where: tuple[int, ...] = ()) -> Violation:
    """Return the refusal of lines that name an order of several customers and not theirs.

    Parameters
    ----------
    count : int
        How many.
    where : tuple of int
        Numbers of the first, where they are known.

    Returns
    -------
    Violation
    """
    rule = "lines name an order id that belongs to several customers"
    remedy = "Map customer_id of the lines too, or leave such lines out: whose they are cannot be told."
    return Violation(_TABLE, "order_id", rule, count, where, remedy)


def _lines(columns: Mapping[str, Parsed], height: int) -> pl.DataFrame:
    nothing = {"order_id": pl.String(), "customer_id": pl.String(), "ordered_at": pl.Datetime("us")}
    found = [
        columns[name].values.alias(name)
        if name in columns
        else pl.repeat(None, height, dtype=dtype, eager=True).alias(name)
        for name, dtype in nothing.items()
    ]
    negative = pl.repeat(value=False, n=height, eager=True)
    for name in ("amount", "quantity"):
        if name in columns:
            negative |= (columns[name].values < 0).fill_null(value=False)
    return pl.DataFrame([*found, negative.alias("returned")])


def _missing(lines: pl.DataFrame, unknown: pl.Series) -> dict[str, pl.Series]:
    return {f"{name}_missing": lines[name].is_null() & ~unknown for name in ("customer_id", "ordered_at")}


def _order_table(orders: pl.LazyFrame) -> pl.LazyFrame:
    """One row per order and customer: its first instant, whether it began as a refund or cancelled, its owners."""
    names = orders.collect_schema().names()
    cancelled = pl.col("cancelled").fill_null(value=False) if "cancelled" in names else pl.lit(value=False)
    negative = (pl.col("amount_minor") < 0) if "amount_minor" in names else pl.lit(value=False)
    at = pl.col("ordered_at")
    # A cancelled row of negative amount is a refund: its lines are returns, not lines of a cancelled order.
    return (
        orders.filter(pl.col("order_id").is_not_null())
        .select("order_id", "customer_id", "ordered_at", cancelled=cancelled & ~negative, refund=cancelled | negative)
        .group_by("order_id", "customer_id")
        .agg(
            first=at.min(),
            # Rows at the first instant alone decide: what came later was not known when the line was ordered.
            refunded=pl.col("refund").filter(at == at.min()).all(),
            cancelled=pl.col("cancelled").filter(at == at.min()).all(),
        )
        .with_columns(owners=pl.len().over("order_id"))
    )


def _joined(lines: pl.DataFrame, orders: pl.LazyFrame) -> pl.DataFrame:
    """Every line once, in order, with what its order knows."""
    table = orders.collect()
    # An order id of several customers says nothing of a line that does not name its customer.
    single = table.filter(pl.col("owners") == 1).drop("owners").rename({"customer_id": "buyer"})
    known = _matched(lines, single, ["order_id"]).with_columns(shared=pl.lit(value=False))
    has_customer = lines["customer_id"].is_not_null()
    if has_customer.any():
        named = _matched(lines, table.drop("owners").with_columns(buyer="customer_id"), ["order_id", "customer_id"])
        known = known.with_columns(named[name].zip_with(has_customer, known[name]).alias(name) for name in _FACTS)
    if single.height < table.height:
        doubtful = table.filter(pl.col("owners") > 1)["order_id"].implode()
        known = known.with_columns(shared=pl.col("order_id").is_in(doubtful).fill_null(value=False) & ~has_customer)
    # A line that came back is not known when its order was placed, and nothing says which later day it came back on.
    undated = pl.col("returned") & pl.col("ordered_at").is_null() & ~pl.col("refunded")
    return known.select(
        "order_id",
        "shared",
        found=pl.col("first").is_not_null(),
        undated=undated.fill_null(value=False),
        customer_id=pl.coalesce("customer_id", "buyer"),
        ordered_at=pl.coalesce("ordered_at", "first"),
        cancelled=pl.col("cancelled").fill_null(value=False),
    )


def _matched(lines: pl.DataFrame, orders: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    return lines.join(orders, on=key, how="left", validate="m:1", maintain_order="left")


def _shared(shared: pl.Series) -> tuple[Violation, ...]:
    return (shared_order_ids(int(shared.sum()), first_rows(shared)),) if shared.any() else ()
