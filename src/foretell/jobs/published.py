"""The last published run as the segments of today would see it: nothing is scored again."""

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from foretell.bundles.files import StoredBundle
from foretell.bundles.registry import Registry
from foretell.config.settings import Settings
from foretell.delivery.lookalike_columns import with_lookalikes
from foretell.delivery.previous import HAS_ORDERED_NAME, MEMBER_PREFIX, Previous, find_previous
from foretell.delivery.prospects import prospect_rule_columns
from foretell.delivery.run import Counts, ModelFacts, Run
from foretell.delivery.segments import Segment
from foretell.errors import ModelNotFound, OutputError
from foretell.jobs.inputs import read_shop
from foretell.jobs.privacy import forgotten_ids
from foretell.jobs.prospects import why_no_chances
from foretell.jobs.segment_inputs import ANY_FEATURE, missing_features, with_features
from foretell.scoring.schema import score_columns
from foretell.tables.schema import Column

_END_OF_TIME = datetime(9999, 1, 1)


def published_run(settings: Settings, as_of: datetime | None, segments: tuple[Segment, ...]) -> Run | None:
    """Return the scores that were published, with the features that segments name.

    Parameters
    ----------
    settings : Settings
        Where published runs are; where the data are, for features that the published folder lacks.
    as_of : datetime or None
        Which run; None is the newest.
    segments : tuple of Segment
        Definitions.

    Returns
    -------
    Run or None
        Without forecast, record and counts; None where nothing has been published yet.

    Raises
    ------
    OutputError
        If there is no run of that day.
    """
    latest = find_previous(
        settings.folders.output, _END_OF_TIME if as_of is None else as_of + timedelta(microseconds=1)
    )
    if as_of is not None and (latest is None or latest.as_of != as_of):
        msg = f"No run as of {as_of} with segments is in {settings.folders.output.name}. Remedy: foretell score."
        raise OutputError(msg)
    if latest is None:
        return None
    latest = latest.without(forgotten_ids(settings))
    columns, features, prospects = _features(latest)
    run = Run(
        shop=settings.shop.name,
        as_of=latest.as_of,
        horizons=latest.horizons,
        currency=settings.shop.currency,
        scores=latest.scores,
        columns=score_columns(latest.horizons),
        forecast=pl.DataFrame(),
        model=ModelFacts("", latest.as_of),
        counts=Counts(0, 0, 0, 0),
        features=features if columns else None,
        feature_columns=columns,
        prospects=prospects if prospects.height else None,
    )
    champion = _champion(settings)
    if champion is not None:
        run = replace(run, no_chances=why_no_chances(champion))
    lacking = missing_features(run, segments)
    if lacking and settings.data.orders is not None:
        computed = with_features(
            replace(run, features=None, feature_columns=()),
            read_shop(settings),
            segments,
            run.as_of,
            None if champion is None else champion.bundle.statistics,
        )
        run = replace(
            run,
            features=computed.features,
            feature_columns=computed.feature_columns,
            prospects=computed.prospects,
        )
    return with_lookalikes(run, settings.folders.output, segments)


def _champion(settings: Settings) -> StoredBundle | None:
    try:
        return Registry(settings.folders.models).load("champion")
    except ModelNotFound:
        return None


def _features(latest: Previous) -> tuple[tuple[Column, ...], pl.DataFrame, pl.DataFrame]:
    people = latest.members.select(pl.exclude(f"^{MEMBER_PREFIX}.*$"))
    chances = prospect_rule_columns(latest.horizons.churn_days)
    known = {column.name: column for column in (*ANY_FEATURE, *chances)}
    columns = tuple(
        known.get(name, Column(name, people.schema[name], "", True, "A feature."))
        for name in people.columns
        if name not in ("customer_id", HAS_ORDERED_NAME)
    )
    ordered = people.filter(pl.col(HAS_ORDERED_NAME)).drop(HAS_ORDERED_NAME)
    return columns, ordered, people.filter(~pl.col(HAS_ORDERED_NAME)).drop(HAS_ORDERED_NAME)
