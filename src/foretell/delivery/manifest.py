"""The manifest: what a published folder holds, so that a reader can tell a whole one from a broken one."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foretell.storage.hashing import sha256_file, sha256_json

MANIFEST_NAME = "manifest.json"
RUN_NAME = "run.json"
FORMAT = 1


@dataclass(frozen=True)
class FileFacts:
    """One published file.

    Parameters
    ----------
    name : str
        Path inside the folder, with forward slashes.
    sha256 : str
        Hash of its bytes.
    bytes : int
        Size.
    rows : int or None
        Data rows; None for text.
    escaped_cells : int
        Text cells that got a leading apostrophe, so that no spreadsheet runs them.
    """

    name: str
    sha256: str
    bytes: int
    rows: int | None
    escaped_cells: int = 0


def file_facts(folder: Path, name: str, *, rows: int | None, escaped_cells: int = 0) -> FileFacts:
    """Describe a file that was written.

    Parameters
    ----------
    folder : Path
        Where it is.
    name : str
        Its path inside the folder.
    rows : int or None
        Data rows.
    escaped_cells : int
        See `FileFacts`.

    Returns
    -------
    FileFacts
        With hash and size.
    """
    path = folder / name
    return FileFacts(name, sha256_file(path), path.stat().st_size, rows, escaped_cells)


def manifest(files: Sequence[FileFacts], **facts: Any) -> dict[str, Any]:
    """Return the manifest of a folder.

    Parameters
    ----------
    files : sequence of FileFacts
        Every file but the manifest itself and run.json.
    **facts : object
        Plain values to add, such as as_of and model_version.

    Returns
    -------
    dict
        With ``content``, the SHA-256 over names and hashes of the files.
    """
    listed = [asdict(file) for file in sorted(files, key=lambda file: file.name)]
    content = sha256_json({file["name"]: file["sha256"] for file in listed})
    return {"format": FORMAT, **facts, "content": content, "files": listed}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read the manifest of a folder.

    Parameters
    ----------
    folder : Path
        A published folder, or none.

    Returns
    -------
    dict or None
        None where there is no manifest that can be read.
    """
    try:
        found = json.loads((folder / MANIFEST_NAME).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("files"), list) else None


def is_whole(folder: Path) -> bool:
    """Tell whether a folder holds exactly what its manifest says.

    Parameters
    ----------
    folder : Path
        A published folder, or none.

    Returns
    -------
    bool
        False where the manifest is missing or any file is missing, changed or added.
    """
    found = read_manifest(folder)
    if found is None or not (folder / RUN_NAME).is_file():
        return False
    try:
        listed = {str(file["name"]): str(file["sha256"]) for file in found["files"]}
        present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        if present != {*listed, MANIFEST_NAME, RUN_NAME}:
            return False
        return all(sha256_file(folder / name) == digest for name, digest in listed.items())
    except (OSError, KeyError, TypeError):
        return False
