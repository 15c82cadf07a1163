"""The commands on a real, small shop: a bundle that is champion, orders in a file, processes of their own."""

import json
import shutil
import subprocess
import sys

import polars as pl
import pytest

from foretell.bundles.registry import Registry
from foretell.tables.dataset import MINOR_PER_UNIT

# runs a command, then says on standard error which of the libraries that it must not need were imported
PROGRAM = """
import atexit, sys
unwanted = ("mlflow", "optuna", "lightgbm", "lifetimes", "pandas", "sklearn")
atexit.register(lambda: print([name for name in unwanted if name in sys.modules], file=sys.stderr))
from foretell.cli import main
main()
"""


@pytest.fixture(scope="module")
def shop_folder(big_shop, bundle, tmp_path_factory):
    """A shop's folder with config, orders and a champion."""
    folder = tmp_path_factory.mktemp("shop")
    orders = big_shop.orders.select(
        "customer_id", "ordered_at", "order_id", (pl.col("amount_minor") / MINOR_PER_UNIT).alias("amount")
    )
    orders.collect().write_csv(folder / "orders.csv")
    text = '[data.orders]\npath = "orders.csv"\norder_id = "order_id"\n[horizons]\nclv_days = 180\n'
    (folder / "foretell.toml").write_text(text, encoding="utf-8")
    registry = Registry(folder / "models")
    registry.promote(registry.register(bundle), why="test")
    return folder


@pytest.fixture
def own_folder(shop_folder, tmp_path):
    """A copy that a test may write into."""
    return shutil.copytree(shop_folder, tmp_path / "shop")


def foretell(folder, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    *messages, imported = done.stderr.splitlines()
    return done.returncode, done.stdout, messages, imported


def test_scoring_never_imports_mlflow(own_folder):
    config = str(own_folder / "foretell.toml")
    code, out, messages, imported = foretell(
        own_folder, "score", "--config", config, "--as-of", "2025-08-01", "--threads", "1", "--json", "--quiet"
    )
    assert (code, messages, imported) == (0, [], "[]")
    assert json.loads(out)["changed"] is True
    assert (own_folder / "data/exports/2025-08-01/manifest.json").is_file()
    # nothing beside the shop's own folder, though the command was given somewhere else
    assert [path.name for path in own_folder.parent.iterdir()] == ["shop"]


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["score", "--as-of", "2020-01-01"], 3, "error: "),
        (["score", "--set", "data.orders.path=none.csv"], 3, "none.csv"),
        (["score", "--set", "data.orders.amount=total"], 3, "the source has no column 'total'"),
        (["score", "--set", "folders.models=nowhere"], 1, "There is no champion"),
        (["score", "--set", "folders.output=shop/orders.csv"], 1, "Cannot"),
        (["promote", "ffff"], 1, "No bundle is registered under 'ffff'"),
        (["rollback", "--dry-run"], 1, "There is no previous bundle"),
        (["check", "--set", "horizons.clv_day=1"], 2, "Did you mean 'horizons.clv_days'?"),
    ],
)
def test_what_goes_wrong_ends_with_its_code(shop_folder, call, monkeypatch, line, code, words):
    monkeypatch.chdir(shop_folder.parent)
    monkeypatch.setenv("FORETELL__FOLDERS__OUTPUT", str(shop_folder / "out"))
    before = sorted(path for path in shop_folder.rglob("*") if path.name != ".foretell-lock")
    line = [word.replace("shop/", f"{shop_folder}/") for word in line]
    ended, out, err = call(*line, "--config", str(shop_folder / "foretell.toml"))
    assert (ended, out) == (code, "")
    assert words in err
    assert "fault in foretell" not in err
    assert sorted(path for path in shop_folder.rglob("*") if path.name != ".foretell-lock") == before


def test_dry_runs_write_nothing(shop_folder, call):
    config = str(shop_folder / "foretell.toml")
    version = Registry(shop_folder / "models").state().roles["champion"]
    before = {path: path.stat().st_mtime_ns for path in shop_folder.rglob("*")}
    for line in (["score", "--as-of", "2025-08-01"], ["promote", version], ["init", str(shop_folder / "new")]):
        code, out, err = call(*line, "--dry-run", "--config", config)
        assert code == 0
        assert all(json.loads(text)["level"] == "info" for text in err.splitlines())
        assert out
    assert {path: path.stat().st_mtime_ns for path in shop_folder.rglob("*")} == before


def test_looking_commands_answer(shop_folder, call):
    config = str(shop_folder / "foretell.toml")
    assert "champion" in call("runs", "--config", config)[1]
    assert json.loads(call("runs", "--config", config, "--json")[1])["roles"]["champion"]
    assert "Customers: " in call("check", "--config", config)[1]
    assert json.loads(call("doctor", "--config", config, "--json")[1])["healthy"] is True
