"""README.txt of a folder of upload files: which file is for what, how many, and what to do with it."""

from datetime import datetime

import polars as pl

from foretell.delivery.plain_text import heading, section, wrap
from foretell.delivery.uploads.audience import (
    DUPLICATE,
    NO_VALUE,
    NOT_IN_CONTACTS,
)
from foretell.delivery.uploads.rows import CONTRADICTED, FORGOTTEN, NO_CONSENT, NO_IDENTIFIER, REFUSED, SUPPRESSED
from foretell.delivery.uploads.template import Platform
from foretell.delivery.uploads.write import Uploads

REASON_WORDS = {
    NOT_IN_CONTACTS: "not among the contacts",
    FORGOTTEN: "to be forgotten",
    SUPPRESSED: "on the suppression list",
    NO_CONSENT: "without consent to this channel",
    CONTRADICTED: "with consent under one customer id and a refusal under another",
    REFUSED: "with an identifier that begins like a formula",
    NO_IDENTIFIER: "with nothing that the platform could know them by",
    NO_VALUE: "without a value of 0 or more",
    DUPLICATE: "with the identifier of somebody who is in the file",
}


def render_upload_readme(uploads: Uploads, platform: Platform, *, shop: str, as_of: datetime) -> str:
    """Return the README of the upload files for one platform.

    Parameters
    ----------
    uploads : Uploads
        What was written.
    platform : Platform
        Which of it this is about.
    shop : str
        Name of the shop.
    as_of : datetime
        First instant that the scores did not see.

    Returns
    -------
    str
        Plain text without a customer in it.
    """
    title = f"{' '.join(shop.split())}: {platform.title}"
    blocks = [
        heading(title),
        wrap(
            f"Made of the segments as of {as_of:%Y-%m-%d}; what they mean is in the README.txt of that run. "
            "Do not open these files in a spreadsheet before the upload: it changes zeros, phone numbers and dates."
        ),
        section("What to do", _steps(platform)),
        section("Which file is which", _files(uploads, platform)),
        section("Who is not in them", _left_out(uploads.counts.filter(pl.col("platform") == platform.name))),
    ]
    notes = [note for note in uploads.notes if note.startswith(f"{platform.name},") or ", " not in note.split(":")[0]]
    if notes:
        blocks.append(section("What to know", notes))
    return "\n\n".join(blocks) + "\n"


def _steps(platform: Platform) -> list[str]:
    steps = [f"Check a file first: foretell verify FILE --for {platform.name}", platform.use]
    if platform.removable:
        steps.append(
            "Take the people of remove/ off the list, then add the others; or replace the whole list, which does both."
        )
    if platform.lasts:
        steps.append(f"Do it again in time: {platform.lasts}.")
    steps.append("Delete the files after the upload: a hashed address is still an address of a person.")
    return steps


def _files(uploads: Uploads, platform: Platform) -> list[str]:
    lines = []
    for file in uploads.files:
        if file.platform == platform.name:
            what = "to take off the list of" if file.removes else "of"
            name = file.name.removeprefix(f"{platform.name}/")
            lines.append(
                f"{name}: {file.rows:,} {'row' if file.rows == 1 else 'rows'} {what} the segment {file.audience}."
            )
    return lines or ["There is none: nobody may be written."]


def _left_out(counts: pl.DataFrame) -> list[str]:
    lines = []
    for row in counts.to_dicts():
        reasons = [f"{row[name]:,} {words}" for name, words in REASON_WORDS.items() if row[name]]
        text = f"{row['audience']}: {row['written']:,} of {row['members']:,} people are written"
        lines.append(f"{text}. Left out: {', '.join(reasons)}." if reasons else f"{text}.")
    return lines
