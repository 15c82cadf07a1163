"""The newest published lookalike run as columns of segments."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.delivery.availability import NO_LOOKALIKE, wanted_columns
from foretell.delivery.compiled import by_other_rule
from foretell.delivery.lookalike_run import RULE_COLUMNS
from foretell.delivery.reached import lookalike_folders
from foretell.delivery.rule_columns import PERCENTILE
from foretell.delivery.run import Run
from foretell.delivery.segments import Segment
from foretell.storage.hashing import sha256_file
from foretell.windows import as_cutoff

MOST_DAYS_OLD = 31
"""A ranking that saw less than the scores by more days than these is not read: customers ordered since."""
_INPUT = "lookalikes of segments"
_NAMES = [column.name for column in RULE_COLUMNS]


def with_lookalikes(run: Run, output_folder: Path, segments: Sequence[Segment]) -> Run:
    """Return a run with the columns of a lookalike run that its segments name.

    Parameters
    ----------
    run : Run
        A run with scores, and with the other columns of its segments.
    output_folder : Path
        Where published folders live; it may be absent.
    segments : sequence of Segment
        Definitions.

    Returns
    -------
    Run
        With `RULE_COLUMNS` from the newest lookalike run of this shop that is not younger than the scores, nor older
        by more than `MOST_DAYS_OLD` days, and that ranks any of their customers; those whom it does not rank have none.
        Else without these columns, and with the reason in `Run.no_lookalikes`.
    """
    wanted = wanted_columns([*segments, *(by_other_rule(one) for one in segments if one.otherwise)])
    # Also a rank of a column asks for it.
    asked = [name for name in _NAMES if name in wanted or name + PERCENTILE in wanted]
    run = _without(run)
    if not asked:
        return run
    customers = run.scores.select("customer_id")
    stale: datetime | None = None
    for folder, manifest in lookalike_folders(output_folder, run.as_of, run.shop):
        ranking = _ranking(folder, manifest, asked)
        if ranking is None or ranking.join(customers, on="customer_id", how="semi").is_empty():
            continue
        day = as_cutoff(str(manifest["as_of"]))
        if (run.as_of - day).days > MOST_DAYS_OLD:
            stale = day
            break
        beside = customers if run.features is None else run.features
        columns = tuple(column for column in RULE_COLUMNS if column.name in asked)
        return replace(
            run,
            features=beside.join(ranking, on="customer_id", how="left", maintain_order="left"),
            feature_columns=(*run.feature_columns, *columns),
            inputs={**run.inputs, _INPUT: str(manifest["content"])},
        )
    return replace(run, no_lookalikes=NO_LOOKALIKE if stale is None else _too_old(stale, run.as_of))


def _too_old(day: datetime, as_of: datetime) -> str:
    return (
        f"The newest ranking by likeness is as of {day.date()}, {(as_of - day).days} days before the scores, and no "
        f"more than {MOST_DAYS_OLD} are read: run foretell lookalike again."
    )


def _without(run: Run) -> Run:
    """Leave out what a published run read of an earlier lookalike."""
    if run.features is None or not any(column.name in _NAMES for column in run.feature_columns):
        return run
    rest = tuple(column for column in run.feature_columns if column.name not in _NAMES)
    return replace(run, features=run.features.drop(_NAMES, strict=False), feature_columns=rest)


def _ranking(folder: Path, manifest: Mapping[str, Any], names: Sequence[str]) -> pl.DataFrame | None:
    """Read the columns asked for; None where the file is not as the manifest says."""
    path = folder / "lookalikes.parquet"
    try:
        listed = {file["name"]: file["sha256"] for file in manifest["files"]}
        if sha256_file(path) != listed[path.name]:
            return None
        return pl.read_parquet(path, columns=["customer_id", *names])
    except (OSError, KeyError, TypeError, ValueError, pl.exceptions.PolarsError):
        return None
