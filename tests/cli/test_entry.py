"""Errors become words and an exit code, warnings become lines, signals become numbers; no value is repeated."""

import inspect
import json
import logging
import os
import re
import signal
import subprocess
import sys
import warnings

import pytest

from foretell import errors
from foretell.cli.exit_codes import EXIT_CODES
from foretell.cli.session import use_processors
from foretell.errors import ConfigError, DataError, DataWarning, ForetellError, LeakageError, Violation

PERSONAL = "anna@example.org"
ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ForetellError)]


def raising(error):
    def act():
        raise error

    return act


def made(kind):
    if kind is DataError:
        return DataError([Violation("orders", "amount", "is not a number", 7, (1, 2, 3), "Fix it.")])
    if kind is LeakageError:
        return LeakageError("what is the case", ("a column",))
    return kind(["one problem", "another"]) if kind is ConfigError else kind("what is the case")


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_is_a_message_and_its_exit_code(call, jobs, kind):
    jobs.act = raising(made(kind))
    code, out, err = call("check")
    assert (code, out) == (kind.exit_code, "")
    assert err == f"error: {made(kind)}\n"
    assert code in EXIT_CODES


def test_every_documented_code_of_a_job_is_some_errors():
    assert {kind.exit_code for kind in ERRORS} == set(EXIT_CODES) - {0, 130, 143}


def test_an_error_is_json_too(call, jobs):
    jobs.act = raising(errors.LockHeld("try later"))
    code, out, err = call("check", "--json")
    assert (code, err) == (75, "error: try later\n")
    assert json.loads(out) == {"error": {"type": "LockHeld", "message": "try later", "exit_code": 75}}


def failing_with_a_value():
    try:
        {}[PERSONAL]
    except KeyError as cause:
        raise ValueError(PERSONAL) from cause


class Panic(BaseException):
    """As polars raises them."""


@pytest.mark.parametrize("act", [failing_with_a_value, raising(Panic(PERSONAL))])
def test_an_unexpected_error_is_one_line_without_values(call, jobs, act):
    jobs.act = act
    code, out, err = call("check")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"error: unexpected \w+ at cli/commands\.py:\d+\. .* --verbose for the traceback\.\n", err)


def test_verbose_adds_the_traceback_without_values(call, jobs):
    jobs.act = failing_with_a_value
    code, _, err = call("check", "--verbose")
    assert code == 1
    assert "Traceback" in err
    assert "in failing_with_a_value" in err
    assert "KeyError\nwhich led to:" in err
    assert PERSONAL not in err


def test_a_full_disk_is_named(call, jobs):
    jobs.act = raising(OSError(28, "No space left on device", PERSONAL))
    _, _, err = call("check")
    assert "unexpected OSError (No space left on device)" in err
    assert PERSONAL not in err


# --- warnings and steps ----------------------------------------------------------------------------------------------


@pytest.fixture
def warn(jobs):
    outcome = jobs.act

    def warning(*messages):
        def act():
            for message in messages:
                warnings.warn(message, stacklevel=1)
            return outcome()

        jobs.act = act

    return warning


def test_a_warning_is_one_line_once(call, warn):
    warn(DataWarning("look\n  here"), DataWarning("look\n  here"), DataWarning("and there"))
    code, out, err = call("check", "--quiet")
    assert (code, out) == (0, "")
    assert err == "warning: look here\nwarning: and there\n"


@pytest.mark.filterwarnings("default::RuntimeWarning")
def test_a_warning_of_a_library_is_shown_on_demand_and_without_its_text(call, warn):
    warn(RuntimeWarning(PERSONAL))
    assert call("check")[2] == ""
    warn(RuntimeWarning(PERSONAL))
    assert re.fullmatch(r"warning: RuntimeWarning in .*test_entry\.py:\d+\n", call("check", "-v")[2])


