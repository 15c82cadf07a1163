"""Every command's help has an example, and every example is a call that the command understands."""

import inspect
import re
import shlex

import click
import pytest

from doc_blocks import ROOT, blocks
from foretell.cli import options
from foretell.cli.commands import root


def commands(command=root, name="foretell"):
    """Every command and group with its full name."""
    yield name, command
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from commands(inner, f"{name} {word}")


def examples(command):
    _, _, text = inspect.cleandoc(command.help or "").partition("Example:")
    return [line.strip() for line in text.replace("\b", "").splitlines() if line.strip()]


def parse(line):
    """Let click read a shell line down to its last option; nothing runs. Returns the command's full name."""
    words = shlex.split(re.sub(r" > [\w./-]+$", "", line))
    while "=" in words[0]:  # settings by the environment
        words.pop(0)
    assert words.pop(0) == "foretell"
    context = root.make_context("foretell", words)
    while isinstance(context.command, click.Group):
        name, inner, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        context = inner.make_context(name, rest, parent=context)
    return context.command_path


@pytest.fixture(autouse=True)
def _in_a_folder_with_the_files_that_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(options, "use_threads", lambda _: None)
    for name in ("win_back.csv", "list.csv", "customers.csv", "customers.parquet", "do_not_contact.csv"):
        (tmp_path / name).touch()


@pytest.mark.parametrize(("name", "command"), [*commands()], ids=lambda value: value if isinstance(value, str) else "")
def test_the_help_of_every_command_has_an_example_that_parses(name, command):
    found = examples(command)
    assert found
    for line in found:
        assert name in line or isinstance(command, click.Group)
        called = parse(line)
        assert called == name or (isinstance(command, click.Group) and called.startswith(name))
    shown = command.get_help(click.Context(command, info_name=name))
    assert all(line in shown for line in found)


def test_every_line_of_the_reference_and_the_pages_parses():
    lines = [
        (page, line)
        for page in ("README.md", *(f"docs/{name}.md" for name in ("cli", "scale", "segments", "uploads")))
        for block in blocks(ROOT / page)
        if block.language == "sh"
        for line in block.commands
        if "foretell " in line and "mlflow" not in line
    ]
    assert len(lines) > 40
    for page, line in lines:
        assert parse(line.removeprefix(".venv/bin/")).startswith("foretell "), (page, line)


@pytest.mark.parametrize("line", ["foretell score --as-off 2026-11-01", "foretell scores", "foretell export"])
def test_what_is_no_call_is_noticed(line):
    with pytest.raises(click.UsageError):
        parse(line)
