"""Slow, obvious re-implementations of purchase days, summaries, labels and features: plain loops over rows.

A row is a dict with ``customer_id``, ``ordered_at``, ``amount_minor`` (None for a shop without amounts),
``order_id`` (or None) and ``cancelled`` (or None). Nothing here imports foretell.
"""

import itertools
import math
import statistics
from collections import defaultdict
from datetime import date, datetime, time, timedelta

MINOR = 10_000


def first_unseen_day(as_of: datetime) -> date:
    return as_of.date() if as_of.time() == time.min else as_of.date() + timedelta(days=1)


def netted_orders(rows):
    """Yield (customer_id, purchase day or None, money left, purchase rows) per order."""
    orders = defaultdict(list)
    for number, row in enumerate(rows):
        order = row["order_id"] if row["order_id"] is not None else ("row", number)
        orders[row["customer_id"], order].append(row)
    for (customer, _), members in orders.items():
        day, gross, withdrawn, refunded, bought, cancelled = None, 0, 0, 0, 0, 0
        for row in members:
            amount = row["amount_minor"] or 0
            if amount < 0:
                refunded += amount
            elif row["cancelled"]:
                withdrawn += amount
                cancelled += 1
            else:
                gross += amount
                bought += 1
                day = row["ordered_at"].date() if day is None else min(day, row["ordered_at"].date())
        left = max(gross - withdrawn, 0) + refunded
        if members[0]["amount_minor"] is None:
            is_purchase = bought > cancelled
        else:
            touched = withdrawn > 0 or refunded < 0
            is_purchase = bought > 0 and not (touched and left <= 0)
        yield customer, day if is_purchase else None, left, bought


def purchases(rows):
    """Return {customer: {day: [money, rows]}} of purchases and {customer: money} of loose refunds."""
    days, loose = defaultdict(dict), defaultdict(int)
    for customer, day, left, bought in netted_orders(rows):
        if day is None:
            loose[customer] += min(left, 0)
        else:
            entry = days[customer].setdefault(day, [0, 0])
            entry[0] += left
            entry[1] += bought
    return dict(days), dict(loose)


def has_amount(rows) -> bool:
    return rows[0]["amount_minor"] is not None


def over(top, bottom):
    return None if top is None or not bottom else top / bottom


def summary(rows, as_of: datetime):
    """Return {customer: {column: value}} as `foretell.features.summary.purchase_summary` should."""
    money = has_amount(rows)
    days, loose = purchases([row for row in rows if row["ordered_at"] < as_of])
    last_seen = first_unseen_day(as_of) - timedelta(days=1)
    out = {}
    for customer, by_day in days.items():
        dates = sorted(by_day)
        gaps = [(later - earlier).days for earlier, later in itertools.pairwise(dates)]
        paid = [amount / MINOR for amount, _ in by_day.values() if amount > 0]
        spent = (sum(amount for amount, _ in by_day.values()) + loose.get(customer, 0)) / MINOR
        out[customer] = {
            "first_purchase_date": dates[0],
            "last_purchase_date": dates[-1],
            "orders": len(dates),
            "repeat_orders": len(gaps),
            "days_first_to_last_order": float((dates[-1] - dates[0]).days),
            "days_observed": float((last_seen - dates[0]).days),
            "sum_log_gaps_days": math.fsum(math.log(gap) for gap in gaps),
            "orders_with_value": len(paid) if money and spent > 0 else 0,
            "mean_order_value": spent / len(paid) if paid and spent > 0 else None,
            "sum_log_value_ratios": (
                math.fsum(math.log(value / statistics.fmean(paid)) for value in paid) if paid and spent > 0 else 0.0
            ),
            "order_rows": sum(count for _, count in by_day.values()),
            "days_since_last_order": (last_seen - dates[-1]).days + 1,
            "historic_spend": spent if money else None,
            "avg_days_between_orders": statistics.fmean(gaps) if gaps else None,
        }
    return out


