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
# # Who is like the best ones?
#
# A new customer has bought once. There is hardly a history to predict from, and yet some of them will be among
# the best. Whom do they resemble on the day they arrive? This notebook learns it from those who became good
# customers, ranks the newcomers, and then looks at what the newcomers did.

# %%
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import foretell as ft

data, truth = ft.simulate(
    customers=8_000, seed=5, start="2023-01-01", end="2026-01-01", tables=["order_lines", "customers"]
)
data

# %% [markdown]
# ## What is known on the first day
#
# One row per customer, made of the first order and of the list of customers: any frame with a key will do. In
# this shop those who live near buy more often, and those who like dear things spend more. The ranking is not
# told so.

# %%
paid = data.orders.filter(pl.col("amount_minor") > 0)
first = (
    paid.sort("ordered_at", "order_id")
    .group_by("customer_id")
    .agg(
        pl.col("ordered_at", "order_id").first(),
        first_order_value=pl.col("amount_minor").first() / 10_000,
    )
    .rename({"ordered_at": "came_at"})
)
lines = data.optional.order_lines.filter(pl.col("amount_minor") > 0)
dearest = lines.sort("amount_minor", descending=True).group_by("order_id").agg(main_category=pl.col("category").first())
people = data.optional.customers.select("customer_id", "gender", "region", "lat", "lon")
newcomers = (
    first.join(dearest, on="order_id", how="left")
    .join(people, on="customer_id", how="left")
    .with_columns(
        first_order_month=pl.col("came_at").dt.month(),
        km_to_shop=(
            (111.2 * (pl.col("lat") - 52.52)) ** 2 + (67.7 * (pl.col("lon") - 13.405)) ** 2
        ).sqrt(),
    )
    .sort("customer_id")
    .collect()
)  # fmt: skip
newcomers.select("customer_id", "first_order_value", "main_category", "km_to_shop", "gender", "region").head(3)

# %% [markdown]
# ## Seeds
#
# Those who came before July 2024 have been customers for at least a year and a half. The best tenth of them, by
# what they spent in their first year *after* the first order, are the seeds. Everybody who came in 2025 is the
# pool.

# %%
year = (
    paid.join(first.select("customer_id", "came_at"), on="customer_id")
    .filter(pl.col("ordered_at") > pl.col("came_at"), pl.col("ordered_at") < pl.col("came_at").dt.offset_by("365d"))
    .group_by("customer_id")
    .agg(spent_in_first_year=pl.col("amount_minor").sum() / 10_000)
    .collect()
)
old = newcomers.filter(pl.col("came_at") < datetime(2024, 7, 1)).join(year, on="customer_id", how="left").fill_null(0.0)
best = old.filter(pl.col("spent_in_first_year") >= old["spent_in_first_year"].quantile(0.9))
known = ["customer_id", "first_order_value", "main_category", "region", "gender", "first_order_month", "km_to_shop"]
alike = ft.Lookalike(seed=0).fit(old.select(known), best["customer_id"])
print(f"{best.height} seeds among {old.height:,}; chosen: {alike.chosen_}; columns: {', '.join(alike.features_)}")

# %% [markdown]
# Gender was there and was left out: sensitive attributes are not learnt from unless they are let in by name,
# and the audit says whether the ranking favours a group all the same.

# %%
assert "gender" in alike.left_out_
assert "gender" not in alike.features_
print(alike.left_out_["gender"])
alike.audit_

# %% [markdown]
# ## What a larger audience costs
#
# Some seeds were kept secret while learning. How many of them are in the top of the ranking? The orange line is
# the control: the same with customers drawn at random for seeds, which must stay on the line of chance.

# %%
ax = ft.plot_reach(alike.reach_)

# %%
at_10 = alike.reach_.filter(pl.col("top_share") == 0.1).row(0, named=True)
print(f"In the top 10 %: {at_10['recall']:.0%} of the hidden seeds, {at_10['lift']:.1f} times chance")
assert at_10["lift_low"] > 1.5
assert 0.5 < at_10["control_lift"] < 1.6

# %% [markdown]
# ## The newcomers of 2025
#
# Rank them by their first day alone, take the tenth most alike, and look at what all of them spent in the 180
# days after it.

# %%
pool = newcomers.filter(pl.col("came_at").is_between(datetime(2025, 1, 1), datetime(2025, 7, 1), closed="left"))
ranking = alike.score(pool.select(known))
later = (
    paid.join(pool.lazy().select("customer_id", "came_at"), on="customer_id")
    .filter(pl.col("ordered_at") > pl.col("came_at"), pl.col("ordered_at") < pl.col("came_at") + timedelta(days=180))
    .group_by("customer_id")
    .agg(spent_later=pl.col("amount_minor").sum() / 10_000)
    .collect()
)
judged = ranking.join(later, on="customer_id", how="left").with_columns(pl.col("spent_later").fill_null(0.0))
top = judged.sort("lookalike_score", descending=True).head(judged.height // 10)
lift = top["spent_later"].mean() / judged["spent_later"].mean()
each, all_each = top["spent_later"].mean(), judged["spent_later"].mean()
print(f"The tenth most alike of {judged.height:,} spent {each:.0f} each, all {all_each:.0f}: {lift:.1f} times as much")
assert lift > 1.5
top.select("customer_id", "lookalike_score", "^reason_.$").head(3)

# %% [markdown]
# Was it only the value of the first order, by which anybody could sort? That is the rule to beat:

# %%
by_value = judged.join(pool.select("customer_id", "first_order_value"), on="customer_id")
simple = by_value.sort("first_order_value", descending=True).head(top.height)["spent_later"].mean()
print(f"by value of the first order alone: {simple:.0f} each")
assert top["spent_later"].mean() > simple
alike.profile(pool.select(known), top["customer_id"]).head(6)

# %% [markdown]
# ## Seeds that tell on themselves
#
# A classic mistake: leave in the column that chose the seeds. The model learns the rule back, looks perfect,
# and finds nobody new. The guard leaves it out and names it.

# %%
import warnings

circular = old.select(*known, "spent_in_first_year")
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    guarded = ft.Lookalike(seed=0).fit(circular, best["customer_id"])
assert "spent_in_first_year" in guarded.left_out_
assert any("spent_in_first_year" in str(warning.message) for warning in told)
print(guarded.left_out_["spent_in_first_year"])

# %% [markdown]
# Kept as a folder of text files, without a single customer in it:

# %%
with tempfile.TemporaryDirectory() as folder:
    alike.save(Path(folder) / "alike")
    again = ft.Lookalike.load(Path(folder) / "alike")
    held = "".join(path.read_text(encoding="utf-8") for path in (Path(folder) / "alike").rglob("*") if path.is_file())
assert again.score(pool.select(known)).equals(ranking)
assert not any(customer in held for customer in best["customer_id"])
assert np.isfinite(ranking["lookalike_score"].to_numpy()).all()
