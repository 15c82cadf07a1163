"""Every way in which a source can be bad ends in a named error, a quarantine or a count, and quotes nobody."""

import gzip
import traceback
from datetime import UTC, datetime

import polars as pl
import pytest

from foretell.errors import ConfigError, DataError
from foretell.tables.read import read_orders

ANNA, BERT = "anna.schmidt@example.com", "bert.07@example.com"
HEADER = "customer_id,ordered_at,amount\n"
GOOD = [f"{ANNA},2021-01-05,10.50", f"{BERT},2021-02-06,20.25", f"{ANNA},2021-03-07,30.75"]
PRIVATE = (ANNA, BERT, "anna", "bert", "10.50", "20.25", "30.75", "10,50")


def csv_file(folder, *lines, header=HEADER, name="orders.csv", encoding="utf8"):
    path = folder / name
    path.write_bytes((header + "\n".join(lines) + ("\n" if lines else "")).encode(encoding))
    return path


def refusal(source, **options):
    """The error, after making sure that neither its text nor its traceback repeats a cell."""
    with pytest.raises(DataError) as caught:
        read_orders(source, **options)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert [cell for cell in PRIVATE if cell in told] == []
    assert all(violation.remedy for violation in caught.value.violations)
    return caught.value


def read(source, **options):
    """The data set, after making sure that every row is accounted for and no note repeats a cell."""
    data = read_orders(source, **options)
    report = data.report
    assert report.rows_in == report.rows_used + report.rows_quarantined
    assert report.rows_used == data.orders.collect().height
    assert report.rows_quarantined == data.quarantine.height
    told = " ".join(note.text for note in report.notes)
    assert [cell for cell in PRIVATE if cell in told] == []
    return data


def counts(data):
    return {note.code: note.count for note in data.report.notes}


@pytest.fixture(autouse=True)
def nothing_is_logged(caplog):
    yield
    assert caplog.text == ""


def test_missing_file(tmp_path):
    error = refusal(tmp_path / "nowhere.csv")
    assert "there is no such file" in str(error)
    assert "nowhere.csv" in str(error)
    assert error.exit_code == 3


def test_pattern_and_folder_without_files(tmp_path):
    assert "no file matches the pattern" in str(refusal(f"{tmp_path}/*.csv"))
    assert "no file that can be read" in str(refusal(tmp_path))


@pytest.mark.parametrize("content", [b"", b"kunde;zeit;betrag\n1;2026-11-28;12\n"])
def test_of_several_files_the_wrong_one_is_named(tmp_path, content):
    """An operator with a file for each night has to find the one."""
    for night in ("26", "27"):
        csv_file(tmp_path, *GOOD).rename(tmp_path / f"orders-{night}.csv")
    (tmp_path / "orders-27.csv").write_bytes(content)
    (violation,) = refusal(f"{tmp_path}/orders-*.csv").violations
    assert violation.rule.startswith("orders-27.csv: ")
    assert violation.rule.count("orders-27.csv") == 1


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n", b"\xef\xbb\xbf\n"])
def test_empty_file(tmp_path, content):
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"empty|no column"):
        read_orders(path)


@pytest.mark.parametrize("header", [HEADER, HEADER.strip()])
def test_header_only(tmp_path, header):
    assert "column names and no row" in str(refusal(csv_file(tmp_path, header=header)))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_wrong_delimiter(tmp_path, delimiter):
    lines = [line.replace(",", delimiter) for line in GOOD]
    path = csv_file(tmp_path, *lines, header=HEADER.replace(",", delimiter))
    error = refusal(path)
    assert f"delimiter={delimiter!r}" in error.violations[0].remedy
    assert read(path, delimiter=delimiter).report.rows_used == 3
    assert "delimiter=','" in str(refusal(csv_file(tmp_path, *GOOD, name="commas.csv"), delimiter=delimiter))


