"""Export: the segments of a published run as upload files, or as files for people to read."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import polars as pl

from foretell.config.settings import Settings
from foretell.delivery.manifest import MANIFEST_NAME, file_facts, manifest
from foretell.delivery.published import PublishedRun, audience, chosen_segments, latest_run, read_published
from foretell.delivery.review import REVIEW, write_review
from foretell.delivery.uploads.ledger import LEDGER_NAME, folder_of, previous_uploads
from foretell.delivery.uploads.platforms import PLATFORMS, platform_for
from foretell.delivery.uploads.readme import render_upload_readme
from foretell.delivery.uploads.template import Platform, UploadOptions
from foretell.delivery.uploads.texts import identifiers_as_text
from foretell.delivery.uploads.write import Uploads, write_uploads
from foretell.errors import ConfigError, DataError, Violation, did_you_mean
from foretell.jobs.output import held_output
from foretell.storage.atomic import staged_folder
from foretell.storage.hashing import canonical_json
from foretell.tables.options import ReadOptions
from foretell.tables.sources import open_source

UPLOADS = "uploads"


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote.

    Parameters
    ----------
    run : Path
        The published run that it was made of.
    folders : tuple of Path
        One for each platform; empty on a dry run.
    files : tuple of str
        Files to upload or to read, below those folders.
    counts : list of dict
        Per platform and audience: members, written, removed, and people left out by reason.
    notes : tuple of str
        What a person should know.
    """

    run: Path
    folders: tuple[Path, ...]
    files: tuple[str, ...]
    counts: list[dict[str, Any]]
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        lines = []
        for row in self.counts:
            left_out = ", ".join(f"{name} {count:,}" for name, count in list(row.items())[5:] if count)
            lines.append(
                f"{row['platform']}, {row['audience']}: {row['written']:,} of {row['members']:,} written, "
                f"{row['removed']:,} to take off" + (f"; left out: {left_out}" if left_out else "")
            )
        lines += [f"note: {note}" for note in self.notes]
        if not self.folders:
            return [*lines, "Dry run: nothing was written."]
        return [*lines, *(f"Wrote {folder}" for folder in self.folders)]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "run": str(self.run),
            "folders": [str(folder) for folder in self.folders],
            "files": list(self.files),
            "counts": self.counts,
            "notes": list(self.notes),
        }


