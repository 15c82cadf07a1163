"""Scoring runs that are sent a signal at each of their steps in turn; run by test_killed_runs, in a process of its own.

A run's steps are its calls that change the disk, its writes half-way, and the beginnings and ends of its jobs' steps.
The process imports everything once and forks for each run, before any thread of a library has begun: a run then takes
half a second.

Arguments: folder of a shop, folder to work in, number of the signal, `--step` between the runs that are made. A line
of JSON for each run: number of the step, its name, how the run ended, how the next one did.
"""

import json
import os
import pathlib
import shutil
import sys
from pathlib import Path

import foretell.cli.commands
import foretell.delivery.csv_files
import foretell.delivery.publish
import foretell.engines.frame
import foretell.jobs.score
import foretell.scoring.predict
from foretell.cli.entry import run
from foretell.jobs import score
from foretell.jobs.run_log import RunLog
from foretell.storage import atomic

ARGUMENTS = ["--quiet", "score", "--as-of", "2025-08-01"]


class Steps:
    """Counts the steps of this process, and sends the signal at the chosen one."""

    def __init__(self, chosen, number):
        self.chosen, self.number, self.count, self.name = chosen, number, 0, ""

    def take(self, name):
        self.count += 1
        if self.count == self.chosen:
            self.name = name
            os.write(3, name.encode())
            os.kill(os.getpid(), self.number)

    def before(self, module, name, *, every=1):
        real, calls = getattr(module, name), []

        def call(*arguments, **options):
            calls.append(name)
            if len(calls) % every == 0:
                self.take(f"before {name}")
            return real(*arguments, **options)

        setattr(module, name, call)

    def watch(self):
        # A signal takes nothing back that was written: what syncing is for no test of this kind can show.
        os.fsync = lambda _: None
        for name in ("rename", "replace", "mkdir", "unlink", "ftruncate", "pwrite"):
            self.before(os, name)
        self.before(os, "fsync", every=7)
        self.before(shutil, "rmtree")
        self.before(atomic, "_exchange")
        self.before(foretell.delivery.publish, "render_page")
        self.before(foretell.delivery.publish, "manifest")
        self.before(foretell.delivery.csv_files, "_ready", every=3)  # a header is written, its rows are not
        self.before(score, "pass_gates")
        self.watch_halves()
        self.watch_jobs()

    def watch_halves(self):
        steps = self

        def write_bytes(path, content):
            with path.open("wb") as file:
                file.write(bytes(content[: len(content) // 2]))
                file.flush()
                steps.take(f"inside {path.name}")
                return file.write(bytes(content[len(content) // 2 :]))

        pathlib.Path.write_bytes = write_bytes

    def watch_jobs(self):
        steps, real = self, RunLog.timed

        def timed(log, step, work, **options):
            steps.take(f"before step {step}")
            result = real(log, step, work, **options)
            steps.take(f"after step {step}")
            return result

        RunLog.timed = timed


def forked(folder, chosen, number):
    """Run the scoring job on a folder in a process of its own: how it ended, and at which step."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 3)
        os.close(2)
        os.open(os.devnull, os.O_WRONLY)
        steps = Steps(chosen, number)
        steps.watch()
        code = run(["--config", str(folder / "foretell.toml"), *ARGUMENTS])
        os._exit(code)
    os.close(writer)
    said = os.read(reader, 1_000).decode()
    os.close(reader)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said


def main():
    shop, work, number, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    chosen = 1
    while True:
        folder = work / f"{chosen:03d}"
        shutil.copytree(shop, folder)
        ended, name = forked(folder, chosen, number)
        if not name:
            return
        shutil.copytree(folder / "data/exports", work / f"{chosen:03d}-found")
        again, _ = forked(folder, 0, number)
        sys.stdout.write(json.dumps({"step": chosen, "name": name, "ended": ended, "again": again}) + "\n")
        sys.stdout.flush()
        chosen += step


if __name__ == "__main__":
    main()
