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

from polotui.strategy.document.patterns import PATTERNS

Number = int | float
Settings = Mapping[str, Number]
Rule = Callable[[Settings], int]

LONGEST = 400
#: Neither the Hilbert transform nor a line that turns round with the market forgets at a known rate. Measured on moving
#: markets: 310 and 30 bars. A market that stands still for hours can make the transform remember for longer.
_HILBERT = 500
_REVERSAL = 500


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
    is the warm-up. `anchored` ones never forget where they began, so that a rule may compare their level with their own
    past only: they are sums over all bars. `session_ms`, where not 0, is the time within which the
    sessions it needs have surely begun; it stands besides the warm-up. `order` picks the outputs from what `call`
    gives.
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
    anchored: bool = False
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


def _wilder(*names: str, times: int = 1, plus: int = 0) -> Rule:
    """The same for Wilder's averages, which weigh the newest value with 1 / length."""
    return lambda settings: plus + times * sum(_fades(1 / settings[name]) for name in names)


def _kind(
    group: str, name: str, says: str, inputs: str, parameters: tuple[Parameter, ...], outputs: str,
    call: str, arguments: tuple[str | Number, ...], warmup: Rule, forgets: Rule | None = None,
    order: tuple[int, ...] = (), anchored: bool = False, session_ms: int = 0,
) -> Kind:  # fmt: skip
    settle = warmup if forgets is None else lambda settings: warmup(settings) + forgets(settings)
    return Kind(
        name, says, tuple(inputs.split()), parameters, tuple(outputs.split()), warmup, settle, group, call, arguments,
        order, anchored, session_ms,
    )  # fmt: skip


def _plain(
    group: str, name: str, says: str, inputs: str, default: int, function: str, plus: int = -1,
    forgets: Rule | None = None, outputs: str = "value", times: int = 1,
) -> Kind:  # fmt: skip
    """The common case: a TA-Lib function of one length, with a warm-up of `times` lengths `plus` so many bars."""
    return _kind(
        group, name, says, inputs, (_count("length", default),), outputs, function, ("length",),
        _sum(plus, length=times), forgets,
    )  # fmt: skip


def _bare(
    group: str, name: str, says: str, inputs: str, function: str, warmup: int = 0, forgets: int = 0,
    outputs: str = "value", anchored: bool = False,
) -> Kind:  # fmt: skip
    """A TA-Lib function without parameters."""
    return _kind(group, name, says, inputs, (), outputs, function, (), _sum(warmup), _sum(forgets), anchored=anchored)


def _longest(plus: int, *names: str) -> Rule:
    return lambda settings: plus + max(int(settings[name]) for name in names)


_AVERAGE, _MOMENTUM, _TREND, _CHANNEL = "moving average", "momentum", "trend", "channel"
_VOLATILITY, _VOLUME, _STATISTICS, _CYCLE, _PRICE = "volatility", "volume", "statistics", "cycle", "price"
_DAY_MS = 86_400_000
_HLC = "high low close"
_EMA, _WILDER = _exponential("length"), _wilder("length")
_FAST_SLOW = (_count("fast", 12), _count("slow", 26))

