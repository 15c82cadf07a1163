"""What customers of simulated shops are told: how often a reason is of each family, with and without planted signal.

The simulator plants what orders do not tell in carts, in the category that is bought most and in messages. With the
signals it should be found among the reasons, in favour of those who have it; without them nothing should.

Run: ``python tests/bench/bench_reasons.py [customers …]``; prints Markdown for docs/benchmarks.md.
"""

import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime

from measure import machine
from told_reasons import PLANTED, Told, told_reasons

from foretell.features.catalogue import FAMILY_NAMES
from foretell.tables.simulate import simulate
from foretell.training.boosted_recipe import BoostedRecipe
from foretell.windows import Horizons

AS_OF = datetime(2025, 9, 1)
SEEDS = (1, 2, 3)
SIZES = (1_500, 4_000, 12_000)


def shop(customers: int, seed: int, planted: Sequence[str] | str) -> Told:
    """Simulate a shop, train the boosted rung on it and explain all of its customers."""
    data, truth = simulate(customers=customers, seed=seed, tables="all", planted=planted)
    bundle = BoostedRecipe().fit(data, AS_OF, Horizons())
    return told_reasons(data, truth, bundle, AS_OF)


def spread(values: Sequence[float]) -> str:
    """Mean in per cent, lowest and highest."""
    return f"{100 * sum(values) / len(values):.1f} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def lines(customers: int) -> Iterator[str]:
    """Yield the tables of one size of shop."""
    begin = time.process_time()
    with_signal = [shop(customers, seed, "all") for seed in SEEDS]
    without = [shop(customers, seed, ()) for seed in SEEDS]
    seconds = (time.process_time() - begin) / (2 * len(SEEDS))
    yield f"\n**{customers:,} customers**, {len(SEEDS)} shops, {seconds:.0f} processor seconds each\n"
    yield "| family | reasons, % | movement, % | reasons without signal, % | movement without, % |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    rows = {}
    for family in FAMILY_NAMES:
        moved = [[_moved(each, family) for each in told] for told in (with_signal, without)]
        said = [[each.share_of_reasons(family) for each in told] for told in (with_signal, without)]
        rows[family] = [*said, *moved]
    for family, (said, said_without, moved, moved_without) in sorted(rows.items(), key=lambda row: -sum(row[1][2])):
        cells = (spread(each) for each in (said, moved, said_without, moved_without))
        yield f"| {family} | " + " | ".join(cells) + " |"
    yield "\n| signal | told to raise: active | told to raise: others | told to lower: active | told to lower: others |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for signal, family in PLANTED.items():
        cells = [
            spread([each.told_share(family, each.two_sides()[signal][side], raises=raises) for each in with_signal])
            for raises in (True, False)
            for side in (0, 1)
        ]
        yield f"| {signal} | " + " | ".join(cells) + " |"


def _moved(told: Told, family: str) -> float:
    found = told.weights.filter(family=family)["share"]
    return float(found[0]) if len(found) else 0.0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for size in [int(given) for given in sys.argv[1:]] or SIZES:
        for line in lines(size):
            print(line, flush=True)
    print("\n" + machine("polars", "lightgbm"))
