"""Audiences written as upload files of any number of platforms: one call, plain frames in, files and counts out."""

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from foretell.delivery.uploads.audience import ALL_REASONS, Chosen, Members, choose, properties
from foretell.delivery.uploads.consent import permissions, said_no
from foretell.delivery.uploads.contacts import Contacts, check_contacts
from foretell.delivery.uploads.listed import Listed
from foretell.delivery.uploads.notes import file_notes, people_notes
from foretell.delivery.uploads.platforms import platform_for
from foretell.delivery.uploads.requests import check_requests
from foretell.delivery.uploads.rows import PlatformRows, consents, platform_rows
from foretell.delivery.uploads.template import TIME_ZONE_START, Platform, UploadOptions
from foretell.delivery.uploads.texts import identifiers_as_text
from foretell.errors import OutputError

REMOVE = "remove"
VALUE = "value"
COUNT_SCHEMA = {
    "platform": pl.String, "audience": pl.String, "members": pl.Int64, "written": pl.Int64, "removed": pl.Int64,
    **dict.fromkeys(ALL_REASONS, pl.Int64),
}  # fmt: skip


@dataclass(frozen=True)
class UploadFile:
    """One file to upload.

    Parameters
    ----------
    name : str
        Path inside the folder, with forward slashes.
    platform, audience : str
        What it is for.
    removes : bool
        Whether it takes people off the list.
    rows : int
        Rows below the header.
    """

    name: str
    platform: str
    audience: str
    removes: bool
    rows: int


@dataclass(frozen=True)
class Uploads:
    """What was written, and of whom nothing was.

    Parameters
    ----------
    files : tuple of UploadFile
        In the order of platforms, then audiences. Nothing is written where nobody may be.
    counts : pl.DataFrame
        One row per platform and audience: members = written + everybody counted under a reason.
    notes : tuple of str
        Whole sentences that a person should read; nobody is named in them.
    listed : Listed
        Who was uploaded where.
    """

    files: tuple[UploadFile, ...]
    counts: pl.DataFrame
    notes: tuple[str, ...]
    listed: Listed

    @property
    def ledger(self) -> pl.DataFrame:
        """What the next call takes as `previous`: ``platform``, ``audience``, ``state`` (added or removed) and id.

        Company lists are not in it, and neither is who was forgotten.
        """
        return self.listed.frame()


