"""Predict customers from their order history, and say how far each number can be trusted.

``import foretell as ft`` costs next to nothing: a name is imported from its room when it is first used.

Examples
--------
>>> import foretell as ft
>>> data = ft.load_cdnow()
>>> data.before("1998-01-01").observed_until
datetime.datetime(1998, 1, 1, 0, 0)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foretell.engines.trained_model import TrainedModel, load_model
    from foretell.errors import (
        BundleError,
        ColumnMismatch,
        ConfigError,
        ConvergenceWarning,
        DataError,
        DataWarning,
        FitError,
        ForetellError,
        ForetellWarning,
        GateRefused,
        HorizonNotObserved,
        InputTooOld,
        LeakageError,
        LockHeld,
        ModelNotFound,
        NotFitted,
        OutputError,
        SmallSampleWarning,
        TooFewSeeds,
        TrackingError,
        Violation,
        WindowError,
    )
    from foretell.tables.cdnow import load_cdnow
    from foretell.tables.dataset import CustomerData
    from foretell.tables.read import read_orders
    from foretell.tables.simulate import simulate
    from foretell.tracking.mlflow_tracker import MlflowTracker
    from foretell.training.backtest import backtest
    from foretell.training.churn_classifier import ChurnClassifier
    from foretell.training.lookalike import Lookalike
    from foretell.training.train import train
    from foretell.windows import Horizons

__version__ = "0.1.0"

__all__ = [
    "BundleError",
    "ChurnClassifier",
    "ColumnMismatch",
    "ConfigError",
    "ConvergenceWarning",
    "CustomerData",
    "DataError",
    "DataWarning",
    "FitError",
    "ForetellError",
    "ForetellWarning",
    "GateRefused",
    "HorizonNotObserved",
    "Horizons",
    "InputTooOld",
    "LeakageError",
    "LockHeld",
    "Lookalike",
    "MlflowTracker",
    "ModelNotFound",
    "NotFitted",
    "OutputError",
    "SmallSampleWarning",
    "TooFewSeeds",
    "TrackingError",
    "TrainedModel",
    "Violation",
    "WindowError",
    "backtest",
    "load_cdnow",
    "load_model",
    "read_orders",
    "simulate",
    "train",
]

_ROOMS = {
    "ChurnClassifier": "foretell.training.churn_classifier",
    "CustomerData": "foretell.tables.dataset",
    "Horizons": "foretell.windows",
    "Lookalike": "foretell.training.lookalike",
    "MlflowTracker": "foretell.tracking.mlflow_tracker",
    "TrainedModel": "foretell.engines.trained_model",
    "backtest": "foretell.training.backtest",
    "load_cdnow": "foretell.tables.cdnow",
    "load_model": "foretell.engines.trained_model",
    "read_orders": "foretell.tables.read",
    "simulate": "foretell.tables.simulate",
    "train": "foretell.training.train",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        msg = f"module 'foretell' has no attribute {name!r}"
        raise AttributeError(msg)
    value: object = getattr(import_module(_ROOMS.get(name, "foretell.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
