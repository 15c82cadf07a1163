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
# # The scheduled job, and MLflow
#
# At night nobody watches. The job that scores a shop must be right or silent: it publishes a whole folder or
# nothing, and its exit code says what a scheduler should do. This notebook plays some nights of a shop, good
# and bad ones.

# %%
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import polars as pl

import foretell as ft

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
desk = tempfile.TemporaryDirectory()
shop = Path(desk.name) / "shop"


def foretell(*words: str, lines: int = 4) -> int:
    """Run the command line in the shop, show the first lines of what it says, and return its exit code."""
    command = [str(Path(sys.executable).with_name("foretell")), *words]
    folder = shop if shop.exists() else shop.parent
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    print("$ foretell", *words)
    messages = [line for line in done.stderr.splitlines() if not line.startswith("{")]  # JSON lines are for log readers
    print("\n".join(line[:150] for line in [*done.stdout.splitlines()[:lines], *messages[:lines]]))
    print(f"exit code {done.returncode}")
    return done.returncode


# %% [markdown]
# ## A shop
#
# `init` makes folders and a commented `foretell.toml`. Two settings are changed: value is predicted for 180
# days, and the purchase model is enough.

# %%
assert foretell("init", "shop") == 0
settings = (shop / "foretell.toml").read_text(encoding="utf-8")
for old, new in {
    "clv_days = 365": "clv_days = 180",
    '# rungs = ["boosted", "purchase", "pareto"]': 'rungs = ["purchase"]',
    '# ready = ["win_back", "vip", "due_soon"]': 'ready = ["win_back", "vip", "due_soon"]',
}.items():
    assert old in settings
    settings = settings.replace(old, new)
(shop / "foretell.toml").write_text(settings, encoding="utf-8")

data, truth = ft.simulate(customers=2_500, seed=31, refund_share=0.0)
orders = data.orders.select("customer_id", "ordered_at", amount=pl.col("amount_minor") / 10_000).collect()
file = shop / "data" / "raw" / "orders.csv"
exports = shop / "data" / "exports"


def orders_up_to(day: str) -> pl.DataFrame:
    """Return what the shop's system holds on the morning of a day."""
    return orders.filter(pl.col("ordered_at") < pl.lit(day).str.to_datetime())


def newest_run() -> str:
    """Return the folder that whoever opens the exports is sent to."""
    return json.loads((exports / "latest.json").read_text(encoding="utf-8"))["folder"]


orders_up_to("2025-07-01").write_csv(file)
assert foretell("check", "--as-of", "2025-07-01") == 0

# %% [markdown]
# ## Train, then score
#
# Training judges the model on the shop's own past; only one that passes the gate becomes the champion.

# %%
assert foretell("train", "--as-of", "2025-07-01") == 0
assert foretell("runs") == 0

# %%
assert foretell("score", "--as-of", "2025-07-01") == 0
assert newest_run() == "2025-07-01"

# %% [markdown]
# Cron fires twice, or somebody runs it by hand in the morning: nothing changes, byte for byte.

# %%
before = {path: path.read_bytes() for path in exports.rglob("*") if path.is_file()}
assert foretell("score", "--as-of", "2025-07-01") == 0
assert {path: path.read_bytes() for path in exports.rglob("*") if path.is_file()} == before

# %% [markdown]
# ## A bad night: the file is broken
#
# The column with the date got another name. Exit code 3: the input is invalid, tell a person. The last result
# stands.

# %%
orders_up_to("2025-07-02").rename({"ordered_at": "created"}).write_csv(file)
assert foretell("score", "--as-of", "2025-07-02") == 3
assert newest_run() == "2025-07-01"

# %% [markdown]
# ## A worse night: the file looks fine and is wrong
#
# Every second customer is missing. No column is broken, and every number could be true. A gate holds the run
# against the last one and refuses to publish: exit code 4.

# %%
half = orders_up_to("2025-07-02").filter(pl.col("customer_id").str.contains("[02468]$"))
half.write_csv(file)
assert foretell("score", "--as-of", "2025-07-02") == 4
assert newest_run() == "2025-07-01"
assert not (exports / "2025-07-02").exists()

# %% [markdown]
# The next morning the whole file is back, and the job goes on as if nothing had been.

# %%
orders_up_to("2025-07-02").write_csv(file)
assert foretell("score", "--as-of", "2025-07-02") == 0
assert newest_run() == "2025-07-02"
written = {path.name for path in (exports / "2025-07-02").iterdir()}
assert {"scores.csv", "report.html", "README.txt", "manifest.json"} <= written

# %% [markdown]
# ## A quarter later: what were the predictions worth?
#
# `review` compares what published runs said with what then happened. Churn was said for 90 days, and these are
# over.

# %%
orders_up_to("2025-10-15").write_csv(file)
assert foretell("review", lines=12) == 0
totals = pl.read_csv(exports / "review" / "totals.csv").filter(pl.col("target") == "churn")
assert ((totals["predicted"] / totals["actual"] - 1).abs() < 0.1).all()
totals

# %%
reviewed = pl.read_csv(exports / "review" / "calibration.csv").filter(pl.col("target") == "churn")
first_run = reviewed.filter(pl.col("cutoff") == pl.col("cutoff").min())
ax = ft.plot_calibration(first_run, event="did not order in 90 days")

# %% [markdown]
# ## What MLflow knows
#
# Each training wrote one run: parameters, figures of the backtest, the version of the bundle. The store is a
# file under `models`. Nothing of it is needed to score, and a store that is down stops no run. `mlflow ui`
# shows it in a browser.

# %%
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's progress bars ask for a package of widgets
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{shop / 'models' / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = [run for run in client.search_runs(experiments) if "bundle_version" in run.data.tags]
training = next(run for run in runs if run.data.params.get("as_of", "").startswith("2025-07-01"))
champion = json.loads((shop / "models" / "registry.json").read_text(encoding="utf-8"))["roles"]["champion"]
assert training.data.tags["bundle_version"] == champion
assert training.data.params["rung"] == "purchase"
assert 0.5 < training.data.metrics["churn.auc"] <= 1
{name: round(training.data.metrics[name], 3) for name in ("clv.gini", "clv.bias", "churn.auc", "churn.log_loss")}

# %% [markdown]
# The same bundle opens in a notebook, without MLflow and without the command line:

# %%
model = ft.load_model(shop / "models" / "bundles" / champion)
assert model.version == champion
scores = model.score(ft.read_orders(file), as_of="2025-07-02")
published = pl.read_parquet(exports / "2025-07-02" / "scores.parquet")
assert scores["customer_id"].equals(published["customer_id"])
assert scores["churn_risk_90d"].equals(published["churn_risk_90d"])
desk.cleanup()
model

# %% [markdown]
# Lines for cron, systemd, Airflow and Kubernetes, and what each exit code asks of a scheduler, are in
# [docs/scheduling.md](../docs/scheduling.md).
