"""What a segment says where its definition is silent: whom to begin with, and what stands in its file."""

from collections.abc import Collection

from foretell.delivery.rule_columns import PREDICTED_VALUE
from foretell.delivery.segments import Segment

_COLUMNS = (
    "orders", "last_order_date", "days_since_last_order", "historic_clv", "predicted_clv", "churn_risk", "p_order",
    "expected_next_order_date",
)  # fmt: skip
_COLUMNS_OF_PROSPECTS = ("funnel_state", "days_since_last_event", "p_first_order", "expected_first_year_value")
_RANK_OF_PROSPECTS = "prospect_percentile"


def default_order(segment: Segment, known: Collection[str]) -> tuple[str, ...]:
    """Return whom a segment begins with: those of whom most is expected.

    Parameters
    ----------
    segment : Segment
        Its definition.
    known : collection of str
        Columns that can be named.

    Returns
    -------
    tuple of str
        As in ``order_by`` of a segment.
    """
    if segment.people == "prospects" and _RANK_OF_PROSPECTS in known:
        return (f"{_RANK_OF_PROSPECTS} DESC",)
    return (f"{PREDICTED_VALUE.name} DESC",)


def default_columns(segment: Segment, known: Collection[str]) -> tuple[str, ...]:
    """Return what a segment's file tells of everybody.

    Parameters
    ----------
    segment : Segment
        Its definition.
    known : collection of str
        Columns that can be named.

    Returns
    -------
    tuple of str
        As in ``columns`` of a segment.
    """
    if segment.people == "prospects":
        return tuple(name for name in _COLUMNS_OF_PROSPECTS if name in known)
    return _COLUMNS
