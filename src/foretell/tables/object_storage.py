"""Files of an object store (S3 and what speaks like it), opened by polars' own reader.

Who may read is said by the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, …) or
by the machine's role, never by an address. The store's own words are not passed on.
"""

from urllib.parse import urlsplit

import polars as pl

from foretell.errors import ConfigError, DataError, Violation
from foretell.tables.options import ReadOptions

_SCHEMES = ("s3://", "s3a://")
_SUFFIXES = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "text", ".tsv": "text", ".txt": "text", ".csv.gz": "text",
    ".tsv.gz": "text", ".arrow": "ipc", ".ipc": "ipc", ".feather": "ipc",
}  # fmt: skip
_DELIMITERS = (",", ";", "\t", "|")


def is_object(source: object) -> bool:
    """Tell whether a source is the address of an object.

    Parameters
    ----------
    source : object
        What the user named.

    Returns
    -------
    bool
        True for ``s3://…`` and ``s3a://…``.
    """
    return isinstance(source, str) and source.startswith(_SCHEMES)


def scan_objects(address: str, options: ReadOptions, *, table: str) -> tuple[str, pl.LazyFrame, pl.Schema]:
    """Open objects lazily; text columns stay text.

    Parameters
    ----------
    address : str
        ``s3://bucket/name.parquet``, or a pattern such as ``s3://bucket/orders/*.csv``.
    options : ReadOptions
        How text files are written; UTF-8 only.
    table : str
        Name of the table, for messages.

    Returns
    -------
    (str, polars.LazyFrame, polars.Schema)
        ``text``, ``parquet`` or ``ipc``; the rows; their columns.

    Raises
    ------
    ConfigError
        If the address holds a secret, or its name says no kind that is read.
    DataError
        If nothing is there, the store does not answer, or what it holds is of another kind.
    """
    if "@" in urlsplit(address).netloc:
        msg = f"{table}: the address holds a user or a secret. Take it out, and give it by AWS_ACCESS_KEY_ID and so on."
        raise ConfigError([msg])
    name = address.lower()
    kind = next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), None)
    if kind is None:
        msg = f"{table}: the address must end in a kind of file, as in s3://bucket/orders/*.parquet."
        raise ConfigError([msg])
    if kind == "text" and not options.is_utf8:
        msg = f"{table}: text in an object store is read as UTF-8 only. Save it as UTF-8 or Parquet."
        raise ConfigError([msg])
    delimiter = options.delimiter or ("\t" if ".tsv" in name else ",")
    found = True
    try:
        if kind == "text":
            rows = pl.scan_csv(address, separator=delimiter, infer_schema=False)
        else:
            rows = pl.scan_parquet(address) if kind == "parquet" else pl.scan_ipc(address)
        schema = rows.collect_schema()
    except (pl.exceptions.PolarsError, OSError):
        found = False
    if not found:
        rule = f"there is no {kind} object at this address that can be read"
        remedy = "Check the address, AWS_ENDPOINT_URL, AWS_REGION and the keys in the environment."
        raise DataError([Violation(table, None, rule, 1, remedy=remedy)], source=address)
    _require_delimiter(schema, kind, delimiter, table=table, address=address)
    return kind, rows, schema


def _require_delimiter(schema: pl.Schema, kind: str, delimiter: str, *, table: str, address: str) -> None:
    names = schema.names()
    other = next((mark for mark in _DELIMITERS if kind == "text" and len(names) == 1 and mark in names[0]), None)
    if other is not None:
        rule = f"the delimiter is not {delimiter!r}: the header line is one single field"
        remedy = f"Read it with delimiter={other!r}."
        raise DataError([Violation(table, None, rule, 1, remedy=remedy)], source=address)
