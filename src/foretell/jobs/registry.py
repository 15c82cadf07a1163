"""Runs, promote, rollback: housekeeping of the trained bundles."""

from dataclasses import dataclass
from typing import Any

from foretell.bundles.registry import ROLES, Registry, RegistryState
from foretell.config.settings import Settings
from foretell.errors import ModelNotFound
from foretell.jobs.mirror import mirror


@dataclass(frozen=True)
class RegistryResult:
    """What the registry says, after what was done to it.

    Parameters
    ----------
    state : RegistryState
        Roles, entries, history.
    said : tuple of str
        What was done, in words.
    """

    state: RegistryState
    said: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        roles = {version: role for role, version in self.state.roles.items() if version}
        rows = [
            f"{entry.number:>3}  {entry.version}  {roles.get(entry.version, ''):<10}  {entry.rung:<10} "
            f"as of {entry.as_of}  {entry.run_id or ''}".rstrip()
            for entry in self.state.entries
        ]
        return [*self.said, *(rows or ["No bundle has been trained yet: foretell train."])]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "roles": self.state.roles,
            "entries": [vars(entry) for entry in self.state.entries],
            "history": list(self.state.history),
        }


def runs(settings: Settings) -> RegistryResult:
    """List every registered bundle with its role.

    Parameters
    ----------
    settings : Settings
        Where the models are.

    Returns
    -------
    RegistryResult
        The registry.
    """
    return RegistryResult(Registry(settings.folders.models).state())


def promote(settings: Settings, version: str, *, why: str, dry_run: bool = False) -> RegistryResult:
    """Make a bundle the champion by hand; the registry keeps the reason.

    Parameters
    ----------
    settings : Settings
        Where the models are.
    version : str
        A registered version, the first digits of one, or ``challenger``.
    why : str
        Reason kept in the history.
    dry_run : bool
        Say what would be done.

    Returns
    -------
    RegistryResult
        The registry afterwards.

    Raises
    ------
    ModelNotFound
        If no single bundle is meant.
    """
    registry = Registry(settings.folders.models)
    wanted = registry.load(version).version
    if dry_run:
        return RegistryResult(registry.state(), (f"Dry run: {wanted} would become champion.",))
    registry.promote(wanted, why=why)
    mirror(settings, registry)
    return RegistryResult(registry.state(), (f"{wanted} is champion.",))


def rollback(settings: Settings, *, why: str, dry_run: bool = False) -> RegistryResult:
    """Make the previous bundle the champion again.

    Parameters
    ----------
    settings : Settings
        Where the models are.
    why : str
        Reason kept in the history.
    dry_run : bool
        Say what would be done.

    Returns
    -------
    RegistryResult
        The registry afterwards.

    Raises
    ------
    ModelNotFound
        If there is no previous bundle.
    """
    registry = Registry(settings.folders.models)
    if dry_run:
        previous = registry.state().roles[ROLES[2]]
        if previous is None:
            msg = "There is no previous bundle to roll back to."
            raise ModelNotFound(msg)
        return RegistryResult(registry.state(), (f"Dry run: {previous} would become champion.",))
    version = registry.rollback(why=why)
    mirror(settings, registry)
    return RegistryResult(registry.state(), (f"{version} is champion again.",))
