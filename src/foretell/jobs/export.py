"""Export: the segments of a published run as upload files, or as files for people to read."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from foretell.config.settings import Settings
from foretell.delivery.manifest import MANIFEST_NAME, file_facts, manifest
from foretell.delivery.published import PublishedRun, audience, chosen_segments, latest_run, read_published
from foretell.delivery.review import REVIEW, write_review
from foretell.delivery.uploads.companions import companion_rows, write_companions
from foretell.delivery.uploads.ledger import UPLOADS, folder_of, previous_uploads
from foretell.delivery.uploads.platforms import PLATFORMS, platform_for
from foretell.delivery.uploads.template import Platform
from foretell.delivery.uploads.write import Uploads, write_uploads
from foretell.errors import ConfigError, did_you_mean
from foretell.jobs.output import held_output
from foretell.jobs.privacy import forgotten_ids, read_ids
from foretell.jobs.uploads import read_contacts, read_table, upload_options
from foretell.storage.atomic import staged_folder
from foretell.storage.hashing import canonical_json

_NO_CONTACTS = "Upload files need the customers' addresses and consent. Remedy: [data.customers], or --contacts FILE."


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
        The customers table, with its columns named as in docs/uploads.md; None reads ``data.customers``.
    suppression, forget : Path or None
        Who must not be written, None for ``uploads.suppression``; customer ids that may not be written anywhere any
        more (a table with ``customer_id``), beside those of ``privacy.forget``.
    run : Path or None
        A published run; None for the newest.
    options : mapping of str to str or None
        Choices of `UploadOptions` as text; they go before those of ``uploads.options``.
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
    _check_names(names, has_contacts=contacts is not None or settings.data.customers is not None)
    chosen = upload_options({**(settings.uploads.options or {}), **(options or {})}, settings)
    published = read_published(latest_run(settings.folders.output) if run is None else run)
    wanted = chosen_segments(published, tuple(segments))
    chosen = replace(chosen, adjusted_at=published.as_of)
    listed = [] if forget is None else read_ids(forget, "forget", settings).to_list()
    forgotten = [*listed, *forgotten_ids(settings).to_list()]
    to = [name for name in names if name != REVIEW]
    people = _contacts(contacts, settings) if to else None
    kept_off = suppression or settings.uploads.suppression
    place = settings.folders.output / UPLOADS
    day = folder_of(place, published.as_of)
    written: list[str] = []
    uploads: Uploads | None = None
    with ExitStack() as stack:
        stack.enter_context(held_output(settings.folders.output, dry_run=dry_run))
        folders: dict[str, Path] = {}
        if not dry_run:
            folders = {name: stack.enter_context(staged_folder(day / name)) for name in names}
        if people is not None:
            uploads = write_uploads(
                {name: audience(published, name) for name in wanted},
                people,
                to,
                folders or None,
                suppression=None if kept_off is None else read_table(kept_off, "suppression", settings),
                previous=previous_uploads(settings.folders.output, published.as_of, to),
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


def _contacts(path: Path | None, settings: Settings) -> pl.DataFrame:
    found = read_contacts(settings) if path is None else read_table(path, "contacts", settings)
    if found is None:
        raise ConfigError([_NO_CONTACTS])
    return found


def _check_names(names: Sequence[str], *, has_contacts: bool) -> None:
    known = (*PLATFORMS, REVIEW)
    problems = [
        f"There is no platform {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}."
        for name in names
        if name not in known
    ]
    if not has_contacts and any(name in PLATFORMS for name in names):
        problems.append(_NO_CONTACTS)
    if problems:
        raise ConfigError(problems)


def _finish(uploads: Uploads, platform: Platform, folder: Path, run: PublishedRun, *, shop: str) -> None:
    """Add what a person and the next export need to the files of one platform."""
    name = platform.name
    write_companions(uploads, platform, folder, shop=shop, as_of=run.as_of)
    facts = [file_facts(folder, file, rows=rows) for file, rows in companion_rows(uploads, platform).items()]
    found = manifest(
        facts,
        as_of=run.as_of.isoformat(),
        counts=uploads.counts.filter(pl.col("platform") == name).to_dicts(),
        platform=name,
        run=run.folder.name,
        run_content=run.facts.get("content"),
    )
    (folder / MANIFEST_NAME).write_bytes(canonical_json(found))
