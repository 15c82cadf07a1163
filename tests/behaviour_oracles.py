"""Slow, obvious re-implementations of the features of order lines and of events: plain loops over rows.

Rows are dicts with foretell's columns; ``days`` are {customer: sorted purchase days}; ``statistics`` is the plain form
of the fitted statistics. Only rows before the cutoff are handed in. Nothing here imports foretell.
"""

import math
import statistics as stats
from collections import Counter, defaultdict
from datetime import timedelta

from oracles import MINOR, first_unseen_day, over, slope

VISITS = ("view", "cart", "checkout", "search")


def known(fitted, kind, name):
    return name if name in fitted["names"].get(kind, []) else None


def most(counts):
    """The key with the largest count, the first in the alphabet of equals."""
    return min(counts, key=lambda key: (-counts[key], key), default=None)


def is_returned(line):
    return (line["quantity"] or 0) < 0 or (line["amount_minor"] or 0) < 0


def age(row, time, end):
    return (end - row[time].date()).days


def unit_price(line):
    """Price of one piece in minor units; lines of no pieces have none."""
    if line["amount_minor"] is None or line["amount_minor"] < 0 or not line["quantity"] or line["quantity"] < 0:
        return None
    return math.floor(line["amount_minor"] / line["quantity"])


def band(fitted, category, price):
    """low, high or neither; None where there is no price or no band."""
    bands = fitted["price_bands"]
    if price is None or "" not in bands:
        return None
    low, high = bands.get(category, bands[""])
    return "low" if price <= low else "high" if price > high else "middle"


def lines(own, as_of, fitted):
    """Features of one customer's order lines."""
    end = first_unseen_day(as_of)
    bought = [line for line in own if not is_returned(line)]
    out = {
        **level(bought, end, fitted, "category", "categories"),
        **level(bought, end, fitted, "brand", "brands"),
        **baskets(bought, end, fitted),
        **reorder(bought, end, fitted),
        **cross_sell(bought, fitted),
    }
    out["returned_lines_share"] = over(len(own) - len(bought), len(own))
    return out


def level(bought, end, fitted, column, plural):
    there = [line for line in bought if line[column] is not None]
    counts = Counter(line[column] for line in there)
    first, last = {}, {}
    for line in there:
        days = age(line, "ordered_at", end)
        first[line[column]] = max(first.get(line[column], 0), days)
        last[line[column]] = min(last.get(line[column], math.inf), days)
    recent = [name for name in counts if last[name] <= 90]
    newest = min(last.values(), default=None)
    latest = Counter(line[column] for line in there if age(line, "ordered_at", end) == newest)
    top, total = most(counts), sum(counts.values())
    shares = [count / total for count in counts.values()]
    return {
        f"{plural}_bought": len(counts),
        f"{plural}_bought_last_90d": len(recent),
        f"new_{plural}_last_90d_share": over(len([name for name in recent if first[name] <= 90]), len(recent)),
        f"{column}_entropy_nats": -math.fsum(share * math.log(share) for share in shares) if shares else None,
        f"top_{column}": known(fitted, column, top),
        f"top_{column}_lines_share": counts[top] / total if total else None,
        f"latest_{column}": known(fitted, column, most(latest)),
    }


def baskets(bought, end, fitted):
    per_day = Counter(line["ordered_at"].date() for line in bought)
    sizes = [per_day[day] for day in sorted(per_day)]
    mean = stats.fmean(sizes) if sizes else None
    product_days = defaultdict(set)
    for line in bought:
        product_days[line["product_id"]].add(line["ordered_at"].date())
    again = len([days for days in product_days.values() if len(days) > 1])
    bands = [band(fitted, line["category"], unit_price(line)) for line in bought]
    banded = len([each for each in bands if each])
    money = sum(line["amount_minor"] or 0 for line in bought)
    off = [max(line["discount_minor"] or 0, 0) for line in bought]
    return {
        "lines_bought": len(bought),
        "lines_bought_last_90d": len([line for line in bought if age(line, "ordered_at", end) <= 90]),
        "products_bought": len(product_days),
        "products_bought_again_share": over(again, len(product_days)),
        "basket_lines_mean": mean,
        "basket_lines_last": sizes[-1] if sizes else None,
        "basket_lines_slope": slope(sizes),
        "basket_lines_last_three_to_mean_ratio": stats.fmean(sizes[-3:]) / mean if sizes else None,
        "line_value_mean": over(money / MINOR, len(bought)),
        "low_price_lines_share": over(bands.count("low"), banded),
        "high_price_lines_share": over(bands.count("high"), banded),
        "discounted_lines_share": over(len([each for each in off if each]), len(off)),
        "discount_of_price_share": over(sum(off), sum(off) + money),
    }


