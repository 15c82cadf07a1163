"""How a customer answers e-mails and text messages.

Opens that a machine made (privacy proxies load every picture) are counted apart and stand for nothing else. That
somebody unsubscribed is consent, so it is no feature.
"""

from functools import partial

import numpy as np

from foretell.features.behaviour.available import Available
from foretell.features.behaviour.family import TableFamily
from foretell.features.behaviour.seen import NEVER, Rows, Seen
from foretell.features.behaviour.segments import Mask
from foretell.features.feature import COUNT, Feature, Values
from foretell.features.ratios import ratio

SENT = ("email_sent", "sms_sent")
"""Events of a message sent."""

OPENED = ("email_open", "sms_open")
"""Events of a message opened."""

CLICKED = ("email_click", "sms_click")
"""Events of a link in a message clicked."""

SOFT_BOUNCED = ("email_soft_bounce", "sms_soft_bounce")
"""Events of a message that could not be delivered for now."""

HARD_BOUNCED = ("email_hard_bounce", "sms_hard_bounce")
"""Events of a message that cannot be delivered."""

CHRONIC_ABOVE = 7
"""More soft bounces than this since the last open or click are chronic."""

_NAME = "messages"
_DAYS = 90

_declare_one = partial(Feature, family=_NAME, source="events", needs=("event",))

_FEATURES = (
    *(
        _declare_one(f"messages_{name}_last_{_DAYS}d", "messages", f"{words} in the last {_DAYS} days.", dtype=COUNT)
        for name, words in {
            "sent": "Messages sent",
            "opened": "Opens of messages by a person",
            "clicked": "Clicks in messages by a person",
            "opened_by_machine": "Opens of messages by a machine, which stand for nothing else",
        }.items()
    ),
    *(
        _declare_one(
            f"messages_{name}_to_sent_ratio",
            "ratio",
            f"{words} by a person per message sent, over all time.",
            null_when="no message was sent",
        )
        for name, words in {"opened": "Opens", "clicked": "Clicks"}.items()
    ),
    *(
        _declare_one(
            f"days_since_last_message_{name}",
            "days",
            f"Days since a person last {name} {what}.",
            null_when=f"nothing was {name} by a person",
        )
        for name, what in {"opened": "a message", "clicked": "a link in one"}.items()
    ),
    _declare_one("messages_hard_bounced", "messages", "Messages that cannot be delivered.", dtype=COUNT),
    _declare_one(
        "messages_soft_bounced_since_answer",
        "messages",
        "Messages not delivered for now since the last open or click by a person, or ever.",
        dtype=COUNT,
    ),
    _declare_one(
        "chronic_soft_bounce_flag",
        "yes 1, no 0",
        f"Whether these are more than {CHRONIC_ABOVE}.",
        dtype=COUNT,
    ),
    _declare_one(
        "message_engagement_tier",
        "tier 1-5",
        "5 with a click in the last 30 days, 4 with a click or open in 90, 3 in 180, 2 before that, 1 never.",
        null_when="nothing was sent, opened or clicked",
    ),
)


def _declare(_: Available) -> tuple[Feature, ...]:
    return _FEATURES


def _compute(seen: Seen) -> Values:
    rows = seen.events
    rows = rows.where(rows.named("event", (*SENT, *OPENED, *CLICKED, *SOFT_BOUNCED, *HARD_BOUNCED)))
    machine, own = rows.numbers["machine"] > 0, rows.segments
    sent, soft = rows.named("event", SENT), rows.named("event", SOFT_BOUNCED)
    opened, clicked = rows.named("event", OPENED), rows.named("event", CLICKED)
    by_machine = opened & machine
    opened, clicked = opened & ~machine, clicked & ~machine
    recent = rows.day >= seen.end_day - _DAYS
    answered = own.last(rows.second, opened | clicked, np.iinfo(np.int64).min)
    since = own.count(soft & (rows.second > answered[rows.customer]))
    return {
        f"messages_sent_last_{_DAYS}d": own.count(sent & recent),
        f"messages_opened_last_{_DAYS}d": own.count(opened & recent),
        f"messages_clicked_last_{_DAYS}d": own.count(clicked & recent),
        f"messages_opened_by_machine_last_{_DAYS}d": own.count(by_machine & recent),
        "messages_opened_to_sent_ratio": ratio(own.count(opened), own.count(sent)),
        "messages_clicked_to_sent_ratio": ratio(own.count(clicked), own.count(sent)),
        "days_since_last_message_opened": seen.days_since(own.last(rows.day, opened, NEVER)),
        "days_since_last_message_clicked": seen.days_since(own.last(rows.day, clicked, NEVER)),
        "messages_hard_bounced": own.count(rows.named("event", HARD_BOUNCED)),
        "messages_soft_bounced_since_answer": since,
        "chronic_soft_bounce_flag": (since > CHRONIC_ABOVE).astype(np.int64),
        "message_engagement_tier": _tier(seen, rows, sent, opened, clicked),
    }


def _tier(seen: Seen, rows: Rows, sent: Mask, opened: Mask, clicked: Mask) -> np.ndarray:
    own, age = rows.segments, seen.end_day - rows.day
    answered = opened | clicked
    tier = np.full(seen.customers, np.nan)
    tier[own.count(sent | answered) > 0] = 1
    tier[own.count(answered) > 0] = 2
    tier[own.count(answered & (age <= 180)) > 0] = 3
    tier[own.count(answered & (age <= 90)) > 0] = 4
    tier[own.count(clicked & (age <= 30)) > 0] = 5
    return tier


MESSAGES = TableFamily(_NAME, {"events": "events"}, _declare, _compute)
"""Opens, clicks and bounces of messages."""
