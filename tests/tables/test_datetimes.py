"""Times as they are written become naive instants in the shop's zone, each by itself."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from foretell.tables.datetimes import ISO_FORMATS, read_instant


def read(values, *, date_format=(), time_zone=None, dtype=None):
    return read_instant(pl.Series("when", values, dtype=dtype), date_format=date_format, time_zone=time_zone)


def at(text, **options):
    return read([text], **options).values.item()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2021-03-04", datetime(2021, 3, 4)),
        (" 2021-03-04 ", datetime(2021, 3, 4)),
        ("2021-03-04 05:06", datetime(2021, 3, 4, 5, 6)),
        ("2021-03-04T05:06", datetime(2021, 3, 4, 5, 6)),
        ("2021-03-04 05:06:07", datetime(2021, 3, 4, 5, 6, 7)),
        ("2021-03-04T05:06:07", datetime(2021, 3, 4, 5, 6, 7)),
        ("2021-03-04T05:06:07.25", datetime(2021, 3, 4, 5, 6, 7, 250_000)),
        ("2021-03-04 05:06:07.123456789", datetime(2021, 3, 4, 5, 6, 7, 123_456)),
    ],
)
def test_iso_text(text, instant):
    assert at(text) == instant


@pytest.mark.parametrize(
    "text", ["", "04/03/2021", "20210304", "2021-13-04", "2021-02-30", "2021-03-04 25:00", "44000"]
)
def test_other_text_is_not_guessed(text):
    assert at(text) is None


@pytest.mark.parametrize(
    "text",
    ["2021-03-04T23:30:00Z", "2021-03-04 23:30:00+00:00", "2021-03-05T01:30:00+0200", "2021-03-04 23:30Z",
     "2021-03-04 23:30:00 UTC", "2021-03-04T23:30:00.000Z", "2021-03-04T18:30:00-05:00"],
)  # fmt: skip
def test_offsets_are_converted_to_the_zone_of_the_shop(text):
    assert at(text, time_zone="Europe/Berlin") == datetime(2021, 3, 5, 0, 30)
    assert "the shop's zone is not given" in read([text]).refusals[0].rule


def test_naive_times_are_taken_as_they_are():
    assert at("2021-03-04 05:06", time_zone="Europe/Berlin") == datetime(2021, 3, 4, 5, 6)


def test_declared_formats_are_tried_in_their_order():
    formats = ("%d/%m/%Y", "%m/%d/%Y")
    values = read(["02/01/2021", "12/31/2021", "2021-01-01"], date_format=formats).values
    assert values.to_list() == [datetime(2021, 1, 2), datetime(2021, 12, 31), None]
    assert at("02/01/2021", date_format=formats[::-1]) == datetime(2021, 2, 1)
    assert at("4.3.2021 17:05", date_format=("%d.%m.%Y %H:%M",)) == datetime(2021, 3, 4, 17, 5)
    assert at("03/04/2021 05:06 PM", date_format=("%m/%d/%Y %I:%M %p",)) == datetime(2021, 3, 4, 17, 6)


def test_no_text_is_read_differently_by_two_iso_formats():
    texts = [
        "2021-03-04",
        "2021-03-04 05:06",
        "2021-03-04T05:06:07",
        "2021-03-04 05:06:07.5",
        "2021-03-04T05:06:07+02:00",
    ]
    for text in texts:
        read_by_each = {at(text, date_format=(one,), time_zone="UTC") for one in ISO_FORMATS} - {None}
        assert len(read_by_each) == 1


def test_reading_does_not_depend_on_the_first_row():
    texts = ["2021-03-04", "2021-03-04 05:06:07", "2021-03-04T05:06", None, "x"]
    alone = [at(text) if text else None for text in texts]
    assert read(texts).values.to_list() == alone
    assert read(texts[::-1]).values.to_list() == alone[::-1]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_typed_times_of_any_unit_and_zone(unit):
    instant = datetime(2021, 3, 4, 23, 30)
    assert read([instant], dtype=pl.Datetime(unit)).values.item() == instant
    aware = pl.Series([instant.replace(tzinfo=UTC)], dtype=pl.Datetime(unit, "UTC")).dt.convert_time_zone("Asia/Tokyo")
    parsed = read_instant(aware, date_format=(), time_zone="Europe/Berlin")
    assert parsed.values.item() == datetime(2021, 3, 5, 0, 30)
    assert parsed.values.dtype == pl.Datetime("us")
    assert read_instant(aware, date_format=(), time_zone=None).refusals


def test_dates_are_their_midnight_and_nulls_are_missing():
    parsed = read([date(2021, 3, 4), None])
    assert parsed.values.to_list() == [datetime(2021, 3, 4), None]
    assert [(reason, mask.to_list()) for reason, mask in parsed.unusable] == [("ordered_at_missing", [False, True])]


def test_numbers_are_no_times():
    assert "is no time" in read([44_000, 44_001]).refusals[0].rule


def test_remedy_names_the_format_that_it_looks_like():
    for text, hint in (
        ("13.01.2021", "%d.%m.%Y"),
        ("1/13/2021", "%m/%d/%Y"),
        ("20210113", "%Y%m%d"),
        ("2021/1/13", "%Y/%m/%d"),
    ):
        assert hint in read([text] * 3).refusals[0].remedy


def test_the_calendar_begins_and_ends_with_its_years():
    inside = [datetime(1900, 1, 1), datetime(2999, 12, 31, 23, 59, 59, 999_999)]
    assert read(inside).unusable == ()
    for outside in (datetime(1899, 12, 31, 23, 59, 59, 999_999), datetime(3000, 1, 1)):
        parsed = read([*inside, outside, None])
        assert parsed.values.to_list() == [*inside, None, None]
        masks = {reason: mask.arg_true().to_list() for reason, mask in parsed.unusable}
        assert masks == {"ordered_at_missing": [3], "ordered_at_out_of_range": [2]}