def reorder(bought, end, fitted):
    days, counts = defaultdict(set), Counter()
    for line in bought:
        if line["category"] is not None:
            days[line["category"]].add(line["ordered_at"].date())
            counts[line["category"]] += 1
    gap, waits, since = {}, {}, {}
    for name, on in days.items():
        span, gaps = (max(on) - min(on)).days, len(on) - 1
        gap[name] = over(span, gaps)
        since[name] = (end - max(on)).days
        usual = fitted["reorder_days"].get(name)
        expected = gap[name] if usual is None else (span + usual) / (gaps + 1)
        waits[name] = over(since[name], expected)
    top = most(counts)
    due = {name: counts[name] for name, wait in waits.items() if wait is not None and 1 <= wait <= 2}
    return {
        "top_category_days_since_last": since.get(top),
        "top_category_gap_mean_days": gap.get(top),
        "top_category_wait_to_expected_ratio": waits.get(top),
        "categories_due": len(due),
        "categories_lapsed": len([wait for wait in waits.values() if wait is not None and wait > 2]),
        "due_category": known(fitted, "category", most(due)),
    }


def cross_sell(bought, fitted):
    have = {line["category"] for line in bought} - {None}
    gaps = [
        (-lift, target, name, share)
        for name in have
        for target, lift, share in fitted["partners"].get(name, [])
        if target not in have
    ]
    lift, target, name, share = min(gaps, default=(None, None, None, None))
    return {
        "categories_to_cross_sell": len({gap[1] for gap in gaps}),
        "cross_sell_category": known(fitted, "category", target),
        "cross_sell_from_category": known(fitted, "category", name),
        "cross_sell_lift_ratio": None if lift is None else -lift,
        "cross_sell_buyers_share": share,
    }


def events(own, as_of, fitted, days):
    """Features of one customer's events; ``days`` are the customer's purchase days."""
    end = first_unseen_day(as_of)
    visits = [row for row in own if row["event"] in VISITS and not row["machine_generated"]]
    return {
        **browsing(own, visits, end, fitted),
        **carts(visits, end, fitted, days),
        **intent(visits, end, fitted),
        **messages(own, end),
    }


def browsing(own, visits, end, fitted):
    ages = [age(row, "occurred_at", end) for row in visits]
    out = {}
    for kind in VISITS:
        for length in (7, 30, 90):
            of_kind = [old for row, old in zip(visits, ages, strict=True) if row["event"] == kind and old <= length]
            out[f"{kind}_events_last_{length}d"] = len(of_kind)
    times = sorted(row["occurred_at"] for row in visits)
    begins = [now for before, now in zip([None, *times], times, strict=False) if before is None or
              (now - before) > timedelta(minutes=30)]  # fmt: skip
    for length in (30, 90):
        out[f"sessions_last_{length}d"] = len([now for now in begins if (end - now.date()).days <= length])
    others = [
        row
        for row in own
        if row["event"] not in VISITS
        and not row["event"].startswith(("email_", "sms_"))
        and not row["machine_generated"]
        and age(row, "occurred_at", end) <= 90
    ]
    ads = [
        row
        for row in own
        if not row["machine_generated"]
        and row["event"] in ("ad_seen", "ad_click")
        and age(row, "occurred_at", end) <= 30
    ]
    out |= {
        "other_events_last_90d": len([row for row in others if row["event"] != "ad_seen"]),
        "ad_events_last_30d": len(ads),
        "visit_events_last_30d_of_90d_share": over(
            len([old for old in ages if old <= 30]), len([old for old in ages if old <= 90])
        ),
        "days_since_last_visit": min(ages, default=None),
    }
    for column in ("device", "channel"):
        counts = Counter(row[column] for row in visits if row[column] is not None)
        out[f"top_{column}"] = known(fitted, column, most(counts))
        out[f"app_events_{column}_share"] = over(counts["app"], sum(counts.values()))
    return out


