"""Gates: what must hold of a run, beside the last one and its own past, before its folder may appear."""

import math
from collections.abc import Iterator, Mapping

import polars as pl

from foretell.delivery.outcomes import GateLimits, Outcome
from foretell.delivery.profile import HISTORY, RunProfile, order_rows, scored
from foretell.delivery.run import Run
from foretell.evaluation.drift import Distribution, chance_distance
from foretell.scoring.activity import RECENT_DAYS

CHANCE = 1e-4
"""Chance alone refuses one run in so many, were two runs samples of their own; they share most customers."""

# What untouched shops move by a day, with room; a closed cohort that ages sets the first: docs/reliability.md.
_SCORES_PER_DAY, _HISTORY_PER_DAY, _ACTIVE_PER_DAY = 0.008, 0.002, 0.003
_MOVES_WITH_TIME = ("days_since_last_order",)
_SIGMAS = 3.0
# A feed may be two days late, and e^-12 is no chance.
_LATE_DAYS, _ORDERS_MISSED = 2, 12
_LEAST_MODEL_AGE_DAYS = 180
_ORDER_OF_GATES = (
    "input_age", "silence", "rows", "active_customers", "known_customers", "customers", "columns", "categories",
    "model_age", "level", "score_drift", "feature_drift",
)  # fmt: skip


def judge(run: Run, before: RunProfile | None, limits: GateLimits) -> tuple[Outcome, ...]:
    """Hold a run against the last one, the model's training and the shop's recent past.

    Parameters
    ----------
    run : Run
        A finished run.
    before : RunProfile or None
        The newest published run of an earlier cutoff.
    limits : GateLimits
        How far it may lie from them.

    Returns
    -------
    tuple of Outcome
        One of each gate, those that could not be judged too. No value in them belongs to a customer.
    """
    found = {
        outcome.gate: outcome
        for outcome in (
            _input_age(run, limits),
            _silence(run, limits),
            _rows(run, before, limits),
            _active(run, before, limits),
            _known_customers(run, before, limits),
            _customers(run),
            _columns(run),
            _categories(run, limits),
            _model_age(run, limits),
            _level(run, limits),
            _score_drift(run, before, limits),
            _feature_drift(run, limits),
        )
    }
    return tuple(found[name] for name in _ORDER_OF_GATES)


def _outcome(gate: str, value: float, limit: float, text: str, remedy: str) -> Outcome:
    passed = value <= limit
    return Outcome(gate, round(value, 6), round(limit, 6), passed, text, "" if passed else remedy)


def _skipped(gate: str, why: str) -> Outcome:
    return Outcome(gate, None, None, passed=True, text=f"not judged: {why}.")


def _input_age(run: Run, limits: GateLimits) -> Outcome:
    limit, newest = limits.max_input_age_days, run.newest_order_at
    if limit is None or newest is None:
        return _skipped("input_age", "scoring.max_input_age_days is not set" if limit is None else "no order is known")
    days = (run.as_of - newest).days
    return _outcome(
        "input_age", days, limit,
        f"the newest order is {days:,} days before as_of {run.as_of}; scoring.max_input_age_days allows {limit:,}.",
        "see why no newer orders arrived, or raise the limit.",
    )  # fmt: skip


def _silence(run: Run, limits: GateLimits) -> Outcome:
    gate, found = "silence", run.silence
    if found is None:
        return _skipped(gate, "nobody looked when orders came")
    # A shop so small that a pause may be chance has more time: until then so many orders would have come.
    by_chance = math.inf if not found.rows_per_day else _ORDERS_MISSED / found.rows_per_day
    by_rhythm = max(found.longest_days + _LATE_DAYS, by_chance)
    limit = by_rhythm if limits.max_silent_days is None else limits.max_silent_days
    return _outcome(
        gate, found.days, limit,
        f"nobody ordered in the last {found.days:,} days before as_of {run.as_of}; the longest pause that is usual is "
        f"{found.longest_days:,} days, {found.rows_per_day:,.1f} orders a day came before it, and {limit:,.1f} days "
        "are allowed.",
        "see why no newer orders arrived; if the shop was closed, raise gates.max_silent_days.",
    )  # fmt: skip


