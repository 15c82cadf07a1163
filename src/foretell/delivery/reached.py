"""The newest published lookalike run before a cutoff: how far its audience reaches, for the report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.delivery.lookalike_run import CARD_NAME, FOLDER
from foretell.delivery.manifest import RUN_NAME, read_manifest
from foretell.storage.hashing import sha256_file
from foretell.windows import as_cutoff

REACH_COLUMNS = ("top_share", "held_out_seeds", "recall", "recall_low", "recall_high", "recall_ceiling", "lift",
                 "lift_low", "lift_high", "control_lift")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Reached:
    """What a published lookalike run says of itself, without any customer.

    Parameters
    ----------
    as_of : datetime
        First instant that it did not see.
    folder : str
        Its folder, relative to the output folder.
    content : str
        Hash of its files, as in its manifest.
    ranked, audience, seeds : int
        Customers ranked, those of the audience, and seeds that were found among them.
    reach : polars.DataFrame
        Columns `REACH_COLUMNS`, one row per size.
    """

    as_of: datetime
    folder: str
    content: str
    ranked: int
    audience: int
    seeds: int
    reach: pl.DataFrame


def find_reached(output_folder: Path, as_of: datetime, shop: str) -> Reached | None:
    """Read the newest lookalike run of a shop that is not younger than a run.

    Parameters
    ----------
    output_folder : Path
        Where published folders live; it may be absent.
    as_of : datetime
        The run that it is shown with.
    shop : str
        Whose it is: shops may share an output folder.

    Returns
    -------
    Reached or None
        None where there is none that can be read and is as its manifest says.
    """
    for folder, manifest in lookalike_folders(output_folder, as_of, shop):
        reached = _read(folder, manifest)
        if reached is not None:
            return reached
    return None


def lookalike_folders(output_folder: Path, as_of: datetime, shop: str) -> list[tuple[Path, Mapping[str, Any]]]:
    """Return the published lookalike runs of a shop that are not younger than a run.

    Parameters
    ----------
    output_folder : Path
        Where published folders live; it may be absent.
    as_of : datetime
        First instant that the run did not see.
    shop : str
        Its name.

    Returns
    -------
    list of (Path, mapping)
        Folders with their manifests, the newest first; whether their files are as the manifest says is not looked at.
    """
    home = output_folder / FOLDER
    found = []
    for folder in home.iterdir() if home.is_dir() else ():
        manifest = read_manifest(folder) if folder.is_dir() and not folder.name.startswith(".") else None
        text = None if manifest is None else manifest.get("as_of")
        if manifest is None or _shop_of(folder) != shop:
            continue
        if isinstance(text, str) and text <= as_of.isoformat():
            found.append((text, folder.name, folder, manifest))
    ranked = sorted(found, key=lambda one: one[:2], reverse=True)
    return [(folder, manifest) for _, _, folder, manifest in ranked]


def _read(folder: Path, manifest: Mapping[str, Any]) -> Reached | None:
    try:
        listed = {file["name"]: file["sha256"] for file in manifest["files"]}
        if sha256_file(folder / CARD_NAME) != listed[CARD_NAME]:
            return None
        card = json.loads((folder / CARD_NAME).read_bytes())
        facts = json.loads((folder / RUN_NAME).read_bytes())
        reach = pl.DataFrame(card["reach"]).select(REACH_COLUMNS)
        if reach.is_empty():
            return None
        return Reached(
            as_of=as_cutoff(str(manifest["as_of"])),
            folder=f"{FOLDER}/{folder.name}",
            content=str(manifest["content"]),
            ranked=int(facts["customers"]),
            audience=int(facts["audience"]),
            seeds=int(card["seeds"]["matched"]),
            reach=reach.cast({name: pl.Float64 for name in REACH_COLUMNS if name != "held_out_seeds"}),
        )
    except (OSError, KeyError, TypeError, ValueError, pl.exceptions.PolarsError):
        return None


def _shop_of(folder: Path) -> object:
    try:
        return json.loads((folder / RUN_NAME).read_bytes())["shop"]
    except (OSError, KeyError, TypeError, ValueError):
        return None
