"""The model of first orders in a bundle, and its files: JSON, LightGBM's text for its trees, CSV for its record."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from foretell.models.state import damaged
from foretell.storage.hashing import canonical_json

if TYPE_CHECKING:
    from foretell.models.encoding import Encoding
    from foretell.models.event_blend import EventBlend
    from foretell.models.first_order_level import FirstOrderLevel
    from foretell.models.first_year_values import FirstYearValues

PROSPECTS = "prospects.json"
PROSPECTS_RECORD = "prospects_record.csv"
RECORD_SCHEMA: Mapping[str, Any] = {
    "cutoff": pl.String, "model": pl.String, "metric": pl.String,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip
"""Columns of the record: past performance of the model, of the base rate and of a plain rule."""

_NAME = "ProspectModel"
_FIELDS = {"days", "encoding", "blend", "values", "level"}
_MOST_TREES = 10
_MOST_DAYS = 10_000


@dataclass(frozen=True, eq=False)
class ProspectModel:
    """Who of those who never ordered will place a first order, and what that is worth.

    Parameters
    ----------
    days : int
        Horizon of the first order.
    encoding : Encoding
        Of the features; without any where everybody has the base rate.
    blend : EventBlend
        The probability.
    values : FirstYearValues or None
        Spend of newcomers by group; None without money.
    level : FirstOrderLevel
        How much likelier first orders are in one window than in others.
    record : polars.DataFrame
        Past performance, columns of `RECORD_SCHEMA`; empty if it was never judged.
    """

    days: int
    encoding: "Encoding"
    blend: "EventBlend"
    values: "FirstYearValues | None"
    level: "FirstOrderLevel"
    record: pl.DataFrame


def prospect_files(model: ProspectModel) -> dict[str, bytes]:
    """Return the files of the model.

    Parameters
    ----------
    model : ProspectModel
        The fitted values.

    Returns
    -------
    dict of str to bytes
        Name to content; equal models give equal bytes.
    """
    head = {
        "days": model.days,
        "encoding": model.encoding.to_dict(),
        "blend": model.blend.to_dict(),
        "values": None if model.values is None else model.values.to_dict(),
        "level": model.level.to_dict(),
    }
    trees = {_trees_file(place): each.to_text().encode() for place, each in enumerate(model.blend.boosters)}
    return {PROSPECTS: canonical_json(head), PROSPECTS_RECORD: model.record.write_csv().encode(), **trees}


def prospect_file_names(names: set[str]) -> set[str]:
    """Return which of some file names are those of a model of first orders.

    Parameters
    ----------
    names : set of str
        File names.

    Returns
    -------
    set of str
    """
    return names & {PROSPECTS, PROSPECTS_RECORD, *(_trees_file(place) for place in range(_MOST_TREES))}


def read_prospects(files: Mapping[str, bytes]) -> ProspectModel | None:
    """Rebuild the model from verified files; nothing of them is executed.

    Parameters
    ----------
    files : mapping of str to bytes
        Files of a bundle.

    Returns
    -------
    ProspectModel or None
        None where the bundle has none.

    Raises
    ------
    BundleError
        If the values are not those of a model of first orders.
    """
    names = prospect_file_names(set(files))
    if not names:
        return None
    if not {PROSPECTS, PROSPECTS_RECORD} <= names:
        raise damaged(_NAME, "files")
    from foretell.models.encoding import Encoding
    from foretell.models.event_blend import EventBlend
    from foretell.models.first_order_level import FirstOrderLevel
    from foretell.models.first_year_values import FirstYearValues

    head = json.loads(files[PROSPECTS])
    if set(head) != _FIELDS or type(head["days"]) is not int or not 1 <= head["days"] <= _MOST_DAYS:
        raise damaged(_NAME, "fields")
    encoding = Encoding.from_dict(head["encoding"])
    levels = [len(encoding.levels.get(name, ())) for name in encoding.features]
    trees = [files[_trees_file(place)].decode() for place in range(len(names) - 2)]
    return ProspectModel(
        days=head["days"],
        encoding=encoding,
        blend=EventBlend.from_dict(head["blend"], trees, levels),
        values=None if head["values"] is None else FirstYearValues.from_dict(head["values"]),
        level=FirstOrderLevel.from_dict(head["level"]),
        record=pl.read_csv(io.BytesIO(files[PROSPECTS_RECORD]), schema=dict(RECORD_SCHEMA)),
    )


def _trees_file(place: int) -> str:
    return f"prospects_trees_{place}.txt"
