"""The learned state of a lookalike as the files of its folder, and back."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from foretell.errors import BundleError
from foretell.models.boosting import Booster
from foretell.models.encoding import Encoding
from foretell.models.logistic import RidgeLogistic
from foretell.models.pu_bagging import MOST_BAGS, PUBagging
from foretell.models.similarity import SeedSimilarity
from foretell.models.state import is_finite
from foretell.storage.hashing import canonical_json
from foretell.training.audience_profile import AUDIT_SCHEMA
from foretell.training.conditions import Condition
from foretell.training.lookalike_candidates import CANDIDATES, METHODS, FittedLookalike, Method, Ranks, boosters_of
from foretell.training.lookalike_reach import EVALUATION_SCHEMA, REACH_SCHEMA
from foretell.training.lookalike_reasons import read_usual
from foretell.training.model_folder import NOT_A_STATE, damaged_folder
from foretell.training.seed_rule import MOST_CONDITIONS, SeedRule

if TYPE_CHECKING:
    from foretell.training.lookalike import Lookalike

Model = TypeVar("Model", bound="Lookalike")

KIND = "lookalike"
_HEAD = "lookalike.json"
_TABLES: dict[str, dict[str, Any]] = {
    "evaluation": EVALUATION_SCHEMA,
    "reach": REACH_SCHEMA,
    "audit": AUDIT_SCHEMA,
}
_COUNTS = ("given_", "matched_", "duplicates_", "capped_weights_", "clusters_")
_SETTINGS = ("seed", "features", "allow", "sensitive", "folds", "most_clusters")


def files_of(model: "Lookalike") -> dict[str, bytes]:
    """Return the files of a fitted lookalike; equal ones give equal bytes, and no identifier is in them.

    Parameters
    ----------
    model : Lookalike
        A fitted one.

    Returns
    -------
    dict of str to bytes
        Name to content, without the manifest.
    """
    fitted = model.fitted_
    settings = {name: getattr(model, name) for name in _SETTINGS}
    head = {
        "settings": {
            name: list(value) if isinstance(value, list | tuple) else value for name, value in settings.items()
        },
        "counts": {name: getattr(model, name) for name in _COUNTS},
        "effective_seeds": model.effective_seeds_,
        "key": model.key_,
        "left_out": model.left_out_,
        "usual": model.usual_,
        "encoding": model.encoding_.to_dict(),
        "chosen": fitted.chosen,
        "weights": dict(fitted.weights),
        "ranks": {name: [ranks.grid.tolist(), ranks.shares.tolist()] for name, ranks in fitted.ranks.items()},
        "linear": {
            name: part.to_dict()
            for name, part in fitted.models.items()
            if isinstance(part, SeedSimilarity | RidgeLogistic)
        },
        "boosters": len(boosters_of(fitted)),
        "seed_rule": {
            "conditions": [condition.to_dict() for condition in model.seed_rule_.conditions],
            "seeds_share": model.seed_rule_.seeds_share,
            "others_share": model.seed_rule_.others_share,
        },
    }
    files = {_HEAD: canonical_json(head)}
    files |= {f"{name}.csv": getattr(model, f"{name}_").write_csv().encode() for name in _TABLES}
    return files | {_booster(number): each.to_text().encode() for number, each in enumerate(boosters_of(fitted))}


def restore(model: Model, folder: Path, files: Mapping[str, bytes]) -> Model:
    """Fill a lookalike from the files of its folder.

    Parameters
    ----------
    model : Lookalike
        A new one; its threads stay.
    folder : Path
        Where the files are from, for the message.
    files : mapping of str to bytes
        Verified contents.

    Returns
    -------
    Lookalike
        The same, fitted.

    Raises
    ------
    BundleError
        If the values are not those of a lookalike.
    """
    try:
        head = json.loads(files[_HEAD])
        count = min(int(head["boosters"]), MOST_BAGS)
        wanted = {_HEAD, *(f"{name}.csv" for name in _TABLES), *(_booster(number) for number in range(count))}
        if set(files) != wanted:
            raise damaged_folder(folder, KIND, "its files are not those of a lookalike")
        settings = {name: head["settings"][name] for name in _SETTINGS}
        model.set_params(
            **{name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
        )
        model.encoding_ = Encoding.from_dict(head["encoding"])
        model.features_ = model.encoding_.features
        model.key_ = str(head["key"])
        model.left_out_ = {str(name): str(why) for name, why in head["left_out"].items()}
        model.usual_ = read_usual(head["usual"])
        for name in _COUNTS:
            setattr(model, name, int(head["counts"][name]))
        model.effective_seeds_ = _number(head["effective_seeds"])
        rule = head["seed_rule"]
        model.seed_rule_ = SeedRule(
            tuple(Condition.from_dict(each) for each in rule["conditions"][:MOST_CONDITIONS]),
            _number(rule["seeds_share"]),
            _number(rule["others_share"]),
        )
        for name, schema in _TABLES.items():
            setattr(model, f"{name}_", pl.read_csv(io.BytesIO(files[f"{name}.csv"]), schema=schema))
        model.fitted_ = _fitted(head, [files[_booster(number)] for number in range(count)], model)
        model.chosen_ = model.fitted_.chosen
    except BundleError:
        raise
    except NOT_A_STATE as error:
        raise damaged_folder(folder, KIND, f"its values are not a lookalike's ({type(error).__name__})") from error
    return model


def _fitted(head: Mapping[str, Any], texts: list[bytes], model: "Lookalike") -> FittedLookalike:
    levels = tuple(len(model.encoding_.levels.get(name, ())) for name in model.features_)
    weights: dict[Method, float] = {name: _number(head["weights"][name]) for name in METHODS if name in head["weights"]}
    models: dict[Method, SeedSimilarity | RidgeLogistic | PUBagging] = {}
    for name in weights:
        if name == "pu_bagging":
            bagging = PUBagging(model.encoding_.categorical, seed=model.seed, threads=model.threads)
            bagging.boosters = tuple(Booster.from_text(text.decode(), threads=model.threads) for text in texts)
            _require(bool(texts) and all(each.features == len(levels) for each in bagging.boosters))
            models[name] = bagging
        else:
            kind = SeedSimilarity if name == "similarity" else RidgeLogistic
            part = kind.from_dict(head["linear"][name])
            _require(part.levels == levels)
            models[name] = part
    ranks = {name: _ranks(*head["ranks"][name]) for name in weights}
    _require(bool(weights) and all(weight > 0 for weight in weights.values()))
    _require(bool(texts) == ("pu_bagging" in weights) and set(head["linear"]) == set(weights) - {"pu_bagging"})
    return FittedLookalike(next(name for name in CANDIDATES if name == head["chosen"]), weights, models, ranks)


def _ranks(grid: list[Any], shares: list[Any]) -> Ranks:
    found = Ranks(np.array([_number(value) for value in grid]), np.array([_number(value) for value in shares]))
    _require(found.grid.size == found.shares.size > 0 and bool((np.diff(found.grid) > 0).all()))
    return found


def _require(fits: bool) -> None:  # noqa: FBT001  one condition, raised where it does not hold
    if not fits:
        message = "parts that do not fit together"
        raise ValueError(message)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value


def _booster(number: int) -> str:
    return f"booster_{number:02}.txt"


def _number(value: Any) -> float:
    if not is_finite(value):
        message = "not a finite number"
        raise ValueError(message)
    return float(value)
