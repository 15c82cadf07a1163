"""From parsed columns to the data set: which rows are used, which are left out and why, none lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from foretell.errors import DataError, Violation
from foretell.tables.checks import (
    REASONS,
    account_notes,
    currency_violations,
    lonely_day_notes,
    observed_until_violations,
    order_digests,
    repeated_rows,
)
from foretell.tables.dataset import QUARANTINE_SCHEMA, CustomerData, Note, ReadReport
from foretell.tables.parsed import Parsed, first_rows

_TABLE = "orders"


@dataclass(frozen=True)
class _Verdict:
    """Why each row is left out (null: it is used), and how often for each reason."""

    reason: pl.Series
    counts: dict[str, int]

    @property
    def usable(self) -> pl.Series:
        return self.reason.is_null()


def account_for_rows(
    rows: pl.DataFrame,
    parsed: Mapping[str, Parsed],
    *,
    attributes: Sequence[str],
    observed_until: datetime | None,
    drop_duplicates: bool,
    notes: Sequence[Note],
    title: str,
) -> CustomerData:
    """Sort rows into used and left out, check what is used, and report both.

    Parameters
    ----------
    rows : polars.DataFrame
        The source as it came, in source order.
    parsed : mapping of str to Parsed
        The columns of the orders table that the source has, by name.
    attributes : sequence of str
        Further columns of `rows` to keep.
    observed_until : datetime or None
        First instant not observed; None is midnight after the last usable row.
    drop_duplicates : bool
        Whether rows that repeat an earlier one exactly are left out.
    notes : sequence of Note
        What was noticed before.
    title : str
        The source as messages call it.

    Returns
    -------
    CustomerData
        The data set; ``rows_in == rows_used + rows_quarantined`` in its report.

    Raises
    ------
    DataError
        If any column was refused, there are two currencies, or no row can be used; all problems at once.
    """
    repeats = repeated_rows(rows)
    masks = {reason: mask for column in parsed.values() for reason, mask in column.unusable}
    blank = _blank_lines(rows, masks.get("customer_id_missing"))
    at = parsed["ordered_at"].values
    violations = [violation for column in parsed.values() for violation in column.refusals]
    if blank is not None:
        masks["blank_line"] = blank
    if observed_until is not None:
        late = (at >= observed_until).fill_null(value=False)
        masks["after_observed_until"] = late
        violations += observed_until_violations(late, observed_until)
    if drop_duplicates:
        masks["duplicate_row"] = repeats
    verdict = _judge(rows.height, masks)
    used = verdict.usable
    if "currency" in parsed:
        violations += currency_violations(pl.select(pl.when(used).then(parsed["currency"].values)).to_series())
    if not violations and not used.any():
        violations.append(_nothing_left(verdict, rows.height))
    if violations:
        raise DataError(violations, source=title)
    orders = _canonical(rows, parsed, attributes)
    if verdict.counts:
        orders = orders.filter(used)
    return _data_set(
        orders,
        rows.height,
        verdict,
        observed_until,
        (
            *notes,
            *(note for column in parsed.values() for note in column.notes),
            *_left_out_notes(verdict),
            *_repeat_notes(repeats & used, dropped=drop_duplicates),
        ),
    )


def _blank_lines(rows: pl.DataFrame, missing: pl.Series | None) -> pl.Series | None:
    if missing is None:
        return None
    empty = rows.filter(missing).select(pl.all_horizontal(pl.all().is_null())).to_series()
    if not empty.any():
        return None
    return pl.repeat(value=False, n=rows.height, eager=True).scatter(missing.arg_true(), empty)


def _judge(height: int, masks: Mapping[str, pl.Series]) -> _Verdict:
    """The first reason in the order of the list counts, so that every row has one at most."""
    present = [reason for reason in REASONS if reason in masks and masks[reason].any()]
    if not present:
        return _Verdict(pl.repeat(None, height, dtype=pl.String, eager=True), {})
    flags = pl.DataFrame({reason: masks[reason] for reason in present})
    reason = flags.select(reason=pl.coalesce(pl.when(pl.col(name)).then(pl.lit(name)) for name in present)).to_series()
    counted = reason.drop_nulls().value_counts()
    counts = dict(zip(counted["reason"], counted["count"], strict=True))
    return _Verdict(reason, {name: counts[name] for name in present if name in counts})


def _canonical(rows: pl.DataFrame, parsed: Mapping[str, Parsed], attributes: Sequence[str]) -> pl.DataFrame:
    number = pl.int_range(1, rows.height + 1, dtype=pl.UInt32, eager=True).alias("row_number")
    columns = (column.values for column in parsed.values())
    return pl.DataFrame([number, *columns, *(rows[name] for name in attributes)])


def _data_set(
    orders: pl.DataFrame, rows_in: int, verdict: _Verdict, observed_until: datetime | None, notes: Sequence[Note]
) -> CustomerData:
    order = order_digests(orders["order_id"]) if "order_id" in orders.columns else None
    repeat = order is not None and order.drop_nulls().n_unique() < order.count()
    found = (
        *notes,
        *account_notes(orders["customer_id"], order, orders_repeat=repeat),
        *lonely_day_notes(orders["ordered_at"]),
    )
    return CustomerData.from_orders(
        orders,
        observed_until=observed_until,
        quarantine=_quarantine(verdict),
        report=ReadReport(rows_in, orders.height, rows_in - orders.height, found),
        order_ids_repeat=repeat,
    )


def _quarantine(verdict: _Verdict) -> pl.DataFrame:
    columns = {reason: column for reason, (column, _) in REASONS.items()}
    return (
        pl.DataFrame({"reason": verdict.reason})
        .with_row_index("row_number", offset=1)
        .filter(pl.col("reason").is_not_null())
        .select(
            pl.col("row_number").cast(pl.UInt32),
            table=pl.lit(_TABLE),
            column=pl.col("reason").replace_strict(columns, return_dtype=pl.String),
            reason="reason",
        )
        .cast(pl.Schema(QUARANTINE_SCHEMA))
    )


def _left_out_notes(verdict: _Verdict) -> list[Note]:
    notes = []
    for reason, count in verdict.counts.items():
        where = first_rows((verdict.reason == reason).fill_null(value=False))
        listed = ", ".join(str(row) for row in where) + (", …" if count > len(where) else "")
        notes.append(Note(reason, count, f"{count:,} {REASONS[reason][1]} and were left out (rows {listed})."))
    return notes


def _repeat_notes(repeats: pl.Series, *, dropped: bool) -> list[Note]:
    count = int(repeats.sum())
    if dropped or not count:
        return []
    text = f"{count:,} rows repeat an earlier row exactly; they were kept. drop_duplicates=True leaves them out."
    return [Note("duplicate_rows_kept", count, text)]


def _nothing_left(verdict: _Verdict, rows_in: int) -> Violation:
    reasons = "; ".join(f"{count:,} {REASONS[reason][1]}" for reason, count in verdict.counts.items())
    remedy = "Check the mapping of columns and the options of the file."
    rule = f"none of {rows_in:,} rows can be used: {reasons}"
    return Violation(_TABLE, None, rule, rows_in, (1, 2, 3)[:rows_in], remedy)
