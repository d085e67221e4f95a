"""numba, loaded when the first loop needs it, and its compiled code kept on disk.

Decided here: never fast-math, which would reorder sums and fuse operations, and numpy's error model, so that a division
by zero is a value and not an exception. Compiled and plain Python then give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


@cache
def compiled(function: Callable[..., Any]) -> Any:
    """`function` as machine code that runs without Python's lock. Loading numba takes about 0.2 s, once."""
    numba: Any = import_module("numba")
    return numba.njit(nogil=True, cache=True, error_model="numpy")(function)
