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
# # Bring your own orders
#
# Real files are not clean. This notebook writes one as shops export it, with a few things wrong in it, and
# reads it until every row is accounted for. The rule: whatever cannot be used is set aside with a reason, and
# nothing is lost quietly.

# %%
import tempfile
from pathlib import Path

import polars as pl

import foretell as ft

folder = tempfile.TemporaryDirectory()
file = Path(folder.name) / "invoices.csv"

shop, truth = ft.simulate(customers=1_500, seed=7, refund_share=0.0)
lines = shop.orders.collect().select(
    InvoiceNo=pl.col("order_id"),
    CustomerID=pl.col("customer_id"),
    InvoiceDate=pl.col("ordered_at").dt.strftime("%m/%d/%Y %H:%M"),
    Quantity=pl.lit(2),
    UnitPrice=(pl.col("amount_minor") / 20_000).round(2),
)
lines.head(3)

# %% [markdown]
# Now what happens in every shop: some orders without a customer, a cancelled invoice, a date that nobody can
# read, a few lines that were exported twice.

# %%
broken = pl.concat(
    [
        lines,
        lines.head(40).with_columns(CustomerID=pl.lit("")),
        lines.slice(40, 25).with_columns(InvoiceNo="C" + pl.col("InvoiceNo"), Quantity=-pl.col("Quantity")),
        lines.slice(65, 3).with_columns(InvoiceDate=pl.lit("some day in May")),
        lines.slice(68, 7),
    ]
)
broken.write_csv(file)
print(f"{broken.height:,} rows in {file.name}")

# %% [markdown]
# ## The first try
#
# Without saying which column is what, there is one answer with all problems at once. It names what the file
# has, and no cell of it: a column of e-mail addresses would be read by whoever reads the log.

# %%
try:
    ft.read_orders(file)
except ft.DataError as error:
    message = str(error)
print(message)
assert "customer_id" in message
assert "CustomerID" in message
assert lines["CustomerID"][0] not in message

# %% [markdown]
# ## Naming the columns
#
# Each is a column of the file or an SQL expression over its columns. Dates are American here, so their form is
# said: `3/4/2025` is never guessed at.

# %%
mapping = {
    "customer_id": "CustomerID",
    "ordered_at": "InvoiceDate",
    "date_format": "%m/%d/%Y %H:%M",
    "amount": "Quantity * UnitPrice",
    "order_id": "InvoiceNo",
    "cancelled": "InvoiceNo LIKE 'C%'",
}
data = ft.read_orders(file, **mapping)
data

# %% [markdown]
# Every row is used or in quarantine, with its row number in the file.

# %%
report = data.report
assert report.rows_in == broken.height
assert report.rows_in == report.rows_used + report.rows_quarantined
data.quarantine.group_by("column", "reason").agg(rows=pl.len(), first_row=pl.col("row_number").min()).sort("rows")

# %%
for note in report.notes:
    print(f"{note.count:>5,}  {note.sentence}")

# %% [markdown]
# The seven lines that were there twice are kept and counted: two equal lines of one order can be meant. If
# yours are not, say so, and they go to quarantine too.

# %%
strict = ft.read_orders(file, **mapping, drop_duplicates=True)
print(strict.report.rows_quarantined - report.rows_quarantined, "rows more in quarantine")
assert strict.report.rows_quarantined - report.rows_quarantined == 7

# %% [markdown]
# ## More tables
#
# What else the shop knows comes in by `ft.read_data`. Each table has its own mapping and its own account of
# rows. Here a list of customers, one of whom is in it twice.

# %%
people = pl.DataFrame({"client": truth["customer_id"], "country": ["DE", "AT", "CH"] * 500})
people = pl.concat([people, people.head(1)])
everything = ft.read_data(
    orders=ft.Source(file, **mapping),
    customers=ft.Source(people, customer_id="client"),
)
print(everything.report.tables["customers"])
assert everything.report.tables["customers"].rows_in == 1_501
assert everything.orders.collect().height == data.orders.collect().height

# %% [markdown]
# ## Is it enough?
#
# It is once something can be learnt and judged. The purchase model alone (`rungs="purchase"`) takes seconds;
# months in which customers first bought, and how many came back, are worth a look before any model.

# %%
ax = ft.plot_cohort_retention(ft.cohort_retention(data))

# %%
model = ft.train(data, as_of="2025-07-01", clv_days=180, churn_days=90, rungs="purchase")
scores = model.score(data, as_of="2025-07-01")
assert set(scores["customer_id"]) <= set(truth["customer_id"])
assert scores["predicted_clv_180d"].null_count() == 0
model

# %% [markdown]
# Without money there are still purchases and dates: `amount=None` counts orders, and what would be money is
# empty.

# %%
counts = ft.read_orders(file, **{**mapping, "amount": None})
counted = ft.train(counts, as_of="2025-07-01", clv_days=180, churn_days=90, rungs="purchase", backtest_cutoffs=())
plain = counted.score(counts, as_of="2025-07-01")
assert plain["prediction_status"].unique().to_list() == ["no_money"]
assert plain["predicted_orders_180d"].is_between(0, 200).all()
folder.cleanup()
plain.select("customer_id", "orders", "predicted_orders_180d", "predicted_clv_180d", "churn_risk_90d").head(3)
