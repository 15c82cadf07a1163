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
# # When is the next order?
#
# A reminder the day before somebody would have bought anyway is wasted, and one three weeks later is too late.
# This notebook asks for dates, says how wide they are, and counts how often they were right.
#
# The shop is simulated: half of its customers restock regularly, the others buy when they feel like it.

# %%
from datetime import datetime, timedelta

import polars as pl

import foretell as ft

data, truth = ft.simulate(
    customers=4_000, seed=21, start="2023-01-01", end="2026-01-01",
    one_time_share=0.15, regular_share=0.5, regular_gap_shape=12, season_strength=0.1,
)  # fmt: skip
AS_OF = "2025-07-01"
model = ft.train(data, as_of=AS_OF, clv_days=180, churn_days=90, rungs="boosted")
scores = model.score(data, as_of=AS_OF)
dates = ["next_order_date_early", "expected_next_order_date", "next_order_date_late"]
scores.filter(pl.col("orders") > 5).select("customer_id", "last_order_date", "avg_days_between_orders", *dates).head(5)

# %% [markdown]
# Three dates for each customer: the middle one, and the ends of the range that holds 8 of 10. All are *given
# that they buy* within the horizon. Whether they buy at all is another number, `churn_risk_90d`.

# %%
with_chance = scores.filter(pl.col("expected_next_order_date").is_not_null())
assert (with_chance[dates[0]] <= with_chance[dates[1]]).all()
assert (with_chance[dates[1]] <= with_chance[dates[2]]).all()
print(f"{with_chance.height:,} of {scores.height:,} customers have a date")

# %% [markdown]
# ## One customer, day by day
#
# Each order lifts the chance of still being a customer; every quiet day lowers it, and the more so the more
# regular the customer was.

# %%
regular = truth.filter(pl.col("kind") == "regular", pl.col("left_at").is_null(), pl.col("mean_gap_days") > 25)
somebody = (
    scores.filter(pl.col("customer_id").is_in(regular["customer_id"].implode()), pl.col("orders").is_between(8, 14))
    .sort("customer_id")["customer_id"]
    .first()
)
history = model.timeline(data, somebody, as_of=AS_OF)
assert history.days["p_alive"].is_between(0, 1).all()
assert history.next_order["probability"].is_sorted()
ax = ft.plot_customer_history(history.days, next_order=history.next_order)

# %% [markdown]
# ## Were the dates right?
#
# Of those who did order in the following 180 days: how many on or between the early and the late date? It
# should be 80 %.

# %%
as_of = datetime.fromisoformat(AS_OF)
came = (
    data.between(as_of, as_of + timedelta(days=180))
    .orders.group_by("customer_id")
    .agg(came_on=pl.col("ordered_at").min().dt.date())
    .collect()
)
judged = with_chance.join(came, on="customer_id").with_columns(
    inside=pl.col("came_on").is_between(dates[0], dates[2]),
    days_off=(pl.col("came_on") - pl.col("expected_next_order_date")).dt.total_days(),
)
coverage, typical = judged["inside"].mean(), judged["days_off"].abs().median()
print(f"{judged.height:,} ordered; {coverage:.0%} inside the range; typically {typical:.0f} days off")
assert 0.74 < coverage < 0.88

# %% [markdown]
# Beside it what one would do by hand: the last order plus the usual gap.

# %%
by_hand = judged.filter(pl.col("avg_days_between_orders").is_not_null()).with_columns(
    guess=pl.col("last_order_date") + pl.duration(days=pl.col("avg_days_between_orders").round().cast(pl.Int64))
)
off = by_hand.select(
    foretell=pl.col("days_off").abs().median(),
    last_plus_gap=(pl.col("came_on") - pl.col("guess")).dt.total_days().abs().median(),
)
print(off)
past = by_hand.filter(pl.col("guess") < as_of.date()).height / by_hand.height
print(f"{past:.0%} of the guesses by hand lie in the past, before the day on which they were made")
assert off["foretell"].item() < off["last_plus_gap"].item()
assert with_chance["expected_next_order_date"].min() >= as_of.date()

# %% [markdown]
# ## Where it is less right
#
# 80 % holds of all together. By kind it does not: foretell learns one regularity for the whole shop, so dates
# of the regular are wider than they need be, and dates of those who come at random too narrow. A real shop does
# not say who is of which kind; here the simulator does.

# %%
kinds = (
    judged.filter(pl.col("orders") >= 6)
    .join(truth.select("customer_id", "kind"), on="customer_id")
    .group_by("kind")
    .agg(
        customers=pl.len(),
        usual_gap_days=pl.col("avg_days_between_orders").median(),
        range_days=(pl.col(dates[2]) - pl.col(dates[0])).dt.total_days().median(),
        days_off=pl.col("days_off").abs().median(),
        inside=pl.col("inside").mean(),
    )
    .sort("kind")
)
inside = dict(kinds.select("kind", "inside").iter_rows())
off_by_kind = dict(kinds.select("kind", "days_off").iter_rows())
assert inside["random"] < 0.8 < inside["regular"]
assert off_by_kind["regular"] < off_by_kind["random"]
kinds

# %% [markdown]
# ## Overdue
#
# A customer is overdue when the wait is longer than 9 of 10 waits expected of that customer. That is a reason
# to write to them, and no verdict: the simulator knows how many of the overdue had really left.

# %%
left = truth.select("customer_id", gone=(pl.col("left_at") < as_of).fill_null(value=False))
overdue = (
    scores.filter(pl.col("orders") >= 3)
    .join(left, on="customer_id")
    .group_by("overdue")
    .agg(customers=pl.len(), had_left=pl.col("gone").mean(), p_alive=pl.col("p_alive").mean())
    .sort("overdue")
)
gone = dict(overdue.select("overdue", "had_left").iter_rows())
assert gone[True] > 0.7
assert gone[False] < 0.4
overdue

# %% [markdown]
# ## The list of the month
#
# Whoever is more likely than not to order within 30 days, the nearest dates first: the people to remind now.

# %%
month = scores.filter(pl.col("p_order_30d") > 0.5).sort(dates[1], "customer_id")
ordered = came.filter(pl.col("came_on") < (as_of + timedelta(days=30)).date())["customer_id"]
share, said = month["customer_id"].is_in(ordered.implode()).mean(), month["p_order_30d"].mean()
print(f"{month.height} customers; {said:.0%} were said to order within 30 days, {share:.0%} did")
assert abs(share - said) < 0.12
month.select("customer_id", "last_order_date", *dates, "p_order_30d").head(5)
