"""A refinement as files: JSON for its numbers, LightGBM's text for its trees."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from foretell.bundles.refinement import AMOUNTS, EVENTS, Refinement, Trees
from foretell.errors import BundleError
from foretell.models.state import damaged, is_finite
from foretell.storage.hashing import canonical_json

REFINEMENT = "refinement.json"
_NAME = "Refinement"
_NUMBERS = ("shift", "slope", "weight", "naive")


def refinement_files(refinement: Refinement) -> dict[str, bytes]:
    """Return the files of a refinement.

    Parameters
    ----------
    refinement : Refinement
        The fitted corrections.

    Returns
    -------
    dict of str to bytes
        Name to content: one JSON file, and one text file for the trees of each fold, draw and answer.
    """
    files = {
        _trees_file(name, place): booster.to_text().encode()
        for name, trees in refinement.trees.items()
        for place, booster in enumerate(trees.boosters)
    }
    values = {
        "inputs_days": refinement.inputs_days,
        "level": refinement.level.to_dict(),
        "timing_model": model_state(refinement.timing_model),
        "tail": refinement.tail.to_dict(),
        "ceiling": None if refinement.ceiling is None else refinement.ceiling.to_dict(),
        "hazard_shift": dict(refinement.hazard_shift),
        "encoding": None if refinement.encoding is None else refinement.encoding.to_dict(),
        "trees": {name: _trees_state(trees) for name, trees in refinement.trees.items()},
        "spend_orders_weight": refinement.spend_orders_weight,
        "dates": None if refinement.dates is None else refinement.dates.to_dict(),
        "spread": None if refinement.spread is None else refinement.spread.to_dict(),
    }
    return {REFINEMENT: canonical_json(values), **files}


def read_refinement(files: Mapping[str, bytes]) -> Refinement | None:
    """Rebuild a refinement from verified files; nothing of them is executed.

    Parameters
    ----------
    files : mapping of str to bytes
        Files of a bundle.

    Returns
    -------
    Refinement or None
        None where the bundle has none.

    Raises
    ------
    BundleError
        If the values are not those of a refinement.
    """
    if REFINEMENT not in files:
        if trees_files(set(files)):
            raise damaged(_NAME, "files of trees")
        return None
    from foretell.models.date_spread import DateSpread
    from foretell.models.encoding import Encoding
    from foretell.models.level import Level
    from foretell.models.spend_ceiling import SpendCeiling
    from foretell.models.spend_spread import SpendSpread
    from foretell.models.tail_pool import TailPool

    state = json.loads(files[REFINEMENT])
    encoding, spread, dates, ceiling = (state[name] for name in ("encoding", "spread", "dates", "ceiling"))
    if set(state["trees"]) != {*EVENTS, *AMOUNTS} or set(state["hazard_shift"]) != set(EVENTS):
        raise damaged(_NAME, "answers")
    found = Refinement(
        inputs_days=_whole(state["inputs_days"]),
        level=Level.from_dict(state["level"]),
        timing_model=read_purchase_model(state["timing_model"]),
        tail=TailPool.from_dict(state["tail"]),
        hazard_shift={name: _number(value) for name, value in state["hazard_shift"].items()},
        encoding=None if encoding is None else Encoding.from_dict(encoding),
        trees={name: _trees(name, value, files) for name, value in state["trees"].items()},
        spend_orders_weight=_number(state["spend_orders_weight"]),
        spread=None if spread is None else SpendSpread.from_dict(spread),
        ceiling=None if ceiling is None else SpendCeiling.from_dict(ceiling),
        dates=None if dates is None else DateSpread.from_dict(dates),
    )
    _require_sound(found, set(files))
    return found


def _require_sound(found: Refinement, names: set[str]) -> None:
    """Refuse trees that nothing would ask, or that could not be asked."""
    boosters = {
        _trees_file(name, place): booster
        for name, trees in found.trees.items()
        for place, booster in enumerate(trees.boosters)
    }
    if set(boosters) != trees_files(names):
        raise damaged(_NAME, "files of trees")
    columns = None if found.encoding is None else len(found.encoding.features)
    if any(booster.features != columns for booster in boosters.values()):
        raise damaged(_NAME, "encoding")
    if found.encoding is not None and not _in_order(found.encoding.features):
        raise damaged(_NAME, "encoding, whose features are in another order than they are made in")
    if not 1 <= found.inputs_days <= _MOST_DAYS:
        raise damaged(_NAME, "inputs_days")


def _in_order(features: tuple[str, ...]) -> bool:
    """Tell whether features stand as the catalogue has them: trees know columns by their place only."""
    from foretell.features.catalogue import catalogue

    places = {feature.name: place for place, feature in enumerate(catalogue())}
    known = [places[name] for name in features if name in places]
    return known == sorted(known)


def trees_files(names: set[str]) -> set[str]:
    """Return which of some file names are those of trees.

    Parameters
    ----------
    names : set of str
        File names.

    Returns
    -------
    set of str
    """
    known = {_trees_file(name, place) for name in (*EVENTS, *AMOUNTS) for place in range(_MOST_BOOSTERS)}
    return names & known


_MOST_BOOSTERS = 40
_MOST_DAYS = 10_000


def read_purchase_model(value: Mapping[str, Any]) -> Any:
    """Rebuild a purchase model from its name and state.

    Parameters
    ----------
    value : mapping
        ``model``, the class name, and ``state``.

    Returns
    -------
    MBGCNBD or ParetoNBD

    Raises
    ------
    BundleError
        If the class is unknown or the state damaged.
    """
    from foretell.models.cnbd import MBGCNBD
    from foretell.models.pareto_nbd import ParetoNBD

    kinds: dict[str, type[MBGCNBD | ParetoNBD]] = {"MBGCNBD": MBGCNBD, "ParetoNBD": ParetoNBD}
    if value["model"] not in kinds:
        msg = f"The bundle holds an unknown purchase model. Known: {', '.join(kinds)}."
        raise BundleError(msg)
    return kinds[value["model"]].from_dict(value["state"])


def model_state(model: Any) -> dict[str, Any]:
    """Return the name and the state of a purchase model.

    Parameters
    ----------
    model : MBGCNBD or ParetoNBD
        Fitted.

    Returns
    -------
    dict of str to object
        Read back by `read_purchase_model`.
    """
    return {"model": type(model).__name__, "state": model.to_dict()}


def _trees_state(trees: Trees) -> dict[str, Any]:
    state = asdict(trees, dict_factory=lambda items: {name: value for name, value in items if name != "boosters"})
    return {**state, "folds": len(trees.boosters)}


def _trees(name: str, value: Mapping[str, Any], files: Mapping[str, bytes]) -> Trees:
    from foretell.models.boosting import Booster

    if set(value) != {*_NUMBERS, "days", "why", "folds"} or not isinstance(value["why"], str):
        raise damaged(_NAME, f"trees.{name}")
    folds = _whole(value["folds"])
    if not 0 <= folds <= _MOST_BOOSTERS:
        raise damaged(_NAME, f"trees.{name}")
    boosters = tuple(Booster.from_text(files[_trees_file(name, place)].decode()) for place in range(folds))
    numbers = {key: _number(value[key]) for key in _NUMBERS}
    return Trees(**numbers, boosters=boosters, days=_whole(value["days"]), why=value["why"])


def _trees_file(name: str, place: int) -> str:
    return f"trees_{name}_{place}.txt"


def _whole(value: object) -> int:
    if type(value) is not int:
        raise damaged(_NAME, "numbers")
    return value


def _number(value: object) -> float:
    if not is_finite(value):
        raise damaged(_NAME, "numbers")
    return float(value)
