"""The house keeps its own rules: layers, sizes, docstrings, exports, light imports, a clean lock."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import foretell

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "src" / "foretell"
MODULES = sorted(SOURCE.rglob("*.py"))
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").splitlines()
HEAVY = (
    "mlflow",
    "optuna",
    "lightgbm",
    "lifetimes",
    "matplotlib",
    "sklearn",
    "pandas",
    "polars",
    "scipy",
    "numpy",
)


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


# --- architecture ----------------------------------------------------------------------------------------------------


def test_imports_flow_downward_only():
    linter = Path(sys.executable).with_name("lint-imports")
    result = run(str(linter), "--no-cache", "--no-logo")
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_layer_named_in_the_contract_is_a_room():
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    named = set(re.findall(r"[a-z_]+", " ".join(layers)))
    rooms = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert named == rooms - {"__init__"}


@pytest.mark.parametrize(("folder", "limit"), [("src", 350), ("tests", 500)])
def test_modules_are_short(folder, limit):
    lengths = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in (REPOSITORY / folder).rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > limit} == {}


def test_there_is_no_attic():
    attics = {"utils", "util", "helpers", "helper", "common", "core", "misc", "shared", "tools"}
    assert [name_of(path) for path in SOURCE.rglob("*") if path.stem.strip("_") in attics] == []


def test_frames_are_never_walked_row_by_row():
    banned = {"map_elements", "map_rows", "iter_rows", "apply", "to_pandas"}
    calls = [
        f"{name_of(path)}:{node.lineno} .{node.func.attr}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in banned
    ]
    assert calls == []


# --- docstrings ------------------------------------------------------------------------------------------------------

type_of_definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public_definitions(tree: ast.Module) -> Iterator[tuple[str, type_of_definition, bool]]:
    """Yield qualified name, node and whether it is a method, of what a reader may call."""
    for node in tree.body:
        if isinstance(node, type_of_definition) and not node.name.startswith("_"):
            yield node.name, node, False
            if isinstance(node, ast.ClassDef) and "Protocol" not in {ast.unparse(base) for base in node.bases}:
                for member in node.body:
                    if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                        yield f"{node.name}.{member.name}", member, True


def decorators(node: type_of_definition) -> set[str]:
    return set(re.findall(r"\w+", " ".join(ast.unparse(decorator) for decorator in node.decorator_list)))


def section(docstring: str, title: str) -> str | None:
    """Return the body of a numpydoc section, or None."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", docstring, flags=re.MULTILINE | re.DOTALL)
    return found.group(1) if found else None


def described(docstring: str) -> set[str]:
    """Return the names that the Parameters (or Attributes) section describes."""
    body = (section(docstring, "Parameters") or "") + (section(docstring, "Attributes") or "")
    heads = re.findall(r"^(\S[^:\n]*?)(?: :.*)?$", body, flags=re.MULTILINE)
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef, *, method: bool) -> set[str]:
    given = function.args
    named = [*given.posonlyargs, *given.args]
    if method and "staticmethod" not in decorators(function):
        named = named[1:]
    stars = [star for star in (given.vararg, given.kwarg) if star is not None]
    return {argument.arg for argument in [*named, *given.kwonlyargs, *stars]}


def wanted(node: type_of_definition, *, method: bool) -> set[str]:
    """Return the names that the docstring of a definition must describe."""
    if not isinstance(node, ast.ClassDef):
        return arguments(node, method=method)
    if "dataclass" in decorators(node):
        fields = [line for line in node.body if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)]
        return {line.target.id for line in fields if "ClassVar" not in ast.unparse(line.annotation)}
    starts = [line for line in node.body if isinstance(line, ast.FunctionDef) and line.name == "__init__"]
    return arguments(starts[0], method=True) if starts else set()


def complaints(source: str, *, parameters: bool = True) -> list[str]:
    """Return what is wrong with the docstrings of a module's public names."""
    tree = ast.parse(source)
    found = [] if ast.get_docstring(tree) else ["module: no docstring"]
    # a kernel names a paper's symbols once, in the legend at its top
    symbols = {word for word in re.findall(r"\w+", ast.get_docstring(tree) or "") if len(word) <= 3}
    for name, node, method in public_definitions(tree):
        docstring = ast.get_docstring(node)
        if not docstring:
            if not ({"overload", "setter", "override"} & decorators(node)):
                found.append(f"{name}: no docstring")
            continue
        names = wanted(node, method=method) if parameters else set()
        missing = {name for name in names if not name.startswith("_")} - described(docstring) - symbols
        if missing:
            found.append(f"{name}: Parameters lacks {', '.join(sorted(missing))}")
        answers = not isinstance(node, ast.ClassDef) and ast.unparse(node.returns or ast.Constant(value=None)) not in {
            "None",
            "NoReturn",
        }
        if names and answers and section(docstring, "Returns") is None and section(docstring, "Yields") is None:
            found.append(f"{name}: no Returns section")
    return found


def test_every_public_name_is_described():
    # click shows a command's options from their help texts, not from its docstring
    problems = [
        f"{name_of(path)} {problem}"
        for path in MODULES
        if not any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(SOURCE).parts)
        for problem in complaints(path.read_text(encoding="utf-8"), parameters="cli" not in path.parts)
    ]
    assert problems == [], "\n".join(problems)


