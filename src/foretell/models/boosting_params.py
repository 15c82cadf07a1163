"""Settings of boosted trees, and how LightGBM is told."""

from dataclasses import asdict, dataclass
from typing import Any

from foretell.models.objectives import Objective

MOST_BINS = 63
"""Bins of a column: as accurate here as LightGBM's 255, and a fifth faster."""


@dataclass(frozen=True)
class BoostingParams:
    """Settings of the trees; cautious, because the offset already knows most.

    Parameters
    ----------
    num_leaves : int
        Leaves of a tree, >= 2.
    learning_rate : float
        Share of each tree that is added, within (0, 1].
    min_child_samples : int
        Fewest rows in a leaf.
    lambda_l2 : float
        Ridge penalty on a leaf's value, in units of the mean row's hessian.
    feature_fraction, bagging_fraction : float
        Share of the columns, and of the rows, drawn for each tree.
    max_rounds : int
        Most trees.
    patience : int
        Trees without gain on the validation rows after which boosting stops.
    tweedie_variance_power : float
        Variance ~ mean to this power, within (1, 2); for spend only.
    """

    num_leaves: int = 12
    learning_rate: float = 0.04
    min_child_samples: int = 40
    lambda_l2: float = 10.0
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    max_rounds: int = 600
    patience: int = 40
    tweedie_variance_power: float = 1.5


def lightgbm_settings(objective: Objective, params: BoostingParams, *, seed: int, threads: int) -> dict[str, Any]:
    """Return LightGBM's parameters.

    Parameters
    ----------
    objective : {'poisson', 'tweedie', 'binary'}
        Law of the outcome.
    params : BoostingParams
        Settings of the trees.
    seed, threads : int
        Of LightGBM.

    Returns
    -------
    dict of str to object
    """
    given = asdict(params)
    del given["max_rounds"], given["patience"]
    return {
        **given,
        "objective": objective,
        "metric": {"binary": "binary_logloss"}.get(objective, objective),
        "bagging_freq": 1,
        # The offset is the level already; LightGBM leaves its own start out today where an init_score is given.
        "boost_from_average": False,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_col_wise": True,
        "max_bin": MOST_BINS,
        "feature_pre_filter": False,
        "verbosity": -1,
    }
