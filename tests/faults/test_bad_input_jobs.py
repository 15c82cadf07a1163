"""Bad input from the command line to the folder: a named end, its exit code, nothing half-written, nobody quoted."""

import csv
import io
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
from foretell.cli.entry import Terminated, run
from foretell.engines.trained_model import TrainedModel
from foretell.jobs import check as check_job
from foretell.storage.atomic import STAGE_PREFIX
from foretell.storage.hashing import sha256_file
from foretell.storage.lock import LOCK_NAME, folder_lock
from foretell.tables.dataset import MINOR_PER_UNIT

DOMAIN = "@private.example"
AS_OF = "2025-08-01"
ORDERS = "data/raw/orders.csv"
MAY_NAME_CUSTOMERS = ("scores.csv", "scores.parquet", "segments/")


@pytest.fixture(scope="module")
def made_shop(big_shop, bundle, tmp_path_factory):
    """A shop as `foretell init` makes it, with orders of e-mail addresses and a champion as of mid-2025."""
    folder = tmp_path_factory.mktemp("faults") / "shop"
    assert run(["init", str(folder), "--quiet"]) == 0
    orders = big_shop.orders.select(
        pl.col("customer_id") + DOMAIN, "ordered_at", (pl.col("amount_minor") / MINOR_PER_UNIT).alias("amount")
    )
    orders.collect().write_csv(folder / ORDERS)
    config = folder / "foretell.toml"
    text = config.read_text(encoding="utf-8")
    for old, new in (("clv_days = 365", "clv_days = 180"), ("# enabled = true", "enabled = false")):
        assert old in text
        text = text.replace(old, new)
    config.write_text(text, encoding="utf-8")
    registry = Registry(folder / "models")
    registry.promote(registry.register(bundle), why="test")
    return folder


