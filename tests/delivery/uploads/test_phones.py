"""Phone numbers: what patterns settle a column at a time is what the library says number by number."""

import numpy as np
import phonenumbers
import polars as pl
import pytest
from phonenumbers import PhoneNumberFormat as Style

from foretell.delivery.uploads import phones
from foretell.delivery.uploads.phone_patterns import settled
from foretell.delivery.uploads.phones import e164


def numbers_of_every_country():
    """Example numbers as people write them, with and without prefixes, and one digit wrong."""
    # In Belarus and Brazil a number from abroad may still carry the prefix that is dialled at home.
    yield from (("+3758111757830", None), ("+5590553166482", None))
    # Seven digits can be dialled within an American town only.
    yield from (("344 6593", "US"), ("+1 344 6593", None))
    draw = np.random.default_rng(5)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            national = phonenumbers.national_significant_number(example)
            place = int(draw.integers(len(national)))
            wrong = national[:place] + str(draw.integers(10)) + national[place + 1 :]
            abroad = phonenumbers.format_number(example, Style.INTERNATIONAL)
            yield from ((abroad, None), (phonenumbers.format_number(example, Style.NATIONAL), region))
            yield from ((text, region) for text in (national, "0" + national, "1" + national, wrong, national[1:]))
            yield from ((f"+{example.country_code}{text}", None) for text in ("0" + national, wrong, national + "7"))
            yield (f"00{example.country_code}{national}", region)


def test_patterns_say_what_the_library_says():
    pairs = list(numbers_of_every_country())
    frame = pl.DataFrame(pairs, schema=["number", "country"], orient="row")
    quick = settled(frame["number"], frame["country"]).to_list()
    slow = [phones._read(*pair) for pair in pairs]
    assert [(pair, a, b) for pair, a, b in zip(pairs, quick, slow, strict=True) if a is not None and a != b] == []
    readable = sum(text is not None for text in slow)
    assert sum(text is not None for text in quick) > 0.7 * readable > 2_000


def test_a_number_for_one_town_is_none():
    assert e164(pl.Series(["344 6593", "+1 344 6593"]), pl.Series(["US", None])).to_list() == [None, None]


def test_both_ways_together_read_all_that_the_library_reads():
    raw = ["(650) 555-1212", "1-650-555-1212", "+1 (650) 555-1212 ext. 5", "011 44 20 7946 0018", None, "", "六"]
    found = e164(pl.Series("phone", raw), pl.Series(["US"] * len(raw)))
    assert found.to_list() == ["+16505551212", "+16505551212", "+16505551212", "+442079460018", None, None, None]


def test_numbers_that_a_table_stored_as_numbers(write):
    assert e164(pl.Series(["31612345678.0"]), pl.Series(["NL"])).to_list() == ["+31612345678"]
    stored = pl.DataFrame({"customer_id": [1.0, 2.0], "phone": [31612345678.0, None], "consent_ads": [1.0, 1.0]})
    stored = stored.with_columns(country=pl.lit("NL"))
    uploads, _ = write("tiktok", contacts=stored, audiences={"vip": pl.DataFrame({"customer_id": [1, 2]})}, folder=None)
    assert uploads.counts.select("written", "no_identifier").row(0) == (1, 1)


@pytest.mark.parametrize("raw", ["650 555 1212", "+1 650 555 1212"])
def test_without_the_library_every_number_is_left_out(monkeypatch, raw):
    monkeypatch.setattr(phones, "find_spec", lambda _: None)
    assert e164(pl.Series([raw]), pl.Series(["US"])).to_list() == [None]


def test_left_out_numbers_are_counted(write, monkeypatch):
    uploads, _ = write("criteo", "tiktok")
    assert not [note for note in uploads.notes if "phone" in note]
    monkeypatch.setattr(phones, "find_spec", lambda _: None)
    uploads, _ = write("tiktok", folder=None)
    assert [note for note in uploads.notes if "phone numbers are left out" in note] == [
        "10 phone numbers are left out: install foretell with the extra 'audience' to read them."
    ]
