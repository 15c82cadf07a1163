"""Fits the figures of the whole shop that features need, on rows before a cutoff."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.carts import STAGES
from foretell.features.behaviour.seen import is_returned, unit_price
from foretell.features.behaviour.touches import COLUMNS as TOUCHED
from foretell.features.catalogue import catalogue, read_columns
from foretell.features.statistics import WHOLE_SHOP, Partner, Statistics
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

MOST_NAMES = 1_000
"""Names kept of each kind, the most frequent ones."""

LEAST_CUSTOMERS = 20
"""An attribute's value that fewer customers have is not kept: it could tell who somebody is."""

LEAST_PRICES = 30
"""Prices from which a category has a band of its own."""

LEAST_GAPS = 20
"""Repeats from which a category has a usual interval."""

LEAST_BOTH = 10
"""Customers of both categories from which a pair may go together."""

LEAST_LIFT = 1.1
"""Lift from which it does."""

MOST_PARTNERS = 5
"""Categories that are kept for each category."""

_MOST_CATEGORIES = 300
_COUNTED = ("category", "brand", "device", "channel", *TOUCHED)


def fit_statistics(data: CustomerData, as_of: date | datetime | str) -> Statistics | None:
    """Fit the statistics of a shop at a cutoff.

    Parameters
    ----------
    data : CustomerData
        All rows of the shop, or of a sample of its customers. Not modified.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    Statistics or None
        None where no table switches on a feature that needs them: then orders say all. The same for any order of the
        rows.

    Raises
    ------
    WindowError
        If `as_of` cannot be read, or lies after a given ``observed_until``.
    """
    seen = data.before(as_cutoff(as_of))
    if not needs_statistics(seen):
        return None
    available = Available.of(seen)
    lines = _bought(seen, available)
    return Statistics(
        columns=read_columns(available),
        names=_names(seen, available),
        price_bands=_price_bands(seen, available, lines),
        reorder_days={} if lines is None else _reorder_days(lines),
        partners={} if lines is None else _partners(lines),
    )


def needs_statistics(data: CustomerData) -> bool:
    """Say whether any table switches on a feature that needs statistics of the shop.

    Parameters
    ----------
    data : CustomerData
        Rows before a cutoff.

    Returns
    -------
    bool
    """
    return any(feature.source != "orders" for feature in catalogue(available=Available.of(data)))


def _bought(seen: CustomerData, available: Available) -> pl.LazyFrame | None:
    """Return lines bought with a category: customer_id, category, day, price; None without categories."""
    lines = seen.optional.order_lines
    if lines is None:
        return None
    quantity, amount = (available.has("order_lines", name) for name in ("quantity", "amount"))
    category = pl.col("category") if available.has("order_lines", "category") else pl.lit(None, pl.String)
    return lines.filter(~is_returned(quantity=quantity, amount=amount)).select(
        "customer_id",
        category.alias("category"),
        pl.col("ordered_at").dt.date().alias("day"),
        (unit_price(quantity=quantity) if amount else pl.lit(None, pl.Int64)).alias("price"),
    )


def _names(seen: CustomerData, available: Available) -> Mapping[str, tuple[str, ...]]:
    tables = {"orders": seen.orders, "order_lines": seen.optional.order_lines, "events": seen.optional.events}
    found: dict[str, tuple[str, ...]] = {"stage": tuple(sorted(STAGES))} if available.has("events") else {}
    for column in _COUNTED:
        parts = [
            table.select(pl.col(column).cast(pl.String).alias("name"))
            for name, table in tables.items()
            if table is not None
            and available.has(name, column)
            # Orders carry a device and a channel too, but those of visits are told.
            and (name != "orders" or column in TOUCHED)
        ]
        if parts:
            found[column] = _most_frequent(pl.concat(parts), 1)
    customers = seen.optional.customers
    for attribute in available.attributes if customers is not None else ():
        if attribute.kind == "name" and customers is not None:
            values = _known(customers, seen).select(pl.col(attribute.column).cast(pl.String).alias("name"))
            found[attribute.feature] = _most_frequent(values, LEAST_CUSTOMERS)
    if seen.optional.places is not None:
        found["place"] = _sorted(seen.optional.places["place"].drop_nulls().to_list())
    if available.occasions:
        found["occasion"] = available.occasions
    return dict(sorted(found.items()))


def _known(customers: pl.LazyFrame, seen: CustomerData) -> pl.LazyFrame:
    """Return the rows of customers who were there: today's table also has those who came later, without a date."""
    tables = (seen.orders, seen.optional.events)
    ids = pl.concat([table.select("customer_id") for table in tables if table is not None]).unique()
    there = customers.join(ids, on="customer_id", how="semi")
    if "signed_up_at" not in customers.collect_schema().names():
        return there
    signed_up = customers.filter(pl.col("signed_up_at").is_not_null())
    return pl.concat([signed_up, there.filter(pl.col("signed_up_at").is_null())])


