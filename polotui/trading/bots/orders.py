"""What a bot needs of the desk: somebody who takes orders, its money, and somebody who keeps its stops.

Decided here: protocols, so that a bot knows neither gateway nor venue. `Gateway` is an `Orders` as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from polotui.model.orders import OrderState
from polotui.risk.values import Asked, RiskDecision


class Sent(Protocol):
    """What became of a wish."""

    @property
    def order_id(self) -> str: ...
    @property
    def decision(self) -> RiskDecision: ...
    @property
    def state(self) -> OrderState: ...


class Orders(Protocol):
    async def submit(self, asked: Asked, caller: str = "") -> Sent:
        """Sends an order if the gate lets it; what becomes of it is told to the bot besides."""
        ...

    async def cancel(self, order_id: str, reason: str = "") -> object: ...


class Purse(Protocol):
    """The money of one account: folds over the ledger."""

    def cash(self) -> Decimal:
        """What it has of the quote currency."""
        ...

    def held(self, symbol: str) -> Decimal:
        """What it has of a symbol's coins."""
        ...


@dataclass(frozen=True)
class Protection:
    """The stop and the target that a position should have. At least one is there."""

    bot: int
    account: str
    strategy: str
    symbol: str
    quantity: Decimal
    stop: Decimal | None
    target: Decimal | None
    reason: str = ""
    signal: str = ""


class Keeper(Protocol):
    """Who keeps stops and targets: one OCO order in a replay, the desk's protector otherwise. Asked for what stands
    already, it does nothing."""

    async def keep(self, wanted: Protection) -> None: ...

    async def drop(self, account: str, symbol: str, reason: str) -> None: ...
