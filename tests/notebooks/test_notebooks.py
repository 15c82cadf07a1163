"""Notebooks run from top to bottom, say what their scripts say, and are committed without outputs."""

import ast
import os
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

import foretell

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SCRIPTS = sorted(FOLDER.glob("*.py"))
OTHERS = {"lifetimes", "mlflow", "numpy", "polars"}
PAIR = "Remedy: make pair-notebooks."

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def code(path: Path) -> ast.Module:
    notebook = nbformat.read(path, as_version=4)
    return ast.parse("\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"))


def test_there_is_one_for_every_topic_and_a_script_beside_each():
    assert [path.stem[:3] for path in NOTEBOOKS] == [f"{number:02}_" for number in range(1, 9)]
    assert [path.stem for path in SCRIPTS] == [path.stem for path in NOTEBOOKS]
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in listed for path in NOTEBOOKS)


@each_notebook
def test_a_notebook_says_what_its_script_says(path):
    script, notebook = jupytext.read(path.with_suffix(".py")), nbformat.read(path, as_version=4)
    assert cells(script) == cells(notebook), PAIR
    formats = {kind.metadata["jupytext"]["formats"] for kind in (script, notebook)}
    assert formats == {"ipynb,py:percent"}, PAIR


@each_notebook
def test_a_notebook_is_short_and_committed_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells) < 25
    assert notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@each_notebook
def test_a_notebook_uses_the_front_door_only_and_asserts_what_it_tells(path):
    tree = code(path)
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {name for name in imported if name.split(".")[0] == "foretell"}
    assert ours == {"foretell"}
    third_party = {name.split(".")[0] for name in imported} - {"foretell"} - set(sys.stdlib_module_names)
    assert third_party <= OTHERS
    assert sum(isinstance(node, ast.Assert) for node in ast.walk(tree)) >= 4


@pytest.mark.slow
@each_notebook
def test_a_notebook_runs_and_leaves_nothing_behind(path, tmp_path, monkeypatch):
    """In an empty folder, with the foretell that is tested, each figure drawn."""
    from nbclient import NotebookClient

    source = str(Path(foretell.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")])))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own draws into the notebook
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert list(tmp_path.iterdir()) == []
    drawn = [cell for cell in notebook.cells if cell.cell_type == "code" and "ft.plot_" in cell.source]
    for cell in drawn:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs)
