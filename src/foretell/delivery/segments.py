"""Segments as data: whom they hold, why, and what to do about it."""

import re
from dataclasses import dataclass
from typing import Literal

from foretell.errors import ConfigError

People = Literal["customers", "prospects", "everyone"]

CHANNELS = (
    "email", "sms", "push", "phone", "post", "onsite", "messaging",
    "klaviyo", "meta", "google", "criteo", "tiktok", "linkedin",
)  # fmt: skip
"""Where a segment may be used."""
UTM = ("source", "medium", "campaign", "term", "content")
"""Parts of the tag that tells visits of a campaign apart."""
PURPOSES = (
    "Win back", "Get the second order", "Get the next order", "Keep and reward",
    "Get the first order, and pools for ads", "Seasons and gifts", "Places and channels", "Leave out, or take off",
    "Companies", "Everybody in parts", "Plan and test",
)  # fmt: skip
"""What ready segments are for, in the order in which a reader is told of them."""
HOLDOUT_ENDING = "_holdout"


@dataclass(frozen=True)
class Segment:
    """One audience, defined in words and by a rule over scores and features; nothing in it is code.

    Parameters
    ----------
    name : str
        Name of its file, lower case letters, digits and underscores.
    title : str
        Its name in words.
    where : str
        An SQL condition over the columns of `foretell.delivery.rule_columns`.
    description : str
        Whom it holds, one sentence.
    action : str
        What to do with it, one sentence.
    order_by : tuple of str
        Columns, first first, each followed by ``DESC`` for the highest first; ties by customer_id.
    columns : tuple of str
        Columns of its file, after customer_id and why_here; names without a horizon are allowed.
    why : tuple of str
        Parts of the sentence that says why a row is in it, with column names in braces; a part whose column
        is empty for a row is left out.
    description_without_money : str
        The description in a shop without amounts; empty for the same one.
    owner : str
        Who acts on it.
    exclusive : str
        Name of a group of segments that share no customer; empty for a segment that may overlap with any.
    priority : int or None
        Place in that group: 1 chooses its customers first.
    sample : float, int or None
        Share (below 1) or number of the customers that is drawn at random; None takes all.
    limit : int or None
        Most customers, the first in order.
    holdout : float
        Share of the customers that is left out of the campaign, in a file of their own, to see what it did.
    split : str
        Name of the random assignment; segments that share it hold out the same customers. Empty for its own.
    channels : tuple of str
        Where it is used, of `CHANNELS`.
    utm : tuple of (str, str)
        Parts of `UTM` and their texts.
    otherwise : str
        The SQL condition that stands in for `where` where the data lack a column of `needs`; empty for none.
    needs : tuple of str
        Columns beyond the scores without which it is off.
    tables : tuple of str
        Tables that these columns come from.
    people : "customers", "prospects" or "everyone"
        Whom the rule is asked about: those with an order, those without, or both.
    off : str
        Why it is off until a shop asks for it by name, as a whole sentence; empty if it is on.
    purpose : str
        What it is for, in a few words: segments of one purpose stand together; empty for none.
    ready : bool
        Whether it comes with foretell.

    Raises
    ------
    ConfigError
        If the name is no safe file name.
    """

    name: str
    title: str
    where: str
    description: str
    action: str
    order_by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    description_without_money: str = ""
    owner: str = ""
    exclusive: str = ""
    priority: int | None = None
    sample: float | int | None = None
    limit: int | None = None
    holdout: float = 0.0
    split: str = ""
    channels: tuple[str, ...] = ()
    utm: tuple[tuple[str, str], ...] = ()
    otherwise: str = ""
    needs: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    people: People = "customers"
    off: str = ""
    purpose: str = ""
    ready: bool = False

    def __post_init__(self) -> None:
        """Refuse a name that is no safe file name."""
        problem = name_problem(self.name)
        if problem:
            raise ConfigError([problem])


def name_problem(name: str) -> str:
    """Say what is wrong with the name of a segment.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    str
        A sentence; empty where nothing is wrong.
    """
    if not re.fullmatch("[a-z0-9_]{1,80}", name):
        return (
            f"The segment name {name!r} may hold only lower case letters, digits and underscores, 1 to 80 of them: it "
            "is the name of a file."
        )
    if name.endswith(HOLDOUT_ENDING):
        return f"The segment name {name!r} ends in {HOLDOUT_ENDING!r}, as the files of those held out do."
    return ""


def direction(entry: str) -> tuple[str, bool]:
    """Read one entry of ``order_by``.

    Parameters
    ----------
    entry : str
        As in ``predicted_clv DESC``.

    Returns
    -------
    str
        The column.
    bool
        Whether the highest come first.
    """
    name, _, word = entry.strip().partition(" ")
    return name, word.strip().upper() == "DESC"
