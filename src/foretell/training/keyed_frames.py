"""What is read of any keyed frame: its key, and the columns that may be features."""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from foretell.errors import ColumnMismatch, DataError, Violation, did_you_mean

PERSONAL = frozenset(
    {"email", "emailaddress", "mail", "phone", "phonenumber", "mobile", "mobilenumber", "telephone", "tel", "fax"}
    | {"name", "firstname", "lastname", "surname", "fullname", "givenname", "familyname", "middlename", "maidenname"}
    | {"address", "streetaddress", "street", "birthdate", "dateofbirth", "dob", "birthday", "ip", "ipaddress"}
    | {"madid", "idfa", "gaid", "gclid", "ssn", "iban", "passport"}
)
"""Names of columns that say who somebody is, in lower case without spaces and signs."""

_IDENTIFYING_ENDS = ("email", "phone", "firstname", "lastname", "surname")
_ADDRESS = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_MOSTLY = 0.5
_FEWEST_TEXTS = 50


def read_keys(frame: pl.DataFrame, key: str) -> pl.Series:
    """Return the key as text, named ``customer_id``.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per customer.
    key : str
        Column of texts or whole numbers.

    Returns
    -------
    polars.Series

    Raises
    ------
    ColumnMismatch
        If the column is absent, or holds neither text nor whole numbers.
    DataError
        If keys are null or occur twice.
    """
    given: object = frame
    if not isinstance(given, pl.DataFrame):
        message = f"A polars.DataFrame is read, not a {type(given).__name__}; call .collect() on a lazy frame."
        raise ColumnMismatch(message)
    if key not in frame.columns:
        message = f"The key column {key!r} is missing.{did_you_mean(key, frame.columns)} Remedy: name it by key=."
        raise ColumnMismatch(message)
    keys = frame.get_column(key)
    if not (keys.dtype.is_integer() or keys.dtype in (pl.String, pl.Categorical, pl.Enum)):
        message = f"The key column {key!r} holds {keys.dtype}; it must hold text or whole numbers."
        raise ColumnMismatch(message)
    twice = keys.is_duplicated() & keys.is_not_null()
    found = [
        *violations(key, "must not be null", keys.is_null(), "drop the rows without a customer"),
        *violations(key, "must be unique", twice, "keep one row per customer, or sum them up first"),
    ]
    if found:
        raise DataError(found)
    return keys.cast(pl.String).alias("customer_id")


def choose_features(
    frame: pl.DataFrame, *, reserved: Sequence[str], features: Sequence[str] | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the columns to learn from, and why each of the others is left out.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per customer.
    reserved : sequence of str
        Columns that say who the row is or what is to be learnt: never features.
    features : sequence of str, optional
        The columns that were asked for; None takes every one that can be used.

    Returns
    -------
    tuple
        Features, in the order of the frame (or as asked); reason by column.

    Raises
    ------
    ColumnMismatch
        If a column that was asked for is absent or must not be used; all of them at once.
    """
    asked = [name for name in frame.columns if name not in reserved] if features is None else list(features)
    absent = [f"{name!r} is missing.{did_you_mean(name, frame.columns)}" for name in asked if name not in frame.columns]
    refused = {name: why for name in asked if name in frame.columns and (why := _never(frame.get_column(name)))}
    refused |= {name: "is the key or what is to be learnt" for name in asked if name in reserved}
    if features is not None and (absent or refused):
        problems = [*absent, *(f"{name!r} {why}." for name, why in refused.items())]
        raise ColumnMismatch("These columns cannot be features: " + " ".join(problems) + " Remedy: leave them out.")
    empty = {name: why for name in asked if name not in refused and (why := _tells_nothing(frame.get_column(name)))}
    left_out = refused | empty
    return tuple(name for name in asked if name not in left_out), left_out


def _never(column: pl.Series) -> str | None:
    """Why a column is never a feature, whoever asks for it."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", column.name).lower()
    name = re.sub(r"[^a-z0-9]", "", words)
    text = column.dtype == pl.String
    if name in PERSONAL or (text and name.endswith(_IDENTIFYING_ENDS)) or (text and _holds_addresses(column)):
        return "says who the customer is"
    if name.startswith("consent"):
        return "is a consent"
    if re.split(r"[^a-z0-9]+", words)[-1] in ("id", "uuid", "guid"):
        return "is an identifier"
    if not (text or column.dtype.is_integer() or column.dtype.is_float() or _is_flag_or_category(column.dtype)):
        return f"holds {column.dtype}, which is neither number, boolean nor text"
    return None


def _is_flag_or_category(dtype: pl.DataType) -> bool:
    return dtype in (pl.Boolean, pl.Categorical, pl.Enum, pl.Null)


def _holds_addresses(column: pl.Series) -> bool:
    present = column.drop_nulls()
    return present.len() > 0 and int(present.str.contains(_ADDRESS).sum()) > _MOSTLY * present.len()


def _tells_nothing(column: pl.Series) -> str | None:
    """Why a column that might be used has nothing to learn from."""
    present = column.drop_nulls()
    if not present.len():
        return "has no value"
    if present.len() == column.len() and present.n_unique() == 1:
        return "is the same for all"
    if (
        column.dtype == pl.String
        and present.n_unique() > _MOSTLY * present.len()
        and present.n_unique() > _FEWEST_TEXTS
    ):
        return "is an identifier: most of its texts occur once"
    return None


def violations(column: str, rule: str, broken: pl.Series, remedy: str) -> list[Violation]:
    """Return the violation of a rule by rows of a frame, if there is any.

    Parameters
    ----------
    column, rule : str
        What breaks which rule, in words.
    broken : polars.Series of Boolean, shape (rows,)
        Where.
    remedy : str
        What to do about it.

    Returns
    -------
    list of Violation
        Empty or of one.
    """
    rows = np.flatnonzero(broken.to_numpy())
    places = tuple(int(row) + 1 for row in rows[:3])
    return [Violation("frame", column, rule, rows.size, places, remedy)] if rows.size else []
