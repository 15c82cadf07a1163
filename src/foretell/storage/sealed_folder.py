"""A folder of files with a manifest of their hashes: what is read back is what was written, byte for byte."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from foretell.errors import BundleError
from foretell.storage.atomic import staged_folder
from foretell.storage.hashing import canonical_json, sha256_bytes, sha256_json

MANIFEST = "manifest.json"
_VERSION_DIGITS = 16
_MAX_FILE_BYTES = 64_000_000

Damaged = Callable[[Path, str], BundleError]
"""Makes the error that says what is wrong with a folder."""


def version_of(files: Mapping[str, bytes]) -> str:
    """Return the version that the content of a folder gives it.

    Parameters
    ----------
    files : mapping of str to bytes
        Name to content, without the manifest.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return sha256_json({name: sha256_bytes(content) for name, content in files.items()})[:_VERSION_DIGITS]


def write_sealed(folder: Path, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> str:
    """Write files with a manifest, whole or not at all; the manifest is last.

    Parameters
    ----------
    folder : Path
        Folder to make; one that is there is replaced.
    files : mapping of str to bytes
        Name to content.
    facts : mapping of str to object
        Plain values to add to the manifest.

    Returns
    -------
    str
        The version.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    version = version_of(files)
    listed = {name: {"sha256": sha256_bytes(content), "bytes": len(content)} for name, content in files.items()}
    with staged_folder(folder) as stage:
        for name, content in files.items():
            (stage / name).write_bytes(content)
        (stage / MANIFEST).write_bytes(canonical_json({**facts, "version": version, "files": listed}))
    return version


def read_manifest(folder: Path, damaged: Damaged) -> dict[str, Any]:
    """Read the manifest of a sealed folder.

    Parameters
    ----------
    folder : Path
        Folder that has one.
    damaged : Damaged
        Makes the error.

    Returns
    -------
    dict
        As it was written, with ``files`` as name to SHA-256.

    Raises
    ------
    BundleError
        If it cannot be read.
    """
    try:
        manifest = json.loads(_plain_bytes(folder, MANIFEST, damaged))
        return {**manifest, "files": {str(name): str(entry["sha256"]) for name, entry in manifest["files"].items()}}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(folder, f"{MANIFEST} cannot be read") from error


def read_sealed(folder: Path, manifest: Mapping[str, Any], damaged: Damaged) -> dict[str, bytes]:
    """Read the files of a sealed folder after checking every byte of them.

    Parameters
    ----------
    folder : Path
        Folder written by `write_sealed`.
    manifest : mapping
        Its manifest, as from `read_manifest`.
    damaged : Damaged
        Makes the error.

    Returns
    -------
    dict of str to bytes
        Name to content, by name, without the manifest.

    Raises
    ------
    BundleError
        If a file is missing, foreign, changed or too large.
    """
    listed = manifest["files"]
    if {entry.name for entry in folder.iterdir()} - {MANIFEST} != set(listed):
        raise damaged(folder, "its files are not those of the manifest")
    files = {name: _plain_bytes(folder, name, damaged) for name in sorted(listed)}
    changed = [name for name, content in files.items() if sha256_bytes(content) != listed[name]]
    if changed:
        raise damaged(folder, f"{', '.join(changed)} changed since it was written (SHA-256 differs)")
    if version_of(files) != manifest.get("version"):
        raise damaged(folder, f"{MANIFEST} was changed since it was written")
    return files


def _plain_bytes(folder: Path, name: str, damaged: Damaged) -> bytes:
    path = folder / name
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
        raise damaged(folder, f"{name} is not a plain file of a model's size")
    return path.read_bytes()
