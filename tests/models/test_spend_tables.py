"""Tables that several threads share are those of one thread."""

import sys
import threading

import numpy as np
import pytest

from foretell.models.spend_tables import _Chances


class Cheap(_Chances):
    """Columns that hold their own place."""

    def _at(self, first, end):
        return np.arange(first, end, dtype=float)[None, :]


@pytest.fixture
def many_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("many_switches")
def test_threads_that_let_one_table_grow_read_what_they_asked_for():
    wrong, begin = [], threading.Barrier(2, timeout=20)
    tables = [Cheap(1.0, 1.0, 1, 0.1) for _ in range(60)]

    def ask(shift):
        begin.wait()
        for table in tables:
            for step in range(20):
                first, last = -2 * step - shift, 3 * step + shift
                if table.between(first, last)[0].tolist() != list(range(first, last + 1)):
                    wrong.append((first, last))

    threads = [threading.Thread(target=ask, args=(shift,)) for shift in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
