"""Upload files of a run: whoever is in a segment, for every platform that the segment names as a channel."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import polars as pl

from foretell.delivery.manifest import FileFacts, file_facts
from foretell.delivery.run import Run
from foretell.delivery.segments import Segment
from foretell.delivery.selection import Selection
from foretell.delivery.uploads.audience import properties
from foretell.delivery.uploads.companions import companion_rows, write_companions
from foretell.delivery.uploads.ledger import PUBLISHED as UPLOAD_FOLDER
from foretell.delivery.uploads.platforms import PLATFORMS, platform_for
from foretell.delivery.uploads.template import UploadOptions
from foretell.delivery.uploads.write import VALUE, Uploads, write_uploads
from foretell.delivery.wording import whole
from foretell.storage.hashing import sha256_json
from foretell.tables.fingerprint import fingerprint_of_table


@dataclass(frozen=True, eq=False, repr=False)
class UploadPlan:
    """What upload files are made of, besides the segments.

    Parameters
    ----------
    contacts : pl.DataFrame
        The customers table, with addresses and consent; see `foretell.delivery.uploads.write.write_uploads`.
    platforms : frozenset of str
        Platforms that files are written for, where a segment names them.
    suppression : pl.DataFrame or None
        Who must not be written.
    previous : pl.DataFrame, pl.LazyFrame or None
        Who was uploaded the last time.
    forget : tuple of str
        Customer ids that may not be written anywhere any more.
    options : UploadOptions
        Choices that are left open.
    """

    contacts: pl.DataFrame
    platforms: frozenset[str] = frozenset(PLATFORMS)
    suppression: pl.DataFrame | None = None
    previous: pl.DataFrame | pl.LazyFrame | None = None
    forget: tuple[str, ...] = ()
    options: UploadOptions = field(default_factory=UploadOptions)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over contacts, lists and choices: a changed consent is another input.

        Who was uploaded the last time is not in it: a second run of a day finds what the first wrote.
        """
        formats = [platform_for(name, self.options) for name in sorted(self.platforms)]
        read = {"customer_id", "country", *(column.source for one in formats for column in one.columns)}
        read |= {name for name in self.contacts.columns if name.startswith(("consent_", "ad_"))}
        return sha256_json(
            {
                "contacts": fingerprint_of_table(
                    self.contacts.select(pl.col(name) for name in self.contacts.columns if name in read)
                ),
                "forget": sorted(self.forget),
                "options": asdict(replace(self.options, adjusted_at=None)),
                "platforms": sorted(self.platforms),
                "suppression": None if self.suppression is None else fingerprint_of_table(self.suppression),
            }
        )


def platforms_of(segment: Segment, platforms: frozenset[str] = frozenset(PLATFORMS)) -> tuple[str, ...]:
    """Return the platforms among a segment's channels.

    Parameters
    ----------
    segment : Segment
        A definition.
    platforms : frozenset of str
        Platforms that files are written for.

    Returns
    -------
    tuple of str
        In the segment's order; channels such as ``phone`` take no file.
    """
    return tuple(dict.fromkeys(name for name in segment.channels if name in PLATFORMS and name in platforms))


def write_segment_uploads(
    stage: Path, run: Run, selections: Sequence[Selection], plan: UploadPlan
) -> tuple[tuple[FileFacts, ...], Uploads | None]:
    """Write ``upload/<platform>/<segment>.csv``, with removals, README and ledger, into the folder of a run.

    Parameters
    ----------
    stage : Path
        The run's folder, being filled.
    run : Run
        A finished run.
    selections : sequence of Selection
        Its segments; who is held out is not uploaded.
    plan : UploadPlan
        Contacts, lists and choices.

    Returns
    -------
    tuple of FileFacts
        Every file written, for the manifest.
    Uploads or None
        Counts and notes, which name nobody; None where no segment names a platform.

    Raises
    ------
    ConfigError, DataError, OutputError
        As `write_uploads` does.
    """
    wanted = {one.segment.name: platforms_of(one.segment, plan.platforms) for one in selections}
    wanted = {name: platforms for name, platforms in wanted.items() if platforms}
    if not wanted:
        return (), None
    options = replace(plan.options, adjusted_at=run.as_of)
    names = dict.fromkeys(platform for platforms in wanted.values() for platform in platforms)
    formats = [platform_for(name, options) for name in names]
    folder = stage / UPLOAD_FOLDER
    folder.mkdir(mode=0o700)
    uploads = write_uploads(
        {
            one.segment.name: one.source.select(["customer_id"])[one.rows]
            for one in selections
            if one.segment.name in wanted
        },
        plan.contacts,
        wanted,
        folder,
        suppression=plan.suppression,
        previous=plan.previous,
        forget=plan.forget,
        options=options,
        scores=_scores(run, list(names)),
    )
    facts = []
    for platform in formats:
        write_companions(uploads, platform, folder / platform.name, shop=run.shop, as_of=run.as_of)
        for name, rows in companion_rows(uploads, platform).items():
            facts.append(file_facts(stage, f"{UPLOAD_FOLDER}/{platform.name}/{name}", rows=rows))
    return tuple(facts), uploads


def upload_lines(uploads: Uploads) -> list[str]:
    """Return what a run's README says of its upload files.

    Parameters
    ----------
    uploads : Uploads
        What was written.

    Returns
    -------
    list of str
        One item per platform, without a customer.
    """
    lines = []
    for name in uploads.counts["platform"].unique(maintain_order=True).to_list():
        files = [file for file in uploads.files if file.platform == name]
        new = [file for file in files if not file.removes]
        counted = uploads.counts.filter(pl.col("platform") == name)
        lines.append(
            f"{UPLOAD_FOLDER}/{name}/: {whole(len(new))} files for {PLATFORMS[name].title}, with "
            f"{whole(sum(file.rows for file in new))} rows; {whole(int(counted['removed'].sum()))} rows are to be "
            f"taken off. Who did not agree is in none of them: its README.txt counts them and says what to do. "
            "The files hold personal data, for their owner's eyes only: delete them after the upload."
        )
    return lines


def _scores(run: Run, platforms: Sequence[str]) -> pl.DataFrame:
    value = f"predicted_clv_{run.horizons.clv_days}d"
    wanted = {name for platform in platforms for name in properties(run.scores.columns, PLATFORMS[platform])}
    return run.scores.select(
        "customer_id", pl.col(value).alias(VALUE), *(name for name in run.scores.columns if name in wanted)
    )
