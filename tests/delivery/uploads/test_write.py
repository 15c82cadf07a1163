"""One call writes everything: what is asked is checked first, every member is accounted for, nobody is named."""

import stat

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foretell.delivery.uploads.audience import ALL_REASONS
from foretell.delivery.uploads.platforms import PLATFORMS
from foretell.delivery.uploads.template import UploadOptions
from foretell.delivery.uploads.verify import verify
from foretell.delivery.uploads.write import write_uploads
from foretell.errors import ConfigError, DataError, OutputError

SIZES = ("the platform does not use it",)


def read_back(path, platform):
    """A file as the csv format defines it, without knowledge of how it was written."""
    format_ = PLATFORMS[platform]
    return pl.read_csv(
        path, infer_schema=False, has_header=format_.header, skip_lines=1 if format_.time_zone_line else 0,
    )  # fmt: skip


def captured(monkeypatch):
    """Frames as they are handed to the writer, by file."""
    import foretell.delivery.uploads.write as module

    frames, real = {}, module._write_file
    monkeypatch.setattr(module, "_write_file", lambda frame, platform, path, zone: (
        frames.update({path: frame}), real(frame, platform, path, zone)))  # fmt: skip
    return frames


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_file_reads_back_as_the_frame_and_is_fit_for_its_platform(write, monkeypatch, options, platform):
    frames = captured(monkeypatch)
    uploads, _ = write(platform)
    assert len(frames) == len(uploads.files) > 0
    for path, frame in frames.items():
        back = read_back(path, platform)
        assert back.rows() == frame.rows()
        if PLATFORMS[platform].header:
            assert back.columns == frame.columns
        found = verify(path, platform, removal="remove" in path.parts, options=options).findings
        assert [each for each in found if not each.rule.endswith(SIZES)] == []


def test_files_are_plain_utf8_and_for_their_owner_only(write):
    _, folder = write(*PLATFORMS)
    for path in folder.rglob("*.csv"):
        content = path.read_bytes()
        assert not content.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in content
        assert content.endswith(b"\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.lists(st.integers(0, 30), max_size=30),
    consents=st.lists(st.sampled_from(["true", "no", None, "maybe"]), min_size=20, max_size=20),
    addresses=st.lists(
        st.sampled_from(["a@x.nl", "B@x.nl", "=c@x.nl", None, "d@x.nl ", "no"]), min_size=20, max_size=20
    ),
    forget=st.lists(st.integers(0, 20), max_size=3),
)
def test_every_member_is_written_or_counted_once(members, consents, addresses, forget):
    contacts = pl.DataFrame(
        {"customer_id": [str(i) for i in range(20)], "email": addresses, "consent_ads": consents},
        schema_overrides={"email": pl.String, "consent_ads": pl.String},
    )
    people = pl.DataFrame(
        {"customer_id": [str(i) for i in members], "value": [float(i) for i in members]},
        schema={"customer_id": pl.String, "value": pl.Float64},
    )
    uploads = write_uploads({"x": people}, contacts, ["meta_value", "criteo"], None, forget=[str(i) for i in forget])
    for row in uploads.counts.to_dicts():
        assert row["members"] == len(set(members))
        assert row["members"] == row["written"] + sum(row[name] for name in ALL_REASONS)


def test_of_two_with_one_address_the_more_valuable_is_written(write):
    _, folder = write("meta_value")
    values = read_back(folder / "meta_value/vip.csv", "meta_value")["value"].to_list()
    assert "500.00" in values
    assert "100.00" not in values


TRIGGERS = ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "＝", "＋", "－", "＠"]
BEHIND = ["Acme;=1+1", "Acme,@SUM(1)", 'Acme","=1', "Acme\n=1", "Acme\t＝1"]


@pytest.mark.parametrize("payload", [*(f"{sign}cmd|' /C calc'!A0" for sign in TRIGGERS), *BEHIND])
def test_what_a_spreadsheet_would_run_is_in_no_upload_file(write, people, payload):
    """In every text column of one person at a time; a name that is hashed may hold a separator."""
    for name in ("company", "gclid", "order_id", "last_name"):
        changed = pl.when(pl.col("customer_id") == "c04").then(pl.lit(payload)).otherwise(pl.col(name)).alias(name)
        platforms = ("linkedin_companies", "google_conversions", "google_adjustments", "linkedin_contacts")
        uploads, _ = write(*platforms, contacts=people.with_columns(changed), folder=None)
        refused = dict(uploads.counts.select("platform", "formula_refused").iter_rows())
        plain_in = {"company": platforms[::3], "gclid": platforms[1:2], "order_id": platforms[2:3]}
        assert [platform for platform in plain_in.get(name, platforms[3:]) if refused[platform] != 2] == []


