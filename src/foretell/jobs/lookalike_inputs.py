"""Where the seeds and the pool of a lookalike run come from: files, the shop's orders, a rule over its scores."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError

from foretell.bundles.registry import Registry
from foretell.config.settings import Settings
from foretell.delivery.rule_columns import rule_frame
from foretell.delivery.uploads.hashing import digests
from foretell.engines.frame import score_frame
from foretell.errors import ColumnMismatch, ConfigError, did_you_mean
from foretell.features.compute import compute
from foretell.features.fit_statistics import fit_statistics
from foretell.jobs.inputs import cutoff_of, read_shop
from foretell.jobs.privacy import forgotten_ids
from foretell.jobs.seed_files import EMAIL, CustomerList, normalised, read_list
from foretell.scoring.schema import score_columns
from foretell.storage.hashing import sha256_bytes, sha256_file
from foretell.tables.dataset import CustomerData
from foretell.tables.erasure import is_named
from foretell.tables.keyed_file import keyed_file_columns, read_keyed_file
from foretell.training.audience_profile import is_sensitive
from foretell.windows import as_cutoff

_KEY = "customer_id"


@dataclass(frozen=True, eq=False)
class Base:
    """Everything that is learnt from and ranked.

    Parameters
    ----------
    frame : polars.DataFrame
        Pool and seeds, one row each.
    key : str
        Column of the customers.
    in_pool : ndarray of bool, shape (rows,)
        False for seeds that the pool does not hold and that brought their own columns.
    seeds : polars.DataFrame
        Keys of the seeds, with their weights.
    rule_columns : tuple of str
        Columns of the frame that chose the seeds.
    given : int
        Different seeds given.
    unmatched : polars.DataFrame
        ``row_number``, ``seed``.
    matched_by : str
        How seeds were found.
    as_of : datetime
        First instant that was not seen.
    inputs : mapping of str to str
        Fingerprints.
    is_of_shop : bool
        Whether the frame holds foretell's features of the shop's customers.
    """

    frame: pl.DataFrame
    key: str
    in_pool: npt.NDArray[np.bool_]
    seeds: pl.DataFrame
    rule_columns: tuple[str, ...]
    given: int
    unmatched: pl.DataFrame
    matched_by: str
    as_of: datetime
    inputs: Mapping[str, str]
    is_of_shop: bool = False


def read_base(settings: Settings, as_of: date | datetime | str | None) -> Base:
    """Read the pool and the seeds.

    Parameters
    ----------
    settings : Settings
        Section ``lookalike``, and where the orders are.
    as_of : date, datetime, str or None
        First instant that is not seen.

    Returns
    -------
    Base

    Raises
    ------
    ConfigError
        If a pool comes without a date, or the rule is no condition over the scores.
    ColumnMismatch, DataError, ModelNotFound, WindowError
        As the rooms raise them.
    """
    asked = settings.lookalike
    if asked.pool is not None and asked.seed_rule is None and not _is_list(settings):
        if as_of is None:
            problem = "A pool of its own has no last day: say by --as-of what day it is from, as in --as-of 2026-11-01."
            raise ConfigError([problem])
        return _from_files(settings, as_cutoff(as_of))
    data = read_shop(settings)
    cutoff = cutoff_of(data, as_of)
    inputs = {"orders": data.before(cutoff).fingerprint()}
    if asked.seed_rule is not None:
        return _by_rule(settings, data, cutoff, inputs)
    frame = _customers(settings, data, cutoff)
    listed = _told(read_list(_path(asked.seeds), frame, _KEY, what="seeds"), forgotten_ids(settings))
    inputs |= {"seeds": sha256_file(_path(asked.seeds)), **_exclusions(settings), **_pool_file(settings)}
    in_pool = _listed_in_pool(settings, frame)
    counts = _counts(listed, _KEY)
    return Base(frame, _KEY, in_pool, listed.rows, (), *counts, listed.matched_by, cutoff, inputs, is_of_shop=True)


def _customers(settings: Settings, data: CustomerData, cutoff: datetime) -> pl.DataFrame:
    """Features of the shop's customers; addresses to match by, and what is audited, from the customers table."""
    frame = compute(data, cutoff, fit_statistics(data, cutoff)).collect()
    table = data.before(cutoff).optional.customers
    if table is None:
        return frame
    beside = [
        name
        for name in table.collect_schema().names()
        if name not in frame.columns and (name == EMAIL or is_sensitive(name, settings.lookalike.sensitive))
    ]
    known = table.select(_KEY, *beside).unique(_KEY, keep="first", maintain_order=True).collect()
    return frame.join(known, on=_KEY, how="left", maintain_order="left")


