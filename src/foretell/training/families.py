"""Which purchase model stands at the bottom of the ladder: chosen on past windows, the simpler unless it loses."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from foretell.errors import ConvergenceWarning, FitError
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.pareto_nbd import ParetoNBD
from foretell.models.population import Population
from foretell.scoring.base import PurchaseModel, horizon
from foretell.scoring.refine import event_offset
from foretell.training.past import Models, Window, log_hazard_ratio

Vector = NDArray[np.float64]
Model = TypeVar("Model", bound=PurchaseModel)

SIMPLEST = "MBG/NBD"
BELIEVED_QUANTILE = 0.99
"""Order values up to this quantile of the customers' means are taken as they are."""

_EDGE = 1e-6


@dataclass(frozen=True)
class Family:
    """The purchase model chosen, and why.

    Parameters
    ----------
    name : str
        As in `fit_families`.
    why : str
        The figures that decided.
    """

    name: str
    why: str


FAMILIES: Mapping[str, Callable[[], PurchaseModel]] = {
    SIMPLEST: lambda: MBGCNBD(k=1),
    "MBG/CNBD-k": MBGCNBD,
    "Pareto/NBD": ParetoNBD,
}
"""Purchase models that a shop may stand on, the simpler first; k by likelihood."""


class Candidates(Mapping[str, PurchaseModel]):
    """The purchase models of one summary, each fitted when it is first asked for.

    Parameters
    ----------
    summary : polars.DataFrame or Population
        One row per customer, as from `features.summary.purchase_summary`, or the customers counted.
    near : mapping of str to purchase model, optional
        Fitted to a history much like this one, as for their ``fit``.

    Raises
    ------
    FitError
        If the simplest cannot be fitted. Another that cannot be is not among the names.
    """

    def __init__(self, summary: pl.DataFrame | Population, near: Models | None = None) -> None:
        self._summary = summary
        # No truth test: the length of a mapping of candidates is known only once all are fitted.
        self._near: Models = {} if near is None else near
        self._fitted: dict[str, PurchaseModel | None] = {SIMPLEST: self._fit(SIMPLEST)}

    def __getitem__(self, name: str) -> PurchaseModel:
        """Return a fitted model; KeyError if it cannot be fitted."""
        if name not in self._fitted:
            try:
                self._fitted[name] = self._fit(name)
            except FitError:
                self._fitted[name] = None
        found = self._fitted[name]
        if found is None:
            raise KeyError(name)
        return found

    def _fit(self, name: str) -> PurchaseModel:
        return fitted_quietly(FAMILIES[name](), self._summary, self._near.get(name))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the models that can be fitted."""
        return (name for name in FAMILIES if name in self)

    def __len__(self) -> int:
        """Return how many can be fitted."""
        return sum(1 for _ in self)


def fitted_quietly(model: Model, summary: pl.DataFrame | Population, near: PurchaseModel | None = None) -> Model:
    """Fit a model that is only a candidate: most are never asked again, and whoever keeps one says what is wrong.

    Parameters
    ----------
    model : MBGCNBD or ParetoNBD
        To be fitted.
    summary : polars.DataFrame or Population
        One row per customer, or the customers counted.
    near : MBGCNBD or ParetoNBD, optional
        Of the same kind, fitted to a history much like this one: the search begins there.

    Returns
    -------
    The model.

    Raises
    ------
    FitError
        If it cannot be fitted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # noqa: TID251  # as above
        # Pairs of one kind, which is more than the annotations can say.
        model.fit(summary, near=near)  # type: ignore[arg-type]
    return model


def fit_families(
    summary: pl.DataFrame | Population, *, near: Models | None = None, spend_near: GammaGamma | None = None
) -> tuple[Models, GammaGamma | None]:
    """Return the purchase models that a shop may stand on, and its fitted spend model.

    Parameters
    ----------
    summary : polars.DataFrame or Population
        One row per customer, as from `features.summary.purchase_summary`, or the customers counted.
    near, spend_near : mapping of str to purchase model, GammaGamma, optional
        Fitted to a history much like this one: the searches begin there.

    Returns
    -------
    tuple of mapping of str to purchase model, and GammaGamma or None
        Names as in `FAMILIES`; no spend model without money.

    Raises
    ------
    FitError
        If not even the simplest can be fitted.
    """
    return Candidates(summary, near), fit_spend(summary, spend_near)


def fit_spend(summary: pl.DataFrame | Population, near: GammaGamma | None = None) -> GammaGamma | None:
    """Fit the spend model, where orders carry money, with the highest order values drawn in.

    Parameters
    ----------
    summary : polars.DataFrame or Population
        One row per customer, or the customers counted.
    near : GammaGamma, optional
        Fitted to order values much like these: the search begins there.

    Returns
    -------
    GammaGamma or None
    """
    if isinstance(summary, Population):
        without_money = summary.values is None
    else:
        without_money = summary["historic_spend"].null_count() == summary.height
    if without_money:
        return None
    return GammaGamma(cap_quantile=BELIEVED_QUANTILE, credibility="orders").fit(summary, near=near)


def choose_family(windows: Sequence[Window], models: Mapping[str, PurchaseModel]) -> Family:
    """Choose the model whose chances of a purchase did best on past windows.

    Parameters
    ----------
    windows : sequence of Window
        The newest first; each view holds the models as they are judged.
    models : mapping of str to purchase model
        Those that can be fitted now, the preferred first.

    Returns
    -------
    Family
        The first in the order of `models` whose log loss is within one standard error (over customers of the
        newest window) of the best; the simplest without a window.
    """
    if not windows:
        return Family(SIMPLEST, "no past window to choose on: the simplest")
    newest = windows[0]
    known = [name for name in models if name in newest.view.models]
    loss = {name: _log_losses(newest, name) for name in known}
    best = min(known, key=lambda name: float(loss[name].mean()))
    for name in known:
        worse = loss[name] - loss[best]
        if float(worse.mean()) <= float(worse.std()) / len(worse) ** 0.5:
            figures = ", ".join(f"{other} {loss[other].mean():.4f}" for other in known)
            return Family(name, f"log loss of a purchase within {newest.days} days: {figures}")
    return Family(best, "the best")


def told_by(windows: Sequence[Window], models: Models) -> tuple[Window, ...]:
    """Return windows with other models in their views, such as today's.

    One fitted to half the history of a young shop has seen hardly a second gap, and hardly anybody leave: its faults
    are its own. Today's has seen the windows, by a few parameters.

    Parameters
    ----------
    windows : sequence of Window
        Any.
    models : mapping of str to purchase model
        Fitted to the whole history.

    Returns
    -------
    tuple of Window
    """
    return tuple(replace(window, view=replace(window.view, models=models)) for window in windows)


def _log_losses(window: Window, name: str) -> Vector:
    # The level is corrected later, whichever model it is: here the shape decides.
    answer = horizon(window.view.models[name], window.view.known.summary, window.days)
    p = expit(event_offset(answer, log_hazard_ratio(window, name)))
    p = np.clip(p, _EDGE, 1 - _EDGE)
    return np.asarray(-(window.bought * np.log(p) + (1 - window.bought) * np.log1p(-p)))
