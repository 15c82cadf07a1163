"""Digests of normalised text, as platforms compare them."""

import hashlib
from collections.abc import Callable

import polars as pl

HASHES: dict[str, Callable[[bytes], str]] = {
    "sha256": lambda text: hashlib.sha256(text).hexdigest(),
    "md5": lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest(),
    "sha256_md5": lambda text: hashlib.sha256(
        hashlib.md5(text, usedforsecurity=False).hexdigest().encode()
    ).hexdigest(),
}
# Hexadecimal digits of each.
HASH_LENGTHS = {"sha256": 64, "md5": 32, "sha256_md5": 64}
HASHED = r"^[0-9a-fA-F]{64}$"
SHORTER_HASH = r"^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40})$"
HASH_OF_NOTHING = hashlib.sha256(b"").hexdigest()


def digests(text: pl.Series, kind: str = "sha256") -> pl.Series:
    """Return the digest of every text, in lower-case hexadecimal digits.

    Parameters
    ----------
    text : pl.Series
        Normalised text; UTF-8 bytes are hashed.
    kind : str
        One of `HASHES`.

    Returns
    -------
    pl.Series
        Text of the same length and name; null for null.
    """
    hashed = HASHES[kind]
    unique = text.drop_nulls().unique()
    if unique.len() > text.len() // 2:
        # Nearly all differ: finding each its digest again would cost more than hashing a few twice.
        values = [None if value is None else hashed(value.encode()) for value in text.to_list()]
        return pl.Series(text.name, values, pl.String)
    found = pl.Series([hashed(value.encode()) for value in unique.to_list()], dtype=pl.String)
    if found.is_empty():
        return pl.Series(text.name, [None] * text.len(), pl.String)
    return text.replace_strict(unique, found, default=None, return_dtype=pl.String)
