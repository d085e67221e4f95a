"""What a bot is started with, and what a restart tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from polotui.backtest.settings import Settings
from polotui.model.orders import OrderState, OrderTerms
from polotui.trading.bots.hand import Fill

BotState = Literal["running", "paused", "stopping", "stopped", "failed"]


@dataclass(frozen=True)
class BotTerms:
    """What a bot is started with. `settings` has capital, costs and policy; its span is not read.

    `form` is that of its venue. `bar`: an entry is an order of one moment, asked anew at the next, and a limit or stop
    entry is an unrounded quantity. `book`: it rests until it expires, with a quantity on the grid.
    """

    id: int
    strategy: str
    account: str
    symbols: tuple[str, ...]
    frame_ms: int
    settings: Settings
    form: Literal["bar", "book"] = "bar"


@dataclass(frozen=True)
class SentOrder:
    """An order of the bot as the ledger has it after a restart."""

    terms: OrderTerms
    state: OrderState
    code: str = ""
    words: str = ""


@dataclass(frozen=True)
class Told:
    """A fill as the ledger has it."""

    number: int
    fill: Fill
    terms: OrderTerms
    at_ms: int
