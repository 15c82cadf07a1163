"""The settings of a shop as frozen values: every key with its default, its limits and its meaning."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from foretell.errors import did_you_mean
from foretell.windows import Horizons, as_cutoff

TEXT = "a text"
FLAG = "true or false"
DAYS = "a whole number of days from 1 to 10,000"
SHARE = "two shares such as [0.33, 0.66], each above the one before, between 0 and 1"
COLUMN = "the name of a column of the source, or an SQL expression over its columns"

Text = Annotated[str, Field(min_length=1)]
Days = Annotated[int, Field(ge=1, le=10_000)]


def _setting(default: Any, meaning: str, allowed: str, *, example: str = "") -> Any:
    """Declare one key; the texts serve its error message, the sample file and the docs alike."""
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed, "example": example})


class Section(BaseModel):
    """What every section shares: unknown keys are refused, types are not bent, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ShopSettings(Section):
    """Section ``[shop]``: Who this is about."""

    name: Text = _setting("shop", "What the shop is called in reports.", TEXT)
    currency: Text | None = _setting(
        None, "Currency of the amounts, as shown in reports.", "a text such as 'EUR'", example='"EUR"'
    )
    time_zone: Text | None = _setting(
        None,
        "The shop's time zone; needed where order times carry an offset or a zone.",
        "a zone such as 'Europe/Berlin'",
        example='"Europe/Berlin"',
    )

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        _require_usable("time_zone", value)
        return value