@pytest.mark.parametrize(
    ("terminal", "options", "shown"),
    [(False, [], False), (True, [], True), (True, ["-q"], False), (False, ["-v"], True)],
)
def test_steps_are_for_a_person_who_watches(call, jobs, monkeypatch, terminal, options, shown):
    outcome = jobs.act

    def act():
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
        logging.getLogger("foretell.jobs.train").info("training")
        return outcome()

    jobs.act = act
    err = call("train", *options)[2]
    assert err.startswith("training\n") is shown
    if not terminal and not options:
        assert json.loads(err)["message"] == "training"
    assert logging.getLogger("foretell").handlers == []


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colour_is_for_terminals_that_want_it(call, jobs, monkeypatch, terminal, no_color, coloured):
    monkeypatch.setenv("NO_COLOR", no_color)

    def act():
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
        raise made(ForetellError)

    jobs.act = act
    assert ("\x1b[" in call("check")[2]) is coloured


# --- processes -------------------------------------------------------------------------------------------------------

PROGRAM = """
import os, signal, sys, types
import foretell.jobs
from foretell.cli.entry import main
job = types.ModuleType("foretell.jobs.check")
class Outcome:
    def lines(self): return [os.environ["POLARS_MAX_THREADS"], os.environ["OMP_NUM_THREADS"]]
def check(settings, *, as_of):
    heavy = ("polars", "numpy", "mlflow") if "--threads" in sys.argv else ()
    assert not [name for name in heavy if name in sys.modules]
    if "--threads" not in sys.argv:
        print("ready", flush=True)
        signal.pause()
    return Outcome()
job.check = check
sys.modules[job.__name__] = job
main()
"""


def start(program, *arguments, cwd, **given):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **given,
    )


def test_the_package_runs_as_a_module(tmp_path):
    program = [sys.executable, "-m", "foretell"]
    done = subprocess.run([*program, "chekc"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'chekc'" in done.stderr


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_ends_with_its_number(tmp_path, number, code, word):
    with start(PROGRAM, "check", cwd=tmp_path) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert err.strip() == f"{word}: nothing is left half-written."


def test_threads_are_set_before_anything_heavy_is_imported(tmp_path):
    with start(PROGRAM, "check", "--threads", "3", cwd=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "3\n3\n", "")


SCORE = (
    PROGRAM.replace("foretell.jobs.check", "foretell.jobs.score")
    .replace("def check(settings, *, as_of):", "def check(settings, *, as_of, force, dry_run):")
    .replace("job.check = check", "job.score = check")
)


@pytest.mark.parametrize(("flags", "threads"), [((), "3"), (("--threads", "2"), "2")])
def test_threads_of_the_settings_count_unless_the_command_line_says_otherwise(tmp_path, flags, threads):
    asked = ("score", "--set", "scoring.threads=3", "--verbose", *flags)
    # The stand-in waits for a signal unless it finds this word among the arguments.
    program = SCORE.replace('"--threads" in sys.argv', "True").replace('"--threads" not in sys.argv', "False")
    with start(program, *asked, cwd=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, f"{threads}\n{threads}\n", "")


def test_without_a_wish_the_processors_of_this_process_count(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("POLARS_MAX_THREADS", "7")
    monkeypatch.setattr("foretell.cli.session.usable_processors", lambda: 5)
    use_processors()
    assert (os.environ["OMP_NUM_THREADS"], os.environ["POLARS_MAX_THREADS"]) == ("5", "7")


def test_help_imports_nothing_heavy(tmp_path):
    program = (
        "import sys\nfrom foretell.cli.entry import run\nassert run(['--help']) == 0\n"
        "heavy = ('polars', 'numpy', 'pydantic', 'mlflow', 'optuna', 'lightgbm', 'lifetimes', 'matplotlib', 'pandas')\n"
        "assert not [name for name in heavy if name in sys.modules]\n"
    )
    with start(program, cwd=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("Usage: foretell")


def test_a_reader_that_goes_away_is_no_failure(tmp_path):
    program = "import sys; from foretell.cli import main; main()"
    with start(program, "config", "show", cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}) as process:
        process.stdout.close()
        err = process.stderr.read()
        process.wait(timeout=60)
    assert (process.returncode, err) == (0, "")


def test_the_console_script_is_installed():
    from importlib.metadata import entry_points

    (script,) = [item for item in entry_points(group="console_scripts") if item.name == "foretell"]
    assert script.value == "foretell.cli:main"
