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
# # Churn, and whether 70 % means 70 %
#
# In a shop nobody cancels. Customers just do not come back, and the day on which they left is written down
# nowhere. So there are two different questions: *is this still a customer?* and *will they order in the next 90
# days?* This notebook shows both in a simulated shop, where for once the truth is known, and then turns to
# contracts, where customers do cancel.

# %%
from datetime import datetime, timedelta

import numpy as np
import polars as pl

import foretell as ft

data, truth = ft.simulate(customers=6_000, seed=3, start="2023-01-01", end="2026-01-01", season_strength=0.1)
AS_OF = "2025-10-01"
model = ft.train(data, as_of=AS_OF, clv_days=180, churn_days=90, rungs="boosted")
scores = model.score(data, as_of=AS_OF)
model

# %% [markdown]
# ## Still a customer?
#
# `p_alive` is the purchase model's answer. Nobody can check it in a real shop. Here the simulator knows after
# which order each customer left for good.

# %%
as_of = datetime.fromisoformat(AS_OF)
alive = truth.select("customer_id", alive=pl.col("left_at").is_null() | (pl.col("left_at") >= as_of))
known = scores.join(alive, on="customer_id", validate="1:1")
tenths = (
    known.with_columns(bin=(pl.col("p_alive") * 10).floor().clip(0, 9))
    .group_by("bin")
    .agg(customers=pl.len(), predicted=pl.col("p_alive").mean(), observed=pl.col("alive").mean())
    .sort("bin")
)
ax = ft.plot_calibration(tenths, event="were still customers")

# %%
total = known.select(pl.col("p_alive").sum(), pl.col("alive").sum()).row(0)
print(f"expected still customers: {total[0]:,.0f}, really: {total[1]:,}")
assert abs(total[0] / total[1] - 1) < 0.15

# %% [markdown]
# ## Will they order within 90 days?
#
# That is `churn_risk_90d`, and it can be checked in any shop by waiting 90 days. Alive is not the same as
# coming soon: here are slow but loyal customers, almost surely alive and unlikely to order in time.

# %%
slow = scores.filter(pl.col("p_alive") > 0.8, pl.col("churn_risk_90d") > 0.6)
print(f"{slow.height} customers are probably still there and will probably not order within 90 days")
assert slow.height > 20
slow.select("orders", "avg_days_between_orders", "days_since_last_order", "p_alive", "churn_risk_90d").head(3)

# %%
window = data.between(as_of, as_of + timedelta(days=90)).orders.select("customer_id").unique().collect()
seen = scores.with_columns(stayed_away=~pl.col("customer_id").is_in(window["customer_id"].implode()))
bands = (
    seen.group_by("churn_band")
    .agg(customers=pl.len(), said=pl.col("churn_risk_90d").mean(), stayed_away=pl.col("stayed_away").mean())
    .sort("said")
)
assert (bands["said"] - bands["stayed_away"]).abs().max() < 0.08
bands

# %% [markdown]
# Not only three bands: training has done the same on past windows, in ten groups, for every rung. Points on the
# dashed line are percentages that came true.

# %%
newest = model.calibration.filter(pl.col("cutoff") == pl.col("cutoff").max(), pl.col("target") == "churn")
ax = ft.plot_calibration(newest.filter(pl.col("rung") == "boosted"), event="did not order in 90 days")

# %%
judged = model.backtest.filter(pl.col("cutoff") == pl.col("cutoff").max(), pl.col("target") == "churn")
losses = judged.filter(pl.col("metric") == "log_loss").select("rung", "value", "low", "high").sort("value")
loss = dict(losses.select("rung", "value").iter_rows())
assert loss["boosted"] < loss["naive_rate"]
assert loss["boosted"] < loss["lifetimes_bgnbd"]
losses

# %% [markdown]
# ## What a calibrated risk is good for
#
# With a probability that can be believed, costs can be weighed. A letter costs 1.50 and brings one in ten of
# those back who would have stayed away; an order leaves a margin of 20. Then a letter pays where 0.1 × risk ×
# 20 is more than 1.50.

# %%
worth = seen.with_columns(gain=0.1 * 20 * pl.col("churn_risk_90d") - 1.5).filter(pl.col("gain") > 0)
expected, real = worth["gain"].sum(), (0.1 * 20 * worth["stayed_away"].cast(pl.Int32) - 1.5).sum()
print(f"{worth.height:,} letters: {expected:,.0f} expected, {real:,.0f} with what then happened")
assert worth["churn_risk_90d"].min() > 0.75
assert abs(real / expected - 1) < 0.25

# %% [markdown]
# ## Contracts
#
# Where customers cancel there is a label, and any frame with a key will do. Here is a small subscription
# business. The truth: short tenure and support tickets raise the chance of cancelling, the plan's name does
# nothing.

# %%
rng = np.random.default_rng(5)
count = 3_000
tenure, tickets = rng.integers(1, 60, count), rng.poisson(1.0, count)
true_risk = 1 / (1 + np.exp(-(-0.6 - 0.05 * tenure + 0.7 * tickets)))
cancelled = rng.random(count) < true_risk
subscribers = pl.DataFrame(
    {
        "subscriber": [f"s{number:04}" for number in range(count)],
        "months_as_subscriber": tenure,
        "support_tickets": tickets,
        "plan": rng.choice(["small", "medium", "large"], count),
        "last_invoice": np.where(cancelled, "final", "regular"),
        "cancelled": cancelled,
    }
)

# %% [markdown]
# The column `last_invoice` was filled in afterwards: it knows who cancelled. A model with it would look perfect
# and be useless. Training stops and names it.

# %%
try:
    ft.ChurnClassifier(seed=0).fit(subscribers, "cancelled", key="subscriber")
except ft.LeakageError as error:
    message = str(error)
print(message)
assert "last_invoice" in message

# %%
churn = ft.ChurnClassifier(seed=0).fit(subscribers.drop("last_invoice"), "cancelled", key="subscriber")
risks = churn.predict(subscribers.drop("last_invoice", "cancelled"))
error = float(np.abs(risks.sort("customer_id")["churn_risk"].to_numpy() - true_risk).mean())
print(f"chosen: {churn.chosen_}; mean distance from the true risk: {error:.3f}")
assert error < 0.05
churn.evaluation_.filter(pl.col("metric").is_in(["auc", "log_loss", "ece"]))
