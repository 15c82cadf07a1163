"""What the rows of all partitions of a source tell together: a sum of their digests, and whether it is refused."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from foretell.engines.spark.refusals import Refusals
from foretell.errors import DataError, Violation
from foretell.tables.bucketed import DIGEST
from foretell.tables.checks import observed_until_violations
from foretell.tables.ledger import OrderLedger
from foretell.tables.table_ledger import TableLedger


def partition_number() -> int:
    """Return which partition the running task has, 0 outside of one."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def content_of(used: pl.DataFrame, before: int = 0) -> int:
    """Add the digests of rows to a sum that does not depend on their order.

    Parameters
    ----------
    used : polars.DataFrame
        With `DIGEST`.
    before : int
        The sum so far.

    Returns
    -------
    int
        Modulo 2⁶⁴.
    """
    # Sums of arrays of 64 bits go round where those of single numbers would warn.
    return (before + int(used[DIGEST].to_numpy().sum(dtype=np.uint64))) % 2**64


def require_sound(ledger: TableLedger, refusals: Refusals, observed_until: datetime | None, *, title: str) -> None:
    """Refuse what a reader of all rows of a table refuses.

    Parameters
    ----------
    ledger : TableLedger
        The account of all rows.
    refusals : Refusals
        Of its columns.
    observed_until : datetime or None
        First instant not observed, where it was stated.
    title : str
        The source as messages call it.

    Raises
    ------
    DataError
        If what the source holds cannot be trusted; all problems at once.
    """
    if not ledger.rows_in:
        rule, remedy = "there are column names and no row", "Check what the frame was read from."
        raise DataError([Violation(ledger.table, None, rule, 0, remedy=remedy)], source=title)
    violations = refusals.standing(ledger.rows_in)
    if observed_until is not None and ledger.mostly_late():
        at = "occurred_at" if ledger.table == "events" else "ordered_at"
        late = observed_until_violations(pl.repeat(value=True, n=ledger.late, eager=True), observed_until)
        violations += [replace(violation, table=ledger.table, column=at) for violation in late]
    if isinstance(ledger, OrderLedger):
        violations += ledger.currencies()
    if not violations and not ledger.used:
        violations.append(ledger.nothing_left())
    if violations:
        raise DataError(violations, source=title)
