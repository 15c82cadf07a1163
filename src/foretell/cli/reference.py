"""The page docs/cli.md, written from the commands themselves."""

import inspect
from collections.abc import Iterator

import click

from foretell.cli.commands import root
from foretell.cli.exit_codes import EXIT_CODES
from foretell.cli.options import own_options

_HEAD = """\
# Command line

This page is written from the commands themselves: `python -m foretell.cli.reference > docs/cli.md`.

Results go to standard output, messages to standard error. Nothing is ever asked. Steps are shown on a terminal only,
and colours not at all where `NO_COLOR` is set. With `--json` the result, or the error, is one JSON object on standard
output. `--dry-run` writes nothing, not even to the tracking store.

A setting comes from a flag (`--set horizons.churn_days=60`), else from the environment
(`FORETELL__HORIZONS__CHURN_DAYS=60`), else from the config file (`foretell.toml`, or `[tool.foretell]` in a
`pyproject.toml`), else from the defaults; `foretell config show` says which. Paths in a config file start at the
file's folder, others at the working folder.
"""


def render() -> str:
    """Return the reference of all commands.

    Returns
    -------
    str
        Markdown.
    """
    codes = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    parts = [_HEAD, "\n".join(["## Exit codes", "", "| code | meaning |", "| ---: | --- |", *codes, ""])]
    parts += [_section(name, command) for name, command in walk(root, "foretell")]
    context = click.Context(root, info_name="foretell", **root.context_settings)
    shared = [param for param in root.get_params(context) if param not in own_options(root)]
    parts.append("\n".join(["## Options of every command", "", *_rows(context, shared), ""]))
    return "\n".join(parts)


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below one, with its full name, in the order of the help.

    Parameters
    ----------
    command : click.Command
        A command or a group.
    name : str
        How it is called.

    Yields
    ------
    tuple of str and click.Command
        The command itself if it is no group.
    """
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from walk(inner, f"{name} {word}")
    else:
        yield name, command


def _section(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    prose, _, example = inspect.cleandoc(command.help or "").partition("Example:")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f"## `{name}`", "", prose.strip(), "", "```sh", f"# {name} {usage}".rstrip()]
    lines += [inspect.cleandoc(example.replace("\b", "")), "```", ""]
    rows = _rows(context, [param for param in own_options(command) if isinstance(param, click.Option)])
    return "\n".join([*lines, *rows, *([""] if rows else [])])


def _rows(context: click.Context, params: list[click.Parameter]) -> list[str]:
    records = [record for param in params if (record := param.get_help_record(context)) is not None]
    table = [f"| `{option}` | {text} |" for option, text in records]
    return ["| option | meaning |", "| --- | --- |", *table] if table else []


if __name__ == "__main__":
    click.echo(render(), nl=False)
