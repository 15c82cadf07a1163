"""The commands about segments."""
# ruff: noqa: D301  click keeps the lines of a paragraph that begins with a backspace character

from datetime import datetime

import click

from foretell.cli.options import SessionGroup, as_of_option
from foretell.cli.session import Session
from foretell.errors import ConfigError


@click.group(cls=SessionGroup)
def segments() -> None:
    """Look at segments before they are written.

    A segment is a few lines of TOML in the folder segments/ beside the config file; see docs/segments.md. Sizes are
    those of the scores that were published last.

    Example:

    \b
        foretell segments list
        foretell segments preview win_back
        foretell segments lint
    """


@segments.command("list")
@as_of_option
@click.pass_obj
def list_(session: Session, as_of: datetime | None) -> None:
    """List all segments with their sizes, and why others are off.

    Example:

    \b
        foretell segments list
        foretell segments list --json
    """
    from foretell.jobs import segments as job

    session.show(job.list_segments(session.settings(), as_of=as_of))


@segments.command()
@click.argument("name")
@click.option("--toml", is_flag=True, help="Write the definition as TOML, to be edited.")
@as_of_option
@click.pass_obj
def preview(session: Session, name: str, toml: bool, as_of: datetime | None) -> None:
    """Show one segment: words, size, overlaps, what a holdout can show, examples.

    Examples are numbers and dates; nobody is named.

    Example:

    \b
        foretell segments preview win_back
        foretell segments preview win_back --toml > segments/win_back.toml
    """
    from foretell.jobs import segment_preview as job

    settings = session.settings()
    session.show(job.write_segment(settings, name) if toml else job.preview_segment(settings, name, as_of=as_of))


@segments.command()
@as_of_option
@click.pass_context
def lint(ctx: click.Context, as_of: datetime | None) -> None:
    """Look for mistakes in all segments.

    Finds unknown columns, rules that hold of nobody or of everybody (by their logic, and by counting), texts compared
    with numbers, probabilities written as percent, values that do not occur, priorities without effect, and names
    that suggest health, finances or another protected group. Exit code 2 if something must be mended.

    A rule knows: columns, numbers, 'texts', TRUE, FALSE, NULL; AND, OR, NOT, =, <>, <, <=, >, >=, IN, BETWEEN, LIKE,
    ILIKE, IS NULL; '2026-11-01' as a date, as_of - INTERVAL '30 days'; +, -, *, /, COALESCE, LOWER, UPPER, ABS,
    ROUND, EXTRACT(YEAR, MONTH or DAY).

    Example:

    \b
        foretell segments lint
        foretell segments lint --json
    """
    from foretell.jobs import segment_check as job

    session = ctx.ensure_object(Session)
    result = job.lint_segments(session.settings(), as_of=as_of)
    session.show(result, failed=bool(result.errors))
    if result.errors:
        ctx.exit(ConfigError.exit_code)
