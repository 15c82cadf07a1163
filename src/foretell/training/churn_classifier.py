"""Churn with a label: any keyed frame in, calibrated risks with reasons and an honest record out."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from foretell.errors import DataWarning, FitError, NotFitted
from foretell.models.encoding import Encoding
from foretell.models.estimator import Estimator
from foretell.models.objectives import Matrix
from foretell.training.churn_candidates import FittedChurn, Settings, held_out_risks
from foretell.training.churn_evaluation import evaluation_table
from foretell.training.churn_inputs import read_label
from foretell.training.churn_reasons import churn_reasons
from foretell.training.churn_state import KIND, files_of, restore
from foretell.training.column_words import REASONS, typical_values
from foretell.training.keyed_frames import choose_features, read_keys
from foretell.training.leak_guard import find_leaks, require_no_leaks
from foretell.training.model_folder import read_folder, write_folder

STATUSES = {
    "ok": "the risk rests on what is known of the customer",
    "no_features": "nothing is known of the customer: the risk is that of customers without any value",
    "base_rate": "no column told who leaves: everybody has the share of those who left",
}
"""Values of ``prediction_status`` and what they mean."""

_MOST_ROWS = 100_000
_ENOUGH_JUDGED = 20_000
_FEWEST_FOLDS, _MOST_FOLDS = 3, 10


class ChurnClassifier(Estimator):
    """Calibrated probability of an outcome that is given as a label: cancelled, did not renew, left.

    Candidates are the base rate, a logistic regression, boosted trees, and the mean of both on the log-odds scale.
    The simplest one within one standard error of the least cross-fitted log loss is taken and calibrated on the same
    cross-fitted predictions. The record is made on outer folds that take no part in any of this.

    Parameters
    ----------
    seed : int
        Seed of folds, trees and resamples.
    features : sequence of str, optional
        Columns to learn from. None takes every number, boolean and category, but never identifiers, consents, nor
        what says who somebody is.
    allow : sequence of str
        Columns that the leak guard shall let in.
    threads : int
        Threads of LightGBM; results are the same for any number.
    folds : int
        Folds, within 3 and 10.
    band_edges : tuple of float
        Risks at which ``churn_band`` goes from low to medium and from medium to high.

    Attributes
    ----------
    chosen_ : str
        ``base_rate``, ``logistic``, ``boosted`` or ``blend``.
    features_ : tuple of str
        Columns in use.
    left_out_ : dict of str to str
        Why each other column is not.
    evaluation_ : polars.DataFrame
        ``model``, ``metric``, ``value``, ``low``, ``high``: the record beside that of the base rate, with 95 %
        intervals.
    key_ : str
        Column of the customers.

    Notes
    -----
    Learns from 100,000 rows at most, drawn by the seed; the record ends with the fold that makes 20,000 judged rows.
    """

    _fitted_attribute: ClassVar[str] = "fitted_"

    def __init__(
        self,
        *,
        seed: int = 0,
        features: Sequence[str] | None = None,
        allow: Sequence[str] = (),
        threads: int = 1,
        folds: int = 5,
        band_edges: tuple[float, float] = (0.33, 0.66),
    ) -> None:
        self.seed = seed
        self.features = features
        self.allow = allow
        self.threads = threads
        self.folds = folds
        self.band_edges = band_edges

    def fit(
        self,
        frame: pl.DataFrame,
        label: str,
        *,
        key: str = "customer_id",
        positive: str | None = None,
        as_of: date | datetime | str | None = None,
    ) -> Self:
        """Learn who has the outcome.

        Parameters
        ----------
        frame : polars.DataFrame
            One row per customer, as known before the outcome.
        label : str
            Column of the outcome: booleans, 0 and 1, or two texts.
        key : str
            Column of the customers; unique.
        positive : str, optional
            Which of two texts is the event.
        as_of : date, datetime or str, optional
            First instant that no column may have seen; later times are refused as leaks.

        Returns
        -------
        Self

        Raises
        ------
        ColumnMismatch
            If columns are absent or hold what cannot be read.
        DataError
            If keys are null or repeated, or outcomes null or odd.
        FitError
            If there are fewer than 50 rows or fewer than 10 of either outcome, or a setting makes no sense.
        LeakageError
            If columns know the outcome; `allow` lets them in by name.
        """
        self._check_settings()
        read_keys(frame, key)
        actual = read_label(frame, label, positive)
        names, left_out = choose_features(frame, reserved=(key, label), features=self.features)
        guarded = frame.select(
            *(name for name in frame.columns if name in (key, *names) or frame.schema[name].is_temporal()),
        ).drop(label, strict=False)
        events = pl.Series(_unused_name(frame), actual)
        leaks = find_leaks(
            guarded.with_columns(events),
            events.name,
            key=key,
            as_of=as_of,
            allow=self.allow,
            seed=self.seed,
            threads=self.threads,
        )
        require_no_leaks([leak for leak in leaks if leak.column in (key, *names) or leak.kind == "future_time"])
        rows = np.arange(frame.height)
        if rows.size > _MOST_ROWS:
            rows = np.sort(np.random.default_rng(self.seed).choice(rows, _MOST_ROWS, replace=False))
        self._learn(frame[rows], actual[rows], names)
        self.left_out_, self.key_, self.features_ = left_out, key, names
        return self

    def predict(self, frame: pl.DataFrame, *, reasons: bool = True) -> pl.DataFrame:
        """Predict the outcome of customers.

        Parameters
        ----------
        frame : polars.DataFrame
            Has the key and the features; other columns are ignored, the label too.
        reasons : bool
            False leaves the reasons null; with trees they cost about 1 ms a customer.

        Returns
        -------
        polars.DataFrame
            In the order of the rows: ``customer_id`` String, ``churn_risk`` Float64 within (0, 1), ``churn_band``
            String (low, medium, high), ``reason_1`` … ``reason_3`` String, ``prediction_status`` String.

        Raises
        ------
        NotFitted, ColumnMismatch
        DataError
            If keys are null or repeated, or a number is infinite.

        Warns
        -----
        DataWarning
            If a column has no value at all, or categories that were not seen in `fit`; both count as missing.
        """
        self._require_fitted()
        keys = read_keys(frame, self.key_)
        matrix = self.encoding_.to_matrix(frame)
        self._warn_of_news(frame, matrix)
        risk = pl.Series("churn_risk", self.fitted_.risk(matrix), dtype=pl.Float64)
        status = np.where(np.isnan(matrix).all(axis=1), "no_features", "ok")
        if self.chosen_ == "base_rate":
            status = np.full(len(matrix), "base_rate")
        answers = pl.DataFrame([keys, risk]).with_columns(_band(self.band_edges).alias("churn_band"))
        told = pl.DataFrame(schema=dict.fromkeys(REASONS, pl.String)).clear(len(matrix))
        if reasons:
            told = churn_reasons(frame, self.fitted_.contributions(matrix), self.encoding_, self.typical_)
        return answers.hstack(told).with_columns(pl.Series("prediction_status", status, dtype=pl.String))

    def save(self, folder: str | Path) -> None:
        """Write the classifier as a folder of JSON, CSV and tree texts, whole or not at all.

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
        """Read a classifier after checking every byte of it; nothing of it is executed.

        Parameters
        ----------
        folder : str or Path
            Folder written by `save`.
        threads : int
            Threads of LightGBM.

        Returns
        -------
        ChurnClassifier
            Predicts the same to the last bit.

        Raises
        ------
        ModelNotFound
            If there is none.
        BundleError
            If it is damaged or of another kind.
        """
        return restore(cls(threads=threads), Path(folder), read_folder(Path(folder), KIND))

    def _learn(self, frame: pl.DataFrame, actual: np.ndarray[Any, np.dtype[np.float64]], names: Sequence[str]) -> None:
        self.encoding_ = Encoding.learn(frame, names)
        matrix = self.encoding_.to_matrix(frame)
        levels = tuple(len(self.encoding_.levels.get(name, ())) for name in names)
        settings = Settings(levels, self.folds, self.seed, self.threads)
        held_out = np.full(actual.size, np.nan)
        for judged, risk in held_out_risks(matrix, actual, settings):
            held_out[judged] = risk
            if np.count_nonzero(~np.isnan(held_out)) >= _ENOUGH_JUDGED:
                break
        known = ~np.isnan(held_out)
        self.evaluation_ = evaluation_table(actual[known], held_out[known], seed=self.seed)
        self.typical_ = typical_values(matrix, self.encoding_)
        self.fitted_ = FittedChurn.fit(matrix, actual, settings)
        self.chosen_: str = self.fitted_.chosen

    def _check_settings(self) -> None:
        low, high = self.band_edges
        problems = []
        if not _FEWEST_FOLDS <= self.folds <= _MOST_FOLDS:
            problems.append(f"folds must be within {_FEWEST_FOLDS} and {_MOST_FOLDS}, not {self.folds}")
        if not 0 < low < high < 1:
            problems.append(f"band_edges must be two ascending risks within 0 and 1, not {self.band_edges}")
        if self.threads < 1:
            problems.append(f"threads must be at least 1, not {self.threads}")
        if problems:
            raise FitError("A ChurnClassifier cannot be fitted so: " + "; ".join(problems) + ".")

    def _warn_of_news(self, frame: pl.DataFrame, matrix: Matrix) -> None:
        if not frame.height:
            return
        news = []
        for place, name in enumerate(self.features_):
            column = frame.get_column(name)
            unknown = int(np.isnan(matrix[:, place]).sum()) - column.null_count()
            if column.null_count() == frame.height:
                news.append(f"{name!r} has no value in any row")
            elif name in self.encoding_.levels and unknown:
                news.append(f"{name!r} has categories in {unknown} rows that were not seen (or too rare) in fit")
        if news:
            import warnings

            warnings.warn(f"{'; '.join(news)}. These count as missing.", DataWarning, stacklevel=3)

    def _require_fitted(self) -> None:
        if not hasattr(self, self._fitted_attribute):
            message = "This ChurnClassifier is not fitted yet: call fit(frame, label) first."
            raise NotFitted(message)


def _band(edges: tuple[float, float]) -> pl.Expr:
    risk = pl.col("churn_risk")
    low, high = edges
    return pl.when(risk < low).then(pl.lit("low")).when(risk < high).then(pl.lit("medium")).otherwise(pl.lit("high"))


def _unused_name(frame: pl.DataFrame) -> str:
    name = "outcome"
    while name in frame.columns:
        name += "_"
    return name
