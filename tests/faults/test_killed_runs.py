"""A run that is killed at any step leaves the old result or the new one; the next run completes and is identical."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from foretell.cli.entry import run
from foretell.delivery.manifest import is_whole
from foretell.storage.atomic import RETIRED_PREFIX, STAGE_PREFIX
from foretell.storage.hashing import sha256_file
from foretell.storage.lock import LOCK_NAME

AS_OF = "2025-08-01"
PROGRAM = Path(__file__).with_name("killed_runs.py")


def content(folder):
    return {
        str(path.relative_to(folder)): sha256_file(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("run.json", LOCK_NAME)
    }


@pytest.fixture(scope="module")
def shops(made_shop, tmp_path_factory):
    """A shop with a published run whose orders have changed since, and what the old and the new run hold."""
    folder = tmp_path_factory.mktemp("killed") / "shop"
    shutil.copytree(made_shop, folder)
    orders = folder / "data/raw/orders.csv"
    config = ["--config", str(folder / "foretell.toml"), "--quiet", "score", "--as-of", AS_OF]
    # few customers: it is about the steps, not about the work between them
    lines = orders.read_text(encoding="utf-8").splitlines(keepends=True)
    orders.write_text("".join(lines[:300]), encoding="utf-8")
    text = (folder / "foretell.toml").read_text(encoding="utf-8")
    for key in ("max_level_ratio = 2.0", "max_feature_drift = 0.15"):
        assert f"# {key}" in text
        text = text.replace(f"# {key}", f'{key.split(" =", maxsplit=1)[0]} = ""')
    # and few segments: each is written by the same steps
    for key, value in (("# ready = ", 'ready = ["win_back", "vip"]  # '), ("# holdout = 0.0", "holdout = 0.2")):
        assert key in text
        text = text.replace(key, value)
    # the first lines of the file are its oldest orders
    assert "# max_silent_days = 5" in text
    text = text.replace("# max_silent_days = 5", "max_silent_days = 1000")
    (folder / "foretell.toml").write_text(text, encoding="utf-8")
    assert run(config) == 0
    old = content(folder / "data/exports")
    with orders.open("a", encoding="utf-8") as file:
        file.write("new@private.example,2025-07-30T10:00:00,10.0\n")
    other = folder.with_name("new")
    shutil.copytree(folder, other)
    assert run(["--config", str(other / "foretell.toml"), *config[2:]]) == 0
    new = content(other / "data/exports")
    assert old != new
    return folder, old, new


def runs_stopped_by(number, shop, work, step):
    line = [sys.executable, str(PROGRAM), str(shop), str(work), str(int(number)), str(step)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=500)
    return [json.loads(text) for text in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "step"),
    [(signal.SIGKILL, -signal.SIGKILL, 1), (signal.SIGTERM, 143, 4), (signal.SIGINT, 130, 4)],
    ids=["SIGKILL", "SIGTERM", "SIGINT"],
)
def test_a_signal_at_any_step_leaves_the_old_or_the_new(shops, tmp_path, number, code, step):
    shop, old, new = shops
    stopped = runs_stopped_by(number, shop, tmp_path, step)
    assert len(stopped) >= (40 if step == 1 else 10)
    seen = set()
    for found in stopped:
        where = f"step {found['step']}, {found['name']}"
        left = tmp_path / f"{found['step']:03d}-found"
        assert found["ended"] == code, where
        assert is_whole(left / AS_OF), where
        folders = {name: digest for name, digest in content(left).items() if name.startswith(AS_OF)}
        is_new = folders == {name: digest for name, digest in new.items() if name.startswith(AS_OF)}
        assert is_new or folders == {name: digest for name, digest in old.items() if name.startswith(AS_OF)}, where
        seen.add(is_new)
        assert json.loads((left / "latest.json").read_bytes())["folder"] == AS_OF, where
        if number != signal.SIGKILL:
            assert [path.name for path in left.glob(".*")] == [], where
        assert found["again"] == 0, where
        after = tmp_path / f"{found['step']:03d}" / "data/exports"
        assert content(after) == new, where
        assert [path.name for path in after.iterdir() if path.name.startswith((STAGE_PREFIX, RETIRED_PREFIX))] == [], (
            where
        )
    assert seen == {True, False}
    names = {found["name"] for found in stopped}
    assert {"before fsync", "before step publish"} & names
