"""What has to be known of a whole shop at a cutoff by whoever has the rows of some of its customers only."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Moment:
    """A shop at a cutoff.

    Parameters
    ----------
    customers : int
        Customers with a purchase before it.
    observed_until : datetime
        First instant that was not observed, as known then.
    """

    customers: int
    observed_until: datetime