def write_uploads(
    audiences: Mapping[str, pl.DataFrame],
    contacts: pl.DataFrame,
    platforms: Sequence[str] | Mapping[str, Sequence[str]],
    folder: Path | Mapping[str, Path] | None,
    *,
    suppression: pl.DataFrame | None = None,
    previous: pl.DataFrame | pl.LazyFrame | None = None,
    forget: Iterable[str] = (),
    options: UploadOptions | None = None,
    scores: pl.DataFrame | None = None,
) -> Uploads:
    """Write upload files: ``<platform>/<audience>.csv``, and ``<platform>/remove/<audience>.csv`` for who left.

    Nobody is written without a true ``consent_<channel>`` in the contacts; who is suppressed or forgotten is not
    written whatever else is said of them. Each contact is normalised and hashed once.

    Parameters
    ----------
    audiences : mapping of str to pl.DataFrame
        Name to ``customer_id``, for value lists ``value`` (money, in one currency), and scores, which Klaviyo takes
        as properties.
    contacts : pl.DataFrame
        The customers table: ``customer_id``, and any of email, phone, first_name, last_name, city, region, postcode,
        country, birth_date, gender, madid, gclid, order_id, converted_at, company, domain, website, linkedin_page,
        industry, job_title, consent_email, consent_sms, consent_ads, ad_user_data, ad_personalization.
    platforms : sequence of str, or mapping of str to sequence of str
        Platforms of all audiences, or of each.
    folder : Path, mapping of str to Path, or None
        An empty folder that gets one for each platform, or the folder of each platform; None only counts.
    suppression : pl.DataFrame, optional
        Any of ``customer_id``, ``email``, ``phone``: who must not be written; see
        `foretell.delivery.uploads.consent.permissions`.
    previous : pl.DataFrame or pl.LazyFrame, optional
        The `Uploads.ledger` of the last time.
    forget : iterable of str
        Customer ids that may not be written anywhere any more, lists of removals included.
    options : UploadOptions, optional
        Choices that are left open.
    scores : pl.DataFrame, optional
        ``customer_id``, ``value`` and scores of people of any audience, for audiences that do not say them.

    Returns
    -------
    Uploads
        Files, counts, notes, ledger.

    Raises
    ------
    ConfigError
        If a platform does not exist, a name is no safe file name, or a format lacks an option; all problems at once.
    DataError
        If contacts, suppression list or an audience cannot be used; nothing is written.
    OutputError
        If a file exists already or cannot be written.
    """
    chosen = options or UploadOptions()
    contacts = identifiers_as_text(contacts)
    suppression = None if suppression is None else identifiers_as_text(suppression)
    wanted = _by_platform(audiences, platforms)
    check_requests(audiences, wanted, chosen, scores=scores)
    check_contacts(contacts)
    formats = [platform_for(name, chosen) for name in wanted]
    forgotten = pl.Series("customer_id", list(forget), pl.String)
    answers = sorted({name for each in formats for name in _answers(each, contacts)})
    before = None if previous is None else previous.lazy()
    named = None if before is None else before.select("customer_id").unique().collect(engine="streaming")
    lists = (forgotten.to_frame(), *audiences.values(), named, suppression)
    people = Contacts(_concerned(contacts, lists, answers), chosen)
    del contacts, lists, named
    allowed = permissions(people, suppression=suppression, forget=forgotten, columns=answers)
    files: list[UploadFile] = []
    counts, listed = [], Listed(people.ids)
    notes = people_notes(people, formats, allowed)
    places = people.ids.to_frame().with_row_index("row")
    found = {name: _find(frame, places) for name, frame in audiences.items()}
    shared = None if scores is None else _beside(scores, places)
    written: PlatformRows | None = None
    for number, platform in enumerate(formats):
        # The last format's rows go before the next one's are made: both together would be the most that is held.
        written = None
        people.keep_for(formats[number:])
        written = platform_rows(people, platform, allowed)
        home = folder[platform.name] if isinstance(folder, Mapping) else folder and folder / platform.name
        uploaded = _before(before, platform.name, places)
        for name in wanted[platform.name]:
            rows, size = found[name]
            then = uploaded.get(name, places["row"].clear())
            members = Members(_with_scores(rows, shared, platform), size, size - rows.height, then)
            result = choose(members, written, chosen)
            files += _write(result, written.platform, name, home, chosen.time_zone)
            counts.append(_counted(platform.name, name, size, result))
            if platform.removable:
                listed.add(platform.name, name, added=result.rows, removed=result.removed_rows)
            notes += file_notes(platform, name, result, int(allowed.forgotten.gather(then).sum()))
    return Uploads(
        tuple(files),
        pl.DataFrame(counts, schema=COUNT_SCHEMA),
        tuple(dict.fromkeys(notes)),
        listed,
    )


