"""Chance and value of a first order of people who never ordered: one pure function of a person's rows and a bundle."""

from collections.abc import Collection
from datetime import date, datetime

import numpy as np
import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.bundles.prospects import ProspectModel
from foretell.errors import ModelNotFound, WindowError
from foretell.features.catalogue import family_of
from foretell.features.prospects import known_prospects, undated_prospects
from foretell.models.objectives import Matrix, Vector
from foretell.scoring.behaviour_words import behaviour_facts
from foretell.scoring.prospect_schema import prospect_schema
from foretell.scoring.ranks import percentile
from foretell.scoring.schema import REASONS
from foretell.tables.dataset import CustomerData
from foretell.windows import as_cutoff

_RAISES, _LOWERS = ", raises the chance", ", lowers the chance"
_SMALLEST = 0.05
"""Log-odds below which a family changes a chance by at most 1.25 points in 100: no reason to name."""

_STATE, _CARTS, _PROFILE = "state", "carts", "profile"
_OF_STATE = ("funnel_state", "funnel_stage", "days_since_last_event")
_STATE_WORDS = {
    "cart": "Has an open cart",
    "member": "Signed up and never ordered",
    "visitor": "Visits without signing up",
}


def prospect_model(stored: StoredBundle) -> ProspectModel:
    """Return the model of first orders of a bundle.

    Parameters
    ----------
    stored : StoredBundle
        The bundle with its version.

    Returns
    -------
    ProspectModel

    Raises
    ------
    ModelNotFound
        If the bundle has none, with the reason that its card states.
    """
    if stored.bundle.prospects is None:
        why = stored.bundle.card.get("prospects", {}).get("state", "off: the bundle is of an older foretell")
        msg = f"This model does not score prospects; {why}."
        raise ModelNotFound(msg)
    return stored.bundle.prospects


def score_prospects_bucket(data: CustomerData, stored: StoredBundle, as_of: date | datetime | str) -> pl.DataFrame:
    """Score everybody in `data` who is known and never ordered before `as_of`.

    A person's row depends on that person's rows before `as_of` and on the bundle only. Ranks and reasons are second
    passes (`rank_prospects`, `explain_prospects`).

    Parameters
    ----------
    data : CustomerData
        Rows of all people, or of one bucket of them.
    stored : StoredBundle
        The bundle with its version.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    polars.DataFrame
        Columns of `scoring.prospect_schema.prospect_columns`, sorted by ``customer_id``; percentiles and reasons are
        null.

    Raises
    ------
    ModelNotFound
        If the bundle has no model of first orders.
    WindowError
        If `as_of` lies before the bundle's training ended, or after an explicit ``observed_until``.
    """
    cutoff = as_cutoff(as_of)
    model = prospect_model(stored)
    if cutoff < stored.bundle.as_of:
        msg = (
            f"as_of {cutoff} lies before {stored.bundle.as_of}, up to which the model was trained: it would have seen "
            "the future. Remedy: a later as_of, or a model trained as of that day."
        )
        raise WindowError(msg)
    schema = prospect_schema(model.days)
    people = known_prospects(data, cutoff, stored.bundle.statistics)
    chance = chances(people, model, cutoff)
    value = None if model.values is None else chance * model.values.of(people)
    learnt = "ok" if model.values is not None else "no_money"
    scores = people.select("customer_id", "funnel_state", "days_since_last_event").with_columns(
        pl.Series(f"p_first_order_{model.days}d", chance, dtype=pl.Float64),
        pl.Series("expected_first_year_value", [None] * len(chance) if value is None else value, dtype=pl.Float64),
        prediction_status=pl.lit("base_rate" if model.blend.chosen == "base_rate" else learnt),
    )
    undated = undated_prospects(data, cutoff).to_frame()
    unknown = undated.with_columns(funnel_state=pl.lit("member"), prediction_status=pl.lit("undated"))
    later: dict[str, pl.Expr] = {name: pl.lit(None) for name in ("prospect_percentile", *REASONS)}
    return (
        pl.concat([scores, unknown], how="diagonal")
        .with_columns(as_of=pl.lit(cutoff).cast(pl.Datetime("us")), model_version=pl.lit(stored.version), **later)
        .select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        .sort("customer_id")
    )


def rank_prospects(scores: pl.DataFrame, days: int) -> pl.DataFrame:
    """Fill in ``prospect_percentile``.

    Parameters
    ----------
    scores : polars.DataFrame
        All prospects, from `score_prospects_bucket`; not modified.
    days : int
        Horizon of the first order.

    Returns
    -------
    polars.DataFrame
        The same rows, ranked by expected value, by the chance where there is no money.
    """
    value = "expected_first_year_value"
    by = value if scores[value].null_count() < scores.height else f"p_first_order_{days}d"
    return scores.with_columns(prospect_percentile=percentile(scores[by]))


