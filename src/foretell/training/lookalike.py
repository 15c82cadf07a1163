"""Lookalikes: who resembles the seeds, of any keyed frame, with reasons and an honest record of what size costs."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl

from foretell.errors import NotFitted
from foretell.evaluation.vectors import FloatArray
from foretell.models.encoding import Encoding
from foretell.models.estimator import Estimator
from foretell.scoring.ranks import percentile
from foretell.training.audience_profile import audience_profile, is_sensitive, share_audit
from foretell.training.held_out_seeds import choose_clusters, hold_out
from foretell.training.keyed_frames import choose_features, read_keys
from foretell.training.lookalike_candidates import FittedLookalike, Settings, require_settings
from foretell.training.lookalike_columns import columns_to_learn_from
from foretell.training.lookalike_reach import SIZES, control_of, evaluation_table, reach_table
from foretell.training.lookalike_reasons import reasons_of_the_best, usual_values
from foretell.training.lookalike_scores import band, scores_in_parts
from foretell.training.lookalike_state import KIND, files_of, restore
from foretell.training.model_folder import read_folder, write_folder
from foretell.training.seed_rule import find_seed_rule
from foretell.training.seeds import (
    Ids,
    learning_rows,
    match_seeds,
    read_ids,
    require_columns,
    require_enough,
    warn_of_seeds,
)

_AUDITED_SHARE = 0.05


class Lookalike(Estimator):
    """Rank customers by resemblance to seeds: good customers, or any others of whom more are wanted.

    Three methods (`SeedSimilarity`, `RidgeLogistic`, `PUBagging`) and the blend of their ranks, whose weights follow
    the number of seeds. The blend is taken unless another candidate ranks held-out seeds better by more than one
    standard error; below 30 seeds there is similarity alone. Columns that define the seeds are left out.

    Parameters
    ----------
    seed : int
        Seed of samples, folds, clusters and trees.
    features : sequence of str, optional
        Columns to learn from. None takes every number, boolean and category, but never identifiers, consents, nor
        what says who somebody is.
    allow : sequence of str
        Columns that the leakage guard and the list of sensitive attributes shall let in.
    sensitive : sequence of str
        Columns that describe protected groups, beside those known by name (gender, age, birth date, …): not learnt
        from, and audited.
    threads : int
        Threads of LightGBM; results are the same for any number.
    folds : int
        Folds of the seeds, within 2 and 10.
    most_clusters : int
        Clusters of seeds at most, >= 1.

    Attributes
    ----------
    chosen_ : str
        ``blend``, ``similarity``, ``logistic`` or ``pu_bagging``.
    clusters_ : int
        Clusters of the seeds.
    features_ : tuple of str
        Columns in use.
    left_out_ : dict of str to str
        Why each other column is not.
    matched_, given_, duplicates_, capped_weights_ : int
        Seeds found in the frame, different seeds given, repeats among them, seeds whose weight was cut.
    effective_seeds_ : float
        Kish's effective number of the weighted seeds.
    seed_keys_, unmatched_ : polars.Series
        Seeds that the frame holds, and those that it does not; neither is saved.
    evaluation_ : polars.DataFrame
        ``candidate``, ``metric``, ``value``, ``low``, ``high``: areas under the ROC curve of held-out seeds.
    reach_ : polars.DataFrame
        Size against precision: recall and lift of held-out seeds in the top 1, 2, 5, 10 and 20 %, with 95 %
        intervals, ceilings, the same of a random control, and the share of the top within the seeds' own rule.
    seed_rule_ : SeedRule
        Plain conditions that nearly all seeds fulfil and few others.
    audit_ : polars.DataFrame
        Shares of sensitive groups among the seeds, the 5 % most alike of the others, and all others.
    key_ : str
        Column of the customers.

    Notes
    -----
    Learns from 20,000 seeds and 30,000 others at most, drawn by the seed; rows may be in any order.
    """

    _fitted_attribute: ClassVar[str] = "fitted_"

    def __init__(
        self,
        *,
        seed: int = 0,
        features: Sequence[str] | None = None,
        allow: Sequence[str] = (),
        sensitive: Sequence[str] = (),
        threads: int = 1,
        folds: int = 5,
        most_clusters: int = 16,
    ) -> None:
        self.seed = seed
        self.features = features
        self.allow = allow
        self.sensitive = sensitive
        self.threads = threads
        self.folds = folds
        self.most_clusters = most_clusters

    def fit(
        self,
        frame: pl.DataFrame,
        seeds: Ids,
        *,
        key: str = "customer_id",
        weights: str | None = None,
        rule_columns: Sequence[str] = (),
    ) -> Self:
        """Learn what the seeds have in common, and what everybody else has not.

        Parameters
        ----------
        frame : polars.DataFrame
            One row per customer, seeds among them; as known before they became seeds.
        seeds : polars.DataFrame, polars.Series or sequence of str or int
            Keys of the seeds; a frame has them in the column of the key.
        key : str
            Column of the customers; unique.
        weights : str, optional
            Column of the seeds' frame: how much each is worth, above 0. Cut at five times the median.
        rule_columns : sequence of str
            Columns of the frame that chose the seeds; they and their near copies are left out.

        Returns
        -------
        Self

        Raises
        ------
        ColumnMismatch
            If columns are absent or hold what cannot be read.
        DataError
            If keys are null or repeated, or weights not above 0.
        TooFewSeeds
            If the frame holds fewer than 10 of the seeds.
        FitError
            If fewer than 50 customers are no seeds, nothing is left to learn from, or a setting makes no sense.
        LeakageError
            If every column defines the seeds; `allow` lets them in by name.

        Warns
        -----
        SmallSampleWarning
            Below 30 seeds.
        DataWarning
            For seeds that are given twice or absent, and columns that the guard left out.
        """
        require_settings(folds=self.folds, most_clusters=self.most_clusters, threads=self.threads)
        keys = read_keys(frame, key)
        require_columns(frame, rule_columns)
        matched = match_seeds(keys, seeds, key, weights)
        require_enough(matched)
        order = keys.arg_sort().to_numpy()
        rows = order[learning_rows(matched.flags[order], self.seed)]
        part, flags, weight = frame[rows], matched.flags[rows], matched.weights[rows]
        names, self.left_out_ = columns_to_learn_from(
            part,
            flags,
            key,
            features=self.features,
            allow=self.allow,
            sensitive=self.sensitive,
            rule_columns=rule_columns,
            seed=self.seed,
            threads=self.threads,
        )
        self.encoding_ = Encoding.learn(part, names)
        self._learn(part, flags, weight, key)
        self.key_, self.features_ = key, names
        self.given_, self.matched_, self.duplicates_ = matched.given, matched.matched, matched.duplicates
        self.capped_weights_, self.effective_seeds_, self.unmatched_ = (
            matched.capped,
            matched.effective,
            matched.unmatched,
        )
        self.seed_keys_ = keys.filter(pl.Series(matched.flags > 0))
        warn_of_seeds(matched)
        return self

    def score(self, pool: pl.DataFrame, *, exclude: Ids = (), explained: int = 10_000) -> pl.DataFrame:
        """Rank a pool by resemblance to the seeds.

        Parameters
        ----------
        pool : polars.DataFrame
            Has the key and the features; other columns are ignored.
        exclude : polars.DataFrame, polars.Series or sequence of str or int
            Keys that are not to be ranked, beside the seeds of `fit`. A loaded Lookalike knows no seeds.
        explained : int
            How many of the most alike get reasons, >= 0.

        Returns
        -------
        polars.DataFrame
            In the order of the pool's rows, seeds and exclusions left out: ``customer_id`` String,
            ``lookalike_score`` Float64 within (0, 1) (share of the others in `fit` who are less alike, mean of the
            methods), ``lookalike_percentile`` Int64 (1 to 100 among those ranked here, 100 = most alike),
            ``lookalike_band_percent`` Int64 (1 = in the top 1 %, … 10; null beyond), ``reason_1`` … ``reason_3``
            String, ``prediction_status`` String (ok, or no_features: nothing is known of the customer).

        Raises
        ------
        NotFitted, ColumnMismatch
        DataError
            If keys are null or repeated, or a number is infinite.
        """
        self._require_fitted()
        keys = read_keys(pool, self.key_)
        left_out = pl.concat([read_ids(exclude, self.key_, what="exclusions"), self.seed_keys_])
        ranked = pool.filter(~keys.is_in(left_out.implode()))
        score, known = scores_in_parts(ranked, self.encoding_, self.fitted_)
        status = np.where(known, "ok", "no_features")
        told = reasons_of_the_best(
            ranked, score, fitted=self.fitted_, encoding=self.encoding_, usual=self.usual_, most=explained
        )
        answers = pl.DataFrame(
            [read_keys(ranked, self.key_), pl.Series("lookalike_score", np.round(score, 9), dtype=pl.Float64)]
        )
        rank = percentile(answers["lookalike_score"]).alias("lookalike_percentile")
        return (
            answers.with_columns(rank, band("lookalike_score"))
            .hstack(told)
            .with_columns(pl.Series("prediction_status", status, dtype=pl.String))
        )

    def profile(self, pool: pl.DataFrame, audience: Ids) -> pl.DataFrame:
        """Tell what an audience has more or less often than everybody in the pool.

        Parameters
        ----------
        pool : polars.DataFrame
            Has the key and the features.
        audience : polars.DataFrame, polars.Series or sequence of str or int
            Keys of the audience, as from the head of `score`'s answers.

        Returns
        -------
        polars.DataFrame
            As from `audience_profile`, the surest differences first.

        Raises
        ------
        NotFitted, ColumnMismatch, DataError
        """
        self._require_fitted()
        chosen = read_keys(pool, self.key_).is_in(read_ids(audience, self.key_, what="audience").implode())
        return audience_profile(pool, chosen.to_numpy(), self.features_)

    def save(self, folder: str | Path) -> None:
        """Write the model as a folder of JSON, CSV and tree texts, whole or not at all; no identifier is in it.

        Parameters
        ----------
        folder : str or Path
            Folder to make; one that is there is replaced.

        Raises
        ------
        NotFitted
        OutputError
            If the folder cannot be written.
        """
        self._require_fitted()
        write_folder(Path(folder), files_of(self), KIND)

    @classmethod
    def load(cls, folder: str | Path, *, threads: int = 1) -> Self:
        """Read a model after checking every byte of it; nothing of it is executed.

        Parameters
        ----------
        folder : str or Path
            Folder written by `save`.
        threads : int
            Threads of LightGBM.

        Returns
        -------
        Lookalike
            Scores the same to the last bit, but knows no seeds: name them by ``exclude``.

        Raises
        ------
        ModelNotFound
            If there is none.
        BundleError
            If it is damaged or of another kind.
        """
        found = restore(cls(threads=threads), Path(folder), read_folder(Path(folder), KIND))
        found.seed_keys_ = pl.Series("customer_id", [], dtype=pl.String)
        found.unmatched_ = found.seed_keys_
        return found

    def _learn(self, frame: pl.DataFrame, flags: FloatArray, weight: FloatArray, key: str) -> None:
        matrix = self.encoding_.to_matrix(frame)
        levels = tuple(len(self.encoding_.levels.get(name, ())) for name in self.encoding_.features)
        alone = Settings(levels, 1, self.seed, self.threads)
        self.clusters_ = choose_clusters(matrix, flags, weight, alone, folds=self.folds, most=self.most_clusters)
        settings = Settings(levels, self.clusters_, self.seed, self.threads)
        held = hold_out(matrix, flags, weight, settings, folds=self.folds, most_clusters=self.most_clusters)
        self.chosen_ = held.choice()
        self.fitted_ = FittedLookalike.fit(matrix, flags, weight, self.chosen_, settings)
        self.usual_ = usual_values(matrix, flags, self.encoding_)
        # Of all usable columns, also those that were left out; never of what says who somebody is.
        self.seed_rule_ = find_seed_rule(frame, flags, choose_features(frame, reserved=(key,), features=None)[0])
        others = frame.filter(pl.Series(flags == 0))
        order = np.argsort(-np.round(self.fitted_.score(matrix[flags == 0]), 9), kind="stable")
        shares = self.seed_rule_.shares_within(others, order, SIZES)
        control = control_of(matrix, flags, self.chosen_, settings, folds=self.folds, most_clusters=self.most_clusters)
        self.evaluation_ = evaluation_table(held, seed=self.seed)
        self.reach_ = reach_table(held, control, self.chosen_, shares)
        audience = np.zeros(flags.size, dtype=np.bool_)
        audience[np.flatnonzero(flags == 0)[order[: max(round(_AUDITED_SHARE * order.size), 1)]]] = True
        audited = [name for name in frame.columns if name != key and is_sensitive(name, self.sensitive)]
        self.audit_ = share_audit(frame, audited, seeds=flags > 0, audience=audience, pool=flags == 0)

    def _require_fitted(self) -> None:
        if not hasattr(self, self._fitted_attribute):
            message = "This Lookalike is not fitted yet: call fit(frame, seeds) first."
            raise NotFitted(message)
