"""Cases and the rows of the benchmark: who sees what, what a peer answers, what is remembered and written."""

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from accuracy_boosted_peer import TwoStage
from accuracy_cases import CASES, COMPLETE_JOURNEY, DATA_FOLDER, DATE_CASE, ONLINE_RETAIL, Case, History
from accuracy_foretell import Foretell
from accuracy_peers import PURCHASE_PEERS, GapRule, Lifetimes, RecentRate
from accuracy_run import Question, ask, redraw
from accuracy_tables import BEGIN, END, put_between_markers

from foretell.errors import DataError, FitError
from foretell.tables.cdnow import load_cdnow
from foretell.tables.dataset import CustomerData
from foretell.tables.simulate import simulate

CASE = Case("shop 10", History("shop", None, lambda _: ORDERS, date(2024, 12, 31)), date(2024, 2, 1), 10)
ORDERS = pl.DataFrame(
    [
        ("a", datetime(2024, 1, 1, 9), 10.0),
        ("a", datetime(2024, 1, 1, 17), 5.0),
        ("a", datetime(2024, 1, 25), 4.0),
        ("a", datetime(2024, 1, 31, 23, 59), 6.0),
        ("a", datetime(2024, 2, 1), 7.0),
        ("a", datetime(2024, 2, 10, 23, 59), 8.0),
        ("a", datetime(2024, 2, 11), 100.0),
        ("b", datetime(2024, 1, 12), 3.0),
        ("b", datetime(2024, 1, 20), 0.0),
        ("c", datetime(2024, 2, 3), 50.0),
    ],
    schema={"customer_id": pl.String, "ordered_at": pl.Datetime("us"), "amount": pl.Float64},
    orient="row",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder, and an empty cache."""
    monkeypatch.setenv(DATA_FOLDER, str(tmp_path))
    monkeypatch.setattr("accuracy_run.CACHE", tmp_path / "cache")
    return tmp_path


# --- cases ------------------------------------------------------------------------------------------------------------


def test_the_past_ends_before_the_cutoff():
    past = CASE.past(CASE.history.orders())
    seen = past.orders.collect()
    assert seen["ordered_at"].max() == datetime(2024, 1, 31, 23, 59)
    assert seen.columns == ["row_number", "customer_id", "ordered_at", "amount_minor"]
    assert past.observed_until == datetime(2024, 2, 1)
    assert seen.height == 5


def test_outcomes_are_distinct_days_and_spend_of_the_window_for_everybody_seen_before():
    assert CASE.outcome(CASE.history.orders()).to_dicts() == [
        {"customer_id": "a", "orders_before": 3, "orders": 2, "spend": 15.0, "days": 1},
        {"customer_id": "b", "orders_before": 1, "orders": 0, "spend": 0.0, "days": None},
    ]


def test_days_of_complete_journey_are_those_of_its_shops(folder):
    pl.DataFrame(
        {
            "household_id": [7, 7],
            "order_ts": [datetime(2017, 10, 1, 3, 59), datetime(2017, 1, 1, 5)],
            "value": [1.0, 2.0],
        }
    ).write_parquet(folder / "complete_journey_baskets.parquet")
    # four hours behind UTC in summer, five in winter
    assert COMPLETE_JOURNEY.orders()["ordered_at"].to_list() == [datetime(2017, 1, 1), datetime(2017, 9, 30, 23, 59)]


def test_cancelled_and_worthless_invoices_are_no_orders(folder):
    pl.DataFrame(
        {
            "customer_id": [1, 1, 1, None],
            "order_ts": [datetime(2011, 1, day) for day in (1, 2, 3, 4)],
            "value": [5.0, 9.0, 0.0, 5.0],
            "is_cancel": [False, True, False, False],
        }
    ).write_parquet(folder / "online_retail_orders.parquet")
    assert ONLINE_RETAIL.orders()["amount"].to_list() == [5.0]


@pytest.mark.usefixtures("folder")
def test_an_absent_history_says_why(monkeypatch):
    assert ONLINE_RETAIL.absent() == f"online_retail_orders.parquet is not in {DATA_FOLDER}"
    monkeypatch.delenv(DATA_FOLDER)
    assert ONLINE_RETAIL.absent() == f"{DATA_FOLDER} is not set"
    assert CASES[0].history.absent() is None


def test_every_window_was_observed():
    for case in (*CASES, DATE_CASE):
        assert case.cutoff.toordinal() + case.days <= case.history.end.toordinal(), case.name


# --- peers ------------------------------------------------------------------------------------------------------------


def answered(recipe, data: CustomerData, as_of=CASE.as_of, horizons=CASE.horizons):
    return recipe.fit_predict(data, as_of, horizons, 0).sort("customer_id")


def test_the_recent_rate_repeats_the_last_days():
    found = answered(RecentRate(), CASE.past(CASE.history.orders()))
    # b's only purchase lies 20 days back, outside the last 10; even after 2.5 days without one
    assert found.to_dict(as_series=False) == {
        "customer_id": ["a", "b"],
        "predicted_orders": [2.0, 0.0],
        "predicted_clv": [10.0, 0.0],
        "churn_risk": pytest.approx([1 - 1 / 1.4, 1 - 1 / 9]),
    }


@pytest.mark.parametrize(("days", "orders"), [(7, [2.0, 0.0]), (6, [1.0, 0.0])])
def test_the_recent_rate_counts_the_days_before_the_cutoff(days, orders):
    # a bought 7 days before the cutoff and the day before it
    case = Case("shop", CASE.history, CASE.cutoff, days)
    assert answered(RecentRate(), case.past(ORDERS), horizons=case.horizons)["predicted_orders"].to_list() == orders


def test_the_recent_rate_of_a_short_history_is_scaled_up():
    whole = Case("shop 62", CASE.history, CASE.cutoff, 62)
    found = answered(RecentRate(), whole.past(whole.history.orders()), whole.as_of, whole.horizons)
    assert found["predicted_orders"].to_list() == [6.0, 2.0]
    assert found["predicted_clv"].to_list() == [50.0, 6.0]


def test_the_gap_rule_adds_the_usual_gap_and_never_says_a_date_that_has_passed():
    past = CASE.past(CASE.history.orders())
    # a's gaps are 24 and 6 days, the last purchase was yesterday; b gets the shop's gap: 12 + 15 days is January
    assert answered(GapRule("mean"), past)["next_order_days"].to_list() == [15.0, 1.0]


@pytest.mark.parametrize(
    ("peer", "total"),
    [("BetaGeoFitter", 1653), ("ModifiedBetaGeoFitter", 1577), ("ParetoNBDFitter", 1666)],
)
def test_purchase_models_reproduce_what_is_known_of_them(peer, total):
    # CDNOW's published sample, 39 weeks after 1997-10-01: expected purchases of lifetimes' own example. Eight orders
    # of no worth are left out here, which moves the total by less than one percent.
    sample = load_cdnow(sample=True).orders.filter(pl.col("amount_minor") > 0).collect()
    case = Case("sample", History("sample", None, lambda _: sample, date(1998, 7, 1)), date(1997, 10, 1), 273)
    past = case.past(sample.with_columns(amount=pl.col("amount_minor") / 10_000))
    found = answered(
        Lifetimes(peer, peer, drawn=4 if peer == "ParetoNBDFitter" else 0), past, case.as_of, case.horizons
    )
    assert found["predicted_orders"].sum() == pytest.approx(total, rel=0.01)
    # P(buys) = 1 − exp(−E[n])
    assert np.allclose(found["churn_risk"], np.exp(-found["predicted_orders"].to_numpy()), atol=2e-6)
    assert found["predicted_clv"].sum() / found["predicted_orders"].sum() == pytest.approx(36.0, abs=4.0)


@pytest.mark.parametrize("peer", PURCHASE_PEERS, ids=lambda peer: peer.name)
def test_a_peer_answers_the_same_twice(peer, question):
    case = question.case
    first, again = (answered(peer, case.past(question.orders), case.as_of, case.horizons) for _ in range(2))
    assert first.equals(again)


def test_the_boosted_peer_needs_customers_at_its_training_cutoff():
    with pytest.raises(FitError, match="2 customers were known"):
        answered(TwoStage(), CASE.past(CASE.history.orders()))


@pytest.fixture(scope="module")
def question() -> Question:
    """A simulated shop of 300 customers, 60 days ahead."""
    rows = simulate(customers=300, seed=4, start="2024-01-01", end="2025-01-01")[0].orders.collect()
    orders = rows.select("customer_id", "ordered_at", amount=pl.col("amount_minor") / 10_000)
    history = History("simulated", None, lambda _: orders, date(2025, 1, 1))
    return Question.of(Case("simulated 60", history, date(2024, 10, 1), 60), history.orders())


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "recipe",
    [*PURCHASE_PEERS, TwoStage(), TwoStage("windows", (30, 90)), Foretell(("purchase",))],
    ids=lambda recipe: recipe.name,
)
def test_every_row_answers_for_every_customer(recipe, question):
    found = ask(recipe, question, (), seed=0)
    assert found.given is not None
    assert found.given.answers("predicted_orders", "predicted_clv", "churn_risk")
    assert found.given.columns["predicted_clv"].size == question.customers.len()


@pytest.mark.usefixtures("folder")
def test_foretell_is_read_by_its_published_columns(question):
    columns = ask(Foretell(("purchase",)), question, (), seed=0).given.columns
    early, expected, late = (columns[f"next_order_days{end}"] for end in ("_early", "", "_late"))
    assert np.nanmin(early) >= 1.0
    assert np.nanmax(late) <= question.case.days
    assert np.all((early <= expected) & (expected <= late) | np.isnan(expected))
    assert np.all(columns["spend_low"] <= columns["spend_high"])


# --- memory -----------------------------------------------------------------------------------------------------------


class Counting:
    """Everybody buys once; counts how often it was asked."""

    name = "counting"

    def __init__(self, mark="", error=None):
        self.mark, self.error, self.fits = mark, error, 0

    def __repr__(self):
        return f"Counting({self.mark!r})"

    def fit_predict(self, data, *_):
        self.fits += 1
        if self.error:
            raise self.error
        return data.orders.select(pl.col("customer_id").unique(), predicted_clv=1.0, churn_risk=0.25).collect()


def test_what_was_fitted_is_fitted_again_only_if_something_changed(question, folder):
    source = folder / "model.py"
    source.write_text("1")
    recipe = Counting()
    first = ask(recipe, question, [source], seed=0)
    again = ask(recipe, question, [source], seed=0)
    assert recipe.fits == 1
    assert (first.given.columns["churn_risk"] == again.given.columns["churn_risk"]).all()
    source.write_text("2")
    assert ask(recipe, question, [source], seed=0, fit=False) is None
    ask(recipe, question, [source], seed=0)
    ask(recipe, question, [source], seed=1)
    assert recipe.fits == 3
    other = Counting("other")
    ask(other, question, [source], seed=0)
    assert other.fits == 1


@pytest.mark.usefixtures("folder")
def test_a_row_that_cannot_be_fitted_is_remembered_with_its_reason(question):
    recipe = Counting(error=FitError("too thin"))
    found = [ask(recipe, question, (), seed=0) for _ in range(2)]
    assert recipe.fits == 1
    assert [(row.given, row.why_not) for row in found] == [(None, "too thin")] * 2
    assert redraw(found[0], question, times=3, seed=0) == {}


def test_a_row_that_leaves_customers_out_is_an_error_and_is_not_remembered(question, folder):
    class Forgetful(Counting):
        def fit_predict(self, *asked):
            return super().fit_predict(*asked).head(5)

    with pytest.raises(DataError, match="without a prediction"):
        ask(Forgetful(), question, (), seed=0)
    assert not list((folder / "cache").glob("*"))


@pytest.mark.usefixtures("folder")
def test_resamples_are_drawn_once(question, monkeypatch):
    found = ask(Counting(), question, (), seed=0)
    first = redraw(found, question, times=5, seed=0)
    monkeypatch.setattr("accuracy_run.resampled", lambda *_, **__: pytest.fail("drawn again"))
    again = redraw(found, question, times=5, seed=0)
    assert set(first) == {"gini", "spearman", "rmse", "decile_mape", "auc", "log_loss", "ece"}
    assert all(np.array_equal(first[name], again[name], equal_nan=True) for name in first)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_only_the_generated_part_of_the_page_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    put_between_markers(page, r"new \1")
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\n\nnew \\1\n\n{END}\nafter\n"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(SystemExit, match="lacks the lines"):
        put_between_markers(page, "new")
