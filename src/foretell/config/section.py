"""What every section of the settings is made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

TEXT = "a text"
FLAG = "true or false"
DAYS = "a whole number of days from 1 to 10,000"
SHARE_OF_ONE = "a number from 0 to 1"

Text = Annotated[str, Field(min_length=1)]
Days = Annotated[int, Field(ge=1, le=10_000)]
Share = Annotated[float, Field(ge=0, le=1)]


def setting(default: Any, meaning: str, allowed: str, *, example: str = "") -> Any:
    """Declare one key; the texts serve its error message, the sample file and the docs alike.

    Parameters
    ----------
    default : object
        Value without the key; an ellipsis where the key must be given.
    meaning : str
        One sentence.
    allowed : str
        What the value may be, as it ends "must be …".
    example : str
        TOML text for the sample file; empty shows the default.

    Returns
    -------
    object
        A pydantic field.
    """
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed, "example": example})


class Section(BaseModel):
    """What every section shares: unknown keys are refused, types are not bent, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
