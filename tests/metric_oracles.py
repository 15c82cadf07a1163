"""Slow, obvious re-implementations of the metrics: plain loops over customers, each row one customer.

Rows that count several times are given several times. Nothing here imports foretell.
"""

import itertools
import math
import statistics


def repeated(weights, *columns):
    """Return the columns with each row as often as its whole weight says."""
    rows = [row for row, weight in zip(zip(*columns, strict=True), weights, strict=True) for _ in range(int(weight))]
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in columns]


def gain_area(actual, predicted):
    """Walk down the ranking, tie group by tie group, and sum trapezoids under the share of the total reached."""
    area, reached, passed = 0.0, 0.0, 0
    for value in sorted(set(predicted), reverse=True):
        group = [y for y, z in zip(actual, predicted, strict=True) if z == value]
        next_reached = reached + sum(group) / sum(actual)
        area += (reached + next_reached) / 2 * len(group) / len(actual)
        reached, passed = next_reached, passed + len(group)
    return area


def normalised_gini(actual, predicted):
    if not actual or sum(actual) <= 0 or len(set(actual)) == 1:
        return math.nan
    return (2 * gain_area(actual, predicted) - 1) / (2 * gain_area(actual, actual) - 1)


def over_all_tie_orders(actual, predicted, parts):
    """Amounts in equal parts of the customers, lowest predictions first, the mean over all orders of ties."""
    orders = [
        order
        for order in itertools.permutations(range(len(actual)))
        if all(predicted[a] <= predicted[b] for a, b in itertools.pairwise(order))
    ]
    sums = [0.0] * parts
    for order in orders:
        for place, customer in enumerate(order):
            for part in range(parts):
                # the stretch of the customers' line, from 0 to 1, that both the customer and the part cover
                start = max(place / len(order), part / parts)
                stop = min((place + 1) / len(order), (part + 1) / parts)
                sums[part] += actual[customer] * max(stop - start, 0.0) * len(order) / len(orders)
    return sums


def mid_rank(values, value):
    return sum(other < value for other in values) + (1 + sum(other == value for other in values)) / 2


def pearson(a, b):
    mean_a, mean_b = math.fsum(a) / len(a), math.fsum(b) / len(b)
    together = math.fsum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    spread = math.fsum((x - mean_a) ** 2 for x in a) * math.fsum((y - mean_b) ** 2 for y in b)
    return together / math.sqrt(spread)


def spearman(actual, predicted):
    if len(set(actual)) < 2 or len(set(predicted)) < 2:
        return math.nan
    return pearson([mid_rank(actual, y) for y in actual], [mid_rank(predicted, z) for z in predicted])


def auc(actual, predicted):
    pairs = [
        1.0 if p > q else 0.5 if p == q else 0.0
        for y, p in zip(actual, predicted, strict=True)
        if y == 1
        for x, q in zip(actual, predicted, strict=True)
        if x == 0
    ]
    return sum(pairs) / len(pairs) if pairs else math.nan


def average_precision(actual, predicted):
    if not sum(actual):
        return math.nan
    total, recall = 0.0, 0.0
    for threshold in sorted(set(predicted), reverse=True):
        called = [y for y, p in zip(actual, predicted, strict=True) if p >= threshold]
        next_recall = sum(called) / sum(actual)
        total += (next_recall - recall) * sum(called) / len(called)
        recall = next_recall
    return total


def log_loss(actual, predicted):
    if not actual:
        return math.nan
    given = [p if y == 1 else 1 - p for y, p in zip(actual, predicted, strict=True)]
    return -sum(math.log(max(p, 1e-15)) for p in given) / len(given)


def mean(values):
    return sum(values) / len(values) if values else math.nan


def median(values):
    return statistics.median(values) if values else math.nan


def concordance(days, observed, expected):
    """Compare every buyer with every customer who bought later or was watched at least as long."""
    right = pairs = 0.0
    for t, seen, e in zip(days, observed, expected, strict=True):
        for u, other_seen, f in zip(days, observed, expected, strict=True):
            if seen and (u > t or (u == t and not other_seen)):
                pairs += 1
                right += 1.0 if f > e else 0.5 if f == e else 0.0
    return right / pairs if pairs else math.nan


def pit_share_up_to(edge, below, at):
    """Mean over customers of the chance that a draw, uniform between the two, is at most the edge."""
    shares = [
        (1.0 if b <= edge else 0.0) if a == b else min(max((edge - b) / (a - b), 0.0), 1.0)
        for b, a in zip(below, at, strict=True)
    ]
    return mean(shares)
