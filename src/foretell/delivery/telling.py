"""Whom a segment holds, in words: its rule, what its ranks mean in today's values, and who is left out of it."""

from collections.abc import Sequence

import polars as pl

from foretell.delivery.compiled import CompiledSegment
from foretell.delivery.rule_columns import PERCENTILE
from foretell.delivery.rules.condition import Compare, Condition, Constant, Name, atoms
from foretell.delivery.rules.evaluate import at
from foretell.delivery.rules.phrases import Speech
from foretell.delivery.rules.words import sentence
from foretell.delivery.run import Run
from foretell.delivery.segment_defaults import default_order
from foretell.delivery.segments import direction
from foretell.delivery.stored_rule_rows import StoredRuleRows
from foretell.delivery.wording import percent, whole


def tell(
    compiled: CompiledSegment,
    run: Run,
    frame: pl.DataFrame | StoredRuleRows,
    speech: Speech,
    rivals: Sequence[CompiledSegment],
) -> str:
    """Tell whom a segment holds.

    Parameters
    ----------
    compiled : CompiledSegment
        The segment.
    run : Run
        Where its day comes from.
    frame : pl.DataFrame or StoredRuleRows
        The rule frame.
    speech : Speech
        Columns, horizons, currency.
    rivals : sequence of CompiledSegment
        All segments, itself among them.

    Returns
    -------
    str
        Whole sentences.
    """
    segment = compiled.segment
    told = [sentence(at(compiled.condition, run.as_of), speech), *_ranks_today(compiled.condition, frame, speech)]
    first = [
        rival.segment.name
        for rival in rivals
        if segment.exclusive
        and rival.segment.exclusive == segment.exclusive
        and (rival.segment.priority or 0) < (segment.priority or 0)
    ]
    if first:
        told.append(f"Whoever is in {', '.join(first)} is not in it.")
    if segment.people == "prospects":
        told.append("Only people without an order.")
    if segment.sample is not None:
        told.append(f"Of these {percent(segment.sample) if segment.sample < 1 else whole(segment.sample)} by lot.")
    if segment.limit is not None:
        order = [direction(entry) for entry in segment.order_by or default_order(segment, frame.columns)]
        ranked = ", then ".join(
            f"{speech.phrase(name)} ({'highest' if down else 'lowest'} first)" for name, down in order
        )
        told.append(f"Of these the first {segment.limit:,} by {ranked}.")
    if segment.holdout:
        told.append(f"{percent(segment.holdout)} of them, by lot, are held out.")
    return " ".join(told)


def _ranks_today(condition: Condition, frame: pl.DataFrame | StoredRuleRows, speech: Speech) -> list[str]:
    """Say in today's values where the ranks of a rule begin or end."""
    told = []
    for atom in atoms(condition):
        if not isinstance(atom, Compare) or not isinstance(atom.left, Name) or not isinstance(atom.right, Constant):
            continue
        name, number = atom.left.name, atom.right.value
        ranked = name.removesuffix(PERCENTILE)
        if not name.endswith(PERCENTILE) or ranked not in frame.columns or not isinstance(number, int | float):
            continue
        rank, value = frame.get_column(name), frame.get_column(ranked)
        above = atom.operator in (">", ">=")
        inside = (rank > number if atom.operator == ">" else rank >= number) if above else rank <= number
        values = value.filter(inside).drop_nulls()
        edge = values.min() if above else values.max()
        if isinstance(edge, int | float) and atom.operator not in ("=", "<>"):
            shown = speech.value(round(float(edge), 2), ranked)
            phrase = speech.phrase(name).removeprefix("the ")
            side, more = ("above", "or more") if above else ("up to", "or less")
            told.append(f"Today a {phrase} {side} {number:g} means {shown} {more}.")
    return told