def _is_list(settings: Settings) -> bool:
    """Whether the pool names people and tells nothing of them: then they are customers of the shop."""
    asked = settings.lookalike
    if asked.pool is None or settings.data.orders is None:
        return False
    return not set(keyed_file_columns(asked.pool, table="pool")) - {asked.key, _KEY, EMAIL}


def _listed_in_pool(settings: Settings, frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Say who of the customers is in the pool; everybody is where it is no list."""
    pool = settings.lookalike.pool
    if pool is None or not _is_list(settings):
        return np.ones(frame.height, dtype=np.bool_)
    named = read_list(pool, frame, _KEY, what="pool").rows.get_column(_KEY)
    inside = frame.get_column(_KEY).is_in(named.implode()).to_numpy()
    if not inside.any():
        message = (
            "The pool lists people and tells nothing of them, and none of them is a customer of the shop. Remedy: keys "
            "or e-mails of customers, or a pool with columns to rank by."
        )
        raise ColumnMismatch(message)
    return inside


def _pool_file(settings: Settings) -> dict[str, str]:
    pool = settings.lookalike.pool
    return {} if pool is None else {"pool": sha256_file(pool)}


def _from_files(settings: Settings, cutoff: datetime) -> Base:
    asked = settings.lookalike
    forgotten = forgotten_ids(settings)
    whole = _read_pool(settings)
    gone = is_named(asked.key, forgotten) if asked.key in whole.columns else pl.lit(value=False)
    pool = whole.filter(~gone)
    named = [forgotten]
    if EMAIL in whole.columns:
        # A list of addresses names them too, and what is not found of it is written down as hashes.
        named.append(digests(normalised(whole.filter(gone).get_column(EMAIL))).drop_nulls())
    listed = _told(read_list(_path(asked.seeds), pool, asked.key, what="seeds"), *named)
    inputs = {"pool": sha256_file(_path(asked.pool)), "seeds": sha256_file(_path(asked.seeds)), **_exclusions(settings)}
    frame, seeds, in_pool = pool, listed.rows, np.ones(pool.height, dtype=np.bool_)
    given, unmatched = _counts(listed, asked.key)
    brought = _with_own_columns(settings, pool, unmatched)
    if brought is not None:
        shared = [name for name in pool.columns if name in brought.columns]
        frame = pl.concat([pool.select(shared), brought.select(shared)], how="vertical_relaxed")
        in_pool = np.arange(frame.height) < pool.height
        seeds = pl.concat([seeds, brought], how="diagonal_relaxed")
        unmatched = unmatched.clear()
    return Base(frame, asked.key, in_pool, seeds, (), given, unmatched, listed.matched_by, cutoff, inputs)


def _with_own_columns(settings: Settings, pool: pl.DataFrame, unmatched: pl.DataFrame) -> pl.DataFrame | None:
    """Seeds that are not in the pool but whose file holds its columns: they can be learnt from all the same."""
    asked = settings.lookalike
    rows = read_keyed_file(_path(asked.seeds), table="seeds", texts=(asked.key, EMAIL))
    own = {asked.key, EMAIL, asked.weights}
    if asked.key not in rows.columns or not (set(rows.columns) & set(pool.columns)) - own or unmatched.is_empty():
        return None
    absent = rows.with_row_index("row_number", offset=1).filter(
        pl.col("row_number").is_in(unmatched["row_number"].cast(pl.UInt32).implode()), pl.col(asked.key).is_not_null()
    )
    return absent.drop("row_number").unique(asked.key, keep="first", maintain_order=True)


def _by_rule(settings: Settings, data: CustomerData, cutoff: datetime, inputs: dict[str, str]) -> Base:
    asked = settings.lookalike
    stored = Registry(settings.folders.models).load("champion")
    scores = score_frame(data, stored, cutoff, explained_customers=0).scores.lazy().collect()
    horizons = stored.bundle.horizons
    rows = rule_frame(scores, score_columns(horizons), as_of=cutoff, horizons=horizons)
    rule, named = _condition(str(asked.seed_rule), rows)
    chosen = rows.filter(rule)
    seeds = chosen.select(_KEY, *([asked.weights] if asked.weights in rows.columns else []))
    inputs |= {"model": stored.version, "rule": sha256_bytes(str(asked.seed_rule).encode()), **_exclusions(settings)}
    inputs |= _pool_file(settings)
    if asked.pool is None or _is_list(settings):
        key, pool = _KEY, _customers(settings, data, cutoff)
        in_pool = _listed_in_pool(settings, pool)
    else:
        key, pool = asked.key, _read_pool(settings)
        pool = pool.filter(~is_named(asked.key, forgotten_ids(settings)))
        in_pool = np.ones(pool.height, dtype=np.bool_)
    # The rule's columns come along, so that their near copies are found.
    told = rows.select(_KEY, *(name for name in named if name not in pool.columns)).rename({_KEY: key})
    frame = pool.join(told, on=key, how="left", maintain_order="left")
    known = seeds.get_column(_KEY).is_in(frame.get_column(key).cast(pl.String).implode())
    unmatched = seeds.with_row_index("row_number", offset=1).filter(~known)
    found = seeds.filter(known).rename({_KEY: key})
    lost = unmatched.select(pl.col("row_number").cast(pl.Int64), pl.col(_KEY).alias("seed"))
    of_shop = asked.pool is None or _is_list(settings)
    return Base(
        frame, key, in_pool, found, tuple(named), seeds.height, lost, "rule", cutoff, inputs, is_of_shop=of_shop
    )


def _told(listed: CustomerList, *forgotten: pl.Series) -> CustomerList:
    """Leave those who are to be forgotten out of what is said of seeds that were not found."""
    gone = is_named("seed", pl.concat([ids.alias("seed") for ids in forgotten]))
    return replace(listed, unmatched=listed.unmatched.filter(~gone))


def _condition(text: str, rows: pl.DataFrame) -> tuple[pl.Expr, list[str]]:
    try:
        rule = pl.sql_expr(text)
        named = list(dict.fromkeys(rule.meta.root_names()))
    except PolarsError:
        raise ConfigError([f"lookalike.seed_rule: {text!r} is no SQL condition."]) from None
    unknown = [name for name in named if name not in rows.columns]
    if unknown:
        raise ConfigError(
            [f"lookalike.seed_rule: there is no score {name!r}.{did_you_mean(name, rows.columns)}" for name in unknown]
        )
    try:
        fits = rows.head(0).select(rule).to_series().dtype == pl.Boolean
    except PolarsError:
        fits = False
    if not fits:
        raise ConfigError([f"lookalike.seed_rule: {text!r} is no condition: it gives no true or false."])
    return rule, named


def _read_pool(settings: Settings) -> pl.DataFrame:
    return read_keyed_file(_path(settings.lookalike.pool), table="pool", texts=(settings.lookalike.key, EMAIL))


def _exclusions(settings: Settings) -> dict[str, str]:
    path = settings.lookalike.exclude
    return {"exclude": sha256_file(path)} if path is not None and path.is_file() else {}


def _counts(listed: CustomerList, key: str) -> tuple[int, pl.DataFrame]:
    """Different seeds given, and those not found; a seed without a name is not found either."""
    return listed.rows.get_column(key).n_unique() + listed.unmatched.get_column("seed").n_unique(), listed.unmatched


def _path(path: Any) -> Path:
    return Path(path)
