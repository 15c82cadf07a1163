"""How much memory and how many processors this process may use: affinity and control groups count, not the machine."""

import os
import re
from pathlib import Path

from foretell.errors import ConfigError

SIZE = "a size such as '2GB' or '512MB'"
_UNITS = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_UNLIMITED = 2**60


def bytes_of(size: str) -> int:
    """Read a size as people write it.

    Parameters
    ----------
    size : str
        A number and a unit: KB, MB, GB, TB (powers of 1,000) or KiB, MiB, GiB, TiB (of 1,024), in any case.

    Returns
    -------
    int
        Bytes, > 0.

    Raises
    ------
    ConfigError
        If it is no such text.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?b)\s*", size.lower())
    if found is None or not float(found[1]):
        raise ConfigError([f"memory: must be {SIZE}."])
    return int(float(found[1]) * _UNITS[found[2]])


def usable_processors(root: Path = Path("/")) -> int:
    """Return how many processors this process may keep busy.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    int
        At least 1: those that it may run on, and no more than the quota of its control group allows.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shares = [share for folder in _groups(root, "cpu") if (share := _processor_share(folder)) is not None]
    return max(1, min([allowed, *(int(share) for share in shares)]))


def usable_memory(root: Path = Path("/")) -> int:
    """Return how much memory this process may use.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    int
        Bytes: those of the machine, and no more than the limit of its control group.
    """
    found = re.search(r"^MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo"), flags=re.MULTILINE)
    limits = [int(found[1]) * 1024] if found else [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for folder in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            text = _text(folder / name).strip()
            if text.isdigit() and int(text) < _UNLIMITED:
                limits.append(int(text))
    return min(limits)


def _groups(root: Path, controller: str) -> list[Path]:
    """Folders of this process's control group and of all above it, in version 2 and version 1."""
    folders: list[Path] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            base = root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            base = root / "sys/fs/cgroup" / controller
        else:
            continue
        inside = base / path.strip().lstrip("/")
        # A container may see its own group as the root.
        folders += [folder for folder in (inside, *inside.parents) if folder == base or base in folder.parents]
    return folders


def _processor_share(folder: Path) -> float | None:
    words = _text(folder / "cpu.max").split()
    if len(words) != 2:
        words = [_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    if not all(word.isdigit() for word in words) or not int(words[1]):
        return None
    return max(1.0, int(words[0]) / int(words[1]))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
