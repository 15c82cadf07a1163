"""The purchase recipe fits its two models side by side, which nobody can tell from one after the other."""

import subprocess
import sys

import polars as pl
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from foretell.errors import FitError
from foretell.models.cnbd import MBGCNBD
from foretell.models.gamma_gamma import GammaGamma
from foretell.training import purchase_recipe
from foretell.training.purchase_recipe import PurchaseRecipe
from foretell.windows import Horizons, as_cutoff

AS_OF = as_cutoff("2025-08-01")


def test_threads_make_no_difference_to_a_bundle(monkeypatch, big_shop):
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(pl, "thread_pool_size", lambda threads=threads: threads)
        found.append(PurchaseRecipe().fit(big_shop, AS_OF, Horizons()))
    one, two = found
    assert one.purchase_model.to_dict() == two.purchase_model.to_dict()
    assert one.spend_model.to_dict() == two.spend_model.to_dict()
    assert one.typical == two.typical
    assert one.card == two.card


@pytest.mark.parametrize("threads", [1, 2])
def test_of_two_fits_that_fail_the_purchase_model_is_heard(monkeypatch, big_shop, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)

    def fail_with(text):
        def fit(*_, **__):
            raise FitError(text)

        return fit

    monkeypatch.setattr(GammaGamma, "fit", fail_with("no order values"))
    with pytest.raises(FitError, match="no order values"):
        PurchaseRecipe().fit(big_shop, AS_OF, Horizons())
    monkeypatch.setattr(MBGCNBD, "fit", fail_with("nobody came back"))
    with pytest.raises(FitError, match="nobody came back"):
        PurchaseRecipe().fit(big_shop, AS_OF, Horizons())


def test_both_pairs_are_done_with_one_thread_of_the_linear_algebra(monkeypatch, big_shop):
    seen, real = [], purchase_recipe.side_by_side

    def side_by_side(*pair):
        def watched(work):
            def done():
                before = limits()
                result = work()
                seen.append((before, limits()))
                return result

            return done

        return real(*map(watched, pair))

    def limits():
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    monkeypatch.setattr(purchase_recipe, "side_by_side", side_by_side)
    with threadpool_limits(limits=2, user_api="blas"):
        PurchaseRecipe().fit(big_shop, AS_OF, Horizons())
        assert limits() == {2}
    assert seen == [({1}, {1})] * 4


def test_reading_a_small_file_and_naming_train_leave_the_optimiser_out():
    program = (
        "import sys, polars as pl, foretell as ft\n"
        "ft.read_orders(pl.DataFrame({'customer_id': ['a'], 'ordered_at': ['2025-01-01'], 'amount': [1.0]}))\n"
        "assert 'scipy' not in sys.modules\n"
        "ft.train\n"
        "assert 'scipy.optimize' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
