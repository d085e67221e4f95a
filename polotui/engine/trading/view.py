"""The account as the gate sees it, made anew for each decision from what is known in memory.

Decided here:
* Equity is cash plus coins at their marks. A coin whose market has not spoken yet makes it unknown, and unknown refuses
  entries; a coin that no market lists cannot be sold and is worth nothing here.
* Positions of all bots and those by hand count together; a bot's own limits are those of its document.
* What protects a position is what the protector keeps, not what somebody meant to place; dust is no position.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol

from polotui.core.clock import Clock
from polotui.engine.trading.markets import LiveMarkets
from polotui.model.money import ZERO
from polotui.model.orders import OrderTerms
from polotui.risk.values import AccountView, Latch, MarketView, PairLock, PositionView, SentOrder, TradingState
from polotui.trading.blotter import Blotter, root_of
from polotui.trading.portfolio import Portfolio, Position
from polotui.trading.protection import Protection

QUOTE = "USDT"
KEPT_MS = 3_600_000


class Guarding(Protocol):
    """Knows what protects a position."""

    def of(self, account: str, symbol: str) -> Protection | None: ...


def guarded(protection: Protection) -> bool:
    """Whether a stop, fixed or trailing, sells the position when it falls."""
    return protection.stop is not None or protection.trail is not None


class DeskView:
    """Implements the gateway's `View`. Others set what they know: state, limits of the day, locks, correlations."""

    def __init__(self, portfolio: Portfolio, blotter: Blotter, markets: LiveMarkets, clock: Clock) -> None:
        self.portfolio = portfolio
        self.markets = markets
        self.blotter = blotter
        self._clock = clock
        self._sent: deque[SentOrder] = deque()
        self.state: Callable[[str], TradingState] = lambda root: "ACTIVE"
        self.strategy_of: Callable[[int], str] = lambda bot: ""
        self.day_start: dict[str, Decimal] = {}
        self.peak: dict[str, Decimal] = {}
        self.latches: tuple[Latch, ...] = ()
        self.locks: tuple[PairLock, ...] = ()
        self.correlations: Mapping[tuple[str, str], float | None] = {}
        self.strategy_drawdowns: Mapping[str, float] = {}
        self.consecutive_losses: Mapping[int, int] = {}
        self.guards: Guarding | None = None
        #: Price and freshness of a symbol that does not stream.
        self.asked_price: Callable[[str], tuple[Decimal, bool] | None] = lambda symbol: None
        self.is_dust: Callable[[Position], bool] = lambda held: held.quantity <= 0
        self.safety: Callable[[], tuple[int | None, tuple[str, ...]]] = lambda: (None, ())

    # -- money ----------------------------------------------------------------------------------------------------

    def worth(self, currency: str) -> Decimal | None:
        """What one unit of a currency is worth in the quote currency; None when no market ever said."""
        if currency == QUOTE:
            return Decimal(1)
        mark = self.markets.mark(f"{currency}_{QUOTE}")
        if mark is not None:
            return mark.price
        asked = self.asked_price(f"{currency}_{QUOTE}")
        return asked[0] if asked is not None else None

    def equity(self, account: str, *, whole: bool) -> Decimal | None:
        """Worth of one account, or with `whole` of everything at or below it."""
        held = self.portfolio.total(account) if whole else self.portfolio.cash(account)
        total = ZERO
        for currency, amount in held.items():
            if not amount or not self.markets.priced(f"{currency}_{QUOTE}", currency == QUOTE):
                continue
            price = self.worth(currency)
            if price is None:
                return None
            total += amount * price
        return total

    def fresh(self, root: str) -> bool:
        """Whether every coin that is held has a fresh price."""
        for currency, amount in self.portfolio.total(root).items():
            if amount and currency != QUOTE and self.markets.priced(f"{currency}_{QUOTE}", False):
                symbol = f"{currency}_{QUOTE}"
                mark = self.markets.mark(symbol)
                asked = self.asked_price(symbol) if mark is None else None
                if not (mark.fresh if mark is not None else asked is not None and asked[1]):
                    return False
        return True

    def available(self, account: str, currency: str) -> Decimal:
        """What an account has of a currency beyond what its orders claim."""
        held = self.portfolio.cash(account).get(currency, ZERO)
        return held - self.blotter.holds(account).get(currency, ZERO)

    def booked(self, account: str, currency: str) -> Decimal:
        return self.portfolio.cash(account).get(currency, ZERO)

    def total(self) -> Mapping[str, Decimal]:
        """What all paper accounts have together."""
        return self.portfolio.total("paper")

    # -- for the gate ---------------------------------------------------------------------------------------------

    def market(self, symbol: str) -> MarketView:
        return self.markets.view(symbol)

    def sent(self, terms: OrderTerms) -> None:
        """An order passed the gate."""
        now = self._clock.wall_ms()
        self._sent.append(
            SentOrder(
                at_ms=now,
                bot=terms.bot,
                symbol=terms.symbol,
                side=terms.side,
                price=terms.price,
                quantity=terms.quantity,
                amount=terms.amount,
                reduces=terms.reduces,
                automatic=terms.bot != 0,
            )
        )
        while self._sent and self._sent[0].at_ms < now - KEPT_MS:
            self._sent.popleft()

    def positions(self, root: str) -> tuple[PositionView, ...]:
        """What is held, with its mark and what protects it."""
        views = []
        for position in self.portfolio.positions(root):
            if self.is_dust(position):
                continue
            guard = self.guards.of(position.account, position.symbol) if self.guards is not None else None
            mark = self.markets.mark(position.symbol)
            views.append(
                PositionView(
                    account=position.account,
                    bot=position.bot,
                    strategy=self.strategy_of(position.bot),
                    symbol=position.symbol,
                    quantity=position.quantity,
                    entry_price=position.entry_price,
                    mark=mark.price if mark else None,
                    stop=guard.stop if guard else None,
                    target=guard.target if guard else None,
                    protection="local" if guard is not None and guarded(guard) else "none",
                )
            )
        return tuple(views)

    def account(self, account: str) -> AccountView:
        """The root that `account` belongs to, with the cash of exactly this account beside."""
        root = root_of(account)
        score, vetoes = self.safety()
        return AccountView(
            root=root,
            now_ms=self._clock.wall_ms(),
            state=self.state(root),
            equity=self.equity(root, whole=True),
            day_start_equity=self.day_start.get(root),
            peak_equity=self.peak.get(root),
            cash=self.portfolio.total(root),
            account_cash={(account, QUOTE): self.booked(account, QUOTE)},
            positions=self.positions(root),
            resting=tuple(self.blotter.resting(root)),
            sent=tuple(self._sent),
            latches=self.latches,
            locks=self.locks,
            correlations=self.correlations,
            strategy_drawdowns=self.strategy_drawdowns,
            consecutive_losses=self.consecutive_losses,
            safety_score=score,
            safety_vetoes=vetoes,
        )
