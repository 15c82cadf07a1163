"""From parsed columns to the data set: which rows are used, which are left out and why, none lost."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from foretell.errors import DataError
from foretell.storage.threads import side_by_side
from foretell.tables.checks import (
    account_notes,
    currency_violations,
    observed_until_violations,
    repeated_rows,
)
from foretell.tables.dataset import CustomerData, Note, ReadReport
from foretell.tables.digests import all_differ, ids_differ, order_digests
from foretell.tables.order_days import order_day_notes
from foretell.tables.parsed import Parsed
from foretell.tables.verdict import Verdict, canonical, judge, repeat_notes, row_masks

_TABLE = "orders"


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
    named_apart = "order_id" in parsed and ids_differ(parsed["order_id"].values)
    order = order_digests(parsed["order_id"].values) if "order_id" in parsed and not named_apart else None
    # Rows of which each has an order of its own repeat nobody.
    repeats = pl.repeat(value=False, n=rows.height, eager=True) if named_apart else repeated_rows(rows)
    masks = row_masks(rows, parsed, key="customer_id")
    at = parsed["ordered_at"].values
    violations = [violation for column in parsed.values() for violation in column.refusals]
    if observed_until is not None:
        late = (at >= observed_until).fill_null(value=False)
        masks["after_observed_until"] = late
        violations += observed_until_violations(late, observed_until)
    if drop_duplicates:
        masks["duplicate_row"] = repeats
    verdict = judge(_TABLE, rows.height, masks)
    used = verdict.usable
    if "currency" in parsed:
        violations += currency_violations(pl.select(pl.when(used).then(parsed["currency"].values)).to_series())
    if not violations and not used.any():
        violations.append(verdict.nothing_left())
    if violations:
        raise DataError(violations, source=title)
    orders = canonical(rows, parsed, attributes)
    if verdict.counts:
        orders, order = orders.filter(used), None if order is None else order.filter(used)
    return _data_set(
        orders,
        order,
        verdict,
        orders_repeat=order is not None and not all_differ(order.drop_nulls()),
        rows_in=rows.height,
        observed_until=observed_until,
        notes=(
            *notes,
            *(note for column in parsed.values() for note in column.notes),
            *verdict.notes(),
            *repeat_notes(_TABLE, repeats & used, dropped=drop_duplicates),
        ),
    )


def _data_set(
    orders: pl.DataFrame,
    order: pl.Series | None,
    verdict: Verdict,
    *,
    orders_repeat: bool,
    rows_in: int,
    observed_until: datetime | None,
    notes: Sequence[Note],
) -> CustomerData:
    of_days, of_accounts = side_by_side(
        lambda: order_day_notes(orders["ordered_at"]),
        lambda: account_notes(orders["customer_id"], order, orders_repeat=orders_repeat),
    )
    found = (*notes, *of_accounts, *of_days)
    return CustomerData.from_orders(
        orders,
        observed_until=observed_until,
        quarantine=verdict.quarantine(),
        report=ReadReport(rows_in, orders.height, rows_in - orders.height, found),
        order_ids_repeat=orders_repeat,
    )
