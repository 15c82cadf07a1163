"""The churn classifier and bad input: named errors, all at once; and folders that were cut, changed or swapped."""

import json

import numpy as np
import polars as pl
import pytest

import foretell as ft
from foretell.storage.hashing import canonical_json, sha256_bytes
from foretell.storage.sealed_folder import MANIFEST, version_of

ROWS = 240


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(1)
    tenure = rng.integers(1, 40, ROWS)
    return pl.DataFrame(
        {
            "customer_id": range(ROWS),
            "tenure": tenure,
            "plan": rng.choice(["a", "b"], ROWS),
            "gone": rng.random(ROWS) < np.where(tenure < 15, 0.7, 0.1),
        }
    )


@pytest.fixture(scope="module")
def fitted(frame):
    return ft.ChurnClassifier(seed=1).fit(frame, "gone")


@pytest.fixture
def folder(fitted, tmp_path):
    fitted.save(tmp_path / "churn")
    return tmp_path / "churn"


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda f: f.drop("gone"), ft.ColumnMismatch, "label column 'gone' is missing"),
        (lambda f: f.rename({"customer_id": "customerid"}), ft.ColumnMismatch, "Did you mean 'customerid'"),
        (lambda f: f.lazy(), ft.ColumnMismatch, "collect"),
        (lambda f: f.with_columns(customer_id=1.5), ft.ColumnMismatch, "text or whole numbers"),
        (
            lambda f: f.with_columns(pl.lit(1).alias("customer_id")),
            ft.DataError,
            r"must be unique \[240\] \(rows 1, 2, 3",
        ),
        (lambda f: f.with_columns(customer_id=pl.lit(None, pl.String)), ft.DataError, r"must not be null \[240\]"),
        (
            lambda f: f.with_columns(gone=pl.when(pl.col("customer_id") == 4).then(None).otherwise("gone")),
            ft.DataError,
            r"gone: must not be null \[1\] \(rows 5\)",
        ),
        (lambda f: f.with_columns(gone=pl.col("gone").cast(int) * 2), ft.DataError, "must be 0 or 1"),
        (lambda f: f.with_columns(gone=pl.lit("Yes")), ft.ColumnMismatch, "positive="),
        (lambda f: f.with_columns(gone=pl.col("customer_id").cast(str)), ft.ColumnMismatch, "240 different texts"),
        (lambda f: f.with_columns(gone=pl.lit([1])), ft.ColumnMismatch, "holds List"),
        (lambda f: f.with_columns(gone=pl.lit(value=True)), ft.FitError, "240 rows with 240 events"),
        (lambda f: f.with_columns(gone=pl.lit(value=False)), ft.FitError, "240 rows with 0 events"),
        (lambda f: f.with_columns(gone=pl.col("customer_id") < 9), ft.FitError, "with 9 events"),
        (lambda f: f.head(49), ft.FitError, "49 rows"),
        (lambda f: f.with_columns(ratio=1 / (pl.col("tenure") - 5)), ft.DataError, "ratio: must not be infinite"),
    ],
)
def test_bad_frames_end_in_named_errors(frame, change, error, words):
    with pytest.raises(error, match=words):
        ft.ChurnClassifier().fit(change(frame), "gone")


