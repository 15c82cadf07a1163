"""One call of the command line in this process, with jobs that only write down what they were given."""

import sys
from types import ModuleType

import pytest

import foretell.jobs
from foretell.cli.entry import run

JOBS = {
    "demo": ("demo",),
    "start": ("start",),
    "check": ("check",),
    "train": ("train",),
    "backtest": ("backtest",),
    "score": ("score",),
    "export": ("export",),
    "verify": ("verify",),
    "review": ("review",),
    "segments": ("list_segments",),
    "segment_preview": ("preview_segment", "write_segment"),
    "segment_check": ("lint_segments",),
    "registry": ("runs", "promote", "rollback"),
    "doctor": ("doctor",),
}


class Outcome:
    """What a job gives back."""

    healthy = True
    errors = 0

    def lines(self):
        return ["one line", "another"]

    def as_dict(self):
        return {"n": 1, "share": float("nan"), "where": sys.path.__class__}


class Jobs:
    """Stand-ins for every job; `calls` is what they were given, `act` what they do."""

    def __init__(self):
        self.calls = []
        self.act = Outcome

    def stand_in(self, module, name):
        def job(*arguments, **keywords):
            self.calls.append((module, name, arguments, keywords))
            return self.act()

        return job


@pytest.fixture
def jobs(monkeypatch):
    """Put stand-ins where the commands import their jobs from."""
    standing = Jobs()
    for module, names in JOBS.items():
        fake = ModuleType(f"foretell.jobs.{module}")
        for name in names:
            setattr(fake, name, standing.stand_in(module, name))
        monkeypatch.setitem(sys.modules, fake.__name__, fake)
        monkeypatch.setattr(foretell.jobs, module, fake, raising=False)
    return standing


@pytest.fixture
def call(capfd, monkeypatch, tmp_path):
    """Run a command in an empty working folder; give exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def calling(*arguments):
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return calling
