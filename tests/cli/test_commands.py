"""Each command parses its options, calls one job, and shows what it gives back."""

import importlib
import inspect
import json
from datetime import datetime
from pathlib import Path

import click
import pytest

from foretell.cli.commands import root
from foretell.cli.options import own_options
from foretell.cli.reference import walk

DAY = datetime(2026, 11, 1)
COMMANDS = dict(walk(root, "foretell"))

HERE = __file__
EXPORT = {
    "segments": (),
    "contacts": None,
    "suppression": None,
    "forget": None,
    "run": None,
    "options": {},
    "dry_run": False,
}

# command line, module of the job, job, positional arguments after the settings, keyword arguments
CALLS = [
    (["check"], "check", "check", (), {"as_of": None}),
    (["check", "--as-of", "2026-11-01"], "check", "check", (), {"as_of": DAY}),
    (["train"], "train", "train", (), {"as_of": None, "resume": False, "dry_run": False}),
    (
        ["train", "--as-of", "2026-11-01", "--tune", "3", "--resume", "--dry-run"],
        "train",
        "train",
        (),
        {"as_of": DAY, "resume": True, "dry_run": True},
    ),
    (["backtest", "--as-of", "2026-11-01"], "backtest", "backtest", (), {"as_of": DAY}),
    (["score"], "score", "score", (), {"as_of": None, "force": False, "dry_run": False}),
    (["lookalike"], "lookalike", "lookalike", (), {"as_of": None, "force": False, "dry_run": False}),
    (
        ["score", "--as-of", "2026-11-01T00:00", "--force", "--dry-run"],
        "score",
        "score",
        (),
        {"as_of": DAY, "force": True, "dry_run": True},
    ),
    (
        [
            "export",
            "--to",
            "meta",
            "--to",
            "review",
            "--segment",
            "vip",
            "--contacts",
            HERE,
            "--option",
            "currency=EUR",
        ],
        "export",
        "export",
        (),
        EXPORT
        | {
            "platforms": ("meta", "review"),
            "segments": ("vip",),
            "contacts": Path(HERE),
            "options": {"currency": "EUR"},
        },
    ),
    (
        ["export", "--to", "meta", "--suppression", HERE, "--forget", HERE, "--run", ".", "--dry-run"],
        "export",
        "export",
        (),
        EXPORT
        | {
            "platforms": ("meta",),
            "suppression": Path(HERE),
            "forget": Path(HERE),
            "run": Path(),
            "dry_run": True,
        },
    ),
    (
        ["verify", HERE, "--for", "meta", "--remove-list", "--option", "tiktok_phone=plus"],
        "verify",
        "verify",
        (Path(HERE), "meta"),
        {"remove_list": True, "options": {"tiktok_phone": "plus"}},
    ),
    (["review"], "review", "review", (), {"dry_run": False}),
    (["review", "--dry-run"], "review", "review", (), {"dry_run": True}),
    (["segments", "list"], "segments", "list_segments", (), {"as_of": None}),
    (["segments", "preview", "vip"], "segment_preview", "preview_segment", ("vip",), {"as_of": None}),
    (["segments", "preview", "vip", "--toml"], "segment_preview", "write_segment", ("vip",), {}),
    (["segments", "lint", "--as-of", "2026-11-01"], "segment_check", "lint_segments", (), {"as_of": DAY}),
    (["runs"], "registry", "runs", (), {}),
    (["promote", "3fa9"], "registry", "promote", ("3fa9",), {"why": "promoted by hand", "dry_run": False}),
    (
        ["promote", "x", "--why", "better", "--dry-run"],
        "registry",
        "promote",
        ("x",),
        {"why": "better", "dry_run": True},
    ),
    (["rollback"], "registry", "rollback", (), {"why": "rolled back by hand", "dry_run": False}),
    (["rollback", "--dry-run"], "registry", "rollback", (), {"why": "rolled back by hand", "dry_run": True}),
    (["doctor"], "doctor", "doctor", (), {}),
    (["demo"], "demo", "demo", (), {}),
]


@pytest.mark.parametrize(("line", "module", "name", "arguments", "keywords"), CALLS)
def test_a_command_calls_its_job(call, jobs, line, module, name, arguments, keywords):
    code, out, err = call(*line)
    assert (code, out, err) == (0, "one line\nanother\n", "")
    ((called_module, called, given, named),) = jobs.calls
    assert (called_module, called, given[1:], named) == (module, name, arguments, keywords)
    assert given[0].horizons.order_days == 30


