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
# # A first look
#
# Who will buy again, when, for how much, and who is leaving? This notebook answers it for CDNOW: 23,570 people
# who first bought CDs online in early 1997, with every order until mid-1998. It takes about half a minute and
# needs no network.

# %%
from datetime import datetime

import polars as pl

import foretell as ft

data = ft.load_cdnow()
data

# %% [markdown]
# ## Train as if it were 2 January 1998
#
# Everything at or after `as_of` is out of sight: not one byte of the model depends on it. Training also judges
# the recipe on earlier dates, beside two rules of thumb and the BG/NBD model of the lifetimes package.

# %%
AS_OF = "1998-01-02"
model = ft.train(data, as_of=AS_OF, clv_days=180, churn_days=90)
model

# %% [markdown]
# ## Score every customer
#
# One row per customer: what happened, what is expected, how sure, and why.

# %%
scores = model.score(data, as_of=AS_OF)
assert scores.height == 23_570
scores.sort("predicted_clv_180d", descending=True).head(5)

# %%
scores.sort("predicted_clv_180d", descending=True).select(
    "customer_id", "churn_band", "expected_next_order_date", "^reason_.$"
).head(3)

# %%
ax = ft.plot_clv_distribution(scores, unit="US dollars")

# %% [markdown]
# Most of these customers bought once, nearly a year ago, and are worth a few dollars. A few are worth hundreds.
#
# ## What is coming?
#
# The sum over all customers, week by week. The range is one for the total: errors of single customers even out
# in it.

# %%
weeks = model.forecast(data, as_of=AS_OF)
ax = ft.plot_expected_orders(weeks)

# %% [markdown]
# ## How right was it?
#
# Half a year later we know: the orders from 2 January to 30 June 1998 are in the file. The model did not see
# them.

# %%
after = data.between(datetime(1998, 1, 2), datetime(1998, 7, 1)).orders
spent = after.group_by("customer_id").agg(spent=pl.col("amount_minor").sum() / 10_000).collect()
happened = scores.join(spent, on="customer_id", how="left").with_columns(pl.col("spent").fill_null(0.0))
expected, actual = happened["predicted_clv_180d"].sum(), happened["spent"].sum()
print(f"expected {expected:,.0f} dollars, spent {actual:,.0f}: {expected / actual - 1:+.1%}")
assert abs(expected / actual - 1) < 0.1

# %% [markdown]
# The total is one thing; whom to write to is another. Did the customers who were said to be worth most turn out
# to be?

# %%
best = happened.sort("predicted_clv_180d", descending=True).head(happened.height // 10)
share = best["spent"].sum() / actual
print(f"The best tenth by prediction brought {share:.0%} of all that was spent.")
assert share > 0.5

# %% [markdown]
# And the risk: of those said to be at high risk of not coming back within 90 days, how many stayed away?

# %%
came = data.between(datetime(1998, 1, 2), datetime(1998, 4, 2)).orders.select("customer_id").unique().collect()
bands = (
    happened.with_columns(came=pl.col("customer_id").is_in(came["customer_id"].implode()))
    .group_by("churn_band")
    .agg(customers=pl.len(), said=pl.col("churn_risk_90d").mean(), stayed_away=1 - pl.col("came").mean())
    .sort("said")
)
assert (bands["said"] - bands["stayed_away"]).abs().max() < 0.05
bands

# %% [markdown]
# ## Keep it
#
# A saved model is a folder of JSON and CSV. Loading it executes nothing and checks every byte.

# %%
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    version = model.save(Path(folder) / "cdnow")
    again = ft.load_model(Path(folder) / "cdnow")

assert again.version == version == model.version
assert again.score(data, as_of=AS_OF).equals(scores)

# %% [markdown]
# Your own orders come in by `ft.read_orders("orders.csv", customer_id="…", ordered_at="…", amount="…")`: that
# is the next notebook, [bring your own orders](02_your_own_orders.ipynb).
