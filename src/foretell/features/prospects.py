"""Who is known at a cutoff and never ordered, with what is known of them: the rows of first-order models."""

from dataclasses import replace
from datetime import date, datetime

import polars as pl

from foretell.features.behaviour.browsing import is_message
from foretell.features.compute import compute_prospects
from foretell.features.statistics import Statistics
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff, first_unseen_day

STATES = {
    "cart": "an open cart or checkout",
    "member": "in the customers table, without an open cart",
    "visitor": "known by events only",
}
"""Values of ``funnel_state`` and what they mean."""

_DONE_BY_PERSONS = ("_open", "_click")


def dated_members(data: CustomerData) -> CustomerData:
    """Return the shop's data without rows of the customers table that say no day of signing up.

    Whether such a row was there at a past cutoff is not known: many shops make it at the first order, and then it
    would tell of the order that it is to foretell.

    Parameters
    ----------
    data : CustomerData
        Not modified.

    Returns
    -------
    CustomerData
        Without a customers table where no row of it can say a day.
    """
    customers = data.optional.customers
    if customers is None:
        return data
    dated = None
    if "signed_up_at" in customers.collect_schema().names():
        dated = customers.filter(pl.col("signed_up_at").is_not_null())
    return replace(data, optional=replace(data.optional, customers=dated))


def known_since(data: CustomerData) -> datetime | None:
    """Return since when people are known before they order.

    Parameters
    ----------
    data : CustomerData
        Rows before a cutoff. Not modified.

    Returns
    -------
    datetime or None
        Instant of the first event, of the first sign-up where there is no table of events; None without one.
    """
    seen, found = dated_members(data).optional, None
    if seen.events is not None:
        found = seen.events.select(pl.col("occurred_at").min()).collect().item()
    elif seen.customers is not None:
        found = seen.customers.select(pl.col("signed_up_at").min()).collect().item()
    return found if isinstance(found, datetime) else None


def without_order_before(data: CustomerData, cutoff: datetime) -> pl.Series:
    """Return who may have been a prospect at a cutoff or later.

    Parameters
    ----------
    data : CustomerData
        Rows of a shop, or of any subset of its people. Not modified.
    cutoff : datetime
        Who has an order row before it is left out.

    Returns
    -------
    polars.Series
        Ids of people with an event or a day of signing up, each once, in no order.
    """
    seen = dated_members(data)
    tables = (seen.optional.customers, seen.optional.events)
    ids = [table.select("customer_id") for table in tables if table is not None]
    if not ids:
        return pl.Series("customer_id", [], dtype=pl.String)
    ordered = seen.orders.filter(pl.col("ordered_at") < cutoff).select("customer_id")
    people = pl.concat(ids).drop_nulls().unique().join(ordered, on="customer_id", how="anti")
    return people.collect()["customer_id"]


def known_prospects(
    data: CustomerData, as_of: date | datetime | str, statistics: Statistics | None = None
) -> pl.DataFrame:
    """Return who was seen or had signed up before a cutoff without any order, with features.

    Parameters
    ----------
    data : CustomerData
        Rows of a shop, or of any subset of its people: a person's values depend on the person's rows only. Not
        modified.
    as_of : date, datetime or str
        First instant that is not seen.
    statistics : Statistics or None
        Figures of the whole shop at this cutoff or before it; None leaves the features out.

    Returns
    -------
    polars.DataFrame
        One row per person, sorted by ``customer_id``: ``customer_id``, ``funnel_state`` (a key of `STATES`),
        ``days_since_last_event`` Float64 (null without one; what the shop sent or a machine opened is no event of
        the person), then the features of `foretell.features.compute.compute_prospects`. Who has any order row
        before the cutoff is no prospect, also where all of it was given back.

    Raises
    ------
    WindowError
        If `as_of` lies after a given ``observed_until``.
    """
    cutoff = as_cutoff(as_of)
    dated = dated_members(data)
    seen = dated.before(cutoff)
    ordered = seen.orders.select("customer_id").unique().collect()
    people = compute_prospects(dated, cutoff, statistics).join(ordered, on="customer_id", how="anti")
    people = people.join(_last_event(seen, cutoff), on="customer_id", how="left", maintain_order="left")
    first = ("customer_id", "funnel_state", "days_since_last_event")
    return people.select(*first, pl.exclude(first)).sort("customer_id")


def undated_prospects(data: CustomerData, as_of: date | datetime | str) -> pl.Series:
    """Return members without any order of whom nothing says since when they are known.

    Parameters
    ----------
    data : CustomerData
        Rows of a shop, or of any subset of its people. Not modified.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    polars.Series
        Ids without a day of signing up and without an event before the cutoff, ascending.
    """
    seen = data.before(as_cutoff(as_of))
    if seen.optional.customers is None:
        return pl.Series("customer_id", [], dtype=pl.String)
    known = seen.orders.select("customer_id")
    dated = dated_members(seen).optional.customers
    others = [table.select("customer_id") for table in (dated, seen.optional.events) if table is not None]
    members = seen.optional.customers.select("customer_id").drop_nulls().unique()
    return members.join(pl.concat([known, *others]), on="customer_id", how="anti").collect()["customer_id"].sort()


def _last_event(seen: CustomerData, cutoff: datetime) -> pl.DataFrame:
    """Return ``customer_id`` and ``days_since_last_event`` of who did anything, counted as the features count days."""
    events = seen.optional.events
    if events is None:
        return pl.DataFrame(schema={"customer_id": pl.String, "days_since_last_event": pl.Float64})
    names = events.select(pl.col("event").unique()).collect()["event"].drop_nulls().to_list()
    passive = [
        name for name in names if name == "ad_seen" or (is_message(name) and not name.endswith(_DONE_BY_PERSONS))
    ]
    own = ~pl.col("event").is_in(passive)
    if "machine_generated" in events.collect_schema().names():
        own &= ~pl.col("machine_generated").fill_null(value=False)
    end = pl.lit(first_unseen_day(cutoff))
    return (
        events.filter(own)
        .group_by("customer_id")
        .agg(
            (end - pl.col("occurred_at").max().dt.date())
            .dt.total_days()
            .cast(pl.Float64)
            .alias("days_since_last_event")
        )
        .collect()
    )
