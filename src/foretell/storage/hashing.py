"""SHA-256 of bytes, files and plain values."""

import hashlib
import json
from pathlib import Path
from typing import Any


def sha256_bytes(content: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits.

    Parameters
    ----------
    content : bytes
        What to hash.

    Returns
    -------
    str
        Lower-case hexadecimal digest.
    """
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks.

    Parameters
    ----------
    path : Path
        An existing file.

    Returns
    -------
    str
        Lower-case hexadecimal digest.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of a plain value: sorted keys, UTF-8, two-space indent, final newline.

    Parameters
    ----------
    value : object
        Dicts with text keys, lists, text, numbers, booleans and None.

    Returns
    -------
    bytes
        Equal values give equal bytes.

    Raises
    ------
    ValueError
        If a number is NaN or infinite: neither is JSON.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False)
    return (text + "\n").encode()


def sha256_json(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of a plain value.

    Parameters
    ----------
    value : object
        See `canonical_json`.

    Returns
    -------
    str
        Lower-case hexadecimal digest.
    """
    return sha256_bytes(canonical_json(value))
