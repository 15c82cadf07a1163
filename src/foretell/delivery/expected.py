"""A sum that is expected, with its range."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """A sum over all people that is expected, with the range that holds it 4 times of 5.

    Parameters
    ----------
    expected : float
        The mean.
    low, high : float or None
        10 % and 90 % quantiles; None where they are not known.
    """

    expected: float
    low: float | None
    high: float | None
