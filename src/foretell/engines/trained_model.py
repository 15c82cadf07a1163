"""The trained model that a notebook holds: a bundle that can score, be looked at, saved and loaded."""

from datetime import date, datetime
from pathlib import Path

import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle, bundle_files, load_bundle, save_bundle
from foretell.engines.frame import EXPLAINED_CUSTOMERS, scores_of_frame
from foretell.engines.model_html import model_html
from foretell.engines.prospects import score_prospects_frame
from foretell.scoring.family_weights import family_weights
from foretell.scoring.forecast import forecast_bucket, forecast_weeks
from foretell.scoring.landscape import MOST_ORDERS, landscape
from foretell.scoring.timeline import Timeline, customer_timeline
from foretell.storage.sealed_folder import version_of
from foretell.tables.dataset import CustomerData, require_customer_data


class TrainedModel:
    """A fitted bundle, ready to score; made by `foretell.train` or `foretell.load_model`.

    Parameters
    ----------
    bundle : Bundle
        The fitted values.
    trials : polars.DataFrame or None
        Trials of the study that tuned the settings of its trees; no part of the bundle, so that a loaded model has
        none.

    Attributes
    ----------
    version : str
        Hash of the content: equal models have equal versions.
    """

    def __init__(self, bundle: Bundle, *, trials: pl.DataFrame | None = None) -> None:
        self.bundle = bundle
        self.trials = trials
        self.version = version_of(bundle_files(bundle))

    def __repr__(self) -> str:
        """Return one line: rung, training cutoff, horizons, version."""
        horizons = self.bundle.horizons
        return (
            f"TrainedModel(rung={self.bundle.rung!r}, as_of={self.bundle.as_of.isoformat()!r}, "
            f"clv_days={horizons.clv_days}, churn_days={horizons.churn_days}, version={self.version!r})"
        )

    def _repr_html_(self) -> str:
        """Return the model as a small table; a notebook shows it."""
        return model_html(self.bundle, self.version)

    @property
    def backtest(self) -> pl.DataFrame:
        """Past performance, as from `foretell.backtest` but with cutoffs as ISO text; empty if never judged."""
        return self.bundle.record["backtest"]

    @property
    def calibration(self) -> pl.DataFrame:
        """What was predicted and what happened, by bin of each probability at each past cutoff that was judged.

        Columns ``cutoff`` (ISO text), ``rung``, ``target``, ``bin``, ``customers``, ``predicted``, ``observed``;
        ``plot_calibration`` draws one cutoff, rung and target of it.
        """
        return self.bundle.record["calibration"]

    @property
    def deciles(self) -> pl.DataFrame:
        """Predicted and real means by tenth of the customers at each past cutoff that was judged.

        Columns ``cutoff`` (ISO text), ``rung``, ``target``, ``decile`` (1 is the lowest prediction), ``customers``,
        ``predicted``, ``actual``; ``plot_decile_value`` and ``plot_value_capture`` draw one cutoff, rung and target.
        """
        return self.bundle.record["deciles"]

    def score(
        self,
        data: CustomerData,
        as_of: date | datetime | str | None = None,
        *,
        explained_customers: int = EXPLAINED_CUSTOMERS,
    ) -> pl.DataFrame:
        """Score every customer with a purchase before `as_of`.

        Parameters
        ----------
        data : CustomerData
            The shop's rows; those at or after `as_of` are not read.
        as_of : date, datetime, str or None
            First instant that is not seen; None is the end of what `data` observed.
        explained_customers : int
            How many customers get reasons, highest value first.

        Returns
        -------
        polars.DataFrame
            One row per customer, columns of `scoring.schema.score_columns`, sorted by ``customer_id``.

        Raises
        ------
        WindowError
            If nobody bought before `as_of`, or it lies before training ended or after an explicit ``observed_until``.
        TypeError
            If `data` is a plain frame.
        """
        require_customer_data(data)
        cutoff = data.observed_until if as_of is None else as_of
        stored = StoredBundle(self.bundle, self.version)
        return scores_of_frame(data, stored, cutoff, explained_customers=explained_customers)

    def score_prospects(
        self,
        data: CustomerData,
        as_of: date | datetime | str | None = None,
        *,
        explained_customers: int = EXPLAINED_CUSTOMERS,
    ) -> pl.DataFrame:
        """Score everybody who is known by events or as a customer and never ordered before `as_of`.

        Parameters
        ----------
        data : CustomerData
            The shop's rows, with events or customers; those at or after `as_of` are not read.
        as_of : date, datetime, str or None
            First instant that is not seen; None is the end of what `data` observed.
        explained_customers : int
            How many people get reasons, highest expected value first.

        Returns
        -------
        polars.DataFrame
            One row per person, columns of `scoring.prospect_schema.prospect_columns`, sorted by ``customer_id``.

        Raises
        ------
        ModelNotFound
            If the model was trained without tables that tell of prospects; the message says why.
        WindowError
            If `as_of` lies before training ended or after an explicit ``observed_until``.
        TypeError
            If `data` is a plain frame.
        """
        require_customer_data(data)
        cutoff = data.observed_until if as_of is None else as_of
        stored = StoredBundle(self.bundle, self.version)
        return score_prospects_frame(data, stored, cutoff, explained_customers=explained_customers)

    def forecast(self, data: CustomerData, as_of: date | datetime | str | None = None) -> pl.DataFrame:
        """Return the purchases and the spend expected of all known customers together, by week.

        Parameters
        ----------
        data : CustomerData
            The shop's rows; those at or after `as_of` are not read.
        as_of : date, datetime, str or None
            First instant that is not seen; None is the end of what `data` observed.

        Returns
        -------
        polars.DataFrame
            ``week_starts_on``, ``days``, ``expected_orders`` (purchase days) and ``expected_spend`` (currency units;
            null without money), each with ``_low`` and ``_high``, an 80 % interval of the total.

        Raises
        ------
        WindowError
            If `as_of` lies after an explicit ``observed_until``.
        TypeError
            If `data` is a plain frame.
        """
        require_customer_data(data)
        cutoff = data.observed_until if as_of is None else as_of
        level = None if self.bundle.refinement is None else self.bundle.refinement.level
        return forecast_weeks(forecast_bucket(data, self.bundle, cutoff), level, cutoff)

    def families(self, data: CustomerData, as_of: date | datetime | str | None = None) -> pl.DataFrame:
        """Return how much each family of features moves the predicted value.

        Parameters
        ----------
        data : CustomerData
            The shop's rows; those at or after `as_of` are not read.
        as_of : date, datetime, str or None
            First instant that is not seen; None is the end of what `data` observed.

        Returns
        -------
        polars.DataFrame
            As from `scoring.family_weights.family_weights`; ``plot_feature_families`` draws it.
        """
        require_customer_data(data)
        return family_weights(data, self.bundle, data.observed_until if as_of is None else as_of)

    def landscape(self, *, days_as_customer: int = 365, most_orders: int = MOST_ORDERS) -> pl.DataFrame:
        """Return what the purchase model makes of every number of orders and days of silence.

        Parameters
        ----------
        days_as_customer : int
            Days since the first order, the same for the whole grid.
        most_orders : int
            Largest number of orders.

        Returns
        -------
        polars.DataFrame
            As from `scoring.landscape.landscape`; ``plot_frequency_recency`` draws it.
        """
        return landscape(self.bundle, days_as_customer=days_as_customer, most_orders=most_orders)

    def timeline(self, data: CustomerData, customer_id: str, as_of: date | datetime | str | None = None) -> Timeline:
        """Follow one customer: the chance of still being one day by day, and the law of the next order.

        Parameters
        ----------
        data : CustomerData
            The shop's rows; those at or after `as_of` are not read.
        customer_id : str
            Whom to follow.
        as_of : date, datetime, str or None
            First instant that is not seen; None is the end of what `data` observed.

        Returns
        -------
        Timeline
            ``days`` and ``next_order``; ``plot_customer_history`` draws them.

        Raises
        ------
        ColumnMismatch
            If nobody of that id has bought before `as_of`.
        """
        require_customer_data(data)
        return customer_timeline(data, self.bundle, customer_id, data.observed_until if as_of is None else as_of)

    def save(self, folder: str | Path) -> str:
        """Write the model as a folder of JSON and CSV, whole or not at all.

        Parameters
        ----------
        folder : str or Path
            Folder to make; a bundle that is there is replaced.

        Returns
        -------
        str
            The model's version.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        return save_bundle(self.bundle, Path(folder))


def load_model(folder: str | Path) -> TrainedModel:
    """Load a model after checking every byte of its folder; nothing of it is executed.

    Parameters
    ----------
    folder : str or Path
        Folder written by `TrainedModel.save`, or a bundle's folder under ``models/bundles``.

    Returns
    -------
    TrainedModel
        Equal to the one saved.

    Raises
    ------
    ModelNotFound
        If there is no bundle.
    BundleError
        If it is damaged.
    """
    return TrainedModel(load_bundle(Path(folder)).bundle)
