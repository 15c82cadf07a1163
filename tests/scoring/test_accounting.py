"""Every source row is accounted for once."""

from datetime import datetime

import polars as pl

from foretell.scoring.accounting import REFUND_WITHOUT_ORDER, account_rows
from foretell.tables.dataset import CustomerData


def test_rows_in_are_used_or_later_or_quarantined() -> None:
    frame = pl.DataFrame(
        {
            "row_number": [2, 3, 4, 5],
            "customer_id": ["a", "a", "b", "c"],
            "ordered_at": [datetime(2025, 1, day) for day in (1, 20, 2, 3)],
            "amount_minor": [10, 10, -5, 7],
        },
        schema_overrides={"row_number": pl.UInt32, "ordered_at": pl.Datetime("us"), "amount_minor": pl.Int64},
    )
    quarantine = pl.DataFrame(
        {"row_number": [1], "table": ["orders"], "column": ["amount"], "reason": ["amount_missing"]},
        schema_overrides={"row_number": pl.UInt32},
    )
    account = account_rows(CustomerData.from_orders(frame, quarantine=quarantine), "2025-01-10")
    assert (account.rows_in, account.used, account.at_or_after_as_of, account.quarantine.height) == (5, 2, 1, 2)
    assert account.quarantine["row_number"].to_list() == [1, 4]
    assert account.reasons() == {"amount_missing": 1, REFUND_WITHOUT_ORDER: 1}
    assert account.words() == "Rows: 5 in = 2 used + 1 at or after as_of + 2 quarantined"