def test_wrong_encoding(tmp_path):
    lines = [*GOOD, f"{BERT},2021-04-08,5.00"]
    path = csv_file(tmp_path, *(line + ",Köln" for line in lines), header=HEADER.strip() + ",town\n", encoding="cp1252")
    error = refusal(path)
    assert "not UTF-8" in str(error)
    assert "encoding='cp1252'" in str(error)
    assert error.violations[0].rows == (1, 2, 3)
    assert error.violations[0].count == 4
    assert read(path, encoding="cp1252").orders.collect()["town"].to_list() == ["Köln"] * 4


def test_wrong_encoding_in_the_header(tmp_path):
    path = csv_file(tmp_path, *(line + ",x" for line in GOOD), header=HEADER.strip() + ",größe\n", encoding="latin-1")
    assert "the header line is not utf8" in str(refusal(path))


def test_utf16_is_recognised(tmp_path):
    path = csv_file(tmp_path, *GOOD, encoding="utf-16")
    assert "encoding='utf-16'" in str(refusal(path))
    assert read(path, encoding="utf-16").report.rows_used == 3


def test_declared_encoding_that_does_not_fit(tmp_path):
    path = csv_file(tmp_path, *(line + ",Köln" for line in GOOD), header=HEADER.strip() + ",town\n", encoding="cp1252")
    assert "the file is not utf-8-sig" not in str(refusal(path, encoding="utf-8-sig"))
    assert "is not shift_jis" in str(refusal(path, encoding="shift_jis"))


def test_byte_order_mark_is_no_part_of_a_name(tmp_path):
    assert read(csv_file(tmp_path, *GOOD, encoding="utf-8-sig")).report.rows_used == 3


def test_missing_columns_are_told_all_at_once_with_a_hint(tmp_path):
    path = csv_file(tmp_path, *GOOD, header="customer,orderd_at,amount\n")
    error = refusal(path)
    assert [violation.column for violation in error.violations] == ["customer_id", "ordered_at"]
    assert "Did you mean 'customer'?" in error.violations[0].remedy
    assert "Did you mean 'orderd_at'?" in error.violations[1].remedy
    assert "customer, orderd_at, amount" in error.violations[0].remedy


def test_amount_in_another_case_is_not_silently_left_out(tmp_path):
    path = csv_file(tmp_path, *GOOD, header="customer_id,ordered_at,Amount\n")
    assert "Did you mean 'Amount'?" in str(refusal(path))


def test_no_header_line_shows_no_cell(tmp_path):
    error = refusal(csv_file(tmp_path, *GOOD, header=""))
    assert "first line seems to hold values" in str(error)


def test_column_mapped_twice(tmp_path):
    error = refusal(csv_file(tmp_path, *GOOD), order_id="customer_id")
    assert "mapped twice" in str(error)
    assert error.violations[0].column == "order_id"


def test_header_with_a_column_twice(tmp_path):
    path = csv_file(tmp_path, *(f"{line},1" for line in GOOD), header="customer_id,ordered_at,amount,amount\n")
    assert "holds the column 'amount' twice" in str(refusal(path))


def test_header_with_its_first_column_twice_behind_a_byte_order_mark(tmp_path):
    header = "amount,customer_id,ordered_at,amount\n"
    path = csv_file(tmp_path, f"1,{ANNA},2021-01-05,2", header=header, encoding="utf-8-sig")
    assert "holds the column 'amount' twice" in str(refusal(path))


def test_all_dates_unreadable(tmp_path):
    lines = [line.replace("2021-0", "x") for line in GOOD]
    error = refusal(csv_file(tmp_path, *lines))
    assert "none of the times can be read as ISO 8601" in str(error)
    assert (error.violations[0].column, error.violations[0].count) == ("ordered_at", 3)
    assert "date_format" in error.violations[0].remedy


