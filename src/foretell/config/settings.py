"""The settings of a shop as frozen values: every key with its default, its limits and its meaning."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from foretell.config.audience_settings import LookalikeSettings, PrivacySettings, SegmentSettings, UploadSettings
from foretell.config.data_settings import DataSettings
from foretell.config.publishing import DatabaseSettings, GateSettings
from foretell.config.section import DAYS, FLAG, SHARE, TEXT, Days, Section, Text, require_usable
from foretell.config.section import setting as _setting
from foretell.errors import ConfigError, did_you_mean
from foretell.storage.limits import SIZE, bytes_of
from foretell.windows import Horizons, as_cutoff


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
        require_usable("time_zone", value)
        return value


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
    retail_year: bool = _setting(
        True,
        "Whether weeks that the shop has not shown yet lean on a published retail year (busy November and December).",
        FLAG,
    )
    engine: Literal["frame", "spark"] = _setting(
        "frame",
        "Whether the tables are read in one piece into memory (frame), or read and counted by the workers of a cluster "
        "(spark), which send this process the rows of those who are learnt from; they see the tables' paths under the "
        "same names.",
        "one of 'frame' and 'spark'",
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

    engine: Literal["auto", "frame", "buckets", "spark"] = _setting(
        "auto",
        "Whether customers are scored in one piece in memory (frame) or bucket by bucket on disk (buckets); auto takes "
        "buckets for more order rows than fit into the memory, and from 2,000,000 on. With spark the workers of a "
        "cluster score the buckets; they see the output folder under the same name.",
        "one of 'auto', 'frame', 'buckets' and 'spark'",
    )
    memory: Text | None = _setting(
        None,
        "Memory that scoring in buckets keeps to. Without this key 70 % of what the machine or the container has.",
        SIZE,
        example='"2GB"',
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | None = _setting(
        None,
        "Threads at most. Without this key as many as there are processors for this process.",
        "a whole number from 1 to 1,024",
        example="2",
    )
    max_input_age_days: Annotated[int, Field(ge=0)] | None = _setting(
        None, "Refuse to score when the newest order is older than this at as_of.", "a whole number of days, 0 or more",
        example="3",
    )  # fmt: skip

    @field_validator("memory")
    @classmethod
    def _is_a_size(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                bytes_of(value)
            except ConfigError:
                problem = f"must be {SIZE}."
                raise ValueError(problem) from None
        return value

    @field_validator("churn_band_edges")
    @classmethod
    def _rise(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] < value[1] < 1:
            problem = f"must be {SHARE}."
            raise ValueError(problem)
        return value


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
    gates: GateSettings = Field(GateSettings(), description="How far a run may lie from the last one.")
    segments: SegmentSettings = Field(SegmentSettings(), description="Which segments are written.")
    lookalike: LookalikeSettings = Field(LookalikeSettings(), description="Whom to look for, and where.")
    uploads: UploadSettings = Field(UploadSettings(), description="Upload files in the published folder.")
    privacy: PrivacySettings = Field(PrivacySettings(), description="Who is to be forgotten.")
    folders: FolderSettings = Field(FolderSettings(), description="Where results go.")
    database: DatabaseSettings = Field(DatabaseSettings(), description="A table that scores are also written to.")
    tracking: TrackingSettings = Field(TrackingSettings(), description="Whether training runs are written down.")
