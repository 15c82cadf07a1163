"""Options: those that every command takes, before or after its name, and the types of values."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from foretell.cli.session import Session, use_threads
from foretell.errors import WindowError
from foretell.windows import as_cutoff

Function = TypeVar("Function", bound=Callable[..., Any])


class AsOf(click.ParamType[datetime]):
    """A day or an instant: the first that is not seen."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read ISO 8601 text.

        Raises
        ------
        click.BadParameter
            If it is none.
        """
        try:
            return as_cutoff(value)
        except WindowError as error:
            self.fail(str(error), param, ctx)


class SessionCommand(click.Command):
    """A command that also takes the options of every command, and lists them apart."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params = [*self.params, *session_options()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then those of every command."""
        write_options(self, ctx, formatter)


class SessionGroup(click.Group):
    """A group of commands that takes the options of every command before the command's name."""

    command_class = SessionCommand
    group_class = type

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params = [*self.params, *session_options()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options of every command."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click gives it
        """Return the commands in the order in which a newcomer needs them."""
        return list(self.commands)


def own_options(command: click.Command) -> list[click.Parameter]:
    """Return the parameters that only this command has.

    Parameters
    ----------
    command : click.Command
        Any command.

    Returns
    -------
    list of click.Parameter
        Arguments and options, without those of every command.
    """
    shared = {option.name for option in session_options()}
    return [param for param in command.params if param.name not in shared]


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write two lists of options into a help text.

    Parameters
    ----------
    command : click.Command
        Whose help it is.
    ctx : click.Context
        The call.
    formatter : click.HelpFormatter
        What is written to.
    """
    own = own_options(command)
    for title, mine in (("Options", True), ("Options of every command", False)):
        params = [param for param in command.get_params(ctx) if (param in own) == mine]
        rows = [row for param in params if (row := param.get_help_record(ctx)) is not None]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def as_of_option(function: Function) -> Function:
    """Add ``--as-of``.

    Parameters
    ----------
    function : callable
        The command.

    Returns
    -------
    callable
        The command.
    """
    text = "First day (YYYY-MM-DD) or instant that is not seen. Default: the end of the data."
    return click.option("--as-of", type=AsOf(), metavar="DATE", help=text)(function)


def dry_run_option(function: Function) -> Function:
    """Add ``--dry-run``.

    Parameters
    ----------
    function : callable
        The command.

    Returns
    -------
    callable
        The command.
    """
    return click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing.")(function)


def setting_option(name: str, key: str, **given: Any) -> Callable[[Function], Function]:
    """Add an option of one command that is a flag for a setting.

    Parameters
    ----------
    name : str
        As in ``--tune``.
    key : str
        Dotted name of the setting, whose limits are checked with all others.
    **given : object
        As for `click.option`.

    Returns
    -------
    callable
        Decorator of the command.
    """

    def put(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        if value is not None:
            ctx.ensure_object(Session).flags[key] = value

    def add(function: Function) -> Function:
        return click.option(name, callback=put, expose_value=False, **given)(function)

    return add


def session_options() -> list[click.Option]:
    """Return the options that every command takes, and that write into the `Session` of the call.

    Returns
    -------
    list of click.Option
        New objects.
    """
    return [
        _option("--config", type=click.Path(path_type=Path), metavar="FILE", put=_put_config,
                help="Config file. Default: foretell.toml in the working folder."),
        _option("--set", metavar="KEY=VALUE", multiple=True, put=_put_settings,
                help="Any setting, as in --set horizons.churn_days=60. Repeatable."),
        _option("--no-tracking", is_flag=True, put=_put_no_tracking, help="Write no training run down in MLflow."),
        _option("--threads", type=int, metavar="N", put=_put_threads,
                help="Threads at most. Default: all processors of this process."),
        _option("--json", is_flag=True, put=_put_json, help="Print the result, or the error, as JSON."),
        _option("--quiet", "-q", is_flag=True, put=_put_quiet, help="Print warnings and errors only."),
        _option("--verbose", "-v", is_flag=True, put=_put_verbose,
                help="Print the steps, and the traceback of an unexpected error."),
    ]  # fmt: skip


def _option(*names: str, put: Callable[[Session, Any], None], **given: Any) -> click.Option:
    def callback(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        # Not given here: it may have been given before the command's name.
        if value is not None and value is not False and value != ():
            put(ctx.ensure_object(Session), value)

    return click.Option(list(names), callback=callback, expose_value=False, **given)


def _put_config(session: Session, value: Path) -> None:
    session.config = value


def _put_settings(session: Session, values: tuple[str, ...]) -> None:
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            problem = "must be KEY=VALUE, as in horizons.churn_days=60."
            raise click.BadParameter(problem, param_hint="--set")
        session.flags[key.strip()] = value.strip()


def _put_no_tracking(session: Session, _value: bool) -> None:
    session.flags["tracking.enabled"] = False


def _put_threads(session: Session, value: int) -> None:
    if value < 1:
        problem = "must be 1 or more."
        raise click.BadParameter(problem, param_hint="--threads")
    session.threads_given = True
    use_threads(value)


def _put_json(session: Session, _value: bool) -> None:
    session.as_json = True


def _put_quiet(session: Session, _value: bool) -> None:
    session.quiet = True


def _put_verbose(session: Session, _value: bool) -> None:
    session.verbose = True