def explain_prospects(
    data: CustomerData, stored: StoredBundle, ids: Collection[str] | pl.Series, as_of: date | datetime | str
) -> pl.DataFrame:
    """Say what drove the chances of some people.

    Parameters
    ----------
    data : CustomerData
        Rows of all people, or of one bucket of them.
    stored : StoredBundle
        The bundle with its version.
    ids : collection of str
        Whom to explain; others are left out.
    as_of : date, datetime or str
        First instant that is not seen.

    Returns
    -------
    polars.DataFrame
        ``customer_id``, ``reason_1`` … ``reason_3`` (null beyond what is worth naming), sorted by ``customer_id``.
        Contributions to the log-odds (exact for the regression; TreeSHAP) are added up by family of features.

    Raises
    ------
    ModelNotFound
        If the bundle has no model of first orders.
    """
    model = prospect_model(stored)
    wanted = pl.Series("customer_id", ids, dtype=pl.String).to_frame()
    people = known_prospects(data, as_of, stored.bundle.statistics).join(wanted, on="customer_id", how="semi")
    shares = model.blend.contributions(encoded(people, model))
    families = [_kind(name) for name in model.encoding.features]
    kinds = list(dict.fromkeys(families))
    total = np.zeros((people.height, len(kinds)))
    for place, family in enumerate(families):
        total[:, kinds.index(family)] += shares[:, place]
    # Rounded, so that equal sizes stay in the order of the families whatever the last bits are.
    total = np.round(total, 6)
    order = np.argsort(-np.abs(total), axis=1, kind="stable")
    read = [name for name in model.encoding.features if name in people.columns]
    words = people.select(_facts(kind, read).alias(kind) for kind in kinds)
    told: dict[str, list[str | None]] = {}
    for rank, reason in enumerate(REASONS):
        found = np.full(people.height, None, dtype=object)
        for place, kind in enumerate(kinds if rank < len(kinds) else ()):
            size = total[:, place]
            rows = np.flatnonzero((order[:, rank] == place) & (np.abs(size) >= _SMALLEST))
            ending = pl.Series(np.where(size[rows] > 0, _RAISES, _LOWERS).tolist(), dtype=pl.String)
            found[rows] = (words[kind].gather(rows) + ending).to_numpy()
        told[reason] = found.tolist()
    reasons = pl.DataFrame(told, schema=dict.fromkeys(REASONS, pl.String))
    return pl.concat([people.select("customer_id"), reasons], how="horizontal")


def chances(people: pl.DataFrame, model: ProspectModel, cutoff: datetime) -> Vector:
    """Return the probability of a first order in the window that begins at a cutoff.

    Parameters
    ----------
    people : polars.DataFrame
        As from `features.prospects.known_prospects`, at the cutoff.
    model : ProspectModel
        The fitted values.
    cutoff : datetime
        First instant that is not seen.

    Returns
    -------
    ndarray of float64, shape (people,)
    """
    return model.level.applied(model.blend.risk(encoded(people, model)), cutoff, model.days)


def encoded(people: pl.DataFrame, model: ProspectModel) -> Matrix:
    """Return the matrix that the model reads.

    Parameters
    ----------
    people : polars.DataFrame
        As from `features.prospects.known_prospects`; what it lacks is missing.
    model : ProspectModel
        The fitted values.

    Returns
    -------
    ndarray of float64, shape (people, features)
    """
    absent = [name for name in model.encoding.features if name not in people.columns]
    return model.encoding.to_matrix(people.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in absent))


def _kind(feature: str) -> str:
    """Family that a feature is told with: whatever counts carts speaks of open ones, of who never bought."""
    if feature in _OF_STATE:
        return _STATE
    return _CARTS if "cart" in feature or "checkout" in feature else family_of(feature) or _STATE


def _facts(kind: str, read: Collection[str]) -> pl.Expr:
    """Return the sentence of a family; only what the model reads is told."""
    if kind == _STATE:
        state = pl.col("funnel_state").replace_strict(_STATE_WORDS, return_dtype=pl.String)
        seen = pl.format("{}; last seen {} days ago", state, pl.col("days_since_last_event").cast(pl.Int64))
        return pl.coalesce(seen, pl.format("{}; never seen in the shop", state))
    words = behaviour_facts(kind, read)
    if kind == _PROFILE and "days_since_signup" in read:
        return pl.when(pl.col("days_since_signup").is_null()).then(pl.lit("Has not signed up")).otherwise(words)
    return words
