"""A fit that begins at the optimum of a similar history ends at its own, sooner; a bad beginning costs time only."""

import math

import numpy as np
import polars as pl
import pytest

from foretell.features.summary import purchase_summary
from foretell.models.cnbd import MBGCNBD
from foretell.models.cnbd_kernel import CNBDParams
from foretell.models.gamma_gamma import GammaGamma
from foretell.models.gamma_gamma_kernel import GammaGammaParameters
from foretell.models.optimise import maximise_likelihood
from foretell.models.pareto_kernel import ParetoNBDParameters
from foretell.models.pareto_nbd import ParetoNBD
from models.oracles.cnbd_oracle import simulate, summary_of


def two_wells(theta):
    """Minima near 1 (value 0.5) and 20 (value 0), and a plain without any slope (value 3) beyond e^6."""
    z, centre = theta[0], math.log(20)
    if z > 6:
        return 3.0, np.array([0.0])
    shallow, deep = 0.5 + z**2, (z - centre) ** 2
    return (deep, np.array([2 * (z - centre)])) if deep < shallow else (shallow, np.array([2 * z]))


def test_an_optimum_that_no_start_beats_is_enough():
    outcome = maximise_likelihood(two_wells, [np.array([-2.0])], names=("z",), near=np.array([2.9]))
    assert outcome.parameters == pytest.approx((20.0,), rel=1e-6)
    assert (outcome.starts, outcome.agreeing) == (1, 1)


@pytest.mark.parametrize("near", [7.0, 0.1, 99.0], ids=["flat", "another optimum", "out of bounds"])
def test_a_beginning_that_a_start_beats_is_given_up(near):
    outcome = maximise_likelihood(two_wells, [np.array([2.5])], names=("z",), near=np.array([near]))
    assert outcome.parameters == pytest.approx((20.0,), rel=1e-6)
    assert outcome.starts == 2


@pytest.fixture(scope="module")
def summaries(cdnow_sample):
    """A shop at two cutoffs, three months apart."""
    return [purchase_summary(cdnow_sample, day) for day in ("1998-01-01", "1998-04-01")]


@pytest.mark.parametrize(
    "model", [MBGCNBD(k=1), MBGCNBD(), ParetoNBD(), GammaGamma(), GammaGamma(credibility="orders")], ids=str
)
def test_the_optimum_of_another_cutoff_is_a_beginning_only(summaries, model):
    earlier, later = summaries
    kind, settings = type(model), model.get_params()
    alone = kind(**settings).fit(earlier)
    warm = kind(**settings).fit(earlier, near=kind(**settings).fit(later))
    assert warm.fit_report_.converged
    # The likelihood is flat at its top: values agree to the noise of a sum over 2,357 customers.
    assert warm.log_likelihood_ == pytest.approx(alone.log_likelihood_, rel=1e-9)
    names = [name for name, value in vars(alone.params_).items() if isinstance(value, float)]
    # and parameters to the root of that, weakly told ones (Pareto's s and beta) a little less.
    assert [getattr(warm.params_, name) for name in names] == pytest.approx(
        [getattr(alone.params_, name) for name in names], rel=2e-3
    )
    assert warm.fit_report_.evaluations < alone.fit_report_.evaluations / 2


@pytest.mark.parametrize(
    ("model", "far"),
    [
        (MBGCNBD(), CNBDParams(9e4, 1e-3, 9e4, 1e-5, k=9)),
        (ParetoNBD(), ParetoNBDParameters(9e4, 1e-3, 9e4, 1e-3)),
        (GammaGamma(), GammaGammaParameters(9e3, 9e3, 9e5)),
        (GammaGamma(credibility="orders"), GammaGammaParameters(9e3, 9e3, 9e5)),
    ],
    ids=str,
)
def test_a_beginning_far_off_does_no_harm(summaries, model, far):
    kind, settings = type(model), model.get_params()
    alone, begin = kind(**settings).fit(summaries[0]), kind(**settings).fit(summaries[1])
    begin.params_ = far
    assert kind(**settings).fit(summaries[0], near=begin).log_likelihood_ == pytest.approx(
        alone.log_likelihood_, rel=1e-9
    )


@pytest.mark.parametrize("k", [1, 2, 4])
def test_k_is_found_from_either_side(k):
    drawn = simulate(CNBDParams(1.3, 20.0 * k, 0.45, 0.8, k=k), customers=3_000, observed=(190, 450), future=1, seed=k)
    summary = summary_of(drawn["x"], drawn["t_x"], drawn["T"], drawn["log_gaps"])
    alone = MBGCNBD().fit(summary)
    for begin_k in (1, k, 6):
        begin = MBGCNBD(k=begin_k).fit(summary)
        warm = MBGCNBD().fit(summary, near=begin)
        assert warm.params_.k == alone.params_.k == k
        tried = [one for one, _ in warm.fit_report_.k_profile]
        assert tried == sorted(tried)
        assert {max(k - 1, 1), k, k + 1} <= set(tried)


def test_a_pooled_mean_is_no_beginning(summaries):
    few = summaries[0].with_columns(mean_order_value=pl.lit(20.0))
    pooled = GammaGamma().fit(few)
    assert GammaGamma().fit(summaries[0], near=pooled).params_ == GammaGamma().fit(summaries[0]).params_
