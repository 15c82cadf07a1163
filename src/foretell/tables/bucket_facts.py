"""What was found while orders were read into buckets, kept beside them: a killed run need not read again."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import polars as pl

from foretell.storage.atomic import write_bytes
from foretell.storage.hashing import canonical_json
from foretell.tables.bucketed import scan_orders
from foretell.tables.dataset import CustomerData, Note, ReadReport

_FACTS = "read.json"
_QUARANTINE = "quarantine.parquet"


def save_facts(folder: Path, shop: CustomerData) -> None:
    """Write down that all orders were read, and what was found.

    Parameters
    ----------
    folder : Path
        Where the buckets are.
    shop : CustomerData
        As from `foretell.tables.read_buckets.read_orders_into_buckets`.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    shop.quarantine.write_parquet(folder / _QUARANTINE)
    facts = {
        "observed_until": shop.observed_until.isoformat(),
        "observed_until_given": shop.observed_until_given,
        "rows_in": shop.report.rows_in,
        "rows_used": shop.report.rows_used,
        "notes": [asdict(note) for note in shop.report.notes],
    }
    write_bytes(folder / _FACTS, canonical_json(facts))


def load_facts(folder: Path) -> CustomerData | None:
    """Return the orders that were read into a folder.

    Parameters
    ----------
    folder : Path
        Where the buckets are.

    Returns
    -------
    CustomerData or None
        As it was saved; None if reading never came to its end.
    """
    if not (folder / _FACTS).exists():
        return None
    facts = json.loads((folder / _FACTS).read_bytes())
    rows_in, used = facts["rows_in"], facts["rows_used"]
    return CustomerData(
        orders=scan_orders(folder),
        observed_until=datetime.fromisoformat(facts["observed_until"]),
        observed_until_given=facts["observed_until_given"],
        quarantine=pl.read_parquet(folder / _QUARANTINE),
        report=ReadReport(rows_in, used, rows_in - used, tuple(Note(**note) for note in facts["notes"])),
    )
