"""A bundle as a folder of JSON and CSV: its bytes, its version, saving and verified loading."""

import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.bundles.bundle import Bundle, Typical
from foretell.bundles.card import render_card
from foretell.bundles.prospects import prospect_file_names, prospect_files, read_prospects
from foretell.bundles.record import RECORD_SCHEMAS
from foretell.bundles.refinement_files import (
    REFINEMENT,
    model_state,
    read_purchase_model,
    read_refinement,
    refinement_files,
    trees_files,
)
from foretell.errors import BundleError, ModelNotFound
from foretell.storage.hashing import canonical_json
from foretell.storage.sealed_folder import MANIFEST, read_manifest, read_sealed, version_of, write_sealed
from foretell.windows import Horizons

FORMAT = 4
"""Number of the folder layout; a bundle of another number is refused. Raise it whenever what a file holds changes."""

_STATISTICS = "statistics.json"
_DATES = "dates_model.json"
_PROFILE = "profile.json"
_NOT_A_BUNDLES = (
    KeyError, TypeError, ValueError, IndexError, RecursionError, OverflowError, pl.exceptions.PolarsError,
)  # fmt: skip


@dataclass(frozen=True)
class StoredBundle:
    """A bundle together with the version that its content gives it.

    Parameters
    ----------
    bundle : Bundle
        The fitted values.
    version : str
        Hexadecimal hash of the bundle's files.
    """

    bundle: Bundle
    version: str


def bundle_files(bundle: Bundle) -> dict[str, bytes]:
    """Return the files of a bundle, without its manifest.

    Parameters
    ----------
    bundle : Bundle
        The fitted values.

    Returns
    -------
    dict of str to bytes
        Relative name to content; equal bundles give equal bytes.
    """
    head = {
        "format": FORMAT,
        "rung": bundle.rung,
        "as_of": bundle.as_of.isoformat(),
        "horizons": asdict(bundle.horizons),
        "annual_discount_rate": bundle.annual_discount_rate,
        "churn_band_edges": list(bundle.churn_band_edges),
        "typical": asdict(bundle.typical),
    }
    files = {
        "bundle.json": canonical_json(head),
        "purchase_model.json": canonical_json(model_state(bundle.purchase_model)),
        "card.json": canonical_json(dict(bundle.card)),
        "MODEL_CARD.md": render_card(bundle).encode(),
    }
    if bundle.spend_model is not None:
        files["spend_model.json"] = canonical_json({"model": "GammaGamma", "state": bundle.spend_model.to_dict()})
    if bundle.dates_model is not None:
        files[_DATES] = canonical_json(model_state(bundle.dates_model))
    if bundle.refinement is not None:
        files.update(refinement_files(bundle.refinement))
    if bundle.statistics is not None:
        files[_STATISTICS] = canonical_json(bundle.statistics.to_dict())
    if bundle.prospects is not None:
        files.update(prospect_files(bundle.prospects))
    if bundle.profile:
        files[_PROFILE] = canonical_json(dict(bundle.profile))
    for name, frame in bundle.record.items():
        files[f"record_{name}.csv"] = frame.write_csv().encode()
    return dict(sorted(files.items()))


