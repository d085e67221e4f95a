"""The indicators a document may declare: one row each. No numpy here: the face reads it for completion and forms.

A row names its inputs («source» is any price field or an earlier indicator's output, the others are the bar's own
fields), its parameters with default and limits, its outputs in their order (the first is what the bare name means), and
how many bars pass before the first value.

Decided here: an indicator that TA-Lib has is one row of this file and nothing else; `call` names the function, in
capitals, and `arguments` what it is given after the inputs (a word is a parameter, a number is itself). One that TA-Lib
lacks is one row and one file in `polotui/strategy/runtime/indicators/own/`, and `call` names the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Number = int | float
Settings = Mapping[str, Number]
Rule = Callable[[Settings], int]

LONGEST = 400


@dataclass(frozen=True)
class Parameter:
    """`whole` parameters count bars."""

    name: str
    default: Number
    least: Number
    most: Number
    whole: bool = True


@dataclass(frozen=True)
class Kind:
    """One kind of indicator.

    `warmup` gives the bars without a value for given parameters, for every output the same. `settle` gives the bars
    after which a recursive one no longer depends on where it began (a share of less than 1e-9 of it); for the others it
    is the warm-up. `cumulative` ones never forget: their level depends on the first bar for ever, so that a rule may
    compare them with their own past only. `session_ms` is the length of the session that must have begun within the
    bars before there is a value, 0 for none. `order` picks the outputs from what `call` gives.
    """

    name: str
    says: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    warmup: Rule
    settle: Rule
    group: str = "other"
    call: str = ""
    arguments: tuple[str | Number, ...] = ()
    order: tuple[int, ...] = ()
    cumulative: bool = False
    session_ms: int = 0


def _count(name: str, default: int, least: int = 2, most: int = LONGEST) -> Parameter:
    return Parameter(name, default, least, most)


def _factor(name: str, default: float, least: float = 0.1, most: float = 10.0) -> Parameter:
    return Parameter(name, default, least, most, whole=False)


def _sum(plus: int, **times: int) -> Rule:
    """`_sum(-2, slow=1, signal=1)` is slow + signal - 2."""
    return lambda settings: plus + sum(int(settings[name]) * time for name, time in times.items())


def _fades(weight: float) -> int:
    """After how many bars a recursive average that gives the newest value this weight has forgotten its beginning."""
    return 1 if weight >= 1 else math.ceil(math.log(1e-9) / math.log1p(-weight))


def _exponential(*names: str, times: int = 1) -> Rule:
    """What exponential averages over these lengths, one upon another, need to forget."""
    return lambda settings: times * sum(_fades(2 / (settings[name] + 1)) for name in names)


def _wilder(*names: str, times: int = 1) -> Rule:
    """The same for Wilder's averages, which weigh the newest value with 1 / length."""
    return lambda settings: times * sum(_fades(1 / settings[name]) for name in names)


def _kind(
    group: str, name: str, says: str, inputs: str, parameters: tuple[Parameter, ...], outputs: str,
    call: str, arguments: tuple[str | Number, ...], warmup: Rule, forgets: Rule | None = None,
    order: tuple[int, ...] = (), cumulative: bool = False, session_ms: int = 0,
) -> Kind:  # fmt: skip
    settle = warmup if forgets is None else lambda settings: warmup(settings) + forgets(settings)
    return Kind(
        name, says, tuple(inputs.split()), parameters, tuple(outputs.split()), warmup, settle, group, call, arguments,
        order, cumulative, session_ms,
    )  # fmt: skip


_AVERAGE, _MOMENTUM, _VOLATILITY = "average", "momentum", "volatility"

_ROWS = (
    _kind(_AVERAGE, "sma", "simple moving average", "source", (_count("length", 20),), "value",
          "SMA", ("length",), _sum(-1, length=1)),
    _kind(_AVERAGE, "ema", "exponential moving average", "source", (_count("length", 20),), "value",
          "EMA", ("length",), _sum(-1, length=1), _exponential("length")),
    _kind(_MOMENTUM, "rsi", "relative strength index, 0 to 100 (Wilder)", "source", (_count("length", 14),), "value",
          "RSI", ("length",), _sum(0, length=1), _wilder("length")),
    _kind(_MOMENTUM, "macd", "difference of a fast and a slow exponential average, with its own average", "source",
          (_count("fast", 12), _count("slow", 26), _count("signal", 9)), "line signal hist",
          "MACD", ("fast", "slow", "signal"),
          lambda s: int(max(s["fast"], s["slow"]) + s["signal"]) - 2, _exponential("fast", "slow", "signal")),
    _kind(_VOLATILITY, "bb", "Bollinger bands: a simple average and standard deviations around it; width as a fraction "
          "of the middle, percent 0 at the lower band and 1 at the upper", "source",
          (_count("length", 20), _factor("deviation", 2.0)), "upper middle lower width percent",
          "bollinger", ("length", "deviation"), _sum(-1, length=1)),
    _kind(_VOLATILITY, "atr", "average true range, in the quote currency (Wilder)", "high low close",
          (_count("length", 14),), "value", "ATR", ("length",), _sum(0, length=1), _wilder("length")),
)  # fmt: skip

KINDS: dict[str, Kind] = {row.name: row for row in _ROWS}
