"""Who is in a segment: its rule applied to the scores, with the reason beside each name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from foretell.delivery.checks import is_money, is_probability
from foretell.delivery.csv_files import MONEY_DECIMALS, fixed_text
from foretell.delivery.rule_columns import DERIVED, aliases, rule_frame
from foretell.delivery.run import Run
from foretell.delivery.segments import Segment
from foretell.errors import ConfigError, did_you_mean
from foretell.tables.schema import Column

WHY_HERE = Column("why_here", pl.String(), "text", False, "Why this customer is in this file")
HORIZON_NAMES = ("clv_days", "churn_days", "order_days")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Selection:
    """One segment of one run.

    Parameters
    ----------
    segment : Segment
        Its definition, with the horizons filled into its words.
    frame : pl.DataFrame
        Its file: customer_id, why_here and the segment's columns under their full names.
    predicted_value : float
        What its customers are expected to bring within the value horizon: currency, or orders in a shop
        without amounts.
    """

    segment: Segment
    frame: pl.DataFrame
    predicted_value: float

    @property
    def size(self) -> int:
        """Number of customers."""
        return self.frame.height

    @property
    def file_name(self) -> str:
        """Path of its file inside the run's folder."""
        return f"segments/{self.segment.name}.csv"


def select_all(run: Run, segments: Sequence[Segment]) -> tuple[Selection, ...]:
    """Apply every segment's rule to the scores of a run.

    Parameters
    ----------
    run : Run
        A finished run.
    segments : sequence of Segment
        Definitions; names may not repeat.

    Returns
    -------
    tuple of Selection
        In the order of `segments`; one without customers has an empty frame.

    Raises
    ------
    ConfigError
        If a name repeats, a rule is no condition, or anything names a column that does not exist; all
        problems at once.
    """
    frame = rule_frame(run.scores, run.columns, as_of=run.as_of, horizons=run.horizons)
    names = [segment.name for segment in segments]
    problems = [f"Two segments are called {name!r}." for name in sorted({n for n in names if names.count(n) > 1})]
    publishable = {*aliases(run.columns), *(column.name for column in (*run.columns, *DERIVED))}
    for segment in segments:
        problems += _problems(segment, frame, publishable)
    if problems:
        raise ConfigError(problems)
    return tuple(_select(segment, frame, run) for segment in segments)


def _select(segment: Segment, frame: pl.DataFrame, run: Run) -> Selection:
    directions = [_direction(entry) for entry in segment.order_by]
    chosen = frame.filter(pl.sql_expr(segment.where)).sort(
        [*(name for name, _ in directions), "customer_id"],
        descending=[*(down for _, down in directions), False],
        nulls_last=True,
    )
    full = aliases(run.columns)
    file_columns = list(dict.fromkeys(full.get(name, name) for name in segment.columns))
    described = {column.name: column for column in (*run.columns, *DERIVED)}
    described |= {alias: described[name] for alias, name in full.items()}
    total = chosen.sort("customer_id").get_column("predicted_value").drop_nulls().to_numpy()
    return Selection(
        segment=_with_horizons(segment, run),
        frame=chosen.select("customer_id", _why(segment, described, run.currency), *file_columns),
        predicted_value=float(np.sum(total)),
    )


def _why(segment: Segment, described: dict[str, Column], currency: str | None) -> pl.Expr:
    parts = []
    for part in segment.why:
        texts = [
            pl.lit(piece) if i % 2 == 0 else _in_words(piece, described.get(piece), currency)
            for i, piece in enumerate(_PLACEHOLDER.split(part))
        ]
        parts.append(pl.concat_str(texts))
    sentence = pl.concat_str(parts, separator="; ", ignore_nulls=True)
    return sentence.str.replace_all(r"\b1 days\b", "1 day").alias(WHY_HERE.name)


def _in_words(name: str, column: Column | None, currency: str | None) -> pl.Expr:
    value = pl.col(name)
    if column is None or not column.dtype.is_float():
        return value.cast(pl.String)
    if is_probability(column):
        percent = (value * 100).round(0).cast(pl.Int64)
        return (
            pl.when(value.is_null())
            .then(None)
            .when(percent < 1)
            .then(pl.lit("under 1 %"))
            .when(percent > 99)
            .then(pl.lit("over 99 %"))
            .otherwise(pl.format("{} %", percent))
        )
    if is_money(column):
        amount = fixed_text(value, MONEY_DECIMALS)
        return pl.concat_str([amount, pl.lit(f" {currency}")]) if currency else amount
    if column.unit.startswith("days"):
        return value.round(0).cast(pl.Int64).cast(pl.String)
    return fixed_text(value, 1)


def _with_horizons(segment: Segment, run: Run) -> Segment:
    def fill(text: str) -> str:
        for name in HORIZON_NAMES:
            text = text.replace("{" + name + "}", str(getattr(run.horizons, name)))
        return text

    description = segment.description
    if segment.description_without_money and not run.has_money:
        description = segment.description_without_money
    return Segment(
        name=segment.name,
        title=fill(segment.title),
        where=segment.where,
        description=fill(description),
        action=fill(segment.action),
        order_by=segment.order_by,
        columns=segment.columns,
        why=segment.why,
    )


def _direction(entry: str) -> tuple[str, bool]:
    name, _, direction = entry.partition(" ")
    return name, direction.strip().upper() == "DESC"


def _problems(segment: Segment, frame: pl.DataFrame, publishable: set[str]) -> list[str]:
    where = f"Segment {segment.name!r}"
    used = [
        *(_direction(entry)[0] for entry in segment.order_by),
        *(name for part in segment.why for name in _PLACEHOLDER.findall(part)),
    ]
    try:
        rule = pl.sql_expr(segment.where)
        used += rule.meta.root_names()
    except PolarsError:
        return [f"{where}: the rule {segment.where!r} is no SQL condition."]
    unknown = [(name, frame.columns) for name in used if name not in frame.columns]
    unknown += [(name, sorted(publishable)) for name in segment.columns if name not in publishable]
    if unknown:
        return [f"{where} names the unknown column {name!r}.{did_you_mean(name, known)}" for name, known in unknown]
    try:
        dtype = frame.head(0).select(rule).to_series().dtype
    except PolarsError:
        return [f"{where}: the rule {segment.where!r} compares what cannot be compared."]
    if dtype != pl.Boolean:
        return [f"{where}: the rule {segment.where!r} is no condition: it gives {dtype}, not true or false."]
    return []