def test_settings_are_checked_in_fit_all_at_once(frame):
    with pytest.raises(ft.FitError, match=r"folds .* not 2; band_edges .*; threads .* not 0"):
        ft.ChurnClassifier(folds=2, band_edges=(0.7, 0.3), threads=0).fit(frame, "gone")
    with pytest.raises(ft.ColumnMismatch, match=r"'tenur' is missing. Did you mean 'tenure'\?.*'gone' is the key or"):
        ft.ChurnClassifier(features=["tenur", "gone"]).fit(frame, "gone")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda f: f.drop("tenure", "plan"), ft.ColumnMismatch, "'tenure' is missing.*'plan' is missing"),
        (lambda f: f.with_columns(tenure=pl.lit("x")), ft.ColumnMismatch, "held numbers"),
        (lambda f: f.with_columns(tenure=pl.lit("2025-01-01").str.to_date()), ft.ColumnMismatch, "holds Date"),
        (lambda f: f.with_columns(tenure=float("inf")), ft.DataError, r"must not be infinite \[240\]"),
        (lambda f: pl.concat([f, f]), ft.DataError, "must be unique"),
        (lambda f: f.drop("customer_id"), ft.ColumnMismatch, "key column"),
    ],
)
def test_bad_frames_at_scoring_end_in_named_errors(frame, fitted, change, error, words):
    with pytest.raises(error, match=words):
        fitted.predict(change(frame))


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_saved_classifier_is_the_same_to_the_last_bit(frame, fitted, folder, tmp_path):
    loaded = ft.ChurnClassifier.load(folder, threads=2)
    assert loaded.predict(frame).equals(fitted.predict(frame))
    assert loaded.evaluation_.equals(fitted.evaluation_)
    assert loaded.set_params(threads=1).get_params() == fitted.get_params()
    loaded.save(tmp_path / "again")
    for path in sorted(folder.iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
    loaded.save(folder)
    assert ft.ChurnClassifier.load(folder).chosen_ == fitted.chosen_


@pytest.mark.parametrize("features", [("tenure",), ("plan",)])
def test_every_candidate_is_saved_whole(frame, tmp_path, features):
    model = ft.ChurnClassifier(features=features).fit(frame, "gone")
    model.save(tmp_path / "m")
    assert ft.ChurnClassifier.load(tmp_path / "m").predict(frame).equals(model.predict(frame))


def test_nothing_in_a_folder_is_code(folder):
    kinds = {path.suffix for path in folder.iterdir()}
    assert kinds <= {".json", ".csv", ".txt"}
    assert not any(path.read_bytes().startswith(b"\x80") for path in folder.iterdir())


def rewritten(folder, name, change):
    """Change one file and make the manifest agree: only the content is wrong."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}
    files[name] = change(files[name])
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"] = {each: {"sha256": sha256_bytes(content)} for each, content in files.items()}
    manifest["version"] = version_of(files)
    (folder / name).write_bytes(files[name])
    (folder / MANIFEST).write_bytes(canonical_json(manifest))


@pytest.mark.parametrize("name", ["classifier.json", "evaluation.csv", MANIFEST])
@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "link"])
def test_harmed_files_are_refused(folder, name, harm, tmp_path):
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if harm == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif harm == "changed":
        path.write_bytes(content.replace(b"1", b"2"))
    elif harm == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ft.BundleError):
        ft.ChurnClassifier.load(folder)


def test_foreign_files_and_folders_are_refused(folder, tmp_path):
    with pytest.raises(ft.ModelNotFound, match="no churn classifier"):
        ft.ChurnClassifier.load(tmp_path)
    (folder / "more.py").write_text("raise SystemExit")
    with pytest.raises(ft.BundleError, match="not those of the manifest"):
        ft.ChurnClassifier.load(folder)
    (folder / MANIFEST).write_bytes(canonical_json({"format": 1, "files": {}}))
    with pytest.raises(ft.BundleError, match="holds a bundle"):
        ft.ChurnClassifier.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda head: head | {"chosen": "oracle"},
        lambda head: head | {"chosen": "base_rate" if head["chosen"] != "base_rate" else "blend"},
        lambda head: head | {"boosters": head["boosters"] + 1},
        lambda head: head | {"level": "0"},
        lambda head: head | {"calibrator": {}},
        lambda head: head | {"encoding": {"features": ["tenure"], "levels": {}}},
        lambda head: {key: value for key, value in head.items() if key != "key"},
        lambda head: [head],
        lambda head: head | {"boosters": 1e999},
    ],
)
def test_values_that_no_fit_produced_are_refused(folder, change):
    rewritten(folder, "classifier.json", lambda content: json.dumps(change(json.loads(content))).encode())
    with pytest.raises(ft.BundleError):
        ft.ChurnClassifier.load(folder)


@pytest.mark.parametrize("name", ["classifier.json", MANIFEST])
def test_endless_nesting_is_refused(folder, name):
    nested = b"[" * 100_000 + b"]" * 100_000
    if name == MANIFEST:
        (folder / name).write_bytes(nested)
    else:
        rewritten(folder, name, lambda _: nested)
    with pytest.raises(ft.BundleError):
        ft.ChurnClassifier.load(folder)


def test_saving_before_fitting_is_refused(tmp_path):
    with pytest.raises(ft.NotFitted):
        ft.ChurnClassifier().save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
