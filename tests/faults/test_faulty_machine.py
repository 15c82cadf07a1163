"""A full disk, a lost file, too little memory, a clock that went back: the old result stays, the next run is whole."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from foretell.storage.lock import LOCK_NAME
from foretell.tables import sources

AS_OF = "2025-08-01"
SCORE = ("score", "--as-of", AS_OF)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full(shop, small_disk):
    shop.config('# output = "data/exports"', f'output = "{small_disk}/exports"')
    code, out, err = shop.call(*SCORE)
    assert (code, out) == (1, "")
    assert "No space left on device" in err
    assert "Remedy: " in err
    assert list(small_disk.iterdir()) == []
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    assert shop.call(*SCORE)[0] == 0
    assert sorted(path.name for path in (small_disk / "exports").iterdir()) == [AS_OF, "latest.json"]


def test_a_disk_without_room_even_for_the_lock(shop, small_disk):
    shop.config('# output = "data/exports"', f'output = "{small_disk}/exports"')
    (small_disk / "exports").mkdir()
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(b"x" * 300_000)
    code, out, err = shop.call(*SCORE)
    assert (code, out) == (1, "")
    assert "Remedy: " in err
    assert [path.name for path in (small_disk / "exports").iterdir()] == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_is_removed_while_it_is_read(shop, monkeypatch, kind):
    if kind == "parquet":
        pl.read_csv(shop.orders).write_parquet(shop.orders.with_suffix(".parquet"))
        shop.orders.unlink()
        shop.config("orders.csv", "orders.parquet")
    real = sources.OpenedSource.collect

    def collect(source, columns):
        for part in source.parts:
            part.path.unlink()
        return real(source, columns)

    monkeypatch.setattr(sources.OpenedSource, "collect", collect)
    code, out, err = shop.call(*SCORE)
    assert (code, out) == (3, "")
    assert "Remedy: " in err or "Check " in err
    assert list((shop.folder / "data/exports").iterdir()) == []


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_parquet_file_that_is_cut_off(shop, share):
    path = shop.orders.with_suffix(".parquet")
    pl.read_csv(shop.orders).write_parquet(path)
    shop.orders.unlink()
    shop.config("orders.csv", "orders.parquet")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    code, out, err = shop.call(*SCORE)
    assert (code, out) == (3, "")
    assert "complete" in err


def test_a_text_file_that_is_cut_within_a_row_or_at_its_end_is_seen_beside_the_last_run(shop):
    assert shop.call(*SCORE)[0] == 0
    content = shop.orders.read_bytes()
    for end in (len(content) // 2, content.index(b"\n", len(content) // 2) + 1):
        shop.orders.write_bytes(content[:end])
        code, out, err = shop.call("score", "--as-of", "2025-08-02")
        assert (code, out) == (4, "")
        assert "rows: " in err
        assert "cut off" in err
    assert {path.name for path in (shop.folder / "data/exports").iterdir()} == {AS_OF, "latest.json"}


def test_the_clock_says_nothing_about_the_result(shop):
    assert shop.call(*SCORE)[0] == 0
    before = shop.content()
    for seconds in (0, 4_000_000_000):
        # Files from before the clock was set back, or from years ahead, and a lock that a killed run left then.
        (shop.folder / "data/exports" / LOCK_NAME).write_text('{"process": 1, "host": "elsewhere"}')
        for path in shop.folder.rglob("*"):
            os.utime(path, (seconds, seconds))
        code, out, _ = shop.call(*SCORE)
        assert code == 0
        assert "Nothing changed" in out
        assert shop.content() == before


PROGRAM = """
import resource, sys
from foretell.cli.entry import run
from foretell.jobs.run_log import RunLog
real = RunLog.timed
def timed(log, step, work, **options):
    if step == sys.argv[1]:
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 300_000, used + 300_000))
    return real(log, step, work, **options)
RunLog.timed = timed
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the size of a process is read from /proc")
@pytest.mark.parametrize("step", ["read", "score", "publish"])
def test_memory_that_runs_out_leaves_the_old_result(shop, step):
    assert shop.call(*SCORE)[0] == 0
    shop.append(["new@private.example", "2025-07-30T10:00:00", "10.0"])
    before = shop.content()
    line = [sys.executable, "-c", PROGRAM, step, "--config", str(shop.folder / "foretell.toml"), *SCORE]
    done = subprocess.run(line, capture_output=True, check=False, timeout=200)
    # polars ends the process where it gets no memory; Python's own libraries raise.
    assert done.returncode in {1, 3, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGTRAP}
    assert b"private.example" not in done.stdout + done.stderr
    assert {name: value for name, value in shop.content().items() if "stage" not in name} == before
    assert shop.call(*SCORE)[0] == 0
    assert [path.name for path in (shop.folder / "data/exports").glob(".*")] == []
