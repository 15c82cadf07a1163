"""What makes the columns of a table untrustworthy, added up over the partitions of its source."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from foretell.errors import Violation
from foretell.tables.parsed import Parsed


class Refusals:
    """Adds up the refusals of columns.

    A rule about a share of all rows may be broken in a partition and not on the whole: of such a column the rows
    concerned are counted in every partition, and `standing` says whether it is refused.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Violation] = {}
        self._lost: dict[str, int] = {}

    def add(self, columns: Mapping[str, Parsed], before: int) -> None:
        """Add a batch.

        Parameters
        ----------
        columns : mapping of str to Parsed
            By name in the table.
        before : int
            Rows of the partition before it.
        """
        for name, column in columns.items():
            self._lose(name, _unreadable(name, column))
            self.add_found(column.refusals, before)

    def add_found(
        self, violations: Iterable[Violation], before: int, doubtful: Mapping[str, int] | None = None
    ) -> None:
        """Add what is wrong with a batch beyond its columns one by one.

        Parameters
        ----------
        violations : iterable of Violation
            Row numbers are those of the batch.
        before : int
            Rows of the partition before it.
        doubtful : mapping of str to int
            Rows that count towards a share, by column.
        """
        for name, count in (doubtful or {}).items():
            self._lose(name, count)
        for violation in violations:
            numbered = replace(violation, rows=tuple(before + row for row in violation.rows))
            key = (str(violation.column), "" if violation.share else violation.rule)
            known = self._found.get(key)
            self._found[key] = numbered if known is None else _merged(known, numbered)

    def state(self) -> dict[str, Any]:
        """Return what was added up as plain values for JSON.

        Returns
        -------
        dict
            For `absorb`.
        """
        return {"found": [{**vars(one), "rows": list(one.rows)} for one in self._found.values()], "lost": self._lost}

    def absorb(self, state: Mapping[str, Any], before: int) -> None:
        """Add what was found in another partition.

        Parameters
        ----------
        state : mapping
            As from `state`.
        before : int
            Rows of the source before that partition.
        """
        violations = [Violation(**{**one, "rows": tuple(one["rows"])}) for one in state["found"]]
        self.add_found(violations, before, state["lost"])

    def standing(self, rows_in: int) -> list[Violation]:
        """Return what holds of the source as a whole.

        Parameters
        ----------
        rows_in : int
            Its rows.

        Returns
        -------
        list of Violation
            In the order in which they were met.
        """
        return [one for violation in self._found.values() for one in self._stands(violation, rows_in)]

    def _stands(self, violation: Violation, rows_in: int) -> list[Violation]:
        if not violation.share:
            return [violation]
        lost = self._lost.get(str(violation.column), 0)
        if lost < rows_in and lost <= violation.share * rows_in:
            return []
        # A partition of which nothing could be read speaks of itself alone.
        rule = violation.rule if lost == rows_in else violation.rule.replace("none of", "less than half of", 1)
        return [replace(violation, rule=rule, count=lost)]

    def _lose(self, name: str, count: int) -> None:
        self._lost[name] = self._lost.get(name, 0) + count


def _merged(known: Violation, more: Violation) -> Violation:
    return replace(known, count=known.count + more.count, rows=(*known.rows, *more.rows)[:3])


def _unreadable(name: str, column: Parsed) -> int:
    """Rows whose value is there and cannot be read, whether that costs the row or the value only."""
    reason = f"{name}_unreadable"
    costs_row = sum(int(mask.sum()) for found, mask in column.unusable if found == reason)
    return costs_row + sum(note.count for note in column.notes if note.code == reason)
