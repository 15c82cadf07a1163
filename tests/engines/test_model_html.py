"""A model in a notebook: facts and figures, escaped, without any customer."""

from dataclasses import replace

import polars as pl

from foretell.engines.model_html import model_html
from foretell.engines.trained_model import TrainedModel


def record_with(bundle, rung: str) -> dict[str, pl.DataFrame]:
    row = ("2025-01-01", rung, "churn", "auc", 0.71234, 0.7, None)
    table = pl.DataFrame([row], schema=bundle.record["backtest"].schema, orient="row")
    return {**bundle.record, "backtest": table}


def test_it_says_what_the_model_is_and_that_nobody_judged_it(bundle):
    page = TrainedModel(bundle)._repr_html_()
    assert "value 180 days, churn 90, order 30" in page
    assert "Never judged" in page


def test_figures_of_its_own_rung_only_with_intervals_where_there_are_any(bundle):
    page = model_html(replace(bundle, record=record_with(bundle, bundle.rung)), "v1")
    assert "<td>churn</td><td>auc</td><td>0.712</td>" in page
    assert "0.712" not in model_html(replace(bundle, record=record_with(bundle, "another")), "v1")


def test_hostile_text_is_escaped(bundle):
    page = model_html(replace(bundle, card={"limits": ["<script>alert(1)</script>"]}), "<b>")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<b></td>" not in page


def test_what_was_judged_is_handed_out_for_the_plots(bundle):
    frames = {
        name: pl.DataFrame(
            [("2025-01-01", "purchase", "churn", 1, 30, 0.4, 0.5)], schema=bundle.record[name].schema, orient="row"
        )
        for name in ("calibration", "deciles")
    }
    model = TrainedModel(replace(bundle, record={**bundle.record, **frames}))
    assert model.calibration.row(0, named=True)["observed"] == 0.5
    assert model.deciles.row(0, named=True)["actual"] == 0.5
