"""Work spread over threads is the work done one after the other."""

import threading

import numpy as np
import polars as pl
import pytest

from foretell.models.cnbd_kernel import CNBDParams, History, in_parts, p_alive
from foretell.storage.threads import on_threads


@pytest.mark.parametrize("threads", [1, 3])
def test_results_are_in_the_order_of_the_pieces(monkeypatch, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    both = threading.Barrier(2, timeout=20)

    def work(piece):
        if threads > 1 and piece < 2:
            both.wait()  # the first two are done at the same time
        return piece * piece

    assert on_threads(work, range(20)) == [piece * piece for piece in range(20)]
    assert on_threads(work, []) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_what_a_piece_raises_is_raised(monkeypatch, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    with pytest.raises(ZeroDivisionError):
        on_threads(lambda piece: 1 / piece, [1, 0, 2])


@pytest.mark.parametrize("threads", [1, 4])
def test_customers_in_parts_are_the_customers_at_once_to_the_last_bit(monkeypatch, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    monkeypatch.setattr("foretell.models.cnbd_kernel._PART", 7)
    rng = np.random.default_rng(2)
    x, T = rng.integers(0, 9, 100).astype(float), rng.integers(50, 90, 100).astype(float)
    h, p = History(x, np.where(x > 0, T * rng.random(100), 0.0), T), CNBDParams(0.5, 30.0, 0.6, 1.5, k=2)
    assert in_parts(lambda part: p_alive(p, part), h).tolist() == p_alive(p, h).tolist()