def carts(visits, end, fitted, days):
    last = max(days, default=None)
    open_ = [
        row
        for row in visits
        if age(row, "occurred_at", end) <= 30 and (last is None or row["occurred_at"].date() > last)
    ]
    in_cart = [row for row in open_ if row["event"] == "cart"]
    at_checkout = [row for row in open_ if row["event"] == "checkout"]
    prices = [row["price_minor"] for row in in_cart if row["price_minor"] is not None]
    named = [row for row in in_cart if row["category"] is not None]
    newest = max((row["occurred_at"].date() for row in named), default=None)
    counts = Counter(row["category"] for row in named if row["occurred_at"].date() == newest)
    judged = {
        row["occurred_at"].date() for row in visits if row["event"] == "cart" and age(row, "occurred_at", end) >= 7
    }
    given_up = [day for day in judged if not any(0 <= (bought - day).days < 7 for bought in days)]
    interested = any(row["event"] in ("view", "search") and age(row, "occurred_at", end) <= 90 for row in visits)
    stage = "consideration" if interested else "awareness"
    if in_cart or at_checkout:
        stage = "conversion"
    if len(days) > 1 and (end - last).days <= 365:
        stage = "loyalty"
    return {
        "open_cart_events_last_30d": len(in_cart),
        "open_checkout_events_last_30d": len(at_checkout),
        "days_since_open_cart": min((age(row, "occurred_at", end) for row in in_cart), default=None),
        "open_cart_value": sum(prices) / MINOR if prices else None,
        "open_cart_category": known(fitted, "category", most(counts)),
        "carts_abandoned_share": over(len(given_up), len(judged)),
        "funnel_stage": known(fitted, "stage", stage),
    }


def points(row, end):
    worth = {"view": 1, "search": 1, "cart": 4, "checkout": 6}[row["event"]]
    return worth * 2.0 ** (-(age(row, "occurred_at", end) - 1) / 14)


def intent(visits, end, fitted):
    recent = [row for row in visits if age(row, "occurred_at", end) <= 90]
    out = {"intent_points": math.fsum(points(row, end) for row in recent)}
    for column in ("category", "brand"):
        totals = defaultdict(float)
        for row in recent:
            if row[column] is not None:
                # On the grid, so that equals are equal.
                totals[row[column]] += round(points(row, end) * 2**20) if row["event"] in ("view", "search") else (
                    points({**row, "event": "view"}, end) and
                    {"cart": 4, "checkout": 6}[row["event"]] * round(points({**row, "event": "view"}, end) * 2**20)
                )  # fmt: skip
        top = most(totals)
        out[f"intent_{column}"] = known(fitted, column, top)
        out[f"intent_{column}_points"] = totals[top] / 2**20 if totals else None
        out[f"intent_{column}_share"] = totals[top] / sum(totals.values()) if totals else None
    bands = [(band(fitted, row["category"], row["price_minor"]), points(row, end)) for row in recent]
    total = math.fsum(worth for each, worth in bands if each)
    for name in ("low", "high"):
        out[f"intent_{name}_price_share"] = over(math.fsum(worth for each, worth in bands if each == name), total)
    return out


def messages(own, end):
    def of(*kinds, machine=False, within=math.inf):
        return [
            row
            for row in own
            if row["event"] in kinds
            and bool(row["machine_generated"]) == machine
            and age(row, "occurred_at", end) <= within
        ]

    opens, clicks = ("email_open", "sms_open"), ("email_click", "sms_click")
    sent = [row for row in own if row["event"] in ("email_sent", "sms_sent")]
    soft = [row for row in own if row["event"] in ("email_soft_bounce", "sms_soft_bounce")]
    answers = of(*opens, *clicks)
    answered = max((row["occurred_at"] for row in answers), default=None)
    since = len([row for row in soft if answered is None or row["occurred_at"] > answered])
    tier = None
    if sent or answers:
        tier = 1
    for step, within in ((2, math.inf), (3, 180), (4, 90)):
        if of(*opens, *clicks, within=within):
            tier = step
    if of(*clicks, within=30):
        tier = 5
    return {
        "messages_sent_last_90d": len([row for row in sent if age(row, "occurred_at", end) <= 90]),
        "messages_opened_last_90d": len(of(*opens, within=90)),
        "messages_clicked_last_90d": len(of(*clicks, within=90)),
        "messages_opened_by_machine_last_90d": len(of(*opens, machine=True, within=90)),
        "messages_opened_to_sent_ratio": over(len(of(*opens)), len(sent)),
        "messages_clicked_to_sent_ratio": over(len(of(*clicks)), len(sent)),
        "days_since_last_message_opened": min((age(row, "occurred_at", end) for row in of(*opens)), default=None),
        "days_since_last_message_clicked": min((age(row, "occurred_at", end) for row in of(*clicks)), default=None),
        "messages_hard_bounced": len([r for r in own if r["event"] in ("email_hard_bounce", "sms_hard_bounce")]),
        "messages_soft_bounced_since_answer": since,
        "chronic_soft_bounce_flag": int(since > 7),
        "message_engagement_tier": tier,
    }