def test_the_docstring_checker_finds_what_is_missing():
    source = '''"""A module."""
def silent(): ...
def terse(days: int) -> int:
    """Return it."""
def half(days: int, *, rate: float) -> int:
    """Return it.

    Parameters
    ----------
    days : int
        Days.

    Returns
    -------
    int
        It.
    """
class Thing:
    """A thing."""
    def __init__(self, *, size: int) -> None: ...
def good(first: int, second: int) -> int:
    """Return it.

    Parameters
    ----------
    first, second : int
        Numbers.

    Returns
    -------
    int
        It.
    """
'''
    assert complaints(source) == [
        "silent: no docstring",
        "terse: Parameters lacks days",
        "terse: no Returns section",
        "half: Parameters lacks rate",
        "Thing: Parameters lacks size",
    ]


# --- front door ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", foretell.__all__)
def test_the_front_door_opens_on_every_name(name):
    assert getattr(foretell, name) is not None


def test_the_front_door_lists_what_type_checkers_see():
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.name for node in ast.walk(guarded) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(foretell.__all__)
    assert list(foretell.__all__) == sorted(foretell.__all__)
    assert set(dir(foretell)) == {*foretell.__all__, "__version__"}


def test_the_front_door_exports_every_error():
    tree = ast.parse((SOURCE / "errors.py").read_text(encoding="utf-8"))
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert classes <= set(foretell.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'recency'"):
        foretell.recency  # noqa: B018


@pytest.mark.parametrize("statement", ["import foretell", "import foretell.errors, foretell.windows"])
def test_import_is_light(statement):
    program = f"import sys; {statement}; print([name for name in {HEAVY!r} if name in sys.modules])"
    result = run(sys.executable, "-W", "error", "-c", program)
    assert result.stdout.strip() == "[]", result.stdout + result.stderr


def test_types_are_shipped():
    assert (SOURCE / "py.typed").is_file()


# --- what is committed -----------------------------------------------------------------------------------------------


def committed() -> list[Path]:
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := REPOSITORY / name).is_file()]


def test_no_file_names_an_index_or_a_machine():
    pattern = re.compile(
        r"--(extra-)?index-url|https?://\S*(/simp[l]e\b|artif[a]ctory|n[e]xus|devp[i])"  # package indexes
        r"|(?<![\w.~-])/(w[o]rk|r[o]ot|h[o]me|Us[e]rs)/\w"  # absolute paths of somebody's machine
    )
    found = []
    for path in committed():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{name_of(path)}:{number}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    assert found == []


def test_what_runs_write_is_not_committed():
    names = [name_of(path) for path in committed()]
    allowed = {"models/README.md", "data/README.md", "data/raw/.gitkeep", "data/exports/.gitkeep"}
    written = [name for name in names if name.startswith(("models/", "data/raw/", "data/exports/"))]
    assert set(written) <= allowed
    assert not [name for name in names if name.endswith((".db", ".pkl", ".joblib", ".ipynb_checkpoints", "uv.lock"))]


def test_the_lock_pins_every_line_and_names_no_address():
    pin = re.compile(r"[a-z0-9][a-z0-9.-]*==[\w.!+-]+( ; [^:@]+)?")
    assert [line for line in LOCK if not pin.fullmatch(line)] == []


def test_the_lock_agrees_with_pyproject():
    pinned: dict[str, list[str]] = {}
    for line in LOCK:
        name, version = line.split(" ; ")[0].split("==")
        pinned.setdefault(canonicalize_name(name), []).append(version)
    project = PROJECT["project"]
    asked = [
        *project["dependencies"],
        *(text for extra in project["optional-dependencies"].values() for text in extra),
    ]
    for text in asked:
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        if name != "foretell":
            assert pinned.get(name), f"{text} is not in requirements.lock"
            assert all(requirement.specifier.contains(version) for version in pinned[name]), text


def test_every_library_imported_is_declared():
    distributions = {"sklearn": "scikit-learn", "pydantic_core": "pydantic"}
    extras = PROJECT["project"]["optional-dependencies"]
    named = [*PROJECT["project"]["dependencies"], *extras["postgres"], *extras["duckdb"]]
    declared = {canonicalize_name(Requirement(text).name) for text in named}
    imported = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    foreign = {canonicalize_name(distributions.get(name, name)) for name in imported - sys.stdlib_module_names}
    assert foreign - {"foretell"} - declared == set()


def test_the_installed_version_is_the_one_declared():
    assert re.fullmatch(r"\d+\.\d+\.\d+", foretell.__version__)
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "src/foretell/__init__.py"


def test_every_lint_exception_has_its_reason():
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    ignores = re.search(r"^ignore = \[\n(.*?)^\]", text, flags=re.MULTILINE | re.DOTALL)
    assert ignores is not None
    assert [line for line in ignores.group(1).splitlines() if not re.search(r'",\s+# \w', line)] == []
    silenced = re.compile(r"# (noqa(?!: [A-Z]+\d+)|type: ignore(?!\[))")
    bare = [name_of(path) for path in MODULES if silenced.search(path.read_text(encoding="utf-8"))]
    assert bare == []


def test_make_alone_lists_the_targets():
    result = run("make")
    listed = set(re.findall(r"^  make ([a-z-]+)", result.stdout, flags=re.MULTILINE))
    assert listed >= {"setup", "demo", "test", "test-all", "lint", "types", "bench", "clean"}


def test_the_readme_names_every_command():
    from foretell.cli.commands import root

    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert [name for name in root.commands if f"`{name}" not in readme] == []
