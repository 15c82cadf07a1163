"""Lookalike: seeds and a pool to a ranking with reasons and its record, published whole."""

import warnings
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from foretell.config.audience_settings import LookalikeSettings, audience_size
from foretell.config.settings import Settings
from foretell.delivery.lookalike_publish import publish_lookalikes
from foretell.delivery.lookalike_run import LOOKALIKE_COLUMNS, LookalikeRun, SeedFacts
from foretell.errors import ConfigError, ForetellWarning
from foretell.jobs.feature_phrases import in_words
from foretell.jobs.lookalike_inputs import Base, read_base
from foretell.jobs.output import held_output
from foretell.jobs.run_log import RunLog
from foretell.jobs.seed_files import read_list
from foretell.scoring.schema import REASONS
from foretell.training.audience_profile import is_sensitive, share_audit
from foretell.training.lookalike import Lookalike
from foretell.training.recipes import spare_threads
from foretell.training.seeds import require_found

_METHODS = {
    "blend": "the blended ranks of similarity, logistic regression and bagged trees",
    "similarity": "similarity to the seeds",
    "logistic": "a regularised logistic regression",
    "pu_bagging": "bagged trees, seeds against draws of everybody else",
}


@dataclass(frozen=True)
class LookalikeResult:
    """What a lookalike run wrote.

    Parameters
    ----------
    folder : Path or None
        The published folder; None on a dry run.
    changed : bool
        False if the same result was there already.
    files : tuple of str
        Files in the folder.
    run : LookalikeRun
        What was found.
    """

    folder: Path | None
    changed: bool
    files: tuple[str, ...]
    run: LookalikeRun

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        run, seeds = self.run, self.run.seeds
        lines = [
            f"Ranked {run.ranking.height:,} customers as of {run.as_of} by {run.method}",
            f"Seeds: {seeds.matched:,} of {seeds.given:,} found by {seeds.matched_by}",
            f"Audience: the {run.audience.height:,} most alike",
        ]
        lines += [
            f"  top {100 * row[0]:.0f} %: {100 * row[1]:.0f} % of held-out seeds, {row[2]:.1f} times chance "
            f"({row[3]:.1f} to {row[4]:.1f})"
            for row in run.reach.select("top_share", "recall", "lift", "lift_low", "lift_high").rows()
        ]
        if self.folder is None:
            return [*lines, "Dry run: nothing was written."]
        here = Path.cwd()
        shown = self.folder.relative_to(here) if self.folder.is_relative_to(here) else self.folder
        if not self.changed:
            return [*lines, f"Nothing changed: {shown} already holds this result."]
        return [*lines, f"Wrote {len(self.files)} files to {shown}:", *(f"  {name}" for name in self.files)]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "as_of": self.run.as_of.isoformat(),
            "audience": self.run.audience.height,
            "changed": self.changed,
            "customers": self.run.ranking.height,
            "files": list(self.files),
            "folder": None if self.folder is None else str(self.folder),
            "left_out": dict(self.run.left_out),
            "method": self.run.method,
            "notes": list(self.run.notes),
            "reach": self.run.reach.to_dicts(),
            "seeds": vars(self.run.seeds),
        }


