"""Who may be written: only who said yes to the channel, never who is suppressed or forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from foretell.delivery.uploads.contacts import Contacts
from foretell.errors import DataError, Violation

CHANNELS = ("email", "sms", "ads")
_YES = ("true", "t", "yes", "y", "1", "1.0", "subscribed", "subscribe", "granted", "opted_in", "opted in", "opt_in")
_NO = (
    "false", "f", "no", "n", "0", "0.0", "unsubscribed", "unsubscribe", "denied", "opted_out", "opted out", "opt_out",
    "withdrawn", "revoked",
)  # fmt: skip


def said_yes(answer: pl.Series) -> pl.Series:
    """Tell who agreed.

    Parameters
    ----------
    answer : pl.Series
        Booleans, 1 and 0, or words such as ``yes`` and ``subscribed``.

    Returns
    -------
    pl.Series
        Boolean without nulls; a word that is not known is no yes.
    """
    return _words(answer).is_in(_YES).fill_null(value=False)


def said_no(answer: pl.Series) -> pl.Series:
    """Tell who refused or withdrew.

    Parameters
    ----------
    answer : pl.Series
        Booleans, 1 and 0, or words such as ``no`` and ``unsubscribed``.

    Returns
    -------
    pl.Series
        Boolean without nulls; no answer is no refusal.
    """
    return _words(answer).is_in(_NO).fill_null(value=False)


@dataclass(frozen=True)
class Permissions:
    """What may be written of each contact.

    Parameters
    ----------
    forgotten, suppressed : pl.Series
        Boolean, one value per contact.
    agreed : dict of str to pl.Series
        Per column of consent: who said yes.
    contradicted : dict of str to pl.Series
        Per column of consent: who said yes under one customer id and no under another with the same e-mail address
        or phone number. They count as no.
    columns : frozenset of str
        Columns of consent that the contacts have.
    """

    forgotten: pl.Series
    suppressed: pl.Series
    agreed: dict[str, pl.Series]
    contradicted: dict[str, pl.Series]
    columns: frozenset[str]

    def allows(self, columns: Sequence[str]) -> pl.Series:
        """Return who agreed in every column and contradicted in none.

        Parameters
        ----------
        columns : sequence of str
            Columns of consent; one that the contacts lack allows nobody.

        Returns
        -------
        pl.Series
            Boolean, one value per contact.
        """
        allowed = pl.Series([True]).new_from_index(0, self.forgotten.len())
        for name in columns:
            if name not in self.columns:
                return ~allowed
            allowed &= self.agreed[name] & ~self.contradicted[name]
        return allowed


def permissions(
    contacts: Contacts, *, suppression: pl.DataFrame | None, forget: pl.Series, columns: Sequence[str]
) -> Permissions:
    """Work out what may be written of each contact.

    Parameters
    ----------
    contacts : Contacts
        All people concerned.
    suppression : pl.DataFrame or None
        Any of ``customer_id``, ``email`` (plain or SHA-256) and ``phone``: who must not be written, whatever they
        said. It reaches everybody with the same e-mail address or phone number.
    forget : pl.Series
        Customer ids that may not be written anywhere any more.
    columns : sequence of str
        Columns of consent that platforms ask for.

    Returns
    -------
    Permissions
        One value per contact.

    Raises
    ------
    DataError
        If the suppression list has none of its columns, or an e-mail address or phone number that cannot be read:
        it could not be kept then.
    """
    # A blank around an id must not let anybody through.
    ids = contacts.ids.str.strip_chars()
    forgotten = ids.is_in(forget.str.strip_chars().implode())
    held = forgotten
    keys = []
    if suppression is not None:
        listed = check_suppression(suppression)
        if "customer_id" in listed.columns:
            held |= ids.is_in(listed["customer_id"].str.strip_chars().drop_nulls().implode())
        keys = Contacts(listed.with_columns(customer_id=pl.int_range(pl.len())), contacts.options).keys
        _require_readable(listed, keys)
    suppressed = _everywhere(contacts.keys, held, keys)
    present = [name for name in columns if name in contacts.frame.columns]
    agreed, contradicted = {}, {}
    for name in present:
        answer = contacts.frame[name]
        agreed[name] = said_yes(answer)
        contradicted[name] = _everywhere(contacts.keys, said_no(answer), []) & agreed[name]
    return Permissions(forgotten, suppressed, agreed, contradicted, frozenset(present))


def check_suppression(suppression: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of a suppression list that name people, as text.

    Parameters
    ----------
    suppression : pl.DataFrame
        Any of ``customer_id``, ``email``, ``phone``, and ``country`` for phone numbers.

    Returns
    -------
    pl.DataFrame
        Those that it has.

    Raises
    ------
    DataError
        If it has none.
    """
    names = [name for name in ("customer_id", "email", "phone", "country") if name in suppression.columns]
    if not set(names) - {"country"}:
        rule = "none of the columns customer_id, email and phone is there, so nobody can be suppressed by it"
        remedy = "Name one of its columns so."
        raise DataError([Violation("suppression", None, rule, suppression.height, remedy=remedy)])
    return suppression.select(pl.col(names).cast(pl.String))


def _words(answer: pl.Series) -> pl.Series:
    return answer.cast(pl.String).str.strip_chars().str.to_lowercase()


def _everywhere(keys: list[pl.Series], held: pl.Series, listed: list[pl.Series]) -> pl.Series:
    """Spread a mark over all contacts that share a key with a marked one, or with a list."""
    found = held
    for i, key in enumerate(keys):
        marked = key.filter(held).drop_nulls()
        if listed:
            marked = marked.append(listed[i].drop_nulls())
        if marked.len():
            found |= key.is_in(marked.unique().implode()).fill_null(value=False)
    return found


def _require_readable(listed: pl.DataFrame, keys: list[pl.Series]) -> None:
    email_key, digest, phone, _ = keys
    readable = {"email": email_key.is_not_null() | digest.is_not_null(), "phone": phone.is_not_null()}
    violations = []
    for name, seen in readable.items():
        if name not in listed.columns:
            continue
        lost = listed[name].str.strip_chars().str.len_bytes().gt(0).fill_null(value=False) & ~seen
        if lost.any():
            rows = tuple(int(row) + 1 for row in lost.arg_true().head(3))
            rule = "the value cannot be read, so the person could not be kept off"
            remedy = "Mend the value, or name the person by customer_id; phone numbers need the extra 'audience'."
            violations.append(Violation("suppression", name, rule, int(lost.sum()), rows, remedy))
    if violations:
        raise DataError(violations)
