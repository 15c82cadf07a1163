"""A published run read back: who is in its segments, and what their scores are."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.delivery.formulas import harmless
from foretell.delivery.manifest import RUN_NAME, is_whole
from foretell.errors import ConfigError, DataError, Violation, did_you_mean

VALUE = "value"
HOLDOUT = "holdout"


@dataclass(frozen=True)
class PublishedRun:
    """A run's folder.

    Parameters
    ----------
    folder : Path
        Where it is.
    as_of : datetime
        First instant that its scores did not see.
    facts : dict
        Its ``run.json``.
    scores : pl.DataFrame
        One row per customer.
    """

    folder: Path
    as_of: datetime
    facts: dict[str, Any]
    scores: pl.DataFrame

    @property
    def segments(self) -> tuple[str, ...]:
        """Names of its segments."""
        return tuple(self.facts.get("segments", {}))

    @property
    def value_column(self) -> str:
        """Column of what a customer is expected to spend."""
        return f"predicted_clv_{self.facts['horizons']['clv_days']}d"


def read_published(folder: Path) -> PublishedRun:
    """Read a run's folder.

    Parameters
    ----------
    folder : Path
        A folder that `foretell score` published.

    Returns
    -------
    PublishedRun
        With its scores.

    Raises
    ------
    DataError
        If it is none, or any of its files was changed since.
    """
    if not is_whole(folder):
        rule = "it is no published run, or a file in it was changed, added or taken away"
        raise DataError(
            [Violation("run", None, rule, 1, remedy="Publish it again: foretell score.")], source=str(folder)
        )
    facts = json.loads((folder / RUN_NAME).read_bytes())
    scores = pl.read_parquet(folder / "scores.parquet")
    return PublishedRun(folder, datetime.fromisoformat(facts["as_of"]), facts, scores)


def latest_run(output_folder: Path) -> Path:
    """Return the newest run of an output folder.

    Parameters
    ----------
    output_folder : Path
        Where runs are published.

    Returns
    -------
    Path
        The folder that ``latest.json`` names.

    Raises
    ------
    DataError
        If nothing has been published there.
    """
    try:
        return output_folder / str(json.loads((output_folder / "latest.json").read_bytes())["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        rule = "nothing has been published there yet"
        remedy = "foretell score, or name the folder: --set folders.output=… or --run …."
        raise DataError([Violation("run", None, rule, 1, remedy=remedy)], source=str(output_folder)) from None


def chosen_segments(run: PublishedRun, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the segments that were asked for.

    Parameters
    ----------
    run : PublishedRun
        The run.
    names : tuple of str
        Names; none for all.

    Returns
    -------
    tuple of str
        In the order asked for, each once.

    Raises
    ------
    ConfigError
        If the run has no such segment; all problems at once.
    """
    problems = [
        f"The run has no segment {name!r}.{did_you_mean(name, run.segments)} It has: {', '.join(run.segments)}."
        for name in names
        if name not in run.segments
    ]
    if problems:
        raise ConfigError(problems)
    return tuple(dict.fromkeys(names)) or run.segments


def segment_frame(run: PublishedRun, name: str) -> pl.DataFrame:
    """Return a segment as it was published, with types.

    Parameters
    ----------
    run : PublishedRun
        The run.
    name : str
        One of its segments.

    Returns
    -------
    pl.DataFrame
        ``customer_id``, ``why_here`` and the columns of its file; customers held out of campaigns are still there.
    """
    path = run.folder / "segments" / f"{name}.csv"
    listed = pl.read_csv(path, infer_schema=False)
    # The file has an apostrophe before an id that a spreadsheet would run: ids are compared as they are written there.
    ids = run.scores.select("customer_id").with_columns(harmless(pl.col("customer_id")).alias("_written"))
    named = listed.rename({"customer_id": "_written"}).join(ids, on="_written", how="left", maintain_order="left")
    others = [column for column in listed.columns if column in run.scores.columns and column != "customer_id"]
    typed = named.drop(others).join(
        run.scores.select("customer_id", *others), on="customer_id", how="left", maintain_order="left"
    )
    return typed.select(listed.columns)


def audience(run: PublishedRun, name: str) -> pl.DataFrame:
    """Return the people of a segment who are to be contacted, with their scores.

    Parameters
    ----------
    run : PublishedRun
        The run.
    name : str
        One of its segments.

    Returns
    -------
    pl.DataFrame
        All columns of the scores, and ``value``: what each is expected to spend. Who is held out is not in it.
    """
    members = segment_frame(run, name)
    if HOLDOUT in members.columns:
        held = pl.col(HOLDOUT).cast(pl.String).str.to_lowercase().is_in(["true", "1"])
        members = members.filter(~held.fill_null(value=False))
    people = run.scores.join(members.select("customer_id"), on="customer_id", how="semi")
    return people.with_columns(pl.col(run.value_column).alias(VALUE))