def test_some_dates_unreadable(tmp_path):
    data = read(csv_file(tmp_path, *GOOD, f"{BERT},2021-02-30,1.00", f"{BERT},yesterday,1.00", f"{BERT},,1.00"))
    assert data.quarantine.select("row_number", "column", "reason").rows() == [
        (4, "ordered_at", "ordered_at_unreadable"),
        (5, "ordered_at", "ordered_at_unreadable"),
        (6, "ordered_at", "ordered_at_missing"),
    ]
    assert counts(data) == {"ordered_at_unreadable": 2, "ordered_at_missing": 1}


def test_date_format_not_as_declared(tmp_path):
    lines = [f"{ANNA},{month}/{day}/2021,1.00" for month, day in ((1, 13), (2, 14), (3, 15), (4, 5))]
    path = csv_file(tmp_path, *lines)
    error = refusal(path, date_format="%d/%m/%Y")
    assert "less than half of the times can be read as declared (%d/%m/%Y)" in str(error)
    assert "'%m/%d/%Y'" in str(error)
    assert read(path, date_format="%m/%d/%Y").report.rows_used == 4


def test_dates_after_a_given_end(tmp_path):
    path = csv_file(tmp_path, *GOOD)
    data = read(path, observed_until="2021-03-07")
    assert data.quarantine.rows() == [(3, "orders", "ordered_at", "after_observed_until")]
    assert data.observed_until == datetime(2021, 3, 7)
    error = refusal(path, observed_until="2021-02-01")
    assert "more than half of the rows lie at or after observed_until 2021-02-01" in str(error)
    assert (error.violations[0].count, error.violations[0].rows) == (2, (2, 3))


def test_null_and_blank_customer_ids(tmp_path):
    nobody = ["", "  ", '""', "nan", "None", "NULL", "<NA>"]
    data = read(csv_file(tmp_path, *GOOD, *(f"{name},2021-04-01,1.00" for name in nobody)))
    assert counts(data)["customer_id_missing"] == len(nobody)
    assert "rows 4, 5, 6, …" in data.report.notes[0].text
    assert data.orders.collect()["customer_id"].null_count() == 0


def test_no_customer_at_all(tmp_path):
    error = refusal(csv_file(tmp_path, ",2021-01-01,1.00", ",2021-01-02,1.00"))
    assert "none of 2 rows can be used: 2 rows have no customer id" in str(error)


def test_leading_zeros_stay(tmp_path):
    data = read(csv_file(tmp_path, "007,2021-01-01,1.00", "7,2021-01-02,1.00"))
    assert data.orders.collect()["customer_id"].to_list() == ["007", "7"]


@pytest.mark.parametrize("written", ["€10.50", "$ 10.50", "10.50 EUR", "USD 10.50", "10.50€", "-£10.50"])
def test_amounts_with_currency_signs(tmp_path, written):
    error = refusal(csv_file(tmp_path, *GOOD, f"{ANNA},2021-04-01,{written}"))
    assert "amounts carry a currency sign [1] (rows 4)" in str(error)
    assert "REPLACE" in str(error)


def test_sign_can_be_stripped_as_the_remedy_says(tmp_path):
    path = csv_file(tmp_path, f"{ANNA},2021-04-01,€10.50", header="customer_id,ordered_at,total\n")
    assert read(path, amount="REPLACE(total, '€', '')").orders.collect()["amount_minor"].to_list() == [105_000]


def test_signs_are_found_beside_columns_of_words(tmp_path):
    header = "customer_id,ordered_at,total,kind\n"
    path = csv_file(tmp_path, f"{ANNA},2021-04-01,€10.50,sale", header=header)
    error = refusal(path, amount="CAST(kind = 'sale' AS INT) * total")
    assert "amounts carry a currency sign [1] (rows 1)" in str(error)


def test_amounts_with_decimal_commas(tmp_path):
    path = csv_file(tmp_path, f'{ANNA},2021-04-01,"10,50"', f'{ANNA},2021-04-02,"1.234,50"')
    error = refusal(path)
    assert "amounts have a comma [2] (rows 1, 2)" in str(error)
    assert "decimal_comma=True" in str(error)
    amounts = read(path, decimal_comma=True).orders.collect()["amount_minor"]
    assert amounts.to_list() == [105_000, 12_345_000]


