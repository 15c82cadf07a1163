"""The rule frame of scores on disk: columns are read, or computed, when they are asked for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

import polars as pl

from foretell.delivery.rule_columns import (
    DAYS_TO_NEXT_ORDER,
    HAS_ORDERED,
    PAST_VALUE,
    PAST_VALUE_PERCENTILE,
    PERCENTILE,
    PREDICTED_VALUE,
    PREDICTED_VALUE_PERCENTILE,
    aliases,
    rank_in_percent,
    rule_frame,
)
from foretell.delivery.run import Run
from foretell.engines.stored_scores import StoredScores
from foretell.tables.schema import Column
from foretell.windows import Horizons, first_unseen_day


@dataclass(frozen=True, eq=False, repr=False)
class StoredRuleRows:
    """What `foretell.delivery.rule_columns.rule_frame` returns, with the rows on disk; it answers like a data frame.

    Parameters
    ----------
    scores : StoredScores
        One row per customer.
    columns_of_scores : tuple of Column
        Schema of the scores.
    as_of : datetime
        First instant that scoring did not see.
    horizons : Horizons
        Also given to rules.
    features : pl.DataFrame or None
        Column ``customer_id`` and features of the same customers, in the same order.
    ranked : collection of str
        Names such as ``avg_order_value_percentile`` whose ranks are wanted too.
    """

    scores: StoredScores
    columns_of_scores: tuple[Column, ...]
    as_of: datetime
    horizons: Horizons
    features: pl.DataFrame | None = None
    ranked: Collection[str] = ()
    _computed: dict[str, pl.Series] = field(default_factory=dict)

    @property
    def height(self) -> int:
        """Number of customers."""
        return self.scores.height

    @property
    def columns(self) -> list[str]:
        """Names of all columns."""
        features = [] if self.features is None else self.features.columns
        derived = (PAST_VALUE_PERCENTILE, PREDICTED_VALUE_PERCENTILE, DAYS_TO_NEXT_ORDER)
        named = [*self._stored(), *features, *(column.name for column in derived), *asdict(self.horizons), HAS_ORDERED]
        rest = [name for name in sorted(self.ranked) if name.removesuffix(PERCENTILE) in named]
        return list(dict.fromkeys([*named, *rest]))

    def select(self, names: Sequence[str]) -> pl.DataFrame:
        """Return some columns of all rows, in memory.

        Parameters
        ----------
        names : sequence of str
            Their names.

        Returns
        -------
        pl.DataFrame
        """
        names, stored = list(dict.fromkeys(names)), self._stored()
        asked = [name for name in names if name in stored]
        read = self.scores.select(*dict.fromkeys(stored[name] for name in asked))
        values = {PAST_VALUE.name, PREDICTED_VALUE.name}
        found = read.select(
            pl.col(stored[name]).cast(pl.Float64).alias(name) if name in values else pl.col(stored[name]).alias(name)
            for name in asked
        )
        others = [self._other(name) for name in names if name not in stored]
        return pl.DataFrame([*found.get_columns(), *others]).select(names)

    def get_column(self, name: str) -> pl.Series:
        """Return one column in memory.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        pl.Series
        """
        return self.select([name]).get_column(name)

    def _stored(self) -> Mapping[str, str]:
        """Names that stand for a column of the scores, and that column."""
        alias = aliases(self.columns_of_scores)
        if "money" not in self._computed:
            known = self.scores.get_column(alias["predicted_clv"]).is_not_null().any()
            self._computed["money"] = pl.Series([known])
        past, predicted = (
            ("historic_clv", "predicted_clv") if self._computed["money"][0] else ("orders", "predicted_orders")
        )
        own = {column.name: column.name for column in self.columns_of_scores}
        return own | alias | {PAST_VALUE.name: past, PREDICTED_VALUE.name: alias.get(predicted, predicted)}

    def _other(self, name: str) -> pl.Series:
        """A column that is not one of the scores; ranks are kept, since every one of them looks at all customers."""
        if name == HAS_ORDERED:
            return pl.repeat(value=True, n=self.height, eager=True, dtype=pl.Boolean).alias(name)
        if name in asdict(self.horizons):
            return pl.repeat(asdict(self.horizons)[name], self.height, dtype=pl.Int32, eager=True).alias(name)
        if self.features is not None and name in self.features.columns:
            return self.features.get_column(name)
        if name not in self._computed:
            self._computed[name] = self._compute(name)
        return self._computed[name]

    def _compute(self, name: str) -> pl.Series:
        if name == DAYS_TO_NEXT_ORDER.name:
            ahead = pl.col("expected_next_order_date") - pl.lit(first_unseen_day(self.as_of))
            return self.select(["expected_next_order_date"]).select(ahead.dt.total_days().alias(name)).to_series()
        of = {PAST_VALUE_PERCENTILE.name: PAST_VALUE.name, PREDICTED_VALUE_PERCENTILE.name: PREDICTED_VALUE.name}
        ranked = of.get(name, name.removesuffix(PERCENTILE))
        return self.select([ranked]).select(rank_in_percent(ranked).alias(name)).to_series()


RuleRows = pl.DataFrame | StoredRuleRows
"""A rule frame, wherever its rows are."""


def rule_rows(run: Run, ranked: Collection[str]) -> RuleRows:
    """Return the rule frame of a run: on disk where its scores are, but in memory beside people without an order.

    Parameters
    ----------
    run : Run
        A finished run.
    ranked : collection of str
        Ranks that segments ask for.

    Returns
    -------
    pl.DataFrame or StoredRuleRows
    """
    if isinstance(run.scores, StoredScores) and run.prospects is None:
        return StoredRuleRows(run.scores, run.columns, run.as_of, run.horizons, run.features, ranked)
    return rule_frame(
        run.all_scores(),
        run.columns,
        as_of=run.as_of,
        horizons=run.horizons,
        features=run.features,
        ranked=ranked,
        prospects=run.prospects,
    )
