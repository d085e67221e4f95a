"""What a bot tells of its decisions: signals, refusals, decisions, trades. Plain values, to be stored and shown.

Decided here: a listener is told in the middle of a decision and must not wait; what has to be written goes to whoever
drives the bot. Every note names the bar whose close it is about, so that a note told twice is the same note.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import msgspec

from polotui.backtest.kernel.shapes import REFUSALS

#: Codes of the kernel's refusals, and of those that only a running bot has.
REFUSAL_CODES = (
    "BOT-NO-PLACE", "BOT-NO-CASH", "BOT-TOO-SMALL", "BOT-WRONG-STOP", "BOT-CONFLICT", "BOT-EXIT-TOO", "BOT-COOLING",
    "BOT-EXPIRED", "BOT-NO-SIZE",
)  # fmt: skip
MISSED, PAUSED, BLOCKED, DENIED, REJECTED = (
    "BOT-MISSED", "BOT-PAUSED", "BOT-BLOCKED", "BOT-DENIED", "BOT-REJECTED",
)  # fmt: skip


class SignalNote(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry rule asked for at a bar's close. `entry` is the price it is measured from."""

    id: str
    bot: int
    strategy: str
    symbol: str
    side: str
    kind: str
    bar_ms: int
    at_ms: int
    entry: Decimal
    amount: Decimal
    stop: Decimal | None = None
    target: Decimal | None = None
    #: Share of frames that agree, its class (HIGH, MEDIUM, LOW, UNKNOWN) and each frame's vote; empty without confirm.
    score: float | None = None
    confirmation: str = ""
    votes: dict[str, str] = {}
    rule: str = ""
    reason: str = ""


class RefusalNote(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was asked for and not taken. `signal` is the id that its note has, if there is one."""

    signal: str
    bot: int
    strategy: str
    symbol: str
    bar_ms: int
    at_ms: int
    code: str
    reason: str


class DecisionNote(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about an open position: `exit` (with its reason), `trail` (the stop was drawn up), `late`."""

    bot: int
    strategy: str
    symbol: str
    bar_ms: int
    at_ms: int
    kind: str
    reason: str
    price: Decimal | None = None


class TradeNote(msgspec.Struct, frozen=True, kw_only=True):
    """A closed trade as the bot booked it. Money is the bot's reckoning in floats; the ledger has the exact one."""

    bot: int
    strategy: str
    symbol: str
    entry_ms: int
    exit_ms: int
    entry_price: float
    exit_price: float
    quantity: float
    profit: float
    fees: float
    invested: float
    stop: float | None
    target: float | None
    reason: str
    signal: str


class BotListener(Protocol):
    """Who is told. Called at once and in order; must not wait."""

    def on_signal(self, note: SignalNote) -> None: ...

    def on_refusal(self, note: RefusalNote) -> None: ...

    def on_decision(self, note: DecisionNote) -> None: ...

    def on_trade(self, note: TradeNote) -> None: ...


class Silence:
    """Tells nobody."""

    def on_signal(self, note: SignalNote) -> None:
        pass

    def on_refusal(self, note: RefusalNote) -> None:
        pass

    def on_decision(self, note: DecisionNote) -> None:
        pass

    def on_trade(self, note: TradeNote) -> None:
        pass


def refusal_words(place: int) -> tuple[str, str]:
    """Code and words of the kernel's refusal."""
    return REFUSAL_CODES[place], REFUSALS[place]
