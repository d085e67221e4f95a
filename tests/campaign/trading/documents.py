"""Strategies that trade every few minutes, each with a stop, so that an hour sees every path of an order."""

from __future__ import annotations

_HEAD = """spec: 1
name: {name}
market: {{symbols: [BTC_USDT, ETH_USDT, SOL_USDT], direction: long}}
timeframe: 1m
indicators:
  fast: {{kind: ema, length: 3}}
  slow: {{kind: ema, length: 8}}
  rsi: {{kind: rsi, length: 5}}
  atr: {{kind: atr, length: 5}}
"""

_BODIES = {
    "hasty": """
entry: {long: "close > open"}
exit: {long: "close < fast and close < open"}
stops:
  loss: {kind: percent, value: 0.4%}
  target: {kind: rr, multiple: 1.6}
sizing: {kind: fixed_quote, amount: 180}
limits: {max_positions: 3}
""",
    "patient": """
entry: {long: "rsi < 60"}
exit: {long: "rsi > 75"}
stops:
  loss: {kind: percent, value: 0.8%}
  target: {kind: percent, value: 1.3%}
  time: {bars: 12}
sizing: {kind: percent_equity, value: 20%}
orders: {entry: limit, limit_offset: 0.05%, expire_bars: 2}
limits: {max_positions: 2, max_adds: 2}
""",
    "chaser": """
entry: {long: "close > slow"}
exit: {long: "crosses_below(close, slow)"}
stops:
  loss: {kind: atr, indicator: atr, multiple: 2}
  trail: {kind: percent, value: 0.5%, activate_at: 0.1%}
sizing: {kind: fixed_fractional, risk: 0.5%, max_share: 30%}
orders: {entry: stop, limit_offset: 0.02%, expire_bars: 3}
limits: {max_positions: 2}
""",
}

NAMES = tuple(_BODIES)
#: All of them protect what they hold.
TEXTS = {name: _HEAD.format(name=name) + body for name, body in _BODIES.items()}