def outcomes(rows, cutoff: datetime, horizon_days: int):
    """Return {customer: {column: value}} as `foretell.labels.outcomes.outcomes` should."""
    end = cutoff + timedelta(days=horizon_days)
    days, loose = purchases([row for row in rows if cutoff <= row["ordered_at"] < end])
    out = {}
    for customer in {*days, *(name for name, amount in loose.items() if amount < 0)}:
        by_day = days.get(customer, {})
        spent = sum(amount for amount, _ in by_day.values()) + loose.get(customer, 0)
        wait = (min(by_day) - first_unseen_day(cutoff)).days + 1 if by_day else None
        out[customer] = {
            "orders_in_window": len(by_day),
            "spend_in_window": spent / MINOR if has_amount(rows) else None,
            "days_to_next_order": None if wait is None else max(wait, 1),
        }
    return out


def slope(values):
    """Least-squares slope over 0, 1, 2, …"""
    if len(values) < 2:
        return None
    return statistics.linear_regression(range(len(values)), values).slope


def features(rows, as_of: datetime):
    """Return {customer: {feature: value}} as `foretell.features.compute.compute` should."""
    days, loose = purchases([row for row in rows if row["ordered_at"] < as_of])
    end = first_unseen_day(as_of)
    out = {}
    for customer, by_day in days.items():
        dates = sorted(by_day)
        amounts = [by_day[day][0] for day in dates]
        out[customer] = {
            **counts(dates, [by_day[day][1] for day in dates], end),
            **rhythm(dates, end),
            **windows("orders", dates, [1] * len(dates), end),
            **movement(dates, end),
            **calendar(dates, end),
        }
        if has_amount(rows):
            out[customer] |= money(dates, amounts, loose.get(customer, 0), end)
    return out


def counts(dates, rows, end):
    observed = (end - dates[0]).days - 1
    return {
        "orders": len(dates),
        "repeat_orders": len(dates) - 1,
        "order_rows": sum(rows),
        "order_rows_per_order_ratio": sum(rows) / len(dates),
        "days_since_last_order": (end - dates[-1]).days,
        "days_since_first_order": (end - dates[0]).days,
        "days_first_to_last_order": (dates[-1] - dates[0]).days,
        "orders_repeated_per_365d": over(365 * (len(dates) - 1), observed),
        "active_life_share": over((dates[-1] - dates[0]).days, observed),
    }


