"""Roles of bundles: register, promote, roll back, and what damaged files lead to."""

from dataclasses import replace
from pathlib import Path

import pytest

from foretell.bundles.bundle import Bundle
from foretell.bundles.registry import Registry
from foretell.errors import BundleError, LockHeld, ModelNotFound
from foretell.storage.lock import folder_lock


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_an_empty_registry_has_no_champion(registry: Registry) -> None:
    assert registry.state().entries == ()
    with pytest.raises(ModelNotFound, match="foretell train"):
        registry.load("champion")


def test_register_promote_and_roll_back(registry: Registry, bundle: Bundle) -> None:
    first = registry.register(bundle)
    assert registry.state().roles == {"champion": None, "challenger": first, "previous": None}
    registry.promote(first, why="first")
    second = registry.register(replace(bundle, churn_band_edges=(0.2, 0.5)))
    assert registry.state().roles == {"champion": first, "challenger": second, "previous": None}
    registry.promote(second[:8], why="better")
    assert registry.state().roles == {"champion": second, "challenger": None, "previous": first}
    assert registry.load("champion").bundle.churn_band_edges == (0.2, 0.5)
    assert registry.rollback(why="complaints") == first
    assert registry.state().roles == {"champion": first, "challenger": None, "previous": second}
    assert [change["action"] for change in registry.state().history] == [
        "register", "promote", "register", "promote", "rollback",
    ]  # fmt: skip


def test_the_same_content_registers_once(registry: Registry, bundle: Bundle) -> None:
    assert registry.register(bundle) == registry.register(bundle)
    assert len(registry.state().entries) == 1


def test_a_run_is_noted(registry: Registry, bundle: Bundle) -> None:
    version = registry.register(bundle)
    registry.note_run(version, "abc")
    assert registry.state().entries[0].run_id == "abc"


def test_unknown_versions_and_no_previous_are_named(registry: Registry, bundle: Bundle) -> None:
    version = registry.register(bundle)
    with pytest.raises(ModelNotFound, match="No bundle is registered"):
        registry.promote("f" * 15 + "z", why="")
    with pytest.raises(ModelNotFound, match="No bundle is registered"):
        registry.load("")
    registry.promote(version, why="")
    with pytest.raises(ModelNotFound, match="previous"):
        registry.rollback(why="")


def test_a_damaged_bundle_is_not_promoted(registry: Registry, bundle: Bundle) -> None:
    version = registry.register(bundle)
    (registry.folder(version) / "card.json").write_bytes(b"{}")
    with pytest.raises(BundleError, match="damaged"):
        registry.promote(version, why="")
    assert registry.state().roles["champion"] is None


def test_a_swapped_bundle_is_not_loaded(registry: Registry, bundle: Bundle) -> None:
    first, second = registry.register(bundle), registry.register(replace(bundle, rung="other"))
    registry.folder(first).rename(registry.root / "aside")
    registry.folder(second).rename(registry.folder(first))
    with pytest.raises(BundleError, match="another one"):
        registry.load(first)


def test_a_damaged_registry_is_named(registry: Registry) -> None:
    registry.root.mkdir()
    (registry.root / "registry.json").write_text('{"roles": {}}')
    with pytest.raises(BundleError, match=r"registry\.json is damaged"):
        registry.state()


def test_two_at_once_are_refused(registry: Registry, bundle: Bundle) -> None:
    with folder_lock(registry.root), pytest.raises(LockHeld):
        registry.register(bundle)
