"""Limits of control groups and affinity count, sizes are read as people write them."""

from pathlib import Path

import pytest

from foretell.errors import ConfigError
from foretell.storage.limits import bytes_of, usable_memory, usable_processors


def machine(root: Path, group: str, **files: str) -> Path:
    for name, text in {"proc/meminfo": "MemTotal:  8000000 kB\n", "proc/self/cgroup": group, **files}.items():
        path = root / name.replace("_root_", "sys/fs/cgroup")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_sizes_are_read_in_powers_of_1000_and_1024():
    assert [bytes_of(text) for text in ("2GB", "1.5 gb", "512MiB", "64KB")] == [
        2 * 10**9, 1_500_000_000, 512 * 2**20, 64_000,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "2", "GB", "-2GB", "0GB", "2 gigabytes", "1e3MB"])
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ConfigError, match="a size such as"):
        bytes_of(text)


def test_without_a_group_the_machine_counts(tmp_path: Path):
    root = machine(tmp_path, "")
    assert usable_memory(root) == 8_000_000 * 1024
    assert usable_processors(root) >= 1


def test_the_narrowest_of_the_groups_above_counts(tmp_path: Path):
    limits = {
        "_root_/cpu.max": "max 100000",
        "_root_/pod/cpu.max": "100000 100000",
        "_root_/pod/memory.max": "2000000000\n",
        "_root_/pod/job/memory.max": "max\n",
        "_root_/pod/job/cpu.max": "400000 100000",
    }
    root = machine(tmp_path, "0::/pod/job\n", **limits)
    assert usable_memory(root) == 2_000_000_000
    assert usable_processors(root) == 1


def test_part_of_a_processor_is_one_thread(tmp_path: Path):
    assert usable_processors(machine(tmp_path, "0::/\n", **{"_root_/cpu.max": "50000 100000"})) == 1


def test_groups_of_version_1_count(tmp_path: Path):
    limits = {
        "_root_/memory/job/memory.limit_in_bytes": "1000000000",
        "_root_/memory/memory.limit_in_bytes": "9223372036854771712",
        "_root_/cpu/job/cpu.cfs_quota_us": "100000",
        "_root_/cpu/job/cpu.cfs_period_us": "100000",
    }
    root = machine(tmp_path, "4:memory:/job\n3:cpu,cpuacct:/job\n", **limits)
    assert usable_memory(root) == 1_000_000_000
    assert usable_processors(root) == 1
