"""The last published run before this one: what its folder says of its segments."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import polars as pl
from polars.exceptions import PolarsError

from foretell.delivery.manifest import RUN_NAME, read_manifest
from foretell.delivery.rule_columns import rule_frame
from foretell.engines.stored_scores import StoredScores
from foretell.scoring.schema import score_columns
from foretell.storage.hashing import sha256_file
from foretell.tables.erasure import is_named
from foretell.windows import Horizons, as_cutoff

MEMBERS_NAME = "segment_members.parquet"
MEMBER_PREFIX = "segment: "
HAS_ORDERED_NAME = "has_ordered"


@dataclass(frozen=True, eq=False, repr=False)
class Previous:
    """An earlier run of the same shop.

    Parameters
    ----------
    as_of : datetime
        First instant that it did not see.
    content : str
        Hash of its files, as in its manifest.
    horizons : Horizons
        How far its answers looked ahead.
    scores : pl.DataFrame or StoredScores
        Its scores; those of a published folder stay on disk until they are asked for.
    members : pl.DataFrame
        Its ``segment_members.parquet``.
    rules : mapping of str to str
        Name of each of its segments to the rule.
    """

    as_of: datetime
    content: str
    horizons: Horizons
    scores: pl.DataFrame | StoredScores
    members: pl.DataFrame
    rules: Mapping[str, str] = field(default_factory=dict)

    def without(self, ids: pl.Series) -> Self:
        """Return the run as if some people had never been in it.

        Parameters
        ----------
        ids : polars.Series
            Customer ids, as text.

        Returns
        -------
        Previous
        """
        if ids.is_empty():
            return self
        gone = is_named("customer_id", ids)
        return replace(self, scores=self.scores.lazy().filter(~gone).collect(), members=self.members.filter(~gone))

    def rule_frame(self, ranked: Sequence[str] = ()) -> pl.DataFrame:
        """Return its rule frame, row by row those of `members`.

        Parameters
        ----------
        ranked : sequence of str
            Ranks wanted, such as ``avg_order_value_percentile``.

        Returns
        -------
        pl.DataFrame
            As from `foretell.delivery.rule_columns.rule_frame`.
        """
        features = self.members.select(pl.exclude(f"^{MEMBER_PREFIX}.*$"))
        customers = features.filter(pl.col(HAS_ORDERED_NAME)).drop(HAS_ORDERED_NAME)
        prospects = features.filter(~pl.col(HAS_ORDERED_NAME)).drop(HAS_ORDERED_NAME)
        return rule_frame(
            self.scores.lazy().collect(),
            score_columns(self.horizons),
            as_of=self.as_of,
            horizons=self.horizons,
            features=customers,
            ranked=ranked,
            prospects=prospects if prospects.height else None,
        )


def find_previous(output_folder: Path, as_of: datetime) -> Previous | None:
    """Read the newest run of an output folder that is older than a day.

    Parameters
    ----------
    output_folder : Path
        Where dated folders live; it may be absent.
    as_of : datetime
        The run that is compared with it.

    Returns
    -------
    Previous or None
        None where there is none that can be read and is as its manifest says.
    """
    if not output_folder.is_dir():
        return None
    found = []
    for folder in output_folder.iterdir():
        manifest = read_manifest(folder) if folder.is_dir() and not folder.name.startswith(".") else None
        text = None if manifest is None else manifest.get("as_of")
        if manifest is not None and isinstance(text, str) and text < as_of.isoformat() and "segments" in manifest:
            found.append((text, folder.name, folder, manifest))
    for _, _, folder, manifest in sorted(found, key=lambda one: one[:2], reverse=True):
        previous = _read(folder, manifest)
        if previous is not None:
            return previous
    return None


def _read(folder: Path, manifest: Mapping[str, Any]) -> Previous | None:
    try:
        listed = {file["name"]: file["sha256"] for file in manifest["files"]}
        if any(sha256_file(folder / name) != listed[name] for name in ("scores.parquet", MEMBERS_NAME)):
            return None
        facts = json.loads((folder / RUN_NAME).read_bytes())
        return Previous(
            as_of=as_cutoff(str(manifest["as_of"])),
            content=str(manifest["content"]),
            horizons=Horizons(**facts["horizons"]),
            scores=StoredScores.of([folder / "scores.parquet"]),
            members=pl.read_parquet(folder / MEMBERS_NAME),
            rules={str(one["name"]): str(one["rule"]) for one in manifest["segments"]},
        )
    except (OSError, KeyError, TypeError, ValueError, PolarsError):
        return None