def lookalike(
    settings: Settings, *, as_of: date | datetime | str | None = None, force: bool = False, dry_run: bool = False
) -> LookalikeResult:
    """Rank a pool, or the shop's customers, by resemblance to seeds, and publish the result.

    Parameters
    ----------
    settings : Settings
        Section ``lookalike`` says who the seeds are and whom to rank.
    as_of : date, datetime, str or None
        First instant that is not seen; None is the end of the shop's data.
    force : bool
        Publish again even if the same result is there.
    dry_run : bool
        Read and rank, and write nothing.

    Returns
    -------
    LookalikeResult
        The folder, its files, and what was found.

    Raises
    ------
    ConfigError
        If there are no seeds, or two kinds of them; if a pool comes without a date.
    TooFewSeeds
        If fewer than 10 seeds are found.
    ColumnMismatch, DataError, FitError, LeakageError, ModelNotFound, OutputError, LockHeld
        As the rooms raise them; what was published before is untouched.
    """
    log, asked = RunLog(), settings.lookalike
    _require_one_kind_of_seeds(asked)
    base = log.timed("read", lambda: read_base(settings, as_of))
    model = Lookalike(
        seed=settings.training.seed, allow=asked.allow, sensitive=asked.sensitive, threads=spare_threads()
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ForetellWarning)  # noqa: TID251  nothing is silenced: what is said is kept
        require_found(base.seeds.height, base.given)
        log.timed(
            "fit",
            lambda: model.fit(
                base.frame, base.seeds, key=base.key, weights=asked.weights, rule_columns=base.rule_columns
            ),
        )
    for each in said:
        warnings.warn(str(each.message), each.category, stacklevel=2)
    notes = tuple(" ".join(str(each.message).split()) for each in said)
    run = log.timed("score", lambda: _ranked(settings, base, model, notes, log))
    if dry_run:
        return LookalikeResult(None, False, (), run)
    with held_output(settings.folders.output):
        published = log.timed("publish", lambda: publish_lookalikes(run, settings.folders.output, force=force))
    return LookalikeResult(published.path, published.changed, published.files, run)


def _require_one_kind_of_seeds(asked: LookalikeSettings) -> None:
    if (asked.seeds is None) == (asked.seed_rule is None):
        named = "neither" if asked.seeds is None else "both"
        problem = (
            f"lookalike.seeds and lookalike.seed_rule: {named} is given. Remedy: --seeds FILE, or --seed-rule RULE."
        )
        raise ConfigError([problem])


def _ranked(settings: Settings, base: Base, model: Lookalike, notes: tuple[str, ...], log: RunLog) -> LookalikeRun:
    asked = settings.lookalike
    excluded = pl.Series("customer_id", [], dtype=pl.String)
    if asked.exclude is not None:
        found = read_list(asked.exclude, base.frame, base.key, what="exclusions")
        excluded = found.rows.get_column(base.key).cast(pl.String)
        if not excluded.len():
            notes = (*notes, "None of the exclusions is in the pool.")
    pool = base.frame.filter(pl.Series(base.in_pool))
    scored = model.score(pool, exclude=excluded)
    names = base.frame.columns if base.is_of_shop else []
    ranking = (
        scored.with_columns(in_words(scored.get_column(reason), names) for reason in REASONS)
        .sort(["lookalike_score", "customer_id"], descending=[True, False])
        .select([column.name for column in LOOKALIKE_COLUMNS])
    )
    size = audience_size(asked.size)
    members = min(size if isinstance(size, int) else max(round(size * ranking.height), 1), ranking.height)
    audience = ranking.head(members).get_column("customer_id")
    keys = base.frame.get_column(base.key).cast(pl.String)
    profile = model.profile(pool, audience)
    told = [in_words(profile.get_column(name), names) for name in ("condition", "words")]
    audited = [name for name in base.frame.columns if name != base.key and is_sensitive(name, asked.sensitive)]
    audit = share_audit(
        base.frame,
        audited,
        seeds=keys.is_in(model.seed_keys_.implode()).to_numpy(),
        audience=keys.is_in(audience.implode()).to_numpy(),
        pool=base.in_pool,
    )
    return LookalikeRun(
        shop=settings.shop.name,
        as_of=base.as_of,
        ranking=ranking,
        audience_size=members,
        reach=model.reach_,
        profile=profile.with_columns(told),
        audit=audit,
        unmatched=base.unmatched,
        seeds=SeedFacts(
            base.given,
            model.matched_,
            model.duplicates_,
            base.matched_by,
            round(model.effective_seeds_, 6),
            model.capped_weights_,
            str(model.seed_rule_),
        ),
        method=_METHODS[model.chosen_],
        features=model.features_,
        left_out=model.left_out_,
        evaluation=model.evaluation_,
        notes=notes,
        inputs=base.inputs,
        options={
            "allow": list(asked.allow),
            "seed": settings.training.seed,
            "seed_rule": asked.seed_rule,
            "sensitive": list(asked.sensitive),
            "shop": settings.shop.name,
            "size": str(asked.size),
            "weights": asked.weights,
        },
        circumstances=log.circumstances(),
    )