def _rows(run: Run, before: RunProfile | None, limits: GateLimits) -> Outcome:
    if before is None or limits.max_rows_fall is None:
        return _skipped("rows", _no_earlier(before))
    counted = [("rows", run.counts.used, before.rows_used)]
    if before.order_rows_used is not None:
        # Of a shop with many events, all orders can be missing in 5 % of its rows.
        counted.append(("rows of orders", order_rows(run, "used"), before.order_rows_used))
    fall, what, now, then = max(
        ((1 - now / max(then, 1), what, now, then) for what, now, then in counted), key=lambda found: found[0]
    )
    return _outcome(
        "rows", fall, limits.max_rows_fall,
        f"{now:,} {what} were used, {then:,} in the run of {before.as_of:%Y-%m-%d}: "
        f"{_fell(fall)}; gates.max_rows_fall allows {limits.max_rows_fall:.1%} less.",
        "see whether the files are cut off or one of them is missing.",
    )  # fmt: skip


def _active(run: Run, before: RunProfile | None, limits: GateLimits) -> Outcome:
    gate = "active_customers"
    if before is None or limits.max_active_fall is None:
        return _skipped(gate, _no_earlier(before))
    if run.activity is None or not before.active_customers:
        return _skipped(gate, "nobody was active then" if run.activity else "nobody counted them")
    now, then = run.activity.active_customers, before.active_customers
    fall = 1 - now / then
    limit = max(limits.max_active_fall, _SIGMAS / math.sqrt(then)) + _ACTIVE_PER_DAY * _days(run, before)
    return _outcome(
        gate, fall, limit,
        f"{now:,} customers bought within {run.activity.active_days} days, {then:,} in the run of "
        f"{before.as_of:%Y-%m-%d}: {_fell(fall)}; allowed is {limit:.1%} less.",
        "see whether the newest orders, a store or a country are missing; else raise gates.max_active_fall.",
    )  # fmt: skip


def _known_customers(run: Run, before: RunProfile | None, limits: GateLimits) -> Outcome:
    gate = "known_customers"
    if before is None or before.customer_ids is None or limits.max_customers_gone is None:
        return _skipped(gate, "switched off" if limits.max_customers_gone is None else _no_earlier(None))
    try:
        # Digests: ids of both runs as text would be the largest thing in memory.
        then, now = (ids.select(pl.col("customer_id").hash()).collect().to_series() for ids in (
            before.customer_ids, run.scores.lazy(),
        ))  # fmt: skip
    except (OSError, pl.exceptions.PolarsError):
        return _skipped(gate, "the scores of the earlier run cannot be read")
    gone = then.len() - int(then.is_in(now.implode()).sum())
    share = gone / max(then.len(), 1)
    limit = limits.max_customers_gone + _ACTIVE_PER_DAY * _days(run, before)
    return _outcome(
        gate, share, limit,
        f"{gone:,} of {then.len():,} customers of the run of {before.as_of:%Y-%m-%d} are gone ({share:.1%}); allowed "
        f"are {limit:.1%}.",
        "see whether customer ids are written in another way now, or customers are missing; if they were renamed on "
        "purpose, publish by --force.",
    )  # fmt: skip


def _customers(run: Run) -> Outcome:
    if run.activity is None:
        return _skipped("customers", "nobody counted them")
    difference = abs(run.activity.customers - run.scores.height)
    return _outcome(
        "customers", difference, 0,
        f"{run.activity.customers:,} customers have bought, {run.scores.height:,} are scored; they must be as many.",
        "this is a fault in foretell: please report it.",
    )  # fmt: skip


def _columns(run: Run) -> Outcome:
    if run.familiarity is None:
        return _skipped("columns", "the bundle does not say what training saw")
    changed = run.familiarity.changed_columns
    named = f" ({', '.join(changed)})" if changed else ""
    return _outcome(
        "columns", len(changed), 0,
        f"{len(changed)} columns of the orders are gone or of another type than in training{named}; none may be.",
        "see the source and its mapping in [data.orders], or train again.",
    )  # fmt: skip


def _categories(run: Run, limits: GateLimits) -> Outcome:
    gate, limit = "categories", limits.max_unseen_share
    if run.familiarity is None or limit is None:
        return _skipped(gate, "the bundle does not say what training saw" if limit is not None else "switched off")
    if not run.familiarity.unseen_shares:
        return _skipped(gate, "the orders have no column of categories")
    name, share = max(run.familiarity.unseen_shares.items(), key=lambda item: (item[1], item[0]))
    return _outcome(
        gate, share, limit,
        f"{share:.1%} of the newest rows have a value in {name} that training did not see; gates.max_unseen_share "
        f"allows {limit:.1%}.",
        f"see whether {name} is written in another way now; else train again.",
    )  # fmt: skip


def _model_age(run: Run, limits: GateLimits) -> Outcome:
    usual = max(run.horizons.clv_days, _LEAST_MODEL_AGE_DAYS)
    limit = usual if limits.max_model_age_days is None else limits.max_model_age_days
    days = (run.as_of - run.model.trained_as_of).days
    return _outcome(
        "model_age", days, limit,
        f"the model learnt from what was seen up to {run.model.trained_as_of:%Y-%m-%d}, {days:,} days before as_of; "
        f"allowed are {limit:,}.",
        "foretell train, on a schedule too; or raise gates.max_model_age_days.",
    )  # fmt: skip


