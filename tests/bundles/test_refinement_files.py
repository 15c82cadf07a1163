"""A refinement on disk: it comes back the same, and anything that is not one is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from boosted_shops import predictions
from foretell.bundles.bundle import Bundle
from foretell.bundles.files import bundle_files, load_bundle, save_bundle
from foretell.bundles.refinement_files import REFINEMENT, trees_files
from foretell.errors import BundleError
from foretell.storage.hashing import canonical_json, sha256_bytes
from foretell.storage.sealed_folder import MANIFEST, version_of
from foretell.tables.dataset import CustomerData


@pytest.fixture(scope="module")
def saved(boosted: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    save_bundle(boosted, folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "bundle"))


def rewrite(folder: Path, files: dict[str, bytes | None]) -> None:
    """Change, add or drop files and make the manifest agree, as somebody who means harm would."""
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
    content = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"] = {name: {"sha256": sha256_bytes(data), "bytes": len(data)} for name, data in content.items()}
    manifest["version"] = version_of(content)
    (folder / MANIFEST).write_bytes(canonical_json(manifest))


def test_it_comes_back_byte_for_byte_and_scores_the_same(
    boosted_shop: CustomerData, boosted: Bundle, saved: Path
) -> None:
    again = load_bundle(saved).bundle
    assert bundle_files(again) == bundle_files(boosted)
    assert_frame_equal(predictions(boosted_shop, again), predictions(boosted_shop, boosted), check_exact=True)


def test_trees_are_text_and_nothing_is_pickled(saved: Path) -> None:
    names = {path.name for path in saved.iterdir()}
    # Chances are drawn four times in so small a shop, amounts once.
    assert len(trees_files(names)) == 3 * 4 * 5 + 2 * 5
    for path in saved.iterdir():
        path.read_bytes().decode()
    assert {path.suffix for path in saved.iterdir()} == {".json", ".txt", ".md", ".csv"}


@pytest.mark.parametrize("name", [REFINEMENT, "trees_spend_0.txt", "trees_return_4.txt"])
def test_one_changed_byte_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} changed.*Remedy"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["trees_spend_0.txt", REFINEMENT])
def test_a_file_that_is_gone_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match="not those of a bundle"):
        load_bundle(folder)


def test_a_file_that_was_cut_off_is_refused(folder: Path) -> None:
    path = folder / "trees_order_1.txt"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BundleError, match=r"trees_order_1\.txt changed"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["trees_spend_40.txt", "trees_other_0.txt", "trees_spend_-1.txt", "trees_spend_0.pkl"])
def test_unknown_names_are_refused(folder: Path, name: str) -> None:
    rewrite(folder, {name: (folder / "trees_spend_0.txt").read_bytes()})
    with pytest.raises(BundleError, match="not those of a bundle"):
        load_bundle(folder)


def test_trees_that_nothing_asks_are_refused(folder: Path) -> None:
    rewrite(folder, {"trees_spend_7.txt": (folder / "trees_spend_0.txt").read_bytes()})
    with pytest.raises(BundleError, match="files of trees"):
        load_bundle(folder)


def test_trees_whose_refinement_is_gone_are_refused(folder: Path) -> None:
    rewrite(folder, {REFINEMENT: None})
    with pytest.raises(BundleError):
        load_bundle(folder)


def test_trees_that_are_gone_with_their_entry_are_refused(folder: Path) -> None:
    rewrite(folder, {"trees_spend_4.txt": None})
    with pytest.raises(BundleError):
        load_bundle(folder)


@pytest.mark.parametrize("text", [b"", b"tree\n", b"\x80\x04.", b"foretell-booster objective=tweedie\n"])
def test_trees_that_are_none_are_refused(folder: Path, text: bytes) -> None:
    rewrite(folder, {"trees_spend_0.txt": text})
    with pytest.raises(BundleError):
        load_bundle(folder)


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.clear(),
        lambda state: state.pop("tail"),
        lambda state: state.pop("ceiling"),
        lambda state: state["ceiling"]["ceiling"].update(largest=-1.0),
        lambda state: state["tail"]["pool"].update(mean="1"),
        lambda state: state["trees"].pop("spend"),
        lambda state: state["trees"].update(other=state["trees"]["spend"]),
        lambda state: state["trees"]["spend"].update(folds=-1),
        lambda state: state["trees"]["spend"].update(folds=4),
        lambda state: state["trees"]["spend"].update(folds=10**12),
        lambda state: state["trees"]["spend"].update(folds=2.5),
        lambda state: state["trees"]["spend"].update(weight=float("nan")),
        lambda state: state["trees"]["spend"].update(why=7),
        lambda state: state["hazard_shift"].update(churn=float("inf")),
        lambda state: state["hazard_shift"].pop("churn"),
        lambda state: state.update(encoding=None),
        lambda state: state["encoding"]["features"].pop(),
        lambda state: state.update(inputs_days=0),
        lambda state: state.update(inputs_days=1e9),
        lambda state: state.update(spend_orders_weight=True),
        lambda state: state["timing_model"].update(model="subprocess.Popen"),
        lambda state: state["level"].update(value=99.0),
        lambda state: state["spread"].pop("groups"),
    ],
)
def test_values_that_no_fit_gives_are_refused_even_with_fitting_hashes(folder: Path, change: Change) -> None:
    state = json.loads((folder / REFINEMENT).read_bytes())
    change(state)
    rewrite(folder, {REFINEMENT: json.dumps(state).encode()})
    with pytest.raises(BundleError):
        load_bundle(folder)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"\xff"])
def test_what_is_no_object_is_refused(folder: Path, text: bytes) -> None:
    rewrite(folder, {REFINEMENT: text})
    with pytest.raises(BundleError):
        load_bundle(folder)
