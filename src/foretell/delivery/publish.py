"""A run becomes a dated folder: written aside, hashed, renamed whole; then the pointer to the newest one moves."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from foretell.delivery.availability import allowed
from foretell.delivery.checks import check_run
from foretell.delivery.csv_files import Table, decimals_of, write_csv
from foretell.delivery.dictionary import data_dictionary
from foretell.delivery.manifest import (
    MANIFEST_NAME,
    RUN_NAME,
    FileFacts,
    file_facts,
    is_whole,
    manifest,
    read_manifest,
)
from foretell.delivery.outcomes import Outcome, gate_facts, refused
from foretell.delivery.parquet_files import write_parquet
from foretell.delivery.previous import MEMBERS_NAME, Previous
from foretell.delivery.profile import RunProfile
from foretell.delivery.prospects import CSV_NAME as PROSPECTS_CSV
from foretell.delivery.prospects import PARQUET_NAME as PROSPECTS_PARQUET
from foretell.delivery.readme import render_readme
from foretell.delivery.ready_segments import ready_segments
from foretell.delivery.report.page import render_page
from foretell.delivery.rule_columns import aliases
from foretell.delivery.run import Run
from foretell.delivery.segment_diff import diff
from foretell.delivery.segment_files import (
    DECIMALS,
    DIFF_NAME,
    OVERVIEW_NAME,
    POWER_NAME,
    SegmentsOfRun,
    diff_table,
    manifest_entry,
    member_table,
    overview,
    power_table,
)
from foretell.delivery.segment_uploads import UploadPlan, write_segment_uploads
from foretell.delivery.segments import Segment
from foretell.delivery.selection import Selection, select_all
from foretell.engines.stored_scores import StoredScores
from foretell.storage.atomic import staged_folder, write_bytes
from foretell.storage.hashing import canonical_json
from foretell.tables.dataset import QUARANTINE_SCHEMA

LATEST_NAME = "latest.json"


@dataclass(frozen=True)
class Published:
    """What became of a run.

    Parameters
    ----------
    path : Path
        The run's folder.
    changed : bool
        False if it held the same content already, and the pointer stood right: then nothing was written.
    files : tuple of str
        Names of all files in it.
    facts : tuple of FileFacts
        Size, rows and hash of every file but run.json and manifest.json.
    selections : tuple of Selection
        The segments.
    """

    path: Path
    changed: bool
    files: tuple[str, ...]
    facts: tuple[FileFacts, ...]
    selections: tuple[Selection, ...]


class SameContent(Exception):
    """Leaves the staging block without a rename: the folder that stands already holds what was staged."""


def publish(
    run: Run,
    output_folder: Path | str,
    *,
    segments: Sequence[Segment] | None = None,
    key: str = "",
    previous: Previous | None = None,
    force: bool = False,
    outcomes: Sequence[Outcome] = (),
    uploads: UploadPlan | None = None,
) -> Published:
    """Write a run's folder below the output folder, whole or not at all.

    The folder is filled aside, synced and renamed; an existing one of the same day is replaced whole unless its
    content is the same. Then ``latest.json`` is moved to it, unless it names a folder of a later ``as_of``. Hold
    `foretell.storage.lock.folder_lock` on the output folder where other runs may write there too.

    Parameters
    ----------
    run : Run
        A finished run.
    output_folder : Path or str
        Where dated folders live; made if absent.
    segments : sequence of Segment or None
        Which segment files to write, where the data allow them; None is every ready one.
    key : str
        The shop's own text for random assignments.
    previous : Previous or None
        The run that segments are compared with.
    force : bool
        Write again even if the same content is there.
    outcomes : sequence of Outcome
        What the gates said, for the manifest; whoever calls has stopped a run that they refused and nobody forced.
    uploads : UploadPlan or None
        What the upload files of segments are made of; None writes none.

    Returns
    -------
    Published
        Where it is, and whether anything changed.

    Raises
    ------
    ColumnMismatch, GateRefused
        If the scores are not sound (see `foretell.delivery.checks.check_run`); nothing is written.
    ConfigError
        If a segment names a column that does not exist or its rule is no condition; nothing is written.
    OutputError
        If the folder cannot be written; what was there before is untouched.
    """
    check_run(run)
    output = Path(output_folder)
    target = output / run.folder_name
    changed = True
    selected = _select(run, ready_segments() if segments is None else segments, key, previous)
    selections, held = selected.selections, [selected]
    del selected  # who came or left since is a row each: whoever writes them is the last to hold them
    try:
        with staged_folder(target) as stage:
            facts, content = _fill(stage, run, held, outcomes, uploads)
            if not force:
                stop_if_same(target, content)
    except SameContent:
        changed = False
    moved = _point_to(target, run, output / LATEST_NAME)
    return Published(
        path=target,
        changed=changed or moved,
        files=(*(file.name for file in facts), RUN_NAME, MANIFEST_NAME),
        facts=facts,
        selections=selections,
    )


def _select(run: Run, segments: Sequence[Segment], key: str, previous: Previous | None) -> SegmentsOfRun:
    on, off = allowed(run, segments)
    selections = select_all(run, on, key=key)
    return SegmentsOfRun(selections, off, None if previous is None else diff(run, selections, previous))


def _fill(
    stage: Path, run: Run, held: list[SegmentsOfRun], outcomes: Sequence[Outcome], plan: UploadPlan | None
) -> tuple[tuple[FileFacts, ...], str]:
    """Write every file of a run into an empty folder, the manifest last; return what was written."""
    selected = held.pop()
    selections = selected.selections
    decimals = dict(decimals_of((*run.columns, *run.feature_columns))) | DECIMALS
    decimals |= {alias: decimals[name] for alias, name in aliases(run.columns).items()}
    files = []
    whole_tables: dict[str, pl.DataFrame | StoredScores] = {
        "scores.parquet": run.scores,
        MEMBERS_NAME: member_table(run, selections),
    }
    if run.prospect_table is not None:
        decimals |= decimals_of(run.prospect_table.columns)
        whole_tables[PROSPECTS_PARQUET] = run.prospect_table.scores
    for name, frame in whole_tables.items():
        write_parquet(stage / name, frame)
        files.append(file_facts(stage, name, rows=frame.height))
    for name, table in _tables(run, selected):
        (stage / name).parent.mkdir(exist_ok=True)
        escaped = write_csv(table, stage / name, decimals)
        files.append(file_facts(stage, name, rows=table.height, escaped_cells=escaped))
    del table
    selected = selected.without_rows_of_diff()
    uploaded, uploads = ((), None) if plan is None else write_segment_uploads(stage, run, selections, plan)
    escaped_cells = sum(file.escaped_cells for file in files)
    texts = {
        "report.html": render_page(run, selected, tuple(files)),
        "README.txt": render_readme(run, selected, escaped_cells=escaped_cells, uploads=uploads),
    }
    files += uploaded
    for name, text in texts.items():
        (stage / name).write_bytes(text.encode())
        files.append(file_facts(stage, name, rows=None))
    found = manifest(
        files,
        as_of=run.as_of.isoformat(),
        model_version=run.model.version,
        inputs=run.inputs_digest,
        profile=RunProfile.of(run).as_dict(),
        **gate_facts(outcomes, forced=bool(refused(outcomes))),
        segments=manifest_entry(selected),
        **({} if uploads is None else {"uploads": uploads.counts.to_dicts()}),
    )
    (stage / RUN_NAME).write_bytes(canonical_json(_run_facts(run, selections, found["content"])))
    (stage / MANIFEST_NAME).write_bytes(canonical_json(found))
    return tuple(files), str(found["content"])


def _tables(run: Run, selected: SegmentsOfRun) -> Iterator[tuple[str, Table]]:
    """Make one CSV file's frame after the other: all at once would not fit where segments are large."""
    yield "scores.csv", run.scores
    if run.prospect_table is not None:
        yield PROSPECTS_CSV, run.prospect_table.scores
    yield "data_dictionary.csv", data_dictionary(run, selected.selections)
    yield OVERVIEW_NAME, overview(selected)
    yield DIFF_NAME, diff_table(selected.diff)
    yield POWER_NAME, power_table(run, selected.selections)
    for selection in selected.selections:
        yield selection.file_name, selection.file_rows()
        if selection.segment.holdout:
            yield selection.holdout_file_name, selection.file_rows(held_out=True)
    yield "quarantine.csv", _quarantine(run)


