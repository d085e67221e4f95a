"""The order ticket without a screen: its fields as typed, what is wrong with them, and the order they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from polotui.core.text import is_plain_symbol
from polotui.tui.widgets.backtest.form_fields import Wrong
from polotui.tui.widgets.paper import amounts
from polotui.tui.widgets.paper.entry_pane import Entry

SIDES = ("BUY", "SELL")
TYPES = ("MARKET", "LIMIT", "LIMIT_MAKER", "STOP")
BY = ("amount", "quantity")
IN_FORCE = ("GTC", "IOC", "FOK")
WITH_PRICE = frozenset({"LIMIT", "LIMIT_MAKER"})


@dataclass(frozen=True)
class Grid:
    """What is known of the symbol's market."""

    price_scale: int = 8
    quantity_scale: int = 8
    amount_scale: int = 8
    last: Decimal | None = None
    known: bool = False
    """The exchange's list of symbols is there, and this one is in it."""
    listed: bool = False
    """There is a list at all."""


def entries(texts: Mapping[str, str]) -> list[Entry]:
    """The fields that this kind of order has."""
    kind, side = texts["type"], texts["side"]
    base, _, quote = texts["symbol"].strip().upper().rpartition("_")
    unit = quote if texts["by"] == "amount" else base
    made = [
        Entry("symbol", "symbol", wide=16),
        Entry("side", "side", SIDES, wide=16),
        Entry("type", "type", TYPES, wide=16),
        Entry("by", "size by", BY, wide=16),
        Entry("size", texts["by"], unit=unit[:10], wide=16),
    ]
    if kind in WITH_PRICE:
        made.append(Entry("price", "price", unit=quote[:10], wide=16))
    if kind == "STOP":
        made.append(Entry("stop", "trigger", unit=quote[:10], wide=16))
    elif side == "BUY":
        made.append(Entry("stop", "stop", unit=quote[:10], wide=16))
    if side == "BUY" and kind != "STOP":
        made.append(Entry("target", "target", unit=quote[:10], wide=16))
    if kind == "LIMIT":
        made.append(Entry("force", "in force", IN_FORCE, wide=16))
    return [*made, Entry("note", "note", wide=40)]


def natural_size(side: str, kind: str) -> str:
    """A market buy names what it spends, everything else what it trades."""
    return "amount" if side == "BUY" and kind == "MARKET" else "quantity"


def fault(name: str, texts: Mapping[str, str], grid: Grid) -> str:
    """Why a field cannot be used; empty when it can."""
    try:
        _value(name, texts, grid)
    except Wrong as error:
        return str(error)
    return ""


def _value(name: str, texts: Mapping[str, str], grid: Grid) -> str:
    text = texts[name].strip()
    if name == "symbol":
        symbol = text.upper()
        if not is_plain_symbol(symbol):
            raise Wrong("a symbol like BTC_USDT")
        if grid.listed and not grid.known:
            raise Wrong("not traded here")
        return symbol
    if name == "size":
        scale = grid.amount_scale if texts["by"] == "amount" else grid.quantity_scale
        if not text:
            raise Wrong("how much?")
        return amounts.written(amounts.decimals_checked(amounts.amount(text), scale))
    if name == "price":
        if not text:
            raise Wrong("a limit needs a price")
        return amounts.written(amounts.decimals_checked(amounts.amount(text), grid.price_scale))
    if name in ("stop", "target"):
        return _level(name, text, texts, grid)
    return text


def _level(name: str, text: str, texts: Mapping[str, str], grid: Grid) -> str:
    trigger = name == "stop" and texts["type"] == "STOP"
    if not text:
        if trigger:
            raise Wrong("a stop order needs its trigger")
        return ""
    # The trigger of a stop order to buy is above the market, every other stop is below what is paid.
    sign = 1 if name == "target" or (trigger and texts["side"] == "BUY") else -1
    paid = grid.last
    if texts["type"] in WITH_PRICE and texts["price"].strip():
        paid = amounts.amount(texts["price"])
    value = amounts.price(text, grid.price_scale, paid, sign)
    if paid is not None and (value - paid) * sign <= 0:
        raise Wrong(f"must be {'above' if sign > 0 else 'below'} {amounts.written(paid)}")
    return amounts.written(value)


def terms(texts: Mapping[str, str], grid: Grid) -> dict[str, Any] | None:
    """What PlaceOrder and AssessOrder take in common; None while a field is wrong."""
    names = [entry.name for entry in entries(texts)]
    if any(fault(name, texts, grid) for name in names):
        return None
    made: dict[str, Any] = {
        "symbol": _value("symbol", texts, grid),
        "side": texts["side"],
        "type": texts["type"],
        texts["by"]: _value("size", texts, grid),
    }
    for name in ("price", "stop", "target"):
        if name in names and (value := _value(name, texts, grid)):
            made[name] = value
    return made
