"""Outputs, bundles and signals that go wrong, and hostile text: nothing half-written, nothing personal said."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import polars as pl
import pytest

import foretell as ft
from foretell.bundles.registry import Registry
from foretell.cli.entry import Terminated
from foretell.jobs import check as check_job
from foretell.storage.atomic import STAGE_PREFIX
from foretell.storage.lock import LOCK_NAME, folder_lock

DOMAIN = "@private.example"
AS_OF = "2025-08-01"
ORDERS = "data/raw/orders.csv"
MAY_NAME_CUSTOMERS = ("scores.csv", "scores.parquet", "segments/", "segments_diff.csv", "segment_members.parquet")


# --- the output -------------------------------------------------------------------------------------------------------


@contextmanager
def files_no_larger_than(size):
    """Every write past `size` bytes fails, as on a disk without room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [2_000, 60_000, 70_000], ids=["no file", "not the first", "not all"])
@pytest.mark.parametrize("standing", [False, True], ids=["first run", "over an older run"])
def test_a_disk_without_room(shop, size, standing):
    if standing:
        assert shop.call("score", "--as-of", AS_OF)[0] == 0
        shop.append([f"new{DOMAIN}", "2025-07-30T10:00:00", "10.0"])
    (shop.folder / "data/exports" / LOCK_NAME).touch()
    before = shop.content()
    with files_no_larger_than(size):
        code, out, err = shop.call("score", "--as-of", AS_OF)
    assert (code, out) == (1, "")
    assert "File too large" in err
    assert "Remedy: " in err
    assert shop.content() == before
    assert shop.call("score", "--as-of", AS_OF)[0] == 0


@pytest.mark.parametrize("name", ["data/exports", f"data/exports/{AS_OF}"], ids=["for all runs", "for this run"])
def test_a_file_where_the_folder_should_be(shop, name):
    if (shop.folder / name).is_dir():
        (shop.folder / name).rmdir()
    (shop.folder / name).write_text("mine")
    before = shop.content()
    for _ in range(2):
        code, out, err = shop.call("score", "--as-of", AS_OF)
        assert (code, out) == (1, "")
        assert "Remedy: " in err
        assert shop.content() == before


def test_two_runs_at_once(shop):
    output = shop.folder / "data/exports"
    with folder_lock(output):
        before = shop.content()
        code, out, err = shop.call("score", "--as-of", AS_OF)
        assert (code, out) == (75, "")
        assert "Try again" in err
        assert shop.content() == before
    assert shop.call("score", "--as-of", AS_OF)[0] == 0


@pytest.mark.slow
def test_four_processes_at_once_make_one_whole_folder(shop):
    line = [
        sys.executable,
        "-c",
        "from foretell.cli import main; main()",
        "--config",
        str(shop.folder / "foretell.toml"),
        "score",
        "--as-of",
        AS_OF,
    ]
    processes = [subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    codes = []
    for process in processes:
        process.communicate(timeout=120)
        codes.append(process.returncode)
    assert set(codes) <= {0, 75}
    assert 0 in codes
    found = shop.content()
    assert shop.call("score", "--as-of", AS_OF)[:2] != (75, "")
    assert shop.content() == found


# --- the bundle -------------------------------------------------------------------------------------------------------


def bundle_folder(shop):
    (folder,) = (shop.folder / "models/bundles").iterdir()
    return folder


def change_one_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name", ["bundle.json", "purchase_model.json", "spend_model.json", "card.json", "record_skipped.csv",
             "MODEL_CARD.md", "manifest.json"],
)  # fmt: skip
def test_a_bundle_with_one_byte_changed(shop, name):
    change_one_byte(bundle_folder(shop) / name)
    before = shop.content()
    code, out, err = shop.call("score", "--as-of", AS_OF)
    assert (code, out) == (1, "")
    assert "is damaged" in err
    assert "Remedy: " in err
    assert shop.content() == before
    with pytest.raises(ft.BundleError, match="damaged"):
        ft.load_model(bundle_folder(shop))


def test_a_damaged_registry_is_told_before_the_fit(shop, monkeypatch):
    monkeypatch.setattr("foretell.training.train.train", lambda *_, **__: pytest.fail("fitted first"))
    (shop.folder / "models/registry.json").write_text("[]")
    before = shop.content()
    for command in ("train", "score", "runs"):
        code, out, err = shop.call(command)
        assert (command, code, out) == (command, 1, "")
        assert "registry.json is damaged. Remedy: " in err
    assert shop.content() == before


@pytest.mark.parametrize("damage", [lambda folder: change_one_byte(folder / "card.json"), shutil.rmtree])
def test_the_same_bundle_again_mends_a_damaged_one(shop, shop_bundle, damage):
    registry = Registry(shop.folder / "models")
    damage(bundle_folder(shop))
    registry.register(shop_bundle)
    assert registry.load("champion").version == registry.state().roles["champion"]
    assert len(registry.state().entries) == 1


