"""Documents and rules that several tests start from."""

from __future__ import annotations

import random
from typing import Any

from polotui.strategy.document.grammar import Names

NAMES = Names(
    {
        "rsi": ("value",),
        "macd": ("line", "signal", "hist"),
        "fast": ("value",),
        "slow": ("value",),
        "bb": ("upper", "middle", "lower", "width", "percent"),
        "st": ("line", "direction"),
        "dc20": ("upper", "middle", "lower"),
    },
    {"n": "int", "rsi_floor": "float"},
    "1h",
    facts=True,
)

SPEC = """\
spec: 1
name: ema-pullback
market: {symbols: [BTC_USDT, ETH_USDT], direction: long}       # long | short | both
timeframe: 1h
warmup: auto                                                    # derived, may be raised
params: {rsi_floor: {type: float, default: 35, min: 20, max: 45, step: 5}}
indicators:
  fast:  {kind: ema, source: close, length: 21}
  slow:  {kind: ema, source: close, length: 55}
  rsi:   {kind: rsi, length: 14}
  atr:   {kind: atr, length: 14}
entry:  {long: "fast@4h > slow@4h and crosses_above(rsi, rsi_floor)"}
exit:   {long: "crosses_below(close, slow) or bars_in_position >= 96"}
confirm: {frames: [1h, 4h], checks: [rsi, macd, ema], min_score: 66}
stops:
  loss:    {kind: atr, indicator: atr, multiple: 2}             # percent | atr | price_expr | none
  target:  {kind: rr, multiple: 2}
  trail:   {kind: percent, value: 3%, activate_at: 4%}
  time:    {bars: 240}
sizing: {kind: fixed_fractional, risk: 1%}
orders: {entry: market, limit_offset: 0%, expire_bars: 1}
filters: {sessions: all, min_quote_volume_24h: 500000, cooldown_bars: 4}
limits: {max_positions: 1, max_adds: 0}
notes: {thesis: "a", fails_when: "b"}
"""

RULES = [
    "crosses_above(fast, slow)",
    "fast > slow and slow > rsi and rsi > close",
    "crosses_above(rsi, 30) and close > slow",
    "macd.line > macd.signal and macd.hist > macd.hist[1]",
    "lowest(bb.width, 120) == bb.width[1]",
    "close > dc20.upper[1]",
    "close > close[26]",
    "st.direction > 0 and st.direction[1] < 0",
    "fast@4h > slow@4h and crosses_above(rsi, rsi_floor)",
    "crosses_below(close, slow) or bars_in_position >= 96",
    "not (rising(close, n) or falling(volume, 3)) and hour >= 8",
    "between(rsi, 20, 80) and held(close > fast, 3) and within(new_day, 12)",
    "count(close > open, 10) >= 6 or bars_since(crosses(fast, slow)) < 5",
    "zscore(close, 50) < -2 and percentile_rank(volume, 100) > 90%",
    "abs(change(close, 4)) / close > 1.5% or first(pct_change(close, 1) < -3%)",
    "min(fast, slow) - max(open, hl2) * 2 > -(close@1d[2] - ohlc4)",
    "position_pnl_pct > 5% and highest_since_entry > entry_price * 1.1",
]

#: Import trick, attribute access, lambda, list comprehension, negative lag, statement separator, unknown call, power
#: operator, a rule that is no condition, unknown name.
HOSTILE = [
    "__import__('os').system('true')",
    "close.__class__.__mro__ > 1",
    "(lambda: 1)() > 0",
    "[x for x in close] > 1",
    "close[-1] > close",
    "close > 1; close < 2",
    "eval(close) > 1",
    "close ** 2 > 1",
    "close + 1",
    "nothing > 1",
]

_SIGNS = "and or not ( ) [ ] [1] [500] [501] [-1] , . @4h @1m @ == = < >= + - * ** / % 1% 1e9 1e999 0 00 .5 5."
_NAMES = "close rsi macd.hist n rsi_floor highest( held( first( entry_price hour new_day x __import__ lambda"
_STRAY = "' ; : { } && | ! # $ \u2264 \u00e9 \u2461 \U0001f600"
SNIPPETS = [
    *(*_SIGNS.split(), *_NAMES.split(), *_STRAY.split()),
    *("count(close > open, 3)", '"', "\\", "\n", "\t", "\x00", "\u202e", "\ud800"),
]


def mutate(text: str, chance: random.Random) -> str:
    """The text with a few pieces put in, taken out, doubled or swapped."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(text))
        to = min(len(text), at + chance.randint(0, 6))
        match chance.randrange(6):
            case 0:
                text = text[:at] + chance.choice(SNIPPETS) + text[at:]
            case 1:
                text = text[:at] + text[to:]
            case 2:
                text = text[:at] + text[at:to] * 2 + text[to:]
            case 3:
                text = text[:at] + f" {chance.choice(SNIPPETS)} " + text[to:]
            case 4:
                text = text[:at] + chance.choice(("(", "not ", "-", "abs(")) * chance.randint(1, 40) + text[at:]
            case _:
                other = chance.choice(RULES)
                text = text[:at] + other[chance.randint(0, len(other)) :]
    return text


_TEXTS = "x close rsi n 1% 200% -1% 1h 2h auto none all long both BTC_USDT btc 08:00-16:00"
WILD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 3.5, 1e308, 10**17, -5, "", " ", "a\nb", "\u00e9", [], {}, [1], ["1h"]),
    *_TEXTS.split(),
    *({"kind": "atr"}, {"kind": "percent", "value": "2%"}, {"a": {"b": [1, {"c": None}]}}, ["mon", 3]),
    *("crosses_above(fast, slow)", "close >"),
]


def shuffle_document(data: Any, chance: random.Random) -> Any:
    """A copy with some values replaced, keys dropped, renamed or added, at any depth."""
    if isinstance(data, dict):
        found: dict[str, Any] = {}
        for key, value in data.items():
            roll = chance.random()
            if roll < 0.006:
                continue
            name = key + "x" if roll < 0.01 else chance.choice(("kind", "value", "long")) if roll < 0.012 else key
            found[name] = shuffle_document(value, chance)
        if chance.random() < 0.005:
            found[chance.choice(("kind", "short", "price", "settings", "frames", "zz"))] = chance.choice(WILD)
        return found
    if isinstance(data, list):
        return [shuffle_document(value, chance) for value in data]
    roll = chance.random()
    if roll < 0.01:
        return chance.choice(WILD)
    if isinstance(data, str) and roll < 0.03:
        return mutate(data, chance).replace("\ud800", "")
    if isinstance(data, int | float) and not isinstance(data, bool) and roll < 0.06:
        return data * chance.choice((-1, 0, 0.5, 2, 100, 1e9))
    return data
