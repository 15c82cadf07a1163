"""The CDNOW order history: 69,659 orders of 23,570 customers of a music shop, 1997-01-01 to 1998-06-30.

The file is read in place from the installed ``lifetimes`` distribution, which is not imported. All its customers
bought for the first time in the first quarter of 1997.

References
----------
P. S. Fader and B. G. S. Hardie (2001), Forecasting Repeat Sales at CDNOW: A Case Study, Interfaces 31(3).
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import polars as pl

from foretell.errors import DataError, Violation
from foretell.tables.dataset import MINOR_PER_UNIT, CustomerData

_OBSERVED_UNTIL = "1998-07-01"
_ORDERS, _CUSTOMERS = 69_659, 23_570
_MASTER_LINE = r"^\s*(?<customer_id>\d+)\s+(?<date>\d{8})\s+(?<cds>\d+)\s+(?<value>\d+\.\d+)\s*$"
_SAMPLE_LINE = r"^\s*(?<customer_id>\d{5})\s"
_REMEDY = "Install it: pip install lifetimes==0.11.3"


def load_cdnow(*, sample: bool = False) -> CustomerData:
    """Return the CDNOW order history, observed until 1998-07-01.

    Parameters
    ----------
    sample : bool
        Whether to return only the published 1/10 sample: 2,357 customers, on which most papers fit their models.

    Returns
    -------
    CustomerData
        One order a row: ``row_number`` (line of the file below its header), ``customer_id`` (text of five digits),
        ``ordered_at`` (midnight of the day), ``amount_minor`` (1/10,000 dollars; 80 orders are worth zero) and
        the attribute ``cds`` (discs bought).

    Raises
    ------
    DataError
        If the lifetimes distribution is not installed, or holds another file.
    """
    fields = pl.col("line").str.extract_groups(_MASTER_LINE)
    parsed = _lines("CDNOW_master.txt", skip=1).select("row_number", fields.alias("field")).unnest("field")
    orders = parsed.select(
        "row_number",
        "customer_id",
        pl.col("date").str.to_datetime("%Y%m%d", time_unit="us").alias("ordered_at"),
        (pl.col("value").cast(pl.Float64) * MINOR_PER_UNIT).round().cast(pl.Int64).alias("amount_minor"),
        pl.col("cds").cast(pl.Int32),
    )
    found = (orders.drop_nulls().height, orders["customer_id"].n_unique())
    if found != (_ORDERS, _CUSTOMERS):
        rule = f"the file is not the published one: {_ORDERS:,} orders of {_CUSTOMERS:,} customers were expected"
        raise DataError([Violation("orders", None, rule, found[0], remedy=_REMEDY)], source="CDNOW_master.txt")
    if sample:
        ids = _lines("CDNOW_sample.txt", skip=0).select(pl.col("line").str.extract(_SAMPLE_LINE).alias("customer_id"))
        orders = orders.join(ids, on="customer_id", how="semi", maintain_order="left")
    return CustomerData.from_orders(orders, observed_until=_OBSERVED_UNTIL)


def _lines(name: str, *, skip: int) -> pl.DataFrame:
    """Return the lines of a file of the distribution, numbered from 1 below the header."""
    try:
        path = Path(str(distribution("lifetimes").locate_file(f"lifetimes/datasets/{name}")))
    except PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        violation = Violation(
            "orders",
            None,
            "the lifetimes distribution, which ships CDNOW, is not installed",
            1,
            remedy=_REMEDY,
        )
        raise DataError([violation], source=name)
    lines = pl.read_csv(path, has_header=False, skip_rows=skip, new_columns=["line"], separator="\x01", quote_char=None)
    return lines.with_row_index("row_number", offset=1)
