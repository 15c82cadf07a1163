"""Work spread over threads is the work done one after the other."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import numpy as np
import polars as pl
import pytest

from foretell.models.cnbd_kernel import CNBDParams, History, in_parts, p_alive
from foretell.storage.threads import on_threads, side_by_side


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


def test_the_first_piece_that_fails_is_heard_though_another_failed_before_and_none_is_begun_after(monkeypatch):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    second_failed, begun = threading.Event(), []

    def work(piece):
        begun.append(piece)
        if piece == 0:
            assert second_failed.wait(timeout=20)
            raise KeyError(piece)
        if piece == 1:
            second_failed.set()
            raise ValueError(piece)

    with pytest.raises(KeyError):
        on_threads(work, range(50))
    assert sorted(begun) == [0, 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_piece_of_work_spreads_over_no_further_threads(monkeypatch, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    outer = threading.Barrier(2, timeout=20)

    def inner(_):
        return threading.get_ident()

    def work(piece):
        if threads > 1 and piece < 2:
            outer.wait()
        apart = side_by_side(threading.get_ident, threading.get_ident)
        return {threading.get_ident(), *apart, *on_threads(inner, range(9))}

    assert all(len(seen) == 1 for seen in on_threads(work, range(4)))
    assert all(len(seen) == 1 for seen in side_by_side(lambda: work(2), lambda: work(3)))


def test_this_thread_does_pieces_too_and_spreads_the_next_work_again(monkeypatch):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    both = threading.Barrier(2, timeout=20)

    def work(_):
        both.wait()
        return threading.get_ident()

    for _ in range(2):
        assert threading.get_ident() in on_threads(work, range(2))


@pytest.mark.parametrize("threads", [1, 2])
def test_two_things_are_done_side_by_side_where_there_are_two_threads(monkeypatch, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    both, here = threading.Barrier(threads, timeout=20), threading.get_ident()

    def work(name):
        both.wait()
        return name, threading.get_ident() == here

    assert side_by_side(lambda: work("a"), lambda: work("b")) == (("a", threads == 1), ("b", True))


@pytest.mark.parametrize("threads", [1, 2])
def test_of_two_failures_side_by_side_the_first_is_heard(monkeypatch, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)

    def fail(error):
        raise error

    with pytest.raises(KeyError):
        side_by_side(lambda: fail(KeyError()), lambda: fail(ValueError()))
    with pytest.raises(KeyError):
        side_by_side(lambda: fail(KeyError()), lambda: 1)
    with pytest.raises(ValueError, match="second"):
        side_by_side(lambda: 1, lambda: fail(ValueError("second")))
    # Whoever comes after a failure finds threads as before.
    both = threading.Barrier(threads, timeout=20)

    def work(_):
        both.wait()
        return threading.get_ident()

    assert len(set(on_threads(work, range(2)))) == threads


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_heard_before_an_error_of_an_earlier_piece(monkeypatch, signal):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    both = threading.Barrier(2, timeout=20)

    def fail(error):
        both.wait()
        raise error

    with pytest.raises(signal):
        side_by_side(lambda: fail(ValueError()), lambda: fail(signal()))
    with pytest.raises(signal):
        side_by_side(lambda: fail(signal()), lambda: fail(ValueError()))
    with pytest.raises(signal):
        on_threads(fail, [ValueError(), signal()])


@pytest.fixture
def shut_down(monkeypatch):
    """Two threads; the event is set when the pool is told to end, which the first time is interrupted on wish."""
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    told, interrupts, real = threading.Event(), [], ThreadPoolExecutor.shutdown

    def shutdown(pool, *args, **options):
        if interrupts:
            raise interrupts.pop()
        told.set()
        real(pool, *args, **options)

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
    yield told, interrupts
    told.set()


def test_who_interrupts_the_wait_leaves_no_thread_behind(shut_down):
    told, interrupts = shut_down
    interrupts.append(KeyboardInterrupt())
    ended = []

    def first():
        assert told.wait(timeout=20)
        ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        side_by_side(first, lambda: None)
    assert ended


def test_no_piece_is_begun_after_an_interrupt_that_fell_between_pieces(monkeypatch, shut_down):
    told, _ = shut_down
    here, begun = threading.get_ident(), []

    class Numbers:
        numbers = count()

        def __next__(self):
            if threading.get_ident() == here:
                raise KeyboardInterrupt
            return next(self.numbers)

    def work(piece):
        begun.append(piece)
        assert told.wait(timeout=20)

    monkeypatch.setattr("foretell.storage.threads.count", Numbers)
    with pytest.raises(KeyboardInterrupt):
        on_threads(work, range(50))
    assert len(begun) <= 1


@pytest.mark.parametrize("on_pieces", [True, False])
def test_an_error_keeps_nothing_alive_once_it_was_handled(monkeypatch, on_pieces):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)
    seen = []

    class Referred(ValueError):
        """Such as one may refer to weakly."""

    def fail():
        error = Referred()
        seen.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    gc.disable()
    try:
        with suppress(ValueError):
            if on_pieces:
                on_threads(lambda _: fail(), range(2))
            else:
                side_by_side(fail, lambda: None)
        assert [error() for error in seen] == [None] * len(seen)
    finally:
        gc.enable()


@pytest.mark.parametrize("threads", [1, 4])
def test_customers_in_parts_are_the_customers_at_once_to_the_last_bit(monkeypatch, threads):
    monkeypatch.setattr(pl, "thread_pool_size", lambda: threads)
    monkeypatch.setattr("foretell.models.cnbd_kernel._PART", 7)
    rng = np.random.default_rng(2)
    x, T = rng.integers(0, 9, 100).astype(float), rng.integers(50, 90, 100).astype(float)
    h, p = History(x, np.where(x > 0, T * rng.random(100), 0.0), T), CNBDParams(0.5, 30.0, 0.6, 1.5, k=2)
    assert in_parts(lambda part: p_alive(p, part), h).tolist() == p_alive(p, h).tolist()
