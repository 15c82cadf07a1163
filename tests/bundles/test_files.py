"""A bundle's folder: equal content, equal bytes; anything changed is refused before anything is used."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from foretell.bundles.bundle import Bundle
from foretell.bundles.files import FORMAT, bundle_files, load_bundle, save_bundle
from foretell.errors import BundleError, ModelNotFound
from foretell.storage.hashing import canonical_json, sha256_bytes
from foretell.storage.sealed_folder import MANIFEST, version_of


@pytest.fixture
def folder(bundle: Bundle, tmp_path: Path) -> Path:
    save_bundle(bundle, tmp_path / "bundle")
    return tmp_path / "bundle"


def forge(folder: Path, name: str, content: bytes) -> None:
    """Change a file and make the manifest agree, as somebody who means harm would."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][name] = {"sha256": sha256_bytes(content), "bytes": len(content)}
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}
    manifest["version"] = version_of(dict(sorted(files.items())))
    (folder / MANIFEST).write_bytes(canonical_json(manifest))


def test_saving_and_loading_gives_the_same_bytes_back(bundle: Bundle, folder: Path) -> None:
    stored = load_bundle(folder)
    assert stored.version == version_of(bundle_files(bundle))
    assert bundle_files(stored.bundle) == bundle_files(bundle)
    assert stored.bundle.horizons == bundle.horizons
    assert stored.bundle.typical == bundle.typical


def test_the_version_is_the_content(bundle: Bundle) -> None:
    assert version_of(bundle_files(bundle)) == version_of(bundle_files(replace(bundle)))
    other = replace(bundle, churn_band_edges=(0.2, 0.66))
    assert version_of(bundle_files(other)) != version_of(bundle_files(bundle))


@pytest.mark.parametrize(
    "name", ["bundle.json", "purchase_model.json", "spend_model.json", "card.json", "MODEL_CARD.md"]
)
def test_one_changed_byte_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} changed.*Remedy"):
        load_bundle(folder)


def test_a_changed_manifest_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(canonical_json({**manifest, "version": "0" * 16}))
    with pytest.raises(BundleError, match="manifest"):
        load_bundle(folder)


def test_foreign_and_missing_files_are_refused(folder: Path, tmp_path: Path) -> None:
    foreign, missing = tmp_path / "foreign", tmp_path / "missing"
    shutil.copytree(folder, foreign)
    (foreign / "model.pkl").write_bytes(b"\x80\x04.")
    shutil.copytree(folder, missing)
    (missing / "card.json").unlink()
    for damaged in (foreign, missing):
        with pytest.raises(BundleError, match="not those of a bundle"):
            load_bundle(damaged)


def test_a_name_that_leads_out_of_the_folder_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"]["../outside.json"] = manifest["files"].pop("card.json")
    (folder / MANIFEST).write_bytes(canonical_json(manifest))
    with pytest.raises(BundleError, match="not those of a bundle"):
        load_bundle(folder)


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes((folder / "card.json").read_bytes())
    (folder / "card.json").unlink()
    (folder / "card.json").symlink_to(tmp_path / "secret")
    with pytest.raises(BundleError, match="plain file"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("purchase_model.json", lambda value: value["state"]["params"].__setitem__("alpha", float("nan"))),
        ("purchase_model.json", lambda value: value["state"]["params"].__setitem__("alpha", -1.0)),
        ("purchase_model.json", lambda value: value["state"]["params"].__setitem__("alpha", "os.system")),
        ("purchase_model.json", lambda value: value.__setitem__("model", "subprocess.Popen")),
        ("purchase_model.json", lambda value: value.pop("state")),
        ("bundle.json", lambda value: value["horizons"].__setitem__("clv_days", 10**9)),
        ("bundle.json", lambda value: value["typical"].__setitem__("p_alive", float("inf"))),
        ("bundle.json", lambda value: value.__setitem__("as_of", "now")),
        ("bundle.json", lambda value: value.__setitem__("churn_band_edges", [0.1])),
    ],
)
def test_values_that_are_not_a_models_are_refused_even_with_fitting_hashes(
    folder: Path, name: str, change: object
) -> None:
    value = json.loads((folder / name).read_bytes())
    assert callable(change)
    change(value)
    forge(folder, name, json.dumps(value).encode())
    with pytest.raises(BundleError):
        load_bundle(folder)


def test_another_layout_and_no_bundle_are_named(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(canonical_json({**manifest, "format": 99}))
    with pytest.raises(BundleError, match=r"trained by another version of foretell.*layout is 99.*train again"):
        load_bundle(folder)
    with pytest.raises(ModelNotFound, match="train"):
        load_bundle(tmp_path / "nowhere")


def test_an_older_layout_is_named_before_any_value_of_it_is_read(folder: Path) -> None:
    """What the files of an older layout hold need not be what this layout reads."""
    values = json.loads((folder / "bundle.json").read_bytes())
    forge(folder, "bundle.json", canonical_json({"format": FORMAT - 1, "rung": values["rung"]}))
    manifest = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_bytes(canonical_json({**manifest, "format": FORMAT - 1}))
    with pytest.raises(BundleError, match="trained by another version") as caught:
        load_bundle(folder)
    assert "damaged" not in str(caught.value)


def test_the_card_says_when_nobody_has_judged_the_model(folder: Path) -> None:
    card = (folder / "MODEL_CARD.md").read_text()
    assert "treat its numbers as untested" in card
    assert "MBGCNBD" in card
