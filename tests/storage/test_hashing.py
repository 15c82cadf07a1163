"""Hashes of content: published vectors and canonical text."""

import math
from pathlib import Path

import pytest

from foretell.storage.hashing import canonical_json, sha256_bytes, sha256_file, sha256_json


def test_sha256_of_the_published_vector(tmp_path: Path) -> None:
    # FIPS 180-4, example B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_bytes(b"abc") == expected
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_file(tmp_path / "file") == expected


def test_equal_values_have_equal_text() -> None:
    assert (
        canonical_json({"b": 1, "a": "ü"})
        == canonical_json({"a": "ü", "b": 1})
        == b'{\n  "a": "\xc3\xbc",\n  "b": 1\n}\n'
    )
    assert sha256_json({"b": 1, "a": 2}) == sha256_json({"a": 2, "b": 1})
    assert sha256_json({"a": 1}) != sha256_json({"a": 2})


def test_what_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": math.nan})
