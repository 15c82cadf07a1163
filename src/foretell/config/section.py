"""What every section of the settings shares: how a key is declared, and what is refused."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

TEXT = "a text"
FLAG = "true or false"
DAYS = "a whole number of days from 1 to 10,000"
SHARE = "two shares such as [0.33, 0.66], each above the one before, between 0 and 1"
SHARE_OF_ONE = "a number from 0 to 1"
COLUMN = "the name of a column of the source, or an SQL expression over its columns"

Text = Annotated[str, Field(min_length=1)]
Days = Annotated[int, Field(ge=1, le=10_000)]
Share = Annotated[float, Field(ge=0, le=1)]


def setting(default: Any, meaning: str, allowed: str, *, example: str = "") -> Any:
    """Declare one key; the texts serve its error message, the sample file and the docs alike.

    Parameters
    ----------
    default : object
        Value where the key is not given; ``...`` where it has to be.
    meaning : str
        One sentence.
    allowed : str
        What the value must be, as it follows "must be".
    example : str
        What the sample file shows, in TOML; empty shows the default.

    Returns
    -------
    object
        The field.
    """
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed, "example": example})


class Section(BaseModel):
    """What every section shares: unknown keys are refused, types are not bent, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def require_usable(name: str, value: str | tuple[str, ...] | None) -> None:
    """Ask the reader of files whether it can work with an option.

    Parameters
    ----------
    name : str
        Name of the option.
    value : str, tuple of str or None
        What was given.

    Raises
    ------
    ConfigError
        If it cannot mean anything.
    """
    if value is not None:
        from foretell.tables.options import ReadOptions

        options: dict[str, Any] = {name: (value,) if name == "date_format" and isinstance(value, str) else value}
        ReadOptions(**options)
