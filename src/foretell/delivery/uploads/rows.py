"""All contacts as rows of one upload format, with the reason beside each that must not be written."""

from dataclasses import dataclass, replace

import polars as pl

from foretell.delivery.formulas import FORMULA_START, INNER_START
from foretell.delivery.uploads.consent import Permissions
from foretell.delivery.uploads.contacts import Contacts
from foretell.delivery.uploads.template import Platform, UploadColumn

FORGOTTEN = "forgotten"
SUPPRESSED = "suppressed"
NO_CONSENT = "no_consent"
CONTRADICTED = "consent_contradicted"
REFUSED = "formula_refused"
NO_IDENTIFIER = "no_identifier"
# In the order in which they win; what an audience adds comes after them, see `audience`.
REASONS = (FORGOTTEN, SUPPRESSED, NO_CONSENT, CONTRADICTED, REFUSED, NO_IDENTIFIER)
_JOINT = "\x1f"
_NO_PHONE = FORMULA_START.replace("+", "").replace("\uff0b", "")


@dataclass(frozen=True)
class PlatformRows:
    """Every contact in one upload format.

    Parameters
    ----------
    platform : Platform
        The format, with the columns that the contacts can fill.
    frame : pl.DataFrame
        One row per contact: what may be written, without the value of an audience.
    reason : pl.Series
        Why a contact is not written; null for the others.
    key : pl.Series
        What the platform tells people apart by; null where it cannot.
    removal : pl.DataFrame
        One row per contact: what is written to take the person off the list, whatever consent says now.
    removal_key : pl.Series
        As `key`, of `removal`; null also for the forgotten and the refused.
    repeated : pl.Series
        Boolean: another contact has the same `key`.
    contested : pl.Series
        Boolean: another contact has the same `removal_key`, as its own `key` or `removal_key`.
    """

    platform: Platform
    frame: pl.DataFrame
    reason: pl.Series
    key: pl.Series
    removal: pl.DataFrame
    removal_key: pl.Series
    repeated: pl.Series
    contested: pl.Series


def platform_rows(contacts: Contacts, platform: Platform, allowed: Permissions) -> PlatformRows:
    """Write all contacts as rows of one format.

    Parameters
    ----------
    contacts : Contacts
        The people.
    platform : Platform
        The format.
    allowed : Permissions
        What may be written of each.

    Returns
    -------
    PlatformRows
        Rows in the order of the contacts.
    """
    fitted = _fitted(platform, contacts)
    own = [column for column in fitted.columns if column.source and not _outside(column)]
    unmasked = pl.DataFrame([contacts.written(column) for column in own]) if own else pl.DataFrame()
    removal = _together(unmasked, fitted)
    permitted = {name: allowed.allows(consents(platform, name, allowed.columns)) for name in _channels(fitted)}
    masked = unmasked.with_columns(
        unmasked[column.header].set(~permitted[column.channel or platform.channel], None) for column in own
    )
    frame = _together(masked, fitted)
    key = _key(frame, fitted)
    nobody = ~_any(list(permitted.values()))
    refused = _refused(contacts, own)
    reason = _first_reason(
        contacts.frame.height,
        {
            FORGOTTEN: allowed.forgotten,
            SUPPRESSED: allowed.suppressed,
            CONTRADICTED: nobody & _contradicted(allowed, platform, fitted),
            NO_CONSENT: nobody,
            REFUSED: refused,
            NO_IDENTIFIER: key.is_null(),
        },
    )
    removal_key = _key(removal, fitted).set(allowed.forgotten | refused, None)
    return PlatformRows(
        platform=fitted,
        frame=frame,
        reason=reason,
        key=key,
        removal=removal,
        removal_key=removal_key,
        repeated=key.is_not_null() & key.is_duplicated(),
        contested=_contested(key, removal_key),
    )


