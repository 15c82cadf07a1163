# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Customer lifetime value, and the ladder
#
# How much will each customer spend in the next half year? There is a well-known way, BG/NBD with gamma-gamma,
# and a well-known package for it, lifetimes. foretell stands on the same idea and climbs on: a sturdier
# purchase model, then boosted trees that learn what the purchase model gets wrong, then the level of the shop,
# then calibration. Each step is a *rung*, and each has to show on the shop's own past that it is worth having.

# %%
from datetime import datetime

import numpy as np
import polars as pl

import foretell as ft

data = ft.load_cdnow()
AS_OF = "1998-01-02"

# %% [markdown]
# ## Every rung, the naive rules and lifetimes on the same question
#
# `ft.backtest` goes back to a day in the past, trains on what lay before it, and compares with the 180 days
# after it. The naive rules are what a spreadsheet would do.

# %%
table = ft.backtest(data, cutoffs=AS_OF, clv_days=180, churn_days=90)
value = table.filter(pl.col("target") == "clv", pl.col("metric").is_in(["gini", "spearman", "rmse", "bias"]))
value.with_columns(pl.col("value").round(3)).pivot("metric", index="rung", values="value")

# %% [markdown]
# Gini says how well customers are ranked by what they then spent (1 is perfect), RMSE is dollars per customer,
# bias the error of the total. What must hold, held here by assertions:


# %%
def figure(rung: str, metric: str) -> float:
    """Return one number of the table above."""
    return value.filter(pl.col("rung") == rung, pl.col("metric") == metric)["value"].item()


assert figure("boosted", "gini") > figure("lifetimes_bgnbd", "gini")
assert figure("boosted", "rmse") < figure("lifetimes_bgnbd", "rmse") < figure("naive_rate", "rmse")
assert abs(figure("boosted", "bias")) < 0.05
ax = ft.plot_backtest(table, target="clv", metric="gini")

# %% [markdown]
# And what is not flattering: Spearman's correlation counts every customer alike, and most of these never come
# back. To rank those, the recent rate of orders alone does better than any model, foretell's included.

# %%
assert figure("naive_rate", "spearman") > figure("boosted", "spearman")

# %% [markdown]
# ## lifetimes in your own hands
#
# Not only as a row of ours: here BG/NBD is fitted by lifetimes itself, on the same customers, and asked for the
# same 180 days.

# %%
from lifetimes import BetaGeoFitter

before = data.before(AS_OF).orders.with_columns(day=pl.col("ordered_at").dt.date())
end = pl.lit(datetime(1998, 1, 1)).dt.date()
summary = (
    before.group_by("customer_id")
    .agg(
        repeats=pl.col("day").n_unique() - 1,
        first_to_last=(pl.col("day").max() - pl.col("day").min()).dt.total_days(),
        age=(end - pl.col("day").min()).dt.total_days(),
    )
    .sort("customer_id")
    .collect()
)
with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
    peer = BetaGeoFitter().fit(*(summary[name].to_numpy() for name in ("repeats", "first_to_last", "age")))
    orders_by_lifetimes = peer.conditional_expected_number_of_purchases_up_to_time(
        180, *(summary[name].to_numpy() for name in ("repeats", "first_to_last", "age"))
    )
print({name: round(float(number), 3) for name, number in peer.params_.items()})

# %% [markdown]
# Now foretell with its purchase model alone, and with trees on it.

# %%
purchase = ft.train(data, as_of=AS_OF, clv_days=180, churn_days=90, rungs="purchase", backtest_cutoffs=())
boosted = ft.train(data, as_of=AS_OF, clv_days=180, churn_days=90, rungs="boosted", backtest_cutoffs=())
scores = boosted.score(data, as_of=AS_OF)
happened = (
    data.between(datetime(1998, 1, 2), datetime(1998, 7, 1))
    .orders.group_by("customer_id")
    .agg(orders=pl.col("ordered_at").dt.date().n_unique(), spent=pl.col("amount_minor").sum() / 10_000)
    .collect()
)
side_by_side = (
    summary.select("customer_id", lifetimes=pl.Series(np.asarray(orders_by_lifetimes)))
    .join(
        purchase.score(data, as_of=AS_OF).select("customer_id", purchase="predicted_orders_180d"),
        on="customer_id",
        validate="1:1",
    )
    .join(scores.select("customer_id", boosted="predicted_orders_180d"), on="customer_id", validate="1:1")
    .join(happened.select("customer_id", happened="orders"), on="customer_id", how="left")
    .fill_null(0)
)
side_by_side.select(pl.exclude("customer_id").sum().round(0))

# %%
errors = side_by_side.select(
    ((pl.col(name) - pl.col("happened")) ** 2).mean().sqrt().alias(name)
    for name in ("lifetimes", "purchase", "boosted")
)
agreement = np.corrcoef(side_by_side["lifetimes"].to_numpy(), side_by_side["purchase"].to_numpy())[0, 1]
print(f"lifetimes and the purchase model agree: correlation {agreement:.3f}")
assert agreement > 0.97
assert errors["boosted"].item() < errors["lifetimes"].item()
errors

# %% [markdown]
# The two models of the same idea agree; the trees add a little on top. On a shop with a season, heavy buyers or
# regular customers they add more: [docs/benchmarks.md](../docs/benchmarks.md) has six real cases, with the lost
# ones.
#
# ## What does the purchase model believe?
#
# Many orders and a short silence: a customer. Many orders and a long silence: gone, and surer of it than of
# somebody who always bought rarely.

# %%
landscape = purchase.landscape(days_as_customer=365, most_orders=12)
ax = ft.plot_frequency_recency(landscape, value="p_alive")
silent = landscape.filter(pl.col("orders") >= 2, pl.col("days_since_last_order").is_between(195, 205)).sort("orders")
assert silent.height > 5
assert silent["p_alive"].is_sorted(descending=True)

# %%
ax = ft.plot_tracking(ft.track_orders(purchase, data), cumulative=True)

# %% [markdown]
# ## Who brings the money?

# %%
joined = scores.join(happened.select("customer_id", "spent"), on="customer_id", how="left").with_columns(
    pl.col("spent").fill_null(0.0)
)
tenths = (
    joined.with_columns(decile=(pl.col("predicted_clv_180d").rank("ordinal") * 10 / (pl.len() + 1)).floor() + 1)
    .group_by(pl.col("decile").cast(pl.Int64))
    .agg(customers=pl.len(), predicted=pl.col("predicted_clv_180d").mean(), actual=pl.col("spent").mean())
    .sort("decile")
)
assert tenths["actual"].arg_max() == tenths["predicted"].arg_max() == 9
ax = ft.plot_decile_value(tenths, unit="US dollars")

# %%
ax = ft.plot_value_capture(tenths)

# %% [markdown]
# And the interval of a single customer: "at most 1 in 10 spends more than the high". That can be counted, too.

# %%
above = joined.filter(pl.col("spent") > pl.col("predicted_clv_180d_high")).height / joined.height
print(f"{above:.1%} spent more than their high")
assert above < 0.12
