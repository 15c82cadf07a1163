"""Memory that was freed, handed back to the system."""

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Hand back what was freed and the C library keeps for later.

    glibc keeps arrays of up to 32 MB that were freed, and lays others between them: after steps of other sizes much of
    that memory serves nobody. Elsewhere nothing happens.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
