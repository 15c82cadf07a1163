"""The same person hashes differently on every platform: vectors of vendors, and traps of real integrations."""

import polars as pl
import pytest

from foretell.delivery.uploads.contacts import Contacts
from foretell.delivery.uploads.platforms import platform_for
from foretell.delivery.uploads.template import UploadOptions


def written(platform, header, raw, country="US", **options):
    """What a column of a format says of one person."""
    chosen = UploadOptions(sensitive=("gender", "birth_date"), **options)
    column = next(each for each in platform_for(platform, chosen).columns if each.header == header)
    row = {"customer_id": ["1"], "country": [country]} | {column.source: [raw]}
    return Contacts(pl.DataFrame(row), chosen).written(column).item()


# Published by Meta (Marketing API, customer list schema) and TikTok (supported ids and formats), else recomputed with
# hashlib.sha256(text.encode("utf-8")).
VECTORS = [
    ("meta", "email", "John_Smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
    ("meta", "phone", "(650)555-1212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
    ("google", "Phone", "(650)555-1212", "1e231c66011e7a2d867a9cfae267a6aff103cf4913640b6e71a99850fc0ffbc8"),
    ("meta", "fn", "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
    ("meta", "fn", "Valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    ("meta", "fn", "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    ("meta", "dob", "2/16/1997", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
    ("meta", "country", "United States", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
    ("meta", "email", "john.smith@gmail.com", "d0c648bc36f12061bec770df216cea2ab95851b9350fd54b658de53b0407767a"),
    ("google", "Email", "john.smith@gmail.com", "3586de92bb3636d0885a12eff961429a32e4ebd764b96f50d85d016f9338d586"),
    ("tiktok", "Email_SHA256", "janedoe@gmail.com", "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"),
    ("tiktok", "Phone_SHA256", "+37493828222", "65b7e6dcf6f4310f8d7cbfbd78289a753062fb054d6664fb9aaac5df66a422d4"),
    (
        "tiktok",
        "MAID_SHA256",
        "5F3A2B18-9C4D-4E7F-B8E2-17D3A1E69B25",
        "83dc3f5f32b9472613b0f038d36f22585a609d018af6f6067f50da318bf354bd",
    ),
]


@pytest.mark.parametrize(("platform", "header", "raw", "digest"), VECTORS)
def test_published_and_recomputed_vectors(platform, header, raw, digest):
    assert written(platform, header, raw) == digest


def test_tiktok_hashes_phones_with_their_plus_where_asked():
    digest = "241371e614f8650dfae0f111361c69de1bb4829a72b71bb8044daae8b2e7791d"
    assert written("tiktok", "Phone_SHA256", "+37493828222", tiktok_phone="plus") == digest


@pytest.mark.parametrize(("composed", "decomposed"), [("정", "\u110c\u1165\u11bc"), ("Valéry", "Vale\u0301ry")])
def test_decomposed_letters_hash_as_composed_ones(composed, decomposed):
    assert written("meta", "fn", decomposed) == written("meta", "fn", composed)


# --- traps of real integrations --------------------------------------------------------------------------------------


def test_every_dot_of_a_gmail_address_goes_and_its_tag():
    expected = written("google", "Email", "johnqsmith@gmail.com")
    assert written("google", "Email", "J.o.h.n.q.smith+shop+sale@GMail.com") == expected


def test_other_domains_keep_dots_and_tags_at_google():
    assert written("google", "Email", "a.b+c@example.com") == written("meta", "email", "a.b+c@example.com")


def test_tiktok_keeps_dots_and_tags_unless_asked():
    plain = written("tiktok", "Email_SHA256", "a.b@gmail.com")
    assert written("tiktok", "Email_SHA256", "A.B +c@gmail.com") != plain
    assert written("tiktok", "Email_SHA256", "A.B +c@gmail.com", tiktok_tags="drop") == plain


@pytest.mark.parametrize("word", ["x", "diverse", "unknown", "other", ""])
def test_a_gender_that_is_neither_word_is_not_guessed(word):
    assert written("meta", "gen", word) is None


@pytest.mark.parametrize(
    "raw", ["+0000000000", "0000000000", "+", "n/a", "911", "+1-1", "=1+1", "call me at 6505551212"]
)
def test_what_is_no_phone_number_is_left_out(raw):
    assert written("meta", "phone", raw) is None
    assert written("google", "Phone", raw) is None


def test_a_digest_is_not_hashed_again():
    digest = VECTORS[0][3]
    assert written("meta", "email", digest.upper()) == digest
    assert written("klaviyo", "Email", digest) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("md5", "ac862c981fee6b90654257051c4e197a"),
        ("sha256_md5", "cacb851003a01e4ce07b23bcb280a771c9b95accbd36e2524db26b94c3edfe70"),
        ("plain", "john_smith@gmail.com"),
    ],
)
def test_criteo_takes_other_digests(kind, expected):
    assert written("criteo", "email", " John_Smith@gmail.com", criteo_identifier=kind) == expected


# --- normal forms ----------------------------------------------------------------------------------------------------


def plain_text(platform, header, raw, country="US", **options):
    """As `written`, before the hash."""
    chosen = UploadOptions(sensitive=("gender", "birth_date"), **options)
    column = next(each for each in platform_for(platform, chosen).columns if each.header == header)
    row = {"customer_id": ["1"], "country": [country]} | {column.source: [raw]}
    return Contacts(pl.DataFrame(row), chosen).normal(column.source, column.form).item()


@pytest.mark.parametrize(
    ("platform", "header", "raw", "country", "expected"),
    [
        ("meta", "zip", "02138-1234", "US", "02138"),
        ("meta", "zip", "2138", "US", "02138"),
        ("meta", "zip", "SW1A 1AA", "GB", "sw1a1"),
        ("meta", "zip", "m1 1ae", "United Kingdom", "m11"),
        ("meta", "zip", "1234 AB", "NL", "1234ab"),
        ("google", "Zip", "2138", "US", "02138"),
        ("google", "Zip", " SW1A  1AA ", "GB", "SW1A 1AA"),
        ("meta", "st", "New York", "US", "ny"),
        ("meta", "st", "US-CA", "USA", "ca"),
        ("meta", "st", "Noord-Holland", "NL", "noordholland"),
        ("meta", "ct", "St. John's", "CA", "stjohns"),
        ("meta", "ct", "Łódź", "PL", "łódź"),
        ("meta", "ln", "O'Neil-Smith Jr.", "US", "oneilsmith jr"),
        ("google", "First Name", "  Anne  Marie ", "US", "anne marie"),
        ("google", "Country", "deutschland", "deutschland", "DE"),
        ("google", "Country", "Atlantis", "Atlantis", None),
        ("meta", "dob", "1997-02-16T00:00:00", "US", "19970216"),
        ("meta", "dob", "16.02.1997", "US", None),
        ("meta", "dob", "12/31/1899", "US", None),
        ("meta", "gen", " Female", "US", "f"),
        ("meta", "madid", "00000000-0000-0000-0000-000000000000", "US", None),
        ("meta", "email", "two@signs@example.com", "US", None),
        ("meta", "email", "nobody", "US", None),
        ("meta", "email", "a b@example.com", "US", None),
        ("linkedin_contacts", "email", "a b@Example.com", "US", "ab@example.com"),
        ("meta", "email", "\u200bJane@Example.com\ufeff\u00a0", "US", "jane@example.com"),
        ("google", "Phone", "+44 (0)20 7946 0018", None, "+442079460018"),
        ("google", "Phone", "0049 30 123456", "DE", "+4930123456"),
        ("meta", "phone", "06-12345678", "NL", "31612345678"),
        ("meta", "phone", "06-12345678", None, None),
        ("linkedin_companies", "companyemaildomain", "https://WWW.Acme.example/x?y", "US", "acme.example"),
    ],
)
def test_normal_forms(platform, header, raw, country, expected):
    assert plain_text(platform, header, raw, country) == expected


def test_a_country_by_default_reads_national_numbers():
    assert plain_text("google", "Phone", "06 12345678", None, default_country="NL") == "+31612345678"


def test_day_before_month_where_asked():
    assert plain_text("meta", "dob", "2/3/1997", birth_date_order="dmy") == "19970302"
    assert plain_text("meta", "dob", "2/3/1997") == "19970203"
