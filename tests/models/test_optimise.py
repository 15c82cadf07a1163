"""The optimiser finds known optima, and says so when it does not."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import digamma, gammaln

from foretell.errors import FitError
from foretell.models.optimise import maximise_likelihood


def gamma_objective(mean, mean_log):
    """Mean negative log-likelihood of Gamma(shape, rate), which has one optimum."""

    def objective(theta):
        shape, rate = np.exp(theta)
        value = gammaln(shape) - shape * theta[1] - (shape - 1) * mean_log + rate * mean
        return value, np.array([shape * (digamma(shape) - theta[1] - mean_log), rate * mean - shape])

    return objective


def two_wells(theta):
    """Minima near 1 (value 0.5) and 20 (value 0)."""
    z, centre, other = theta[0], math.log(20), 0.0
    shallow, deep = 0.5 + (z - other) ** 2, (z - centre) ** 2
    if deep < shallow:
        return deep, np.array([2 * (z - centre)])
    return shallow, np.array([2 * (z - other)])


def test_known_optimum_from_every_start():
    mean, mean_log = 3.0, digamma(2.5) - math.log(2.5 / 3.0)
    outcome = maximise_likelihood(
        gamma_objective(mean, mean_log), [np.zeros(2), np.array([3.0, -3.0])], names=("shape", "rate")
    )
    # the gradient is below 1e-8 and the curvature of the order of 1
    assert outcome.parameters == pytest.approx((2.5, 2.5 / 3.0), rel=1e-6)
    assert (outcome["shape"], outcome["rate"]) == outcome.parameters
    assert np.exp(outcome.log_parameters) == pytest.approx(outcome.parameters, rel=1e-15)
    assert outcome.converged
    assert outcome.gradient_norm < 1e-5
    assert (outcome.starts, outcome.agreeing, outcome.at_boundary) == (2, 2, ())
    assert outcome.value == pytest.approx(gamma_objective(mean, mean_log)(outcome.log_parameters)[0], rel=1e-12)


def test_the_best_of_several_optima_is_kept():
    outcome = maximise_likelihood(two_wells, [np.array([-0.5]), np.array([2.9])], names=("z",))
    assert outcome.parameters == pytest.approx((20.0,), rel=1e-6)
    assert (outcome.starts, outcome.agreeing) == (2, 1)


def test_a_parameter_that_runs_away_is_named():
    def falls_forever(theta):
        return float(np.exp(-theta[0]) + theta[1] ** 2), np.array([-np.exp(-theta[0]), 2 * theta[1]])

    outcome = maximise_likelihood(falls_forever, [np.array([0.0, 1.0])], names=("far", "near"), highest=1e3)
    assert outcome.at_boundary == ("far",)
    assert outcome["far"] == pytest.approx(1e3)
    assert outcome.converged


def test_a_search_cut_short_is_not_converged():
    outcome = maximise_likelihood(
        gamma_objective(3.0, 0.9), [np.array([4.0, -4.0])], names=("shape", "rate"), max_iterations=1
    )
    assert not outcome.converged
    assert outcome.gradient_norm > 1e-5


def test_evaluations_of_all_starts_are_counted():
    calls = []

    def objective(theta):
        calls.append(1)
        return two_wells(theta)

    outcome = maximise_likelihood(objective, [np.array([-0.5]), np.array([2.9])], names=("z",))
    assert outcome.evaluations == len(calls)


def test_a_region_without_a_likelihood_is_left_alone():
    def objective(theta):
        if theta[0] > 1.0:
            return math.nan, np.array([math.nan])
        return float((theta[0] - 0.5) ** 2), np.array([2 * (theta[0] - 0.5)])

    outcome = maximise_likelihood(objective, [np.array([5.0]), np.array([-3.0])], names=("z",))
    assert outcome.log_parameters == pytest.approx([0.5], abs=1e-6)
    assert outcome.agreeing == 1


def test_no_finite_likelihood_anywhere_is_an_error():
    with pytest.raises(FitError, match="finite likelihood for r, alpha"):
        maximise_likelihood(lambda theta: (math.nan, theta), [np.zeros(2)], names=("r", "alpha"))


@pytest.mark.parametrize("starts", [[], [np.zeros(3)]], ids=["none", "wrong length"])
def test_starts_must_fit_the_names(starts):
    with pytest.raises(ValueError, match="one entry per name"):
        maximise_likelihood(two_wells, starts, names=("z",))


def test_a_library_that_scipy_brings_later_is_limited_too():
    program = (
        "import numpy, sys\n"
        "from threadpoolctl import threadpool_info\n"
        "from foretell.models.optimise import one_algebra_thread\n"
        "assert not any(name.startswith('scipy') for name in sys.modules)\n"
        "with one_algebra_thread():\n"
        "    pass\n"
        "import scipy.linalg, scipy.optimize, scipy.special\n"
        "def limits():\n"
        "    return [library['num_threads'] for library in threadpool_info() if library['user_api'] == 'blas']\n"
        "assert set(limits()) == {2}, limits()\n"
        "with one_algebra_thread():\n"
        "    assert set(limits()) == {1}, limits()\n"
    )
    two = {**os.environ, **dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "2")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=two)
    assert done.returncode == 0, done.stderr
