"""What a customer does in the shop without buying: views, searches, sessions, devices, channels.

Events that a machine made are left out.
"""

from functools import partial

import numpy as np

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.seen import NEVER, VISITS, Rows, Seen
from foretell.features.behaviour.segments import Pairs
from foretell.features.feature import COUNT, TEXT, Feature, Values
from foretell.features.ratios import ratio

WINDOWS_DAYS = (7, 30, 90)
"""Lengths of the windows, in days; each ends with the last day seen."""

SESSION_SECONDS = 1_800
"""A visit is over after so many seconds without an event."""

LOOKS = ("view", "search")
"""Events of a visit that put nothing into a cart; those that do are counted among carts."""

_NAME = "browsing"
_NONE = "there is no view, cart, checkout or search"
_SHOWN = "ad_seen"
_ADS = (_SHOWN, "ad_click")
_APP = ("app", "ios", "android", "ios_app", "android_app", "mobile_app")

_declare_one = partial(Feature, family=_NAME, source="events", needs=("event",))

_FEATURES = (
    *(
        _declare_one(
            f"{kind}_events_last_{days}d", "events", f"Events named {kind} in the last {days} days.", dtype=COUNT
        )
        for kind in LOOKS
        for days in WINDOWS_DAYS
    ),
    _declare_one(
        "other_events_last_90d",
        "events",
        "Events in the last 90 days that are neither of a visit nor a message nor an ad that was only seen.",
        dtype=COUNT,
    ),
    _declare_one("ad_events_last_30d", "events", "Ads seen or clicked in the last 30 days.", dtype=COUNT),
    *(
        _declare_one(
            f"sessions_last_{days}d",
            "sessions",
            f"Visits in the last {days} days, a visit being over after 30 minutes without an event.",
            dtype=COUNT,
        )
        for days in (30, 90)
    ),
    _declare_one(
        "visit_events_last_30d_of_90d_share",
        "share",
        "Part of the visits' events of the last 90 days that lies in the last 30.",
        null_when="there is no view, cart, checkout or search in the last 90 days",
    ),
    _declare_one("days_since_last_visit", "days", "Days since the last event of a visit.", null_when=_NONE),
    *(
        _declare_one(
            f"top_{column}",
            "name",
            f"The {column} of most events of visits, the first in the alphabet of equals.",
            dtype=TEXT,
            null_when=f"no event of a visit has a {column}, or it was not known when the model was fitted",
            needs=("event", column),
        )
        for column in ("device", "channel")
    ),
    *(
        _declare_one(
            f"app_events_{column}_share",
            "share",
            f"Part of the events of visits whose {column} is an app.",
            null_when=f"no event of a visit has a {column}",
            needs=("event", column),
        )
        for column in ("device", "channel")
    ),
)


def _declare(_: Available) -> tuple[Feature, ...]:
    return _FEATURES


def is_message(name: str) -> bool:
    """Say whether an event is of an e-mail or a text message.

    Parameters
    ----------
    name : str
        Name of the event.

    Returns
    -------
    bool
    """
    return name.startswith(("email_", "sms_"))


def _compute(seen: Seen) -> Values:
    visits = seen.visits
    own, age = visits.segments, seen.end_day - visits.day
    values: Values = {}
    for kind in LOOKS:
        is_kind = visits.named("event", (kind,))
        for days in WINDOWS_DAYS:
            values[f"{kind}_events_last_{days}d"] = own.count(is_kind & (age <= days))
    begun = _begins_session(visits)
    for days in (30, 90):
        values[f"sessions_last_{days}d"] = own.count(begun & (age <= days))
    last = own.last(visits.day, np.ones(age.size, dtype=np.bool_), NEVER)
    events = seen.events
    # An ad that was shown is nothing that its viewer did.
    done = set(events.names["event"]) - {*VISITS, _SHOWN}
    others = tuple(name for name in done if not is_message(name))
    by_person = events.numbers["machine"] == 0
    other = events.named("event", others) & by_person & (events.day >= seen.end_day - 90)
    ads = events.named("event", _ADS) & by_person & (events.day >= seen.end_day - 30)
    values |= {
        "other_events_last_90d": events.segments.count(other),
        "ad_events_last_30d": events.segments.count(ads),
        "visit_events_last_30d_of_90d_share": ratio(own.count(age <= 30), own.count(age <= 90)),
        "days_since_last_visit": seen.days_since(last),
    }
    for column in ("device", "channel"):
        if column in visits.codes:
            values |= _mix(seen, visits, column)
    return values


def _begins_session(visits: Rows) -> np.ndarray:
    begun = np.ones(visits.second.size, dtype=np.bool_)
    begun[1:] = (np.diff(visits.customer) != 0) | (np.diff(visits.second) > SESSION_SECONDS)
    return begun


def _mix(seen: Seen, visits: Rows, column: str) -> Values:
    names, code = visits.names[column], visits.codes[column]
    pairs = Pairs.of(visits.customer, seen.customers, code, len(names), visits.day)
    top = pairs.segments.of_largest(pairs.rows, pairs.code, NEVER)
    apps = tuple(name for name in names if name.lower().replace(" ", "_").replace("-", "_") in _APP)
    in_app = visits.segments.count(visits.named(column, apps))
    return {
        f"top_{column}": seen.text(column, names, top),
        f"app_events_{column}_share": ratio(in_app, visits.segments.count(code != NEVER)),
    }


BROWSING = TableFamily(_NAME, {"events": "events"}, _declare, _compute)
"""Visits to the shop."""
