"""Which rows of a table are used, which are left out and for what reason; every row has one reason at most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from foretell.errors import Violation
from foretell.tables.dataset import QUARANTINE_SCHEMA, Note
from foretell.tables.parsed import Parsed, first_rows
from foretell.tables.reasons import REASONS


@dataclass(frozen=True)
class Verdict:
    """Why each row of a table is left out.

    Parameters
    ----------
    table : str
        Name of the table.
    reason : polars.Series
        String, one value per source row; null where the row is used.
    counts : dict of str to int
        Rows left out by reason, in the order in which reasons count.
    """

    table: str
    reason: pl.Series
    counts: dict[str, int]

    @property
    def usable(self) -> pl.Series:
        """Boolean mask of the rows that are used."""
        return self.reason.is_null()

    def quarantine(self) -> pl.DataFrame:
        """Return the rows left out: ``row_number``, ``table``, ``column``, ``reason``."""
        columns = {reason: column for reason, (column, _) in REASONS[self.table].items()}
        return (
            pl.DataFrame({"reason": self.reason})
            .with_row_index("row_number", offset=1)
            .filter(pl.col("reason").is_not_null())
            .select(
                pl.col("row_number").cast(pl.UInt32),
                table=pl.lit(self.table),
                column=pl.col("reason").replace_strict(columns, return_dtype=pl.String),
                reason="reason",
            )
            .cast(pl.Schema(QUARANTINE_SCHEMA))
        )

    def notes(self) -> list[Note]:
        """Return one note for each reason, with row numbers."""
        return [
            left_out_note(self.table, reason, count, first_rows((self.reason == reason).fill_null(value=False)))
            for reason, count in self.counts.items()
        ]

    def nothing_left(self) -> Violation:
        """Return the refusal of a table of which no row can be used."""
        return nothing_left(self.table, self.reason.len(), self.counts)


def left_out_note(table: str, reason: str, count: int, where: Sequence[int]) -> Note:
    """Report rows left out for one reason.

    Parameters
    ----------
    table : str
        Name of the table.
    reason : str
        One of the table's.
    count : int
        Rows.
    where : sequence of int
        Numbers of the first three; none where they are not known.

    Returns
    -------
    Note
    """
    listed = ", ".join(str(row) for row in where) + (", …" if count > len(where) else "")
    text = f"{count:,} {REASONS[table][reason][1]} and were left out{f' (rows {listed})' if where else ''}."
    return Note(reason, count, text, table)


def nothing_left(table: str, rows_in: int, counts: Mapping[str, int]) -> Violation:
    """Return the refusal of a table of which no row can be used.

    Parameters
    ----------
    table : str
        Name of the table.
    rows_in : int
        Rows of the source.
    counts : mapping of str to int
        Rows left out by reason.

    Returns
    -------
    Violation
    """
    reasons = "; ".join(f"{count:,} {REASONS[table][reason][1]}" for reason, count in counts.items())
    remedy = "Check the mapping of columns and the options of the file."
    rule = f"none of {rows_in:,} rows can be used: {reasons}"
    return Violation(table, None, rule, rows_in, (1, 2, 3)[:rows_in], remedy)


def judge(table: str, height: int, masks: Mapping[str, pl.Series]) -> Verdict:
    """Give every row the first reason that holds, in the order of the table's reasons.

    Parameters
    ----------
    table : str
        Name of the table.
    height : int
        Number of source rows.
    masks : mapping of str to polars.Series
        Boolean mask of rows by reason; one that is no reason of the table is passed over.

    Returns
    -------
    Verdict
        Reasons and their counts.
    """
    present = [reason for reason in REASONS[table] if reason in masks and masks[reason].any()]
    if not present:
        return Verdict(table, pl.repeat(None, height, dtype=pl.String, eager=True), {})
    flags = pl.DataFrame({reason: masks[reason] for reason in present})
    reason = flags.select(reason=pl.coalesce(pl.when(pl.col(name)).then(pl.lit(name)) for name in present)).to_series()
    counted = reason.drop_nulls().value_counts()
    counts = dict(zip(counted["reason"], counted["count"], strict=True))
    return Verdict(table, reason, {name: counts[name] for name in present if name in counts})


def row_masks(rows: pl.DataFrame, parsed: Mapping[str, Parsed], *, key: str) -> dict[str, pl.Series]:
    """Collect the rows that columns cannot use, and tell empty lines from rows without a key.

    Parameters
    ----------
    rows : polars.DataFrame
        The source as it came, in source order.
    parsed : mapping of str to Parsed
        The columns of the table by name.
    key : str
        Column whose missing value an empty line would be blamed on.

    Returns
    -------
    dict of str to polars.Series
        Boolean mask by reason.
    """
    masks = {reason: mask for column in parsed.values() for reason, mask in column.unusable}
    missing = masks.get(f"{key}_missing")
    if missing is not None:
        empty = rows.filter(missing).select(pl.all_horizontal(pl.all().is_null())).to_series()
        if empty.any():
            nothing = pl.repeat(value=False, n=rows.height, eager=True)
            masks["blank_line"] = nothing.scatter(missing.arg_true(), empty)
    return masks


def repeat_notes(table: str, repeats: pl.Series, *, dropped: bool) -> list[Note]:
    """Report rows that repeat an earlier one and were kept.

    Parameters
    ----------
    table : str
        Name of the table.
    repeats : polars.Series
        Boolean mask of used rows that repeat an earlier row exactly.
    dropped : bool
        Whether such rows were left out; then a reason tells of them.

    Returns
    -------
    list of Note
        One note at most.
    """
    return [] if dropped else repeats_kept(table, int(repeats.sum()))


def repeats_kept(table: str, count: int) -> list[Note]:
    """Report rows that repeat an earlier one and were kept.

    Parameters
    ----------
    table : str
        Name of the table.
    count : int
        How many.

    Returns
    -------
    list of Note
        One note at most.
    """
    text = f"Rows that repeat an earlier row exactly: {count:,}; kept. drop_duplicates=True leaves them out."
    return [Note("duplicate_rows_kept", count, text, table)] if count else []


def canonical(rows: pl.DataFrame, parsed: Mapping[str, Parsed], attributes: Sequence[str]) -> pl.DataFrame:
    """Put the columns of a table side by side, in source order.

    Parameters
    ----------
    rows : polars.DataFrame
        The source as it came.
    parsed : mapping of str to Parsed
        The columns of the table by name.
    attributes : sequence of str
        Further columns of `rows` to keep.

    Returns
    -------
    polars.DataFrame
        ``row_number``, the columns, the attributes.
    """
    number = pl.int_range(1, rows.height + 1, dtype=pl.UInt32, eager=True).alias("row_number")
    return pl.DataFrame([number, *(column.values for column in parsed.values()), *(rows[name] for name in attributes)])