def _by_platform(
    audiences: Mapping[str, pl.DataFrame], platforms: Sequence[str] | Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    each = platforms if isinstance(platforms, Mapping) else dict.fromkeys(audiences, tuple(platforms))
    names = dict.fromkeys(name for audience in audiences for name in each.get(audience, ()))
    return {name: [audience for audience in audiences if name in each.get(audience, ())] for name in names}


def _answers(platform: Platform, contacts: pl.DataFrame) -> list[str]:
    present = frozenset(contacts.columns)
    channels = {column.channel or platform.channel for column in platform.columns}
    return [name for channel in channels for name in consents(platform, channel, present)]


def _concerned(contacts: pl.DataFrame, lists: Iterable[pl.DataFrame | None], answers: Sequence[str]) -> pl.DataFrame:
    """Leave out the contacts that are in no audience and can keep nobody off one."""
    ids = contacts["customer_id"].cast(pl.String)
    named = pl.concat([_ids(frame) for frame in lists if frame is not None and "customer_id" in frame.columns]).unique()
    concerned = ids.str.strip_chars().is_in(named.str.strip_chars().implode())
    for name in answers:
        if name in contacts.columns:
            concerned |= said_no(contacts[name])
    return contacts.with_columns(ids).filter(concerned)


def _ids(frame: pl.DataFrame) -> pl.Series:
    return identifiers_as_text(frame.select("customer_id"))["customer_id"].cast(pl.String)


def _find(audience: pl.DataFrame, places: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    single = audience.with_columns(_ids(audience)).unique("customer_id", keep="first", maintain_order=True)
    found = single.join(places, on="customer_id", how="inner").drop("customer_id")
    if VALUE in found.columns:
        found = found.with_columns(pl.col(VALUE).cast(pl.Float64))
    return found, single.height


def _beside(scores: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Scores, row by row those of the contacts; each person's are held once, not once for each audience."""
    single = scores.with_columns(_ids(scores)).unique("customer_id", keep="first", maintain_order=True)
    found = places.select("customer_id").join(single, on="customer_id", how="left", maintain_order="left")
    cast = [pl.col(VALUE).cast(pl.Float64)] if VALUE in found.columns else []
    return found.drop("customer_id").with_columns(cast)


def _with_scores(rows: pl.DataFrame, shared: pl.DataFrame | None, platform: Platform) -> pl.DataFrame:
    own = rows.select("row", *_wanted(rows, platform))
    if shared is None:
        return own
    further = [name for name in _wanted(shared, platform) if name not in own.columns]
    return own.hstack(shared.select(further)[own["row"]])


def _wanted(rows: pl.DataFrame, platform: Platform) -> list[str]:
    value = [VALUE] if VALUE in rows.columns else []
    return [*value, *properties(rows.columns, platform)]


def _before(previous: pl.LazyFrame | None, platform: str, places: pl.DataFrame) -> dict[str, pl.Series]:
    """Who was uploaded to a platform before: the audience to places among the contacts."""
    if previous is None:
        return {}
    named = pl.col("platform", "audience", "customer_id").cast(pl.String)
    ids = previous.with_columns(named).filter(pl.col("platform") == platform).select("audience", "customer_id")
    rows = ids.join(places.lazy(), on="customer_id").select("audience", "row").unique().collect(engine="streaming")
    return {str(name): part["row"].sort() for (name,), part in rows.partition_by("audience", as_dict=True).items()}


def _write(
    result: Chosen, platform: Platform, audience: str, home: Path | None, time_zone: str | None
) -> Iterator[UploadFile]:
    for frame, removes in ((result.frame, False), (result.removal, True)):
        for number, part in enumerate(_parts(frame, platform), start=1):
            path = f"{audience}.csv" if number == 1 else f"{audience}-{number}.csv"
            name = f"{REMOVE}/{path}" if removes else path
            if home is not None:
                _write_file(part, platform, home / name, time_zone)
            yield UploadFile(f"{platform.name}/{name}", platform.name, audience, removes, part.height)


def _parts(frame: pl.DataFrame, platform: Platform) -> Iterator[pl.DataFrame]:
    if frame.is_empty():
        return
    most = platform.most_rows or frame.height
    if platform.most_bytes:
        # Quotes and doubled quotes at worst, a separator after each cell, and room for the header.
        longest = frame.select(pl.sum_horizontal((pl.all().str.len_bytes() * 2 + 3).fill_null(1)).max()).item()
        most = min(most, max(1, (platform.most_bytes - 4_096) // int(longest)))
    yield from frame.iter_slices(most)


def _write_file(frame: pl.DataFrame, platform: Platform, path: Path, time_zone: str | None) -> None:
    content = io.BytesIO()
    if platform.time_zone_line:
        content.write(f"{TIME_ZONE_START}{time_zone}\n".encode())
    # In memory first: polars' own complaint of a full disk does not say so.
    frame.write_csv(content, include_header=platform.header)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Hashes of addresses are personal data too: for the owner's eyes only.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content.getbuffer())
    except OSError as error:
        msg = f"Cannot write {path.name} in {path.parent}: {error.strerror}. Remedy: an empty folder with room left."
        raise OutputError(msg) from error


def _counted(platform: str, audience: str, size: int, result: Chosen) -> dict[str, object]:
    return {
        "platform": platform, "audience": audience, "members": size, "written": result.frame.height,
        "removed": result.removal.height, **result.counts,
    }  # fmt: skip
