"""Consent fails closed, suppression wins, the forgotten are in no file."""

import polars as pl
import pytest

from foretell.delivery.uploads.consent import said_no, said_yes
from foretell.delivery.uploads.hashing import digests
from foretell.errors import DataError

ADS = ("meta", "meta_value", "google", "google_conversions", "google_adjustments", "criteo", "tiktok",
       "linkedin_companies", "linkedin_contacts")  # fmt: skip


def counted(uploads, reason):
    return uploads.counts[reason].to_list()


@pytest.mark.parametrize(
    ("answers", "yes", "no"),
    [
        ([True, False, None], [True, False, False], [False, True, False]),
        ([1, 0, 2], [True, False, False], [False, True, False]),
        ([1.0, 0.0, float("nan")], [True, False, False], [False, True, False]),
        (["Yes", " SUBSCRIBED ", "true", "granted"], [True] * 4, [False] * 4),
        (["no", "Unsubscribed", "FALSE", "withdrawn"], [False] * 4, [True] * 4),
        (["maybe", "", "never subscribed", "null"], [False] * 4, [False] * 4),
    ],
)
def test_only_a_known_word_is_an_answer(answers, yes, no):
    column = pl.Series(answers, strict=False)
    assert said_yes(column).to_list() == yes
    assert said_no(column).to_list() == no


@pytest.mark.parametrize("platform", ADS)
def test_without_the_column_nobody_is_written(write, people, platform):
    uploads, folder = write(platform, contacts=people.drop("consent_ads"))
    assert not list(folder.glob(f"{platform}/*.csv"))
    assert counted(uploads, "written") == [0]
    assert "The contacts have no column consent_ads: nobody is written to what needs it." in uploads.notes


@pytest.mark.parametrize("signal", ["ad_user_data", "ad_personalization"])
def test_google_needs_its_own_signals_where_they_exist(write, people, signal):
    signals = pl.when(pl.col("customer_id") == "c04").then(pl.lit("granted")).otherwise(None)
    uploads, _ = write("google", "meta", contacts=people.with_columns(signals.alias(signal)))
    assert counted(uploads, "written") == [1, 6]


def test_one_consent_is_not_another(write, people):
    """Klaviyo gets a phone number only with consent to text messages."""
    _, folder = write("klaviyo", contacts=people.drop("consent_sms"))
    rows = pl.read_csv(folder / "klaviyo/vip.csv", infer_schema=False)
    assert rows["Phone Number"].null_count() == rows.height > 0
    _, folder = write("klaviyo", contacts=people.drop("consent_email"), folder=folder / "again")
    rows = pl.read_csv(folder / "klaviyo/vip.csv", infer_schema=False)
    assert rows["Email"].null_count() == rows.height > 0


def test_a_refusal_under_another_id_counts(write):
    uploads, _ = write("meta")
    assert counted(uploads, "consent_contradicted") == [1]


@pytest.mark.parametrize(
    "entry",
    [
        {"customer_id": ["c04"]},
        {"customer_id": [" c04\u00a0"]},
        {"phone": ["+374 93 828 222"]},
        {"phone": ["093 828222"], "country": ["AM"]},
        {"email": ["john.smith@example.com", " 정@EXAMPLE.com"]},
        {"email": [digests(pl.Series(["정@example.com"])).item()]},
    ],
)
def test_suppression_wins_over_consent(write, entry):
    before, _ = write("meta", suppression=None, folder=None)
    after, _ = write("meta", suppression=pl.DataFrame(entry), folder=None)
    assert counted(after, "suppressed") == [1]
    assert counted(after, "written") == [counted(before, "written")[0] - 1]


def test_blanks_around_an_id_let_nobody_through(write, people):
    uploads, _ = write("meta", forget=["c04 "], folder=None)
    assert counted(uploads, "forgotten") == [1]
    blank = pl.col("customer_id").replace("c04", "c04 ")
    uploads, _ = write(
        "meta",
        contacts=people.with_columns(blank),
        audiences={"vip": people.select(blank)},
        suppression=pl.DataFrame({"customer_id": ["c04"]}),
        folder=None,
    )
    assert counted(uploads, "suppressed") == [1]


def test_suppression_reaches_everybody_with_the_address(write):
    uploads, _ = write("criteo", suppression=pl.DataFrame({"customer_id": ["c01"]}))
    assert counted(uploads, "suppressed") == [2]
    uploads, _ = write("criteo", suppression=pl.DataFrame({"email": ["johnsmith@gmail.com"]}), folder=None)
    assert counted(uploads, "suppressed") == [0], "john_smith is another person than johnsmith"
    uploads, _ = write("criteo", suppression=pl.DataFrame({"email": ["jane.d.o.e@gmail.com"]}), folder=None)
    assert counted(uploads, "suppressed") == [1], "dots and tags do not make another person of a Gmail address"
    uploads, _ = write("criteo", suppression=pl.DataFrame({"email": ["janedoe@googlemail.com"]}), folder=None)
    assert counted(uploads, "suppressed") == [1], "nor does its other domain"
    listed = digests(pl.Series(["janedoe@gmail.com"]))
    uploads, _ = write("google", suppression=pl.DataFrame({"email": listed}), folder=None)
    assert counted(uploads, "suppressed") == [1], "what Google would be sent is on the list"


def test_a_suppression_list_that_cannot_be_kept_is_refused(write):
    with pytest.raises(DataError, match="none of the columns customer_id, email and phone"):
        write("meta", suppression=pl.DataFrame({"mail": ["x@example.com"]}))
    with pytest.raises(DataError) as found:
        write(
            "meta",
            suppression=pl.DataFrame({"email": ["x@example.com", "secret nobody"], "phone": ["+37493828222", "7"]}),
        )
    text = str(found.value)
    assert "suppression.email: the value cannot be read, so the person could not be kept off [1] (rows 2)" in text
    assert "suppression.phone" in text
    assert "secret" not in text


def test_the_forgotten_are_in_no_file_and_in_no_list(write):
    everybody = [f"c{i:02d}" for i in range(1, 16)]
    uploads, folder = write("meta", "klaviyo", forget=everybody)
    assert not list(folder.rglob("*.csv"))
    assert uploads.ledger.is_empty()
    assert counted(uploads, "forgotten") == [14, 14]
    assert any(note.startswith("meta, vip: of those uploaded before, 4 must be forgotten") for note in uploads.notes)


def test_who_left_or_withdrew_is_taken_off(write):
    uploads, folder = write("klaviyo")
    removed = pl.read_csv(folder / "klaviyo/remove/vip.csv", infer_schema=False)
    assert removed["Email"].to_list() == ["left@example.com", "withdrew@example.com"]
    listed = uploads.ledger.filter(pl.col("state") == "removed")
    assert listed["customer_id"].to_list() == ["c11", "c12"]


def test_who_shares_an_address_with_somebody_on_the_list_is_not_taken_off(write, audience):
    """c01 was uploaded before; now c08, with the same address, stands for both."""
    uploads, _ = write("criteo", audiences={"vip": audience.filter(pl.col("customer_id") != "c01")})
    assert uploads.ledger.filter(pl.col("state") == "removed")["customer_id"].to_list() == ["c11", "c12"]
