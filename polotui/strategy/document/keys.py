"""The keys of a document, block by block, in words: for completion, suggestions and the reference.

Light on purpose: an editor asks here on every key press, long before a document is whole. A test holds this table equal
to the models in `spec.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from polotui.strategy.document.limits import TIMEFRAMES


@dataclass(frozen=True)
class Key:
    """`holds` says what stands behind the key: block, list, number, rule, text, indicator (the name of one), …"""

    name: str
    holds: str
    says: str
    choices: tuple[str, ...] = ()


def _keys(*rows: Key) -> dict[str, Key]:
    return {row.name: row for row in rows}


_SIDES = _keys(
    Key("long", "rule", "condition for the long side"),
    Key("short", "rule", "condition for the short side"),
)
_VALUE = Key("value", "number", "a fraction, such as 2%")
_INDICATOR = Key("indicator", "indicator", "the declared indicator that gives the distance, such as an atr")
_MULTIPLE = Key("multiple", "number", "how many times")

#: Block path -> its keys. «*» stands for a name that the author chooses.
BLOCKS: dict[str, dict[str, Key]] = {
    "": _keys(
        Key("spec", "number", "version of this language", ("1",)),
        Key("name", "text", "what the strategy is called"),
        Key("market", "block", "what is traded"),
        Key("timeframe", "text", "the bars that rules are asked on", TIMEFRAMES),
        Key("warmup", "number", "bars before the first entry: auto, or more than that", ("auto",)),
        Key("params", "block", "named numbers with a range, to be tuned"),
        Key("indicators", "block", "named indicators for the rules"),
        Key("entry", "block", "when a position is opened"),
        Key("exit", "block", "when it is closed, besides the stops"),
        Key("confirm", "block", "votes of higher frames that an entry needs"),
        Key("stops", "block", "loss, target, trail and time stop"),
        Key("sizing", "block", "how much is bought"),
        Key("orders", "block", "how entries are placed"),
        Key("filters", "block", "when no entry is made"),
        Key("limits", "block", "how many positions and adds"),
        Key("executor", "block", "grid or dca instead of rules"),
        Key("notes", "block", "what it lives on, and when it fails"),
    ),
    "market": _keys(
        Key("symbols", "list", "such as [BTC_USDT, ETH_USDT]"),
        Key("direction", "text", "which sides may be opened", ("long", "short", "both")),
        Key("leverage", "number", "1 to 20"),
    ),
    "params": {},
    "params.*": _keys(
        Key("type", "text", "whole numbers or any", ("int", "float")),
        Key("default", "number", "used unless something else is asked for"),
        Key("min", "number", "smallest"),
        Key("max", "number", "largest"),
        Key("step", "number", "distance of the values that a sweep tries"),
    ),
    "indicators": {},
    "indicators.*": _keys(
        Key("kind", "kind", "which indicator"),
        Key("source", "series", "what it is computed from: a price field or another indicator"),
    ),
    "entry": _SIDES,
    "exit": _SIDES,
    "confirm": _keys(
        Key("frames", "list", "up to three frames that vote", TIMEFRAMES),
        Key("checks", "list", "what each frame looks at", ("rsi", "macd", "ema")),
        Key("min_score", "number", "share of agreeing frames, 0 to 100"),
    ),
    "stops": _keys(
        Key("loss", "block", "ends a losing position"),
        Key("target", "block", "takes the profit"),
        Key("trail", "block", "follows the price"),
        Key("time", "block", "ends a position by age"),
    ),
    "stops.loss": _keys(
        Key("kind", "text", "how the distance is given", ("percent", "atr", "price_expr", "none")),
        _VALUE,
        _INDICATOR,
        _MULTIPLE,
        Key("price", "price rule", "an expression for the stop's price, asked at the entry"),
    ),
    "stops.target": _keys(
        Key("kind", "text", "how the distance is given; rr is a multiple of the risk",
            ("percent", "rr", "price_expr", "none")),
        _VALUE,
        _MULTIPLE,
        Key("price", "price rule", "an expression for the target's price, asked at the entry"),
    ),
    "stops.trail": _keys(
        Key("kind", "text", "how the distance is given", ("percent", "atr", "none")),
        _VALUE,
        _INDICATOR,
        _MULTIPLE,
        Key("activate_at", "number", "profit from which on it follows, such as 4%"),
    ),
    "stops.time": _keys(Key("bars", "number", "bars after which the position is closed")),
    "sizing": _keys(
        Key("kind", "text", "how the size is found",
            ("fixed_fractional", "kelly", "percent_equity", "fixed_quote", "vol_target")),
        Key("risk", "number", "share of the equity lost when the stop is hit, such as 1%"),
        Key("value", "number", "share of the equity put in, such as 10%"),
        Key("amount", "number", "in the quote currency"),
        Key("target_vol", "number", "wanted volatility a year, such as 20%"),
        Key("vol_bars", "number", "bars that the volatility is measured over"),
        Key("fraction", "number", "part of the Kelly stake, 0.25 by default"),
        Key("win_rate", "number", "assumed share of winners; measured when left out"),
        Key("payoff", "number", "assumed average win over average loss; measured when left out"),
        Key("min_trades", "number", "trades before a measured Kelly stake is used"),
        Key("max_share", "number", "largest share of the equity in one position"),
    ),
    "orders": _keys(
        Key("entry", "text", "kind of the entry order", ("market", "limit", "stop")),
        Key("limit_offset", "number", "distance of a limit or stop entry from the close"),
        Key("expire_bars", "number", "bars that an unfilled entry waits"),
    ),
    "filters": _keys(
        Key("sessions", "list", "all, or UTC windows such as [\"08:00-16:30\"]", ("all",)),
        Key("weekdays", "list", "days with entries", ("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
        Key("min_quote_volume_24h", "number", "turnover of the last day below which nothing is bought"),
        Key("cooldown_bars", "number", "bars after an exit without a new entry"),
    ),
    "limits": _keys(
        Key("max_positions", "number", "open at the same time, over all symbols"),
        Key("max_adds", "number", "further entries into an open position"),
        Key("add_step", "number", "distance between adds, in multiples of add_indicator"),
        Key("add_indicator", "indicator", "the indicator that measures add_step"),
    ),
    "executor": _keys(Key("kind", "text", "which executor", ("grid", "dca"))),
    "executor.grid": _keys(
        Key("kind", "text", "which executor", ("grid", "dca")),
        Key("lower", "number", "lowest price of the grid"),
        Key("upper", "number", "highest price of the grid"),
        Key("levels", "number", "how many prices, both ends included"),
        Key("spacing", "text", "equal differences or equal ratios", ("arithmetic", "geometric")),
        Key("per_level", "number", "quote currency for each level"),
        Key("stop", "number", "price below which everything is sold"),
    ),
    "executor.dca": _keys(
        Key("kind", "text", "which executor", ("grid", "dca")),
        Key("interval", "number", "bars between purchases"),
        Key("amount", "number", "quote currency for each purchase"),
        Key("max_total", "number", "quote currency for all purchases"),
        Key("dip_rule", "rule", "buys only where this holds"),
        Key("take_profit", "number", "sells everything this far above the average price"),
        Key("stop", "number", "sells everything this far below the average price"),
    ),
    "notes": _keys(
        Key("thesis", "text", "why this should work"),
        Key("fails_when", "text", "in which market it does not"),
    ),
}  # fmt: skip

#: Where rules stand: path -> what they give.
RULES = {
    ("entry", "long"): "bool",
    ("entry", "short"): "bool",
    ("exit", "long"): "bool",
    ("exit", "short"): "bool",
    ("stops", "loss", "price"): "number",
    ("stops", "target", "price"): "number",
    ("executor", "dip_rule"): "bool",
}


def block(path: tuple[str | int, ...], executor: str = "") -> dict[str, Key]:
    """The keys of the block at `path`; empty where the author names the keys, or where there is no block."""
    names = [str(part) for part in path]
    if len(names) == 2 and names[0] in ("params", "indicators"):
        names[1] = "*"
    if names == ["executor"] and executor in ("grid", "dca"):
        names.append(executor)
    return BLOCKS.get(".".join(names), {})