def consents(platform: Platform, channel: str, present: frozenset[str]) -> tuple[str, ...]:
    """Return the columns of consent that a channel of a platform asks for.

    Parameters
    ----------
    platform : Platform
        The format.
    channel : str
        ``email``, ``sms`` or ``ads``.
    present : frozenset of str
        Columns of consent that the contacts have.

    Returns
    -------
    tuple of str
        As in ``consent_ads``.
    """
    return (f"consent_{channel}", *(name for name in platform.consents if name in present))


def _fitted(platform: Platform, contacts: Contacts) -> Platform:
    """Leave out the columns that no contact could fill, as far as the format allows."""
    if platform.exact_header:
        return platform
    kept = tuple(
        column
        for column in platform.columns
        if _outside(column) or contacts.fills(column.source) or column.header in platform.required
    )
    headers = {column.header for column in kept}
    usable = any(headers >= set(names) for names in platform.identifies)
    return replace(platform, columns=kept) if usable else platform


def _outside(column: UploadColumn) -> bool:
    return column.source == "value" or column.source.startswith("option:")


def _channels(platform: Platform) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column.channel or platform.channel for column in platform.columns))


def _together(frame: pl.DataFrame, platform: Platform) -> pl.DataFrame:
    names = [name for name in platform.together if name in frame.columns]
    if not names:
        return frame
    complete = pl.all_horizontal(pl.col(names).is_not_null()) if len(names) == len(platform.together) else pl.lit(False)
    if platform.last_resort:
        others = [name for group in platform.identifies for name in group if name not in platform.together]
        present = [name for name in others if name in frame.columns]
        complete &= pl.all_horizontal(pl.col(present).is_null()) if present else pl.lit(True)
    names += [name for name in platform.beside if name in frame.columns]
    return frame.with_columns(pl.when(complete).then(pl.col(name)).alias(name) for name in names)


def _key(frame: pl.DataFrame, platform: Platform) -> pl.Series:
    groups = [
        pl.concat_str(group, separator=_JOINT)
        for group in platform.identifies
        if all(name in frame.columns for name in group)
    ]
    # Two kinds of identifier never look the same, so one column of them tells people apart.
    return frame.select(pl.coalesce(groups).alias("key")).to_series()


def _contested(key: pl.Series, removal_key: pl.Series) -> pl.Series:
    """Find keys of removals that are anybody else's key too: whoever is taken off by one may take off the other."""
    found = removal_key.is_not_null() & removal_key.is_duplicated()
    # Where the two differ, consent has changed what is known a person by: then it may be another's.
    other = (removal_key.ne_missing(key)) & removal_key.is_not_null()
    if other.any():
        found |= other & removal_key.is_in(key.drop_nulls().implode()).fill_null(value=False)
    return found


def _refused(contacts: Contacts, columns: list[UploadColumn]) -> pl.Series:
    """Find contacts with an identifier that a spreadsheet would run: whoever opened the file would run it too."""
    found = pl.Series([False]).new_from_index(0, contacts.frame.height)
    for column in columns:
        if not contacts.has(column.source) or contacts.frame[column.source].dtype != pl.String:
            continue
        text = contacts.frame[column.source]
        # A plus is how phone numbers begin; what else is no number has no normal form, and is never written.
        start = _NO_PHONE if column.source == "phone" else FORMULA_START
        found |= text.str.contains(start).fill_null(value=False)
        if not column.hashed:
            found |= text.str.contains(INNER_START).fill_null(value=False)
    return found


def _contradicted(allowed: Permissions, platform: Platform, fitted: Platform) -> pl.Series:
    names = {name for channel in _channels(fitted) for name in consents(platform, channel, allowed.columns)}
    return _any([allowed.contradicted[name] for name in sorted(names & allowed.columns)], allowed.forgotten.len())


def _any(masks: list[pl.Series], rows: int = 0) -> pl.Series:
    found = pl.Series([False]).new_from_index(0, masks[0].len() if masks else rows)
    for mask in masks:
        found |= mask
    return found


def _first_reason(rows: int, masks: dict[str, pl.Series]) -> pl.Series:
    reason = pl.Series("reason", [None], pl.String).new_from_index(0, rows)
    for name, mask in reversed(masks.items()):
        reason = reason.set(mask, name)
    return reason