def test_a_file_that_is_there_is_not_written_over(write):
    write("meta")
    with pytest.raises(OutputError, match=r"Cannot write vip\.csv in .*: File exists"):
        write("meta")


def test_long_lists_are_cut_into_parts(write, monkeypatch):
    from dataclasses import replace

    import foretell.delivery.uploads.platforms as module

    small = replace(PLATFORMS["linkedin_contacts"], most_rows=3)
    monkeypatch.setitem(module.PLATFORMS, "linkedin_contacts", small)
    uploads, folder = write("linkedin_contacts")
    names = [file.name for file in uploads.files if not file.removes]
    assert names == [f"linkedin_contacts/vip{end}.csv" for end in ("", "-2", "-3")]
    assert [file.rows for file in uploads.files if not file.removes] == [3, 3, 1]
    tiny = replace(small, most_rows=0, most_bytes=4_096 + 500)
    monkeypatch.setitem(module.PLATFORMS, "linkedin_contacts", tiny)
    _, folder = write("linkedin_contacts", folder=folder / "again")
    assert all(path.stat().st_size <= tiny.most_bytes for path in folder.rglob("*.csv"))


def test_each_audience_may_have_platforms_of_its_own(write, audience):
    uploads, _ = write(
        platforms={"vip": ("meta",), "lapsed": ("criteo", "meta"), "other": ()},
        audiences=dict.fromkeys(("vip", "lapsed", "other"), audience),
        previous=None,
    )
    names = {file.name for file in uploads.files}
    assert names == {"meta/vip.csv", "meta/lapsed.csv", "criteo/lapsed.csv"}


def test_columns_that_are_sensitive_or_unknown_are_not_written(write, options):
    _, folder = write("meta", "klaviyo")
    assert not {"dob", "gen"} & set(read_back(folder / "meta/vip.csv", "meta").columns)
    assert not [name for name in read_back(folder / "klaviyo/vip.csv", "klaviyo").columns if "reason" in name]
    from dataclasses import replace

    asked = replace(options, sensitive=("gender",))
    _, folder = write("meta", options=asked, folder=folder / "again")
    assert "gen" in read_back(folder / "meta/vip.csv", "meta").columns


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "../vip", "VIP", "a b", "", "vip\n", "＝1"])
def test_a_name_that_is_no_safe_file_name_is_refused(write, audience, name):
    with pytest.raises(ConfigError, match="may hold only lower case letters"):
        write("meta", audiences={name: audience})


def test_every_problem_is_said_at_once(write):
    with pytest.raises(ConfigError) as found:
        write("metta", "google_conversions", options=UploadOptions(currency="eur", value_cap=0.0, tiktok_phone="e164"))
    text = str(found.value)
    for part in (
        "no platform 'metta'. Did you mean 'meta'?",
        "time_zone",
        "currency must be 3 upper-case letters",
        "value_cap must be more than 0",
        "tiktok_phone must be one of digits, plus",
    ):
        assert part in text


def test_a_table_in_which_people_cannot_be_told_apart_is_refused(write, people, audience):
    with pytest.raises(DataError) as found:
        write("meta", contacts=pl.concat([people, people.head(2), people.head(1).with_columns(customer_id=None)]))
    assert "the customer is there already [2] (rows 16, 17)" in str(found.value)
    assert "the value is missing [1] (rows 18)" in str(found.value)
    with pytest.raises(DataError, match=r"audience vip\.value: the column is missing"):
        write("meta_value", audiences={"vip": audience.drop("value")})
    with pytest.raises(DataError, match=r"audience vip\.customer_id: the column is missing"):
        write("meta", audiences={"vip": audience.drop("customer_id")})


def test_nobody_is_named_in_what_is_said(write, people):
    uploads, _ = write(*PLATFORMS)
    said = "\n".join(uploads.notes).lower()
    personal = people.select("email", "phone", "last_name", "city", "company").unpivot()["value"].drop_nulls().unique()
    named = [value for value in personal.to_list() if len(value) > 3 and value.strip().lower() in said]
    assert named == []


def test_the_frames_handed_in_are_not_changed(write, people, audience):
    before = people.clone(), audience.clone()
    write(*PLATFORMS)
    assert people.equals(before[0])
    assert audience.equals(before[1])
