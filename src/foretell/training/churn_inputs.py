"""What a churn classifier reads of a frame: the key, the outcome, and the columns that may be features."""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from foretell.errors import ColumnMismatch, DataError, FitError, Violation, did_you_mean
from foretell.evaluation.vectors import FloatArray

FEWEST_ROWS = 50
FEWEST_OF_A_CLASS = 10
"""Ten members of each class put at least one into every fold of every fold."""

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
        *_violation(key, "must not be null", keys.is_null(), "drop the rows without a customer"),
        *_violation(key, "must be unique", twice, "keep one row per customer, or sum them up first"),
    ]
    if found:
        raise DataError(found)
    return keys.cast(pl.String).alias("customer_id")


def read_label(frame: pl.DataFrame, label: str, positive: str | None) -> FloatArray:
    """Return the outcome as 0 and 1.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per customer.
    label : str
        Column of booleans, of 0 and 1, or of two texts.
    positive : str, optional
        Which of two texts is the event.

    Returns
    -------
    ndarray of shape (rows,)

    Raises
    ------
    ColumnMismatch
        If the column is absent, or holds something else.
    DataError
        If values are null or neither 0 nor 1.
    FitError
        If there are fewer than 50 rows, or fewer than 10 of either outcome.
    """
    if label not in frame.columns:
        message = f"The label column {label!r} is missing.{did_you_mean(label, frame.columns)}"
        raise ColumnMismatch(message)
    column = frame.get_column(label)
    is_text = column.dtype in (pl.String, pl.Categorical, pl.Enum)
    if not (is_text or column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        message = f"The label column {label!r} holds {column.dtype}; it must hold booleans, 0 and 1, or two texts."
        raise ColumnMismatch(message)
    if is_text:
        column = _is_positive(column.cast(pl.String), label, positive)
    events = column.cast(pl.Float64).fill_nan(None)
    odd = (~events.is_in([0.0, 1.0])).fill_null(value=False)
    found = [
        *_violation(label, "must not be null", events.is_null(), "drop the rows whose outcome is not known yet"),
        *_violation(label, "must be 0 or 1", odd, "make it 1 where the customer left, else 0"),
    ]
    if found:
        raise DataError(found)
    _require_enough(label, int(events.sum()), events.len())
    return events.to_numpy()


def _is_positive(column: pl.Series, label: str, positive: str | None) -> pl.Series:
    kinds = sorted(column.drop_nulls().unique())
    if positive is None or positive not in kinds or len(kinds) > 2:
        seen = ", ".join(repr(kind) for kind in kinds) if len(kinds) <= 2 else f"{len(kinds)} different texts"
        message = f"The label column {label!r} holds {seen}: name the one that is the event by positive=, out of two."
        raise ColumnMismatch(message)
    return column == positive


def _require_enough(label: str, events: int, rows: int) -> None:
    if rows < FEWEST_ROWS or min(events, rows - events) < FEWEST_OF_A_CLASS:
        message = (
            f"{rows} rows with {events} events in {label!r} are too few: at least {FEWEST_ROWS} rows and "
            f"{FEWEST_OF_A_CLASS} customers of either outcome are needed, so that every fold has some. "
            "Remedy: take a longer window, or more customers."
        )
        raise FitError(message)


def choose_features(
    frame: pl.DataFrame, *, key: str, label: str, features: Sequence[str] | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the columns to learn from, and why each of the others is left out.

    Parameters
    ----------
    frame : polars.DataFrame
        One row per customer.
    key, label : str
        Never features.
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
    asked = [name for name in frame.columns if name not in (key, label)] if features is None else list(features)
    absent = [f"{name!r} is missing.{did_you_mean(name, frame.columns)}" for name in asked if name not in frame.columns]
    refused = {name: why for name in asked if name in frame.columns and (why := _never(frame.get_column(name)))}
    refused |= {name: "is the key or the label" for name in asked if name in (key, label)}
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
    if column.dtype == pl.String and present.n_unique() > _MOSTLY * present.len() and present.n_unique() > FEWEST_ROWS:
        return "is an identifier: most of its texts occur once"
    return None


def _violation(column: str, rule: str, broken: pl.Series, remedy: str) -> list[Violation]:
    rows = np.flatnonzero(broken.to_numpy())
    places = tuple(int(row) + 1 for row in rows[:3])
    return [Violation("frame", column, rule, rows.size, places, remedy)] if rows.size else []
