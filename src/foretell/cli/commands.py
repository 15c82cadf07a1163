"""The commands: each parses its own options and calls one job."""
# ruff: noqa: D301  click keeps the lines of a paragraph that begins with a backspace character

from datetime import datetime
from pathlib import Path

import click

from foretell import __version__
from foretell.cli.exit_codes import FAILED
from foretell.cli.options import SessionGroup, as_of_option, dry_run_option, setting_option
from foretell.cli.segment_commands import segments
from foretell.cli.session import Session, use_threads
from foretell.cli.upload_commands import export, verify

_NAMES = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=SessionGroup, context_settings=_NAMES)
@click.version_option(__version__, message="foretell %(version)s")
def root() -> None:
    """Predict customers from their order history, and say how far each number can be trusted.

    A new shop goes through: init, check, train, score. To see it work first: demo.

    Example:

    \b
        foretell demo
        foretell init my-shop
        foretell --config my-shop/foretell.toml check
    """


@root.command()
@click.pass_obj
def demo(session: Session) -> None:
    """Run the whole job on a real order history.

    CDNOW, 69,659 orders that ship with foretell: checks, trains, judges, scores and publishes as of 1998-07-01,
    into models/demo/ and data/exports/demo/.

    Example:

    \b
        foretell demo
    """
    from foretell.jobs import demo as job

    session.show(job.demo(session.demo_settings()))


@root.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@dry_run_option
@click.pass_obj
def init(session: Session, folder: Path, dry_run: bool) -> None:
    """Make a folder for a shop, with a commented foretell.toml.

    Also places for data, models and results. What is there already stays untouched.

    Example:

    \b
        foretell init my-shop
    """
    from foretell.jobs import start as job

    session.show(job.start(folder, dry_run=dry_run))


@root.command()
@as_of_option
@click.pass_obj
def check(session: Session, as_of: datetime | None) -> None:
    """Read the data and say what they are good for.

    What was found, every problem at once, and what the history is long enough for.

    Example:

    \b
        foretell check
        foretell check --config my-shop/foretell.toml --as-of 2026-11-01
    """
    from foretell.jobs import check as job

    session.show(job.check(session.settings(), as_of=as_of))


@root.command()
@as_of_option
@setting_option(
    "--tune",
    "training.tune_trials",
    type=int,
    metavar="N",
    help="Try N settings of the trees on the shop's past, the usual ones first.",
)
@setting_option(
    "--timeout",
    "training.tune_timeout_seconds",
    type=int,
    metavar="SECONDS",
    help="Begin no trial of --tune after so many seconds of trials. Default: no limit.",
)
@setting_option("--seed", "training.seed", type=int, metavar="N", help="Seed of everything random.")
@setting_option("--engine", "training.engine", type=click.Choice(["frame", "spark"]), help="Here, or on a cluster.")
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the trials of a --tune that was stopped, if it was of the same data, date and seed.",
)
@dry_run_option
@click.pass_obj
def train(session: Session, as_of: datetime | None, resume: bool, dry_run: bool) -> None:
    """Train a model and judge it on the shop's own past.

    It becomes the champion, with which customers are scored, if it passes the gate.

    Example:

    \b
        foretell train --as-of 2026-11-01
        foretell train --as-of 2026-11-01 --no-tracking --set horizons.clv_days=180
        foretell train --as-of 2026-11-01 --tune 50 --timeout 600 --seed 0 --resume
    """
    from foretell.jobs import train as job

    session.show(job.train(session.settings(), as_of=as_of, resume=resume, dry_run=dry_run))


@root.command()
@as_of_option
@click.pass_obj
def backtest(session: Session, as_of: datetime | None) -> None:
    """Predict from past days and compare with what happened.

    Every model beside the naive rules and lifetimes' BG/NBD, with intervals. Writes nothing.

    Example:

    \b
        foretell backtest
        foretell backtest --json > backtest.json
    """
    from foretell.jobs import backtest as job

    session.show(job.backtest(session.settings(), as_of=as_of))


@root.command()
@as_of_option
@click.option("--force", is_flag=True, help="Publish whatever the gates say, and even if nothing changed.")
@setting_option(
    "--engine",
    "scoring.engine",
    type=click.Choice(["auto", "frame", "buckets", "spark"]),
    help="In one piece in memory, bucket by bucket on disk, or these by Spark. Default: buckets for large shops.",
)
@setting_option(
    "--memory",
    "scoring.memory",
    metavar="SIZE",
    help="Memory that scoring in buckets keeps to, as in 2GB. Default: 70 % of what there is.",
)
@dry_run_option
@click.pass_obj
def score(session: Session, as_of: datetime | None, force: bool, dry_run: bool) -> None:
    """Score every customer and publish one dated folder.

    The folder appears whole or not at all. The same data, model and date give the same files: a second run says
    that nothing changed.

    Example:

    \b
        foretell score --as-of 2026-11-01
        foretell score --config /srv/shop/foretell.toml --as-of 2026-11-01 --quiet
        foretell score --as-of 2026-11-01 --engine buckets --memory 2GB --threads 2
    """
    settings = session.settings()
    if settings.scoring.threads is not None and not session.threads_given:
        use_threads(settings.scoring.threads)
    from foretell.jobs import score as job

    session.show(job.score(settings, as_of=as_of, force=force, dry_run=dry_run))


