"""A lookalike run becomes a dated folder: written aside, hashed, renamed whole."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foretell.delivery.csv_files import write_csv
from foretell.delivery.dictionary import describe
from foretell.delivery.lookalike_readme import render_lookalike_readme
from foretell.delivery.lookalike_run import CARD_NAME, FOLDER, LOOKALIKE_COLUMNS, LookalikeRun
from foretell.delivery.manifest import MANIFEST_NAME, RUN_NAME, FileFacts, file_facts, manifest
from foretell.delivery.parquet_files import write_parquet
from foretell.delivery.publish import SameContent, stop_if_same
from foretell.errors import ColumnMismatch
from foretell.storage.atomic import staged_folder
from foretell.storage.hashing import canonical_json, sha256_json

_DECIMALS = {"lookalike_score": 6, "recall_ceiling": 4}


@dataclass(frozen=True)
class PublishedLookalikes:
    """What became of a lookalike run.

    Parameters
    ----------
    path : Path
        The run's folder.
    changed : bool
        False if it held the same content already: then nothing was written.
    files : tuple of str
        Names of all files in it.
    """

    path: Path
    changed: bool
    files: tuple[str, ...]


def publish_lookalikes(run: LookalikeRun, output_folder: Path | str, *, force: bool = False) -> PublishedLookalikes:
    """Write a run's folder below ``lookalikes`` in the output folder, whole or not at all.

    Parameters
    ----------
    run : LookalikeRun
        A finished run.
    output_folder : Path or str
        Where published folders live; made if absent.
    force : bool
        Write again even if the same content is there.

    Returns
    -------
    PublishedLookalikes

    Raises
    ------
    ColumnMismatch
        If the ranking has other columns than `LOOKALIKE_COLUMNS`, repeats a customer, or is not in order.
    OutputError
        If the folder cannot be written; what was there before is untouched.
    """
    _check(run)
    target = Path(output_folder) / FOLDER / run.folder_name
    changed = True
    names: tuple[str, ...] = ()
    try:
        with staged_folder(target) as stage:
            facts, content = _fill(stage, run)
            names = tuple(file.name for file in facts)
            if not force:
                stop_if_same(target, content)
    except SameContent:
        changed = False
    return PublishedLookalikes(target, changed, (*names, RUN_NAME, MANIFEST_NAME))


def _check(run: LookalikeRun) -> None:
    wanted = {column.name: column.dtype for column in LOOKALIKE_COLUMNS}
    scores = run.ranking.get_column("lookalike_score") if "lookalike_score" in run.ranking.columns else None
    problems = []
    if scores is None or dict(run.ranking.schema) != wanted:
        problems.append("its columns are not those of a ranking")
    elif scores.null_count() or not scores.is_between(0, 1).all() or not scores.is_sorted(descending=True):
        problems.append("scores are missing, outside 0 to 1, or not in order")
    elif run.ranking.get_column("customer_id").is_duplicated().any():
        problems.append("customers occur twice")
    if problems:
        message = f"The ranking is not sound, and nothing was published: {'; '.join(problems)}."
        raise ColumnMismatch(message)


def _fill(stage: Path, run: LookalikeRun) -> tuple[tuple[FileFacts, ...], str]:
    write_parquet(stage / "lookalikes.parquet", run.ranking)
    files = [file_facts(stage, "lookalikes.parquet", rows=run.ranking.height)]
    tables = {
        "audience.csv": run.audience,
        "lookalikes.csv": run.ranking,
        "reach.csv": run.reach,
        "profile.csv": run.profile,
        "audit.csv": run.audit,
        "unmatched_seeds.csv": run.unmatched,
        "data_dictionary.csv": describe([("lookalikes", LOOKALIKE_COLUMNS)]),
    }
    for name, frame in tables.items():
        escaped = write_csv(frame, stage / name, _DECIMALS)
        files.append(file_facts(stage, name, rows=frame.height, escaped_cells=escaped))
    readme = render_lookalike_readme(run, escaped_cells=sum(file.escaped_cells for file in files))
    texts = {"README.txt": readme.encode(), CARD_NAME: canonical_json(_card(run))}
    for name, text in texts.items():
        (stage / name).write_bytes(text)
        files.append(file_facts(stage, name, rows=None))
    digest = sha256_json({"as_of": run.as_of.isoformat(), "inputs": dict(run.inputs), "options": dict(run.options)})
    found = manifest(files, as_of=run.as_of.isoformat(), inputs=digest)
    facts = {
        "as_of": run.as_of.isoformat(),
        "audience": run.audience.height,
        "circumstances": dict(run.circumstances),
        "content": found["content"],
        "customers": run.ranking.height,
        "inputs": dict(run.inputs),
        "notes": list(run.notes),
        "options": dict(run.options),
        "shop": run.shop,
    }
    (stage / RUN_NAME).write_bytes(canonical_json(facts))
    (stage / MANIFEST_NAME).write_bytes(canonical_json(found))
    return tuple(files), str(found["content"])


def _card(run: LookalikeRun) -> dict[str, Any]:
    return {
        "audit": run.audit.to_dicts(),
        "evaluation": run.evaluation.to_dicts(),
        "features": list(run.features),
        "left_out": dict(run.left_out),
        "method": run.method,
        "reach": run.reach.to_dicts(),
        "seeds": asdict(run.seeds),
    }