def _most_frequent(names: pl.LazyFrame, least: int) -> tuple[str, ...]:
    # An address in a column of names is a mistake upstream, and no name of anything.
    counts = (
        names.filter(~pl.col("name").str.contains("@", literal=True))
        .group_by("name")
        .agg(rows=pl.len())
        .filter(pl.col("rows") >= least)
        .sort(["rows", "name"], descending=[True, False])
        .head(MOST_NAMES)
        .collect()
    )
    return _sorted(counts["name"].to_list())


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _price_bands(seen: CustomerData, available: Available, lines: pl.LazyFrame | None) -> Mapping[str, tuple[int, int]]:
    """Return the thirds of prices; of lines, or of events where lines have no price."""
    prices = lines if available.has("order_lines", "amount") else None
    events = seen.optional.events
    if prices is None and events is not None and available.has("events", "price"):
        category = pl.col("category") if available.has("events", "category") else pl.lit(None, pl.String)
        prices = events.select(category.alias("category"), pl.col("price_minor").alias("price"))
    if prices is None:
        return {}
    thirds = (
        pl.len().alias("rows"),
        pl.col("price").quantile(1 / 3, "lower").cast(pl.Int64).alias("low"),
        pl.col("price").quantile(2 / 3, "lower").cast(pl.Int64).alias("high"),
    )
    priced = prices.filter(pl.col("price") >= 0)
    whole = priced.select(pl.lit(WHOLE_SHOP).alias("category"), "price").group_by("category").agg(thirds)
    own = priced.filter(pl.col("category").is_not_null() & (pl.col("category") != WHOLE_SHOP))
    own = own.group_by("category").agg(thirds).filter(pl.col("rows") >= LEAST_PRICES)
    rows = pl.concat([whole, own]).sort("category").collect()
    return {name: (low, high) for name, low, high in zip(rows["category"], rows["low"], rows["high"], strict=True)}


def _reorder_days(lines: pl.LazyFrame) -> Mapping[str, float]:
    day = pl.col("day").cast(pl.Int32).cast(pl.Int64)
    rows = (
        lines.drop_nulls("category")
        .group_by("customer_id", "category")
        .agg(span=day.max() - day.min(), gaps=day.n_unique().cast(pl.Int64) - 1)
        .filter(pl.col("gaps") > 0)
        .group_by("category")
        .agg(pl.col("span").sum(), pl.col("gaps").sum())
        .filter(pl.col("gaps") >= LEAST_GAPS)
        .sort("category")
        .collect()
    )
    return {name: days / gaps for name, days, gaps in zip(rows["category"], rows["span"], rows["gaps"], strict=True)}


def _partners(lines: pl.LazyFrame) -> Mapping[str, tuple[Partner, ...]]:
    """Count the customers of both categories of every pair, as a product of sparse matrices of ones."""
    from scipy.sparse import csr_array

    pairs = lines.drop_nulls("category").select("customer_id", "category").unique().collect()
    counts = pairs["category"].value_counts(name="buyers").sort(["buyers", "category"], descending=[True, False])
    names = sorted(counts["category"].head(_MOST_CATEGORIES).to_list())
    place = {name: number for number, name in enumerate(names)}
    pairs = pairs.with_columns(
        pl.col("category").replace_strict(place, default=None, return_dtype=pl.Int64).alias("column"),
        pl.col("customer_id").rank("dense").cast(pl.Int64).alias("row") - 1,
    )
    customers = int(pairs["row"].max() or 0) + 1  # type: ignore[arg-type]
    pairs = pairs.drop_nulls("column")
    ones = (np.ones(pairs.height, dtype=np.int64), (pairs["row"].to_numpy(), pairs["column"].to_numpy()))
    bought = csr_array(ones, shape=(customers, len(names)))
    both = (bought.T @ bought).toarray()
    buyers = both.diagonal()
    found = {}
    for row, name in enumerate(names):
        share = both[row] / buyers[row]
        lift = share / (buyers / customers)
        wanted = (both[row] >= LEAST_BOTH) & (lift >= LEAST_LIFT) & (np.arange(len(names)) != row)
        best = sorted(np.flatnonzero(wanted), key=lambda column: (-lift[column], names[column]))[:MOST_PARTNERS]
        if best:
            found[name] = tuple(Partner(names[column], float(lift[column]), float(share[column])) for column in best)
    return found
