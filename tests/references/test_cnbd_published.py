"""Published parameters, log-likelihoods and holdout accuracy of (M)BG/CNBD-k fits, reproduced digit by digit.

Sources: Fader, Hardie, Lee (2005), Marketing Science 24(2), table 2 (BG/NBD on the CDNOW sample: LL -9582.4);
CLVTools 0.12.1, ``test_correctness_bgnbd.R`` (.2425945 4.4136019 .7929199 2.4258881); BTYDplus, vignette (grocery:
k = 2 by likelihood). Figures without a publication were computed independently of this package, in weeks.
"""

import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foretell.models.cnbd import MBGCNBD
from models.oracles.weekly import orders_between, weekly_summary

# The optimum is known to the digits printed; half a unit of the last digit, and a little for rounding in the source.
FOUR_DECIMALS = 0.6e-4


@pytest.fixture(scope="module")
def cdnow_weeks(cdnow_sample):
    orders = cdnow_sample.orders.select("customer_id", pl.col("ordered_at").dt.date().alias("date")).collect()
    return orders, weekly_summary(orders, end=date(1997, 9, 30))


@pytest.fixture(scope="module")
def grocery_weeks():
    folder = os.environ.get("FORETELL_DATA")
    if not folder or not (Path(folder) / "btydplus_grocery_elog.parquet").exists():
        pytest.skip("needs btydplus_grocery_elog.parquet in the folder named by FORETELL_DATA")
    orders = pl.read_parquet(Path(folder) / "btydplus_grocery_elog.parquet")
    return orders, weekly_summary(orders, end=date(2006, 12, 31))


def parameters(model):
    p = model.params_
    return (p.r, p.alpha, p.a, p.b)


def holdout_errors(model, weeks, end, length):
    orders, summary = weeks
    actual = orders_between(orders, summary, after=end, until=end + timedelta(weeks=length)).to_numpy()
    predicted = model.expected_orders(summary, length)["expected_orders"].to_numpy()
    error = predicted - actual
    return float(np.abs(error).mean()), float(np.sqrt((error**2).mean())), predicted.sum() / actual.sum() - 1


def test_cdnow_sample_has_the_published_counts(cdnow_weeks):
    orders, summary = cdnow_weeks
    assert summary.height == 2357
    assert summary.filter(pl.col("repeat_orders") > 0).height == 946
    later = orders_between(orders, summary, after=date(1997, 9, 30), until=date(1998, 6, 30))
    assert (int(later.sum()), round((later == 0).mean(), 3)) == (1882, 0.710)


@pytest.mark.parametrize(
    ("dropout_at_first", "k", "expected", "log_likelihood"),
    [
        (False, 1, (0.2426, 4.4136, 0.7929, 2.4259), -9582.4292),
        (True, 1, (0.5248, 6.1831, 0.8914, 1.6140), -9582.1357),
        (True, 2, None, -9853.2531),
        (False, 2, None, -9855.3270),
    ],
)
def test_cdnow_fits(cdnow_weeks, dropout_at_first, k, expected, log_likelihood):
    model = MBGCNBD(k=k, dropout_at_first=dropout_at_first).fit(cdnow_weeks[1])
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=FOUR_DECIMALS)
    if expected is not None:
        assert parameters(model) == pytest.approx(expected, abs=FOUR_DECIMALS)
    report = model.fit_report_
    assert report.converged
    assert report.agreeing == report.starts == 4
    assert not report.at_boundary


def test_clvtools_parameters_of_the_bg_nbd_to_seven_digits(cdnow_weeks):
    model = MBGCNBD(k=1, dropout_at_first=False).fit(cdnow_weeks[1])
    # CLVTools stops at its own tolerance: the fifth digit of b differs between its platforms
    assert parameters(model) == pytest.approx((0.2425945, 4.4136019, 0.7929199, 2.4258881), rel=2e-5)


def test_cdnow_shows_no_regularity(cdnow_weeks):
    model = MBGCNBD().fit(cdnow_weeks[1])
    assert model.params_.k == 1
    assert [k for k, _ in model.fit_report_.k_profile] == [1, 2, 3]


@pytest.mark.parametrize(
    ("dropout_at_first", "mae", "rmse", "bias", "mean_alive"),
    [(False, 0.7855, 1.6080, -0.122, 0.813), (True, 0.7648, 1.6072, -0.162, 0.449)],
)
def test_cdnow_holdout(cdnow_weeks, dropout_at_first, mae, rmse, bias, mean_alive):
    model = MBGCNBD(k=1, dropout_at_first=dropout_at_first).fit(cdnow_weeks[1])
    errors = holdout_errors(model, cdnow_weeks, date(1997, 9, 30), 39)
    assert errors[:2] == pytest.approx((mae, rmse), abs=0.6e-4)
    assert errors[2] == pytest.approx(bias, abs=0.6e-3)
    assert model.p_alive(cdnow_weeks[1])["p_alive"].mean() == pytest.approx(mean_alive, abs=0.6e-3)


@pytest.mark.parametrize(
    ("dropout_at_first", "k", "expected", "log_likelihood"),
    [
        (False, 1, (0.3486, 2.5817, 0.5038, 3.6444), -15836.566),
        (True, 1, (1.2569, 6.0391, 0.3683, 0.7158), -15781.939),
        (False, 2, (0.3591, 1.1294, 0.5228, 2.7855), -15054.173),
        (True, 2, (1.3292, 2.8126, 0.4247, 0.7900), -14978.211),
        (True, 3, (1.3026, 1.7498, 0.4494, 0.8354), -14996.850),
        (True, 4, None, -15326.923),
        (False, 3, None, -15074.706),
        (False, 4, None, -15402.905),
    ],
)
def test_grocery_fits(grocery_weeks, dropout_at_first, k, expected, log_likelihood):
    model = MBGCNBD(k=k, dropout_at_first=dropout_at_first).fit(grocery_weeks[1])
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=0.6e-3)
    if expected is not None:
        assert parameters(model) == pytest.approx(expected, abs=FOUR_DECIMALS)


def test_grocery_is_regular(grocery_weeks):
    model = MBGCNBD().fit(grocery_weeks[1])
    assert model.params_.k == 2
    assert [k for k, _ in model.fit_report_.k_profile] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("k", "mae", "rmse", "bias", "mean_alive"),
    [(1, 1.513, 3.209, 0.188, 0.370), (2, 1.400, 3.149, 0.125, 0.329), (3, 1.356, 3.117, 0.095, 0.317)],
)
def test_grocery_holdout(grocery_weeks, k, mae, rmse, bias, mean_alive):
    model = MBGCNBD(k=k).fit(grocery_weeks[1])
    errors = holdout_errors(model, grocery_weeks, date(2006, 12, 31), 52)
    assert errors == pytest.approx((mae, rmse, bias), abs=0.6e-3)
    assert model.p_alive(grocery_weeks[1])["p_alive"].mean() == pytest.approx(mean_alive, abs=0.6e-3)
