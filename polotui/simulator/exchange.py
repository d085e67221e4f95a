"""The exchange itself: markets, accounts, and what happens between an order and its last event.

Decided here: everything is synchronous and exact; time comes from `MarketTime`, delays from `later` (the loop's
`call_later` in the server, a list in tests). A cancel is two-step: the reply says PENDING_CANCEL, and after a short
seeded delay the order leaves the book unless a fill was faster. Whoever wants to know what happened is a `Watcher`.
Fees are taken from what is received and are rounded to 8 decimals, half up (not published; a setting).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from polotui.core.ids import Chance
from polotui.simulator.accounts import EXACT, Account, Ledger
from polotui.simulator.config import Config, SymbolSpec
from polotui.simulator.history import DrawnHistory, NoHistory
from polotui.simulator.market import BookChange, Market, Trade, Window
from polotui.simulator.markettime import MarketTime
from polotui.simulator.matching import BUY, SELL, Fill, Resting
from polotui.simulator.orders import Order, Terms, UserFill, held_currency
from polotui.simulator.recorded import RecordedMarket
from polotui.simulator.refusals import Refusal, invalid
from polotui.simulator.rules import check_order
from polotui.simulator.units import exact

FEE_PLACES = Decimal("1e-8")
# Seconds by which a timer may come early and still be on time.
GRACE = 1e-6
_EPOCH_MS = 1_500_000_000_000
_KEPT_ORDERS = 20_000


class Timer(Protocol):
    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]


class Watcher:
    """Told about everything that happens; does nothing by itself."""

    def traded(self, market: Market, trade: Trade) -> None: ...

    def book_changed(self, market: Market, change: BookChange) -> None: ...

    def order_event(self, order: Order, event: dict[str, object]) -> None: ...

    def balance_changed(self, account: Account, currency: str, event: str) -> None: ...

    def market_changed(self, market: Market) -> None: ...

    def mode_changed(self) -> None: ...


class Exchange:
    """State and matching of one simulated exchange."""

    def __init__(
        self, config: Config, time: MarketTime, chance: Chance, later: Later, specs: Iterable[SymbolSpec]
    ) -> None:
        self.config = config
        self.time = time
        self.watcher: Watcher = Watcher()
        self.ledger = Ledger()
        self.maintenance = False
        self.post_only = False
        self._chance = chance.child("exchange")
        self.later = later
        self._last_id = 0
        self.markets: dict[str, Market] = {spec.symbol: self._open_market(spec) for spec in specs}
        self.after_trade: list[Callable[[Market], None]] = []
        self.cancel_everything_hooks: list[Callable[[Account], None]] = []
        for account in config.accounts:
            opened = self.ledger.open_account(account.key, account.secret, account.funds)
            opened.watch = self._balance_changed

    def _open_market(self, spec: SymbolSpec) -> Market:
        recorded = bool(self.config.recordings)
        start = self.time.now_ms()
        past = DrawnHistory(spec, self.config.seed, start, self.config.history_days)
        ids = self._chance.child(spec.symbol).generator()
        kind = RecordedMarket if recorded else Market
        return kind(
            spec,
            start,
            first_trade_id=ids.randrange(10_000_000, 300_000_000),
            first_book_id=ids.randrange(500_000_000, 9_000_000_000),
            history=NoHistory(start) if recorded else past,
            memory=self.config.book_memory,
        )

    # Looking things up

    def market(self, symbol: object) -> Market:
        found = self.markets.get(symbol.upper()) if isinstance(symbol, str) else None
        if found is None:
            raise Refusal(24101)
        return found

    def book_lv2(self, symbol: str, book_id: int | None = None) -> Window | None:
        """The published 20-level window: the newest, or the one at a recent id (None when forgotten)."""
        return self.market(symbol).published(book_id)

    def trades(self, symbol: str) -> list[Trade]:
        """The last public trades, oldest first."""
        return list(self.market(symbol).trades)

    def find_order(self, account: Account, reference: str) -> Order:
        """An order by its id or by `cid:` and its client id."""
        if reference.startswith("cid:"):
            order = account.by_client_id.get(reference[4:])
        elif reference.isascii() and reference.isdigit():
            order = account.orders.get(int(reference))
        else:
            raise Refusal(21346)
        if order is None:
            raise Refusal(21301)
        return order

    def next_id(self) -> int:
        """A 64-bit number that only grows, above 2^53."""
        self._last_id = max(self._last_id + 1, (self.time.wall_ms() - _EPOCH_MS) << 20)
        return self._last_id

    # Placing

    def place(self, account: Account, given: Mapping[str, object], *, source: str = "API") -> Order:
        """Accepts an order, fills what can be filled and rests or cancels the remainder."""
        if self.maintenance:
            raise Refusal(21340)
        if not isinstance(given.get("symbol"), str):
            raise invalid("symbol")
        market = self.market(given["symbol"])
        if market.state == "PAUSE":
            raise Refusal(10041)
        terms = check_order(market.spec, given)
        if (self.post_only or market.state == "POST_ONLY") and terms.type != "LIMIT_MAKER":
            raise Refusal(21341)
        if terms.client_id and terms.client_id in account.by_client_id:
            raise Refusal(21312)
        if len(account.open) >= self.config.max_open_orders:
            raise Refusal(21314)
        order = self._accept(account, market, terms, source)
        if terms.type == "LIMIT_MAKER" and market.crosses(terms.side, terms.price):
            self._finish(order, "CANCELED", reason=4)
        else:
            self._execute(market, order)
        self.publish(market)
        return order

    def _accept(self, account: Account, market: Market, terms: Terms, source: str) -> Order:
        held = exact(*self._hold_of(market.spec, terms, terms.budget or terms.quantity))
        account.hold(held_currency(market.spec, terms.side), held)
        now = self.time.now_ms()
        order = Order(self.next_id(), account, market.spec, terms, now, source, updated_ms=now)
        account.orders[order.id] = account.open[order.id] = order
        if terms.client_id:
            account.by_client_id[terms.client_id] = order
        self._forget_old(account)
        self.watcher.order_event(order, order.event("place", now))
        return order

    @staticmethod
    def _hold_of(spec: SymbolSpec, terms: Terms, left: int) -> tuple[int, int]:
        """What `left` of an order keeps held, as a whole number and its scale."""
        if terms.side == SELL:
            return left, spec.quantity_scale
        return (left if terms.budget else left * terms.price), spec.amount_places

    def _execute(self, market: Market, order: Order) -> None:
        terms = order.terms
        limit = self._limit_of(market, terms)
        owner = order.account if terms.prevent_self_trade else None
        if terms.time_in_force == "FOK" and not self._can_fill(market, terms, limit, owner):
            self._finish(order, "CANCELED", reason=3)
            return
        match = market.take(terms.side, terms.budget or terms.quantity, limit, owner=owner, budget=bool(terms.budget))
        for fill in match.fills:
            self._settle(market, order, fill)
        if not order.is_open:
            return
        if match.self_met:
            self._finish(order, reason=5)
        elif terms.budget and match.fills and match.left < match.fills[-1].price:
            self._finish(order, "FILLED")
        elif terms.type == "MARKET" or terms.time_in_force != "GTC":
            self._finish(order, reason=2)
        else:
            market.rest(Resting(order.id, terms.side, terms.price, order.left, order.account, order))

    @staticmethod
    def _limit_of(market: Market, terms: Terms) -> int | None:
        if terms.type != "MARKET":
            return terms.price
        best = market.book.best(1 - terms.side)
        if terms.slippage is None or best is None:
            return None
        if terms.side == BUY:
            return math.floor(best * (1 + terms.slippage))
        return max(1, math.ceil(best * (1 - terms.slippage)))

    @staticmethod
    def _can_fill(market: Market, terms: Terms, limit: int | None, owner: object | None) -> bool:
        wanted = terms.budget or terms.quantity
        price = 0
        for price, quantity in market.book.fillable(terms.side, limit, owner=owner):
            wanted -= quantity * price if terms.budget else quantity
            if wanted <= 0:
                return True
        return bool(terms.budget) and wanted < price

    # Filling

    def background_take(self, market: Market, side: int, quantity: int, limit: int | None) -> int:
        """A background participant takes from the book; returns how much it got."""
        match = market.book.match(side, quantity, limit)
        now = self.time.now_ms()
        for fill in match.fills:
            trade = market.print_trade(fill.price, fill.quantity, side, now)
            self.watcher.traded(market, trade)
            if isinstance(fill.maker.order, Order):
                self._fill_user(market, fill.maker.order, fill, trade.id, "MAKER", against_house=True)
        if match.fills:
            self.traded(market)
        return quantity - match.left

    def fill_maker(self, market: Market, resting: Resting, quantity: int) -> None:
        """A resting user order is filled by the recorded market, which prints no trade of its own for it."""
        if isinstance(resting.order, Order):
            fill = Fill(resting, resting.price, quantity)
            self._fill_user(market, resting.order, fill, self.next_id(), "MAKER", against_house=True)

    def _settle(self, market: Market, taker: Order, fill: Fill) -> None:
        now = self.time.now_ms()
        if self.config.recordings:
            trade_id = self.next_id()
        else:
            trade = market.print_trade(fill.price, fill.quantity, taker.terms.side, now)
            self.watcher.traded(market, trade)
            trade_id = trade.id
        maker = fill.maker.order
        self._fill_user(market, taker, fill, trade_id, "TAKER", against_house=not isinstance(maker, Order))
        if isinstance(maker, Order):
            self._fill_user(market, maker, fill, trade_id, "MAKER", against_house=False)
        self.traded(market)

    def _fill_user(
        self, market: Market, order: Order, fill: Fill, trade_id: int, role: str, *, against_house: bool
    ) -> None:
        spec, terms, account = order.spec, order.terms, order.account
        quantity = exact(fill.quantity, spec.quantity_scale)
        amount = exact(fill.price * fill.quantity, spec.amount_places)
        buys = terms.side == BUY
        paid, received = (amount, quantity) if buys else (quantity, amount)
        pay_currency, get_currency = (spec.quote, spec.base) if buys else (spec.base, spec.quote)
        spent = fill.price * fill.quantity if terms.budget else fill.quantity
        held = exact(*self._hold_of(spec, terms, spent))
        rate = self.config.taker_rate if role == "TAKER" else self.config.maker_rate
        fee = (received * rate).quantize(FEE_PLACES, ROUND_HALF_UP)
        now = self.time.now_ms()
        order.filled += fill.quantity
        order.filled_amount += fill.price * fill.quantity
        order.updated_ms = now
        if order.left == 0:
            order.state = "FILLED"
            account.open.pop(order.id, None)
        elif order.state != "PENDING_CANCEL":
            order.state = "PARTIALLY_FILLED"
        record = UserFill(trade_id, self.next_id(), order, fill.price, fill.quantity, role, fee, get_currency, now)
        account.fills.append(record)
        self.watcher.order_event(order, order.event("trade", now, record))
        account.pay(pay_currency, paid, held)
        account.receive(get_currency, EXACT.subtract(received, fee))
        self.ledger.to_fees(get_currency, fee)
        if against_house:
            self.ledger.to_house(pay_currency, paid)
            self.ledger.to_house(get_currency, -received)

    def traded(self, market: Market) -> None:
        """Tells whoever waits for prices (smart orders) that there was a trade."""
        for hook in self.after_trade:
            hook(market)

    def publish(self, market: Market) -> None:
        """Lets everybody see what changed in the book."""
        change = market.publish(self.time.now_ms())
        if change is not None:
            self.watcher.book_changed(market, change)

    # Cancelling

    def request_cancel(self, account: Account, reference: str) -> Order:
        """Accepts a cancel; the order leaves the book a little later, unless a fill is faster."""
        if self.maintenance:
            raise Refusal(21340)
        order = self.find_order(account, reference)
        if not order.is_open:
            raise Refusal(21359)
        if order.state != "PENDING_CANCEL":
            order.state = "PENDING_CANCEL"
            order.updated_ms = self.time.now_ms()
            low, high = self.config.cancel_delay
            self.later(self._chance.uniform(low, high), lambda: self.cancel_now(order))
        return order

    def request_cancel_all(self, account: Account, symbols: Iterable[str] | None) -> list[Order]:
        """A cancel for every open order, or for those of some symbols."""
        wanted = None if symbols is None else {symbol.upper() for symbol in symbols}
        chosen = [order for order in account.open.values() if wanted is None or order.spec.symbol in wanted]
        return [self.request_cancel(account, str(order.id)) for order in chosen]

    def replace_order(self, account: Account, reference: str, given: Mapping[str, object]) -> Order:
        """Cancels at once and places anew; the new quantity is not reduced by what the old one had filled."""
        old = self.find_order(account, reference)
        proceed = str(given.get("proceedOnFailure", "false")).lower() == "true"
        if old.is_open:
            self.cancel_now(old)
        elif not proceed:
            raise Refusal(21359)
        row = old.rest()
        merged: dict[str, object] = {name: row[name] for name in ("symbol", "side", "type", "timeInForce")}
        merged |= {name: row[name] for name in ("price", "quantity", "amount") if row[name] != "0"}
        allowed = ("price", "quantity", "amount", "type", "timeInForce", "clientOrderId", "slippageTolerance")
        merged |= {name: given[name] for name in allowed if name in given}
        return self.place(account, merged, source=old.source)

    def cancel_now(self, order: Order, reason: int = 1) -> None:
        """Takes an open order out of the book and gives its money back; does nothing to a finished one."""
        if not order.is_open:
            return
        market = self.markets[order.spec.symbol]
        market.withdraw(order.id)
        self._finish(order, reason=reason)
        self.publish(market)

    def cancel_everything(self, account: Account) -> None:
        """What a kill switch does: regular and smart orders go."""
        for order in list(account.open.values()):
            self.cancel_now(order)
        for hook in self.cancel_everything_hooks:
            hook(account)

    def _finish(self, order: Order, state: str = "", *, reason: int = 0) -> None:
        spec, terms = order.spec, order.terms
        now = self.time.now_ms()
        order.state = state or ("PARTIALLY_CANCELED" if order.filled else "CANCELED")
        order.updated_ms = now
        order.cancel_reason = 0 if order.state == "FILLED" else reason
        order.account.open.pop(order.id, None)
        if order.state != "FILLED":
            self.watcher.order_event(order, order.event("canceled", now))
        held = exact(*self._hold_of(spec, terms, order.left))
        order.account.release(held_currency(spec, terms.side), held)

    # The house

    def set_maintenance(self, on: bool) -> None:
        self.maintenance = on
        self.watcher.mode_changed()

    def set_state(self, symbol: str, state: str) -> None:
        """NORMAL, PAUSE or POST_ONLY for one symbol."""
        market = self.market(symbol)
        market.state = state
        self.watcher.market_changed(market)

    def deposit(self, account: Account, currency: str, amount: Decimal) -> None:
        """Money from outside; a negative amount takes it away again."""
        account.deposit(currency, amount)
        self.ledger.deposited[currency] = EXACT.add(self.ledger.deposited[currency], amount)

    def _balance_changed(self, account: Account, currency: str, event: str) -> None:
        self.watcher.balance_changed(account, currency, event)

    @staticmethod
    def _forget_old(account: Account) -> None:
        if len(account.orders) <= _KEPT_ORDERS * 1.1:
            return
        for order in list(account.orders.values())[: len(account.orders) - _KEPT_ORDERS]:
            if not order.is_open:
                del account.orders[order.id]
                account.by_client_id.pop(order.terms.client_id, None)
        del account.fills[: -_KEPT_ORDERS * 2]
