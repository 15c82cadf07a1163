"""Reading orders: mapping, types, sources, accounting."""

from contextlib import nullcontext
from datetime import date, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.errors import DataError
from foretell.tables import read
from foretell.tables.purchases import purchase_days
from foretell.tables.read import read_orders

LINES = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,"HOLDER, WHITE",6,12/1/2010 8:26,2.55,17850,United Kingdom
536365,71053,LANTERN,6,12/1/2010 8:26,3.39,17850,United Kingdom
536366,22633,"5"" WARMER",2,12/2/2010 10:05,1.85,13047,United Kingdom
C536367,71053,LANTERN,-1,12/3/2010 9:00,3.39,17850,United Kingdom
536368,22960,JAM SET,4,12/4/2010 11:59,4.25,,France
536369,22960,JAM SET,1,12/5/2010 12:00,0,13047,France
"""
LINE_MAPPING = {
    "customer_id": "CustomerID",
    "ordered_at": "InvoiceDate",
    "amount": "Quantity * UnitPrice",
    "order_id": "InvoiceNo",
    "cancelled": "InvoiceNo LIKE 'C%'",
    "country": "Country",
}


def frame(**columns):
    return pl.DataFrame({"customer_id": ["a", "b"], "ordered_at": [date(2021, 1, 1), date(2021, 1, 3)], **columns})


def notes(data):
    return {note.code: note.count for note in data.report.notes}


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "lines.csv"
    path.write_text(LINES)
    return read_orders(path, **LINE_MAPPING, date_format="%m/%d/%Y %H:%M")


def test_order_lines_as_published_are_an_ordinary_case(lines):
    orders = lines.orders.collect()
    assert orders["amount_minor"].to_list() == [153_000, 203_400, 37_000, -33_900, 0]
    assert orders["customer_id"].to_list() == ["17850", "17850", "13047", "17850", "13047"]
    assert orders["cancelled"].to_list() == [False, False, False, True, False]
    assert orders["ordered_at"][0] == datetime(2010, 12, 1, 8, 26)
    assert orders["row_number"].to_list() == [1, 2, 3, 4, 6]
    assert orders.columns[-4:] == ["StockCode", "Description", "Quantity", "UnitPrice"]
    assert lines.quarantine.rows() == [(5, "orders", "customer_id", "customer_id_missing")]
    assert (lines.report.rows_in, lines.report.rows_used, lines.report.rows_quarantined) == (6, 5, 1)
    assert lines.observed_until == datetime(2010, 12, 6)
    assert lines.has_refunds
    assert lines.order_ids_repeat


def test_order_lines_become_purchase_days(lines):
    days = purchase_days(lines).sort("customer_id", "purchase_date").collect()
    assert days["amount_minor"].to_list() == [37_000, 0, 356_400]


def test_a_parquet_source_with_ids_as_numbers_gives_the_same(lines, tmp_path):
    typed = pl.read_csv(LINES.encode(), schema_overrides={"InvoiceNo": pl.String, "CustomerID": pl.Float64})
    typed = typed.with_columns(pl.col("InvoiceDate").str.to_datetime("%m/%d/%Y %H:%M"))
    typed.write_parquet(tmp_path / "lines.parquet")
    typed.write_ipc(tmp_path / "lines.arrow")
    for name in ("lines.parquet", "lines.arrow"):
        data = read_orders(tmp_path / name, **LINE_MAPPING)
        shared = ["row_number", "customer_id", "ordered_at", "amount_minor", "order_id", "cancelled", "country"]
        assert_frame_equal(data.orders.select(shared).collect(), lines.orders.select(shared).collect())
        assert notes(data)["customer_id_from_float"] == 5


def test_a_frame_given_is_not_modified():
    given = frame(amount=[1.0, 2.0], extra=[[1], [2]])
    before = given.clone()
    data = read_orders(given)
    assert_frame_equal(given, before)
    assert data.orders.collect()["extra"].to_list() == [[1], [2]]


def test_lazy_and_foreign_frames_are_read_alike():
    given = frame(amount=[1.0, 2.0])
    wanted = read_orders(given).orders.collect()
    assert_frame_equal(read_orders(given.lazy()).orders.collect(), wanted)
    assert_frame_equal(read_orders(given.to_arrow()).orders.collect(), wanted)
    assert_frame_equal(read_orders(given.to_pandas()).orders.collect(), wanted)


def test_a_source_of_another_type_is_a_type_error():
    with pytest.raises(TypeError, match="not int"):
        read_orders(3)


def test_without_amounts_orders_are_counted():
    data = read_orders(frame())
    assert not data.has_amount
    assert notes(data) == {"no_amount": 0}
    data = read_orders(frame(amount=[1.0, 2.0]), amount=None)
    assert not data.has_amount
    assert not data.has_column("amount")
    assert notes(data) == {"attribute_left_out": 1}


def test_optional_columns_are_taken_by_their_own_name():
    data = read_orders(frame(order_id=[7, 8], cancelled=["no", "yes"], discount=["0.5", "x"], medium=["none", None]))
    orders = data.orders.collect()
    assert orders["order_id"].to_list() == ["7", "8"]
    assert orders["cancelled"].to_list() == [False, True]
    assert orders["discount"].to_list() == [0.5, None]
    assert orders["medium"].to_list() == ["none", None]
    assert notes(data)["discount_unreadable"] == 1


def test_order_ids_are_identifiers_too():
    data = read_orders(frame(invoice=[7.0, float("nan")]), order_id="invoice")
    assert data.orders.collect()["order_id"].to_list() == ["7", None]
    assert notes(data)["order_id_missing"] == 1


def test_a_column_called_source_can_be_mapped():
    assert read_orders(frame(utm=["mail", "ad"]), source="utm").orders.collect()["source"].to_list() == ["mail", "ad"]


def test_attributes_can_be_chosen():
    given = frame(amount=[1.0, 2.0], shoe=[40, 41], hat=["s", "m"])
    assert read_orders(given, attributes=["hat"]).orders.collect().columns[-1] == "hat"
    assert not read_orders(given, attributes=()).has_column("hat")
    with pytest.raises(DataError, match="Did you mean 'hat'"):
        read_orders(given, attributes=["hats"])


def test_an_attribute_may_not_take_a_name_of_ours():
    data = read_orders(frame(row_number=[9, 9], amount_minor=[9, 9]))
    assert data.orders.collect()["row_number"].to_list() == [1, 2]
    assert not data.has_amount
    assert notes(data)["attribute_left_out"] == 2


def test_several_files_are_one_source_in_name_order(tmp_path):
    for name, day in (("b.csv", 2), ("a.csv", 1), ("c.csv", 3)):
        (tmp_path / name).write_text(f"customer_id,ordered_at,amount\n0{day},2021-01-0{day},{day}\n,2021-01-01,1\n")
    (tmp_path / "c.csv").write_text("extra,amount,ordered_at,customer_id\nx,3,2021-01-03,03\n")
    (tmp_path / "readme.txt").write_text("not a table")
    for source in (tmp_path, f"{tmp_path}/*.csv", [tmp_path / "a.csv", tmp_path / "b.csv", str(tmp_path / "c.csv")]):
        data = read_orders(source)
        orders = data.orders.collect()
        assert orders["customer_id"].to_list() == ["01", "02", "03"]
        assert orders["row_number"].to_list() == [1, 3, 5]
        assert data.quarantine["row_number"].to_list() == [2, 4]
        assert orders["extra"].to_list() == [None, None, "x"]


def test_files_of_a_folder_are_taken_by_name_not_as_the_disk_lists_them(tmp_path):
    names = [f"{number * 7 % 31:02}" for number in range(31)]
    for name in names:
        (tmp_path / f"{name}.csv").write_text(f"customer_id,ordered_at\n{name},2021-01-01\n")
    assert read_orders(tmp_path).orders.collect()["customer_id"].to_list() == sorted(names)


def test_gzipped_and_tab_separated_files(tmp_path):
    import gzip

    text = "customer_id\tordered_at\tamount\n01\t2021-01-01\t1\n"
    (tmp_path / "orders.tsv").write_text(text)
    (tmp_path / "orders.tsv.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("orders.tsv", "orders.tsv.gz"):
        assert read_orders(tmp_path / name).orders.collect()["customer_id"].to_list() == ["01"]


def test_row_numbers_follow_the_file_however_long_it_is(tmp_path):
    rows = 200_000
    pl.DataFrame({"customer_id": range(rows)}).with_columns(
        pl.lit("2021-01-01").alias("ordered_at"), pl.lit(1).alias("amount"), pl.lit("x" * 50).alias("padding")
    ).write_csv(tmp_path / "long.csv")
    orders = read_orders(tmp_path / "long.csv", attributes=()).orders.collect()
    assert (orders["customer_id"].cast(pl.Int64) == orders["row_number"].cast(pl.Int64) - 1).all()


def test_exact_duplicates_are_kept_and_counted_or_left_out():
    given = pl.concat([frame(amount=[1.0, 2.0], sku=["x", "y"])] * 2 + [frame(amount=[1.0, 2.0], sku=["x", "z"])])
    kept = read_orders(given)
    assert notes(kept)["duplicate_rows_kept"] == 3
    (text,) = (note.text for note in kept.report.notes if note.code == "duplicate_rows_kept")
    assert text.startswith("Rows that repeat an earlier row exactly: 3; kept.")
    assert kept.report.rows_used == 6
    dropped = read_orders(given, drop_duplicates=True, attributes=())
    assert dropped.quarantine["row_number"].to_list() == [3, 4, 5]
    assert set(dropped.quarantine["reason"]) == {"duplicate_row"}
    assert dropped.report.rows_used == 3


def test_the_first_reason_of_a_row_is_the_one_told():
    given = pl.DataFrame(
        {"customer_id": ["a", "b", ""], "ordered_at": ["2021-01-01", "2021-01-02", "x"], "amount": ["1", "", ""]}
    )
    data = read_orders(given)
    assert data.quarantine["reason"].to_list() == ["amount_missing", "customer_id_missing"]


def test_a_given_end_is_kept_and_default_is_midnight_after_the_last_order():
    assert read_orders(frame()).observed_until == datetime(2021, 1, 4)
    data = read_orders(frame(), observed_until=date(2021, 2, 1))
    assert data.observed_until == datetime(2021, 2, 1)
    assert data.observed_until_given


def test_lonely_dates_are_reported():
    days = [date(1900, 1, 1), date(2021, 1, 1), date(2021, 1, 2), date(2021, 5, 5), date(2201, 5, 5)]
    data = read_orders(pl.DataFrame({"customer_id": list("abcde"), "ordered_at": days}))
    assert notes(data) == {"no_amount": 0, "lonely_first_day": 1, "lonely_last_day": 1}


@pytest.mark.parametrize(("large", "ahead"), [(1, ("scipy.special", "scipy.optimize")), (10**6, ())])
def test_modules_of_models_are_imported_while_large_files_are_read(monkeypatch, tmp_path, large, ahead):
    named = []
    frame(amount=[1.0, 2.0]).write_csv(tmp_path / "orders.csv")

    def imported_meanwhile(*modules):
        named.append(modules)
        return nullcontext()

    monkeypatch.setattr(read, "imported_meanwhile", imported_meanwhile)
    monkeypatch.setattr(read, "_LARGE", large)
    read_orders(tmp_path / "orders.csv")
    read_orders(frame(amount=[1.0, 2.0]))
    assert named == [ahead, ()]
