"""A shop's rows in hash buckets of customers on disk: each bucket is read as a data set of its own."""

import io
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from foretell.tables.dataset import CustomerData, ReadReport
from foretell.tables.kept_columns import kept_of_optional, kept_of_orders

BY_CUSTOMER = ("orders", "order_lines", "events", "customers")
"""Tables that are split; calendar and places are everybody's."""

# Not the salted CRC of `tables.buckets`, which is for assignments that must hold for ever: buckets on disk live as
# long as one run, and this hash is ten times as quick.
_HASH_SEED = 20
_EMPTY = "no-rows.parquet"

DIGEST = "row_digest"
"""Column beside those of orders: a digest of the row as it came, in every source column."""


def bucket_numbers(ids: pl.Expr, buckets: int) -> pl.Expr:
    """Return the bucket of each customer, the same within one version of polars.

    Parameters
    ----------
    ids : polars.Expr
        Customer ids, String.
    buckets : int
        Number of buckets, > 0.

    Returns
    -------
    polars.Expr
        UInt64, 0 to ``buckets - 1``.
    """
    return ids.hash(seed=_HASH_SEED) % buckets


class BucketWriter:
    """Splits rows by customer into files of a folder, part by part.

    Parameters
    ----------
    folder : Path
        Where the files go; made if absent.
    buckets : int
        Number of buckets, > 0.
    """

    def __init__(self, folder: Path, buckets: int) -> None:
        self.folder = folder
        self.buckets = buckets

    def begin(self, table: str, rows: pl.DataFrame) -> None:
        """Make room for a table; what another run left of it is gone.

        Parameters
        ----------
        table : str
            One of `BY_CUSTOMER`.
        rows : polars.DataFrame
            Any rows of it: buckets without customers have their columns too.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        folder = self.folder / table
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _write(folder / _EMPTY, rows.clear())

    def write(self, table: str, rows: pl.DataFrame, part: int) -> None:
        """Write rows of a table that was begun, each to the bucket of its customer; their order in it stays.

        Parameters
        ----------
        table : str
            One of `BY_CUSTOMER`.
        rows : polars.DataFrame
            With ``customer_id``.
        part : int
            Place of these rows among all of the table: parts are read in this order.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        folder = self.folder / table
        split = rows.with_columns(bucket_numbers(pl.col("customer_id"), self.buckets).alias("bucket")).partition_by(
            "bucket", as_dict=True, include_key=False
        )
        for (bucket,), mine in split.items():
            path = folder / f"{bucket:05d}" / f"{part:06d}.parquet"
            path.parent.mkdir(exist_ok=True)
            _write(path, mine)

    def rewrite(self, table: str, bucket: int, rows: pl.DataFrame) -> None:
        """Put other rows in the place of a bucket's.

        Parameters
        ----------
        table : str
            One of `BY_CUSTOMER`.
        bucket : int
            Its number.
        rows : polars.DataFrame
            Of its customers.

        Raises
        ------
        OSError
            If the folder cannot be written to.
        """
        folder = self.folder / table / f"{bucket:05d}"
        for file in sorted(folder.glob("*.parquet")):
            file.unlink()
        _write(folder / f"{0:06d}.parquet", rows)


@dataclass(frozen=True)
class BucketedData:
    """A shop's rows in buckets on disk.

    Parameters
    ----------
    shop : CustomerData
        The shop as a whole: rows of every bucket, lazily, and what was found while reading.
    folder : Path
        As filled by `BucketWriter`.
    buckets : int
        Number of buckets.
    """

    shop: CustomerData
    folder: Path
    buckets: int
    _facts: dict[int, tuple[bool, bool]] = field(default_factory=dict, repr=False, compare=False)

    def bucket(self, number: int) -> CustomerData:
        """Read the rows of one bucket into memory.

        Parameters
        ----------
        number : int
            0 to ``buckets - 1``.

        Returns
        -------
        CustomerData
            Rows of its customers, possibly none, observed as long as the shop; without quarantine and report.
        """
        orders = self.rows("orders", number).collect()
        if number not in self._facts:
            # Looked up once: a bucket is read several times in a run.
            part = self.shop if orders.is_empty() else CustomerData.from_orders(orders)
            self._facts[number] = part.has_refunds, part.order_ids_repeat
        has_refunds, order_ids_repeat = self._facts[number]
        optional = self.shop.optional
        for name in optional.names:
            if name in BY_CUSTOMER:
                mine: dict[str, Any] = {name: self.rows(name, number).collect().lazy()}
                optional = replace(optional, **mine)
        return replace(
            self.shop,
            orders=orders.lazy(),
            quarantine=self.shop.quarantine.clear(),
            report=ReadReport(orders.height, orders.height),
            has_refunds=has_refunds,
            order_ids_repeat=order_ids_repeat,
            optional=optional,
        )

    def rows(self, table: str, number: int | None = None) -> pl.LazyFrame:
        """Return rows of a table, lazily.

        Parameters
        ----------
        table : str
            One of `BY_CUSTOMER`.
        number : int or None
            The bucket; None is all of them, one after the other.

        Returns
        -------
        polars.LazyFrame
            Possibly without rows.
        """
        return scan_orders(self.folder, number) if table == "orders" else scan_buckets(self.folder, table, number)


