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
# # From a segment to a campaign, and what the campaign did
#
# A marketer wants a list to write to, a file that the platform takes, and afterwards an honest answer: did it
# work? This notebook goes the whole way in a simulated shop: a segment in a few lines, a holdout that is left
# alone, the upload file, and the comparison. Segments and files are the command line's, so this notebook calls
# `foretell` as a terminal would.

# %%
import json
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import foretell as ft

desk = tempfile.TemporaryDirectory()
shop = Path(desk.name)


def foretell(*words: str) -> tuple[int, str]:
    """Run the command line in the shop; returns its exit code and what it printed."""
    command = [str(Path(sys.executable).with_name("foretell")), "--config", str(shop / "foretell.toml"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    shown = " ".join(Path(word).name if "/" in word else word for word in words)
    print(f"$ foretell {shown}   [exit code {done.returncode}]")
    return done.returncode, done.stdout


# %% [markdown]
# ## The shop
#
# Orders, a list of customers with addresses and consent, and a short config. The purchase model alone is enough
# here.

# %%
data, truth = ft.simulate(customers=6_000, seed=12, tables=["customers"])
data.orders.select("customer_id", "order_id", "ordered_at", amount=pl.col("amount_minor") / 10_000).collect().write_csv(
    shop / "orders.csv"
)
people = data.optional.customers.collect()
people.write_csv(shop / "customers.csv")
(shop / "foretell.toml").write_text("""
[shop]
name = "Simulated shop"
currency = "EUR"

[data.orders]
path = "orders.csv"
order_id = "order_id"

[data.customers]
path = "customers.csv"

[horizons]
clv_days = 180

[training]
rungs = ["purchase"]

[segments]
ready = ["vip", "win_back", "clv_high"]
""")
people.select("customer_id", "email", "consent_ads").head(3)

# %% [markdown]
# ## A segment of one's own
#
# Whom to write to, what to do, who does it. `holdout = 0.3` leaves three in ten alone, chosen by lot: only the
# difference to them shows what the letter did.

# %%
(shop / "segments").mkdir()
(shop / "segments" / "call_back.toml").write_text("""
title = "Good customers who are slipping away"
where = "orders >= 2 AND churn_risk > 0.3"
action = "A letter with a small gift."
owner = "Anna, CRM"
channels = ["meta"]
order_by = "predicted_clv DESC"
holdout = 0.3
""")
AS_OF = "2025-10-01"
assert foretell("train", "--as-of", AS_OF, "--no-tracking")[0] == 0
assert foretell("score", "--as-of", AS_OF)[0] == 0
folder = shop / "data" / "exports" / AS_OF
code, words = foretell("segments", "preview", "call_back")
print("\n".join(line[:140] for line in words.splitlines()[:10]))

# %%
contacted = pl.read_csv(folder / "segments" / "call_back.csv")
left_alone = pl.read_csv(folder / "segments" / "call_back_holdout.csv")
assert not set(contacted["customer_id"]) & set(left_alone["customer_id"])
share = left_alone.height / (left_alone.height + contacted.height)
print(f"{contacted.height} to write to, {left_alone.height} left alone ({share:.1%})")
assert abs(share - 0.3) < 0.05
contacted.select("customer_id", "why_here", "predicted_clv_180d").head(3)

# %% [markdown]
# A mistake in a rule is found before anything is written: here a share written as percent.

# %%
(shop / "segments" / "oops.toml").write_text(
    'where = "churn_risk > 70"\naction = "Nothing yet."\nowner = "Anna, CRM"\n'
)
code, words = foretell("segments", "lint")
(shop / "segments" / "oops.toml").unlink()
print(words)
assert code == 2

# %% [markdown]
# ## The file for the platform
#
# `meta` stands among the segment's channels, so the upload file is there already: hashed as Meta wants it, only
# of people who agreed, nobody who was left alone.

# %%
upload = folder / "upload" / "meta" / "call_back.csv"
code, words = foretell("verify", str(upload), "--for", "meta")
print(words)
assert code == 0
rows = pl.read_csv(upload, infer_schema=False)
agreed = people.filter(pl.col("consent_ads"))["customer_id"]
assert rows.height == contacted["customer_id"].is_in(agreed.implode()).sum()
assert not any("@" in cell for cell in rows["email"])
rows.select("email", "phone", "country").head(2)

# %% [markdown]
# ## What can this holdout show?
#
# Told before the campaign, so that nobody is surprised after it: the smallest rise that would be seen in 8 of
# 10 tests.

# %%
power = pl.read_csv(folder / "segments_power.csv").filter(
    pl.col("segment") == "call_back", pl.col("measure") == "order_rate"
)
smallest = power["smallest_lift"].item()
print(f"{power['baseline'].item():.1%} are expected to order within 30 days anyway")
print(f"a rise of less than {100 * smallest:.1f} points goes unseen")
power

# %% [markdown]
# ## The campaign
#
# Here comes the part that no file can hold, so it is simulated: who would have ordered within 30 days did (it
# is in the orders), and of the others who were written to, the letter brought one in eight.

# %%
as_of = datetime.fromisoformat(AS_OF)
anyway = data.between(as_of, as_of + timedelta(days=30)).orders.select("customer_id").unique().collect()["customer_id"]
TRUE_EFFECT = 1 / 8
rng = np.random.default_rng(4)
came = contacted["customer_id"].is_in(anyway.implode()).to_numpy()
came_after_letter = came | (rng.random(came.size) < TRUE_EFFECT)
came_alone = left_alone["customer_id"].is_in(anyway.implode()).to_numpy()
treated, control = came_after_letter.mean(), came_alone.mean()
error = np.sqrt(treated * (1 - treated) / came.size + control * (1 - control) / came_alone.size)
low, high = treated - control - 1.96 * error, treated - control + 1.96 * error
print(f"written to: {treated:.1%} ordered; left alone: {control:.1%}")
print(f"95 % interval of what the letter did: {100 * low:.1f} to {100 * high:.1f} points")
really = TRUE_EFFECT * (1 - came.mean())
assert smallest < really
assert low > 0
assert low < really < high

# %% [markdown]
# Without the holdout the letter would have been credited with everybody who ordered:

# %%
print(f"credited without a holdout: {treated:.1%}; really: {really:.1%}; {treated / really:.1f} times too much")
assert treated > 1.5 * really

# %% [markdown]
# ## The same people, again and again
#
# Who is left alone follows from the customer's id and nothing else. So the next run leaves the same people
# alone, and the comparison may go on for months.

# %%
LATER = "2025-11-01"
assert foretell("score", "--as-of", LATER)[0] == 0
later = pl.read_csv(shop / "data" / "exports" / LATER / "segments" / "call_back.csv")
assert not set(later["customer_id"]) & set(left_alone["customer_id"])
changes = pl.read_csv(shop / "data" / "exports" / LATER / "segments_diff.csv")
call_back = changes.filter(pl.col("segment") == "call_back")
manifest = json.loads((shop / "data" / "exports" / LATER / "manifest.json").read_text(encoding="utf-8"))
assert manifest["as_of"].startswith(LATER)
desk.cleanup()
call_back.drop("customer_id").head(4)
