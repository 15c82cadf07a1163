"""What the segments of a shop need beyond scores: their definitions, the features they name, the run before."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product

import polars as pl

from foretell.config.settings import Settings
from foretell.delivery.availability import standing_in, wanted_columns
from foretell.delivery.compiled import by_other_rule, compile_segments, named_columns
from foretell.delivery.lookalike_run import RULE_COLUMNS
from foretell.delivery.prospects import prospect_rule_columns
from foretell.delivery.ready_segments import shop_segments
from foretell.delivery.rule_columns import PERCENTILE, rule_columns, without_horizon
from foretell.delivery.run import Run
from foretell.delivery.segment_toml import read_folder, render
from foretell.delivery.segments import Segment
from foretell.errors import ConfigError
from foretell.features.behaviour.available import Available
from foretell.features.catalogue import EVERYTHING, OPTIONAL_FAMILIES, catalogue
from foretell.features.compute import compute
from foretell.features.feature import Feature
from foretell.features.fit_statistics import fit_statistics
from foretell.features.statistics import Statistics
from foretell.jobs.segment_prospects import PROSPECT_TABLES, described_prospects, with_chances
from foretell.scoring.schema import score_columns
from foretell.storage.hashing import sha256_bytes
from foretell.tables.dataset import CustomerData
from foretell.tables.order_attributes import ATTRIBUTES, attribute_columns, columns_of_attributes, order_attributes
from foretell.tables.schema import Column


def segments_of(settings: Settings) -> tuple[Segment, ...]:
    """Return the segments that the settings ask for.

    Parameters
    ----------
    settings : Settings
        ``segments`` says which ready ones, and where the shop's own are.

    Returns
    -------
    tuple of Segment
        The ready ones, then the shop's.

    Raises
    ------
    ConfigError
        Every problem of every definition at once.
    """
    segments, problems = scan_segments(settings)
    problems += static_problems(settings, segments)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return segments


def scan_segments(settings: Settings) -> tuple[tuple[Segment, ...], list[str]]:
    """Read the segments that the settings ask for, as far as they can be read.

    Parameters
    ----------
    settings : Settings
        As in `segments_of`.

    Returns
    -------
    tuple of Segment
        Those that can be read.
    list of str
        Every problem in reading the others.
    """
    chosen = settings.segments
    own, problems = read_folder(chosen.folder)
    segments, more = shop_segments(own, ready=chosen.ready, holdout=chosen.holdout)
    return segments, [*problems, *more]


def static_problems(settings: Settings, segments: Sequence[Segment]) -> list[str]:
    """Return what is wrong with definitions, whatever the data.

    Parameters
    ----------
    settings : Settings
        For the horizons in the names of columns.
    segments : sequence of Segment
        Definitions.

    Returns
    -------
    list of str
        One sentence each. A column that no data of any shop has is one; one that this shop lacks is not.
    """
    scores = score_columns(settings.horizons.as_horizons())
    known = rule_columns(scores, ANY_FEATURE)
    # A number of days in a name is the champion's matter, whose horizons may not be those of the settings.
    named = {name for segment in segments for name in named_columns(segment)}
    known |= {name: known[short] for name in named if (short := without_horizon(name)) in known}
    own = [segment for segment in segments if not segment.ready]
    publishable = set(known) - {"clv_days", "churn_days", "order_days"}
    # Ready segments are sound, but one of them that is surely on may stand in the group of one of the shop's own.
    surely_on = [segment for segment in segments if not segment.off and not segment.needs]
    groups = {segment.exclusive for segment in own}
    beside = [segment for segment in surely_on if segment.ready and segment.exclusive in groups - {""}]
    foreign = [segment for segment in own if not set(segment.needs) <= set(known)]
    settled = [segment for segment in own if segment not in foreign]
    problems = compile_segments([*beside, *settled], known, publishable=publishable)[1]
    for segment in own:
        if segment.otherwise:
            other = replace(by_other_rule(segment), exclusive="")
            problems += compile_segments([other], known, publishable=publishable)[1]
    return problems + [problem for segment in foreign for problem in _least_problems(segment, known, publishable)]


def _least_problems(segment: Segment, known: dict[str, Column], publishable: set[str]) -> list[str]:
    """Check a segment whose columns come from tables of which no type is known here: some types must do."""
    needed = [name for name in segment.needs if name not in known][:_MOST_NEEDED]
    found = []
    for types in product((pl.Float64(), pl.String(), pl.Boolean(), pl.Date()), repeat=len(needed)):
        more = {name: Column(name, dtype, "", True, "Needed.") for name, dtype in zip(needed, types, strict=True)}
        alone = replace(segment, exclusive="")
        found.append(compile_segments([alone], known | more, publishable=publishable | set(needed))[1])
    return min(found, key=len)


def segments_digest(segments: Sequence[Segment]) -> str:
    """Return a hash of definitions: another one is another result.

    Parameters
    ----------
    segments : sequence of Segment
        Definitions.

    Returns
    -------
    str
        SHA-256 as hexadecimal digits.
    """
    return sha256_bytes("\n".join(render(segment) for segment in segments).encode())


def _as_columns(features: Sequence[Feature]) -> tuple[Column, ...]:
    return tuple(
        Column(
            feature.name,
            feature.dtype,
            "money" if feature.unit.startswith("currency") else feature.unit,
            bool(feature.null_when),
            feature.meaning,
        )
        for feature in features
    )


ANY_FEATURE = (
    *_as_columns(catalogue(available=EVERYTHING)),
    *columns_of_attributes(ATTRIBUTES),
    *(column for column in prospect_rule_columns(1) if column.name == without_horizon(column.name)),
    *RULE_COLUMNS,
)
"""Every column beyond the scores that some shop's data could give, a shop's own attributes and events aside."""
_MOST_NEEDED = 4


def feature_columns(data: CustomerData) -> tuple[Column, ...]:
    """Return every column beyond the scores that a rule may name for a shop.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.

    Returns
    -------
    tuple of Column
        Features of orders and of every other table, then what the attributes of orders say.
    """
    return (*_as_columns(catalogue(available=Available.of(data))), *attribute_columns(data))


def with_features(
    run: Run,
    data: CustomerData,
    segments: Sequence[Segment],
    as_of: datetime,
    statistics: Statistics | None = None,
    *,
    parts: Iterable[CustomerData] | None = None,
) -> Run:
    """Return a run with the features that its segments name; nothing is computed where they name none.

    Parameters
    ----------
    run : Run
        A run with scores.
    data : CustomerData
        The shop's rows.
    segments : sequence of Segment
        Definitions.
    as_of : datetime
        First instant that is not seen.
    statistics : Statistics or None
        Figures of the whole shop that the champion holds; None (it was trained before there were other tables than
        orders) fits those of the day, where a segment needs them.
    parts : iterable of CustomerData or None
        The same rows in buckets of customers, where they are not to be in memory together; None takes them whole.

    Returns
    -------
    Run
        With `Run.features` and `Run.feature_columns`; with `Run.prospects` where a segment asks for people without an
        order, or reads what is foretold of them.
    """
    scored = rule_columns(run.columns)
    there = feature_columns(data)
    segments = standing_in(segments, rule_columns(run.columns, there))
    wanted = {name.removesuffix(PERCENTILE) for name in wanted_columns(segments)} - set(scored)
    columns = tuple(column for column in there if column.name in wanted)
    asks = _asks_for_prospects(data, segments)
    if not columns and not asks:
        return run
    attributes = {column.name for column in attribute_columns(data)} & wanted
    computed = [column.name for column in columns if column.name not in attributes]
    frame = run.scores.select("customer_id")
    families = families_of(data, computed)
    if families and statistics is None:
        statistics = fit_statistics(data, as_of)
    found, people = [], []
    for part in [data] if parts is None else parts:
        if columns:
            found.append(
                described_customers(part, as_of, computed, attributes, statistics=statistics, families=families)
            )
        if asks:
            people.append(described_prospects(part, as_of, computed, statistics))
    if columns:
        frame = frame.join(pl.concat(found), on="customer_id", how="left", maintain_order="left")
        frame = frame.select("customer_id", *(c.name for c in columns))
        run = replace(run, features=frame, feature_columns=columns)
    return with_chances(run, people) if asks else run


def _asks_for_prospects(data: CustomerData, segments: Sequence[Segment]) -> bool:
    """Whether a table tells of people without an order, and a segment may hold any."""
    there = any(getattr(data.optional, name) is not None for name in PROSPECT_TABLES)
    return there and any(segment.people != "customers" and not segment.off for segment in segments)


def families_of(data: CustomerData, names: Sequence[str]) -> set[str]:
    """Return the families of other tables that some features are of: the others need not be computed.

    Parameters
    ----------
    data : CustomerData
        The shop; only columns are looked at.
    names : sequence of str
        Features.

    Returns
    -------
    set of str
    """
    features = catalogue(available=Available.of(data))
    return {feature.family for feature in features if feature.name in names} & OPTIONAL_FAMILIES


def described_customers(
    data: CustomerData,
    as_of: datetime,
    computed: Sequence[str],
    attributes: Collection[str],
    *,
    statistics: Statistics | None,
    families: Collection[str],
) -> pl.DataFrame:
    """Compute features, and what attributes of orders say.

    Parameters
    ----------
    data : CustomerData
        All rows of some customers.
    as_of : datetime
        First instant that is not seen.
    computed : sequence of str
        Features.
    attributes : collection of str
        Of `foretell.tables.order_attributes.attribute_columns`.
    statistics : Statistics or None
        Figures of the whole shop.
    families : collection of str
        Of the features; the others are not computed.

    Returns
    -------
    polars.DataFrame
        ``customer_id`` and these columns.
    """
    found = None
    if computed:
        found = compute(data, as_of, statistics, families=families).select("customer_id", *computed).collect()
    if not attributes:
        return pl.DataFrame(schema={"customer_id": pl.String}) if found is None else found
    told = order_attributes(data, as_of, attributes)
    return told if found is None else found.join(told, on="customer_id", how="left", maintain_order="left")


def missing_features(run: Run, segments: Sequence[Segment]) -> set[str]:
    """Return the columns that segments name and a run does not have, though data could give them.

    Parameters
    ----------
    run : Run
        A run.
    segments : sequence of Segment
        Definitions.

    Returns
    -------
    set of str
        Names of features.
    """
    there = rule_columns(run.columns, run.feature_columns)
    wanted = {name.removesuffix(PERCENTILE) for name in wanted_columns(standing_in(segments, there))}
    computable = {column.name for column in ANY_FEATURE} - {column.name for column in RULE_COLUMNS}
    return (wanted - set(there)) & computable
