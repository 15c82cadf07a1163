"""Whatever comes in: every row is accounted for, and later rows change nothing about earlier ones."""

from datetime import datetime

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from foretell.errors import DataError
from foretell.tables.read import read_orders

CUTOFF = datetime(2021, 6, 1)
NAMES = st.sampled_from(["", " ", "007", "7", "anna@example.com", "nan", "é", None])
TIMES = st.one_of(
    st.sampled_from(["", "never", "2021-02-30", "01/02/2021", None]),
    st.datetimes(datetime(2020, 1, 1), datetime(2022, 1, 1)).flatmap(
        lambda at: st.sampled_from([at.isoformat(), at.isoformat(" "), f"{at:%Y-%m-%d}", f"{at:%Y-%m-%d %H:%M}"])
    ),
)
AMOUNTS = st.sampled_from(["1", "-2.5", " 3 ", "", "nan", "inf", "1e12", "free", "0", "1e-9", None])
FLAGS = st.sampled_from(["yes", "no", "", "maybe", None, "1"])
ROWS = st.tuples(NAMES, TIMES, AMOUNTS, FLAGS)
COLUMNS = ["customer_id", "ordered_at", "amount", "cancelled"]
QUICK = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_frame(rows):
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


@QUICK
@given(rows=st.lists(ROWS, min_size=1, max_size=30), drop=st.booleans(), end=st.sampled_from([None, CUTOFF]))
def test_rows_in_are_rows_used_and_rows_left_out(rows, drop, end):
    try:
        data = read_orders(as_frame(rows), drop_duplicates=drop, observed_until=end)
    except DataError:
        return
    orders = data.orders.collect()
    assert data.report.rows_in == len(rows) == orders.height + data.quarantine.height
    numbers = [*orders["row_number"], *data.quarantine["row_number"]]
    assert sorted(numbers) == list(range(1, len(rows) + 1))
    assert sum(orders.select("customer_id", "ordered_at", "amount_minor", "cancelled").null_count().row(0)) == 0
    assert (orders["ordered_at"] < data.observed_until).all()
    assert data.quarantine["reason"].null_count() == 0


# Enough sound rows that no share of later rows can have the whole source refused: that is a message, not a change.
SOUND = [("c", f"2021-03-{day:02}", "1", "no") for day in range(1, 29)]
LATE_TIMES = st.datetimes(CUTOFF, datetime(2022, 1, 1)).flatmap(
    lambda at: st.sampled_from([at.isoformat(), at.isoformat(" "), f"{at:%Y-%m-%dT%H:%M}", f"{at:%d.%m.%Y}", "later"])
)


@QUICK
@given(
    early=st.lists(ROWS, max_size=15),
    late=st.lists(st.tuples(NAMES, LATE_TIMES, AMOUNTS, FLAGS), min_size=1, max_size=10),
    drop=st.booleans(),
    formats=st.sampled_from([None, ["%Y-%m-%d", "%d.%m.%Y", "%m.%d.%Y"]]),
)
def test_later_rows_change_nothing_about_how_earlier_ones_are_read(early, late, drop, formats):
    rows = SOUND + early
    before = read_orders(as_frame(rows), drop_duplicates=drop, date_format=formats)
    after = read_orders(as_frame(rows + late), drop_duplicates=drop, date_format=formats)
    assert_frame_equal(
        before.before(CUTOFF).orders.collect(),
        after.before(CUTOFF).orders.filter(pl.col("row_number") <= len(rows)).collect(),
    )
    assert_frame_equal(before.quarantine, after.quarantine.filter(pl.col("row_number") <= len(rows)))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@QUICK
@given(rows=st.lists(ROWS, min_size=1, max_size=12))
def test_a_text_file_reads_as_the_frame_that_wrote_it(tmp_path, rows, newline):
    path = tmp_path / "orders.csv"
    frame = as_frame(rows)
    frame.write_csv(path, line_terminator=newline)
    try:
        wanted = read_orders(frame)
    except DataError:
        with pytest.raises(DataError):
            read_orders(path)
        return
    data = read_orders(path)
    assert_frame_equal(data.orders.collect(), wanted.orders.collect())
    assert data.quarantine["row_number"].to_list() == wanted.quarantine["row_number"].to_list()