def rhythm(dates, end):
    gaps = [(later - earlier).days for earlier, later in itertools.pairwise(dates)]
    wait = (end - dates[-1]).days
    blocks = {((end - day).days - 1) // 30 for day in dates}
    out = {"active_blocks_last_360d": len([block for block in blocks if block < 12])}
    mean = statistics.fmean(gaps) if gaps else None
    median = statistics.median(gaps) if gaps else None
    std = statistics.stdev(gaps) if len(gaps) > 1 else None
    last = gaps[-1] if gaps else None
    out |= {
        "gap_mean_days": mean,
        "gap_median_days": median,
        "gap_min_days": min(gaps, default=None),
        "gap_max_days": max(gaps, default=None),
        "gap_last_days": last,
        "gap_before_last_days": gaps[-2] if len(gaps) > 1 else None,
        "gap_std_days": std,
        "gap_std_to_mean_ratio": over(std, mean),
        "gap_irregularity_log_ratio": None,
        "gap_last_to_mean_ratio": over(last, mean),
        "wait_to_gap_mean_ratio": over(wait, mean),
        "wait_to_gap_median_ratio": over(wait, median),
        "wait_to_gap_max_ratio": over(wait, max(gaps, default=None)),
        "wait_to_gap_last_ratio": over(wait, last),
        "wait_excess_to_gap_std_ratio": None if not std else (wait - mean) / std,
        "gaps_as_long_as_wait_share": over(len([gap for gap in gaps if gap >= wait]), len(gaps)),
    }
    if len(gaps) > 1:
        out["gap_irregularity_log_ratio"] = math.log(mean) - statistics.fmean(math.log(gap) for gap in gaps)
    return out


def within(dates, values, end, newest, oldest):
    """Add up values whose day is more than `newest` and at most `oldest` days before the end."""
    return sum(value for day, value in zip(dates, values, strict=True) if newest < (end - day).days <= oldest)


def windows(name, dates, values, end):
    """Counts, shares, pairs and last year, of orders or of spend."""
    unit = 1 if name == "orders" else MINOR
    out = {}
    for length in (7, 14, 30, 60, 90, 180, 365):
        out[f"{name}_last_{length}d"] = within(dates, values, end, 0, length) / unit
    for length in (30, 90, 365):
        out[f"{name}_last_{length}d_share"] = over(within(dates, values, end, 0, length), sum(values))
    for length in (30, 90, 180, 365):
        recent, both = within(dates, values, end, 0, length), within(dates, values, end, 0, 2 * length)
        out[f"{name}_last_{length}d_of_{2 * length}d_share"] = over(recent, both)
    for length in (30, 90):
        out[f"{name}_next_{length}d_last_year"] = within(dates, values, end, 364 - length, 364) / unit
    before = within(dates, values, end, 90, 180)
    out[f"{name}_change_90d"] = (within(dates, values, end, 0, 90) - before) / unit
    if name == "orders":
        out["orders_previous_90d"] = before
    return out


def movement(dates, end):
    gaps = [(later - earlier).days for earlier, later in itertools.pairwise(dates)]
    observed = (end - dates[0]).days - 1
    recent = gaps[-3:]
    return {
        "orders_mean_position_share": over(statistics.fmean((day - dates[0]).days for day in dates), observed),
        "gap_slope_days_per_order": slope(gaps),
        "gap_last_three_to_mean_ratio": statistics.fmean(recent) / statistics.fmean(gaps) if gaps else None,
    }


def calendar(dates, end):
    new_year = date(end.year, 1, 1)
    length = (date(end.year + 1, 1, 1) - new_year).days
    angle = 2 * math.pi * (end - new_year).days / length
    return {
        "first_order_month": dates[0].month,
        "last_order_month": dates[-1].month,
        "first_order_weekday": dates[0].isoweekday(),
        "last_order_weekday": dates[-1].isoweekday(),
        "weekend_orders_share": len([day for day in dates if day.isoweekday() > 5]) / len(dates),
        "quarter_4_orders_share": len([day for day in dates if day.month > 9]) / len(dates),
        "as_of_days_to_year_end": (date(end.year, 12, 31) - end).days,
        "as_of_year_sin": math.sin(angle),
        "as_of_year_cos": math.cos(angle),
    }


def money(dates, amounts, loose, end):
    paid = [amount / MINOR for amount in amounts if amount > 0]
    mean = statistics.fmean(paid) if paid else None
    std = statistics.stdev(paid) if len(paid) > 1 else None
    recent = amounts[-3:]
    return {
        **windows("spend", dates, amounts, end),
        "spend_total": (sum(amounts) + loose) / MINOR,
        "order_value_first": amounts[0] / MINOR,
        "order_value_last": amounts[-1] / MINOR,
        "order_value_mean": mean,
        "order_value_median": statistics.median(paid) if paid else None,
        "order_value_min": min(paid, default=None),
        "order_value_max": max(paid, default=None),
        "order_value_std": std,
        "order_value_std_to_mean_ratio": over(std, mean),
        "order_value_last_to_mean_ratio": over(amounts[-1] / MINOR, mean),
        "free_orders_share": len([amount for amount in amounts if amount == 0]) / len(amounts),
        "loose_refund_share": over(-loose, sum(amounts)),
        "order_value_slope_per_order": slope([amount / MINOR for amount in amounts]),
        "order_value_last_three_to_mean_ratio": over(statistics.fmean(recent), statistics.fmean(amounts)),
    }
