"""Slow, obvious re-implementations of the features of profiles, calendar and campaigns: plain loops over rows.

As `behaviour_oracles`; nothing here imports foretell.
"""

import math
from collections import Counter
from datetime import datetime, time

from behaviour_oracles import known
from oracles import first_unseen_day, over

PAID = ("cpc", "paid_social")
ATTRIBUTES = {"country": "name", "vip": "flag", "shoe_size": "number", "member_since": "date"}


def distance_km(lat, lon, place):
    """By the spherical law of cosines, in 64-bit vectors: another formula than the haversine."""

    def vector(latitude, longitude):
        phi, theta = math.radians(latitude), math.radians(longitude)
        return math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)

    ours, theirs = vector(lat, lon), vector(place["lat"], place["lon"])
    half_chord = math.dist(ours, theirs) / 2
    return round(2 * 6371.0088 * math.asin(min(half_chord, 1.0)), 3)


def profile(row, as_of, fitted, days, places):
    """Features of one customer's row of the customers table; None where there is no row."""
    end, row = first_unseen_day(as_of), row or {}
    signed = row.get("signed_up_at")
    out = {
        "days_since_signup": None if signed is None else (end - signed.date()).days,
        "days_signup_to_first_order": None if signed is None or not days else (min(days) - signed.date()).days,
        "nearest_place": None,
        "nearest_place_km": None,
        "places_in_reach": 0,
    }
    if row.get("lat") is not None and row.get("lon") is not None:
        away = {place["place"]: distance_km(row["lat"], row["lon"], place) for place in places}
        nearest = min(away, key=lambda name: (away[name], name))
        out["nearest_place"], out["nearest_place_km"] = known(fitted, "place", nearest), away[nearest]
        reach = [place for place in places if place["radius_km"] and away[place["place"]] <= place["radius_km"]]
        out["places_in_reach"] = len(reach)
    for column, kind in ATTRIBUTES.items():
        value = row.get(column)
        if kind == "name":
            value = known(fitted, f"profile_{column}", value)
        elif value is not None:
            later = kind == "date" and datetime.combine(value, time.min) >= as_of
            value = None if later else (end - value).days if kind == "date" else float(value)
        out[f"profile_{column}"] = value
    return out


def occasions(calendar, as_of, fitted, days):
    """Features of one customer's purchase days on the events of a calendar."""
    end, out = first_unseen_day(as_of), {}

    def inside(day, row):
        return row["starts_on"] <= day <= row["ends_on"]

    for event in {row["event"] for row in calendar}:
        begun = sorted(
            (row["starts_on"], row["ends_on"]) for row in calendar if row["event"] == event and row["starts_on"] < end
        )
        counts = [len([day for day in days if start <= day <= stop]) for start, stop in begun]
        out[f"orders_in_{event}"] = len([day for day in days if any(start <= day <= stop for start, stop in begun)])
        out[f"orders_in_{event}_newest"] = counts[-1] if counts else 0
        out[f"orders_in_{event}_before_newest"] = counts[-2] if len(counts) > 1 else 0
        out[f"years_in_{event}"] = len([count for count in counts if count])
    covered = [day for day in days if any(inside(day, row) for row in calendar)]
    ahead = min(((row["starts_on"], row["event"]) for row in calendar if row["starts_on"] >= end), default=None)
    return out | {
        "occasion_orders_share": over(len(covered), len(days)),
        "occasion_only_flag": int(bool(days) and len(covered) == len(days)),
        "days_to_next_occasion": None if ahead is None else (ahead[0] - end).days,
        "next_occasion": None if ahead is None else known(fitted, "occasion", ahead[1]),
    }


def touches(orders, events, as_of, fitted):
    """Features of where one customer came from."""
    end = first_unseen_day(as_of)
    rows = [(row["ordered_at"], row) for row in orders]
    rows += [
        (row["occurred_at"], row)
        for row in events
        if not row["machine_generated"]
        and (not row["event"].startswith(("email_", "sms_")) or row["event"] in ("email_click", "sms_click"))
    ]
    rows = [(time, row) for time, row in rows if any(row[column] for column in ("source", "medium", "campaign"))]
    out = {"touches_last_90d": len([time for time, _ in rows if (end - time.date()).days <= 90])}
    for column in ("source", "medium", "campaign"):
        there = [(time, row[column]) for time, row in rows if row[column] is not None]
        for which, pick in (("first", min), ("last", max)):
            at = pick((time for time, _ in there), default=None)
            out[f"{which}_touch_{column}"] = known(
                fitted, column, min((name for time, name in there if time == at), default=None)
            )
    media = Counter(row["medium"] for _, row in rows if row["medium"] is not None)
    out["paid_touches_share"] = over(sum(media[name] for name in PAID), sum(media.values()))
    return out
