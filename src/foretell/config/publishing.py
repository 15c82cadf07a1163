"""The settings of publishing: gates before it, a database after it."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from foretell.config.section import DAYS, SHARE_OF_ONE, TEXT, Days, Section, Share, Text
from foretell.config.section import setting as _setting


class GateSettings(Section):
    """Section ``[gates]``: How far a run may lie from the last one and from the shop's past and still be published.

    A run that is further off is refused (exit 4); --force publishes it and the manifest says so.
    """

    max_rows_fall: Share | None = _setting(0.05, "Share of the last run's rows that may be gone.", SHARE_OF_ONE)
    max_active_fall: Share | None = _setting(
        0.1, "Share of the last run's active customers that may be gone; more in small shops, .003 more a day.",
        SHARE_OF_ONE,
    )  # fmt: skip
    max_score_drift: Share | None = _setting(
        0.1, "Kolmogorov-Smirnov distance of predictions from the last run's; more in small shops, .008 more a day.",
        SHARE_OF_ONE,
    )  # fmt: skip
    max_feature_drift: Share | None = _setting(
        0.15, "Kolmogorov-Smirnov distance of histories from the training's; more in small shops, .002 more a day.",
        SHARE_OF_ONE,
    )  # fmt: skip
    max_model_age_days: Days | None = _setting(
        None,
        "Age of the model at as_of; without this key the horizon of predicted value, at least 180.",
        DAYS,
        example="120",
    )
    max_unseen_share: Share | None = _setting(
        0.2, "Share of the newest rows that may have a category that training did not see.", SHARE_OF_ONE
    )
    max_level_ratio: Annotated[float, Field(ge=1)] | None = _setting(
        2.0, "Factor between the orders expected in 28 days and those of the last 28, either way.",
        "a number, 1 or more",
    )  # fmt: skip
    max_silent_days: Days | None = _setting(
        None,
        "Days without any order before as_of; without this key two more than the longest such pause that is usual.",
        DAYS,
        example="5",
    )
    max_customers_gone: Share | None = _setting(
        0.1, "Share of the last run's customers who may be gone, .003 more a day.", SHARE_OF_ONE
    )


class DatabaseSettings(Section):
    """Section ``[database]``: A table that scores are also written to, besides the published folder.

    The address holds no password: PGPASSWORD, ~/.pgpass or a service file do.
    """

    address: Text | None = _setting(
        None, "Where the table is; without this key nothing is written to a database.",
        "an address such as postgresql://user@host/database or duckdb:///path/to/file.duckdb",
        example='"postgresql://foretell@warehouse/shop"',
    )  # fmt: skip
    table: Text = _setting("customer_scores", "Name of the table; <table>_runs says which runs it holds.", TEXT)
    mode: Literal["replace", "by_as_of"] = _setting(
        "replace", "Whether the table holds the newest run, or one of each as_of.", "'replace' or 'by_as_of'"
    )

    @field_validator("address")
    @classmethod
    def _holds_no_secret(cls, value: str | None) -> str | None:
        if value is not None:
            require_no_secret(value)
        return value


def require_no_secret(address: str) -> None:
    """Refuse the address of a database that holds a password.

    Parameters
    ----------
    address : str
        Any source or destination.

    Raises
    ------
    ValueError
        With where the password may be.
    """
    from foretell.tables.database_access import is_database, secret_problem

    problem = secret_problem(address) if is_database(address) else ""
    if problem:
        raise ValueError(problem)
