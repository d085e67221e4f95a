"""What the risk functions are told and what they answer: plain values, the same in backtest, paper and live.

Decided here: money is Decimal, ratios are fractions (0.05 is 5 %). What is not known is None and counts at its worst;
it is never zero. A decision carries every finding, each with a machine code, not only the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from polotui.model.orders import OrderTerms, Side

TradingState = Literal["ACTIVE", "REDUCING", "HALTED"]


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of a symbol by one account. `mark` None: no fresh price. `stop` None: unprotected."""

    account: str
    bot: int
    strategy: str
    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark: Decimal | None
    stop: Decimal | None = None
    target: Decimal | None = None
    protection: Literal["venue", "local", "none"] = "none"


class RestingView(msgspec.Struct, frozen=True, kw_only=True):
    """An order that may still fill: resting, on its way, or unknown. `worst_amount` is what it may still move, in quote
    currency, at its worst price; `quantity` what is left of it."""

    id: str
    account: str
    bot: int
    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal | None
    worst_amount: Decimal
    reduces: bool
    created_ms: int


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """The market of one symbol at the moment of the decision. `age_ms` is since the book was last confirmed; None means
    there is none."""

    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    age_ms: int | None
    fresh: bool
    tradable: bool = True
    min_quantity: Decimal = Decimal(0)
    min_amount: Decimal = Decimal(0)
    quantity_step: Decimal = Decimal(0)
    price_step: Decimal = Decimal(0)
    #: Largest move within the last second and the largest difference from another source, as fractions.
    jump: float = 0.0
    difference: float = 0.0


class PairLock(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    code: str
    reason: str
    until_ms: int


class Latch(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    reason: str
    since_ms: int


class SentOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the last hours, for the rules on rate, repetition and size; a view has them oldest first."""

    at_ms: int
    bot: int
    symbol: str
    side: Side
    price: Decimal | None
    quantity: Decimal | None
    amount: Decimal | None
    reduces: bool
    automatic: bool


def _fall(top: Decimal | None, now: Decimal | None) -> float | None:
    """How far `now` is below `top`, as a fraction of at least 0; None unless both are known."""
    if top is None or now is None or not (top.is_finite() and now.is_finite()) or top <= 0:
        return None
    return max(0.0, float((top - now) / top))


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """The account as a whole: all bots and what is traded by hand together.

    `equity`, `day_start_equity` and `peak_equity` are in the quote currency; None: not known. `daily_loss` and
    `drawdown` are fractions of at least 0, worst-case fees included. `correlations` gives the Pearson correlation of
    two symbols (names sorted), or None when there is too little history; a pair that is missing is unknown too.
    """

    root: str
    now_ms: int
    #: What equity, cash and exposure are counted in; orders on symbols with another quote currency are refused.
    currency: str = "USDT"
    state: TradingState
    equity: Decimal | None
    day_start_equity: Decimal | None
    peak_equity: Decimal | None
    #: By currency, all accounts together, what resting orders hold included.
    cash: Mapping[str, Decimal]
    #: By (account, currency): what a bot's own account holds. The root has the rest; one that is missing is unknown.
    account_cash: Mapping[tuple[str, str], Decimal] = {}
    positions: tuple[PositionView, ...] = ()
    resting: tuple[RestingView, ...] = ()
    sent: tuple[SentOrder, ...] = ()
    latches: tuple[Latch, ...] = ()
    locks: tuple[PairLock, ...] = ()
    correlations: Mapping[tuple[str, str], float | None] = {}
    #: Drawdown of each strategy from its own peak, as a fraction: 0.0 for a new one; one that is missing is unknown.
    strategy_drawdowns: Mapping[str, float] = {}
    consecutive_losses: Mapping[int, int] = {}
    safety_score: int | None = None
    safety_vetoes: tuple[str, ...] = ()

    @property
    def daily_loss(self) -> float | None:
        return _fall(self.day_start_equity, self.equity)

    @property
    def drawdown(self) -> float | None:
        return _fall(self.peak_equity, self.equity)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The order that is asked for, with what its strategy says of it. `strategy` is empty for an order by hand; an
    order of bot 0 is by hand."""

    terms: OrderTerms
    strategy: str = ""
    stop: Decimal | None = None
    target: Decimal | None = None
    leverage: float = 1.0
    #: A person has confirmed an unusual size.
    confirmed: bool = False


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check says. `code` is stable (`RISK-DAILY-LOSS`); `value` over `limit` is the use. `figures` are
    the check's own numbers, by name, for JSON. `warns`: it passes, but is worth a person's attention."""

    code: str
    refuses: bool
    text: str
    value: float | None = None
    limit: float | None = None
    figures: dict[str, object] = {}
    warns: bool = False


class RiskDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an order may go. `findings` refuse, `code` is the first one's; `checks` has every check's finding, passed
    ones too; `recommendation` is what would pass, or what to do."""

    approved: bool
    code: str
    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    checks: tuple[Finding, ...]
    recommendation: str