root.add_command(export)
root.add_command(verify)


@root.command()
@dry_run_option
@click.pass_obj
def review(session: Session, dry_run: bool) -> None:
    """Say what published predictions turned out to be worth.

    For every published run whose horizon has ended: totals, calibration, deciles, churn bands, dates, and the trend
    over runs. Into the folder review/ beside the runs, MLflow, and the next report.

    Example:

    \b
        foretell review
        foretell review --json > review.json
    """
    from foretell.jobs import review as job

    session.show(job.review(session.settings(), dry_run=dry_run))


@root.command()
@setting_option("--seeds", "lookalike.seeds", metavar="FILE", help="List of seeds: keys, e-mails or their SHA-256.")
@setting_option("--seed-rule", "lookalike.seed_rule", metavar="RULE", help="Seeds by their scores: a condition.")
@setting_option("--weights", "lookalike.weights", metavar="COLUMN", help="What each seed is worth.")
@setting_option("--pool", "lookalike.pool", metavar="FILE", help="Whom to rank. Default: the shop's customers.")
@setting_option("--exclude", "lookalike.exclude", metavar="FILE", help="Whom not to rank, beside the seeds.")
@setting_option("--key", "lookalike.key", metavar="COLUMN", help="Column of the customers in these files.")
@setting_option("--size", "lookalike.size", metavar="SIZE", help="Size of the audience: 1% to 10%, or a number.")
@setting_option(
    "--allow", "lookalike.allow", metavar="COLUMNS", help="Columns that the leakage guard lets in, with commas."
)
@as_of_option
@click.option("--force", is_flag=True, help="Publish again even if nothing changed.")
@dry_run_option
@click.pass_obj
def lookalike(session: Session, as_of: datetime | None, force: bool, dry_run: bool) -> None:
    """Rank everybody else by resemblance to good customers.

    Publishes one dated folder: the ranking with reasons, the audience, who it is, and what a larger one would cost.

    Example:

    \b
        foretell lookalike --seeds seeds.csv --weights value --size 5%
        foretell lookalike --seed-rule "clv_percentile > 95" --as-of 2026-11-01
        foretell lookalike --seeds seeds.csv --pool pool.csv --exclude bought.csv --as-of 2026-11-01
    """
    from foretell.jobs import lookalike as job

    session.show(job.lookalike(session.settings(), as_of=as_of, force=force, dry_run=dry_run))


@root.command()
@click.pass_obj
def runs(session: Session) -> None:
    """List the trained models with their roles.

    Example:

    \b
        foretell runs
    """
    from foretell.jobs import registry as job

    session.show(job.runs(session.settings()))


root.add_command(segments)


@root.command()
@click.argument("version")
@click.option("--why", default="promoted by hand", show_default=True, help="Reason that the history keeps.")
@dry_run_option
@click.pass_obj
def promote(session: Session, version: str, why: str, dry_run: bool) -> None:
    """Make a trained model the champion.

    VERSION is a version, its first digits, or "challenger".

    Example:

    \b
        foretell promote challenger --why "better on the last quarter"
        foretell promote 3fa9 --dry-run
    """
    from foretell.jobs import registry as job

    session.show(job.promote(session.settings(), version, why=why, dry_run=dry_run))


@root.command()
@click.option("--why", default="rolled back by hand", show_default=True, help="Reason that the history keeps.")
@dry_run_option
@click.pass_obj
def rollback(session: Session, why: str, dry_run: bool) -> None:
    """Make the previous champion the champion again.

    Example:

    \b
        foretell rollback --why "odd scores on Monday"
    """
    from foretell.jobs import registry as job

    session.show(job.rollback(session.settings(), why=why, dry_run=dry_run))


@root.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Look for what could stop a run.

    Packages, folders, champion, tracking store; exit code 1 if something has to be mended.

    Example:

    \b
        foretell doctor
    """
    from foretell.jobs import doctor as job

    session = ctx.ensure_object(Session)
    result = job.doctor(session.settings())
    session.show(result, failed=not result.healthy)
    if not result.healthy:
        ctx.exit(FAILED)


@root.group()
def config() -> None:
    """Look at the settings.

    Example:

    \b
        foretell config show
    """


@config.command()
@click.pass_obj
def show(session: Session) -> None:
    """Print every setting in force and where it came from.

    Example:

    \b
        foretell config show
        FORETELL__HORIZONS__CHURN_DAYS=60 foretell config show --json
    """
    from foretell.cli.config_show import ConfigShown

    session.show(ConfigShown(session.load()))
