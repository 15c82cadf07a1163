"""Which bundle is champion, challenger and previous: one small JSON file, changed under a lock, written atomically."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import StoredBundle, bundle_files, load_bundle, save_bundle
from foretell.errors import BundleError, ModelNotFound, did_you_mean
from foretell.storage.atomic import write_bytes
from foretell.storage.hashing import canonical_json
from foretell.storage.lock import folder_lock
from foretell.storage.sealed_folder import version_of

ROLES = ("champion", "challenger", "previous")
_FILE = "registry.json"


@dataclass(frozen=True)
class Entry:
    """One registered bundle.

    Parameters
    ----------
    version : str
        The bundle's content version.
    rung : str
        Recipe that made it.
    as_of : str
        First instant that its training did not see, ISO 8601.
    number : int
        Order of registration, from 1.
    run_id : str or None
        Identifier of the training run in the tracking store.
    """

    version: str
    rung: str
    as_of: str
    number: int
    run_id: str | None = None


@dataclass(frozen=True)
class RegistryState:
    """What the registry file says.

    Parameters
    ----------
    roles : dict of str to str or None
        Version in each of `ROLES`.
    entries : tuple of Entry
        Every registered bundle, oldest first.
    history : tuple of dict
        Each change: action, version, why.
    """

    roles: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(ROLES))
    entries: tuple[Entry, ...] = ()
    history: tuple[dict[str, str], ...] = ()


class Registry:
    """The bundles of one shop under a models folder.

    Parameters
    ----------
    root : Path
        Folder that holds ``registry.json`` and ``bundles/<version>/``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, version: str) -> Path:
        """Return the folder of a bundle.

        Parameters
        ----------
        version : str
            The bundle's version.

        Returns
        -------
        Path
            It need not exist.
        """
        return self.root / "bundles" / version

    def state(self) -> RegistryState:
        """Read the registry; an absent file is an empty registry.

        Returns
        -------
        RegistryState
            Roles, entries and history.

        Raises
        ------
        BundleError
            If the file is damaged.
        """
        path = self.root / _FILE
        if not path.exists():
            return RegistryState()
        try:
            value = json.loads(path.read_bytes())
            return RegistryState(
                roles={role: value["roles"][role] for role in ROLES},
                entries=tuple(Entry(**entry) for entry in value["entries"]),
                history=tuple(dict(change) for change in value["history"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            msg = (
                f"{path} is damaged. Remedy: restore it from a backup, or remove it and train again; "
                "the bundles beside it are untouched."
            )
            raise BundleError(msg) from error

    def register(self, bundle: Bundle) -> str:
        """Save a bundle and make it the challenger.

        Parameters
        ----------
        bundle : Bundle
            The fitted values.

        Returns
        -------
        str
            The bundle's version; the same content registers once, and mends a damaged copy.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        LockHeld
            If another process is changing the registry.
        """
        with self._changing() as state:
            version = version_of(bundle_files(bundle))
            entries = list(state["entries"])
            known = version in {entry.version for entry in entries}
            if not known or not _is_intact(self.folder(version)):
                save_bundle(bundle, self.folder(version))
            if not known:
                entries.append(Entry(version, bundle.rung, bundle.as_of.isoformat(), len(entries) + 1))
            state["entries"] = tuple(entries)
            if state["roles"]["champion"] != version:
                state["roles"]["challenger"] = version
            state["history"] += ({"action": "register", "version": version, "why": "trained"},)
        return version

    def note_run(self, version: str, run_id: str) -> None:
        """Write down which run of the tracking store made a bundle.

        Parameters
        ----------
        version : str
            A registered version.
        run_id : str
            Identifier of the run.
        """
        with self._changing() as state:
            state["entries"] = tuple(
                replace(entry, run_id=run_id) if entry.version == version else entry for entry in state["entries"]
            )

    def promote(self, version: str, *, why: str) -> None:
        """Make a registered bundle the champion; the old champion becomes previous.

        Parameters
        ----------
        version : str
            A registered version, or the first digits of just one.
        why : str
            Reason kept in the history.

        Raises
        ------
        ModelNotFound
            If no single registered bundle is meant.
        """
        with self._changing() as state:
            version = _find(state["entries"], version)
            roles = state["roles"]
            if roles["champion"] == version:
                return
            load_bundle(self.folder(version))
            roles["previous"], roles["champion"] = roles["champion"], version
            roles["challenger"] = None if roles["challenger"] == version else roles["challenger"]
            state["history"] += ({"action": "promote", "version": version, "why": why},)

    def rollback(self, *, why: str) -> str:
        """Make the previous bundle the champion again; the two change places.

        Parameters
        ----------
        why : str
            Reason kept in the history.

        Returns
        -------
        str
            Version of the new champion.

        Raises
        ------
        ModelNotFound
            If there is no previous bundle.
        """
        with self._changing() as state:
            roles = state["roles"]
            version = roles["previous"]
            if version is None:
                msg = "There is no previous bundle to roll back to."
                raise ModelNotFound(msg)
            load_bundle(self.folder(version))
            roles["previous"], roles["champion"] = roles["champion"], version
            state["history"] += ({"action": "rollback", "version": version, "why": why},)
            return str(version)

    def load(self, role_or_version: str = "champion") -> StoredBundle:
        """Load a bundle by role or version, verified.

        Parameters
        ----------
        role_or_version : str
            One of `ROLES`, or a registered version.

        Returns
        -------
        StoredBundle
            The fitted values with their version.

        Raises
        ------
        ModelNotFound
            If nothing is registered under that name.
        BundleError
            If the bundle is damaged.
        """
        state = self.state()
        if role_or_version in ROLES:
            version = state.roles[role_or_version]
            if version is None:
                remedy = "train and promote one first (foretell train)"
                msg = f"There is no {role_or_version} in {self.root} yet. Remedy: {remedy}."
                raise ModelNotFound(msg)
        else:
            version = _find(state.entries, role_or_version)
        stored = load_bundle(self.folder(version))
        if stored.version != version:
            msg = f"The bundle in {self.folder(version)} is another one. Remedy: train again."
            raise BundleError(msg)
        return stored

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        with folder_lock(self.root):
            before = self.state()
            state: dict[str, Any] = {
                "roles": dict(before.roles), "entries": before.entries, "history": before.history,
            }  # fmt: skip
            yield state
            state["entries"] = [vars(entry) for entry in state["entries"]]
            write_bytes(self.root / _FILE, canonical_json({**state, "history": list(state["history"])}))


def _is_intact(folder: Path) -> bool:
    try:
        load_bundle(folder)
    except BundleError:
        return False
    return True


def _find(entries: tuple[Entry, ...], version: str) -> str:
    found = [entry.version for entry in entries if entry.version.startswith(version)] if version else []
    if len(found) != 1:
        hint = did_you_mean(version, [entry.version for entry in entries])
        many = "more than one bundle" if found else "no bundle"
        msg = f"{many.capitalize()} is registered under {version!r}.{hint} Remedy: see foretell runs."
        raise ModelNotFound(msg)
    return found[0]
