"""Check: read the data, say what was found and what the history is long enough for."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from foretell.config.settings import Settings
from foretell.errors import WindowError
from foretell.features.behaviour.available import Available
from foretell.features.catalogue import FamilyState, family_states
from foretell.features.summary import purchase_summary
from foretell.jobs.findings import finding_lines, notes_at
from foretell.jobs.inputs import cutoff_of, read_shop
from foretell.jobs.tables_found import TableFound, feature_lines, tables_found
from foretell.models.population import Population
from foretell.scoring.accounting import RowAccount, account_rows
from foretell.tables.dataset import CustomerData, Note
from foretell.training.requirements import Capability, capabilities


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Parameters
    ----------
    as_of : datetime
        First instant that was not seen.
    observed_until : datetime
        First instant that the data did not observe.
    account : RowAccount
        What became of every source row.
    customers, purchase_days : int
        Who bought before `as_of`, and how often.
    first_purchase, last_purchase : str
        Days; empty if nobody bought.
    staleness_days : int
        Whole days from the last order to `as_of`.
    notes : tuple of Note
        What stops nothing and should be known.
    capabilities : tuple of Capability
        What the history is long enough for.
    tables : tuple of TableFound
        The tables beside the orders.
    families : tuple of FamilyState
        Families of features that the tables switch on, and what the others lack.
    """

    as_of: datetime
    observed_until: datetime
    account: RowAccount
    customers: int
    purchase_days: int
    first_purchase: str
    last_purchase: str
    staleness_days: int
    notes: tuple[Note, ...]
    capabilities: tuple[Capability, ...]
    tables: tuple[TableFound, ...] = ()
    families: tuple[FamilyState, ...] = ()

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        seen = f"{self.first_purchase or '-'} to {self.last_purchase or '-'}"
        lines = [
            self.account.words(),
            f"Customers: {self.customers:,} with {self.purchase_days:,} purchase days",
            f"Purchases: {seen}; as of {self.as_of} (newest order {self.staleness_days} days before)",
            *(f"Table {table.words()}" for table in self.tables),
            *finding_lines(self.account, self.notes),
            "",
            f"{'What for':<32} {'Measure':<30} {'observed':>10} {'needed':>8}",
        ]
        lines += [
            f"{item.name:<32} {item.measure:<30} {item.observed:>10,.0f} {item.needed:>8,.0f}  "
            f"{'yes' if item.holds else 'NO'}"
            for item in self.capabilities
        ]
        return [*lines, "", *feature_lines(self.families)]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        account = self.account
        return {
            "as_of": self.as_of.isoformat(),
            "observed_until": self.observed_until.isoformat(),
            "rows": {
                "in": account.rows_in,
                "used": account.used,
                "at_or_after_as_of": account.at_or_after_as_of,
                "quarantined": account.reasons(),
                "tables": {table.table: table.counts() for table in account.tables},
            },
            "customers": self.customers,
            "purchase_days": self.purchase_days,
            "first_purchase": self.first_purchase,
            "last_purchase": self.last_purchase,
            "staleness_days": self.staleness_days,
            "notes": [asdict(note) for note in self.notes],
            "capabilities": [asdict(item) for item in self.capabilities],
            "tables": [asdict(table) for table in self.tables],
            "features": [asdict(family) for family in self.families],
        }


def check(settings: Settings, *, as_of: date | datetime | str | None = None) -> CheckResult:
    """Read the shop's data and say what it is good for.

    Parameters
    ----------
    settings : Settings
        Where the data are and which horizons are asked for.
    as_of : date, datetime, str or None
        First instant that is not seen; None is the end of what the data observed.

    Returns
    -------
    CheckResult
        Rows, customers, notes, capabilities.

    Raises
    ------
    DataError
        If the data break the contract; all problems at once.
    WindowError
        If no order lies before `as_of`, or it lies after an explicit ``observed_until``.
    """
    return check_data(read_shop(settings), settings, as_of=as_of)


def check_data(data: CustomerData, settings: Settings, *, as_of: date | datetime | str | None) -> CheckResult:
    """Say what a data set is good for.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    settings : Settings
        Which horizons are asked for.
    as_of : date, datetime, str or None
        First instant that is not seen; None is the end of what the data observed.

    Returns
    -------
    CheckResult
        Rows, customers, notes, capabilities.

    Raises
    ------
    WindowError
        If no order lies before `as_of`, or it lies after an explicit ``observed_until``.
    """
    cutoff = cutoff_of(data, as_of)
    last = data.before(cutoff).last_order_at()
    if last is None:
        msg = f"No order lies before as_of {cutoff}; the first is at {data.first_order_at()}. Remedy: a later as_of."
        raise WindowError(msg)
    summary = purchase_summary(data, cutoff)
    horizons = settings.horizons
    return CheckResult(
        as_of=cutoff,
        observed_until=data.observed_until,
        account=account_rows(data, cutoff),
        customers=summary.height,
        purchase_days=int(summary["orders"].sum()),
        first_purchase=str(summary["first_purchase_date"].min() or ""),
        last_purchase=str(summary["last_purchase_date"].max() or ""),
        staleness_days=(cutoff - last).days,
        notes=notes_at(data, cutoff),
        capabilities=capabilities(Population.of(summary), clv_days=horizons.clv_days, churn_days=horizons.churn_days),
        tables=tables_found(data, cutoff),
        families=family_states(Available.of(data)),
    )
