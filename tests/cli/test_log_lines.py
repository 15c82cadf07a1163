"""Logs: a JSON line for each step off a terminal, words and passing seconds on one; no customer in either."""

import json
import logging
import sys

import pytest

from foretell.cli import log_lines
from foretell.cli.log_lines import logged
from foretell.cli.session import Session
from foretell.jobs.run_log import RunLog


def test_each_step_is_a_json_line_with_run_rows_and_seconds(capsys):
    log = RunLog()
    with logged(Session()):
        log.timed("read", lambda: [1, 2, 3], rows=len)
        with pytest.raises(KeyError):
            log.timed("score", lambda: {}["hushed"])
        logging.getLogger("foretell").debug("hushed")
        logging.getLogger("foretell").warning("a run did not end")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line.get("step"), line.get("event"), line["level"]) for line in lines] == [
        ("read", "begin", "info"), ("read", "end", "info"), ("score", "begin", "info"), ("score", "end", "info"),
        (None, None, "warning"),
    ]  # fmt: skip
    assert {line["run"] for line in lines[:4]} == {log.run} == {log.circumstances()["run"]}
    assert lines[1]["rows"] == 3
    assert lines[1]["seconds"] >= 0
    assert lines[3]["error"] == "KeyError"
    assert all("T" in line["time"] and line["time"].endswith("+00:00") for line in lines)
    assert "hushed" not in json.dumps(lines)


def test_quiet_leaves_warnings(capsys):
    with logged(Session(quiet=True)):
        RunLog().timed("read", lambda: None)
        logging.getLogger("foretell").warning("a run did not end")
    assert json.loads(capsys.readouterr().err)["level"] == "warning"


def test_a_step_that_lasts_is_seen_to_go_on_on_a_terminal_only(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(log_lines, "SHOWN_AFTER_SECONDS", 0.01)
    ticked = log_lines.threading.Event()
    real = sys.stderr.write
    monkeypatch.setattr(sys.stderr, "write", lambda text: (ticked.set() if "\r" in text else None, real(text))[1])
    # the clock of the step must have passed the moment at which the ticker began, whatever the scheduler does
    lasting = log_lines.threading.Event()
    with logged(Session()):
        RunLog().timed("score", lambda: ticked.wait(30) and lasting.wait(0.05), rows=lambda _: 1_234_567)
    err = capsys.readouterr().err
    assert err.startswith("score\n\r\033[Kscore: 0 s …")
    assert "\r\033[K" in err
    assert err.endswith(" s, 1,234,567 rows\n")
