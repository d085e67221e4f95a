"""TA-Lib, loaded once and alone.

Decided here: its import would drag in pandas and polars where they are installed (280 ms); they are hidden for that
moment and stand again afterwards. Call `talib` first on one thread.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import Any


@cache
def talib() -> Any:
    """The module `talib`, with `talib.stream`."""
    held = {name: sys.modules.get(name) for name in ("pandas", "polars")}
    for name in held:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        module = importlib.import_module("talib")
        importlib.import_module("talib.stream")
        return module
    finally:
        for name, found in held.items():
            if found is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = found