@pytest.mark.parametrize(("module", "name", "arguments", "keywords"), [given[1:] for given in CALLS])
def test_the_real_job_takes_what_the_command_gives(module, name, arguments, keywords):
    job = getattr(importlib.import_module(f"foretell.jobs.{module}"), name)
    inspect.signature(job).bind("settings", *arguments, **keywords)


def test_every_command_is_tried_here():
    tried = {" ".join(["foretell", *line[: 2 if line[0] == "segments" else 1]]) for line, *_ in CALLS}
    assert tried | {"foretell init", "foretell config show"} == set(COMMANDS)


@pytest.mark.parametrize("dry_run", [False, True])
def test_init_needs_no_settings(call, jobs, tmp_path, dry_run):
    (tmp_path / "foretell.toml").write_text("broken", encoding="utf-8")
    code, _, _ = call("init", "my shop", *(["--dry-run"] if dry_run else []))
    assert code == 0
    assert jobs.calls == [("start", "start", (Path("my shop"),), {"dry_run": dry_run})]


def test_the_demo_has_settings_of_its_own(call, jobs, tmp_path):
    (tmp_path / "foretell.toml").write_text("[horizons]\nclv_days = 7\n", encoding="utf-8")
    assert call("demo", "--set", "horizons.churn_days=60")[0] == 0
    settings = jobs.calls[0][2][0]
    assert (settings.horizons.clv_days, settings.horizons.churn_days) == (180, 60)
    assert (settings.folders.models, settings.folders.output) == (
        tmp_path / "models/demo",
        tmp_path / "data/exports/demo",
    )
    code, _, err = call("--config", "foretell.toml", "demo")
    assert code == 2
    assert "leave --config out" in err


@pytest.mark.parametrize(("line", "code"), [(["doctor"], 1), (["verify", HERE, "--for", "meta"], 3)])
def test_what_finds_something_says_so_by_its_exit_code(call, jobs, line, code):
    jobs.act = type("Ill", (), {"healthy": False, "lines": lambda _: ["FAIL"], "as_dict": lambda _: {}})
    assert call(*line) == (code, "FAIL\n", "")
    assert call(*line, "--quiet") == (code, "", "FAIL\n")


def test_a_lint_that_finds_errors_ends_with_2(call, jobs):
    jobs.act = type("Odd", (), {"errors": 1, "lines": lambda _: ["error"], "as_dict": lambda _: {}})
    assert call("segments", "lint") == (2, "error\n", "")
    assert call("segments", "lint", "--quiet") == (2, "", "error\n")
    jobs.act = type("Even", (), {"errors": 0, "lines": lambda _: ["fine"], "as_dict": lambda _: {}})
    assert call("segments", "lint", "--quiet") == (0, "", "")


# --- options of every command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [["--config", "deep/x.toml", "check"], ["check", "--config", "deep/x.toml"]])
def test_options_stand_before_or_after_the_command(call, jobs, tmp_path, line):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/x.toml").write_text("[horizons]\nclv_days = 7\n", encoding="utf-8")
    assert call(*line)[0] == 0
    settings = jobs.calls[0][2][0]
    assert settings.horizons.clv_days == 7
    assert settings.folders.models == tmp_path / "deep/models"


def test_options_before_and_after_add_up(call, jobs):
    code, out, _ = call("--json", "--set", "horizons.clv_days=7", "check", "--set", "shop.name=a=b", "--no-tracking")
    settings = jobs.calls[0][2][0]
    assert (code, json.loads(out)["n"]) == (0, 1)
    assert (settings.horizons.clv_days, settings.shop.name, settings.tracking.enabled) == (7, "a=b", False)


def test_options_of_a_command_are_flags_for_settings(call, jobs, tmp_path, monkeypatch):
    (tmp_path / "foretell.toml").write_text("[training]\ntune_trials = 9\nseed = 4\n", encoding="utf-8")
    monkeypatch.setenv("FORETELL__TRAINING__TUNE_TIMEOUT_SECONDS", "30")
    for line in (["train"], ["train", "--tune", "0", "--timeout", "600", "--seed", "0"]):
        assert call(*line)[0] == 0
    before, after = (given[2][0].training for given in jobs.calls)
    assert (before.tune_trials, before.tune_timeout_seconds, before.seed) == (9, 30, 4)
    assert (after.tune_trials, after.tune_timeout_seconds, after.seed) == (0, 600, 0)


@pytest.mark.usefixtures("jobs")
def test_json_is_plain_and_whole(call):
    code, out, err = call("check", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"n": 1, "share": None, "where": "<class 'list'>"}


