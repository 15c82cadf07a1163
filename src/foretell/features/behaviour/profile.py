"""Who a customer is: how long signed up, how far from the shop's places, and attributes declared stable.

Consent, identifiers, ways to reach a person and names are never among them, whatever is declared.
"""

from functools import partial

import numpy as np
import polars as pl

from foretell.features.behaviour.available import Attribute, Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.places import nearest
from foretell.features.behaviour.seen import NEVER, Seen
from foretell.features.feature import COUNT, TEXT, Feature, Values
from foretell.features.history import Floats, Ints

_NAME = "profile"
_UNPLACED = "the customer has no coordinates, or there is no place"

_declare_one = partial(Feature, family=_NAME, source="customers")

_DATED = (
    _declare_one(
        "days_since_signup",
        "days",
        "Days since the customer signed up.",
        null_when="it is not known when",
        needs=("signed_up_at",),
    ),
    _declare_one(
        "days_signup_to_first_order",
        "days",
        "Days from signing up to the first purchase day, below 0 where that came first.",
        null_when="it is not known when the customer signed up, or nothing was bought",
        needs=("signed_up_at",),
    ),
)
_PLACED = (
    _declare_one(
        "nearest_place",
        "name",
        "The place nearest to the customer, the first in the alphabet of equals.",
        dtype=TEXT,
        null_when=f"{_UNPLACED}, or the place was not known when the model was fitted",
        needs=("lat", "lon"),
    ),
    _declare_one(
        "nearest_place_km",
        "km",
        "Great-circle distance to the nearest place.",
        null_when=_UNPLACED,
        needs=("lat", "lon"),
    ),
    _declare_one(
        "places_in_reach", "places", "Places whose radius the customer lies in.", dtype=COUNT, needs=("lat", "lon")
    ),
)


def _declare(available: Available) -> tuple[Feature, ...]:
    placed = _PLACED if available.has("places", "lat", "lon") else ()
    return (*_DATED, *placed, *(_of_attribute(attribute) for attribute in available.attributes))


def _of_attribute(attribute: Attribute) -> Feature:
    words = attribute.column.replace("_", " ").lower()
    meaning = f"What the customers table says under {words!r}."
    null_when = "it says nothing"
    dtype = TEXT if attribute.kind == "name" else Feature.dtype
    if attribute.kind == "name":
        null_when = "it says nothing, or what few customers had when the model was fitted"
    if attribute.kind == "date":
        meaning = f"Days from {words!r} in the customers table to the cutoff."
        null_when = "it says nothing, or a time at or after the cutoff"
    if attribute.kind == "flag":
        meaning = f"1 where the customers table says yes under {words!r}, else 0."
    return _declare_one(
        attribute.feature,
        "name" if attribute.kind == "name" else "as declared",
        meaning,
        dtype=dtype,
        null_when=null_when,
        needs=(attribute.column,),
    )


def customer_rows(seen: Seen) -> pl.DataFrame:
    """Return the customers table, one row per customer at hand, in their order.

    Parameters
    ----------
    seen : Seen
        Customers and their rows.

    Returns
    -------
    polars.DataFrame
        With the columns that features are made of.
    """
    table = seen.tables.customers
    wanted = {attribute.column for attribute in seen.available.attributes} | {"signed_up_at", "lat", "lon"}
    columns = sorted(wanted & seen.available.columns["customers"])
    if table is None or not columns:
        return pl.DataFrame({"customer_id": seen.customer_id})
    rows = table.select("customer_id", *columns).unique("customer_id", keep="first", maintain_order=True)
    ids = seen.customer_id.alias("customer_id").to_frame().lazy()
    return ids.join(rows, on="customer_id", how="left", maintain_order="left").collect()


def _compute(seen: Seen) -> Values:
    rows = customer_rows(seen)
    values: Values = {}
    if "signed_up_at" in rows.columns:
        day = _day(rows["signed_up_at"])
        bought = np.full(seen.customers, np.nan) if seen.history is None else seen.history.first_day
        values["days_since_signup"] = seen.days_since(day)
        values["days_signup_to_first_order"] = np.where(day == NEVER, np.nan, bought - day)
    if {"lat", "lon"} <= set(rows.columns) and seen.tables.places is not None:
        places = seen.tables.places.sort("place")
        found = nearest(_numbers(rows["lat"]), _numbers(rows["lon"]), places)
        names = places["place"].to_list()
        values["nearest_place"] = seen.text("place", names, found.place)
        values["nearest_place_km"] = found.km
        values["places_in_reach"] = found.in_reach
    for attribute in seen.available.attributes:
        values[attribute.feature] = _attribute(seen, attribute, rows[attribute.column])
    return values


def _attribute(seen: Seen, attribute: Attribute, column: pl.Series) -> Floats | pl.Series:
    if attribute.kind == "name":
        known = seen.statistics.names.get(attribute.feature, ())
        text = column.cast(pl.String)
        return text.to_frame("text").select(pl.when(pl.col("text").is_in(list(known))).then("text"))["text"]
    if attribute.kind == "date":
        # What is dated at the cutoff or later had not happened yet, however early it was declared stable.
        begun = (column.cast(pl.Datetime("us")) < seen.cutoff).fill_null(value=False).to_numpy()
        return seen.days_since(np.where(begun, _day(column), NEVER))
    values = _numbers(column)
    return np.where(np.isfinite(values), values, np.nan)


def _day(column: pl.Series) -> Ints:
    days: Ints = column.cast(pl.Date).to_physical().cast(pl.Int64).fill_null(NEVER).to_numpy()
    return days


def _numbers(column: pl.Series) -> Floats:
    values: Floats = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return values


PROFILE = TableFamily(_NAME, {"customers": "a table of customers"}, _declare, _compute)
"""Tenure, distance and stable attributes."""
