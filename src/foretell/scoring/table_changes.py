"""Tables and columns that a bundle was trained with and the data at hand lack, or the other way round."""

import warnings

from foretell.bundles.bundle import Bundle
from foretell.errors import DataWarning
from foretell.features.behaviour.available import Available
from foretell.features.catalogue import read_columns
from foretell.tables.dataset import CustomerData


def table_changes(data: CustomerData, bundle: Bundle) -> tuple[str, ...]:
    """Say which tables and columns differ from those that the trees were trained with.

    Parameters
    ----------
    data : CustomerData
        Rows to be scored; only names of tables and columns are read.
    bundle : Bundle
        The fitted values.

    Returns
    -------
    tuple of str
        One sentence each; empty where nothing differs, or where predictions do not rest on features.
    """
    if not bundle.reads_features:
        return ()
    then = {} if bundle.statistics is None else bundle.statistics.columns
    now = read_columns(Available.of(data))
    found = []
    for table in sorted({*then, *now}):
        lost, new = (set(a.get(table, ())) - set(b.get(table, ())) for a, b in ((then, now), (now, then)))
        if table not in now or lost:
            what = "" if table not in now else f" ({', '.join(sorted(lost))})"
            found.append(f"{table}{what}: the model was trained with it and counts what it says as missing.")
        if table not in then or new:
            what = "" if table not in then else f" ({', '.join(sorted(new))})"
            found.append(f"{table}{what}: the model was trained without it and does not read it.")
    return tuple(found)


def warn_of_table_changes(data: CustomerData, bundle: Bundle) -> None:
    """Warn where tables or columns differ from those of training.

    Parameters
    ----------
    data : CustomerData
        Rows to be scored.
    bundle : Bundle
        The fitted values.

    Warns
    -----
    DataWarning
        Once for all differences.
    """
    changes = table_changes(data, bundle)
    if changes:
        warnings.warn(
            f"Tables differ from those of training. {' '.join(changes)} Remedy: read the same tables, or train again.",
            DataWarning,
            stacklevel=3,
        )