_ROWS = (
    _plain(_AVERAGE, "sma", "simple moving average", "source", 20, "SMA"),
    _plain(_AVERAGE, "ema", "exponential moving average", "source", 20, "EMA", forgets=_EMA),
    _plain(_AVERAGE, "wma", "linearly weighted moving average", "source", 20, "WMA"),
    _plain(_AVERAGE, "rma", "Wilder's smoothed moving average", "source", 14, "RMA", forgets=_WILDER),
    _plain(_AVERAGE, "dema", "double exponential moving average", "source", 20, "DEMA", -2,
           _exponential("length", times=2), times=2),
    _plain(_AVERAGE, "tema", "triple exponential moving average", "source", 20, "TEMA", -3,
           _exponential("length", times=3), times=3),
    _plain(_AVERAGE, "trima", "triangular moving average", "source", 20, "TRIMA"),
    _plain(_AVERAGE, "kama", "Kaufman's adaptive moving average: fast in a trend, slow without", "source", 20, "KAMA",
           0, _sum(_fades((2 / 31) ** 2))),
    _kind(_AVERAGE, "hma", "Hull moving average", "source", (_count("length", 20),), "value", "HMA", ("length",),
          lambda s: int(s["length"]) + math.isqrt(int(s["length"])) - 2),
    _kind(_AVERAGE, "zlema", "zero-lag exponential moving average", "source", (_count("length", 20),), "value",
          "ZLEMA", ("length",), lambda s: int(s["length"]) - 1 + (int(s["length"]) - 1) // 2, _EMA),
    _kind(_AVERAGE, "t3", "Tillson's T3: six exponential averages, smooth with little lag", "source",
          (_count("length", 5), _factor("factor", 0.7, 0.0, 1.0)), "value", "T3", ("length", "factor"),
          _sum(-6, length=6), _exponential("length", times=6)),
    _kind(_AVERAGE, "mama", "MESA adaptive moving average and its following one", "source",
          (_factor("fast", 0.5, 0.01, 0.99), _factor("slow", 0.05, 0.01, 0.99)), "mama fama", "MAMA", ("fast", "slow"),
          _sum(32), lambda s: _HILBERT + _fades(min(s["fast"], s["slow"]) / 2)),
    _kind(_AVERAGE, "vwma", "moving average weighted with volume", "source volume", (_count("length", 20),), "value",
          "volume_average", ("length",), _sum(-1, length=1)),
    _plain(_AVERAGE, "midpoint", "middle between the highest and the lowest of the source", "source", 14, "MIDPOINT"),
    _plain(_AVERAGE, "midprice", "middle between the highest high and the lowest low", "high low", 14, "MIDPRICE"),
    _kind(_AVERAGE, "alligator", "Williams' alligator: three smoothed averages of the middle price, 8, 5 and 3 bars "
          "late", "high low", (_count("jaw", 13), _count("teeth", 8), _count("lips", 5)), "jaw teeth lips",
          "alligator", ("jaw", "teeth", "lips"),
          lambda s: int(max(s["jaw"] + 7, s["teeth"] + 4, s["lips"] + 2)), _wilder("jaw", "teeth", "lips")),

    _plain(_MOMENTUM, "rsi", "relative strength index, 0 to 100 (Wilder)", "source", 14, "RSI", 0, _WILDER),
    _kind(_MOMENTUM, "macd", "a fast less a slow exponential average, the average of that, and their difference",
          "source", (*_FAST_SLOW, _count("signal", 9)), "line signal hist", "MACD", ("fast", "slow", "signal"),
          lambda s: int(max(s["fast"], s["slow"]) + s["signal"]) - 2, _exponential("fast", "slow", "signal")),
    _kind(_MOMENTUM, "apo", "a fast less a slow exponential average", "source", _FAST_SLOW, "value", "APO",
          ("fast", "slow", 1), _longest(-1, "fast", "slow"), _exponential("fast", "slow")),
    _kind(_MOMENTUM, "ppo", "a fast less a slow exponential average, in percent of the slow", "source", _FAST_SLOW,
          "value", "PPO", ("fast", "slow", 1), _longest(-1, "fast", "slow"), _exponential("fast", "slow")),
    _kind(_MOMENTUM, "stoch", "stochastic, 0 to 100: where the close lies in the range, smoothed, and its average",
          _HLC, (_count("length", 14), _count("smooth", 3, 1), _count("d", 3, 1)), "k d", "STOCH",
          ("length", "smooth", 0, "d", 0), _sum(-3, length=1, smooth=1, d=1)),
    _kind(_MOMENTUM, "stoch_fast", "fast stochastic, 0 to 100: not smoothed", _HLC,
          (_count("length", 14), _count("d", 3, 1)), "k d", "STOCHF", ("length", "d", 0), _sum(-2, length=1, d=1)),
    _kind(_MOMENTUM, "stoch_rsi", "where the RSI lies in its own range, 0 to 100", "source",
          (_count("length", 14), _count("stoch", 14), _count("d", 3, 1)), "k d", "STOCHRSI",
          ("length", "stoch", "d", 0), _sum(-2, length=1, stoch=1, d=1), _WILDER),
    _kind(_MOMENTUM, "kdj", "stochastic with Wilder's smoothing, and j = 3k - 2d", _HLC,
          (_count("length", 9), _count("smooth", 3), _count("d", 3)), "k d j", "KDJ",
          ("length", "smooth", 13, "d", 13), _sum(-3, length=1, smooth=1, d=1), _wilder("smooth", "d")),
    _kind(_MOMENTUM, "smi", "stochastic momentum index, -100 to 100", _HLC,
          (_count("length", 13), _count("fast", 2), _count("slow", 25), _count("signal", 9)), "line signal", "SMI",
          ("length", "fast", "slow", "signal"), _sum(-4, length=1, fast=1, slow=1, signal=1),
          _exponential("fast", "slow", "signal")),
    _kind(_MOMENTUM, "tsi", "true strength index, -100 to 100", "source", (_count("first", 25), _count("second", 13)),
          "value", "TSI", ("first", "second"), _sum(-1, first=1, second=1), _exponential("first", "second")),
    _plain(_MOMENTUM, "cci", "commodity channel index: distance from the average in mean deviations", _HLC, 20, "CCI"),
    _plain(_MOMENTUM, "cmo", "Chande momentum oscillator, -100 to 100 (Wilder's smoothing)", "source", 14, "CMO", 0,
           _WILDER),
    _plain(_MOMENTUM, "mom", "source less the source so many bars ago", "source", 10, "MOM", 0),
    _plain(_MOMENTUM, "roc", "rate of change over so many bars, in percent", "source", 10, "ROC", 0),
    _plain(_MOMENTUM, "willr", "Williams %R, -100 to 0", _HLC, 14, "WILLR"),
    _kind(_MOMENTUM, "ultosc", "ultimate oscillator over three lengths, 0 to 100", _HLC,
          (_count("short", 7), _count("middle", 14), _count("long", 28)), "value", "ULTOSC",
          ("short", "middle", "long"), _longest(0, "short", "middle", "long")),
    _kind(_MOMENTUM, "ao", "awesome oscillator", "high low", (_count("fast", 5), _count("slow", 34)), "value", "AO",
          ("fast", "slow"), _longest(-1, "fast", "slow")),
    _kind(_MOMENTUM, "ac", "accelerator: the awesome oscillator less its own average", "high low",
          (_count("fast", 5), _count("slow", 34), _count("signal", 5)), "value", "AC", ("fast", "slow", "signal"),
          lambda s: int(max(s["fast"], s["slow"]) + s["signal"]) - 2),
    _bare(_MOMENTUM, "bop", "balance of power, -1 to 1: body over range", "open high low close", "BOP"),
    _plain(_MOMENTUM, "trix", "rate of change of a triple exponential average, in percent", "source", 15, "TRIX", -2,
           _exponential("length", times=3), times=3),
    _kind(_MOMENTUM, "coppock", "Coppock curve", "source",
          (_count("length", 10), _count("short", 11), _count("long", 14)), "value", "COPPOCK",
          ("length", "short", "long"), lambda s: int(max(s["short"], s["long"]) + s["length"]) - 1),
    _kind(_MOMENTUM, "dpo", "detrended price: an earlier value of the source less its average now", "source",
          (_count("length", 20),), "value", "DPO", ("length",),
          lambda s: int(max(s["length"] - 1, s["length"] // 2 + 1))),
    _plain(_MOMENTUM, "eri", "Elder ray: how far high and low reach beyond an exponential average", _HLC, 13, "ERI",
           -1, _EMA, "bull bear"),
    _plain(_MOMENTUM, "fosc", "forecast oscillator: distance from yesterday's regression forecast, in percent",
           "source", 14, "FOSC", 0),
    _plain(_MOMENTUM, "imi", "intraday momentum index, 0 to 100: rising bodies among all", "open close", 14, "IMI"),
    _plain(_MOMENTUM, "qstick", "average body, close less open", "open close", 10, "QSTICK"),
    _kind(_MOMENTUM, "kst", "know sure thing: four smoothed rates of change (10, 15, 20, 30 bars), and its average",
          "source", (_count("signal", 9),), "line signal", "know_sure_thing", ("signal",), _sum(43, signal=1)),

    _kind(_TREND, "adx", "strength of the trend, 0 to 100, with its two directions (Wilder)", _HLC,
          (_count("length", 14),), "adx plus minus", "directional", ("length",), _sum(-1, length=2),
          _wilder("length", times=2)),
    _plain(_TREND, "adxr", "mean of ADX now and a length ago", _HLC, 14, "ADXR", -2, _wilder("length", times=2),
           times=3),
    _plain(_TREND, "dx", "directional movement index, 0 to 100: ADX before smoothing", _HLC, 14, "DX", 0, _WILDER),
    _kind(_TREND, "aroon", "how recent the highest high (up) and the lowest low (down) are, 0 to 100", "high low",
          (_count("length", 25),), "up down", "AROON", ("length",), _sum(0, length=1), order=(1, 0)),
    _plain(_TREND, "aroon_osc", "Aroon up less Aroon down, -100 to 100", "high low", 25, "AROONOSC", 0),
    _plain(_TREND, "vortex", "vortex: rising and falling movement over true range", _HLC, 14, "VORTEX", 0, None,
           "plus minus"),
    _plain(_TREND, "vhf", "vertical horizontal filter: high in a trend, low sideways", "source", 28, "VHF", 0),
    _plain(_TREND, "er", "Kaufman's efficiency ratio, 0 to 1: net change over the way travelled", "source", 10, "ER",
           0),
    _kind(_TREND, "chop", "choppiness, 0 to 100: high sideways, low in a trend", _HLC, (_count("length", 14),),
          "value", "choppiness", ("length",), _sum(0, length=1)),
    _kind(_TREND, "supertrend", "a line below a rising and above a falling market; direction is 1 or -1", _HLC,
          (_count("length", 10), _factor("multiple", 3.0)), "line direction", "SUPERTREND", ("length", "multiple"),
          _sum(0, length=1), _wilder("length", plus=_REVERSAL)),
    _kind(_TREND, "sar", "parabolic stop and reverse", "high low",
          (_factor("step", 0.02, 0.001, 1.0), _factor("most", 0.2, 0.01, 1.0)), "value", "SAR", ("step", "most"),
          _sum(1), _sum(_REVERSAL)),
    _kind(_TREND, "ichimoku", "Ichimoku: conversion, base, and the cloud that lies under this bar; nothing of the "
          "future", "high low", (_count("tenkan", 9), _count("kijun", 26), _count("span", 52),
          _count("displacement", 26)), "tenkan kijun span_a span_b", "ichimoku",
          ("tenkan", "kijun", "span", "displacement"),
          lambda s: int(max(s["tenkan"], s["kijun"], s["span"]) + s["displacement"]) - 2),
    _kind(_TREND, "fractal", "Williams fractal: 100 where a swing's high or low is confirmed, «right» bars after it",
          "high low", (_count("left", 2, 1), _count("right", 2, 1)), "high low", "FRACTAL", ("left", "right"),
          _sum(0, left=1, right=1)),
    _kind(_TREND, "chandelier", "chandelier exit: the highest high less, the lowest low plus a multiple of ATR", _HLC,
          (_count("length", 22), _factor("multiple", 3.0)), "long short", "chandelier", ("length", "multiple"),
          _sum(0, length=1), _WILDER),

    _kind(_CHANNEL, "bb", "Bollinger bands: a simple average and standard deviations around it; width as a fraction "
          "of the middle, percent 0 at the lower band and 1 at the upper", "source",
          (_count("length", 20), _factor("deviation", 2.0)), "upper middle lower width percent",
          "bollinger", ("length", "deviation"), _sum(-1, length=1)),
    _kind(_CHANNEL, "keltner", "Keltner channel: an exponential average of the typical price and multiples of ATR",
          _HLC, (_count("length", 20), _count("atr_length", 10), _factor("multiple", 2.0)), "upper middle lower", "KC",
          ("length", "atr_length", "multiple"), lambda s: int(max(s["length"] - 1, s["atr_length"])),
          lambda s: max(_EMA(s), _wilder("atr_length")(s))),
    _plain(_CHANNEL, "donchian", "Donchian channel: highest high and lowest low, this bar too", "high low", 20,
           "DONCHIAN", -1, None, "upper middle lower"),
    _plain(_CHANNEL, "accbands", "acceleration bands", _HLC, 20, "ACCBANDS", -1, None, "upper middle lower"),
    _kind(_CHANNEL, "squeeze", "squeeze: on is 1 while the Bollinger bands lie within the Keltner channel; momentum "
          "is where the close stands against the middle of its range", _HLC,
          (_count("length", 20), _factor("deviation", 2.0), _factor("multiple", 1.5)), "on momentum", "squeeze",
          ("length", "deviation", "multiple"), _sum(-2, length=2), _WILDER),

    _plain(_VOLATILITY, "atr", "average true range, in the quote currency (Wilder)", _HLC, 14, "ATR", 0, _WILDER),
    _plain(_VOLATILITY, "natr", "average true range in percent of the close", _HLC, 14, "NATR", 0, _WILDER),
    _bare(_VOLATILITY, "tr", "true range", _HLC, "TRANGE", 1),
    _plain(_VOLATILITY, "adr", "average of high less low", "high low", 14, "ADR"),
    _kind(_VOLATILITY, "stddev", "standard deviation", "source", (_count("length", 20),), "value", "STDDEV",
          ("length", 1.0), _sum(-1, length=1)),
    _kind(_VOLATILITY, "hv", "historical volatility: standard deviation of the logarithmic return of one bar, as a "
          "fraction", "source", (_count("length", 20),), "value", "historical", ("length",), _sum(0, length=1)),
    _kind(_VOLATILITY, "cvi", "Chaikin's volatility: rate of change of the smoothed range, in percent", "high low",
          (_count("length", 10), _count("change", 10)), "value", "CVI", ("length", "change"),
          _sum(-1, length=1, change=1), _EMA),
    _kind(_VOLATILITY, "massi", "mass index: widening ranges", "high low", (_count("length", 9), _count("sum", 25)),
          "value", "MASSI", ("length", "sum"), lambda s: int(2 * s["length"] + s["sum"]) - 3,
          _exponential("length", times=2)),
    _kind(_VOLATILITY, "rvi", "relative volatility index, 0 to 100: RSI of the standard deviation", "source",
          (_count("length", 14), _count("deviation_length", 10)), "value", "RVI", ("length", "deviation_length"),
          _sum(-2, length=1, deviation_length=1), _WILDER),
    _kind(_VOLATILITY, "ulcer", "ulcer index: root mean square of the fall below the highest, in percent", "source",
          (_count("length", 14),), "value", "ulcer", ("length",), _sum(-2, length=2)),

    _kind(_VOLUME, "vwap", "volume-weighted average price since 00:00 UTC, with standard deviations around it",
          "high low close volume time", (_factor("deviation", 2.0),), "line upper lower", "session_vwap",
          (_DAY_MS, 0, "deviation"), _sum(0), session_ms=_DAY_MS),
    _kind(_VOLUME, "vwap_week", "volume-weighted average price since Monday 00:00 UTC, with standard deviations",
          "high low close volume time", (_factor("deviation", 2.0),), "line upper lower", "session_vwap",
          (7 * _DAY_MS, 3 * _DAY_MS, "deviation"), _sum(0), session_ms=7 * _DAY_MS),
    _kind(_VOLUME, "vwap_rolling", "volume-weighted average of the typical price over so many bars",
          "high low close volume", (_count("length", 20),), "value", "rolling_vwap", ("length",), _sum(-1, length=1)),
    _kind(_VOLUME, "rvol", "relative volume: this bar's over the average of those before it", "volume",
          (_count("length", 20),), "value", "relative_volume", ("length",), _sum(0, length=1)),
    _bare(_VOLUME, "obv", "on-balance volume: volume added on rises, taken off on falls", "source volume", "OBV",
          anchored=True),
    _bare(_VOLUME, "ad", "Chaikin's accumulation and distribution line", "high low close volume", "AD",
          anchored=True),
    _kind(_VOLUME, "adosc", "Chaikin oscillator: a fast less a slow average of the accumulation line",
          "high low close volume", (_count("fast", 3), _count("slow", 10)), "value", "ADOSC", ("fast", "slow"),
          _longest(-1, "fast", "slow"), _exponential("fast", "slow")),
    _kind(_VOLUME, "cmf", "Chaikin money flow, -1 to 1", "high low close volume", (_count("length", 20),), "value",
          "chaikin_flow", ("length",), _sum(-1, length=1)),
    _kind(_VOLUME, "mfi", "money flow index, 0 to 100: RSI weighted with volume", "high low close volume",
          (_count("length", 14),), "value", "money_flow", ("length",), _sum(0, length=1)),
    _plain(_VOLUME, "efi", "Elder's force index: change times volume, smoothed", "close volume", 13, "EFI", 0, _EMA),
    _bare(_VOLUME, "nvi", "negative volume index: moves on days of falling volume", "close volume", "NVI",
          anchored=True),
    _bare(_VOLUME, "pvi", "positive volume index: moves on days of rising volume", "close volume", "PVI",
          anchored=True),
    _bare(_VOLUME, "pvt", "price volume trend: volume times relative change, added up", "close volume", "PVT",
          anchored=True),
    _bare(_VOLUME, "wad", "Williams' accumulation and distribution", _HLC, "WAD", anchored=True),
    _kind(_VOLUME, "pvo", "a fast less a slow exponential average of volume, in percent of the slow", "volume",
          _FAST_SLOW, "value", "PVO", ("fast", "slow", 1), _longest(-1, "fast", "slow"),
          _exponential("fast", "slow")),

    _plain(_STATISTICS, "highest", "highest of so many bars, this one too", "source", 20, "MAX"),
    _plain(_STATISTICS, "lowest", "lowest of so many bars, this one too", "source", 20, "MIN"),
    _plain(_STATISTICS, "sum", "sum of so many bars", "source", 20, "SUM"),
    _kind(_STATISTICS, "var", "variance", "source", (_count("length", 20),), "value", "VAR", ("length", 1.0),
          _sum(-1, length=1)),
    _plain(_STATISTICS, "avgdev", "mean absolute deviation from the average", "source", 14, "AVGDEV"),
    _kind(_STATISTICS, "zscore", "distance from the average in standard deviations", "source",
          (_count("length", 20),), "value", "zscore", ("length",), _sum(-1, length=1)),
    _plain(_STATISTICS, "linreg", "end of a straight line fitted to so many bars", "source", 14, "LINEARREG"),
    _plain(_STATISTICS, "linreg_slope", "slope of that line, per bar", "source", 14, "LINEARREG_SLOPE"),
    _plain(_STATISTICS, "linreg_angle", "angle of that line in degrees", "source", 14, "LINEARREG_ANGLE"),
    _plain(_STATISTICS, "tsf", "that line carried on by one bar", "source", 14, "TSF"),
    _kind(_STATISTICS, "percentile", "the value below which a percentage of so many bars lies", "source",
          (_count("length", 30), _factor("percent", 50.0, 0.0, 100.0)), "value", "PERCENTILE", ("length", "percent"),
          _sum(-1, length=1)),
    _plain(_STATISTICS, "percent_rank", "percentage of the bars before that lie below this one", "source", 100,
           "PERCENTRANK", 0),

    _bare(_CYCLE, "ht_trendline", "Hilbert transform: instantaneous trend line", "source", "HT_TRENDLINE", 63,
          _HILBERT),
    _bare(_CYCLE, "ht_trendmode", "Hilbert transform: 1 in a trend, 0 in a cycle", "source", "HT_TRENDMODE", 63,
          _HILBERT),
    _bare(_CYCLE, "ht_period", "Hilbert transform: length of the dominant cycle, in bars", "source", "HT_DCPERIOD", 32,
          _HILBERT),
    _bare(_CYCLE, "ht_phase", "Hilbert transform: phase of the dominant cycle, in degrees", "source", "HT_DCPHASE", 63,
          _HILBERT),
    _bare(_CYCLE, "ht_sine", "Hilbert transform: sine of the phase, and 45 degrees ahead", "source", "HT_SINE", 63,
          _HILBERT, "sine lead"),

    _bare(_PRICE, "heikin_ashi", "Heikin-Ashi candle", "open high low close", "HA", 0, _fades(0.5),
          "open high low close"),
    _bare(_PRICE, "weighted_close", "(high + low + 2 close) / 4", _HLC, "WCLPRICE"),
    _kind(_PRICE, "day", "this UTC day's open, high and low so far, and the day before's high, low and close",
          "open high low close time", (), "open high low previous_high previous_low previous_close", "session_levels",
          (_DAY_MS, 0), _sum(0), session_ms=2 * _DAY_MS),
    _kind(_PRICE, "pivots", "pivot points of the UTC day before: the pivot, two resistances and two supports",
          "open high low close time", (), "pivot r1 s1 r2 s2", "pivots", (_DAY_MS, 0), _sum(0),
          session_ms=2 * _DAY_MS),
)  # fmt: skip


def _pattern(function: str, name: str, says: str, warmup: int, depth: float | None = None) -> Kind:
    parameters = () if depth is None else (_factor("penetration", depth, 0.0, 1.0),)
    return _kind(
        "candle pattern", f"cdl_{name}", says, "open high low close", parameters, "value", function,
        tuple(parameter.name for parameter in parameters), _sum(warmup),
    )  # fmt: skip


KINDS: dict[str, Kind] = {row.name: row for row in (*_ROWS, *(_pattern(*pattern) for pattern in PATTERNS))}
