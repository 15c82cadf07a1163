"""Yes and no as it was written."""

import polars as pl

from foretell.errors import Violation
from foretell.tables.parsed import Parsed, masks

_YES = ("true", "t", "yes", "y", "1")
_NO = ("false", "f", "no", "n", "0", "")


def read_flag(column: pl.Series, name: str, *, nullable: bool = False) -> Parsed:
    """Turn a column of yes and no into Booleans.

    Parameters
    ----------
    column : polars.Series
        Boolean, the numbers 1 and 0, or text: true/false, t/f, yes/no, y/n, 1/0 in any case.
    name : str
        Name of the flag, as in ``cancelled``.
    nullable : bool
        Whether no value means unknown; otherwise it means no.

    Returns
    -------
    Parsed
        Boolean; null only where `nullable`, and then for blank and unreadable values too. Reason:
        ``<name>_unreadable``. Refused: a type that is no flag.
    """
    if column.dtype == pl.Boolean:
        return Parsed((column if nullable else column.fill_null(value=False)).alias(name))
    if column.dtype.is_numeric():
        yes, known = column == 1, (column == 1) | (column == 0)
    elif column.dtype == pl.String:
        word = column.str.strip_chars().str.to_lowercase()
        yes, known = word.is_in(_YES), word.is_in((*_YES, *_NO))
    else:
        rule = f"the column holds {column.dtype}, which is neither yes nor no"
        remedy = f"Say what is meant, as in {name}=\"status = 'cancelled'\"."
        nothing = pl.Series(name, [False] * column.len(), pl.Boolean)
        return Parsed(nothing, refusals=(Violation("orders", name, rule, column.len(), remedy=remedy),))
    unreadable = ~(known | column.is_null()).fill_null(value=True)
    if nullable:
        said = known.fill_null(value=False)
        if column.dtype == pl.String:
            said &= (column.str.strip_chars() != "").fill_null(value=False)
        flags = pl.select(pl.when(said).then(yes)).to_series()
    else:
        flags = yes.fill_null(value=False)
    return Parsed(
        flags.alias(name),
        masks(**{f"{name}_unreadable": unreadable}),
        _refusals(unreadable, name),
    )


def _refusals(unreadable: pl.Series, name: str) -> tuple[Violation, ...]:
    if not unreadable.all() or unreadable.is_empty():
        return ()
    remedy = f"Say what is meant, as in {name}=\"status = 'cancelled'\"."
    rule = "no row holds yes or no (true/false, yes/no, 1/0)"
    return (Violation("orders", name, rule, unreadable.len(), remedy=remedy, share=1.0),)
