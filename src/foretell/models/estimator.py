"""What estimators share: parameters by name, the fitted check, and reading number columns from a frame.

`sklearn.base.clone`, ``get_params`` / ``set_params`` and pickling work without importing scikit-learn.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foretell.errors import ColumnMismatch, DataError, NotFitted, Violation, did_you_mean

KEY = "customer_id"


class Estimator:
    """Base of the estimators: settings are the arguments of ``__init__``, learned state ends in ``_``."""

    _fitted_attribute: ClassVar[str] = "params_"

    @classmethod
    def _setting_names(cls) -> tuple[str, ...]:
        return tuple(sorted(name for name in inspect.signature(cls.__init__).parameters if name != "self"))

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002, FBT001, FBT002 - scikit-learn's signature
        """Return the settings by name.

        Parameters
        ----------
        deep : bool
            Accepted for scikit-learn; these estimators contain no others.

        Returns
        -------
        dict of str to object
        """
        return {name: getattr(self, name) for name in self._setting_names()}

    def set_params(self, **params: Any) -> Self:
        """Change settings; the learned state is left as it is.

        Parameters
        ----------
        **params : object
            New values by the names of settings.

        Returns
        -------
        Estimator
            Itself.

        Raises
        ------
        ValueError
            If a name is not a setting of this estimator.
        """
        known = self._setting_names()
        for name, value in params.items():
            if name not in known:
                message = f"{type(self).__name__} has no setting {name!r}.{did_you_mean(name, known)}"
                raise ValueError(message)
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """Class and settings, as one would type them."""
        settings = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({settings})"

    def _require_fitted(self) -> None:
        """Raise `NotFitted` before ``fit``."""
        if not hasattr(self, self._fitted_attribute):
            message = f"This {type(self).__name__} is not fitted yet: call fit(summary) first."
            raise NotFitted(message)


def number_columns(frame: pl.DataFrame, names: Sequence[str], *, reader: str) -> dict[str, NDArray[np.float64]]:
    """Read columns of finite numbers by name.

    Parameters
    ----------
    frame : polars.DataFrame
        Any frame that has the columns; others are ignored and nothing is changed.
    names : sequence of str
        Columns to read.
    reader : str
        Who reads, for the message: usually the name of the model.

    Returns
    -------
    dict of str to ndarray of float64, shape (rows,)

    Raises
    ------
    ColumnMismatch
        If the frame is not a polars frame, or columns are absent or do not hold numbers.
    DataError
        If a value is null, NaN or infinite.
    """
    given: object = frame
    if not isinstance(given, pl.DataFrame):
        message = (
            f"{reader} reads a polars.DataFrame, not a {type(given).__name__}; "
            "call .collect() on a lazy frame, or polars.from_pandas on a pandas frame."
        )
        raise ColumnMismatch(message)
    problems = [
        f"column {name!r} is missing.{did_you_mean(name, frame.columns)}" for name in names if name not in frame.columns
    ]
    problems += [
        f"column {name!r} holds {frame.schema[name]}, not numbers."
        for name in names
        if name in frame.columns and not frame.schema[name].is_numeric()
    ]
    if problems:
        message = f"{reader} cannot read this frame: " + " ".join(problems)
        raise ColumnMismatch(message)
    columns = {name: frame.get_column(name).cast(pl.Float64).to_numpy() for name in names}
    refuse_rows({(name, "must be a finite number"): ~np.isfinite(values) for name, values in columns.items()})
    return columns


def refuse_rows(rules: Mapping[tuple[str, str], NDArray[np.bool_]], *, remedy: str = "") -> None:
    """Raise one `DataError` that lists every broken rule, its count and up to three 1-based row numbers.

    Parameters
    ----------
    rules : mapping of (column, rule in words) to ndarray of bool, shape (rows,)
        True where a row breaks the rule.
    remedy : str
        What to do about the rows.

    Raises
    ------
    DataError
        If any row breaks any rule.
    """
    violations = []
    for (column, rule), broken in rules.items():
        count = int(np.count_nonzero(broken))
        if count:
            rows = tuple(int(row) + 1 for row in np.flatnonzero(broken)[:3])
            violations.append(Violation("summary", column, rule, count, rows, remedy))
    if violations:
        raise DataError(violations)


def keyed(frame: pl.DataFrame, columns: Mapping[str, Any], *, reader: str) -> pl.DataFrame:
    """Return ``customer_id`` of a frame with new columns beside it.

    Parameters
    ----------
    frame : polars.DataFrame
        Frame with the key.
    columns : mapping of str to ndarray or polars.Series, each of shape (rows,)
        New columns in the row order of the frame.
    reader : str
        Who reads, for the message.

    Returns
    -------
    polars.DataFrame
        ``customer_id`` and the new columns, in the row order of the frame.

    Raises
    ------
    ColumnMismatch
        If the frame has no ``customer_id``.
    """
    if KEY not in frame.columns:
        message = f"{reader} needs the key column {KEY!r}.{did_you_mean(KEY, frame.columns)}"
        raise ColumnMismatch(message)
    return pl.DataFrame([frame.get_column(KEY), *(pl.Series(name, values) for name, values in columns.items())])
