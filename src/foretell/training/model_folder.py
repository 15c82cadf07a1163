"""A fitted estimator as a folder of JSON, CSV and tree texts; reading one executes nothing."""

import json
from collections.abc import Mapping
from pathlib import Path

from foretell.errors import BundleError, ModelNotFound
from foretell.storage.atomic import staged_folder
from foretell.storage.hashing import canonical_json, sha256_bytes, sha256_json

FORMAT = 1
MANIFEST = "manifest.json"
_VERSION_DIGITS = 16
_MAX_FILE_BYTES = 64_000_000


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


def write_folder(folder: Path, files: Mapping[str, bytes], kind: str) -> None:
    """Write the files with a manifest, whole or not at all.

    Parameters
    ----------
    folder : Path
        Folder to make; one that is there is replaced.
    files : mapping of str to bytes
        Name to content.
    kind : str
        What it is, as in ``churn_classifier``.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    listed = {name: {"sha256": sha256_bytes(content), "bytes": len(content)} for name, content in files.items()}
    manifest = {"kind": kind, "format": FORMAT, "version": version_of(files), "files": listed}
    with staged_folder(folder) as stage:
        for name, content in files.items():
            (stage / name).write_bytes(content)
        (stage / MANIFEST).write_bytes(canonical_json(manifest))


def read_folder(folder: Path, kind: str) -> dict[str, bytes]:
    """Read the files after checking every byte against the manifest.

    Parameters
    ----------
    folder : Path
        Folder written by `write_folder`.
    kind : str
        What it must be.

    Returns
    -------
    dict of str to bytes
        Name to content, without the manifest.

    Raises
    ------
    ModelNotFound
        If there is no manifest.
    BundleError
        If it is another kind of folder, or a file is missing, foreign, changed or too large.
    """
    if not (folder / MANIFEST).is_file():
        message = f"There is no {_words(kind)} in {folder}: {MANIFEST} is missing. Remedy: fit and save one first."
        raise ModelNotFound(message)
    try:
        manifest = json.loads(_plain_bytes(folder, kind, MANIFEST))
        found, number, version = manifest.get("kind"), manifest.get("format"), manifest.get("version")
        listed = {str(name): str(entry["sha256"]) for name, entry in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged_folder(folder, kind, f"{MANIFEST} cannot be read") from error
    if (found, number) != (kind, FORMAT):
        message = f"{folder} holds {found or 'a bundle'} of layout {number!r}; this reads a {kind} of layout {FORMAT}."
        raise BundleError(message)
    if {entry.name for entry in folder.iterdir()} - {MANIFEST} != set(listed):
        raise damaged_folder(folder, kind, "its files are not those of the manifest")
    files = {name: _plain_bytes(folder, kind, name) for name in sorted(listed)}
    changed = [name for name, content in files.items() if sha256_bytes(content) != listed[name]]
    if changed or version_of(files) != version:
        raise damaged_folder(folder, kind, f"{', '.join(changed) or MANIFEST} changed since it was written")
    return files


def damaged_folder(folder: Path, kind: str, why: str) -> BundleError:
    """Return the error for a folder that no estimator can have written.

    Parameters
    ----------
    folder : Path
        The folder.
    kind : str
        What it should be.
    why : str
        What is wrong with it.

    Returns
    -------
    BundleError
    """
    return BundleError(
        f"The {_words(kind)} in {folder} is damaged: {why}. Nothing of it was used. Remedy: fit and save it again."
    )


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _plain_bytes(folder: Path, kind: str, name: str) -> bytes:
    path = folder / name
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
        raise damaged_folder(folder, kind, f"{name} is not a plain file of a model's size")
    return path.read_bytes()