def scan_orders(folder: Path, number: int | None = None) -> pl.LazyFrame:
    """Return orders as a data set holds them.

    Parameters
    ----------
    folder, number
        As for `scan_buckets`.

    Returns
    -------
    polars.LazyFrame
        Without the digests that reading leaves beside them.
    """
    return scan_buckets(folder, "orders", number).drop(DIGEST, strict=False)


def scan_buckets(folder: Path, table: str, number: int | None = None) -> pl.LazyFrame:
    """Return rows of a table that `BucketWriter` wrote, lazily.

    Parameters
    ----------
    folder : Path
        The writer's folder.
    table : str
        One of `BY_CUSTOMER`.
    number : int or None
        The bucket; None is all of them.

    Returns
    -------
    polars.LazyFrame
        In the order of buckets and parts.
    """
    pattern = "*" if number is None else f"{number:05d}"
    files = [folder / table / _EMPTY, *sorted((folder / table).glob(f"{pattern}/*.parquet"))]
    return pl.scan_parquet(files, glob=False)


def split_data(data: CustomerData, folder: Path, buckets: int, *, rows_at_once: int) -> BucketedData:
    """Write the rows of a data set to buckets.

    Parameters
    ----------
    data : CustomerData
        The shop's rows.
    folder : Path
        An empty folder, or one to be made.
    buckets : int
        Number of buckets, > 0.
    rows_at_once : int
        Rows in memory while they are split.

    Returns
    -------
    BucketedData
        The same rows on disk; its ``shop`` is `data`.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    writer = BucketWriter(folder, buckets)
    orders = data.orders.select(kept_of_orders(data.orders.collect_schema().names()))
    write_table(writer, "orders", orders, rows_at_once=rows_at_once)
    write_optional(writer, data, rows_at_once=rows_at_once)
    return BucketedData(data, folder, buckets)


def write_optional(writer: BucketWriter, data: CustomerData, *, rows_at_once: int) -> None:
    """Write the tables beside orders that have customers; nothing that says who a customer is reaches the disk.

    Parameters
    ----------
    writer : BucketWriter
        Where to.
    data : CustomerData
        The shop's rows.
    rows_at_once : int
        Rows in memory while they are split.
    """
    for name in data.optional.names:
        if name in BY_CUSTOMER:
            rows = getattr(data.optional, name)
            kept = kept_of_optional(name, rows.collect_schema().names(), data.optional.stable_attributes)
            write_table(writer, name, rows.select(kept), rows_at_once=rows_at_once)


def write_table(writer: BucketWriter, name: str, rows: pl.LazyFrame, *, rows_at_once: int) -> None:
    """Write the rows of one table, some at a time.

    Parameters
    ----------
    writer : BucketWriter
        Where to.
    name : str
        One of `BY_CUSTOMER`.
    rows : polars.LazyFrame
        With ``customer_id``.
    rows_at_once : int
        Rows in memory while they are split.
    """
    writer.begin(name, pl.DataFrame(schema=rows.collect_schema()))
    for part, batch in enumerate(rows.collect_batches(chunk_size=rows_at_once, maintain_order=True)):
        writer.write(name, batch, part)


def _write(path: Path, rows: pl.DataFrame) -> None:
    # In memory first: on a full disk polars would complain of the format, not of the disk.
    content = io.BytesIO()
    rows.write_parquet(content, compression="lz4", statistics=False)
    path.write_bytes(content.getbuffer())
