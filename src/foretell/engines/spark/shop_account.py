"""What became of every row of a shop's tables, added up from partitions and buckets: the reports of `read_data`."""

import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from foretell.engines.spark.bucket_shop import TableTold
from foretell.engines.spark.facts import content_of
from foretell.engines.spark.plan import ShopPlan
from foretell.engines.spark.reading import Account
from foretell.errors import DataError, DataWarning
from foretell.scoring.accounting import REFUND_WITHOUT_ORDER, TableAccount
from foretell.tables.bucketed import DIGEST
from foretell.tables.dataset import Note
from foretell.tables.keyed_checks import contradicting_rows
from foretell.tables.ledger import OrderLedger
from foretell.tables.line_orders import no_order_ids, shared_order_ids
from foretell.tables.optional_checks import unknown_note
from foretell.tables.optional_reading import KEYS
from foretell.tables.read_data import together
from foretell.tables.verdict import repeats_kept


@dataclass(frozen=True)
class ShopAccount:
    """What became of the rows of each table.

    Parameters
    ----------
    plan : ShopPlan
        How they are read.
    tables : mapping of str to Account
        By table, of those that are split by customer, orders first.
    """

    plan: ShopPlan
    tables: Mapping[str, Account]

    @classmethod
    def of(cls, plan: ShopPlan, told: Mapping[str, list[str]]) -> "ShopAccount":
        """Add up what partitions told.

        Parameters
        ----------
        plan : ShopPlan
            How tables are read.
        told : mapping of str to list of str
            JSON by table, as from `foretell.engines.spark.reading.read_rows`.

        Returns
        -------
        ShopAccount

        Raises
        ------
        DataError
            If what a table holds cannot be trusted; the problems of all tables at once.

        Warns
        -----
        DataWarning
            If there are events that foretell gives no meaning to.
        """
        tables = {name: Account(reader.ledger()) for name, reader in plan.readers.items()}
        for name, account in tables.items():
            account.absorb(told.get(name, []))
            if account.unknown.rows:
                unknown = account.unknown
                note = unknown_note(unknown.rows, len(unknown.names), unknown.where)
                account.ledger.note([note])
                warnings.warn(note.sentence, DataWarning, stacklevel=2)
        found = cls(plan, tables)
        found._require_sound(plan.readers)
        return found

    @property
    def rows_in(self) -> int:
        """Source rows of the tables that are split by customer."""
        return sum(account.ledger.rows_in for account in self.tables.values())

    @property
    def orders(self) -> OrderLedger:
        """The account of orders."""
        ledger = self.tables["orders"].ledger
        if not isinstance(ledger, OrderLedger):
            msg = "Orders have a ledger of their own."
            raise TypeError(msg)
        return ledger

    @property
    def content(self) -> str:
        """Digits that tell usable rows of all tables apart, whatever order they come in."""
        parts = [f"{account.content:016x}" for account in self.tables.values()]
        return "-".join([*parts, *(_content(read.frame) for read in self.plan.shared.values())])

    def take_placed(self, told: Iterable[str]) -> int:
        """Take up what lines found beside their orders, and orders beside one another.

        Parameters
        ----------
        told : iterable of str
            JSON, as from `foretell.engines.spark.lines.placed_lines`.

        Returns
        -------
        int
            Order ids of several customers.

        Raises
        ------
        DataError
            If lines name an order id of several customers, or none can be used.
        """
        found = [json.loads(facts) for facts in told]
        if self.plan.lines_later:
            self._take_lines(found)
        return sum(facts["shared_orders"] for facts in found)

    def _take_lines(self, found: Iterable[Mapping[str, Any]]) -> None:
        ledger, shared = self.tables["order_lines"].ledger, 0
        for facts in found:
            ledger.late += facts["late"]
            shared += facts["shared"]
            for reason, rows in facts["left_out"].items():
                ledger.leave_out(reason, rows)
        if shared:
            raise DataError([shared_order_ids(shared)], source=self.plan.readers["order_lines"].title)
        self._require_sound(["order_lines"])

    def settle(self, buckets: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, TableTold]:
        """Take up what all rows of a customer tell together.

        Parameters
        ----------
        buckets : iterable of mapping
            Of every bucket, by table, the values of its `TableTold`.

        Returns
        -------
        dict of str to TableTold
            Sums over all buckets.

        Raises
        ------
        DataError
            If rows of one customer say different things.
        """
        told = dict.fromkeys(self.tables, TableTold())
        for bucket in buckets:
            told = {name: one + TableTold(**bucket[name]) for name, one in told.items()}
        for name, one in told.items():
            self.tables[name].ledger.leave_out("duplicate_row", one.dropped)
            if one.contradicting:
                violation = contradicting_rows(name, KEYS[name], one.contradicting)
                raise DataError([violation], source=self.plan.readers[name].title)
        return told

    def notes(self, told: Mapping[str, TableTold], of_accounts: tuple[Note, ...] = ()) -> tuple[Note, ...]:
        """Return what stops nothing and should be known.

        Parameters
        ----------
        told : mapping of str to TableTold
            As from `settle`.
        of_accounts : tuple of Note
            Of orders, what several buckets tell together.

        Returns
        -------
        tuple of Note
            As `foretell.read_data` has them.
        """
        reader = self.plan.orders
        repeats = repeats_kept("orders", told["orders"].repeats)
        found = [*reader.plan.notes, *reader.mapping.notes, *self.orders.notes(), *repeats, *of_accounts]
        found += self.orders.day_notes()
        for name in self.plan.optional:
            if name in self.plan.shared:
                found += self.plan.shared[name].report.notes
            else:
                found += self.plan.readers[name].mapping.notes
                found += [*self.tables[name].ledger.notes(), *repeats_kept(name, told[name].repeats)]
        return tuple(found)

    def reasons(self, refunds_only: int) -> dict[str, int]:
        """Return rows left out by reason.

        Parameters
        ----------
        refunds_only : int
            Rows of customers with refunds only.

        Returns
        -------
        dict of str to int
            Sorted; reasons of other tables than orders carry the name of their table.
        """
        found = {REFUND_WITHOUT_ORDER: refunds_only} if refunds_only else {}
        for name, account in self.tables.items():
            of_table = account.ledger.reasons().items()
            found |= {reason if name == "orders" else f"{name}.{reason}": rows for reason, rows in of_table}
        for name, read in self.plan.shared.items():
            found |= {f"{name}.{reason}": rows for reason, rows in read.quarantine["reason"].value_counts().rows()}
        return dict(sorted(found.items()))

    def table_accounts(
        self, told: Mapping[str, TableTold], refunds_only: int, cutoff: datetime
    ) -> tuple[TableAccount, ...]:
        """Return what became of every source row, by table.

        Parameters
        ----------
        told : mapping of str to TableTold
            As from `settle`.
        refunds_only : int
            Rows of customers with refunds only.
        cutoff : datetime
            First instant that is not seen.

        Returns
        -------
        tuple of TableAccount
            Orders first.
        """
        return tuple(self._accounts(told, refunds_only, cutoff))

    def _accounts(self, told: Mapping[str, TableTold], refunds_only: int, cutoff: datetime) -> Iterator[TableAccount]:
        for name, account in self.tables.items():
            ledger, of_used = account.ledger, refunds_only if name == "orders" else 0
            later = told[name].later
            left_out = ledger.rows_in - ledger.used + of_used
            yield TableAccount(name, ledger.rows_in, ledger.rows_in - left_out - later, later, left_out)
        seen = self.plan.nobody().optional.before(cutoff)
        for name, read in self.plan.shared.items():
            used, report = getattr(seen, name).height, read.report
            yield TableAccount(name, report.rows_in, used, report.rows_used - used, report.rows_quarantined)

    def _require_sound(self, names: Iterable[str]) -> None:
        errors, end = [], self.plan.orders.plan.observed_until
        for name in names:
            try:
                self._require_order_ids(name)
                self.tables[name].require_sound(end, title=self.plan.readers[name].title)
            except DataError as error:
                errors.append(error)
        if errors:
            raise together(errors)

    def _require_order_ids(self, name: str) -> None:
        mapping = self.plan.readers[name].mapping
        if name != "order_lines" or self.plan.lines_later or "order_id" not in mapping.columns:
            return
        reasons = self.tables[name].ledger.reasons()
        lacking = sum(reasons.get(f"{key}_missing", 0) for key in ("customer_id", "ordered_at"))
        if lacking:
            raise DataError([no_order_ids(lacking)], source=self.plan.readers[name].title)


def _content(frame: pl.DataFrame) -> str:
    return f"{content_of(frame.select(frame.hash_rows(seed=0).alias(DIGEST))):016x}"
