"""The purchase rung: how regular the gaps are taken to be, and what may not move the choice."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from boosted_shops import shop_of
from foretell.bundles.bundle import Bundle
from foretell.bundles.files import bundle_files, load_bundle, save_bundle
from foretell.errors import ConvergenceWarning, FitError
from foretell.models.cnbd import MBGCNBD
from foretell.scoring.base import horizon
from foretell.scoring.known import known_at
from foretell.scoring.predict import answers
from foretell.tables.dataset import CustomerData
from foretell.training.past import periods_of
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.windows import Horizons

START = datetime(2025, 1, 1, 10)
HORIZONS = Horizons(90, 90, 30)

# Young shops are what is tested; that they are thin is said by other tests.
pytestmark = pytest.mark.filterwarnings("ignore::foretell.errors.SmallSampleWarning")


def boxes(days: int, *, pauses: float, customers: int = 300, seed: int = 1) -> CustomerData:
    """An order every 28 days, give or take three; some gaps are one to three months longer; one in 14 is the last."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        day = float(rng.integers(0, days))
        while day < days:
            rows.append((f"c{number:03}", START + timedelta(days=int(day)), None))
            if rng.random() < 1 / 14:
                break
            day += rng.normal(28, 3) + 28 * rng.integers(1, 4) * (rng.random() < pauses)
    return shop_of(rows, until=START + timedelta(days=days))


def fitted(data: CustomerData, as_of: datetime, **settings: object) -> tuple[Bundle, int]:
    bundle = PurchaseRecipe(**settings).fit(data, as_of, HORIZONS)
    assert isinstance(bundle.purchase_model, MBGCNBD)
    return bundle, bundle.purchase_model.params_.k


def log_loss(model: MBGCNBD, data: CustomerData, as_of: datetime) -> float:
    """Log loss of a purchase in the 90 days after a cutoff."""
    known = known_at(data, as_of, with_features=False).summary
    until = as_of + timedelta(days=90)
    later = data.orders.filter(pl.col("ordered_at").is_between(as_of, until, closed="left")).collect()
    bought = known["customer_id"].is_in(later["customer_id"].implode()).to_numpy()
    p = np.clip(horizon(model, known, 90).p_order, 1e-6, 1 - 1e-6)
    return float(-np.log(np.where(bought, p, 1 - p)).mean())


def test_who_pauses_now_and_then_has_not_left() -> None:
    """Most gaps are regular, so the likelihood is for a large k; who is late is told better by a smaller one."""
    data, as_of = boxes(480, pauses=0.1), START.replace(hour=0) + timedelta(days=390)
    likeliest = MBGCNBD().fit(known_at(data, as_of, with_features=False).summary)
    bundle, k = fitted(data, as_of)
    assert 1 <= k < likeliest.params_.k
    assert f"MBG/CNBD-{k} " in bundle.card["purchase_model"]["chosen_because"]
    # Waits of who comes are as regular as they were.
    assert bundle.timing_model is bundle.dates_model
    assert bundle.card["dates"]["regularity_k"] == likeliest.params_.k
    assert bundle.timing_model.params_.k == likeliest.params_.k
    # A fifth of the loss is far beyond what 90 days of some 260 customers move by chance.
    assert log_loss(bundle.purchase_model, data, as_of) < 0.8 * log_loss(likeliest, data, as_of)


def test_regular_gaps_keep_the_likeliest_k() -> None:
    data, as_of = boxes(480, pauses=0.0), START.replace(hour=0) + timedelta(days=390)
    likeliest = MBGCNBD().fit(known_at(data, as_of, with_features=False).summary)
    bundle, k = fitted(data, as_of)
    assert k == likeliest.params_.k > 5
    assert bundle.dates_model is None
    assert "dates" not in bundle.card
    assert bundle.timing_model is bundle.purchase_model


@pytest.mark.parametrize(
    ("days", "exclude"),
    [
        pytest.param(50, (), id="too short"),
        pytest.param(190, ((date(2025, 3, 1), date(2025, 7, 2)),), id="all excluded"),
    ],
)
def test_without_a_window_k_is_the_likeliest(days: int, exclude: tuple[tuple[date, date], ...]) -> None:
    data, as_of = boxes(300, pauses=0.1), START.replace(hour=0) + timedelta(days=days)
    bundle, k = fitted(data, as_of, exclude_periods=exclude)
    assert k == MBGCNBD().fit(known_at(data, as_of, with_features=False).summary).params_.k > 1
    assert "no past window" in bundle.card["purchase_model"]["chosen_because"]
    # Whoever fits it again, as the gate does, leaves out what was left out.
    assert tuple(periods_of(bundle.card)) == exclude


def test_dates_survive_storage_and_are_those_of_the_likeliest_k(tmp_path: Path) -> None:
    data, as_of = boxes(480, pauses=0.1), START.replace(hour=0) + timedelta(days=390)
    bundle, _ = fitted(data, as_of)
    save_bundle(bundle, tmp_path / "bundle")
    read = load_bundle(tmp_path / "bundle").bundle
    assert bundle_files(read) == bundle_files(bundle)
    known = known_at(data, as_of, with_features=False)
    told = answers(known, read)
    assert told.equals(answers(known, bundle))
    alone = answers(known, replace(read, dates_model=None))
    dates = ["next_order_days_early", "next_order_days", "next_order_days_late", "p_wait_longer"]
    assert all(told[name].equals(alone[name]) != (name in dates) for name in told.columns)
    by_likelihood = answers(known, replace(read, purchase_model=read.timing_model, dates_model=None))
    assert told.select(dates).equals(by_likelihood.select(dates))


def test_a_k_that_cannot_be_fitted_is_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    data, as_of = boxes(480, pauses=0.1), START.replace(hour=0) + timedelta(days=390)
    _, chosen = fitted(data, as_of)
    fit = MBGCNBD.fit

    def fit_others(self: MBGCNBD, *given: object, **settings: object) -> MBGCNBD:
        if self.k == chosen:
            message = "not this one"
            raise FitError(message)
        return fit(self, *given, **settings)

    monkeypatch.setattr(MBGCNBD, "fit", fit_others)
    assert fitted(data, as_of)[1] not in {chosen, None}


def test_who_keeps_an_unconverged_k_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    data, as_of = boxes(480, pauses=0.1), START.replace(hour=0) + timedelta(days=390)
    fit = MBGCNBD.fit

    def fit_badly(self: MBGCNBD, *given: object, **settings: object) -> MBGCNBD:
        fit(self, *given, **settings)
        if isinstance(self.k, int):
            self.fit_report_ = replace(self.fit_report_, converged=False)
        return self

    monkeypatch.setattr(MBGCNBD, "fit", fit_badly)
    with pytest.warns(ConvergenceWarning):
        fitted(data, as_of)


def test_rows_at_or_after_the_cutoff_change_no_byte() -> None:
    data, as_of = boxes(480, pauses=0.1), START.replace(hour=0) + timedelta(days=390)
    before = data.orders.filter(pl.col("ordered_at") < as_of).drop("row_number").collect()
    past = CustomerData.from_orders(before, observed_until=as_of)
    assert bundle_files(fitted(data, as_of)[0]) == bundle_files(fitted(past, as_of)[0])
