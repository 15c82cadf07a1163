"""What one scoring run hands to delivery: plain values, so that publishing reads no config and no model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from foretell.bundles.record import RECORD_SCHEMAS
from foretell.delivery.dated_folders import folder_name
from foretell.delivery.prospects import ProspectTable
from foretell.delivery.reached import Reached
from foretell.engines.stored_scores import StoredScores
from foretell.evaluation.drift import Distribution
from foretell.scoring.activity import Activity
from foretell.scoring.silence import Silence
from foretell.storage.hashing import sha256_json
from foretell.tables.dataset import QUARANTINE_SCHEMA
from foretell.tables.schema import Column
from foretell.windows import Horizons


@dataclass(frozen=True)
class ModelFacts:
    """The bundle that scored, in facts a reader may know.

    Parameters
    ----------
    version : str
        Content hash of the bundle, as in the column ``model_version``.
    trained_as_of : datetime
        First instant that training did not see.
    facts : mapping of str to str
        Short label to plain text, as in ``{"Purchase model": "MBG/CNBD-k, k = 1"}``.
    limits : tuple of str
        Whole sentences: where the model should not be believed.
    annual_discount_rate : float
        Rate at which its predicted value is discounted.
    """

    version: str
    trained_as_of: datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    annual_discount_rate: float = 0.0


@dataclass(frozen=True)
class Record:
    """What the backtest found; all frames are empty when the history was too short for one.

    A cutoff is ISO text; the newest is the last in the order of text.

    Parameters
    ----------
    table : pl.DataFrame
        Columns cutoff, rung, target, metric, value, low, high: one row per figure and its interval.
    deciles : pl.DataFrame
        Columns cutoff, rung, target, decile, customers, predicted, actual: means per customer.
    calibration : pl.DataFrame
        Columns cutoff, rung, target, bin, customers, predicted, observed: mean probability and share.
    comparisons : pl.DataFrame
        Columns cutoff, rung, reference, target, metric, difference (rung minus reference), low, high: paired by
        customer. Where there is none, the light does not ask whether a lead is larger than chance.
    rungs : mapping of str to str
        Target to the rung that answers it in this run.
    naive_rungs : tuple of str
        Rungs that are simple rules; a model must beat them.
    reason_if_empty : str
        Why there is no backtest, as a whole sentence; empty if there is one.
    """

    table: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(RECORD_SCHEMAS["backtest"])))
    deciles: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(RECORD_SCHEMAS["deciles"])))
    calibration: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(RECORD_SCHEMAS["calibration"])))
    comparisons: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict(RECORD_SCHEMAS["comparisons"])))
    rungs: Mapping[str, str] = field(default_factory=dict)
    naive_rungs: tuple[str, ...] = ()
    reason_if_empty: str = ""


@dataclass(frozen=True)
class Counts:
    """Rows of the input; ``rows_in == used + at_or_after_as_of + quarantined``.

    Parameters
    ----------
    rows_in : int
        Rows read.
    used : int
        Rows that scoring used.
    at_or_after_as_of : int
        Rows dated at or after the cutoff: not seen.
    quarantined : int
        Rows that could not be used.
    tables : mapping of str to mapping of str to int
        The same numbers of each table by its name; together they are the above.
    """

    rows_in: int
    used: int
    at_or_after_as_of: int
    quarantined: int
    tables: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Familiarity:
    """How today's orders compare with those that the model learnt from.

    Parameters
    ----------
    history : mapping of str to Distribution
        Columns of what happened, as training saw them.
    changed_columns : tuple of str
        Columns of the orders that are gone or of another type.
    unseen_shares : mapping of str to float
        Column to share of its newest rows with a category that training did not see.
    """

    history: Mapping[str, Distribution] = field(default_factory=dict)
    changed_columns: tuple[str, ...] = ()
    unseen_shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One finished scoring run.

    Parameters
    ----------
    shop : str
        Name of the shop, as its people write it; treated as hostile text.
    as_of : datetime
        First instant that scoring did not see.
    horizons : Horizons
        How far each answer looks ahead.
    currency : str or None
        Code or sign to print with money; None if it is not known.
    scores : pl.DataFrame or StoredScores
        One row per customer, sorted by ``customer_id``, exactly the columns of `columns`; of a large shop on disk.
    columns : tuple of Column
        Schema of `scores`, in order.
    forecast : pl.DataFrame
        Columns week_starts_on, days (fewer than 7 in a last, cut week; may be absent), expected_orders:
        orders of all known customers by week. Of `scoring.forecast.forecast_weeks` also
        expected_orders_low and _high, and expected_spend with the same; they may be absent.
    model : ModelFacts
        The bundle that scored.
    counts : Counts
        Rows of the input.
    record : Record
        What the backtest found.
    quarantine : pl.DataFrame
        Columns row_number, table, column, reason; no value of the input.
    notes : tuple of str
        Whole sentences about the data that a person should read.
    inputs : mapping of str to str
        Name of an input to its fingerprint.
    options : mapping of str to object
        Plain values that shaped the result.
    circumstances : mapping of str to object
        Start, end, host and the like: written to run.json, part of no other file.
    activity : Activity or None
        Customers and purchases before `as_of`, counted apart from scoring.
    familiarity : Familiarity or None
        How the orders compare with the training's; None if the bundle does not say what it saw.
    newest_order_at : datetime or None
        Instant of the newest order before `as_of`.
    reviewed : pl.DataFrame
        Columns of `evaluation.review.Review.totals`: what earlier runs said and what happened until `as_of`.
    features : pl.DataFrame or None
        Column ``customer_id`` and what rules of segments name beyond the scores, of the same customers.
    feature_columns : tuple of Column
        What they are.
    prospects : pl.DataFrame or None
        Column ``customer_id``, features of known people without an order and what is foretold of them, sorted by
        ``customer_id``; None where no table tells of anybody.
    total : pl.DataFrame
        Columns of `scoring.forecast.forecast_total`, one row: the whole value horizon; empty where it is not known.
    reviewed_bands : pl.DataFrame
        Columns of `delivery.reviewed.reviewed_bands_before`.
    reached : Reached or None
        The newest lookalike run published beside this one.
    prospect_table : ProspectTable or None
        Chances and values of their first orders; None where there is nobody, or no model of it.
    silence : Silence or None
        How long nobody has ordered, beside what is usual in this shop.
    no_chances : str
        Why the bundle tells no chances of first orders, as the end of a sentence; empty where it does.
    no_lookalikes : str
        Why no lookalike run ranks these customers, one sentence; empty where one does, or no segment asks.
    """

    shop: str
    as_of: datetime
    horizons: Horizons
    currency: str | None
    scores: pl.DataFrame | StoredScores
    columns: tuple[Column, ...]
    forecast: pl.DataFrame
    model: ModelFacts
    counts: Counts
    record: Record = field(default_factory=Record)
    quarantine: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINE_SCHEMA))
    notes: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    circumstances: Mapping[str, Any] = field(default_factory=dict)
    activity: Activity | None = None
    familiarity: Familiarity | None = None
    newest_order_at: datetime | None = None
    reviewed: pl.DataFrame = field(default_factory=pl.DataFrame)
    features: pl.DataFrame | None = None
    feature_columns: tuple[Column, ...] = ()
    prospects: pl.DataFrame | None = None
    total: pl.DataFrame = field(default_factory=pl.DataFrame)
    reviewed_bands: pl.DataFrame = field(default_factory=pl.DataFrame)
    reached: Reached | None = None
    prospect_table: ProspectTable | None = None
    silence: Silence | None = None
    no_chances: str = ""
    no_lookalikes: str = ""

    @property
    def folder_name(self) -> str:
        """Name of the run's folder: the day, and the time of day where there is one."""
        return folder_name(self.as_of)

    def all_scores(self) -> pl.DataFrame:
        """Return the scores in memory, all columns of all customers."""
        return self.scores.lazy().collect()

    @property
    def has_money(self) -> bool:
        """Whether the shop's orders carried amounts, so that money columns hold numbers."""
        money = [column.name for column in self.columns if column.name.startswith("predicted_clv_")]
        return any(self.scores.get_column(name).is_not_null().any() for name in money)

    @property
    def inputs_digest(self) -> str:
        """SHA-256 over everything that went in: bundle version, fingerprints, options, as_of."""
        return sha256_json(
            {
                "as_of": self.as_of.isoformat(),
                "inputs": dict(self.inputs),
                "model_version": self.model.version,
                "options": dict(self.options),
            }
        )