@pytest.mark.usefixtures("jobs")
def test_quiet_says_nothing_but_json(call):
    assert call("check", "--quiet") == (0, "", "")
    assert json.loads(call("check", "-q", "--json")[1])["n"] == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["chek"], "Did you mean 'check'?"),
        (["check", "--as-of", "soon"], "'soon' is not a date. Write it as YYYY-MM-DD"),
        (["check", "--as-of", "2026-11-01T00:00+01:00"], "without a UTC offset"),
        (["check", "--set", "novalue"], "must be KEY=VALUE"),
        (["check", "--threads", "0"], "must be 1 or more"),
        (["check", "--threads", "two"], "is not a valid integer"),
        (["train", "--tune", "-1"], "training.tune_trials: must be a whole number from 0 to 10,000, got -1 (flag)."),
        (["train", "--timeout", "-1"], "training.tune_timeout_seconds: must be a whole number of seconds"),
        (["export", "--segment", "vip"], "Missing option '--to'"),
        (["export", "--to", "meta", "--option", "x"], "must be NAME=VALUE"),
        (["verify", "no.csv", "--for", "meta"], "does not exist"),
        (["score", "--engine", "dask"], "is not one of 'auto', 'frame', 'buckets', 'spark'"),
        (["score", "--memory", "much"], "scoring.memory: must be a size such as '2GB' or '512MB'"),
        (["score", "--set", "scoring.threads=0"], "scoring.threads: must be a whole number from 1 to 1,024, got 0"),
        (["promote"], "Missing argument 'VERSION'"),
        (["check", "--dry-run"], "No such option"),
        ([], "Usage: foretell"),
    ],
)
def test_wrong_usage_ends_with_2(call, jobs, line, words):
    code, out, err = call(*line)
    assert (code, out) == (2, "")
    assert words in err
    assert jobs.calls == []


def test_every_problem_of_the_settings_is_said(call, jobs):
    code, out, err = call("check", "--set", "horizons.churn=3", "--set", "horizons.clv_days=0")
    assert (code, out) == (2, "")
    assert "horizons.churn: there is no such setting (flag). Did you mean 'horizons.churn_days'?" in err
    assert "horizons.clv_days: must be a whole number of days from 1 to 10,000, got 0 (flag)." in err
    assert jobs.calls == []


# --- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(call, name):
    code, out, err = call(*name.split()[1:], "--help")
    assert (code, err) == (0, "")
    assert "Example:\n\n      " in out
    assert f"      {name}" in out or f" {name}" in out
    assert "Options of every command:" in out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name):
    options = [param for param in COMMANDS[name].params if isinstance(param, click.Option)]
    assert all(option.help for option in options)
    shared = {param.name for param in COMMANDS[name].params} - {param.name for param in own_options(COMMANDS[name])}
    assert shared == {"config", "set", "no_tracking", "threads", "json", "quiet", "verbose"}


def test_the_list_of_commands_is_not_cut_off(call):
    out = call("--help")[1]
    listed = out[out.index("Commands:") : out.index("Options:")]
    assert "..." not in listed
    assert [line.split()[0] for line in listed.splitlines()[1:] if line] == list(root.commands)


def test_writing_commands_have_a_dry_run():
    having = {name.split()[1] for name, command in COMMANDS.items() if any(p.name == "dry_run" for p in command.params)}
    assert having == {"init", "train", "score", "export", "lookalike", "review", "promote", "rollback"}


# --- config show -----------------------------------------------------------------------------------------------------


def test_config_show_says_where_each_value_is_from(call, tmp_path, monkeypatch):
    (tmp_path / "foretell.toml").write_text('[shop]\nname = "Tea"\n[horizons]\nclv_days = 7\n', encoding="utf-8")
    monkeypatch.setenv("FORETELL__HORIZONS__CHURN_DAYS", "60")
    code, out, err = call("config", "show", "--set", "horizons.clv_days=8")
    lines = {line.split(" = ")[0].strip(): line.split(" = ")[1] for line in out.splitlines()[1:]}
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"config file: {tmp_path / 'foretell.toml'}"
    assert lines["shop.name"] == "Tea  (config file)"
    assert lines["horizons.clv_days"] == "8  (flag)"
    assert lines["horizons.churn_days"] == "60  (environment)"
    assert lines["horizons.order_days"] == "30  (default)"
    assert lines["shop.currency"] == "not set  (default)"
    assert lines["tracking.enabled"] == "true  (default)"
    assert lines["scoring.churn_band_edges"] == "0.33, 0.66  (default)"


def test_config_show_as_json(call, tmp_path):
    shown = json.loads(call("config", "show", "--json")[1])
    assert shown["config_path"] is None
    assert shown["settings"]["folders.models"] == {"value": str(tmp_path / "models"), "source": "default"}
    assert shown["settings"]["scoring.churn_band_edges"]["value"] == [0.33, 0.66]
