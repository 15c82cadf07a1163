"""Published runs read back, and the review of them as a folder beside them."""

import io
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from foretell.delivery.dated_folders import dated_folders
from foretell.delivery.manifest import RUN_NAME, is_whole, read_manifest
from foretell.evaluation.said import Said
from foretell.storage.atomic import staged_folder
from foretell.storage.hashing import canonical_json, sha256_bytes, sha256_file, sha256_json
from foretell.windows import Horizons

REVIEW_FOLDER = "review"
_SUMMARY = "review.json"
_TOTALS = "totals.csv"
_BANDS = "bands.csv"
_TOTALS_SCHEMA = {
    "cutoff": pl.Datetime("us"), "rung": pl.String, "target": pl.String, "days": pl.Int64, "customers": pl.Int64,
    "predicted": pl.Float64, "actual": pl.Float64,
}  # fmt: skip
_BANDS_SCHEMA = {
    "cutoff": pl.Datetime("us"), "rung": pl.String, "band": pl.String, "customers": pl.Int64, "predicted": pl.Float64,
    "observed": pl.Float64,
}  # fmt: skip


def published_runs(output: Path) -> tuple[list[Said], list[str]]:
    """Read the scores of every whole run, oldest first.

    Parameters
    ----------
    output : Path
        Where dated folders live; it need not exist.

    Returns
    -------
    (list of Said, list of str)
        What was said, and the names of folders that are not whole: changed or added to by hand since.
    """
    found, broken = [], []
    for folder in dated_folders(output):
        facts = _run_facts(folder)
        if facts is None:
            broken.append(folder.name)
            continue
        scores = pl.read_parquet(folder / "scores.parquet")
        horizons = Horizons(**facts["horizons"])
        as_of = datetime.fromisoformat(facts["as_of"])
        # Runs of before it was written down were discounted at a rate that nobody can tell any more: none is taken.
        rate = float(facts.get("annual_discount_rate") or 0.0)
        found.append(Said(as_of, str(facts["model_version"]), horizons, scores, rate))
    return found, broken


def write_review(frames: Mapping[str, pl.DataFrame], output: Path, *, facts: Mapping[str, Any]) -> tuple[Path, bool]:
    """Write a review beside the runs, whole or not at all.

    Parameters
    ----------
    frames : mapping of str to polars.DataFrame
        As from `evaluation.review.Review.frames`; each becomes a CSV file.
    output : Path
        Where dated folders live.
    facts : mapping
        Plain values for ``review.json``.

    Returns
    -------
    (Path, bool)
        The folder, and whether anything changed.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    files = {f"{name}.csv": frame.write_csv(float_precision=6).encode() for name, frame in frames.items()}
    digests = {name: sha256_bytes(content) for name, content in files.items()}
    files[_SUMMARY] = canonical_json({**facts, "content": sha256_json(digests), "files": digests})
    folder = output / REVIEW_FOLDER
    if _stands(folder, files):
        return folder, False
    with staged_folder(folder) as stage:
        for name, content in files.items():
            (stage / name).write_bytes(content)
    return folder, True


def reviewed_before(output: Path, as_of: datetime) -> pl.DataFrame:
    """Return the totals of a review that were known at a cutoff.

    Parameters
    ----------
    output : Path
        Where the review lies; it need not exist.
    as_of : datetime
        First instant that is not seen: windows that end later are left out.

    Returns
    -------
    polars.DataFrame
        Columns of `evaluation.review.Review.totals`; no row without a review, or where its files were changed.
    """
    totals = _review_frame(output, _TOTALS, _TOTALS_SCHEMA)
    ends = pl.col("cutoff") + pl.col("days") * timedelta(days=1)
    return totals.filter(ends <= as_of)


def reviewed_bands_before(output: Path, as_of: datetime) -> pl.DataFrame:
    """Return what a review that was known at a cutoff says of the bands of churn risk.

    Parameters
    ----------
    output : Path
        Where the review lies; it need not exist.
    as_of : datetime
        First instant that is not seen: windows that end later are left out.

    Returns
    -------
    polars.DataFrame
        Columns of `evaluation.review.Review.bands` with ``days``, how far the risk looked ahead; no row without a
        review, or where its files were changed.
    """
    churn = reviewed_before(output, as_of).filter(pl.col("target") == "churn").select("cutoff", "rung", "days")
    bands = _review_frame(output, _BANDS, _BANDS_SCHEMA)
    return bands.join(churn, on=["cutoff", "rung"], how="inner", maintain_order="left")


def _review_frame(output: Path, name: str, schema: Mapping[str, Any]) -> pl.DataFrame:
    folder = output / REVIEW_FOLDER
    try:
        listed = json.loads((folder / _SUMMARY).read_bytes())["files"]
        content = (folder / name).read_bytes()
        if sha256_bytes(content) == listed[name]:
            return pl.read_csv(io.BytesIO(content), schema=dict(schema))
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        pass
    return pl.DataFrame(schema=dict(schema))


def _run_facts(folder: Path) -> dict[str, Any] | None:
    if read_manifest(folder) is None or not is_whole(folder):
        return None
    try:
        facts = json.loads((folder / RUN_NAME).read_bytes())
        Horizons(**facts["horizons"])
        datetime.fromisoformat(facts["as_of"])
        float(facts.get("annual_discount_rate") or 0.0)
        return facts if facts["model_version"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stands(folder: Path, files: Mapping[str, bytes]) -> bool:
    try:
        present = {path.name for path in folder.iterdir()}
        return present == set(files) and all(
            sha256_file(folder / name) == sha256_bytes(content) for name, content in files.items()
        )
    except OSError:
        return False
