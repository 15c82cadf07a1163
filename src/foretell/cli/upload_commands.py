"""The commands about upload files: export and verify."""
# ruff: noqa: D301  click keeps the lines of a paragraph that begins with a backspace character

from pathlib import Path
from typing import Any

import click

from foretell.cli.exit_codes import INVALID
from foretell.cli.options import Function, SessionCommand, dry_run_option
from foretell.cli.session import Session

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _choices(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            problem = "must be NAME=VALUE, as in default_country=NL."
            raise click.BadParameter(problem, ctx, param)
        found[name.strip()] = value.strip()
    return found


def _choice_option(function: Function) -> Function:
    text = "A choice that platforms leave open, as in --option default_country=NL; see docs/uploads.md. Repeatable."
    given: dict[str, Any] = {"multiple": True, "callback": _choices, "metavar": "NAME=VALUE", "help": text}
    return click.option("--option", "options", **given)(function)


@click.command(cls=SessionCommand)
@click.option(
    "--to",
    "platforms",
    multiple=True,
    required=True,
    metavar="PLATFORM",
    help="klaviyo, meta, meta_value, google, google_conversions, google_adjustments, criteo, tiktok, "
    "linkedin_companies, linkedin_contacts, or review (files for people). Repeatable.",
)
@click.option(
    "--segment", "segments", multiple=True, metavar="NAME", help="A segment of the run. Repeatable. Default: all."
)
@click.option(
    "--contacts",
    type=_FILE,
    metavar="FILE",
    help="The customers: addresses and consent. Default: the customers table of the settings.",
)
@click.option("--suppression", type=_FILE, metavar="FILE", help="Who must not be written, whatever else is said.")
@click.option(
    "--forget",
    type=_FILE,
    metavar="FILE",
    help="Customer ids that may not be written anywhere any more, beside those of privacy.forget.",
)
@click.option(
    "--run",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A published run. Default: the newest.",
)
@_choice_option
@dry_run_option
@click.pass_obj
def export(session: Session, /, **given: Any) -> None:
    """Write segments as upload files, or as files for people.

    Only people who agreed to the channel are written; who left since the last export is in a list of removals.

    Example:

    \b
        foretell export --to meta --segment win_back
        foretell export --to klaviyo --to tiktok --contacts customers.parquet --suppression do_not_contact.csv
        foretell export --to review
    """
    from foretell.jobs import export as job

    session.show(job.export(session.settings(), **given))


@click.command(cls=SessionCommand)
@click.argument("file", type=_FILE)
@click.option("--for", "platform", required=True, metavar="PLATFORM", help="A platform, as in export --to.")
@click.option("--remove-list", is_flag=True, help="The file takes people off a list: it may be short.")
@_choice_option
@click.pass_context
def verify(ctx: click.Context, file: Path, platform: str, remove_list: bool, options: dict[str, str]) -> None:
    """Check an upload file before a person uploads it.

    Ours or another's: encoding, header, hashing, normal forms, duplicates, size. Every problem by line; exit code 3
    if there is one.

    Example:

    \b
        foretell verify win_back.csv --for meta
        foretell verify list.csv --for google --json
    """
    from foretell.jobs import verify as job

    session = ctx.ensure_object(Session)
    result = job.verify(session.settings(), file, platform, remove_list=remove_list, options=options)
    session.show(result, failed=not result.healthy)
    if not result.healthy:
        ctx.exit(INVALID)