def _level(run: Run, limits: GateLimits) -> Outcome:
    gate, ratio_limit = "level", limits.max_level_ratio
    if ratio_limit is None or run.activity is None or run.forecast.is_empty():
        return _skipped(gate, "switched off" if ratio_limit is None else "there is no forecast to compare")
    weeks = run.forecast.sort("week_starts_on").head(RECENT_DAYS // 7)
    days = int(weeks["days"].sum()) if "days" in weeks.columns else 7 * weeks.height
    expected = float(weeks["expected_orders"].sum()) / days * RECENT_DAYS
    recent = run.activity.recent_orders
    # Half an order keeps a month without any from being infinitely far off; Poisson noise on the log scale.
    distance = abs(math.log((expected + 0.5) / (recent + 0.5)))
    limit = math.log(ratio_limit) + _SIGMAS / math.sqrt(min(expected, recent) + 1)
    return _outcome(
        gate, math.exp(distance), math.exp(limit),
        f"{expected:,.0f} orders of known customers are expected in {RECENT_DAYS} days, {recent:,} came in the "
        f"last {RECENT_DAYS}; a factor of {math.exp(limit):.2f} either way is allowed.",
        "see whether the newest orders are missing or doubled; before a season that is known, raise "
        "gates.max_level_ratio.",
    )  # fmt: skip


def _score_drift(run: Run, before: RunProfile | None, limits: GateLimits) -> Outcome:
    gate, floor = "score_drift", limits.max_score_drift
    if before is None or floor is None:
        return _skipped(gate, _no_earlier(before))
    then = {name: before.distributions[name] for name in scored(run.horizons) if name in before.distributions}
    if not then:
        return _skipped(gate, "the earlier run answered other horizons")
    slopes = dict.fromkeys(then, _SCORES_PER_DAY)
    name, distance, limit = _furthest(run, then, floor, slopes, _days(run, before))
    other = "" if before.model_version == run.model.version else ", by another model"
    return _outcome(
        gate, distance, limit,
        f"{name} moved by {distance:.3f} (Kolmogorov-Smirnov) since the run of {before.as_of:%Y-%m-%d}{other}; "
        f"allowed are {limit:.3f}.",
        "compare the two runs' reports; if the model is new and right, or the shop changed, publish by --force.",
    )  # fmt: skip


def _feature_drift(run: Run, limits: GateLimits) -> Outcome:
    gate, floor = "feature_drift", limits.max_feature_drift
    if run.familiarity is None or floor is None:
        return _skipped(gate, "the bundle does not say what training saw" if floor is not None else "switched off")
    then = {name: run.familiarity.history[name] for name in HISTORY if name in run.familiarity.history}
    if not then:
        return _skipped(gate, "the bundle does not say what training saw")
    slopes = {name: _SCORES_PER_DAY if name in _MOVES_WITH_TIME else _HISTORY_PER_DAY for name in then}
    days = (run.as_of - run.model.trained_as_of).days
    name, distance, limit = _furthest(run, then, floor, slopes, days)
    return _outcome(
        gate, distance, limit,
        f"{name} lies {distance:.3f} (Kolmogorov-Smirnov) from what training saw {days:,} days before; allowed are "
        f"{limit:.3f}.",
        "see whether amounts or dates are written in another way now, or orders are missing; else train again.",
    )  # fmt: skip


def _furthest(
    run: Run, then: Mapping[str, Distribution], floor: float, per_day: Mapping[str, float], days: int
) -> tuple[str, float, float]:
    """Return the column that comes nearest to its limit or past it, its distance and its limit."""

    def judged() -> Iterator[tuple[float, str, float, float]]:
        for name, standing in then.items():
            values = run.scores.get_column(name)
            chance = chance_distance(standing.size, values.len(), level=CHANCE)
            limit = min(1.0, max(floor, chance) + per_day[name] * days)
            distance = standing.distance(values)
            yield distance / limit, name, distance, limit

    _, name, distance, limit = max(judged())
    return name, distance, limit


def _days(run: Run, before: RunProfile) -> int:
    return max((run.as_of - before.as_of).days, 1)


def _fell(fall: float) -> str:
    return f"{fall:.1%} less" if fall > 0 else f"{-fall:.1%} more"


def _no_earlier(before: RunProfile | None) -> str:
    return "no earlier run left a profile" if before is None else "switched off"
