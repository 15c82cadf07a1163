"""One recipe's answers to one case, remembered between runs: only what changed is fitted again."""

import hashlib
import json
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import polars as pl
from accuracy_cases import Case
from accuracy_metrics import Outcome, resampled

from foretell.errors import FitError
from foretell.evaluation.backtest import Recipe
from foretell.evaluation.predictions import Predictions, check_predictions
from foretell.evaluation.vectors import FloatArray

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
CACHE = REPOSITORY / ".cache" / "accuracy"
PEER_SOURCES = tuple(HERE / f"accuracy_{name}.py" for name in ("cases", "peers", "boosted_peer"))
OWN_SOURCES = (
    HERE / "accuracy_cases.py",
    HERE / "accuracy_foretell.py",
    *sorted((REPOSITORY / "src" / "foretell").rglob("*.py")),
)
JUDGING_SOURCES = (HERE / "accuracy_metrics.py", *sorted((REPOSITORY / "src/foretell/evaluation").glob("*.py")))
LIBRARIES = ("numpy", "scipy", "polars", "lightgbm", "lifetimes")


@dataclass(frozen=True, eq=False)
class Question:
    """A case with its rows read.

    Attributes
    ----------
    case : Case
    orders : polars.DataFrame
        Of the whole history.
    outcome : Outcome
    customers : polars.Series
        Everybody seen before the cutoff, sorted.
    """

    case: Case
    orders: pl.DataFrame
    outcome: Outcome
    customers: pl.Series

    @classmethod
    def of(cls, case: Case, orders: pl.DataFrame) -> "Question":
        """Look up the outcome."""
        frame = case.outcome(orders)
        return cls(case, orders, Outcome.of(frame, case.days), frame["customer_id"])


@dataclass(frozen=True, eq=False)
class Answered:
    """What a recipe said to a question.

    Attributes
    ----------
    name : str
        Of the recipe.
    given : Predictions or None
        None if it could not be fitted.
    seconds : float
        Wall time of the fit and the prediction, when they were made.
    why_not : str
        The error's text where it could not be fitted.
    key : str
        Hash of all that the answers follow from.
    """

    name: str
    given: Predictions | None
    seconds: float
    why_not: str = ""
    key: str = field(default="", repr=False)


def ask(recipe: Recipe, question: Question, sources: Iterable[Path], *, seed: int, fit: bool = True) -> Answered | None:
    """Return a recipe's answers, from the cache where nothing that they follow from has changed.

    Parameters
    ----------
    recipe : Recipe
        Who answers; its ``repr`` must tell it from others.
    question : Question
        What is asked.
    sources : iterable of Path
        Files that the answers follow from.
    seed : int
        Handed to the recipe.
    fit : bool
        Whether to fit where the cache has no answer.

    Returns
    -------
    Answered or None
        None if there is nothing in the cache and it may not be fitted.
    """
    past = question.case.past(question.orders)
    key = _key([past.fingerprint(), repr(question.case.horizons), repr(recipe), str(seed), *_versions()], sources)
    facts, frame = CACHE / f"{key}.json", CACHE / f"{key}.parquet"
    if not facts.exists():
        if not fit:
            return None
        CACHE.mkdir(parents=True, exist_ok=True)
        _remember(_fit(recipe, question, seed), facts, frame)
    known = json.loads(facts.read_text(encoding="utf-8"))
    answered = Answered(recipe.name, None, known["seconds"], known["why_not"], key)
    if answered.why_not:
        return answered
    return replace(answered, given=check_predictions(pl.read_parquet(frame), question.customers, rung=recipe.name))


def redraw(answered: Answered, question: Question, *, times: int, seed: int) -> dict[str, FloatArray]:
    """Return the compared metrics on resamples of the customers, from the cache where they were drawn before."""
    if answered.given is None:
        return {}
    path = CACHE / f"{_key([answered.key, str(times), str(seed)], JUDGING_SOURCES)}.npz"
    if not path.exists():
        drawn = resampled(question.outcome, answered.given, times=times, seed=seed)
        aside = path.with_suffix(f".{time.monotonic_ns()}.npz")
        np.savez(aside, **drawn)
        aside.replace(path)
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _fit(recipe: Recipe, question: Question, seed: int) -> tuple[pl.DataFrame | None, float, str]:
    case = question.case
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            frame = recipe.fit_predict(case.past(question.orders), case.as_of, case.horizons, seed)
        except FitError as error:
            return None, time.perf_counter() - start, str(error)
    seconds = time.perf_counter() - start
    check_predictions(frame, question.customers, rung=recipe.name)
    return frame, seconds, ""


def _remember(fitted: tuple[pl.DataFrame | None, float, str], facts: Path, frame: Path) -> None:
    answers, seconds, why_not = fitted
    mark = time.monotonic_ns()
    if answers is not None:
        aside = frame.with_suffix(f".{mark}.parquet")
        answers.write_parquet(aside)
        aside.replace(frame)
    aside = facts.with_suffix(f".{mark}.json")
    aside.write_text(json.dumps({"seconds": seconds, "why_not": why_not}), encoding="utf-8")
    aside.replace(facts)


def _key(texts: Iterable[str], sources: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for text in texts:
        total.update(text.encode() + b"\0")
    for path in sources:
        total.update(path.read_bytes() + b"\0")
    return total.hexdigest()[:24]


def _versions() -> list[str]:
    return [f"{name} {version(name)}" for name in LIBRARIES]
