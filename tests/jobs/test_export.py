"""Export and verify: from a published run to files that a platform takes, and back."""

import json
import stat
from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from foretell.config.load import load_settings
from foretell.delivery.publish import publish
from foretell.delivery.published import PublishedRun, audience, segment_frame
from foretell.errors import ConfigError, DataError, LockHeld
from foretell.jobs.export import export
from foretell.jobs.verify import verify
from foretell.storage.atomic import STAGE_PREFIX
from foretell.storage.lock import LOCK_NAME, folder_lock

FIRST, SECOND = datetime(2026, 10, 1), datetime(2026, 11, 1)


@pytest.fixture(scope="module")
def make_run():
    """The small finished run of the tests of delivery."""
    import importlib.util
    from pathlib import Path

    place = Path(__file__).parents[1] / "delivery" / "conftest.py"
    spec = importlib.util.spec_from_file_location("delivery_runs", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_run


@pytest.fixture
def shop(tmp_path, make_run, monkeypatch):
    """Two published runs and a table of customers, some of whom agreed."""
    monkeypatch.setattr("foretell.delivery.publish.render_page", lambda *_: "<p></p>")
    settings = load_settings(
        None,
        environment={},
        flags={"folders.output": str(tmp_path / "out"), "shop.currency": "EUR", "shop.time_zone": "Europe/Amsterdam"},
        discover=False,
    ).settings
    for as_of, customers in ((FIRST, 150), (SECOND, 200)):
        run = make_run(as_of=as_of, customers=customers)
        ids = pl.col("customer_id").str.replace("^shopper-0000", "=shopper-0000")
        publish(replace(run, scores=run.scores.with_columns(ids).sort("customer_id")), settings.folders.output)
    names = [f"shopper-{i:05d}@mail.test" for i in range(200)]
    contacts = pl.DataFrame(
        {
            "customer_id": [name.replace("shopper-0000", "=shopper-0000") for name in names],
            "email": names,
            "consent_ads": [i % 4 != 0 for i in range(200)],
            "consent_email": [True] * 200,
        }
    )
    contacts.write_csv(tmp_path / "customers.csv")
    return settings, tmp_path / "customers.csv", contacts


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_becomes_upload_files_with_readme_manifest_and_ledger(shop):
    settings, customers, _ = shop
    result = export(settings, platforms=["meta_value", "klaviyo"], segments=["one_time_at_risk"], contacts=customers)
    folder = settings.folders.output / "uploads/2026-11-01"
    assert result.folders == (folder / "meta_value", folder / "klaviyo")
    assert set(content(folder)) == {
        f"{platform}/{name}"
        for platform in ("meta_value", "klaviyo")
        for name in ("one_time_at_risk.csv", "README.txt", "manifest.json", "uploaded.parquet")
    }
    row = result.counts[0]
    assert row["members"] == row["written"] + row["no_consent"] > row["written"] > 0
    readme = (folder / "meta_value/README.txt").read_text(encoding="utf-8")
    assert f"{row['written']} of {row['members']} people are written. Left out: {row['no_consent']} without" in readme
    manifest = json.loads((folder / "meta_value/manifest.json").read_bytes())
    assert [file["rows"] for file in manifest["files"] if file["name"] == "one_time_at_risk.csv"] == [row["written"]]
    assert stat.S_IMODE((folder / "meta_value").stat().st_mode) == 0o700
    for said in (readme, json.dumps(manifest), "\n".join(result.lines()), json.dumps(result.as_dict())):
        assert "shopper" not in said
    frame = pl.read_csv(folder / "meta_value/one_time_at_risk.csv")
    scores = pl.read_parquet(settings.folders.output / "2026-11-01/scores.parquet")
    # Whole currency units written with two decimals: each is some member's prediction.
    assert set(frame["value"].round(2).to_list()) <= set(scores["predicted_clv_365d"].round(2).to_list())


def test_an_id_that_a_spreadsheet_would_run_finds_its_contact(shop):
    settings, customers, contacts = shop
    named = contacts.with_columns(consent_email=pl.col("customer_id").str.starts_with("="))
    named.write_csv(customers)
    result = export(settings, platforms=["klaviyo"], contacts=customers)
    assert sum(row["written"] for row in result.counts) > 0
    assert sum(row["not_in_contacts"] for row in result.counts) == 0


def test_who_left_is_taken_off_and_the_same_export_says_the_same(shop):
    settings, customers, contacts = shop
    export(settings, platforms=["meta"], contacts=customers, run=settings.folders.output / "2026-10-01")
    first = export(settings, platforms=["meta"], contacts=customers)
    assert sum(row["removed"] for row in first.counts) > 0
    before = content(first.folders[0])
    assert content(export(settings, platforms=["meta"], contacts=customers).folders[0]) == before
    # Whoever withdraws on the same day is taken off too, and stays taken off.
    gone = pl.read_parquet(first.folders[0] / "uploaded.parquet").filter(pl.col("state") == "added")["customer_id"][0]
    contacts.with_columns(consent_ads=pl.col("consent_ads") & (pl.col("customer_id") != gone)).write_csv(customers)
    for _ in range(2):
        export(settings, platforms=["meta"], contacts=customers)
        ledger = pl.read_parquet(first.folders[0] / "uploaded.parquet")
        assert set(ledger.filter(pl.col("customer_id") == gone)["state"]) == {"removed"}


def test_lists_of_files_are_honoured(shop, tmp_path):
    settings, customers, contacts = shop
    (tmp_path / "forget.csv").write_text("customer_id\nshopper-00030@mail.test\n", encoding="utf-8")
    contacts.select("email").head(200).write_csv(tmp_path / "off.csv")
    kept = export(settings, platforms=["klaviyo", "review"], contacts=customers, forget=tmp_path / "forget.csv")
    assert sum(row["forgotten"] for row in kept.counts) > 0
    for folder in kept.folders:
        assert b"shopper-00030" not in b"".join(content(folder).values())
    none = export(settings, platforms=["klaviyo"], contacts=customers, suppression=tmp_path / "off.csv")
    assert {row["written"] for row in none.counts} == {0}
    files = [name for name in content(none.folders[0]) if name.endswith(".csv")]
    assert files, "who was uploaded earlier this day is taken off again"
    assert all(name.startswith("remove/") for name in files)


def test_a_dry_run_counts_and_writes_nothing(shop):
    settings, customers, _ = shop
    before = content(settings.folders.output)
    result = export(settings, platforms=["meta", "review"], contacts=customers, dry_run=True)
    assert sum(row["written"] for row in result.counts) > 0
    assert result.lines()[-1] == "Dry run: nothing was written."
    assert content(settings.folders.output) == before


def test_files_for_people(shop):
    openpyxl = pytest.importorskip("openpyxl")
    settings, _, _ = shop
    result = export(settings, platforms=["review"], segments=["vip", "due_soon"])
    folder = result.folders[0]
    book = openpyxl.load_workbook(folder / "segments.xlsx")
    assert book.sheetnames == ["vip", "due_soon", "dictionary"]
    published = pl.read_csv(settings.folders.output / "2026-11-01/segments/vip.csv")
    comma = pl.read_csv(folder / "csv-decimal-comma/vip.csv", separator=";", decimal_comma=True)
    assert comma.drop("why_here").equals(published.drop("why_here"))
    assert (folder / "csv/vip.csv").read_bytes() == (
        settings.folders.output / "2026-11-01/segments/vip.csv"
    ).read_bytes()
    told = " ".join((folder / "README.txt").read_text(encoding="utf-8").split())
    for words in (
        "as of 2026-11-01, and valid from that day",
        f"vip: VIP: the most valuable customers to come ({published.height:,} rows",
        "For CRM. What to do: Keep them",
    ):
        assert words in told, words
    assert not any(name in told for name in published["customer_id"])


def test_who_is_held_out_is_not_contacted(tmp_path):
    (tmp_path / "segments").mkdir()
    text = "customer_id,holdout\na,true\nb,false\nc,\nd,True\n"
    (tmp_path / "segments/vip.csv").write_text(text, encoding="utf-8")
    scores = pl.DataFrame({"customer_id": list("abcde"), "predicted_clv_365d": [1.0, 2.0, 3.0, 4.0, 5.0]})
    run = PublishedRun(tmp_path, SECOND, {"horizons": {"clv_days": 365}}, scores)
    assert audience(run, "vip").select("customer_id", "value").rows() == [("b", 2.0), ("c", 3.0)]
    assert segment_frame(run, "vip")["customer_id"].to_list() == list("abcd")


def test_what_was_asked_is_checked_first(shop, tmp_path):
    settings, customers, _ = shop
    with pytest.raises(ConfigError, match=r"(?s)no platform 'metta'. Did you mean 'meta'.*--contacts FILE"):
        export(settings, platforms=["metta", "meta"])
    with pytest.raises(ConfigError, match=r"no segment 'vipp'\. Did you mean 'vip'"):
        export(settings, platforms=["review"], segments=["vipp"])
    with pytest.raises(ConfigError, match=r"(?s)no option 'curency'.*value_cap must be a number"):
        export(settings, platforms=["meta"], contacts=customers, options={"curency": "EUR", "value_cap": "much"})
    with pytest.raises(DataError, match="no published run"):
        export(settings, platforms=["review"], run=tmp_path)
    (settings.folders.output / "2026-11-01/segments/vip.csv").write_bytes(b"customer_id\nsomebody\n")
    with pytest.raises(DataError, match="was changed, added or taken away"):
        export(settings, platforms=["review"])


def test_what_a_killed_export_of_another_day_left_is_cleared_and_told(shop, caplog):
    settings, customers, _ = shop
    left = settings.folders.output / "uploads/2026-10-01" / f"{STAGE_PREFIX}meta"
    left.mkdir(parents=True)
    (left / "vip.csv").write_text("half")
    (settings.folders.output / LOCK_NAME).write_text('{"process": 999999999, "host": "elsewhere"}')
    caplog.set_level("WARNING", logger="foretell")
    export(settings, platforms=["klaviyo"], segments=["one_time_at_risk"], contacts=customers)
    assert not left.exists()
    assert "process 999999999 on elsewhere" in caplog.text


def test_nothing_is_written_beside_another_run(shop):
    settings, customers, _ = shop
    with folder_lock(settings.folders.output), pytest.raises(LockHeld):
        export(settings, platforms=["meta"], contacts=customers)


def test_what_was_exported_is_verified(shop):
    settings, customers, _ = shop
    folder = export(settings, platforms=["klaviyo"], contacts=customers).folders[0]
    good = verify(settings, folder / "vip.csv", "klaviyo")
    assert good.healthy
    assert good.lines()[0].startswith("vip.csv is fit for klaviyo: ")
    bad = verify(settings, folder / "vip.csv", "meta")
    assert not bad.healthy
    assert bad.lines()[-1] == "vip.csv is not fit for meta."
    assert bad.as_dict()["problems"][0]["rule"]