@pytest.mark.slow
def test_training_again_is_a_remedy_for_a_damaged_champion(shop):
    damaged = bundle_folder(shop)
    change_one_byte(damaged / "bundle.json")
    shop.config('# rungs = ["boosted", "purchase", "pareto"]', 'rungs = ["purchase"]')
    shop.config("clv_days = 180", "clv_days = 90")
    code, out, err = shop.call("train", "--as-of", "2025-07-15")
    assert code == 0
    assert "as the champion cannot be read" in err
    assert "promoted to champion" in out
    assert shop.call("score", "--as-of", AS_OF)[0] == 0


# --- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost_in", [TypeError("a binding's own words"), KeyError()])
def test_a_signal_that_a_library_turned_into_its_own_error_still_ends_the_run_as_one(shop, monkeypatch, lost_in):
    def job(*_, **__):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        except Terminated:
            raise lost_in from None

    monkeypatch.setattr(check_job, "check", job)
    code, out, err = shop.call("check")
    assert (code, out) == (143, "")
    assert err == "terminated: nothing is left half-written.\n"


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05])
def test_a_run_that_is_ended_while_it_publishes_leaves_nothing(shop, delay):
    output = shop.folder / "data/exports"
    before = shop.content()
    line = [sys.executable, "-c", "from foretell.cli import main; main()"]
    line += ["--config", str(shop.folder / "foretell.toml"), "score", "--as-of", AS_OF]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (output / f"{STAGE_PREFIX}{AS_OF}").exists():
            pass
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "")
    assert err.splitlines()[-1] == "terminated: nothing is left half-written."
    assert shop.content() == before


# --- hostile and personal text ----------------------------------------------------------------------------------------

HOSTILE_IDS = [
    '=HYPERLINK("http://hushed.example";"x")', "<script>alert('hushed')</script>", "hushed\nsecond line", "@hushed",
    '"hushed"', "+49 170 5550123", "tab\thushed", "{{ hushed }}", "\u202ehushed", "%s%d%n hushed", "hushed\r\n",
    "B" * 1_000_000,
]  # fmt: skip
HOSTILE_CELLS = [
    ("=1+1*hushed", "2025-01-01"), ("<b>hushed</b>", "2025-01-01"), ("5\nhushed", "2025-01-01"),
    ("A" * 1_000_000, "2025-01-01"), ("5", "hushed"), ("5", "<i>hushed</i>" * 50_000), ("5", "=hushed()"),
]  # fmt: skip


def make_hostile(shop):
    given = iter(HOSTILE_IDS)
    names = {}

    def renamed(_, who, *cells):
        if who not in names:
            names[who] = next(given, who)
        return [names[who], *cells]

    shop.rows(renamed)
    shop.append(*([HOSTILE_IDS[number], when, amount] for number, (amount, when) in enumerate(HOSTILE_CELLS)))
    shop.private += ["hushed", "5550123", "BBBBBBBB", "AAAAAAAA"]


def test_hostile_text_is_counted_and_never_repeated(shop):
    make_hostile(shop)
    code, out, _ = shop.call("check", "--json")
    reasons = json.loads(out)["rows"]["quarantined"]
    assert (code, reasons["amount_unreadable"], reasons["ordered_at_unreadable"]) == (0, 4, 3)
    assert shop.call("score", "--as-of", AS_OF)[0] == 0
    folder = shop.folder / "data/exports" / AS_OF
    named = shop.files_that_name_customers(folder)
    assert {"scores.csv", "scores.parquet"} <= named
    assert [name for name in named if not name.startswith(MAY_NAME_CUSTOMERS)] == []
    assert shop.files_that_name_customers(shop.folder / "models") == set()
    kept = pl.read_parquet(folder / "scores.parquet")["customer_id"]
    assert len(set(kept) & set(HOSTILE_IDS)) > 5
    written = pl.read_csv(folder / "scores.csv", infer_schema=False)["customer_id"]
    assert written.str.contains(r"^[=+@\-\t\r\n]").sum() == 0


@pytest.mark.parametrize("column", [1, 2], ids=["dates", "amounts"])
def test_hostile_text_in_a_whole_column_is_refused_without_being_shown(shop, column):
    shop.private += ["hushed", "AAAAAAAA"]
    bad = [cell for cell, _ in HOSTILE_CELLS[:4]] + ["=hushed"] * 10_000
    shop.rows(lambda number, *row: [*row[:column], bad[number], *row[column + 1 :]])
    before = shop.content()
    for command in ("check", "score"):
        code, out, err = shop.call(command)
        assert (command, code, out) == (command, 3, "")
        assert "Remedy: " in err
        assert len(err) < 1_000
    assert shop.content() == before


@pytest.mark.slow
def test_training_writes_down_no_customer_not_even_in_the_tracking_store(shop):
    make_hostile(shop)
    shop.config("enabled = false", "enabled = true")
    shop.config('# rungs = ["boosted", "purchase", "pareto"]', 'rungs = ["purchase"]')
    code, out, _ = shop.call("train", "--as-of", "2025-12-01", "--set", "horizons.clv_days=90")
    assert code == 0
    assert "Tracked as MLflow run" in out
    assert "  quarantined: amount_unreadable 4" in out
    assert (shop.folder / "models/mlflow.db").is_file()
    assert shop.files_that_name_customers(shop.folder / "models") == set()
