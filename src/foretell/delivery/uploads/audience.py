"""One audience in one upload format: who of it is written, who is taken off, and why the others are neither."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from foretell.delivery.csv_files import MONEY_DECIMALS, OTHER_DECIMALS, fixed_text
from foretell.delivery.uploads.rows import REASONS, PlatformRows
from foretell.delivery.uploads.template import Platform, UploadOptions

NOT_IN_CONTACTS = "not_in_contacts"
NO_VALUE = "no_value"
DUPLICATE = "duplicate"
# Each member is written or counted under exactly one of these.
ALL_REASONS = (NOT_IN_CONTACTS, *REASONS, NO_VALUE, DUPLICATE)

# Scores that become properties of a profile. Every one has a type in which nothing personal can be said.
_MONEY = r"historic_clv|total_clv|avg_order_value|predicted_clv_\d+d(_low|_high)?"
_PROPERTIES = re.compile(
    rf"({_MONEY}|predicted_orders_\d+d|churn_risk_\d+d|p_order_\d+d|p_alive|clv_percentile|churn_percentile|orders|overdue"
    r"|days_since_last_order|avg_days_between_orders|last_order_date|first_order_date|expected_next_order_date"
    r"|next_order_date_early|next_order_date_late|churn_band|as_of)"
)
PROPERTY_PREFIX = "foretell_"
_BANDS = ("low", "medium", "high")


@dataclass(frozen=True)
class Members:
    """An audience found among the contacts.

    Parameters
    ----------
    rows : pl.DataFrame
        ``row`` (place among the contacts), ``value`` where the audience has one, and its scores.
    size : int
        People in the audience.
    strangers : int
        Those of whom there is no contact.
    before : pl.Series
        Places among the contacts of those who were uploaded the last time.
    """

    rows: pl.DataFrame
    size: int
    strangers: int
    before: pl.Series


@dataclass(frozen=True)
class Chosen:
    """What becomes of one audience in one format.

    Parameters
    ----------
    frame : pl.DataFrame
        The file to upload; every column is text.
    rows : pl.Series
        Places among the contacts of those in it.
    removal : pl.DataFrame
        The file that takes people off the list.
    removed_rows : pl.Series
        Places among the contacts of those in it.
    counts : dict of str to int
        People by reason for which they are not written.
    capped : int
        Values that were cut to the cap.
    """

    frame: pl.DataFrame
    rows: pl.Series
    removal: pl.DataFrame
    removed_rows: pl.Series
    counts: dict[str, int]
    capped: int


def choose(members: Members, written: PlatformRows, options: UploadOptions) -> Chosen:
    """Choose the rows of a file, and of the one that takes people off.

    Parameters
    ----------
    members : Members
        The audience.
    written : PlatformRows
        All contacts in the format.
    options : UploadOptions
        Constants of the file, and the cap of values.

    Returns
    -------
    Chosen
        One row per person: of several with one identifier, the one with the highest value, else the first by
        customer id.
    """
    places = members.rows["row"]
    found = members.rows.with_columns(written.reason.gather(places))
    counts = dict.fromkeys(ALL_REASONS, 0) | {NOT_IN_CONTACTS: members.strangers}
    counts |= _tally(found["reason"])
    fine = found.filter(pl.col("reason").is_null())
    capped = 0
    if written.platform.needs_value:
        usable = pl.col("value").is_not_null() & pl.col("value").is_finite() & (pl.col("value") >= 0)
        valued = fine.filter(usable)
        counts[NO_VALUE] = fine.height - valued.height
        fine = valued
        if options.value_cap is not None:
            capped = int((fine["value"] > options.value_cap).sum())
            fine = fine.with_columns(pl.col("value").clip(upper_bound=options.value_cap))
    single = _one_each(fine, written)
    counts[DUPLICATE] = fine.height - single.height
    removed = _removed(members, written, single)
    return Chosen(
        frame=_file(single, written, options),
        rows=single["row"],
        removal=written.removal[removed],
        removed_rows=removed,
        counts=counts,
        capped=capped,
    )


def properties(columns: Sequence[str], platform: Platform) -> list[str]:
    """Return which columns of an audience a format takes as properties of a profile.

    Parameters
    ----------
    columns : sequence of str
        Columns of an audience.
    platform : Platform
        The format.

    Returns
    -------
    list of str
        Those on the list of columns in which nothing personal can stand.
    """
    return [name for name in columns if platform.properties and _PROPERTIES.fullmatch(name)]


def _one_each(fine: pl.DataFrame, written: PlatformRows) -> pl.DataFrame:
    """Keep one row of each person; only where two may be one are keys looked at."""
    repeated = written.repeated.gather(fine["row"])
    if not repeated.any():
        return fine.sort("row")
    several = fine.filter(repeated)
    several = several.with_columns(written.key.gather(several["row"]).alias("key"))
    by = [pl.col("value").fill_nan(None)] if "value" in fine.columns else []
    ranked = several.sort(*by, "row", descending=[*(True for _ in by), False], nulls_last=True)
    first = ranked.filter(pl.col("key").is_first_distinct()).drop("key")
    return pl.concat([fine.filter(~repeated), first]).sort("row")


def _removed(members: Members, written: PlatformRows, single: pl.DataFrame) -> pl.Series:
    """Who was on the list and is no more; nobody whose identifier another person on the list has."""
    if not written.platform.removable:
        return members.before.clear()
    gone = members.before.filter(~members.before.is_in(single["row"].implode()))
    if gone.is_empty():
        return gone
    kept = written.removal_key.is_not_null().gather(gone)
    contested = written.contested.gather(gone)
    if (kept & contested).any():
        keys = written.removal_key.gather(gone)
        listed = written.key.gather(single["row"])
        kept &= ~contested | (~keys.is_in(listed.implode()).fill_null(value=False) & keys.is_first_distinct())
    return gone.filter(kept)


def _tally(reason: pl.Series) -> dict[str, int]:
    found = reason.drop_nulls().value_counts()
    return dict(zip(found["reason"].to_list(), found["count"].to_list(), strict=True))


def _file(single: pl.DataFrame, written: PlatformRows, options: UploadOptions) -> pl.DataFrame:
    rows = written.frame[single["row"]]
    columns = []
    for column in written.platform.columns:
        if column.source == "value":
            text = single.select(fixed_text(pl.col("value").cast(pl.Float64), MONEY_DECIMALS)).to_series()
        elif column.source.startswith("option:"):
            text = _constant(column.source.removeprefix("option:"), options, single.height)
        elif column.header in rows.columns:
            text = rows[column.header]
        else:
            text = pl.Series([None], dtype=pl.String).new_from_index(0, single.height)
        columns.append(text.alias(column.header))
    scores = single.select(
        _property(name, single.schema[name]).alias(PROPERTY_PREFIX + name)
        for name in properties(single.columns, written.platform)
    )
    return pl.DataFrame(columns).hstack(scores)


def _constant(name: str, options: UploadOptions, rows: int) -> pl.Series:
    if name == "adjustment_type":
        text: str | None = "RESTATE"
    elif name == "adjusted_at":
        text = None if options.adjusted_at is None else options.adjusted_at.strftime("%Y-%m-%d %H:%M:%S")
    else:
        text = getattr(options, name)
    return pl.Series([text], dtype=pl.String).new_from_index(0, rows)


def _property(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if dtype.is_float():
        decimals = MONEY_DECIMALS if re.fullmatch(_MONEY, name) else OTHER_DECIMALS
        return fixed_text(pl.when(value.is_finite()).then(value), decimals)
    if name == "churn_band":
        return pl.when(value.is_in(_BANDS)).then(value)
    if isinstance(dtype, pl.Datetime):
        return value.dt.to_string("%Y-%m-%d")
    if dtype == pl.String:
        return pl.lit(None, pl.String)
    return value.cast(pl.String)