class Shop:
    """A copy of the shop that a test may spoil."""

    def __init__(self, folder, capfd):
        self.folder, self.capfd = folder, capfd
        self.private = [DOMAIN]

    @property
    def orders(self):
        return self.folder / ORDERS

    def rows(self, change):
        """Rewrite every row by a function of its number (from 0) and its three cells."""
        header, *rows = csv.reader(io.StringIO(self.orders.read_text(encoding="utf-8")))
        self.write([header, *(change(number, *row) for number, row in enumerate(rows))])

    def write(self, rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self.orders.write_text(text.getvalue(), encoding="utf-8")

    def append(self, *rows):
        with self.orders.open("a", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    def config(self, old, new):
        path = self.folder / "foretell.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def call(self, *arguments):
        """Run a command with --verbose: exit code, standard output, standard error; neither names a customer."""
        line = ["--verbose", "--config", str(self.folder / "foretell.toml"), *arguments]
        code = run(line)
        out, err = self.capfd.readouterr()
        assert [text for text in self.private if text in out + err] == []
        assert "fault in foretell" not in err
        return code, out, err

    def content(self):
        """Hash of every file below the shop, locks aside."""
        return {
            str(path.relative_to(self.folder)): sha256_file(path) if path.is_file() else ""
            for path in self.folder.rglob("*")
            if path.name != LOCK_NAME
        }

    def files_that_name_customers(self, folder):
        return {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and any(text.encode() in path.read_bytes() for text in self.private)
        }


@pytest.fixture
def shop(made_shop, tmp_path, capfd):
    return Shop(shutil.copytree(made_shop, tmp_path / "shop"), capfd)


# --- refused: the same words and code from every command, nothing written ---------------------------------------------


def option(old, new):
    return lambda shop: shop.config(old, new)


def missing_file(shop):
    shop.orders.unlink()


def content(text):
    return lambda shop: shop.orders.write_bytes(text)


def replaced(old, new):
    return lambda shop: shop.orders.write_text(shop.orders.read_text(encoding="utf-8").replace(old, new))


def wrong_encoding(shop):
    shop.rows(lambda _, who, when, amount: [f"ä{who}", when, amount])
    shop.orders.write_bytes(shop.orders.read_text(encoding="utf-8").encode("cp1252"))


def renamed_columns(shop):
    shop.orders.write_text(shop.orders.read_text(encoding="utf-8").replace("customer_id,ordered_at", "who,orderd_at"))


def amounts(written):
    return lambda shop: shop.rows(lambda number, who, when, amount: [who, when, written(number, amount)])


def two_currencies(shop):
    header, *rows = csv.reader(io.StringIO(shop.orders.read_text(encoding="utf-8")))
    shop.write([[*header, "currency"], *([*row, ("EUR", "GBP")[number % 2]] for number, row in enumerate(rows))])


def mixed_zones(shop):
    shop.rows(lambda number, who, when, amount: [who, when[:19] + ("" if number % 3 else "Z"), amount])


REFUSED = {
    "missing file": (missing_file, ["there is no such file"]),
    "empty file": (content(b""), ["the file is empty"]),
    "header only": (content(b"customer_id,ordered_at,amount\n"), ["column names and no row"]),
    "wrong delimiter": (replaced(",", ";"), ["delimiter=';'"]),
    "wrong encoding": (wrong_encoding, ["not UTF-8", "encoding='cp1252'"]),
    "missing columns": (renamed_columns, ["2 problems", "no column 'customer_id'", "Did you mean 'orderd_at'?"]),
    "column mapped twice": (option('ordered_at = "ordered_at"', 'ordered_at = "customer_id"'), ["mapped twice"]),
    "unreadable dates": (replaced("-", "/"), ["none of the times can be read", "date_format="]),
    "another date format": (
        option('# date_format = "%d/%m/%Y %H:%M"', 'date_format = "%d/%m/%Y"'),
        ["as declared (%d/%m/%Y)"],
    ),
    "most dates after observed_until": (
        option("# observed_until = 2026-11-01", "observed_until = 2024-03-01"),
        ["more than half of the rows lie at or after observed_until 2024-03-01"],
    ),
    "no customer ids": (lambda shop: shop.rows(lambda _, *cells: ["", *cells[1:]]), ["rows have no customer id"]),
    "currency signs": (amounts(lambda _, amount: f"€{amount}"), ["carry a currency sign"]),
    "decimal commas": (amounts(lambda _, amount: amount.replace(".", ",")), ["decimal_comma=True"]),
    "no finite amount": (amounts(lambda number, _: ("nan", "inf", "-inf")[number % 3]), ["NaN or infinite"]),
    "two currencies": (two_currencies, ["the amounts are in 2 currencies"]),
    "mixed zones": (mixed_zones, ["some times have a UTC offset and others do not", "time_zone="]),
    "placeholder dates only": (
        lambda shop: shop.rows(lambda _, who, _when, amount: [who, "9999-12-31", amount]),
        ["order time outside 1900 to 2999"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "words"), REFUSED.values(), ids=REFUSED)
def test_input_that_is_refused(shop, spoil, words):
    spoil(shop)
    before = shop.content()
    for command in ("check", "train", "score"):
        code, out, err = shop.call(command)
        assert (command, code, out) == (command, 3, "")
        assert [word for word in words if word not in err] == []
        assert "Remedy: " in err
    assert shop.content() == before


@pytest.mark.parametrize(
    ("as_of", "observed_until", "words"),
    [
        ("2020-01-01", "", {"check": "the first is at", "train": "Nobody bought before", "score": "lies before"}),
        ("2025-10-01", "2025-09-01", dict.fromkeys(("check", "train", "score"), "lies after observed_until")),
    ],
    ids=["before the first order", "after an explicit observed_until"],
)
def test_as_of_where_nothing_is_known(shop, as_of, observed_until, words):
    if observed_until:
        shop.config("# observed_until = 2026-11-01", f"observed_until = {observed_until}")
    before = shop.content()
    for command, said in words.items():
        code, out, err = shop.call(command, "--as-of", as_of)
        assert (command, code, out) == (command, 3, "")
        assert said in err
        assert "Remedy: " in err
    assert shop.content() == before


@pytest.mark.parametrize("as_of", ["soon", "9999-12-31", "0001-01-01"])
def test_as_of_that_is_no_day_of_a_shop(shop, as_of):
    before = shop.content()
    for command in ("check", "train", "score"):
        code, _, err = shop.call(command, "--as-of", as_of)
        assert (command, code) == (command, 2)
        assert "--as-of" in err
    assert shop.content() == before


# --- rows that cannot be used: counted, and the rest is scored --------------------------------------------------------


def some(number, bad, good):
    return bad if number % 100 == 0 else good


COUNTED = {
    "unreadable dates": (lambda n, who, when, what: [who, some(n, "soon", when), what], "ordered_at_unreadable"),
    "dates that do not exist": (lambda n, who, when, what: [who, some(n, "2025-02-30", when), what],
                                "ordered_at_unreadable"),
    "placeholder dates": (lambda n, who, when, what: [who, some(n, "9999-12-31T00:00:00", when), what],
                          "ordered_at_out_of_range"),
    "dates of the year 1": (lambda n, who, when, what: [who, some(n, "0001-01-01", when), what],
                            "ordered_at_out_of_range"),
    "no customer ids": (lambda n, who, when, what: [some(n, "", who), when, what], "customer_id_missing"),
    "blank customer ids": (lambda n, who, when, what: [some(n, "  ", who), when, what], "customer_id_missing"),
    "infinite amounts": (lambda n, who, when, what: [who, when, some(n, "inf", what)], "amount_not_finite"),
    "amounts that are NaN": (lambda n, who, when, what: [who, when, some(n, "nan", what)], "amount_not_finite"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), COUNTED.values(), ids=COUNTED)
def test_rows_that_cannot_be_used_are_counted_to_the_end(shop, change, reason):
    shop.rows(change)
    total = len(shop.orders.read_text(encoding="utf-8").splitlines()) - 1
    spoilt = -(-total // 100)
    code, out, _ = shop.call("check", "--as-of", AS_OF, "--json")
    rows = json.loads(out)["rows"]
    assert (code, rows["in"], rows["quarantined"][reason]) == (0, total, spoilt)
    code, out, _ = shop.call("score", "--as-of", AS_OF)
    assert code == 0
    assert f"  quarantined: {reason} {spoilt}" in out
    folder = shop.folder / "data/exports" / AS_OF
    counts = json.loads((folder / "run.json").read_bytes())["counts"]
    assert counts["rows_in"] == total == counts["used"] + counts["at_or_after_as_of"] + counts["quarantined"]
    left_out = pl.read_csv(folder / "quarantine.csv").filter(pl.col("reason") == reason)["row_number"]
    assert left_out.to_list() == list(range(1, total + 1, 100))


def test_orders_after_an_explicit_end_are_quarantined_not_scored(shop):
    shop.config("# observed_until = 2026-11-01", f"observed_until = {AS_OF}")
    code, out, _ = shop.call("score", "--json")
    assert (code, json.loads(out)["as_of"]) == (0, f"{AS_OF}T00:00:00")
    late = pl.read_csv(shop.orders)["ordered_at"].str.head(10).ge(AS_OF).sum()
    assert f"{late:,} rows lie at or after observed_until" in json.loads(out)["notes"][0]["text"]
    folder = shop.folder / "data/exports" / AS_OF
    assert pl.read_csv(folder / "quarantine.csv")["reason"].eq("after_observed_until").sum() == late


def shared_order_ids(shop):
    header, *rows = csv.reader(io.StringIO(shop.orders.read_text(encoding="utf-8")))
    shop.write([[*header, "order_id"], *([*row, f"o{number // 2}"] for number, row in enumerate(rows))])


def one_large_account(shop):
    shop.rows(lambda number, who, *cells: [f"guest{DOMAIN}" if number % 20 == 0 else who, *cells])


@pytest.mark.parametrize(
    ("spoil", "as_of", "note", "words"),
    [
        (shared_order_ids, AS_OF, "order_id_shared", "order ids belong to several customers"),
        (one_large_account, AS_OF, "giant_account", "more than 1 % of all orders each"),
        (lambda _: None, "2026-03-02", "stale", "The orders end 60 days before as_of 2026-03-02"),
    ],
    ids=["same order id for two customers", "one id with more than 1 % of all orders", "no newer orders"],
)
def test_what_a_person_should_look_at_is_said_by_check_score_and_report(shop, spoil, as_of, note, words):
    spoil(shop)
    code, out, _ = shop.call("check", "--as-of", as_of, "--json")
    assert (code, note in {found["code"] for found in json.loads(out)["notes"]}) == (0, True)
    code, out, _ = shop.call("score", "--as-of", as_of)
    assert code == 0
    assert words in out
    folder = shop.folder / "data/exports" / as_of
    for name in ("run.json", "report.html", "README.txt"):
        assert words in " ".join((folder / name).read_text(encoding="utf-8").split()), name


def test_numeric_ids_keep_their_zeros_up_to_the_files(shop):
    shop.rows(lambda _, who, *cells: [who.removesuffix(DOMAIN).replace("c000", "0"), *cells])
    ids = {row.split(",")[0] for row in shop.orders.read_text(encoding="utf-8").splitlines()[1:]}
    assert all(name.startswith("0") and name.isdigit() for name in ids)
    assert shop.call("score", "--as-of", AS_OF)[0] == 0
    folder = shop.folder / "data/exports" / AS_OF
    written = pl.read_csv(folder / "scores.csv", infer_schema=False)["customer_id"]
    assert set(written) <= ids
    assert written.to_list() == pl.read_parquet(folder / "scores.parquet")["customer_id"].to_list()
    for path in (folder / "segments").glob("*.csv"):
        assert set(pl.read_csv(path, infer_schema=False)["customer_id"]) <= ids


# --- too little to learn from -----------------------------------------------------------------------------------------


def first_days(shop):
    lines = shop.orders.read_text(encoding="utf-8").splitlines()
    shop.orders.write_text("\n".join(line for line in lines if line.split(",")[1] < "2024-01-1" or line == lines[0]))


def one_customer(shop):
    shop.rows(lambda _, _who, *cells: [f"one{DOMAIN}", *cells])


def no_repeat_buyers(shop):
    header, *rows = csv.reader(io.StringIO(shop.orders.read_text(encoding="utf-8")))
    first = {row[0]: row for row in reversed(rows) if float(row[2]) > 0}
    shop.write([header, *first.values()])


def one_day(shop):
    shop.rows(lambda _, who, _when, amount: [who, "2025-07-31T10:00:00", amount])


THIN = {
    "history too short": (first_days, ["days of history"], False),
    "one customer": (one_customer, ["customers 1, needed 10"], True),
    "no repeat buyers": (no_repeat_buyers, ["customers with a second order 0, needed 1"], True),
    "all orders on one day": (one_day, ["days of history 0, needed 14", "customers with a second order 0"], True),
}


@pytest.mark.parametrize(("spoil", "words", "can_be_scored"), THIN.values(), ids=THIN)
def test_too_little_to_learn_from(shop, spoil, words, can_be_scored):
    spoil(shop)
    before = shop.content()
    code, out, _ = shop.call("check")
    assert code == 0
    assert "NO" in out
    code, out, err = shop.call("train")
    assert (code, out) == (3, "")
    assert [word for word in words if word not in err] == []
    assert "Remedy: " in err
    assert shop.content() == before
    # a model that was learnt before still answers, unless it would have to look back
    code, _, err = shop.call("score")
    assert code == (0 if can_be_scored else 3)
    assert can_be_scored or ("seen the future" in err and shop.content() == before)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (option("clv_days = 180", "clv_day = 180\nchurn_dys = 9"),
         ["horizons.clv_day", "Did you mean 'horizons.clv_days'?", "Did you mean 'horizons.churn_days'?"]),
        (option('name = "My shop"', f"name = anna{DOMAIN}"), ["is not TOML (at line"]),
        (option('name = "My shop"', f'name = 7\ncurrency = ["anna{DOMAIN}"]'), ["shop.name", "shop.currency"]),
        (lambda shop: (shop.folder / "foretell.toml").write_bytes(b"\xff\xfe\x00"), ["is not UTF-8 text"]),
        (lambda shop: (shop.folder / "foretell.toml").unlink(), ["There is no config file", "foretell init"]),
    ],
    ids=["unknown keys", "not TOML", "two wrong values", "not text", "no file"],
)  # fmt: skip
def test_settings_that_are_wrong(shop, spoil, words):
    spoil(shop)
    before = shop.content()
    for command in ("check", "train", "score"):
        code, out, err = shop.call(command)
        assert (command, code, out) == (command, 2, "")
        assert [word for word in words if word not in err] == []
    assert shop.content() == before


def test_amounts_can_be_left_out_as_the_remedy_says(shop):
    shop.rows(lambda _, who, when, _amount: [who, when, "paid"])
    assert '"" in a config file' in shop.call("check")[2]
    shop.config('amount = "amount"', 'amount = ""')
    assert shop.call("check")[0] == 0


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
    line = [sys.executable, "-m", "foretell", "--config", str(shop.folder / "foretell.toml"), "score", "--as-of", AS_OF]
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
def test_the_same_bundle_again_mends_a_damaged_one(shop, bundle, damage):
    registry = Registry(shop.folder / "models")
    damage(bundle_folder(shop))
    registry.register(bundle)
    assert registry.load("champion").version == registry.state().roles["champion"]
    assert len(registry.state().entries) == 1


@pytest.mark.slow
def test_training_again_is_a_remedy_for_a_damaged_champion(shop):
    damaged = bundle_folder(shop)
    change_one_byte(damaged / "bundle.json")
    shop.config('# rungs = ["purchase", "pareto"]', 'rungs = ["purchase"]')
    shop.config("clv_days = 180", "clv_days = 90")
    code, out, err = shop.call("train", "--as-of", "2025-07-15")
    assert code == 0
    assert "The champion's bundle is damaged" in err
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
    assert err.strip() == "terminated: nothing is left half-written."
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
    shop.config('# rungs = ["purchase", "pareto"]', 'rungs = ["purchase"]')
    code, out, _ = shop.call("train", "--as-of", "2025-12-01", "--set", "horizons.clv_days=90")
    assert code == 0
    assert "Tracked as MLflow run" in out
    assert "  quarantined: amount_unreadable 4" in out
    assert (shop.folder / "models/mlflow.db").is_file()
    assert shop.files_that_name_customers(shop.folder / "models") == set()


# --- Python -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "words"),
    [("2020-01-01", "lies before"), ("9999-12-31", "between the years"), ("soon", "is not a date")],
)
def test_a_model_refuses_a_cutoff_that_it_cannot_answer(shop, bundle, as_of, words):
    data = ft.read_orders(shop.orders)
    with pytest.raises(ft.WindowError, match=words):
        TrainedModel(bundle).score(data, as_of=as_of)


def test_a_model_refuses_a_cutoff_after_an_explicit_end(shop, bundle):
    data = ft.read_orders(shop.orders, observed_until="2025-09-01")
    with pytest.raises(ft.WindowError, match="lies after observed_until"):
        TrainedModel(bundle).score(data, as_of="2025-10-01")
    assert TrainedModel(bundle).score(data)["as_of"].unique().to_list()[0].isoformat() == "2025-09-01T00:00:00"


@pytest.mark.parametrize(("spoil", "words", "_can"), THIN.values(), ids=THIN)
def test_training_in_python_refuses_the_same_histories(shop, spoil, words, _can):
    spoil(shop)
    with pytest.raises(ft.FitError) as caught:
        ft.train(ft.read_orders(shop.orders))
    assert [word for word in words if word not in str(caught.value)] == []
    assert caught.value.exit_code == 3


def test_training_in_python_refuses_a_cutoff_before_the_first_order(shop):
    with pytest.raises(ft.WindowError, match="Nobody bought before"):
        ft.train(ft.read_orders(shop.orders), as_of="2020-01-01")
