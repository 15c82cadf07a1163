"""The settings of audiences: which segments are written, and whose like is looked for."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from foretell.config.section import TEXT, Section, Text
from foretell.config.section import setting as _setting
from foretell.errors import did_you_mean


class SegmentSettings(Section):
    """Section ``[segments]``: Which segments are written; the shop's own are TOML files in a folder."""

    folder: Path = _setting(Path("segments"), "Segments of the shop's own: *.toml, see docs/segments.md.", "a folder")
    ready: tuple[Text, ...] | None = _setting(
        None,
        "Ready segments to write; without this key all that the data allow and that are not sensitive.",
        "a list of names, as `foretell segments list` shows them",
        example='["win_back", "vip", "due_soon"]',
    )
    holdout: Annotated[float, Field(ge=0, le=0.9)] = _setting(
        0.0, "Share of every segment that is left out of campaigns, to see what they did.", "a share from 0 to 0.9"
    )
    key: Text | None = _setting(
        None, "Text that decides by lot, with the customer's id; another text is another lot.", TEXT, example='"2026"'
    )

    @field_validator("holdout", mode="before")
    @classmethod
    def _is_a_share(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class UploadSettings(Section):
    """Section ``[uploads]``: Upload files in the published folder, for the platforms among a segment's channels.

    They need [data.customers] with addresses and consent.
    """

    platforms: tuple[Text, ...] | None = _setting(
        None,
        "Platforms to write for; without this key all that channels name, and none for an empty list.",
        "a list of platforms, as in docs/uploads.md",
        example='["meta", "klaviyo"]',
    )
    suppression: Path | None = _setting(
        None,
        "List of people who must not be written: a table with customer_id, email or phone.",
        "a file",
        example='"data/raw/do_not_contact.csv"',
    )
    options: dict[Text, Text] | None = _setting(
        None,
        "Choices that platforms leave open, see docs/uploads.md.",
        "a table of texts such as { default_country = 'NL' }",
        example='{ default_country = "NL" }',
    )

    @field_validator("platforms")
    @classmethod
    def _are_known(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        from foretell.delivery.uploads.platforms import PLATFORMS

        for name in value or ():
            if name not in PLATFORMS:
                problem = f"holds an unknown platform.{did_you_mean(name, PLATFORMS)} Known: {', '.join(PLATFORMS)}."
                raise ValueError(problem)
        return value


class PrivacySettings(Section):
    """Section ``[privacy]``: Who is to be forgotten."""

    forget: Path | None = _setting(
        None,
        "List of people of whom nothing is read, learnt or written any more: a table with the column customer_id.",
        "a file",
        example='"data/raw/forget.csv"',
    )


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