def save_bundle(bundle: Bundle, folder: Path) -> str:
    """Write a bundle as a folder, whole or not at all; the manifest is last.

    Parameters
    ----------
    bundle : Bundle
        The fitted values.
    folder : Path
        Folder to make; one that is there is replaced.

    Returns
    -------
    str
        The bundle's version.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    return write_sealed(folder, bundle_files(bundle), {"format": FORMAT})


def load_bundle(folder: Path) -> StoredBundle:
    """Read a bundle after checking every byte of it; nothing of it is executed.

    Parameters
    ----------
    folder : Path
        Folder written by `save_bundle`.

    Returns
    -------
    StoredBundle
        The fitted values with their version.

    Raises
    ------
    ModelNotFound
        If there is no bundle.
    BundleError
        If a file is missing, foreign, changed, too large or does not hold what it should.
    """
    files = _verified_files(folder)
    try:
        head = _parse(files, "bundle.json")
        bundle = Bundle(
            rung=str(head["rung"]),
            as_of=datetime.fromisoformat(head["as_of"]),
            horizons=Horizons(**head["horizons"]),
            purchase_model=read_purchase_model(_parse(files, "purchase_model.json")),
            spend_model=_load_spend_model(_parse(files, "spend_model.json")) if "spend_model.json" in files else None,
            typical=_typical(head["typical"]),
            annual_discount_rate=_number(head["annual_discount_rate"]),
            churn_band_edges=(_number(head["churn_band_edges"][0]), _number(head["churn_band_edges"][1])),
            refinement=read_refinement(files),
            statistics=_load_statistics(_parse(files, _STATISTICS)) if _STATISTICS in files else None,
            prospects=read_prospects(files),
            dates_model=read_purchase_model(_parse(files, _DATES)) if _DATES in files else None,
            card=_parse(files, "card.json"),
            record={
                name: pl.read_csv(io.BytesIO(files[f"record_{name}.csv"]), schema=dict(schema))
                for name, schema in RECORD_SCHEMAS.items()
            },
            profile=_parse(files, _PROFILE) if _PROFILE in files else {},
        )
    except BundleError:
        raise
    except _NOT_A_BUNDLES as error:
        raise _damaged(folder, f"its values are not a bundle's ({type(error).__name__})") from error
    return StoredBundle(bundle, version_of(files))


def _verified_files(folder: Path) -> dict[str, bytes]:
    path = folder / MANIFEST
    if not path.is_file():
        msg = f"There is no bundle in {folder}: {MANIFEST} is missing. Remedy: train a model first."
        raise ModelNotFound(msg)
    manifest = read_manifest(folder, _damaged)
    listed, number = manifest["files"], manifest.get("format")
    if number != FORMAT:
        msg = (
            f"The bundle in {folder} was trained by another version of foretell: its layout is {number!r}, and this "
            f"one reads {FORMAT}. Remedy: train again (foretell train)."
        )
        raise BundleError(msg)
    known = {"bundle.json", "purchase_model.json", "spend_model.json", "card.json", "MODEL_CARD.md"}
    known |= {f"record_{name}.csv" for name in RECORD_SCHEMAS}
    optional = {"spend_model.json", _STATISTICS, _DATES, _PROFILE, REFINEMENT, *trees_files(set(listed))}
    optional |= prospect_file_names(set(listed))
    present = {entry.name for entry in folder.iterdir()} - {MANIFEST}
    if not known - optional <= set(listed) <= known | optional or present != set(listed):
        raise _damaged(folder, "its files are not those of a bundle")
    return read_sealed(folder, manifest, _damaged)


def _parse(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    value = json.loads(files[name])
    if not isinstance(value, dict):
        raise TypeError(name)
    return value


def _load_spend_model(value: dict[str, Any]) -> Any:
    from foretell.models.gamma_gamma import GammaGamma

    return GammaGamma.from_dict(value["state"])


def _load_statistics(value: dict[str, Any]) -> Any:
    from foretell.features.statistics import Statistics

    return Statistics.from_dict(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        msg = "not a finite number"
        raise ValueError(msg)
    return float(value)


def _typical(values: dict[str, Any]) -> Typical:
    return Typical(
        p_alive=_number(values["p_alive"]),
        orders_if_alive=_number(values["orders_if_alive"]),
        order_value=None if values["order_value"] is None else _number(values["order_value"]),
        days_between_orders=None if values["days_between_orders"] is None else _number(values["days_between_orders"]),
    )


def _damaged(folder: Path, why: str) -> BundleError:
    return BundleError(
        f"The bundle in {folder} is damaged: {why}. Nothing of it was used. Remedy: roll back to the previous "
        "bundle (foretell rollback) or train again."
    )
