"""A small shop in which trees must win: a rhythm and a pattern of values that no purchase model knows."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl

from foretell.models.boosting_params import BoostingParams
from foretell.scoring.known import known_at
from foretell.scoring.predict import predict
from foretell.tables.dataset import CustomerData
from foretell.training.boosted_recipe import BoostedRecipe
from foretell.windows import Horizons

START = datetime(2025, 1, 1)
AS_OF = datetime(2025, 8, 1)
HORIZONS = Horizons(30, 20, 10)

QUICK = BoostingParams(num_leaves=6, learning_rate=0.2, min_child_samples=20, lambda_l2=1.0, max_rounds=30, patience=6)
"""Few, large steps: what is tested is who is fitted to and what is stored, not accuracy."""

_SCHEMA = {"customer_id": pl.String, "ordered_at": pl.Datetime("us"), "amount_minor": pl.Int64}


def rhythmic(customers: int = 500, days: int = 250, seed: int = 3) -> CustomerData:
    """Half the customers come back after 6 and after 60 days in turn and then spend three times; half come at random.

    Gaps as unequal as that look random to a purchase model, so that it settles for the simplest law, which is quick.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        day, value, count, steady = rng.uniform(0, 100), rng.lognormal(3.5, 0.5), 0, number % 2 == 0
        while day < days:
            spent = value * rng.gamma(8.0, 1 / 8) * (3 if steady and count % 2 else 1)
            rows.append((f"c{number:04}", START + timedelta(days=float(day)), round(spent * 100) * 100))
            count += 1
            if not steady and rng.random() < 0.12:
                break
            day += rng.normal(60, 4) if steady and count % 2 else rng.normal(6, 1) if steady else rng.exponential(40)
    return shop_of(rows, until=START + timedelta(days=days))


def shop_of(rows: list[tuple[str, datetime, int | None]], *, until: datetime | None = None) -> CustomerData:
    """Build the data from rows of customer, instant, and money in 1/10,000; money is left out where it is None."""
    frame = pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("ordered_at", "customer_id")
    if frame["amount_minor"].is_null().all():
        frame = frame.drop("amount_minor")
    return CustomerData.from_orders(frame, observed_until=until)


def quick_recipe(threads: int = 1) -> BoostedRecipe:
    """The boosted rung with few trees."""
    return BoostedRecipe(params=QUICK, threads=threads)


def predictions(data: CustomerData, bundle, as_of: datetime = AS_OF) -> pl.DataFrame:
    """What a bundle says of each customer."""
    return predict(known_at(data, as_of, with_features=bundle.reads_features, statistics=bundle.statistics), bundle)


def incoherent(predicted: pl.DataFrame, horizons: Horizons) -> list[str]:
    """Name everything in which predictions contradict themselves or are no numbers."""
    floats = predicted.select(pl.selectors.float())
    found = [f"{name} is not finite" for name in floats.columns if not floats[name].drop_nulls().is_finite().all()]
    chance = {
        "churn": (horizons.churn_days, 1 - predicted["churn_risk"].to_numpy()),
        "order": (horizons.order_days, predicted["p_order"].to_numpy()),
    }
    # 1 − (1 − p) is p up to a unit in the last place.
    tolerance = 1e-15
    for name, (days, p) in chance.items():
        if not ((p >= 0) & (p <= 1)).all():
            found.append(f"{name} is no probability")
        if days <= horizons.clv_days and (p > predicted["predicted_orders"].to_numpy() + tolerance).any():
            found.append(f"fewer purchases are expected than the chance of one by {name}")
    (churn_days, stays), (order_days, orders) = chance["churn"], chance["order"]
    wrong = orders > stays + tolerance if order_days <= churn_days else orders < stays - tolerance
    if wrong.any() or (order_days == churn_days and (np.abs(orders - stays) > tolerance).any()):
        found.append("a purchase is likelier in the shorter horizon")
    money = predicted.drop_nulls("predicted_clv")
    if (money["predicted_clv"] < 0).any() or (money["spend_low"] > money["spend_high"]).any():
        found.append("money is negative or its interval upside down")
    dated = predicted.drop_nulls("next_order_days")
    early, middle, late = (dated[f"next_order_days{tail}"] for tail in ("_early", "", "_late"))
    if ((early > middle) | (middle > late) | (early < 1)).any():
        found.append("dates are out of order")
    return found
