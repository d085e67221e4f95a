"""Each limit described once: title, unit, range, and the direction in which it allows more."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec

Unit = Literal["share", "count", "factor", "ratio", "money", "ms", "score", "switch"]


class Field(msgspec.Struct, frozen=True):
    """`loosens` is the direction that allows more: up, down, or for a switch on, off."""

    name: str
    title: str
    unit: Unit
    low: float
    high: float
    loosens: Literal["up", "down", "on", "off"]
    group: str
    help: str

    @property
    def whole(self) -> bool:
        return self.unit in ("count", "ms", "score")


_LOSS, _SIZE, _COUNT, _TRADE, _ORDER, _DATA = "Losses", "Size", "Positions", "Trade", "Orders", "Market data"

FIELDS: tuple[Field, ...] = (
    Field(
        "daily_loss",
        "Daily loss",
        "share",
        0.001,
        0.5,
        "up",
        _LOSS,
        "loss since 00:00 UTC, open positions included, at which everything is closed and the day is over",
    ),
    Field(
        "drawdown_warn",
        "Drawdown that warns",
        "share",
        0.005,
        0.9,
        "up",
        _LOSS,
        "fall from the highest equity that raises an alert",
    ),
    Field(
        "drawdown_pause",
        "Drawdown that pauses",
        "share",
        0.01,
        0.95,
        "up",
        _LOSS,
        "fall from the highest equity, of the account or of one strategy, that stops entries until a person resumes",
    ),
    Field(
        "loss_streak",
        "Losses in a row",
        "count",
        0,
        1000,
        "up",
        _LOSS,
        "losing trades of one bot in a row that stop its entries; 0: not watched",
    ),
    Field(
        "max_position",
        "Largest position",
        "share",
        0.001,
        1.0,
        "up",
        _SIZE,
        "share of the equity in one symbol, all bots and waiting orders together",
    ),
    Field(
        "gross_exposure",
        "Exposure in all",
        "share",
        0.01,
        5.0,
        "up",
        _SIZE,
        "share of the equity in all positions and waiting entries",
    ),
    Field("max_order_amount", "Largest order", "money", 1, 1_000_000, "up", _SIZE, "quote currency in one order"),
    Field("leverage", "Leverage", "factor", 1.0, 20.0, "up", _SIZE, "largest leverage that an order may ask for"),
    Field(
        "positions_per_strategy",
        "Positions per strategy",
        "count",
        1,
        500,
        "up",
        _COUNT,
        "open at the same time, waiting entries included",
    ),
    Field(
        "positions_total",
        "Positions in all",
        "count",
        1,
        1000,
        "up",
        _COUNT,
        "open at the same time over all strategies and by hand",
    ),
    Field(
        "correlated_pairs",
        "Correlated pairs",
        "count",
        0,
        10_000,
        "up",
        _COUNT,
        "pairs of symbols held or about to be, whose prices move together; unknown counts as together",
    ),
    Field(
        "correlation",
        "Correlated above",
        "ratio",
        0.0,
        0.999,
        "up",
        _COUNT,
        "Pearson correlation of hourly returns above which two symbols move together",
    ),
    Field(
        "risk_per_trade",
        "Risk a trade",
        "share",
        0.0001,
        0.2,
        "up",
        _TRADE,
        "share of the equity that sizing puts at risk",
    ),
    Field(
        "max_trade_risk",
        "Most that a trade may lose",
        "share",
        0.0001,
        0.5,
        "up",
        _TRADE,
        "share of the equity lost when the stop is hit, above which an entry is refused",
    ),
    Field("stop", "Usual stop", "share", 0.001, 0.9, "up", _TRADE, "distance from the entry when none is given"),
    Field("target", "Usual target", "share", 0.001, 10.0, "up", _TRADE, "distance from the entry when none is given"),
    Field("stop_required", "Stop required", "switch", 0, 1, "off", _TRADE, "refuse entries without a stop"),
    Field(
        "reward_risk",
        "Least reward to risk",
        "factor",
        0.0,
        100.0,
        "down",
        _TRADE,
        "target distance over stop distance",
    ),
    Field(
        "price_collar",
        "Price band of entries",
        "share",
        0.0001,
        0.5,
        "up",
        _ORDER,
        "farthest from the middle of the book and from the last trade",
    ),
    Field(
        "price_collar_exit",
        "Price band of exits",
        "share",
        0.001,
        0.9,
        "up",
        _ORDER,
        "farthest on the losing side of the market",
    ),
    Field(
        "orders_per_second", "Orders a second", "count", 1, 100, "up", _ORDER, "exits are counted but never held back"
    ),
    Field(
        "orders_per_minute", "Orders a minute", "count", 1, 2000, "up", _ORDER, "exits are counted but never held back"
    ),
    Field(
        "rate_reserve",
        "Kept free for exits and cancels",
        "share",
        0.0,
        0.9,
        "down",
        _ORDER,
        "share of the order rate that entries may not use",
    ),
    Field(
        "duplicate_ms",
        "Same order again within",
        "ms",
        0,
        60_000,
        "down",
        _ORDER,
        "same bot, symbol, side, price and size is taken for a mistake",
    ),
    Field(
        "repeated_entries",
        "Entries without an exit",
        "count",
        1,
        1000,
        "up",
        _ORDER,
        "automatic entries on one symbol, in the time below, that stop a strategy",
    ),
    Field(
        "repeated_ms",
        "Time for these entries",
        "ms",
        1_000,
        86_400_000,
        "down",
        _ORDER,
        "how far back entries without an exit are counted",
    ),
    Field(
        "fat_finger_factor",
        "Unusual size by hand",
        "factor",
        1.0,
        1000.0,
        "up",
        _ORDER,
        "times the median of the last 20 orders on the symbol; asks a second time",
    ),
    Field(
        "fat_finger_share",
        "Large order by hand",
        "share",
        0.001,
        5.0,
        "up",
        _ORDER,
        "share of the equity; asks a second time",
    ),
    Field("max_jump", "Price jump within a second", "share", 0.001, 1.0, "up", _DATA, "entries wait beyond it"),
    Field("max_difference", "Difference between sources", "share", 0.001, 1.0, "up", _DATA, "entries wait beyond it"),
    Field(
        "data_age_ms",
        "Oldest price",
        "ms",
        100,
        600_000,
        "up",
        _DATA,
        "entries wait when the book was not confirmed for longer",
    ),
    Field(
        "safety_score", "Safety score above", "score", 90, 99, "down", _DATA, "entries need a higher score and no veto"
    ),
)
BY_NAME: dict[str, Field] = {field.name: field for field in FIELDS}


def _number(value: Any) -> str:
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shown(field: Field, value: Any) -> str:
    """A value as a person reads it: `5 %`, `50,000`, `2 s`, `on`."""
    if field.unit == "switch":
        return "on" if value else "off"
    if field.unit == "share":
        return f"{_number(value * 100)} %"
    if field.unit == "ms":
        return f"{_number(value / 1000)} s"
    return _number(value)