class OrdersSettings(Section):
    """Section ``[data.orders]``: Where the orders lie, how they are written, which column is what.

    Each column is named by a column of the source, or by an SQL expression over its columns.
    """

    path: Text = _setting(
        ...,
        "Where the orders lie.",
        "a file, a pattern such as data/raw/orders-*.csv, or a folder",
        example='"data/raw/orders.csv"',
    )
    customer_id: Text = _setting("customer_id", "Who bought.", COLUMN)
    ordered_at: Text = _setting("ordered_at", "When.", COLUMN)
    amount: Text | None = _setting(
        "amount", "Money of the row, negative for refunds; without such a column only orders are counted.", COLUMN
    )
    order_id: Text | None = _setting(
        None, "Which order a row belongs to; rows that share it are one order.", COLUMN, example='"order_id"'
    )
    cancelled: Text | None = _setting(
        None, "Whether the row was cancelled.", COLUMN, example="\"status = 'cancelled'\""
    )
    currency: Text | None = _setting(
        None, "Column that holds the currency; two currencies are refused.", COLUMN, example='"currency"'
    )
    channel: Text | None = _setting(None, "How the order came in.", COLUMN, example='"channel"')
    source: Text | None = _setting(None, "Where the visit came from.", COLUMN, example='"utm_source"')
    medium: Text | None = _setting(None, "By which medium the visit came.", COLUMN, example='"utm_medium"')
    campaign: Text | None = _setting(None, "Campaign of the visit.", COLUMN, example='"utm_campaign"')
    gclid: Text | None = _setting(None, "Click identifier of the visit.", COLUMN, example='"gclid"')
    device: Text | None = _setting(None, "Device on which the order was placed.", COLUMN, example='"device"')
    country: Text | None = _setting(None, "Country of the order.", COLUMN, example='"country"')
    store: Text | None = _setting(None, "Store of the order.", COLUMN, example='"store"')
    discount: Text | None = _setting(None, "Money off the row's price.", COLUMN, example='"discount"')
    attributes: tuple[Text, ...] | None = _setting(
        None, "Further columns to keep; without this key all of them are.", "a list of column names", example="[]"
    )
    delimiter: Text | None = _setting(
        None,
        "Character between the fields of a text file; without this key a comma, or a tab in a .tsv file.",
        "one character such as ';'",
        example='";"',
    )
    encoding: Text = _setting("utf8", "Encoding of a text file.", "an encoding such as 'utf8' or 'cp1252'")
    decimal_comma: bool = _setting(False, "Whether numbers are written as 1.234,56.", FLAG)
    date_format: Text | tuple[Text, ...] | None = _setting(
        None,
        "How dates are written, one format or a list to be tried in order; without this key ISO 8601.",
        "a format such as '%d/%m/%Y %H:%M', or a list of them",
        example='"%d/%m/%Y %H:%M"',
    )
    observed_until: date | datetime | str | None = _setting(
        None,
        "First moment of which no order is known yet; without this key the midnight after the last order.",
        "a date such as 2026-11-01",
        example="2026-11-01",
    )
    drop_duplicates: bool = _setting(
        False, "Whether rows that repeat an earlier row in every column are left out; otherwise counted.", FLAG
    )

    @field_validator("delimiter", "encoding", "date_format")
    @classmethod
    def _can_be_read(cls, value: str | tuple[str, ...] | None, info: ValidationInfo) -> str | tuple[str, ...] | None:
        _require_usable(str(info.field_name), value)
        return value

    @field_validator("observed_until")
    @classmethod
    def _is_an_instant(cls, value: date | datetime | str | None) -> datetime | None:
        return None if value is None else as_cutoff(value)

    def read_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `foretell.read_orders`, time zone aside.

        Returns
        -------
        dict of str to object
            Every key but ``path``, without those that were left out.
        """
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "path"}
        # amount has a default of its own in read_orders, so that None has to be said.
        return {name: value for name, value in given.items() if value is not None or name == "amount"}


class DataSettings(Section):
    """Section ``[data]``: one section below it for each table."""

    orders: OrdersSettings | None = Field(default=None, description="The orders.")


class HorizonSettings(Section):
    """Section ``[horizons]``: How far ahead each answer looks."""

    clv_days: Days = _setting(365, "Horizon of predicted orders, spend and next-order dates.", DAYS)
    churn_days: Days = _setting(90, "A customer without a purchase for this long has churned.", DAYS)
    order_days: Days = _setting(30, "Horizon of the short-term purchase probability.", DAYS)

    def as_horizons(self) -> Horizons:
        """Return the horizons as the rooms below take them.

        Returns
        -------
        Horizons
            In days.
        """
        return Horizons(self.clv_days, self.churn_days, self.order_days)


class TrainingSettings(Section):
    """Section ``[training]``: What is fitted."""

    rungs: Annotated[tuple[Text, ...], Field(min_length=1)] | None = _setting(
        None,
        "Models to judge; the first scores unless another did better on the past. Without this key all of them.",
        "a list of 'boosted', 'purchase' and 'pareto'",
        example='["boosted", "purchase", "pareto"]',
    )
    annual_discount_rate: Annotated[float, Field(ge=0, le=10)] = _setting(
        0.0, "Yearly rate at which future spend is discounted; 0.1 is 10 %.", "a number from 0 to 10"
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = _setting(
        0, "Seed of everything random.", "a whole number from 0 to 4,294,967,295"
    )
    exclude_periods: tuple[tuple[date, date], ...] | None = _setting(
        None,
        "First and last days of stretches that say nothing about the future (a lockdown, a month without stock).",
        "a list of pairs of dates",
        example="[[2020-03-15, 2020-05-31]]",
    )
    tune_trials: Annotated[int, Field(ge=0, le=10_000)] = _setting(
        0, "Trials of settings of the trees, the usual ones first; 0 tunes nothing.", "a whole number from 0 to 10,000"
    )
    tune_timeout_seconds: Annotated[int, Field(ge=0)] = _setting(
        0, "No trial begins after so many seconds of trials; 0 is no limit.", "a whole number of seconds, 0 or more"
    )

    @field_validator("exclude_periods", mode="before")
    @classmethod
    def _are_days(cls, value: object) -> object:
        if not isinstance(value, tuple) or not all(isinstance(pair, tuple) for pair in value):
            return value
        return tuple(tuple(as_cutoff(day).date() if isinstance(day, str) else day for day in pair) for pair in value)

    @field_validator("rungs")
    @classmethod
    def _are_known(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None:
            from foretell.training.recipes import RUNGS

            for name in value:
                if name not in RUNGS:
                    problem = f"holds an unknown model.{did_you_mean(name, RUNGS)} Known: {', '.join(RUNGS)}."
                    raise ValueError(problem)
            if len(set(value)) != len(value):
                problem = "names a model twice."
                raise ValueError(problem)
        return value


class ScoringSettings(Section):
    """Section ``[scoring]``: What goes into the published files."""

    explained_customers: Annotated[int, Field(ge=0)] = _setting(
        200_000, "How many customers get reasons, highest value first.", "a whole number, 0 or more"
    )
    churn_band_edges: tuple[float, float] = _setting(
        (0.33, 0.66), "Churn risks at which the bands medium and high begin.", SHARE
    )

    max_input_age_days: Annotated[int, Field(ge=0)] | None = _setting(
        None, "Refuse to score when the newest order is older than this at as_of.", "a whole number of days, 0 or more",
        example="3",
    )  # fmt: skip

    @field_validator("churn_band_edges")
    @classmethod
    def _rise(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] < value[1] < 1:
            problem = f"must be {SHARE}."
            raise ValueError(problem)
        return value


class LookalikeSettings(Section):
    """Section ``[lookalike]``: Whom to look for, and where."""

    seeds: Path | None = _setting(
        None, "List of the customers whose like is wanted: by key, e-mail address or SHA-256 of one.", "a file",
        example='"data/raw/seeds.csv"',
    )  # fmt: skip
    seed_rule: Text | None = _setting(
        None,
        "Seeds by a rule over the scores instead of a list.",
        "a condition such as 'clv_percentile > 95'",
        example='"clv_percentile > 95"',
    )
    weights: Text | None = _setting(
        None, "Column of the seeds' list, or of the scores: what each seed is worth.", "a column of numbers above 0",
        example='"value"',
    )  # fmt: skip
    pool: Path | None = _setting(
        None,
        "Customers to rank, with columns of their own; without this key the shop's customers by their orders.",
        "a file",
        example='"data/raw/pool.csv"',
    )
    exclude: Path | None = _setting(
        None, "List of customers who are not ranked, beside the seeds.", "a file", example='"data/raw/exclude.csv"'
    )
    key: Text = _setting("customer_id", "Column of the customers in these files.", "the name of a column")
    size: Text | int = _setting("5%", "Size of the audience.", "1% to 10%, or a number of customers")
    allow: tuple[Text, ...] = _setting(
        (), "Columns to learn from although they are sensitive or define the seeds.", "a list of column names"
    )
    sensitive: tuple[Text, ...] = _setting(
        (), "Columns that describe protected groups: audited, not learnt from.", "a list of column names"
    )

    @field_validator("size")
    @classmethod
    def _is_a_size(cls, value: str | int) -> str | int:
        audience_size(value)
        return value


def audience_size(value: str | int) -> float | int:
    """Return the size of an audience.

    Parameters
    ----------
    value : str or int
        As in ``5%`` or ``500``.

    Returns
    -------
    float or int
        A share from .01 to .1, or a number of customers.

    Raises
    ------
    ValueError
        If it is neither.
    """
    text = str(value).replace(" ", "")
    if re.fullmatch(r"\d+(\.\d+)?%", text) and 1 <= float(text[:-1]) <= 10:
        return float(text[:-1]) / 100
    if re.fullmatch(r"\d+", text) and int(text):
        return int(text)
    problem = "must be 1% to 10%, or a number of customers."
    raise ValueError(problem)


class FolderSettings(Section):
    """Section ``[folders]``: Where results go."""

    models: Path = _setting(Path("models"), "Trained models and the tracking store.", "a folder")
    output: Path = _setting(Path("data/exports"), "Published runs, one folder each.", "a folder")


class TrackingSettings(Section):
    """Section ``[tracking]``: Whether training runs are written down in MLflow."""

    enabled: bool = _setting(True, "Whether training runs are written down.", FLAG)
    experiment: Text = _setting("foretell", "Name of the experiment they are filed under.", TEXT)


class Settings(Section):
    """Everything that a job needs to know, by section."""

    shop: ShopSettings = Field(ShopSettings(), description="Who this is about.")
    data: DataSettings = Field(DataSettings(), description="Where the tables lie.")
    horizons: HorizonSettings = Field(HorizonSettings(), description="How far ahead each answer looks.")
    training: TrainingSettings = Field(TrainingSettings(), description="What is fitted.")
    scoring: ScoringSettings = Field(ScoringSettings(), description="What goes into the published files.")
    lookalike: LookalikeSettings = Field(LookalikeSettings(), description="Whom to look for, and where.")
    folders: FolderSettings = Field(FolderSettings(), description="Where results go.")
    tracking: TrackingSettings = Field(TrackingSettings(), description="Whether training runs are written down.")


def _require_usable(name: str, value: str | tuple[str, ...] | None) -> None:
    """Ask the reader of files whether it can work with an option."""
    if value is not None:
        from foretell.tables.options import ReadOptions

        options: dict[str, Any] = {name: (value,) if name == "date_format" and isinstance(value, str) else value}
        ReadOptions(**options)