def test_decimal_comma_without_quotes_is_one_field_too_many(tmp_path):
    error = refusal(csv_file(tmp_path, *GOOD, f"{ANNA},2021-04-01,10,50", f"{ANNA},2021-04-02,1"))
    assert "more fields than the header's 3 [1] (rows 4)" in str(error)
    assert "decimal comma" in str(error)


def test_decimal_point_although_comma_is_declared(tmp_path):
    error = refusal(csv_file(tmp_path, *GOOD), decimal_comma=True)
    assert "a decimal point although decimal_comma is set [3]" in str(error)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("nan", "amount_not_finite"),
        ("inf", "amount_not_finite"),
        ("-inf", "amount_not_finite"),
        ("1e308", "amount_too_large"),
        ("1e400", "amount_not_finite"),
        ("-100000000000", "amount_too_large"),
        ("", "amount_missing"),
        ("   ", "amount_missing"),
        ("free", "amount_unreadable"),
    ],
)
def test_amounts_that_are_no_money(tmp_path, written, reason):
    data = read(csv_file(tmp_path, *GOOD, f"{ANNA},2021-04-01,{written}"))
    assert data.quarantine.rows() == [(4, "orders", "amount", reason)]


def test_nan_and_inf_in_a_frame():
    frame = pl.DataFrame(
        {
            "customer_id": [ANNA] * 4,
            "ordered_at": [datetime(2021, 1, 1)] * 4,
            "amount": [1.0, float("nan"), float("inf"), None],
        }
    )
    data = read(frame)
    assert data.quarantine["reason"].to_list() == ["amount_not_finite", "amount_not_finite", "amount_missing"]


def test_most_amounts_unreadable(tmp_path):
    error = refusal(csv_file(tmp_path, *(f"{ANNA},2021-04-0{day},paid" for day in range(1, 5))))
    assert "more than half of the amounts are no numbers [4]" in str(error)


def test_two_currencies(tmp_path):
    header = HEADER.strip() + ",currency\n"
    path = csv_file(tmp_path, GOOD[0] + ",EUR", GOOD[1] + ",GBP", GOOD[2] + ", eur", header=header)
    error = refusal(path)
    assert "the amounts are in 2 currencies [1] (rows 2)" in str(error)
    one = csv_file(tmp_path, GOOD[0] + ",EUR", GOOD[1] + ",", GOOD[2] + ", eur", header=header, name="one.csv")
    assert read(one).report.rows_used == 3


def test_same_order_id_for_two_customers(tmp_path):
    header = HEADER.strip() + ",order_id\n"
    second_line = f"{ANNA},2021-03-07,1.00,A2"
    rows = (GOOD[0] + ",A1", GOOD[1] + ",A1", GOOD[2] + ",A2", second_line, GOOD[2] + ",")
    data = read(csv_file(tmp_path, *rows, header=header))
    assert counts(data) == {"order_id_shared": 1, "order_id_missing": 1}


def test_one_id_with_more_than_a_hundredth_of_all_orders(tmp_path):
    many = [f"c{number % 990},2021-01-{1 + number % 28:02},1.00" for number in range(1980)]
    data = read(csv_file(tmp_path, *many, *[f"{ANNA},2021-02-01,2.00"] * 21))
    assert counts(data)["giant_account"] == 1
    few = read(csv_file(tmp_path, *many, *[f"{ANNA},2021-02-01,2.00"] * 20, name="few.csv"))
    assert "giant_account" not in counts(few)


def test_mixed_zones(tmp_path):
    path = csv_file(tmp_path, *GOOD, f"{ANNA},2021-04-01T23:30:00Z,1.00")
    error = refusal(path)
    assert "some times have a UTC offset and others do not [1] (rows 4)" in str(error)
    assert "time_zone" in error.violations[0].remedy
    data = read(path, time_zone="Europe/Berlin")
    assert data.orders.collect()["ordered_at"][3] == datetime(2021, 4, 2, 1, 30)
    assert counts(data)["mixed_zones"] == 3


