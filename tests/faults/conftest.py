"""A shop on disk that a test may spoil, and what it looks like before and after."""

import csv
import io
import shutil
from dataclasses import replace

import polars as pl
import pytest

from foretell.bundles.registry import Registry
from foretell.cli.entry import run
from foretell.storage.hashing import sha256_file
from foretell.storage.lock import LOCK_NAME
from foretell.tables.dataset import MINOR_PER_UNIT

DOMAIN = "@private.example"
AS_OF = "2025-08-01"
ORDERS = "data/raw/orders.csv"
MAY_NAME_CUSTOMERS = ("scores.csv", "scores.parquet", "segments/", "segments_diff.csv", "segment_members.parquet")


@pytest.fixture(scope="module")
def shop_bundle(bundle):
    """The shop's champion: its orders have no order ids, those that the bundle learnt from had."""
    return replace(bundle, profile={})


@pytest.fixture(scope="module")
def made_shop(big_shop, shop_bundle, tmp_path_factory):
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
    registry.promote(registry.register(shop_bundle), why="test")
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
