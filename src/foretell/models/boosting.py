"""Gradient-boosted trees on top of a given margin: LightGBM, which only learns what the offset leaves over.

The prediction is g⁻¹(offset + margin), g being the link: logarithm for counts and spend, log-odds for events. The
offset is the caller's; it is never stored, and `Booster.margin` is without it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from foretell.errors import BundleError, FitError
from foretell.models.binned import Binned, Rows
from foretell.models.boosting_params import BoostingParams, lightgbm_settings
from foretell.models.objectives import OBJECTIVES, Matrix, Objective, Vector, losses, row_weights
from foretell.models.state import damaged
from foretell.storage.hashing import sha256_bytes

_NAME = "Booster"
_HEAD = "foretell-booster"
_PARAMETERS = "\nparameters:"


class Validation(NamedTuple):
    """Rows that stop the boosting and are not fitted to.

    Parameters
    ----------
    matrix : ndarray of shape (rows, features)
        As in `Booster.fit`, like the others.
    actual, offset : ndarray of shape (rows,)
        What happened, and the margin to start from.
    weights : ndarray of shape (rows,), optional
        How much each row counts.
    """

    matrix: Matrix
    actual: Vector
    offset: Vector
    weights: Vector | None = None


class Booster:
    """Boosted trees that start from an offset on the link scale.

    Parameters
    ----------
    objective : {'poisson', 'tweedie', 'binary'}
        Counts and spend with a logarithmic link, events with log-odds.
    params : BoostingParams
        Settings of the trees.
    seed : int
        Seed of the draws of rows and columns.
    threads : int
        Threads of LightGBM; results are the same for any number.

    Attributes
    ----------
    rounds : int
        Trees kept; 0 where none made the validation rows likelier, and the margin is 0 then.
    features : int
        Columns of the matrix.
    """

    def __init__(
        self, objective: Objective, params: BoostingParams | None = None, *, seed: int = 0, threads: int = 1
    ) -> None:
        if objective not in OBJECTIVES:
            message = f"objective must be one of {', '.join(OBJECTIVES)}, not {objective!r}"
            raise FitError(message)
        self.objective: Objective = objective
        self.params = params or BoostingParams()
        self.seed = seed
        self.threads = threads
        self.rounds = 0
        self.features: int | None = None
        self._text = ""
        self._handle: Any = None

    def fit(
        self,
        matrix: Matrix,
        actual: Vector,
        offset: Vector,
        *,
        weights: Vector | None = None,
        validation: Validation | None = None,
        rounds: int | None = None,
        categorical: Sequence[int] = (),
    ) -> Self:
        """Fit the trees to what the offset leaves over.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            NaN is missing; as from `Encoding.to_matrix`.
        actual : ndarray of shape (rows,)
            Counts or spend >= 0, or events 0 and 1.
        offset : ndarray of shape (rows,)
            Margin to start from: log of the expected count or spend, or log-odds. Trees do not learn a level of
            their own first: without a better one, give the link of the mean.
        weights : ndarray of shape (rows,), optional
            How much each row counts; scaled to a mean of 1, so that penalties keep their meaning.
        validation : Validation, optional
            Rows that choose the number of trees. Without them, all rounds are kept.
        rounds : int, optional
            Number of trees, at most; by default ``params.max_rounds``.
        categorical : sequence of int
            Positions of the columns that hold codes of categories.

        Returns
        -------
        Self

        Raises
        ------
        FitError
            If shapes differ, or values are not what the objective is made for.
        """
        import lightgbm

        weighting = row_weights(self.objective, matrix, actual, offset, weights)
        settings = lightgbm_settings(self.objective, self.params, seed=self.seed, threads=self.threads)
        most = self.params.max_rounds if rounds is None else rounds
        self.features, self.rounds, self._text, self._handle = matrix.shape[1], 0, "", None
        if not most or not matrix.shape[1]:
            return self
        data = {"params": settings, "free_raw_data": True}
        train = lightgbm.Dataset(
            matrix, actual, weight=weighting, init_score=offset, categorical_feature=list(categorical), **data
        )
        held = None
        if validation is not None:
            weighting = row_weights(self.objective, *validation)
            held = lightgbm.Dataset(
                validation.matrix,
                validation.actual,
                weight=weighting,
                init_score=validation.offset,
                reference=train,
                **data,
            )
        return self._train(train, held, validation, matrix.shape[1], most)

    def _train(self, train: Any, held: Any, validation: Validation | None, features: int, most: int) -> Self:
        import lightgbm

        self.features, self.rounds, self._text, self._handle = features, 0, "", None
        watch: dict[str, Any] = {}
        if held is not None:
            stop = lightgbm.early_stopping(self.params.patience, verbose=False)
            watch = {"valid_sets": [held], "callbacks": [stop]}
        fitted = lightgbm.train(
            lightgbm_settings(self.objective, self.params, seed=self.seed, threads=self.threads),
            train,
            num_boost_round=most,
            **watch,
        )
        kept = fitted.current_iteration()
        if validation is not None:
            # LightGBM calls the first tree the best even where none at all is better.
            gained = self._loss(validation, fitted) < self._loss(validation, None)
            kept = fitted.best_iteration if gained else 0
        if kept:
            self._keep(fitted.model_to_string(num_iteration=kept, start_iteration=0))
        return self

    def fit_part(
        self, binned: Binned, fits: Rows, stops: Rows, *, actual: Vector, offset: Vector, weights: Vector
    ) -> Self:
        """Fit the trees to some rows of a binned matrix, and stop on others.

        Parameters
        ----------
        binned : Binned
            All rows.
        fits, stops : ndarray of int
            Numbers of the rows to fit to, and of those that choose the number of trees; ascending.
        actual, offset, weights : ndarray of shape (rows,)
            Of all rows, as for `fit`.

        Returns
        -------
        Self

        Raises
        ------
        FitError
            If values are not what the objective is made for.
        """
        held = Validation(binned.matrix[stops], actual[stops], offset[stops], weights[stops])
        weighting = row_weights(self.objective, binned.matrix[fits], actual[fits], offset[fits], weights[fits])
        train = binned.part(fits, actual[fits], offset[fits], weighting)
        watched = binned.part(stops, held.actual, held.offset, row_weights(self.objective, *held))
        return self._train(train, watched, held, binned.matrix.shape[1], self.params.max_rounds)

    def margin(self, matrix: Matrix) -> Vector:
        """What the trees add to the offset, on the link scale.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows,)
            The prediction is exp(offset + margin), or for events 1 / (1 + exp(−(offset + margin))).
        """
        self._require_width(matrix)
        if not self.rounds or not len(matrix):
            return np.zeros(len(matrix))
        raw = self._booster().predict(matrix, raw_score=True, num_threads=self.threads)
        return np.asarray(raw, dtype=np.float64)

    def contributions(self, matrix: Matrix) -> Matrix:
        """Share of every column in the margin (TreeSHAP).

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, features)
            As for `fit`.

        Returns
        -------
        ndarray of shape (rows, features + 1)
            The last column is the mean margin; a row sums to its margin. Exact, at .15–.6 ms a row.

        References
        ----------
        Lundberg, Erion, Lee (2018), "Consistent individualized feature attribution for tree ensembles",
        arXiv:1802.03888.
        """
        self._require_width(matrix)
        if not self.rounds or not len(matrix):
            return np.zeros((len(matrix), matrix.shape[1] + 1))
        shares = self._booster().predict(matrix, pred_contrib=True, num_threads=self.threads)
        return np.asarray(shares, dtype=np.float64)

    def trees(self) -> list[dict[str, Any]]:
        """Return the splits and leaves of each tree.

        Returns
        -------
        list of dict
            Nested, in LightGBM's own words (``Booster.dump_model``, ``tree_structure``); empty without trees.
        """
        if not self.rounds:
            return []
        return [tree["tree_structure"] for tree in self._booster().dump_model()["tree_info"]]

    def to_text(self) -> str:
        """Return the trees as LightGBM's text under one line of foretell's own.

        Returns
        -------
        str
            Without the settings of the fit, so that the number of threads changes no byte.
        """
        digest = sha256_bytes(self._text.encode())
        return f"{_HEAD} objective={self.objective} features={self.features or 0} sha256={digest}\n{self._text}"

    @classmethod
    def from_text(cls, text: str, *, threads: int = 1) -> Self:
        """Rebuild a booster from its text; nothing of it is executed.

        Parameters
        ----------
        text : str
            As from `to_text`.
        threads : int
            Threads of LightGBM.

        Returns
        -------
        Booster
            Predicts the same to the last bit.

        Raises
        ------
        BundleError
            If the text is cut, changed or not a booster's. LightGBM itself ends the process on some cut texts,
            so the digest is checked before it sees any.
        """
        head, _, body = text.partition("\n")
        words = head.split(" ")
        fields = dict(word.partition("=")[::2] for word in words[1:])
        if words[0] != _HEAD or set(fields) != {"objective", "features", "sha256"}:
            raise damaged(_NAME, "first line")
        if fields["objective"] not in OBJECTIVES or not fields["features"].isdecimal():
            raise damaged(_NAME, "first line")
        if fields["sha256"] != sha256_bytes(body.encode()):
            raise damaged(_NAME, "digest of the trees")
        found = cls(next(name for name in OBJECTIVES if name == fields["objective"]), threads=threads)
        found.features = int(fields["features"])
        if body:
            found._keep(body)
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_handle": None}

    def _keep(self, text: str) -> None:
        import lightgbm

        self._text = text.partition(_PARAMETERS)[0].rstrip("\n") + "\n"
        try:
            self._handle = lightgbm.Booster(model_str=self._text)
        except lightgbm.basic.LightGBMError as error:
            raise damaged(_NAME, "trees") from error
        if self._handle.num_feature() != self.features:
            raise damaged(_NAME, "number of features")
        self.rounds = int(self._handle.num_trees())

    def _booster(self) -> Any:
        if self._handle is None:
            self._keep(self._text)
        return self._handle

    def _require_width(self, matrix: Matrix) -> None:
        if matrix.ndim != 2 or matrix.shape[1] != self.features:
            message = f"The trees were fitted to {self.features} columns, the matrix has shape {matrix.shape}."
            raise BundleError(message)

    def _loss(self, rows: Validation, fitted: Any) -> float:
        raw = 0.0 if fitted is None else fitted.predict(rows.matrix, raw_score=True, num_threads=self.threads)
        loss = losses(self.objective, rows.actual, rows.offset + raw, self.params.tweedie_variance_power)
        return float(np.average(loss, weights=rows.weights))
