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
    from foretell.delivery.uploads.template import UploadOptions
    from foretell.delivery.uploads.write import write_uploads
    from foretell.engines.spark.sample import read_orders_on_spark
    from foretell.engines.spark.score import score_on_spark
    from foretell.engines.trained_model import TrainedModel, load_model
    from foretell.errors import (
        BundleError,
        ClusterMismatch,
        ColumnMismatch,
        ConfigError,
        ConvergenceWarning,
        DatabaseUnavailable,
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
    from foretell.evaluation.tracking import track_orders
    from foretell.features.cohorts import cohort_retention
    from foretell.jobs.spark_scores import write_scores_on_spark
    from foretell.plots.axes import plot_data
    from foretell.plots.backtest import plot_calibration, plot_decile_value
    from foretell.plots.cohorts import plot_cohort_retention
    from foretell.plots.customer import plot_customer_history
    from foretell.plots.cutoffs import plot_backtest
    from foretell.plots.families import plot_feature_families
    from foretell.plots.forecast import plot_expected_orders
    from foretell.plots.landscape import plot_frequency_recency
    from foretell.plots.lookalike import plot_reach
    from foretell.plots.tracking import plot_tracking
    from foretell.plots.tuning import plot_tuning_history
    from foretell.plots.value import plot_clv_distribution, plot_value_capture
    from foretell.tables.cdnow import load_cdnow
    from foretell.tables.dataset import CustomerData
    from foretell.tables.read import read_orders
    from foretell.tables.read_data import read_data
    from foretell.tables.simulate import simulate
    from foretell.tables.source import Source
    from foretell.tracking.mlflow_tracker import MlflowTracker
    from foretell.training.backtest import backtest
    from foretell.training.churn_classifier import ChurnClassifier
    from foretell.training.lookalike import Lookalike
    from foretell.training.train import train
    from foretell.training.train_on_spark import train_on_spark
    from foretell.windows import Horizons

__version__ = "0.1.0"

__all__ = [
    "BundleError",
    "ChurnClassifier",
    "ClusterMismatch",
    "ColumnMismatch",
    "ConfigError",
    "ConvergenceWarning",
    "CustomerData",
    "DataError",
    "DataWarning",
    "DatabaseUnavailable",
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
    "Source",
    "TooFewSeeds",
    "TrackingError",
    "TrainedModel",
    "UploadOptions",
    "Violation",
    "WindowError",
    "backtest",
    "cohort_retention",
    "load_cdnow",
    "load_model",
    "plot_backtest",
    "plot_calibration",
    "plot_clv_distribution",
    "plot_cohort_retention",
    "plot_customer_history",
    "plot_data",
    "plot_decile_value",
    "plot_expected_orders",
    "plot_feature_families",
    "plot_frequency_recency",
    "plot_reach",
    "plot_tracking",
    "plot_tuning_history",
    "plot_value_capture",
    "read_data",
    "read_orders",
    "read_orders_on_spark",
    "score_on_spark",
    "simulate",
    "track_orders",
    "train",
    "train_on_spark",
    "write_scores_on_spark",
    "write_uploads",
]

_ROOMS = {
    "ChurnClassifier": "foretell.training.churn_classifier",
    "CustomerData": "foretell.tables.dataset",
    "Horizons": "foretell.windows",
    "Lookalike": "foretell.training.lookalike",
    "MlflowTracker": "foretell.tracking.mlflow_tracker",
    "Source": "foretell.tables.source",
    "TrainedModel": "foretell.engines.trained_model",
    "UploadOptions": "foretell.delivery.uploads.template",
    "backtest": "foretell.training.backtest",
    "cohort_retention": "foretell.features.cohorts",
    "load_cdnow": "foretell.tables.cdnow",
    "load_model": "foretell.engines.trained_model",
    "plot_backtest": "foretell.plots.cutoffs",
    "plot_calibration": "foretell.plots.backtest",
    "plot_clv_distribution": "foretell.plots.value",
    "plot_cohort_retention": "foretell.plots.cohorts",
    "plot_customer_history": "foretell.plots.customer",
    "plot_data": "foretell.plots.axes",
    "plot_decile_value": "foretell.plots.backtest",
    "plot_expected_orders": "foretell.plots.forecast",
    "plot_feature_families": "foretell.plots.families",
    "plot_frequency_recency": "foretell.plots.landscape",
    "plot_reach": "foretell.plots.lookalike",
    "plot_tracking": "foretell.plots.tracking",
    "plot_tuning_history": "foretell.plots.tuning",
    "plot_value_capture": "foretell.plots.value",
    "read_data": "foretell.tables.read_data",
    "read_orders": "foretell.tables.read",
    "read_orders_on_spark": "foretell.engines.spark.sample",
    "score_on_spark": "foretell.engines.spark.score",
    "simulate": "foretell.tables.simulate",
    "track_orders": "foretell.evaluation.tracking",
    "train": "foretell.training.train",
    "train_on_spark": "foretell.training.train_on_spark",
    "write_scores_on_spark": "foretell.jobs.spark_scores",
    "write_uploads": "foretell.delivery.uploads.write",
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
