"""A search that begins on a sample ends at the optimum of all rows, and chooses the same k."""

import pytest

from foretell.models import cnbd_search
from foretell.models.cnbd import MBGCNBD
from foretell.models.cnbd_kernel import CNBDParams
from foretell.models.history import read_history
from models.oracles.cnbd_oracle import simulate, summary_of

TRUTH = {
    1: CNBDParams(0.55, 70.0, 0.6, 1.5),
    2: CNBDParams(1.3, 20.0, 0.45, 0.8, k=2),
}


@pytest.fixture(scope="module")
def summaries():
    drawn = {k: simulate(p, customers=8_000, observed=(190, 450), future=1, seed=5 + k) for k, p in TRUTH.items()}
    return {k: summary_of(d["x"], d["t_x"], d["T"], d["log_gaps"]) for k, d in drawn.items()}


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("sizes", [(300,), (512, 2048)], ids=str)
def test_a_sample_only_leads_to_the_exact_optimum(summaries, monkeypatch, k, sizes):
    frame = summaries[2].head(7000)
    monkeypatch.setattr(cnbd_search, "_SAMPLES", ())
    exact = MBGCNBD(k=k).fit(frame)
    monkeypatch.setattr(cnbd_search, "_SAMPLES", sizes)
    fast = MBGCNBD(k=k).fit(frame)
    assert fast.fit_report_.converged
    assert fast.fit_report_.gradient_norm < 1e-8
    assert fast.log_likelihood_ == pytest.approx(exact.log_likelihood_, rel=1e-12)
    one, two = fast.params_, exact.params_
    # A hundred thousandth of a standard error, at the curvature of this history, is about 1e-6.
    assert (two.r, two.alpha, two.a, two.b) == pytest.approx((one.r, one.alpha, one.a, one.b), rel=1e-5)


def test_where_a_parameter_of_the_sample_runs_away_all_rows_decide(summaries, monkeypatch):
    monkeypatch.setattr(cnbd_search, "_SAMPLES", ())
    exact = MBGCNBD(k=1).fit(summaries[1])
    monkeypatch.setattr(cnbd_search, "_SAMPLES", (1024,))
    monkeypatch.setattr(cnbd_search, "_CORNER", 1e6)  # every parameter is in a corner
    assert MBGCNBD(k=1).fit(summaries[1]).log_likelihood_ == pytest.approx(exact.log_likelihood_, rel=1e-12)


def test_a_walk_that_does_not_end_in_an_optimum_is_followed_by_a_search(summaries, monkeypatch):
    monkeypatch.setattr(cnbd_search, "_SAMPLES", ())
    exact = MBGCNBD(k=1).fit(summaries[1])
    monkeypatch.setattr(cnbd_search, "_SAMPLES", (1024,))
    monkeypatch.setattr(cnbd_search, "polish", lambda _objective, standing, **_: standing)
    model = MBGCNBD(k=1).fit(summaries[1])
    assert model.fit_report_.converged
    assert model.log_likelihood_ == pytest.approx(exact.log_likelihood_, rel=1e-12)


@pytest.mark.parametrize("truth", [1, 2])
def test_a_k_far_behind_is_left_unfinished_and_the_choice_stays(summaries, monkeypatch, truth):
    monkeypatch.setattr(cnbd_search, "_SAMPLES", ())
    exact = MBGCNBD().fit(summaries[truth])
    monkeypatch.setattr(cnbd_search, "_SAMPLES", (1024,))
    model = MBGCNBD().fit(summaries[truth])
    assert model.params_.k == exact.params_.k == truth
    told, true = dict(model.fit_report_.k_profile), dict(exact.fit_report_.k_profile)
    assert list(told) == list(true)
    assert model.log_likelihood_ == pytest.approx(exact.log_likelihood_, rel=1e-12)
    left = [k for k in told if told[k] < true[k] - 1e-3]
    assert left
    for k in left:
        # ten times what is missing to its optimum would not bring it level with the k before
        assert 10 * (true[k] - told[k]) < 1.1 * (true[k - 1] - told[k])


def test_a_search_that_may_still_get_there_is_finished(summaries, monkeypatch):
    monkeypatch.setattr(cnbd_search, "_SAMPLES", (300,))
    search = cnbd_search.CNBDSearch(read_history(summaries[1], reader="test"), dropout_at_first=True)
    best = search.optimum(1, None, near=False)
    assert best.converged
    # what the sample's optimum lacks to the best is what its curvature promises, not ten times as much
    again = search.optimum(1, None, near=False, limit=best.value)
    assert (again.converged, again.value) == (True, best.value)
    left = search.optimum(1, None, near=False, limit=best.value - 1.0)
    assert not left.converged
    assert left.value > best.value
