"""Lines over a chart. A new overlay is one new file in this folder with `KIND`, `lines` and `warmup`; nothing else.

A file offers

    KIND = "ema"                                            the word in «ema21»
    def lines(close, length) -> dict[str, ndarray]          name of the line ("" for the only one) to values
    def warmup(length) -> int                               candles before the first that are needed for a true value

Decided here: indicators are TA-Lib's batch functions, the same that strategies will use, so that a chart never shows
another average than a rule sees. Values during warm-up are None. A recursive average (EMA) depends on where it began,
so a chart gives it enough earlier candles that the difference is below 1e-6 of the price.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from types import ModuleType

from polotui.api.values import OverlayLine
from polotui.core.errors import UsageError
from polotui.model.candles import Candle
from polotui.strategy.runtime.talib_loader import talib as talib

MAX_LENGTH = 400
MAX_OVERLAYS = 6


@cache
def kinds() -> dict[str, ModuleType]:
    """Every overlay of this folder by its word."""
    found: dict[str, ModuleType] = {}
    for entry in pkgutil.iter_modules(__path__):
        if not entry.name.startswith("_"):
            module = importlib.import_module(f"{__name__}.{entry.name}")
            found[module.KIND] = module
    return found


def parse(name: str) -> tuple[ModuleType, int]:
    """`ema21` as its module and length. Raises UsageError naming what there is."""
    match = re.fullmatch(r"([a-z]+)(\d{1,3})", name)
    if match and match[1] in kinds() and 2 <= int(match[2]) <= MAX_LENGTH:
        return kinds()[match[1]], int(match[2])
    known = ", ".join(sorted(kinds()))
    raise UsageError(
        f"{name[:20]!r} is not an overlay.",
        next_step=f"A name and a length from 2 to {MAX_LENGTH}, such as ema21; there are {known}.",
    )


def warmup(names: list[str]) -> int:
    """How many candles before the first shown one the overlays need."""
    return max((module.warmup(length) for module, length in map(parse, names)), default=0)


def compute(names: list[str], candles: list[Candle], shown: int) -> list[OverlayLine]:
    """The lines of `names` for the last `shown` of `candles` (oldest first)."""
    if not names or not candles:
        return []
    import numpy

    close = numpy.fromiter((candle.close for candle in candles), float, len(candles))
    result: list[OverlayLine] = []
    for name in names[:MAX_OVERLAYS]:
        module, length = parse(name)
        for line, values in module.lines(close, length).items():
            tail = values[-shown:].tolist()
            result.append(
                OverlayLine(
                    name=f"{name}.{line}" if line else name,
                    overlay=name,
                    values=[None if value != value else value for value in tail],
                )
            )
    return result
