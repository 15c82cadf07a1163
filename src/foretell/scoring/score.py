"""One pure function from a customer's rows and a bundle to the customer's scores."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle
from foretell.errors import WindowError
from foretell.scoring.known import MOST_AT_ONCE, Known, known_at
from foretell.scoring.predict import predict
from foretell.scoring.schema import REASONS, score_schema
from foretell.scoring.table_changes import warn_of_table_changes
from foretell.storage.memory import give_back
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff, first_unseen_day

OVERDUE_BELOW = 0.1
"""A customer is overdue when the chance of so long a wait, while alive, is below this."""

_EPOCH = date(1970, 1, 1)
_BANDS = pl.Series(["low", "medium", "high"])
_STATUSES = pl.Series(["ok", "no_money", "no_chance_of_return"])
_RANKED_LATER = ("clv_percentile", "churn_percentile", *REASONS)


def score_bucket(
    data: CustomerData, stored: StoredBundle, as_of: date | datetime | str, *, known: Known | None = None
) -> pl.DataFrame:
    """Score every customer in `data` with a purchase before `as_of`.

    A customer's row depends on that customer's rows before `as_of` and on the bundle only, so the customers may
    be split into any buckets. Ranks and reasons are second passes (`scoring.ranks`, `scoring.reasons`).

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them.
    stored : StoredBundle
        The bundle with its version.
    as_of : date, datetime or str
        First instant that is not seen.
    known : Known or None
        As from `known_for_scoring`, where it was computed already; then nobody is warned of tables.

    Returns
    -------
    polars.DataFrame
        Columns of `scoring.schema.score_columns`, sorted by ``customer_id``; percentiles and reasons are null.

    Raises
    ------
    WindowError
        If `as_of` lies before the bundle's training ended, or after an explicit ``observed_until``.

    Warns
    -----
    DataWarning
        If tables or columns differ from those that trees were trained with.
    """
    cutoff = as_cutoff(as_of)
    bundle = stored.bundle
    if cutoff < bundle.as_of:
        msg = (
            f"as_of {cutoff} lies before {bundle.as_of}, up to which the model was trained: it would have seen the "
            "future. Remedy: a later as_of, or a model trained as of that day."
        )
        raise WindowError(msg)
    schema = score_schema(bundle.horizons)
    if known is None:
        known = known_for_scoring(data, bundle, cutoff)
        warn_of_table_changes(data, bundle)
    if known.summary.is_empty():
        return pl.DataFrame(schema=schema)
    predicted = pl.concat([predict(part, bundle) for part in _parts(known, bundle)])
    give_back()
    predicted = _named(predicted, cutoff, bundle)
    scores = pl.concat([_history(known.summary), predicted], how="horizontal").with_columns(
        as_of=pl.lit(cutoff).cast(pl.Datetime("us")),
        model_version=pl.lit(stored.version),
        total_clv=pl.col("historic_clv") + pl.col(f"predicted_clv_{bundle.horizons.clv_days}d"),
        **{name: pl.lit(None) for name in _RANKED_LATER},
    )
    return scores.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def known_for_scoring(data: CustomerData, bundle: Bundle, as_of: date | datetime | str) -> Known:
    """Look at customers as `score_bucket` needs them.

    Parameters
    ----------
    data : CustomerData
        Rows of all customers, or of one bucket of them.
    bundle : Bundle
        The fitted values.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    Known
        With the history where features are to be computed from it.
    """
    return known_at(data, as_of, with_features=False, keep_history=bundle.reads_features, statistics=bundle.statistics)


def _parts(known: Known, bundle: Bundle) -> Iterator[Known]:
    """Customers as many at a time as are predicted together; what is derived from them goes with them."""
    return known.parts(MOST_AT_ONCE) if bundle.reads_features else iter((replace(known),))


def _named(predicted: pl.DataFrame, cutoff: datetime, bundle: Bundle) -> pl.DataFrame:
    """Predictions in the names of scores. Words and dates are read from lists by small numbers, one after the other."""
    horizons, edges = bundle.horizons, bundle.churn_band_edges
    clv, risk = f"predicted_clv_{horizons.clv_days}d", predicted["churn_risk"]
    day_zero = (first_unseen_day(cutoff) - timedelta(days=1) - _EPOCH).days
    band = (risk >= edges[0]).cast(pl.UInt32) + (risk >= edges[1]).cast(pl.UInt32)
    no_chance, no_money = predicted["next_order_days"].is_null(), predicted["predicted_clv"].is_null()
    status = no_chance.cast(pl.UInt32) + (no_chance | no_money).cast(pl.UInt32)
    return pl.DataFrame(
        [
            predicted["predicted_orders"].alias(f"predicted_orders_{horizons.clv_days}d"),
            predicted["predicted_clv"].alias(clv),
            predicted["spend_low"].alias(f"{clv}_low"),
            predicted["spend_high"].alias(f"{clv}_high"),
            predicted["p_alive"],
            risk.alias(f"churn_risk_{horizons.churn_days}d"),
            _BANDS.gather(band).alias("churn_band"),
            predicted["p_order"].alias(f"p_order_{horizons.order_days}d"),
            *(
                (predicted[days].cast(pl.Int32) + day_zero).cast(pl.Date).alias(name)
                for name, days in (
                    ("expected_next_order_date", "next_order_days"),
                    ("next_order_date_early", "next_order_days_early"),
                    ("next_order_date_late", "next_order_days_late"),
                )
            ),
            (predicted["p_wait_longer"] < OVERDUE_BELOW).alias("overdue"),
            _STATUSES.gather(status).alias("prediction_status"),
        ]
    )


def _history(summary: pl.DataFrame) -> pl.DataFrame:
    return summary.select(
        "customer_id",
        "orders",
        "order_rows",
        pl.col("first_purchase_date").alias("first_order_date"),
        pl.col("last_purchase_date").alias("last_order_date"),
        "days_since_last_order",
        "avg_days_between_orders",
        pl.col("mean_order_value").alias("avg_order_value"),
        pl.col("historic_spend").alias("historic_clv"),
    )
