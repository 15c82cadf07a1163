"""Segments on a cluster: whom a rule holds, row by row, and the rows of its file, both inside the workers' tasks.

What concerns all customers together (ranks, first places, groups) is the cluster's own; see
`foretell.engines.spark.audiences`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import polars as pl

from foretell.delivery.assignment import held_out
from foretell.delivery.compiled import PLACEHOLDER, CompiledSegment, compile_segments, ranked_columns
from foretell.delivery.rule_columns import (
    DAYS_TO_NEXT_ORDER,
    HAS_ORDERED,
    PAST_VALUE,
    PERCENTILE,
    PREDICTED_VALUE,
    aliases,
    column_named,
    percent_of_rank,
    rule_columns,
    rule_rows_of,
    value_columns,
)
from foretell.delivery.rules.condition import columns_of
from foretell.delivery.segment_toml import as_segment, read_definitions, render
from foretell.delivery.segments import Segment, direction
from foretell.delivery.selection import Selection, matches
from foretell.delivery.why_here import WHY_HERE, why_here
from foretell.engines.spark.audiences import Audience, Audiences, among, flag
from foretell.engines.spark.calls import Call
from foretell.engines.spark.session import polars_type, spark_type
from foretell.errors import ConfigError
from foretell.scoring.schema import score_columns, score_schema
from foretell.storage.hashing import canonical_json
from foretell.tables.schema import Column
from foretell.windows import Horizons

_TOLD = ("title", "description", "action", "owner", "exclusive", "priority", "limit", "holdout")


@dataclass(frozen=True)
class ClusterRun:
    """What rules and files need to know of a run, beside rows.

    Parameters
    ----------
    as_of : datetime
        First instant that scoring did not see.
    horizons : Horizons
        The numbers in the names.
    has_money : bool
        Whether orders carry amounts.
    currency : str or None
        To print with money.
    key : str
        The shop's own text for random assignments.
    features : tuple of Column
        What was computed of customers beside their scores.
    """

    as_of: datetime
    horizons: Horizons
    has_money: bool
    currency: str | None
    key: str
    features: tuple[Column, ...]

    @property
    def known(self) -> dict[str, Column]:
        """Every column that a rule may name."""
        return rule_columns(score_columns(self.horizons), self.features)

    def written(self, segments: Sequence[Segment], name: str = "") -> str:
        """Return it with segments as JSON, for the workers.

        Parameters
        ----------
        segments : sequence of Segment
            Whole definitions.
        name : str
            The one whose file is made.

        Returns
        -------
        str
        """
        features = [[one.name, spark_type(one.dtype), one.unit, one.nullable, one.meaning] for one in self.features]
        plain = {"as_of": self.as_of.isoformat(), "horizons": asdict(self.horizons), "has_money": self.has_money,
                 "currency": self.currency, "key": self.key, "features": features}  # fmt: skip
        return canonical_json({**plain, "segments": [render(one) for one in segments], "name": name}).decode()


def require_possible(segments: Sequence[Segment]) -> None:
    """Refuse segments that a cluster cannot make.

    Parameters
    ----------
    segments : sequence of Segment
        Definitions; those that are off are passed over.

    Raises
    ------
    ConfigError
        All of them at once, with what to do.
    """
    problems = []
    for one in segments:
        if one.sample is not None and not one.off:
            problems.append(f"Segment {one.name!r} draws a sample, which a cluster does not do.")
        if one.people != "customers" and not one.off:
            problems.append(f"Segment {one.name!r} is about people without an order, whom a cluster does not score.")
    if problems:
        raise ConfigError([f"{problem} Remedy: leave it out here, or foretell score." for problem in problems])


def audiences_of(run: ClusterRun, selections: Sequence[Selection], off: Mapping[str, str]) -> Audiences:
    """Settle what the cluster is to do.

    Parameters
    ----------
    run : ClusterRun
        What rules and files need to know.
    selections : sequence of Selection
        As from `foretell.delivery.selection.select_all`, of a run without rows: definitions made whole.
    off : mapping of str to str
        Segments that the data do not allow, and why.

    Returns
    -------
    Audiences
        In the order in which they choose their customers.
    """
    segments = [one.segment for one in selections]
    ranked = ranks_of(segments, run)
    in_turn = sorted(selections, key=lambda one: one.segment.priority or 0)
    return Audiences(
        members=tuple(_audience(run, one, segments) for one in in_turn),
        ranked={name: _stored(run, name.removesuffix(PERCENTILE)) for name in ranked},
        flag=Call(__name__, flag_rows.__name__, run.written(segments)),
        off=off,
    )


def ranks_of(segments: Sequence[Segment], run: ClusterRun) -> list[str]:
    """Return the ranks that segments ask for and that are no scores.

    Parameters
    ----------
    segments : sequence of Segment
        Definitions.
    run : ClusterRun
        For the names of scores.

    Returns
    -------
    list of str
        Sorted.
    """
    return sorted(ranked_columns(segments) - {column.name for column in score_columns(run.horizons)})


def flag_rows(rows: pl.DataFrame, given: str) -> pl.DataFrame:
    """Tell whom each rule holds, and who is held out of it.

    Parameters
    ----------
    rows : polars.DataFrame
        Scores, features and mean ranks of some customers.
    given : str
        As from `ClusterRun.written`.

    Returns
    -------
    polars.DataFrame
        The same rows with ranks in percent, ``in: <name>`` and ``out: <name>``.
    """
    run, ready, _ = _settled(given)
    for name in ranks_of([one.segment for one in ready], run):
        count = pl.lit(rows[among(name)].max(), pl.UInt32)
        rows = rows.with_columns(percent_of_rank(pl.col(name), count).alias(name))
    frame = _rule_rows(run, rows).with_columns(pl.lit(value=True).alias(HAS_ORDERED))
    flags = []
    for compiled, holds in zip(ready, matches(ready, frame), strict=True):
        one = compiled.segment
        out = held_out(rows["customer_id"], one.holdout, key=run.key, split=one.split or one.name)
        flags += [pl.Series(flag("in", one.name), holds), pl.Series(flag("out", one.name), out)]
    return rows.with_columns(flags)


def file_rows(rows: pl.DataFrame, given: str) -> pl.DataFrame:
    """Return the rows of a segment's file.

    Parameters
    ----------
    rows : polars.DataFrame
        Scores, features and ranks of its customers.
    given : str
        As from `ClusterRun.written`, with the segment's name.

    Returns
    -------
    polars.DataFrame
        All columns of a rule frame, and the reason beside each name.
    """
    run, ready, name = _settled(given)
    segment = next(one.segment for one in ready if one.segment.name == name)
    known = run.known
    ranks = {rank: column for rank in ranked_columns([segment]) if (column := column_named(rank, known)) is not None}
    return _rule_rows(run, rows).with_columns(why_here(segment.why, known | ranks, run.currency))


@lru_cache(maxsize=64)
def _settled(given: str) -> tuple[ClusterRun, list[CompiledSegment], str]:
    told = json.loads(given)
    features = tuple(
        Column(name, polars_type(kind), unit, nullable, meaning)
        for name, kind, unit, nullable, meaning in told["features"]
    )
    as_of, horizons = datetime.fromisoformat(told["as_of"]), Horizons(**told["horizons"])
    run = ClusterRun(as_of, horizons, told["has_money"], told["currency"], told["key"], features)
    definitions, problems = read_definitions(
        [(f"{place}", text.encode()) for place, text in enumerate(told["segments"])]
    )
    segments = [as_segment(definition, {}) for definition in definitions]
    known = run.known
    ready, more = compile_segments(segments, known, publishable=set(known))
    if problems or more:
        raise ConfigError([*problems, *more])
    return run, ready, told["name"]


def _rule_rows(run: ClusterRun, rows: pl.DataFrame) -> pl.DataFrame:
    scores = score_schema(run.horizons)
    # Only what is read travels; the rest is asked for by nobody.
    rows = rows.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in scores.items() if name not in rows.columns
    )
    return rule_rows_of(
        rows, score_columns(run.horizons), as_of=run.as_of, horizons=run.horizons, has_money=run.has_money
    )


def _audience(run: ClusterRun, selection: Selection, segments: Sequence[Segment]) -> Audience:
    segment, known = selection.segment, run.known
    types: dict[str, pl.DataType] = {"customer_id": pl.String(), WHY_HERE.name: pl.String()}
    for name in selection.columns[2:]:
        column = column_named(name, known)
        types[name] = pl.String() if column is None else column.dtype
    order: dict[str, bool] = {}
    for entry in segment.order_by:
        name, down = direction(entry)
        if name not in asdict(run.horizons):
            order.setdefault(_stored(run, name), down)
    in_words = [name for part in segment.why for name in PLACEHOLDER.findall(part)]
    named = {*selection.columns[2:], *in_words, *columns_of(selection.condition)}
    told: dict[str, Any] = {name: getattr(segment, name) for name in _TOLD}
    told |= {"rule": " ".join(segment.where.split()), "rule_in_words": selection.rule_in_words}
    return Audience(
        name=segment.name,
        order_by=tuple(order.items()),
        limit=segment.limit,
        group=segment.exclusive,
        holdout=bool(segment.holdout),
        columns=types,
        reads=frozenset(("customer_id", *order, *(_stored(run, name) for name in named))),
        contents=Call(__name__, file_rows.__name__, run.written(segments, segment.name)),
        told={**told, "channels": list(segment.channels), "utm": dict(segment.utm)},
    )


def _stored(run: ClusterRun, name: str) -> str:
    """The column of scores, features or ranks that a name of rules stands for, or has the order of."""
    full = aliases(score_columns(run.horizons))
    past, predicted = value_columns(has_money=run.has_money)
    meant = {
        PAST_VALUE.name: past,
        PREDICTED_VALUE.name: predicted,
        DAYS_TO_NEXT_ORDER.name: "expected_next_order_date",
    }
    name = meant.get(name, name)
    return full.get(name, name)