def test_offsets_without_a_zone():
    frame = pl.DataFrame({"customer_id": [ANNA], "ordered_at": [datetime(2021, 1, 1, 23, 30, tzinfo=UTC)]})
    assert "the shop's zone is not given [1]" in str(refusal(frame))
    at = read(frame, time_zone="Europe/Berlin").orders.collect()["ordered_at"]
    assert at.to_list() == [datetime(2021, 1, 2, 0, 30)]


def test_quote_that_is_never_closed(tmp_path):
    error = refusal(csv_file(tmp_path, GOOD[0], f'"{BERT},2021-02-06,20.25', GOOD[2]))
    assert "a double quote is opened and not closed" in str(error)
    assert error.violations[0].rows == (2,)


def test_rows_cut_short_are_accounted_for(tmp_path):
    data = read(csv_file(tmp_path, *GOOD, ANNA, "", f"{ANNA},2021-05-05,1.00"))
    assert data.quarantine["reason"].to_list() == ["ordered_at_missing", "blank_line"]


def test_damaged_files(tmp_path):
    whole = gzip.compress((HEADER + "\n".join(GOOD * 500)).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    pl.DataFrame({"customer_id": [ANNA], "ordered_at": [1]}).write_parquet(tmp_path / "cut.parquet")
    content = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    (tmp_path / "cut.arrow").write_bytes(b"ARROW1 and no more")
    for name in ("cut.csv.gz", "cut.parquet", "cut.arrow"):
        assert "complete" in str(refusal(tmp_path / name)), name


def test_kinds_that_are_not_read(tmp_path):
    (tmp_path / "orders.xlsx").write_bytes(b"PK\x03\x04 and more")
    (tmp_path / "orders.data").write_bytes(b"PK\x03\x04 and more")
    for name in ("orders.xlsx", "orders.data"):
        error = refusal(tmp_path / name)
        assert "which is not read" in str(error)
        assert "CSV" in str(error)


def test_files_of_several_kinds_in_one_folder(tmp_path):
    csv_file(tmp_path, *GOOD)
    read_orders(tmp_path).orders.collect().write_parquet(tmp_path / "orders.parquet")
    assert "several kinds" in str(refusal(tmp_path))


def test_column_missing_in_one_of_several_files(tmp_path):
    csv_file(tmp_path, *GOOD, name="a.csv")
    csv_file(tmp_path, *(line.rsplit(",", 1)[0] for line in GOOD), name="b.csv", header="customer_id,ordered_at\n")
    error = refusal(tmp_path)
    assert "missing in 1 of 2 files, first in b.csv" in str(error)
    assert error.violations[0].column == "amount"


def test_expression_that_fails_on_a_cell(tmp_path):
    path = csv_file(tmp_path, *GOOD)
    error = refusal(path, order_id="CAST(customer_id AS INT)")
    assert "TRY_CAST" in str(error)


def test_expression_that_reads_other_rows(tmp_path):
    error = refusal(csv_file(tmp_path, *GOOD), amount="amount / MAX(amount)")
    assert "looks at other rows" in str(error)


def test_several_problems_are_told_at_once(tmp_path):
    path = csv_file(tmp_path, f"{ANNA},x,€10.50,EUR", f"{BERT},x,€10.50,GBP", header=HEADER.strip() + ",currency\n")
    assert [violation.column for violation in refusal(path).violations] == ["ordered_at", "amount"]


def test_options_that_mean_nothing(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read_orders(csv_file(tmp_path, *GOOD), delimiter=";;", encoding="utf9", date_format="%d/%m", time_zone="Berlin")
    assert len(caught.value.problems) == 4
    assert caught.value.exit_code == 2
    with pytest.raises(TypeError, match="Did you mean 'customer_id'"):
        read_orders(csv_file(tmp_path, *GOOD), custmer_id="customer_id")
