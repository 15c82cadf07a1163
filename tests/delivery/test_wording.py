"""Words for exactly what a backtest holds: a name that no backtest writes would never be told."""

from foretell.delivery.rule_columns import without_horizon
from foretell.delivery.wording import METRICS, RUNGS, TARGETS
from foretell.evaluation.panels import AMOUNT_METRICS, MONEY_METRICS, DatePanel, EventPanel, IntervalPanel
from foretell.evaluation.targets import targets
from foretell.training.recipes import scoring_recipes, with_baselines
from foretell.windows import Horizons


def test_every_metric_that_is_told_is_one_that_a_backtest_computes():
    computed = {*AMOUNT_METRICS, *MONEY_METRICS, *EventPanel.names, *IntervalPanel.names, *DatePanel.names}
    assert set(METRICS) <= computed | {"concordance"}


def test_every_target_and_every_row_of_a_backtest_has_its_words():
    assert set(TARGETS) == {without_horizon(target.name) for target in targets(Horizons())}
    assert set(RUNGS) == {recipe.name for recipe in with_baselines(scoring_recipes(None))}