def export(
    settings: Settings,
    *,
    platforms: Sequence[str],
    segments: Sequence[str] = (),
    contacts: Path | None = None,
    suppression: Path | None = None,
    forget: Path | None = None,
    run: Path | None = None,
    options: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> ExportResult:
    """Write the segments of a published run for platforms, or for people.

    Upload files go to ``<output>/uploads/<day>/<platform>/``, each folder whole or not at all, with a README, a
    manifest and the list of who was uploaded, from which the next export knows whom to take off.

    Parameters
    ----------
    settings : Settings
        The shop and where its output is.
    platforms : sequence of str
        Names of platforms, or ``review``.
    segments : sequence of str
        Names of segments; none for all.
    contacts : Path or None
        The customers table, with its columns named as in docs/uploads.md; platforms need one.
    suppression, forget : Path or None
        Who must not be written; customer ids that may not be written anywhere any more (a table with
        ``customer_id``).
    run : Path or None
        A published run; None for the newest.
    options : mapping of str to str or None
        Choices of `UploadOptions` as text.
    dry_run : bool
        Count, and write nothing.

    Returns
    -------
    ExportResult
        Folders, counts, notes.

    Raises
    ------
    ConfigError, DataError, OutputError, LockHeld
        As the rooms raise them; what was there before is untouched.
    """
    names = tuple(dict.fromkeys(platforms))
    _check_names(names, contacts)
    chosen = upload_options(options or {}, settings)
    published = read_published(latest_run(settings.folders.output) if run is None else run)
    wanted = chosen_segments(published, tuple(segments))
    chosen = replace(chosen, adjusted_at=published.as_of)
    forgotten = _ids(forget, settings)
    read = {
        name: _table(path, name, settings)
        for name, path in (("contacts", contacts), ("suppression", suppression))
        if path is not None
    }
    place = settings.folders.output / UPLOADS
    day = folder_of(place, published.as_of)
    to = [name for name in names if name != REVIEW]
    written: list[str] = []
    uploads: Uploads | None = None
    with ExitStack() as stack:
        stack.enter_context(held_output(settings.folders.output, dry_run=dry_run))
        folders: dict[str, Path] = {}
        if not dry_run:
            folders = {name: stack.enter_context(staged_folder(day / name)) for name in names}
        if to:
            uploads = write_uploads(
                {name: audience(published, name) for name in wanted},
                read["contacts"],
                to,
                folders or None,
                suppression=read.get("suppression"),
                previous=previous_uploads(place, published.as_of, to),
                forget=forgotten,
                options=chosen,
            )
            written += [file.name for file in uploads.files]
            for name in to if folders else ():
                _finish(uploads, platform_for(name, chosen), folders[name], published, shop=settings.shop.name)
        if REVIEW in folders:
            written += [
                f"{REVIEW}/{name}" for name in write_review(published, wanted, folders[REVIEW], forget=forgotten)
            ]
    return ExportResult(
        run=published.folder,
        folders=() if dry_run else tuple(day / name for name in names),
        files=tuple(written),
        counts=[] if uploads is None else uploads.counts.to_dicts(),
        notes=() if uploads is None else uploads.notes,
    )


def upload_options(given: Mapping[str, str], settings: Settings) -> UploadOptions:
    """Return the choices of an export, those of the shop where none is given.

    Parameters
    ----------
    given : mapping of str to str
        Name of a field of `UploadOptions` to its text; several values are separated by commas.
    settings : Settings
        Currency and time zone of the shop.

    Returns
    -------
    UploadOptions
        Checked for names only; `write_uploads` checks values.

    Raises
    ------
    ConfigError
        If there is no such option, or a number cannot be read; all problems at once.
    """
    known = [field.name for field in fields(UploadOptions) if field.name != "adjusted_at"]
    problems = []
    values: dict[str, Any] = {"currency": settings.shop.currency, "time_zone": settings.shop.time_zone}
    for name, text in given.items():
        if name not in known:
            problems.append(f"There is no option {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}.")
        elif name == "value_cap":
            try:
                values[name] = float(text)
            except ValueError:
                problems.append("The option value_cap must be a number.")
        else:
            values[name] = tuple(part.strip() for part in text.split(",")) if name == "sensitive" else text
    if problems:
        raise ConfigError(problems)
    return UploadOptions(**values)


def _check_names(names: Sequence[str], contacts: Path | None) -> None:
    known = (*PLATFORMS, REVIEW)
    problems = [
        f"There is no platform {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}."
        for name in names
        if name not in known
    ]
    if contacts is None and any(name in PLATFORMS for name in names):
        problems.append("Upload files need the customers' addresses and consent. Remedy: --contacts FILE.")
    if problems:
        raise ConfigError(problems)


def _table(path: Path, name: str, settings: Settings) -> pl.DataFrame:
    source = open_source(path, table=name, options=ReadOptions(time_zone=settings.shop.time_zone))
    return source.collect(list(source.schema))


def _ids(path: Path | None, settings: Settings) -> list[str]:
    if path is None:
        return []
    frame = identifiers_as_text(_table(path, "forget", settings))
    if "customer_id" not in frame.columns:
        rule, remedy = "the column is missing, so nobody could be forgotten", "Name the column of ids customer_id."
        raise DataError([Violation("forget", "customer_id", rule, 1, remedy=remedy)], source=str(path))
    return frame["customer_id"].cast(pl.String).drop_nulls().to_list()


def _finish(uploads: Uploads, platform: Platform, folder: Path, run: PublishedRun, *, shop: str) -> None:
    """Add what a person and the next export need to the files of one platform."""
    name = platform.name
    ledger = folder / LEDGER_NAME
    ledger.touch(mode=0o600)
    uploads.ledger.filter(pl.col("platform") == name).write_parquet(ledger)
    readme = render_upload_readme(uploads, platform, shop=shop, as_of=run.as_of)
    (folder / "README.txt").write_bytes(readme.encode())
    rows = {file.name.removeprefix(f"{name}/"): file.rows for file in uploads.files if file.platform == name}
    facts = [file_facts(folder, file, rows=rows.get(file)) for file in (*rows, LEDGER_NAME, "README.txt")]
    found = manifest(
        facts,
        as_of=run.as_of.isoformat(),
        counts=uploads.counts.filter(pl.col("platform") == name).to_dicts(),
        platform=name,
        run=run.folder.name,
        run_content=run.facts.get("content"),
    )
    (folder / MANIFEST_NAME).write_bytes(canonical_json(found))
    folder.chmod(0o700)
