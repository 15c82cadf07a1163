"""Which kinds of reasons are told to whom, on a simulated shop: shared by its test and its benchmark program."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from foretell.bundles.bundle import Bundle
from foretell.features.catalogue import FAMILY_NAMES
from foretell.scoring.family_weights import family_weights
from foretell.scoring.known import known_at
from foretell.scoring.reason_words import family_words
from foretell.scoring.reasons import explain_bucket, prediction_parts
from foretell.tables.dataset import CustomerData

PLANTED = {"carts": "carts", "categories": "assortment", "messages": "messages"}
"""The family that reads each signal that the simulator plants."""

COME_BACK = ("stationery", "garden", "fashion")
"""Favourites of those who leave less easily."""


@dataclass(frozen=True)
class Told:
    """Reasons of one shop.

    Parameters
    ----------
    reasons : pl.DataFrame
        customer_id, family (null: a factor of the purchase model), raises (whether it is told to raise the value).
    weights : pl.DataFrame
        As from `family_weights`.
    features : pl.DataFrame
        As trees read them, with the truth.
    """

    reasons: pl.DataFrame
    weights: pl.DataFrame
    features: pl.DataFrame

    def share_of_reasons(self, family: str) -> float:
        """Return the share of all reasons that are of a family."""
        return float((self.reasons["family"] == family).sum()) / self.reasons.height

    def told_share(self, family: str, among: pl.Series, *, raises: bool) -> float:
        """Return the share of some customers who are told that a family raises, or lowers, what is predicted."""
        those = self.reasons.filter(family=family, raises=raises)["customer_id"]
        return float(self.features["customer_id"].filter(among).is_in(those.implode()).mean())

    def two_sides(self) -> dict[str, tuple[pl.Series, pl.Series]]:
        """For each signal, the customers in whom it is active in favour of them, and those in whom it is not."""
        known = self.features
        sent = known["messages_sent_last_90d"] > 0
        back = known["favourite_category"].is_in(COME_BACK)
        with_cart = known["open_cart_events_last_30d"] > 0
        return {
            "carts": (with_cart, ~with_cart),
            "categories": (back, ~back),
            "messages": (sent & (known["message_engagement"] >= 0.5), sent & (known["message_engagement"] < 0.25)),
        }


def told_reasons(data: CustomerData, truth: pl.DataFrame, bundle: Bundle, as_of: datetime) -> Told:
    """Explain every customer, and look which family each sentence is of."""
    known = known_at(data, as_of, with_features=True, statistics=bundle.statistics)
    parts = prediction_parts(known, bundle)
    families = [kind for kind in parts.kinds if kind in FAMILY_NAMES]
    columns = parts.told.columns
    words = parts.told.select(
        "customer_id",
        *(family_words(kind, f"{kind}_share", money=True, columns=columns).alias(kind) for kind in families),
    ).unpivot(index="customer_id", variable_name="family", value_name="text")
    words = words.cast(pl.String)  # where no tree won, there is no family
    told = explain_bucket(data, bundle, parts.told["customer_id"], as_of)
    reasons = told.unpivot(index="customer_id", value_name="text").drop_nulls("text").drop("variable")
    reasons = reasons.join(words, on=["customer_id", "text"], how="left")
    return Told(
        reasons.with_columns(raises=pl.col("text").str.ends_with("raises the prediction")),
        family_weights(data, bundle, as_of),
        parts.told.join(truth, on="customer_id", how="left", suffix="_true", maintain_order="left"),
    )
