"""The documents of the parity run: the templates that a spot account can trade, and others for what those leave out."""

from __future__ import annotations

from dataclasses import dataclass

from polotui.backtest.settings import Policy
from polotui.strategy.document.templates import templates


@dataclass(frozen=True)
class Written:
    """A document, how many symbols it is given, and the fill policy."""

    name: str
    text: str
    symbols: int
    policy: Policy = "pessimistic"
    #: Takes the share of each bar's volume that it may fill.
    volume_share: float = 0.1


_HEAD = """spec: 1
name: {name}
market: {{symbols: [BTC_USDT, ETH_USDT, SOL_USDT], direction: long}}
timeframe: 1h
indicators:
  fast: {{kind: ema, length: 8}}
  slow: {{kind: ema, length: 21}}
  rsi: {{kind: rsi, length: 7}}
  atr: {{kind: atr, length: 10}}
"""

_MORE = {
    "stop entries": """
entry: {long: "close > fast and fast > slow"}
exit: {long: "crosses_below(close, slow)"}
stops:
  loss: {kind: atr, indicator: atr, multiple: 1.5}
  target: {kind: rr, multiple: 1.5}
  trail: {kind: percent, value: 1%, activate_at: 0.5%}
sizing: {kind: fixed_fractional, risk: 1%, max_share: 40%}
orders: {entry: stop, limit_offset: 0.3%, expire_bars: 4}
limits: {max_positions: 2}
""",
    "limit entries with adds": """
entry: {long: "rsi < 45"}
exit: {long: "rsi > 70"}
stops:
  loss: {kind: percent, value: 1.5%}
  target: {kind: percent, value: 1%}
sizing: {kind: percent_equity, value: 25%}
orders: {entry: limit, limit_offset: 0.2%, expire_bars: 3}
filters: {cooldown_bars: 2}
limits: {max_positions: 3, max_adds: 3}
""",
    "kelly of its own trades": """
entry: {long: "crosses_above(rsi, 50)"}
exit: {long: "close < slow - 2 * atr"}
stops:
  loss: {kind: percent, value: 4%}
  time: {bars: 20}
sizing: {kind: kelly, fraction: 0.5, min_trades: 5, max_share: 60%}
limits: {max_positions: 2}
""",
    "exits by facts": """
entry: {long: "crosses_above(fast, slow)"}
exit:
  long: >-
    position_pnl_pct < -0.01 or highest_since_entry > entry_price * 1.02 and close < highest_since_entry - atr
    or bars_in_position >= 12 and position_pnl_pct < 0.002 or close < lowest_since_entry * 1.0001
sizing: {kind: percent_equity, value: 50%, max_share: 50%}
limits: {max_positions: 2}
""",
    "a vote of frames": """
entry: {long: "rsi < 60 and close > close[1]"}
exit: {long: "rsi > 75 or crosses_below(fast, slow)"}
confirm: {frames: [1h, 4h], checks: [rsi, ema], min_score: 50}
stops:
  loss: {kind: atr, indicator: atr, multiple: 2}
  target: {kind: rr, multiple: 2}
sizing: {kind: fixed_fractional, risk: 0.5%}
""",
    "more symbols than cash": """
entry: {long: "close > open"}
exit: {long: "close < open and close < fast"}
stops:
  loss: {kind: price_expr, price: "min(low, low[1]) - atr / 2"}
  target: {kind: price_expr, price: "close + 2 * atr"}
sizing: {kind: percent_equity, value: 60%}
limits: {max_positions: 3}
""",
    "turtles in a hurry": """
entry: {long: "close > highest(high[1], 12)"}
exit: {long: "close < lowest(low[1], 8)"}
stops:
  loss: {kind: atr, indicator: atr, multiple: 2}
  trail: {kind: atr, indicator: atr, multiple: 2.5, activate_at: 0.5%}
sizing: {kind: percent_equity, value: 15%}
limits: {max_positions: 3, max_adds: 4, add_step: 0.5, add_indicator: atr}
""",
    "large orders over several bars": """
entry: {long: "crosses_above(close, slow)"}
exit: {long: "crosses_below(close, fast)"}
stops:
  loss: {kind: percent, value: 2%}
  target: {kind: rr, multiple: 1}
sizing: {kind: fixed_quote, amount: 4000}
orders: {entry: market, expire_bars: 5}
limits: {max_positions: 2}
""",
    "certain hours": """
entry: {long: "crosses_above(rsi, 50)"}
exit: {long: "rsi > 65 or hour == 20"}
stops:
  loss: {kind: percent, value: 1%}
sizing: {kind: fixed_quote, amount: 500}
filters:
  sessions: ["06:00-18:30", "22:00-02:00"]
  weekdays: [mon, tue, wed, thu, fri]
  min_quote_volume_24h: 1000
  cooldown_bars: 3
""",
    "tight both ways": """
entry: {long: "close > close[1]"}
stops:
  loss: {kind: percent, value: 0.3%}
  target: {kind: percent, value: 0.3%}
sizing: {kind: percent_equity, value: 30%}
limits: {max_positions: 3}
""",
}
_POLICIES: dict[str, Policy] = {
    "tight both ways": "optimistic",
    "turtles in a hurry": "adaptive",
    "limit entries with adds": "adaptive",
}
_SYMBOLS = {"certain hours": 1, "a vote of frames": 1, "kelly of its own trades": 2, "exits by facts": 2}


def _of_templates() -> list[Written]:
    found = []
    for name, template in templates().items():
        text = template.text
        if name == "grid":
            continue
        if name == "breakout-both-ways":
            text = text.replace("direction: both, leverage: 2", "direction: long")
            text = "\n".join(line for line in text.splitlines() if not line.strip().startswith("short:"))
        symbols = text.partition("symbols: [")[2].partition("]")[0].count(",") + 1
        found.append(Written(name, text, symbols))
    return found


def documents() -> list[Written]:
    own = []
    for name, text in _MORE.items():
        head = _HEAD.format(name=name.replace(" ", "-"))
        own.append(Written(name, head + text, _SYMBOLS.get(name, 3), _POLICIES.get(name, "pessimistic")))
    return _of_templates() + own
