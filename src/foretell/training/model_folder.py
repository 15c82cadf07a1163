"""A fitted estimator as a folder of JSON, CSV and tree texts; reading one executes nothing."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from foretell.errors import BundleError, ModelNotFound
from foretell.storage.sealed_folder import MANIFEST, read_manifest, read_sealed, write_sealed

FORMAT = 1
NOT_A_STATE = (
    *(KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration, RecursionError, OverflowError),
    pl.exceptions.PolarsError,
)
"""What values that no fit produced may raise where a state is read."""


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
    write_sealed(folder, files, {"kind": kind, "format": FORMAT})


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

    def damaged(place: Path, why: str) -> BundleError:
        return damaged_folder(place, kind, why)

    manifest = read_manifest(folder, damaged)
    found, number = manifest.get("kind"), manifest.get("format")
    if (found, number) != (kind, FORMAT):
        message = f"{folder} holds {found or 'a bundle'} of layout {number!r}; this reads a {kind} of layout {FORMAT}."
        raise BundleError(message)
    return read_sealed(folder, manifest, damaged)


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
