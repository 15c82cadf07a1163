"""What a family of features of the optional tables is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.seen import Seen
from foretell.features.feature import Feature, Values


@dataclass(frozen=True)
class TableFamily:
    """Features that are computed together from one of the optional tables.

    Parameters
    ----------
    name : str
        Name of the family.
    wants : mapping of str to str
        What has to be there, each with what is said where it is not.
    declare : callable
        From what a shop's tables hold to every feature that the family could have there; those whose columns are
        absent are left out later.
    compute : callable
        From what was seen to one array or series of shape (C,) per feature whose columns are there.
    """

    name: str
    wants: Mapping[str, str]
    declare: Callable[[Available], tuple[Feature, ...]]
    compute: Callable[[Seen], Values]

    def features(self, available: Available) -> tuple[Feature, ...]:
        """Return the features that a shop's tables switch on.

        Parameters
        ----------
        available : Available
            What the tables hold.

        Returns
        -------
        tuple of Feature
        """
        return tuple(feature for feature in self.declare(available) if is_on(feature, available))


def is_on(feature: Feature, available: Available) -> bool:
    """Say whether a shop's tables hold all that a feature needs.

    Parameters
    ----------
    feature : Feature
        Declaration.
    available : Available
        What the tables hold.

    Returns
    -------
    bool
    """
    return any(available.has(table, *feature.needs) for table in feature.source.split(" or "))
