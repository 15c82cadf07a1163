"""A file is checked as its platform reads it: each thing that a platform refuses is found, on its line."""

import hashlib

import pytest

from foretell.delivery.uploads.template import UploadOptions
from foretell.delivery.uploads.verify import finding_words, verify
from foretell.errors import ConfigError, DataError

SIZE = "does not use it"


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def md5(text):
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


JANE, JOHN = sha("jane@example.com"), sha("john@example.com")
CONVERSIONS = "Parameters:TimeZone={}\nGoogle Click ID,Conversion Name,Conversion Time\nx,y,{}\n"
ADJUSTMENTS = "Parameters:TimeZone=+0100\nOrder ID,Conversion Name,Adjustment Time,Adjustment Type\nx,y,{},{}\n"
ADDRESS = f"Email,First Name,Last Name,Country,Zip\n{JANE},{sha('a')},,US,\n"


@pytest.fixture
def check(tmp_path):
    """Write a file and say what is wrong with it, the number of rows aside."""

    def checking(text, platform, *, name="list.csv", **given):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return [words for words in finding_words(verify(path, platform, **given).findings) if SIZE not in words]

    return checking


def test_good_files_pass(check):
    assert check(f"email,fn\n{JANE},{sha('jane')}\njohn@example.com,\n", "meta") != []
    assert check(f"email,fn\n{JANE},{sha('jane')}\n{JOHN},\n", "meta") == []
    assert check("email,fn,zip,country\njane@example.com,jane,02138,us\njohn@example.com,정,,\n", "meta") == []
    assert check("Email,Phone\njane@example.com,+16505551212\n,+442079460018\n", "google") == []
    assert check(f"{JANE}\r\n{JOHN}\r\n", "criteo") == []
    assert check("Phone\n16505551212\n", "tiktok") == []
    assert check('Email,Note\njane@example.com,"two\nlines"\n', "klaviyo") == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (f"\ufeffemail\n{JANE}\n".encode(), "line 1: the file begins with a byte order mark"),
        (f"email\n{JANE}\n".encode("utf-16"), "line 1: the file is UTF-16"),
        (f"email,fn\n{JANE},{sha('a')}\n{JOHN},Zoë\n".encode("latin-1"), "line 3: the line is not UTF-8"),
        (f"email;fn\n{JANE};\n", "line 1: cells are separated by semicolons"),
        (f"email\tfn\n{JANE}\t\n", "line 1: cells are separated by tabs"),
        (f"email,fn\n{JANE}\n", "line 2: the line does not have the 2 cells of the header"),
        (f"email\n{JANE}\n\n{JOHN}\n", "line 3: the line is empty"),
        (f'email\n{JANE}\n"{JOHN}\n', "line 3: the quotes do not close"),
        ("", "the file is empty"),
        ("email\n", "there is no row that could be read"),
        (f"Email\n{JANE}\n", "line 1: Email: there is no such column. Did you mean 'email'?"),
        (f"email,emial\n{JANE},\n", "line 1: emial: there is no such column. Did you mean 'email'?"),
        (f"fn\n{sha('jane')}\n", "line 1: no column identifies people"),
        (f"email,email,email,email\n{JANE},,,\n", "line 1: email: the header names it 4 times; 3 at most"),
        (f"email\n{JANE.upper()}\n", "line 2: email: the digest has upper-case letters"),
        (f"email\n{sha('')}\n", "line 2: email: it is the digest of an empty text"),
        (f"email\n{md5('x')}\n", "line 2: email: it is a digest of another length than SHA256"),
        (f"email\n{JANE}\njohn@example.com\n", "line 3: email: it is not hashed"),
        ("email\nJane@example.com\n", "line 2: email: it is not an e-mail address in lower case"),
        ("email\n jane@example.com\n", "line 2: email: it is not an e-mail address in lower case"),
        ("phone\n+16505551212\n", "line 2: phone: it is not a phone number in digits only"),
        ("phone\n4.41E+11\n", "line 2: phone: it is not a phone number in digits only"),
        ("phone\n6505551212\n", "line 2: phone: it is not a phone number in digits only, country code first"),
        ("email,zip,country\na@b.nl,2138,us\n", "line 2: zip: it is not a postcode"),
        ("email,country\na@b.nl,Nederland\n", "line 2: country: it is not a country as two lower-case letters"),
        ("email,fn\na@b.nl,Vale\u0301ry\n", "line 2: fn: it is not a name in lower case"),
        ("email,fn\na@b.nl,=cmd()\n", "line 2: fn: it begins with a sign that a spreadsheet runs as a formula"),
        (f"email,madid\n{JANE},{sha('x')}\n", "line 2: madid: it is hashed, but the platform takes it in plain text"),
        (f"email,fn\n{JANE},\n{JOHN},\n{JANE},\n", "line 4: the line repeats somebody of an earlier line"),
        (f"email,fn\n,{sha('jane')}\n", "line 2: nothing in the line identifies anybody"),
    ],
)
def test_what_meta_refuses(check, content, found):
    words = check(content, "meta")
    assert [line for line in words if line.startswith(found)], words


