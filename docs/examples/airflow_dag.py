# ruff: noqa: INP001  an example, no package
"""A nightly run in Airflow 2.4 or newer: the date is the schedule's, so a day that is run again is the same run."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

FORETELL = "/srv/foretell/.venv/bin/foretell --config /srv/shop/foretell.toml"

with DAG(
    "foretell",
    schedule="15 4 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    # Exit 75 (the folder is held, or no database) passes with time; a refused run does not, and fails again at once.
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
) as dag:
    score = BashOperator(
        task_id="score",
        bash_command=FORETELL + " score --as-of {{ data_interval_end | ds }}",
        # Exit 5: the newest orders are too old. Skipped, so that what comes after it waits for tomorrow.
        skip_on_exit_code=5,
        append_env=True,
    )
    review = BashOperator(task_id="review", bash_command=FORETELL + " review", append_env=True)
    score >> review