def stop_if_same(target: Path, content: str) -> None:
    """Leave the staging block where the folder that stands holds the same.

    Parameters
    ----------
    target : Path
        The folder that may stand.
    content : str
        Digest of what was staged, from its manifest.

    Raises
    ------
    SameContent
        If it does.
    """
    standing = read_manifest(target)
    if standing is not None and standing.get("content") == content and is_whole(target):
        raise SameContent


def _quarantine(run: Run) -> pl.DataFrame:
    # Named columns only: whatever else a frame of unusable rows holds may be personal.
    return run.quarantine.select(*QUARANTINE_SCHEMA).sort("table", "row_number", "column", "reason", nulls_last=True)


def _run_facts(run: Run, selections: Sequence[Selection], content: str) -> dict[str, Any]:
    return {
        "annual_discount_rate": run.model.annual_discount_rate,
        "as_of": run.as_of.isoformat(),
        "circumstances": dict(run.circumstances),
        "content": content,
        "counts": asdict(run.counts),
        "customers": run.scores.height,
        "horizons": asdict(run.horizons),
        "inputs": dict(run.inputs),
        "inputs_digest": run.inputs_digest,
        "model_trained_as_of": run.model.trained_as_of.isoformat(),
        "model_version": run.model.version,
        "notes": list(run.notes),
        "options": dict(run.options),
        "segments": {selection.segment.name: selection.size for selection in selections},
        "shop": run.shop,
    }


def _point_to(target: Path, run: Run, latest: Path) -> bool:
    """Move the pointer to a folder, unless a later one has it; return whether it moved."""
    standing = _read_pointer(latest)
    named = standing.get("folder")
    if (
        isinstance(named, str)
        and str(standing.get("as_of", "")) > run.as_of.isoformat()
        and read_manifest(latest.parent / named) is not None
    ):
        return False
    found = read_manifest(target) or {}
    pointer = {
        "as_of": run.as_of.isoformat(),
        "content": found.get("content"),
        "folder": target.name,
        "model_version": run.model.version,
    }
    if standing == pointer:
        return False
    write_bytes(latest, canonical_json(pointer))
    return True


def _read_pointer(latest: Path) -> dict[str, Any]:
    try:
        found = json.loads(latest.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
