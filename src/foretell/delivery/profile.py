"""What a published run leaves for the next one to be compared with: counts and distributions, in its manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl

from foretell.delivery.dated_folders import dated_folders
from foretell.delivery.manifest import read_manifest
from foretell.delivery.run import Run
from foretell.evaluation.drift import Distribution
from foretell.windows import Horizons

HISTORY = ("orders", "days_since_last_order", "avg_days_between_orders", "avg_order_value")
"""Columns of the scores that say what happened; training keeps their distributions in the bundle."""


@dataclass(frozen=True)
class RunProfile:
    """A run in numbers, without any customer.

    Parameters
    ----------
    as_of : datetime
        First instant that the run did not see.
    model_version : str
        Bundle that scored.
    rows_used : int
        Source rows that scores rest on.
    active_customers : int or None
        Customers with a purchase in the churn horizon before `as_of`; None if nobody counted.
    distributions : mapping of str to Distribution
        Column of the scores to its distribution.
    order_rows_used, order_rows_quarantined : int or None
        Rows of orders that scores rest on, and those that could not be used; None where an older run did not write
        them down.
    customer_ids : polars.LazyFrame or None
        Column ``customer_id`` of the run's customers, read when asked for; no part of what is written.
    """

    as_of: datetime
    model_version: str
    rows_used: int
    active_customers: int | None
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    order_rows_used: int | None = None
    order_rows_quarantined: int | None = None
    customer_ids: pl.LazyFrame | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, run: Run) -> Self:
        """Describe a run.

        Parameters
        ----------
        run : Run
            A finished run.

        Returns
        -------
        RunProfile
            Of its scores and counts.
        """
        return cls(
            as_of=run.as_of,
            model_version=run.model.version,
            rows_used=run.counts.used,
            active_customers=None if run.activity is None else run.activity.active_customers,
            distributions={name: Distribution.of(run.scores.get_column(name)) for name in scored(run.horizons)},
            order_rows_used=order_rows(run, "used"),
            order_rows_quarantined=order_rows(run, "quarantined"),
            customer_ids=run.scores.lazy().select("customer_id"),
        )

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave.

        Parameters
        ----------
        value : mapping
            Plain values.

        Returns
        -------
        RunProfile
            Equal to the one that was written.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the values are no profile.
        """
        active = value["active_customers"]
        used, quarantined = value.get("order_rows_used"), value.get("order_rows_quarantined")
        return cls(
            as_of=datetime.fromisoformat(value["as_of"]),
            model_version=str(value["model_version"]),
            rows_used=int(value["rows_used"]),
            active_customers=None if active is None else int(active),
            distributions={name: Distribution.from_dict(item) for name, item in value["distributions"].items()},
            order_rows_used=None if used is None else int(used),
            order_rows_quarantined=None if quarantined is None else int(quarantined),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "as_of": self.as_of.isoformat(),
            "model_version": self.model_version,
            "rows_used": self.rows_used,
            "order_rows_used": self.order_rows_used,
            "order_rows_quarantined": self.order_rows_quarantined,
            "active_customers": self.active_customers,
            "distributions": {name: item.as_dict() for name, item in self.distributions.items()},
        }


def order_rows(run: Run, what: Literal["used", "quarantined"]) -> int:
    """Return how many rows of orders were used, or could not be.

    Parameters
    ----------
    run : Run
        A finished run.
    what : "used" or "quarantined"
        Which.

    Returns
    -------
    int
        Those of all tables, where the run does not count its tables.
    """
    of_tables = run.counts.tables.get("orders")
    if of_tables is not None:
        return of_tables[what]
    return run.counts.used if what == "used" else run.counts.quarantined


def scored(horizons: Horizons) -> tuple[str, ...]:
    """Return the columns of predictions whose distributions are watched.

    Parameters
    ----------
    horizons : Horizons
        The numbers in the names.

    Returns
    -------
    tuple of str
        Names of columns.
    """
    return (
        f"predicted_orders_{horizons.clv_days}d",
        f"predicted_clv_{horizons.clv_days}d",
        f"churn_risk_{horizons.churn_days}d",
        f"p_order_{horizons.order_days}d",
    )


def profile_before(output: Path, as_of: datetime) -> RunProfile | None:
    """Return the newest published run of an earlier cutoff, to compare with.

    Parameters
    ----------
    output : Path
        Where dated folders live; it need not exist.
    as_of : datetime
        Cutoff of the run in hand: one of the same day, run again, is not compared with itself.

    Returns
    -------
    RunProfile or None
        None where there is no earlier run that left a profile.
    """
    found: list[RunProfile] = []
    for folder in dated_folders(output):
        try:
            profile = RunProfile.from_dict((read_manifest(folder) or {})["profile"])
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if profile.as_of < as_of:
            ids = pl.scan_parquet(folder / "scores.parquet").select("customer_id")
            found.append(replace(profile, customer_ids=ids))
    return max(found, key=lambda profile: profile.as_of, default=None)