@pytest.mark.parametrize(
    ("platform", "content", "found"),
    [
        ("meta_value", f"email\n{JANE}\n", "line 1: value: the column is missing"),
        ("meta_value", f"email,value\n{JANE},-1\n", "line 2: value: it is not a plain number"),
        ("meta_value", f'email,value\n{JANE},"1,5"\n', "line 2: value: it is not a plain number"),
        ("meta_value", f"email,value\n{JANE},0\n{JOHN},0.0\n", "value: every value is 0"),
        ("google", f"Email,Country\n{JANE},{sha('us')}\n", "line 2: Country: it is hashed, but"),
        ("google", ADDRESS, "line 2: an address counts only"),
        ("google", "Email\nj.ane+x@gmail.com\n", "line 2: Email: it is not an e-mail address"),
        ("google", "Phone\n16505551212\n", "line 2: Phone: it is not a phone number as + and digits"),
        ("google_conversions", CONVERSIONS.format("UTC", "2026-01-01 00:00:00").split("\n", 1)[1],
         "line 1: the first line has to name the time zone"),
        ("google_conversions", CONVERSIONS.format("here now", "2026-01-01 00:00:00"), "line 1: the time zone is"),
        ("google_conversions", CONVERSIONS.format("UTC", "2026-01-01T00:00:00"), "line 3: Conversion Time: it is not"),
        ("google_conversions", CONVERSIONS.format("UTC", "2026-01-01 00:00:00+05:30"), "line 3: Conversion Time: it"),
        ("google_adjustments", ADJUSTMENTS.format("2026-01-01 00:00:00", "RESTATEMENT"),
         "line 3: Adjustment Type: it is not RESTATE or RETRACT"),
        ("tiktok", "Email_SHA256\njane@example.com\n", "line 2: Email_SHA256: it is not hashed"),
        ("tiktok", f"Email_SHA 256\n{JANE}\n", "line 1: Email_SHA 256: there is no such column. Did you mean 'Email"),
        ("linkedin_companies", "companyname\nAcme\n", "line 1: the header has to be the whole header of the template"),
        ("klaviyo", "Email,Email Marketing Consent\na@b.nl,Subscribe\n",
         "line 1: Email Marketing Consent: this column would subscribe"),
        ("klaviyo", "Email,Note\na@b.nl,@SUM(1)\n", "line 2: Note: it begins with a sign"),
    ],
)  # fmt: skip
def test_what_other_platforms_refuse(check, platform, content, found):
    words = check(content, platform)
    assert [line for line in words if line.startswith(found)], words


def test_numbers_below_zero_are_no_formulas(check):
    assert check("Email,Change,Note\na@b.nl,-3.5,+31612345678\n", "klaviyo") == []


def test_ranks_are_no_values(check):
    rows = "".join(f"{sha(str(i))},{i % 5 + 1}\n" for i in range(200))
    assert check("email,value\n" + rows, "meta_value") == [
        "value: the values look like ranks or ratings; money or counts are asked for"
    ]


@pytest.mark.parametrize(("rows", "fits"), [(99, False), (100, True)])
def test_the_smallest_list(tmp_path, rows, fits):
    path = tmp_path / "list.csv"
    path.write_text("email\n" + "".join(f"{sha(str(i))}\n" for i in range(rows)))
    assert verify(path, "meta").ok is fits
    assert verify(path, "meta", removal=True).ok


def test_names_of_files(check):
    assert check(f"{JANE}\n", "criteo", name="My List.csv")[0].startswith("the name of the file may hold lower case")
    assert check(f"{JANE}\n", "criteo", name="list.zip")[0] == "the name of the file has to end in .csv or .txt"


def test_choices_change_what_is_expected(check):
    assert check("jane@example.com\n", "criteo", options=UploadOptions(criteo_identifier="plain")) == []
    assert check(md5("x") + "\n", "criteo", options=UploadOptions(criteo_identifier="md5")) == []


def test_every_line_is_kept_and_twenty_are_shown(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("email\n" + "".join(f"User{i}@example.com\n" for i in range(150)))
    (finding,) = verify(path, "meta").findings
    assert finding.lines == tuple(range(2, 152))
    words = finding_words([finding])
    assert len(words) == 21
    assert words[-1].startswith("and 130 more lines: email: it is not")
    assert "user" not in "".join(words).lower()


def test_lines_are_lines_of_the_file_below_cells_of_two_lines(check):
    assert check('Email,Note\na@b.nl,"one\ntwo"\nNobody,\n', "klaviyo") == [
        "line 4: Email: it is not an e-mail address in lower case without blanks"
    ]


def test_no_such_file_and_no_such_platform(tmp_path):
    with pytest.raises(DataError, match="the file cannot be read"):
        verify(tmp_path / "none.csv", "meta")
    with pytest.raises(ConfigError, match="Did you mean 'tiktok'"):
        verify(tmp_path / "none.csv", "tictok")
