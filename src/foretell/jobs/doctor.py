"""Doctor: is this installation fit to work, and if not, what to mend."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from foretell.bundles.registry import Registry
from foretell.config.settings import Settings
from foretell.errors import ForetellError, ModelNotFound
from foretell.tables.database_access import is_database, shown
from foretell.tables.object_storage import is_object

_PACKAGES = ("polars", "numpy", "scipy", "scikit-learn", "lightgbm", "lifetimes", "mlflow", "matplotlib")


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Parameters
    ----------
    what : str
        What was looked at.
    fine : bool
        Whether it is as it should be.
    said : str
        What was found, and the remedy where it is not fine.
    """

    what: str
    fine: bool
    said: str


@dataclass(frozen=True)
class DoctorResult:
    """Everything looked at.

    Parameters
    ----------
    findings : tuple of Finding
        One per thing.
    """

    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether everything is fine."""
        return all(finding.fine for finding in self.findings)

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        return [f"{'ok  ' if finding.fine else 'FAIL'}  {finding.what}: {finding.said}" for finding in self.findings]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {"healthy": self.healthy, "findings": [asdict(finding) for finding in self.findings]}


def doctor(settings: Settings) -> DoctorResult:
    """Look at packages, folders, champion and tracking store.

    Parameters
    ----------
    settings : Settings
        Folders and whether runs are tracked.

    Returns
    -------
    DoctorResult
        One finding per thing; nothing raises and nothing is left behind.
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        *((f"package {name}", lambda name=name: version(name)) for name in _PACKAGES),
        ("processors", lambda: f"{_usable_processors()} usable"),
        ("models folder", lambda: _writable(settings.folders.models)),
        ("output folder", lambda: _writable(settings.folders.output)),
        ("orders", lambda: _orders(settings)),
        ("champion", lambda: _champion(settings)),
    ]
    if settings.tracking.enabled:
        checks.append(("tracking store", lambda: _tracking(settings)))
    return DoctorResult(tuple(_look(what, look) for what, look in checks))


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _look(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, fine=True, said=look())
    except PackageNotFoundError:
        return Finding(what, fine=False, said="not installed. Remedy: install foretell again (make setup).")
    except (ForetellError, OSError) as error:
        return Finding(what, fine=False, said=str(error))


def _writable(folder: Path) -> str:
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return f"{folder} can be written"
    except OSError as error:
        msg = f"{nearest}: {error.strerror}. Remedy: make it a folder that this user may write to, with room left."
        raise OSError(msg) from error


def _orders(settings: Settings) -> str:
    tables = settings.data.tables
    if "orders" not in tables:
        return "not configured (foretell init)"
    places = {name: section.path for name, section in tables.items()}
    for name, path in places.items():
        if is_database(path) or is_object(path):
            continue
        place = Path(path)
        if not any(place.parent.glob(place.name)):
            what = name.replace("_", " ")
            msg = f"nothing is at {path}. Remedy: put the {what} there, or mend data.{name}.path."
            raise FileNotFoundError(msg)
    return f"there: {', '.join(_place(path) for path in places.values())}"


def _place(path: str) -> str:
    if is_database(path):
        return f"{shown(path)} (a database, not asked)"
    return f"{path} (an object store, not asked)" if is_object(path) else path


def _champion(settings: Settings) -> str:
    try:
        stored = Registry(settings.folders.models).load("champion")
    except ModelNotFound:
        return "none yet (foretell train)"
    return f"{stored.version}, trained as of {stored.bundle.as_of}, every byte verified"


def _tracking(settings: Settings) -> str:
    store = settings.folders.models / "mlflow.db"
    if not store.exists():
        return "no run yet"
    with store.open("r+b") as file:
        head = file.read(15)
    if head != b"SQLite format 3":
        msg = f"{store} is not a SQLite file. Remedy: move it away; runs start afresh."
        raise OSError(msg)
    return f"{store} can be written"
