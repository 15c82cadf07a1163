"""What a column is called in a sentence, and how its values are written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from foretell.delivery.checks import is_money, is_probability
from foretell.delivery.rule_columns import without_horizon
from foretell.delivery.rules.condition import Scalar
from foretell.delivery.wording import day_words, instant_words, percent
from foretell.tables.schema import Column

PHRASES: Mapping[str, str] = {
    "as_of": "the day of the scores",
    "orders": "the number of orders",
    "order_rows": "the number of order rows",
    "first_order_date": "the day of the first order",
    "last_order_date": "the day of the last order",
    "days_since_last_order": "the number of days since the last order",
    "days_since_first_order": "the number of days since the first order",
    "avg_days_between_orders": "the usual number of days between orders",
    "avg_order_value": "the average order value",
    "historic_clv": "the money spent so far",
    "predicted_orders": "the number of orders expected within {clv_days} days",
    "predicted_clv": "the money expected within {clv_days} days",
    "predicted_clv_low": "the low end of the money expected within {clv_days} days",
    "predicted_clv_high": "the high end of the money expected within {clv_days} days",
    "total_clv": "the money spent and expected",
    "p_alive": "the chance of still being a customer",
    "churn_risk": "the risk of no order within {churn_days} days",
    "churn_band": "the churn risk band",
    "p_order": "the chance of an order within {order_days} days",
    "expected_next_order_date": "the day of the expected next order",
    "next_order_date_early": "the earliest likely day of the next order",
    "next_order_date_late": "the latest likely day of the next order",
    "days_to_next_order": "the number of days to the expected next order",
    "overdue": "the next order is overdue",
    "clv_percentile": "the rank by expected value",
    "churn_percentile": "the rank by churn risk",
    "p_first_order": "the chance of a first order within {churn_days} days",
    "expected_first_year_value": "the money expected in the year after a first order",
    "prospect_percentile": "the rank by expected value among people without an order",
    "lookalike_score": "the share of the others who are less like the seeds",
    "lookalike_percentile": "the rank by likeness to the seeds",
    "lookalike_band_percent": "the band of likeness to the seeds in percent",
    "days_since_last_event": "the number of days since they last did anything",
    "past_value": "the value so far",
    "predicted_value": "the expected value",
    "orders_next_30d_last_year": "the number of orders a year ago in the 30 days that lie ahead",
    "orders_next_90d_last_year": "the number of orders a year ago in the 90 days that lie ahead",
    "quarter_4_orders_share": "the share of orders in October to December",
    "weekend_orders_share": "the share of orders at weekends",
    "chronic_soft_bounce_flag": "soft bouncing is chronic",
    "occasion_only_flag": "buying is limited to events of the calendar",
    "days_since_last_visit": "the number of days since the last visit",
    "days_since_open_cart": "the number of days since the newest open cart",
    "days_since_last_message_clicked": "the number of days since the last click in a message",
    "cross_sell_from_category": "the category that the cross-sell category goes with",
    "cross_sell_category": "the cross-sell category",
    "cross_sell_lift_ratio": "the lift of the cross-sell category",
    "intent_category_points": "the points of intent of that category",
    "intent_brand_points": "the points of intent of that brand",
    "intent_high_price_share": "the share of intent at high prices",
    "high_price_lines_share": "the share of lines at high prices",
    "low_price_lines_share": "the share of lines at low prices",
    "top_category_lines_share": "the share of lines of the top category",
    "discounted_lines_share": "the share of lines with a discount",
    "app_events_channel_share": "the share of visits in the app",
    "app_events_device_share": "the share of visits on an app as device",
    "pickup_orders_share": "the share of orders picked up",
    "gift_orders_share": "the share of orders sent as gifts",
    "nearest_place_km": "the distance to the nearest place in km",
    "clv_days": "the value horizon in days",
    "churn_days": "the churn horizon in days",
    "order_days": "the short horizon in days",
}
"""Columns, named without their horizon, as a sentence says them; any other is read out from its name."""

_PERCENTILE = "_percentile"
_WINDOW = re.compile(r"^(?P<what>.+)_last_(?P<days>\d+)d(?P<rest>(_\w+)?)$")


@dataclass(frozen=True)
class Speech:
    """What telling a rule needs to know.

    Parameters
    ----------
    columns : mapping of str to Column
        Every column that a rule may name.
    horizons : mapping of str to int
        clv_days, churn_days and order_days.
    currency : str or None
        Code or sign to print with money.
    as_of : datetime or None
        Day of the scores; None tells dates relative to it.
    """

    columns: Mapping[str, Column]
    horizons: Mapping[str, int]
    currency: str | None = None
    as_of: datetime | None = None

    def phrase(self, name: str) -> str:
        """Return what a column is called in a sentence.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        str
            As in ``the number of days since the last order``.
        """
        phrase = PHRASES.get(name) or PHRASES.get(without_horizon(name))
        if phrase is not None:
            return phrase.format(**self.horizons)
        if name.endswith(_PERCENTILE):
            return f"the rank by {self.phrase(name.removesuffix(_PERCENTILE)).removeprefix('the ')}"
        if name.endswith("_count"):
            return f"the number of different values of {_read_out(name.removesuffix('_count'))}"
        column = self.columns.get(name)
        counted = column is not None and column.dtype.is_integer() and not name.startswith("days_")
        start = "the number of " if counted or name.startswith("days_") else "the "
        name = name.removeprefix("profile_")
        match = _WINDOW.match(name)
        if match:
            rest = match["rest"].replace("_", " ")
            return f"{start}{_read_out(match['what'])}{rest} in the last {match['days']} days"
        return start + _read_out(name)

    def is_flag(self, name: str) -> bool:
        """Say whether a column of numbers answers yes or no.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        bool
            True for 1 as yes and 0 as no.
        """
        column = self.columns.get(name)
        return column is not None and column.unit == "yes 1, no 0"

    def value(self, value: Scalar, name: str | None) -> str:
        """Return a value as text, in the manner of the column that it is compared with.

        Parameters
        ----------
        value : bool, int, float, str, date, datetime or None
            The value.
        name : str or None
            That column, if there is one.

        Returns
        -------
        str
            As in ``50 %``, ``60.00 EUR`` or ``1 November 2026``.
        """
        if value is None:
            return "nothing"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, datetime):
            return instant_words(value)
        if isinstance(value, date):
            return day_words(value)
        if isinstance(value, str):
            return f"“{value}”"
        return self._number(float(value), name)

    def _number(self, value: float, name: str | None) -> str:
        column = self.columns.get(name or "")
        if column is not None and (is_probability(column) or column.unit == "share"):
            return percent(value, decimals=0 if round(value * 100, 6).is_integer() else 1)
        text = f"{value:,.15g}" if abs(value) < 1e15 else f"{value:g}"
        if column is not None and is_money(column):
            text = text if value.is_integer() else f"{value:,.2f}"
            return f"{text} {self.currency}" if self.currency else text
        if name is not None and name.endswith(_PERCENTILE):
            return f"{text} of 100"
        return text


def _read_out(name: str) -> str:
    return re.sub(r"_(\d+)d(?=_|$)", r" \1 days", name).replace("_", " ")
