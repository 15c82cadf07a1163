"""Lists of customers in files: by key, by e-mail address, or by the SHA-256 of one."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from foretell.delivery.uploads.hashing import HASHED, digests
from foretell.errors import ColumnMismatch, did_you_mean
from foretell.tables.keyed_file import read_keyed_file

EMAIL = "email"
_ADDRESS = "@"


@dataclass(frozen=True, eq=False)
class CustomerList:
    """A list of customers, matched with a frame.

    Parameters
    ----------
    rows : polars.DataFrame
        The list as it was read, its key column being the frame's key where one was found.
    unmatched : polars.DataFrame
        ``row_number`` and ``seed`` of what was not found; an e-mail address is given as its SHA-256.
    matched_by : str
        ``key``, ``email`` or ``hashed email``.
    """

    rows: pl.DataFrame
    unmatched: pl.DataFrame
    matched_by: str


def read_list(path: Path, frame: pl.DataFrame, key: str, *, what: str) -> CustomerList:
    """Read a list of customers and find them in a frame.

    Parameters
    ----------
    path : Path
        A file with a column of the key's name, or ``customer_id``, or ``email``, or of one column only.
    frame : polars.DataFrame
        Has the key; its column ``email``, if there is one, is matched too.
    key : str
        Column of the customers.
    what : str
        What the list is, for messages.

    Returns
    -------
    CustomerList

    Raises
    ------
    ColumnMismatch
        If no column can be the key, or e-mails are given and the frame has none.
    DataError
        If the file cannot be read.
    """
    rows = read_keyed_file(path, table=what, texts=(key, "customer_id", EMAIL))
    column = _key_column(rows, key, what)
    given = rows.get_column(column).cast(pl.String).str.strip_chars()
    keys = frame.get_column(key).cast(pl.String)
    present = given.drop_nulls()
    hashes = int(present.str.contains(HASHED).sum())
    by_hash = 2 * hashes > present.len() and not keys.is_in(present.implode()).any()
    by_address = column == EMAIL and column != key and not by_hash
    if not (by_hash or by_address):
        return _matched(rows, given, given, keys, key, column, "key")
    if EMAIL not in frame.columns:
        message = (
            f"The {what} are e-mail addresses, hashed or not, but the pool has no column {EMAIL!r} to match them with."
        )
        raise ColumnMismatch(message)
    spelt = (
        pl.DataFrame({"mail": normalised(frame.get_column(EMAIL)), "key": keys})
        .drop_nulls()
        .unique("mail", keep="first", maintain_order=True)
    )
    sought = given.str.to_lowercase() if by_hash else normalised(given)
    table = spelt.with_columns(digests(spelt["mail"]).alias("mail")) if by_hash else spelt
    found = sought.to_frame("mail").join(table, on="mail", how="left", maintain_order="left").get_column("key")
    shown = sought if by_hash else digests(sought)
    return _matched(rows, found, shown, keys, key, column, "hashed email" if by_hash else "email")


def normalised(addresses: pl.Series) -> pl.Series:
    """Return e-mail addresses as they are hashed: without spaces around them, in lower case.

    Parameters
    ----------
    addresses : polars.Series
        Texts.

    Returns
    -------
    polars.Series of String
    """
    return addresses.cast(pl.String).str.strip_chars().str.to_lowercase()


def _key_column(rows: pl.DataFrame, key: str, what: str) -> str:
    for name in (key, "customer_id", EMAIL):
        if name in rows.columns:
            return name
    if rows.width == 1:
        return rows.columns[0]
    message = f"The {what} have no column {key!r}, customer_id or {EMAIL}.{did_you_mean(key, rows.columns)}"
    raise ColumnMismatch(message)


def _matched(  # noqa: PLR0917  one place, six parts of one answer
    rows: pl.DataFrame, found: pl.Series, shown: pl.Series, keys: pl.Series, key: str, column: str, by: str
) -> CustomerList:
    known = found.is_in(keys.implode()).fill_null(value=False)
    # A list of addresses in the place of keys must not be published as it is.
    is_address = shown.str.contains(_ADDRESS, literal=True).fill_null(value=False)
    safe = pl.select(pl.when(is_address).then(digests(normalised(shown))).otherwise(shown)).to_series()
    numbered = pl.DataFrame({"row_number": pl.int_range(1, rows.height + 1, eager=True), "seed": safe})
    kept = rows.drop(column).with_columns(found.alias(key)) if column != key else rows.with_columns(found.alias(key))
    return CustomerList(kept.filter(known), numbered.filter(~known), by)
