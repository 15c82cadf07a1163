"""The scheduling examples: cron's line is run as cron would, systemd's files are verified, the others are read."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from foretell.cli.commands import root
from foretell.cli.exit_codes import EXIT_CODES
from foretell.cli.reference import walk

COMMAND = "/srv/foretell/.venv/bin/foretell"


@pytest.fixture(scope="module")
def examples(repository):
    return repository / "docs/examples"


def cron_lines(examples):
    lines = (examples / "crontab").read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"((?:\S+ ){5})(.*)", line) for line in lines if line[:1].isdigit()]
    return {line[2].split(" --quiet ")[1].split()[0]: line[2].replace("\\%", "%") for line in found}


def test_every_command_and_option_in_the_examples_exists(examples):
    known = {name.removeprefix("foretell ") for name in dict(walk(root, "foretell"))}
    named = set()
    for path in examples.iterdir():
        named |= set(re.findall(r"foretell\.toml(?: --quiet)? (\w+)", path.read_text(encoding="utf-8")))
    assert {"score", "train", "review"} <= named <= known


@pytest.mark.slow
def test_the_line_of_cron_runs_as_cron_would_run_it(examples, big_shop, bundle, tmp_path):
    """With no environment but cron's, from another folder."""
    import polars as pl

    from foretell.bundles.registry import Registry
    from foretell.cli.entry import run

    shop = tmp_path / "shop"
    assert run(["init", str(shop), "--quiet"]) == 0
    orders = big_shop.orders.select("customer_id", "order_id", "ordered_at", amount=pl.col("amount_minor") / 10_000)
    orders.collect().write_csv(shop / "data/raw/orders.csv")
    settings = (shop / "foretell.toml").read_text(encoding="utf-8")
    settings = settings.replace('# order_id = "order_id"', 'order_id = "order_id"', 1)
    (shop / "foretell.toml").write_text(settings, encoding="utf-8")
    registry = Registry(shop / "models")
    registry.promote(registry.register(bundle), why="test")
    program = tmp_path / "foretell"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from foretell.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    line = cron_lines(examples)["score"].replace(COMMAND, str(program)).replace("/srv/shop", str(shop))
    assert line.endswith('--as-of "$(date +%F)"')
    line = line.replace("$(date +%F)", "$(date -d 2025-12-01 +%F)")
    source = str(Path(sys.modules["foretell"].__file__).parents[1])
    environment = ["env", "-i", "PATH=/usr/bin:/bin", "SHELL=/bin/sh", "LOGNAME=nobody", f"PYTHONPATH={source}"]
    done = subprocess.run([*environment, "/bin/sh", "-c", line], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert json.loads((shop / "data/exports/latest.json").read_bytes())["folder"] == "2025-12-01"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_its_files(examples, tmp_path):
    names = sorted(path.name for path in examples.iterdir() if path.suffix in {".service", ".timer"})
    assert len(names) == 4
    for name in names:
        text = (examples / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("User=foretell\n", ""), encoding="utf-8")
    line = ["systemd-analyze", "verify", "--man=no", *(str(path) for path in sorted(tmp_path.iterdir()))]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    told = [text for text in done.stderr.splitlines() if "foretell-" in text]
    assert (done.returncode, told) == (0, [])


def test_the_codes_that_schedulers_are_told_exist(examples):
    services = "".join(path.read_text(encoding="utf-8") for path in examples.glob("*.service"))
    codes = re.findall(r"ExitStatus=([\d ]+)", services) + re.findall(
        r"values: \[([\d, ]+)\]", (examples / "cronjob.yaml").read_text(encoding="utf-8")
    )
    assert {int(code) for text in codes for code in re.findall(r"\d+", text)} <= set(EXIT_CODES)


def test_the_dag_is_python_and_hands_over_the_schedules_date(examples):
    text = (examples / "airflow_dag.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert {"DAG", "BashOperator"} <= set(calls)
    assert "--as-of {{ data_interval_end | ds }}" in text


def test_the_cron_job_is_yaml_and_runs_without_rights(examples):
    yaml = pytest.importorskip("yaml")
    found = yaml.safe_load((examples / "cronjob.yaml").read_text(encoding="utf-8"))
    assert (found["kind"], found["spec"]["concurrencyPolicy"]) == ("CronJob", "Forbid")
    pod = found["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_image_copies_what_is_there_and_is_not_run_by_root(examples, repository):
    lines = (examples / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]]
    assert copied
    assert all((repository / name).exists() for name in copied)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001"]
