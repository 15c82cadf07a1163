"""Bundles made to do harm, each of another kind: refused before anything of them runs, and nothing is published."""

import io
import json
import os
import pickle
import shutil

import pytest

from foretell.bundles.files import FORMAT, load_bundle, save_bundle
from foretell.bundles.refinement_files import REFINEMENT
from foretell.bundles.registry import Registry
from foretell.errors import BundleError
from foretell.storage.hashing import canonical_json, sha256_bytes
from foretell.storage.sealed_folder import MANIFEST, version_of

AS_OF = "2025-08-01"


class Bomb:
    """Leaves a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return (open, (self.marker, "w"))


def forge(folder, files):
    """Change, add or drop files and make the manifest agree; return the version that it has now."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    content = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"] = {name: {"sha256": sha256_bytes(data), "bytes": len(data)} for name, data in content.items()}
    manifest["version"] = version_of(content)
    (folder / MANIFEST).write_bytes(canonical_json(manifest))


def changed(name, change):
    def spoil(folder, _marker):
        value = json.loads((folder / name).read_bytes())
        change(value)
        forge(folder, {name: json.dumps(value).encode()})

    return spoil


def changed_manifest(change):
    def spoil(folder, _marker):
        value = json.loads((folder / MANIFEST).read_bytes())
        change(value)
        (folder / MANIFEST).write_bytes(json.dumps(value).encode())

    return spoil


def replaced(name, content):
    return lambda folder, marker: forge(folder, {name: content(marker) if callable(content) else content})


def fifo(folder, _marker):
    (folder / "card.json").unlink()
    os.mkfifo(folder / "card.json")


def sparse(folder, _marker):
    os.truncate(folder / "card.json", 10**10)


def link_out(folder, _marker):
    shutil.copy(folder / "card.json", folder.parent.parent / "secret")
    (folder / "card.json").unlink()
    (folder / "card.json").symlink_to(folder.parent.parent / "secret")


def pointing_out(name):
    def change(value):
        value["files"][name] = value["files"].pop("card.json")

    return changed_manifest(change)


def params(**values):
    return changed("purchase_model.json", lambda value: value["state"]["params"].update(values))


NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
CODE = b"import os\nos.system('touch pwned')\n"
KINDS = {
    "a pickle instead of parameters": replaced("purchase_model.json", lambda marker: pickle.dumps(Bomb(marker))),
    "a pickle beside them": replaced("model.pkl", lambda marker: pickle.dumps(Bomb(marker))),
    "a pickle as the card": replaced("card.json", lambda marker: pickle.dumps(Bomb(marker))),
    "code beside them": replaced("__init__.py", CODE),
    "code as a record": replaced("record_backtest.csv", CODE),
    "the name of a class to be imported": changed("purchase_model.json", lambda value: value.update(model="os.system")),
    "a path that leads out": pointing_out("../../secret.json"),
    "an absolute path": pointing_out("/etc/passwd"),
    "a name with a null byte": pointing_out("card.json\0.pkl"),
    "a link that leads out": link_out,
    "a pipe that never ends": fifo,
    "ten gigabytes of nothing": sparse,
    "a wrong hash": changed_manifest(lambda value: value["files"]["card.json"].update(sha256="0" * 64)),
    "a wrong version": changed_manifest(lambda value: value.update(version="0" * 16)),
    "a layout of the future": changed_manifest(lambda value: value.update(format=FORMAT + 1)),
    "a manifest that is a list": lambda folder, _: (folder / MANIFEST).write_text("[]"),
    "a manifest without end": lambda folder, _: (folder / MANIFEST).write_bytes(NESTED),
    "nesting without end": replaced("card.json", NESTED),
    "a number of a million digits": replaced("bundle.json", b'{"format": ' + b"9" * 1_000_000 + b"}"),
    "numbers too large": params(alpha=1e308, r=1e308),
    "a whole number too large": params(alpha=10**400),
    "NaN": params(alpha=float("nan")),
    "an infinite number": params(alpha=float("inf")),
    "a number that is a text": params(alpha="1"),
    "a number that is true": params(alpha=True),
    "a horizon of millennia": changed("bundle.json", lambda value: value["horizons"].update(clv_days=10**9)),
    "text that is no UTF-8": replaced("bundle.json", b"\xff\xfe{}"),
    "nothing": replaced("purchase_model.json", b""),
    "a profile that is none": replaced("profile.json", b'{"history": {"orders": 5}, "columns": {}}'),
}


@pytest.mark.parametrize("spoil", KINDS.values(), ids=KINDS)
def test_a_bundle_that_means_harm_is_refused_and_nothing_of_it_runs(shop, tmp_path, monkeypatch, spoil):
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "pwned"
    (folder,) = (shop.folder / "models/bundles").iterdir()
    spoil(folder, marker)
    # as far as an attacker gets who may write there: the registry names the forged version
    version = json.loads((folder / MANIFEST).read_bytes()).get("version") if spoil not in UNREADABLE else None
    if version:
        registry = shop.folder / "models/registry.json"
        registry.write_text(registry.read_text().replace(folder.name, version))
        folder.rename(folder.with_name(version))
    code, out, err = shop.call("score", "--as-of", AS_OF)
    assert (code, out) == (1, "")
    assert "Remedy: " in err or "train it again" in err or "Known: MBGCNBD, ParetoNBD" in err
    assert not marker.exists()
    assert list((shop.folder / "data/exports").iterdir()) == []


UNREADABLE = (KINDS["a manifest that is a list"], KINDS["a manifest without end"])


@pytest.fixture(scope="module")
def saved(boosted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    save_bundle(boosted, folder)
    return folder


def swapped_features(state):
    features = state["encoding"]["features"]
    features[0], features[1] = features[1], features[0]


def test_features_in_another_order_are_refused(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "bundle")
    load_bundle(folder)
    changed(REFINEMENT, swapped_features)(folder, None)
    with pytest.raises(BundleError):
        load_bundle(folder)


def test_trees_that_are_a_pickle_are_refused(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "bundle")
    content = io.BytesIO()
    pickle.dump(Bomb(tmp_path / "pwned"), content)
    forge(folder, {"trees_spend_0.txt": content.getvalue()})
    with pytest.raises(BundleError):
        load_bundle(folder)
    assert not (tmp_path / "pwned").exists()


def test_a_registry_that_leads_out_of_its_folder_is_refused(shop):
    (folder,) = (shop.folder / "models/bundles").iterdir()
    shutil.copytree(folder, shop.folder / "elsewhere")
    registry = shop.folder / "models/registry.json"
    registry.write_text(registry.read_text().replace(folder.name, "../../elsewhere"))
    with pytest.raises(BundleError, match="Remedy"):
        Registry(shop.folder / "models").load("champion")
