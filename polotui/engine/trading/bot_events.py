"""What comes into a bot's queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from polotui.model.candles import Candle
from polotui.model.orders import OrderState, OrderTerms
from polotui.trading import rows as ledger


@dataclass(frozen=True)
class Closed:
    symbol: str
    candle: Candle


@dataclass(frozen=True)
class Filled:
    fill: ledger.FillRow
    terms: OrderTerms


@dataclass(frozen=True)
class Moved:
    terms: OrderTerms
    state: OrderState
    code: str
    words: str


@dataclass(frozen=True)
class Asked:
    """Something that a person wants of the bot; `done` gets the outcome."""

    what: str
    done: asyncio.Future[None]
    reason: str = ""
    close: bool = False
    symbol: str = ""
    stop: Any = None
    target: Any = None


Event = Closed | Filled | Moved | Asked
