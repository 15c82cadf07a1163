"""The gate to promotion: what a new bundle must show before customers are scored with it.

Recipes are refitted at each cutoff, so they may be judged on any past window. A champion is a fitted bundle: it
has seen everything before its own ``as_of``, so it is compared only on windows that begin there or later. One that
has seen more than the candidate is never replaced here: that is a person's decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle
from foretell.bundles.record import newest_cutoff
from foretell.evaluation.backtest import backtest as judge
from foretell.scoring.known import known_at
from foretell.scoring.predict import answers
from foretell.tables.dataset import CustomerData
from foretell.training.backtest import MOST_JUDGED, as_record
from foretell.training.past import periods_of
from foretell.training.recipes import NAIVE_REFERENCE, RUNGS, scoring_recipes
from foretell.training.routing import JUDGED, beaten_by
from foretell.training.shop import Shop
from foretell.training.tuning import settings_of
from foretell.windows import Horizons, rolling_cutoffs

CHAMPION = "champion"


@dataclass(frozen=True)
class Decision:
    """Whether a bundle is promoted, and why.

    Parameters
    ----------
    promote : bool
        The answer.
    reasons : tuple of str
        Each figure that decided, in words.
    refusals : tuple of str
        Those of them that spoke against it.
    """

    promote: bool
    reasons: tuple[str, ...]
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True)
class FittedBundle:
    """A fitted bundle as a row of a backtest; it answers only at cutoffs that it has not seen past.

    Parameters
    ----------
    bundle : Bundle
        The fitted values.
    name : str
        Name of the row.
    """

    bundle: Bundle
    name: str = CHAMPION

    def fit_predict(self, data: CustomerData, as_of: datetime, horizons: Horizons, seed: int) -> pl.DataFrame:  # noqa: ARG002  # recipes are called alike
        """Predict without refitting.

        Parameters
        ----------
        data : CustomerData
            Rows before `as_of`.
        as_of : datetime
            First instant that is not seen, at or after the bundle's own.
        horizons : Horizons
            Must be the bundle's.
        seed : int
            Not used.

        Returns
        -------
        polars.DataFrame
            As from `scoring.predict.answers`.

        Raises
        ------
        AssertionError
            If the bundle has seen past `as_of` or answers other horizons: the gate must not ask.
        """
        if as_of < self.bundle.as_of or horizons != self.bundle.horizons:
            msg = "a fitted bundle was judged on a window that it has seen"
            raise AssertionError(msg)
        # What happens is not discounted, so neither is what is judged.
        undiscounted = replace(self.bundle, annual_discount_rate=0.0)
        return answers(
            known_at(data, as_of, with_features=undiscounted.reads_features, statistics=undiscounted.statistics),
            undiscounted,
        )


def decide(candidate: Bundle, champion: StoredBundle | None, shop: Shop, *, seed: int = 0) -> Decision:
    """Decide whether a new bundle becomes the champion.

    The candidate must not be significantly worse than the naive rate on its newest past window, in any of
    `JUDGED`; nor than the champion on windows that begin at or after the champion's ``as_of``, where one is
    fully observed. Significantly worse: the 95 % interval of the paired difference lies above zero. A candidate
    whose ``as_of`` is before the champion's is not promoted, however good it is. That another rung did significantly
    better on the newest window is told and refuses nothing: that window reports on the choice and does not make it.

    Parameters
    ----------
    candidate : Bundle
        The new bundle with its record.
    champion : StoredBundle or None
        What customers are scored with now; None if nothing is.
    shop : Shop
        As of the candidate's ``as_of``.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    Decision
        The answer and its reasons.
    """
    naive = _naive_verdicts(candidate)
    against = _champion_verdicts(candidate, champion, shop, seed) if champion is not None else []
    verdicts = [*naive, *_rung_verdicts(candidate), *against]
    refusals = tuple(text for fine, text in verdicts if not fine)
    return Decision(not refusals, tuple(text for _, text in verdicts), refusals)


def champion_cutoffs(champion: StoredBundle | None, end: datetime, horizons: Horizons) -> tuple[datetime, ...]:
    """Return the past cutoffs at which a candidate is compared with the champion.

    Parameters
    ----------
    champion : StoredBundle or None
        What customers are scored with now.
    end : datetime
        First instant that was not observed.
    horizons : Horizons
        The candidate's.

    Returns
    -------
    tuple of datetime
        One, or none where no window after the champion's ``as_of`` is observed.
    """
    if champion is None or champion.bundle.horizons != horizons:
        return ()
    for days in (max(horizons.clv_days, horizons.churn_days), horizons.churn_days):
        cutoffs = rolling_cutoffs(
            first_seen=champion.bundle.as_of, end=end, horizon_days=days, count=1, min_history_days=0
        )
        if cutoffs:
            return cutoffs
    return ()


def _naive_verdicts(candidate: Bundle) -> list[tuple[bool, str]]:
    newest = newest_cutoff(candidate.record) or ""
    own = (pl.col("rung") == candidate.rung) & (pl.col("reference") == NAIVE_REFERENCE)
    rows = candidate.record["comparisons"].filter(own, pl.col("cutoff") == newest)
    if rows.is_empty():
        return [(False, "no past window was long enough to compare with the naive rate")]
    return _verdicts(rows, NAIVE_REFERENCE, f"window from {newest}")


def _rung_verdicts(candidate: Bundle) -> list[tuple[bool, str]]:
    better = beaten_by(candidate.record, candidate.rung, RUNGS)
    return [(True, f"{better}, window from {newest_cutoff(candidate.record)}")] if better else []


def _champion_verdicts(candidate: Bundle, champion: StoredBundle, shop: Shop, seed: int) -> list[tuple[bool, str]]:
    if candidate.as_of < champion.bundle.as_of:
        text = f"trained as of {candidate.as_of:%Y-%m-%d}, and the champion as of {champion.bundle.as_of:%Y-%m-%d}"
        return [(False, f"{text}: an older model does not take a newer one's place by itself")]
    if champion.bundle.horizons != candidate.horizons:
        return [(True, "the champion answers other horizons: not compared")]
    cutoffs = champion_cutoffs(champion, shop.data.observed_until, candidate.horizons)
    if cutoffs:
        return _compare(candidate, champion, shop, cutoffs, seed)
    return [(True, f"no window after the champion's as_of {champion.bundle.as_of} is observed yet: not compared")]


def _compare(
    candidate: Bundle, champion: StoredBundle, shop: Shop, cutoffs: Sequence[datetime], seed: int
) -> list[tuple[bool, str]]:
    card = candidate.card
    recipe = scoring_recipes(
        (candidate.rung,),
        tuned=settings_of(card),
        exclude_periods=periods_of(card),
        retail_year=card.get("level", {}).get("retail_year", True),
    )[0]
    rivals = (recipe.undiscounted(), FittedBundle(champion.bundle))
    result = judge(
        shop.data,
        cutoffs,
        rivals,
        horizons=candidate.horizons,
        reference=CHAMPION,
        seed=seed,
        most_customers=MOST_JUDGED,
        whole_at=shop.whole_at,
    )
    rows = as_record(result)["comparisons"].filter(pl.col("rung") == candidate.rung)
    return _verdicts(rows, CHAMPION, f"window from {cutoffs[-1].date()}")


def _verdicts(rows: pl.DataFrame, reference: str, where: str) -> list[tuple[bool, str]]:
    verdicts = []
    for target, metric in JUDGED:
        found = rows.filter((pl.col("target") == target) & (pl.col("metric") == metric)).to_dicts()
        for row in found:
            low, high, difference = row["low"], row["high"], row["difference"]
            if low is None or high is None:
                verdicts.append((True, f"{target} {metric}: no interval could be found, not compared, {where}"))
                continue
            word = "worse than" if low > 0 else ("better than" if high < 0 else "no worse than")
            figures = f"by {difference:+.4g} [{low:+.4g}, {high:+.4g}]"
            verdicts.append((low <= 0, f"{target} {metric}: {word} {reference} {figures}, {where}"))
    return verdicts or [(False, f"nothing could be compared with {reference}, {where}")]
