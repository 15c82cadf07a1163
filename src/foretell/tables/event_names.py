"""What events are called: the names that foretell gives a meaning to, and other names for the same."""

from collections.abc import Mapping

import polars as pl

KNOWN_EVENTS = (
    "view", "cart", "checkout", "search", "wishlist", "signup", "login", "support",
    "email_sent", "email_open", "email_click", "email_soft_bounce", "email_hard_bounce", "email_unsubscribe",
    "email_complaint",
    "sms_sent", "sms_open", "sms_click", "sms_soft_bounce", "sms_hard_bounce", "sms_unsubscribe",
    "ad_seen", "ad_click",
)  # fmt: skip
"""Events that foretell knows; any other name is kept as it is."""

UNKNOWN = "unknown_event_names"
"""Code of the note on events that foretell does not know."""

ALIASES: Mapping[str, str] = {
    "view_item": "view",
    "page_view": "view",
    "add_to_cart": "cart",
    "begin_checkout": "checkout",
    "view_search_results": "search",
    "add_to_wishlist": "wishlist",
    "sign_up": "signup",
    "sms_bounce": "sms_soft_bounce",
}
"""The recommended event names of Google Analytics 4, by what foretell calls them, and a bounce that does not say
whether it is for good: then it is not."""


def canonical_events(events: pl.Series, names: Mapping[str, str]) -> pl.Series:
    """Call events by foretell's names.

    Parameters
    ----------
    events : polars.Series
        String, in lower case.
    names : mapping of str to str
        The shop's own names, as in ``{"added to cart": "cart"}``; they come before `ALIASES`.

    Returns
    -------
    polars.Series
        A name that is in neither stays as it is.
    """
    own = {_plain(name): _plain(event) for name, event in names.items()}
    return events.replace({**ALIASES, **own})


def unknown_events(events: pl.Series) -> pl.Series:
    """Find events that foretell gives no meaning to.

    Parameters
    ----------
    events : polars.Series
        What `canonical_events` returned.

    Returns
    -------
    polars.Series
        Boolean mask.
    """
    return ~events.is_in(KNOWN_EVENTS).fill_null(value=True)


def _plain(name: str) -> str:
    return name.strip().lower()
