"""What a person should know of the files, in whole sentences that name nobody."""

from collections.abc import Sequence

import polars as pl

from foretell.delivery.uploads.audience import Chosen
from foretell.delivery.uploads.consent import Permissions
from foretell.delivery.uploads.contacts import Contacts
from foretell.delivery.uploads.phones import can_read_phones
from foretell.delivery.uploads.rows import consents
from foretell.delivery.uploads.template import Platform


def people_notes(contacts: Contacts, platforms: Sequence[Platform], allowed: Permissions) -> list[str]:
    """Return what is to be said of the contacts as a whole.

    Parameters
    ----------
    contacts : Contacts
        The people.
    platforms : sequence of Platform
        The formats that were asked for.
    allowed : Permissions
        What may be written.

    Returns
    -------
    list of str
        Whole sentences.
    """
    notes = []
    asked = {
        name
        for platform in platforms
        for column in platform.columns
        for name in consents(platform, column.channel or platform.channel, allowed.columns)
    }
    notes += [
        f"The contacts have no column {name}: nobody is written to what needs it."
        for name in sorted(asked - allowed.columns)
    ]
    sources = {column.source for platform in platforms for column in platform.columns}
    if "phone" in sources and contacts.has("phone"):
        notes += _phones(contacts)
    hashed = {column.source for platform in platforms for column in platform.columns if column.hashed}
    for source in sorted(hashed & {"email", "phone"}):
        count = int(contacts.hashed_already(source).is_not_null().sum()) if contacts.has(source) else 0
        if count:
            notes.append(
                f"{count:,} contacts have a SHA-256 instead of their {source}. It is written as it is where SHA-256 is "
                "asked for, and matches only if it was made by that platform's rules."
            )
    return notes


def file_notes(platform: Platform, audience: str, result: Chosen, forgotten_before: int) -> list[str]:
    """Return what is to be said of one file.

    Parameters
    ----------
    platform : Platform
        The format.
    audience : str
        Its name.
    result : Chosen
        What is written.
    forgotten_before : int
        People uploaded the last time who have to be forgotten since.

    Returns
    -------
    list of str
        Whole sentences.
    """
    rows, where = result.frame.height, f"{platform.name}, {audience}"
    notes = []
    if not rows:
        notes.append(f"{where}: nobody may be written, so there is no file.")
    elif rows < platform.minimum:
        notes.append(
            f"{where}: {rows:,} rows. {platform.title} does not use a list below {platform.minimum:,}, and a small "
            "list tells of single people."
        )
    elif rows < platform.advised:
        notes.append(f"{where}: {rows:,} rows; {platform.advised:,} or more are advised.")
    if result.capped:
        notes.append(f"{where}: values cut to the cap: {result.capped:,}.")
    if forgotten_before and platform.removable:
        notes.append(
            f"{where}: of those uploaded before, {forgotten_before:,} must be forgotten and stand in no file. "
            "Replace the whole list on the platform, so that they leave it."
        )
    return notes


def _phones(contacts: Contacts) -> list[str]:
    given = contacts.frame["phone"].cast(pl.String).str.strip_chars().str.len_bytes().gt(0).fill_null(value=False)
    read = contacts.keys[2].is_not_null()
    lost = int((given & ~read).sum())
    if lost and not can_read_phones():
        return [f"{lost:,} phone numbers are left out: install foretell with the extra 'audience' to read them."]
    if lost:
        reason = "they are none, or their country is not known (column country, or the option default_country)"
        return [f"{lost:,} phone numbers are left out: {reason}."]
    return []
