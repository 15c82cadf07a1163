"""Which columns of each table scoring may read: what leaves the process that read a table, for a disk or a cluster."""

from collections.abc import Mapping

from foretell.tables.schema import OPTIONAL, ORDERS


def kept_of_orders(names: list[str]) -> list[str]:
    """Return the columns of orders that scoring may read: those that foretell gives a meaning to.

    Parameters
    ----------
    names : list of str
        Columns that there are.

    Returns
    -------
    list of str
        In their order; attributes stay behind.
    """
    known = {"row_number", *(column.stored_name for column in ORDERS)}
    return [name for name in names if name in known]


_COLUMNS: Mapping[str, Mapping[str, bool]] = {
    table.name: {column.stored_name: column.personal for column in table} for table in OPTIONAL
}


def kept_of_optional(table: str, names: list[str], stable: tuple[str, ...]) -> list[str]:
    """Return the columns of a table beside orders that scoring may read: nothing that says who a customer is.

    Parameters
    ----------
    table : str
        Name of the table.
    names : list of str
        Columns that there are.
    stable : tuple of str
        Attributes that were declared stable.

    Returns
    -------
    list of str
    """
    personal = _COLUMNS[table]
    return [name for name in names if not personal.get(name, name not in stable)]
