"""Words of the local smart orders: what is protected, with what, and what the protector needs of the desk.

Decided here: one protection an account and symbol, long only. Its quantity is never stored: what is held is read when
it fires. A protection is `venue` while an order at the venue keeps it, `local` while the engine watches it with a price
that is known, and `none` otherwise: no guarantee is claimed, the level is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from polotui.model.money import ZERO
from polotui.model.orders import OrderState
from polotui.model.symbols import Market
from polotui.risk.values import Asked, RiskDecision

Level = Literal["venue", "local", "none"]


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """A stop that follows the best price, `fraction` of it or `distance` in price away, from when the best price has
    earned `from_fraction` of `entry`."""

    entry: Decimal
    fraction: float = 0.0
    distance: float = 0.0
    from_fraction: float = 0.0


class Protection(msgspec.Struct, frozen=True, kw_only=True):
    """Stop and target of one position. `venue_order` is an order at the venue that keeps the stop; while it is open the
    protector only looks on. `target_rests`: the target's limit order is sent at once, not when its price is reached."""

    account: str
    symbol: str
    bot: int = 0
    strategy: str = ""
    stop: Decimal | None = None
    target: Decimal | None = None
    trail: Trail | None = None
    target_rests: bool = False
    venue_order: str = ""
    reason: str = ""
    signal: str = ""
    parent: str = ""


class Wanted(Protocol):
    """What a bot says of a position that should be kept."""

    @property
    def bot(self) -> int: ...
    @property
    def account(self) -> str: ...
    @property
    def strategy(self) -> str: ...
    @property
    def symbol(self) -> str: ...
    @property
    def stop(self) -> Decimal | None: ...
    @property
    def target(self) -> Decimal | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def signal(self) -> str: ...


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A protection with all that a restart must know: the orders it sent that may still be open, the best price and the
    level of its trailing stop, and when its stop was crossed (`crossed_ms`, also set by who knows it from candles)."""

    protection: Protection
    stop_order: str = ""
    target_order: str = ""
    best: float | None = None
    trailed: float | None = None
    crossed_ms: int = 0


class OrderNow(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order stands. `filled` counts what is booked."""

    state: OrderState
    filled: Decimal = ZERO
    code: str = ""
    words: str = ""


class Sent(Protocol):
    """What became of a wish."""

    @property
    def decision(self) -> RiskDecision: ...
    @property
    def state(self) -> OrderState: ...


class Orders(Protocol):
    """The gateway. What it raises (PolotuiError) leaves open whether the order exists; `ask` tells."""

    async def submit(self, asked: Asked, caller: str = "") -> Sent: ...

    async def cancel(self, order_id: str, reason: str = "") -> object: ...

    async def free(self, account: str, symbol: str, reason: str) -> bool:
        """Asks to cancel what else rests to sell these coins. True when nothing of it is open any more."""
        ...

    async def ask(self, order_id: str) -> OrderNow | None:
        """Where an order of ours stands; None only when it does not exist and can never come to be."""
        ...


class Holdings(Protocol):
    """The booked positions."""

    def held(self, account: str, symbol: str) -> Decimal: ...


class Quotes(Protocol):
    """The live market, as the protector reads it."""

    def market(self, symbol: str) -> Market | None: ...

    def best_bid(self, symbol: str) -> float | None:
        """What a sale would get now; None without a usable book."""
        ...

    def last(self, symbol: str) -> float | None:
        """The newest price that was traded, fresh or not; None when none was ever seen."""
        ...

    def fresh(self, symbol: str) -> bool:
        """Whether the stream of this symbol may carry a decision now."""
        ...

    def stamp_ms(self, symbol: str) -> int:
        """The exchange's time of the newest data of this symbol; 0 when there is none."""
        ...

    async def prices(self, symbols: Sequence[str]) -> Mapping[str, float]:
        """What sales would get now, from one call that does not use the stream. A symbol without a fresh price is left
        out. Raises PolotuiError when the call failed."""
        ...


class Tells(Protocol):
    """Who is told what the protector does. Plain calls that return quickly."""

    def alert(self, code: str, text: str, symbol: str) -> None: ...

    def changed(self, stored: Stored) -> None:
        """What a restart must know of a protection changed. A trailing stop is told with the sweep."""
        ...

    def ended(self, protection: Protection, why: str) -> None:
        """Nothing is left to protect, or it was dropped."""
        ...


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """One protection as it is now. `stop` is the one in force, trailing included."""

    account: str
    bot: int
    symbol: str
    held: Decimal
    level: Level
    stop: float | None
    target: float | None
    trailing: bool
    price: float | None
    price_age_ms: int | None
    doing: str


class ProtectStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`blocks` says why no position may be opened; empty: nothing of this. Times are wall-clock milliseconds."""

    running: bool
    stopped_by: str
    blocks: str
    watched: tuple[Watched, ...]
    last_check_ms: int
    last_sweep_ms: int
    sweep_failures: int
    oldest_price_age_ms: int | None
    worst_latency_ms: float | None
    triggered: int
