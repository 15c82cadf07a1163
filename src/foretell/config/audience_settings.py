"""The settings of audiences: which segments are written, and whose like is looked for."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from foretell.config.section import TEXT, Section, Text
from foretell.config.section import setting as _setting


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
