"""Looks on while the engine trades, from outside: at each approval, at each order that leaves, and once a second.

Decided here:
* Each function is one invariant and finds under its own name; `ALL` of `invariants.py` lists them with those that are
  judged at the end.
* What is compared comes from elsewhere than the engine: the exchange's own books, the ledger's rows read anew, the
  oracle that works out the rules of risk from their words.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unittest.mock import patch

from polotui.core import halt
from polotui.engine.trading.livebot import LiveBot
from polotui.model.orders import OrderTerms, OrderType, Placement, Purpose, Side
from polotui.poloniex.transport import HttpReply, HttpxTransport
from polotui.risk.values import AccountView, Asked, MarketView, RiskDecision
from polotui.simulator.serve import Simulator
from polotui.trading.exchange.venue import ExchangeVenue
from polotui.trading.gateway import Gateway
from polotui.trading.paper.book import BookVenue
from polotui.trading.portfolio import Portfolio
from tests.campaign.trading.life import Life, current
from tests.campaign.trading.seen import Post, Seen
from tests.campaign.trading.tail import INTENT, Tail
from tests.rig import World
from tests.risk import oracle

#: A silent channel is noticed after 30 s at the latest.
STALE_AFTER = 31.0
UNPROTECTED_SECONDS = 5.0
STOP_LATE_SECONDS = 15.0
#: Exchange's window for a late order, the client's margin, and the questions in between.
UNKNOWN_SECONDS = 5.0 + 10.0
BUSY = 1_000
LOOK_SECONDS = 1.0
FOLD_SECONDS = 60.0
#: The account of the run at the exchange.
KEY = "demo-key"


class Watch:
    """One run's eyes."""

    def __init__(self, world: World, simulator: Simulator, seen: Seen, tail: Tail) -> None:
        self.world = world
        self.simulator = simulator
        self.seen = seen
        self.tail = tail
        self.healed_at = float("inf")
        self._newest: dict[str, list[tuple[float, int]]] = {symbol: [] for symbol in simulator.exchange.markets}
        self._bare: dict[tuple[str, str], float] = {}
        self._below: dict[tuple[str, str], float] = {}
        self._unknown: dict[str, float] = {}
        self._differs = 0
        self._latched: set[tuple[str, str]] = set()
        self._stood: dict[int, dict[str, Any]] = {}
        self._sent: dict[str, int] = {}

    # -- at each approval -----------------------------------------------------------------------------------------

    def on_decision(
        self, life: Life, asked: Asked, view: AccountView, market: MarketView, decision: RiskDecision
    ) -> None:
        if not decision.approved:
            self.seen.refusals += 1
            if not decision.code:
                self.seen.find("every_refusal_has_a_code", f"{asked.terms.id} was refused without a code")
            return
        self.seen.approvals += 1
        trading = life.engine.trading
        assert trading is not None
        broken = oracle.broken(asked, view, market, trading.limits.limits())
        if broken:
            self.seen.find("no_limit_is_broken", f"{self.now} {asked.terms.purpose} of {asked.terms.symbol}: {broken}")
        self.view_is_true(asked, view)
        # A sale of what is held reduces, whatever it is called; the book may be old then.
        if asked.terms.side is Side.BUY and self.stale(life, asked.terms.symbol):
            self.seen.find(
                "no_decision_on_a_stale_book", f"{self.now} approved: {self.stale(life, asked.terms.symbol)}"
            )

    def view_is_true(self, asked: Asked, view: AccountView) -> None:
        """Everything that may still fill was counted, and the cash is the ledger's."""
        tail, root = self.tail.read(), view.root
        counted = {resting.id: resting for resting in view.resting}
        for order_id, told in tail.open.items():
            terms = told.terms
            if str(terms["account"]).partition("/")[0] != root or _waits(terms):
                continue
            resting = counted.get(order_id)
            if resting is None:
                # It may have ended in memory an instant before its row.
                if told.state == "CANCELLING":
                    continue
                self.seen.find("worst_case_counts_every_order", f"{self.now} {told.state} {order_id} was not counted")
                continue
            left = told.left
            if left is not None and Fraction(resting.quantity) < left:
                self.seen.find(
                    "worst_case_counts_every_order", f"{self.now} {order_id} counted as {resting.quantity}, left {left}"
                )
        for currency, amount in view.cash.items():
            held = sum(
                (v for (a, c), v in tail.cash.items() if c == currency and a.partition("/")[0] == root), Fraction()
            )
            if abs(Fraction(amount) - held) > 0 and self._settled():
                self.seen.find("ledger_equals_live_state", f"{self.now} the gate saw {amount} {currency}, held {held}")

    def _settled(self) -> bool:
        """Nothing is between the ledger and memory at this instant."""
        life = current()
        trading = life.engine.trading if life is not None else None
        return (
            trading is not None
            and not trading.gateway._booking.locked()
            # A deposit stands in the ledger an instant before it counts.
            and self._quiet(trading)
        )

    def stale(self, life: Life, symbol: str) -> str:
        """Why the engine's book of a symbol must not carry a decision, by the exchange's own; empty: it may."""
        exchange = life.engine.exchange
        book = exchange.feed.book(symbol) if exchange is not None and exchange.feed is not None else None
        if book is None:
            return f"there is no book of {symbol}"
        view = book.view(20)
        theirs = self.simulator.exchange.book_lv2(symbol, view.id)
        if theirs is not None and not _equal(view, theirs):
            return f"the book of {symbol} differs from the exchange's at id {view.id}"
        behind = [at for at, number in self._newest[symbol] if number > view.id]
        if behind and self.world.loop.now - behind[0] > STALE_AFTER:
            return f"the book of {symbol} is {self.world.loop.now - behind[0]:.0f} s behind"
        return ""

    # -- at each order that leaves --------------------------------------------------------------------------------

    def on_place(self, life: Life, terms: OrderTerms) -> None:
        """The gateway hands an order to its venue."""
        self.world.note(terms.id, terms.symbol, terms.side, terms.purpose)
        self._sent[terms.id] = self._sent.get(terms.id, 0) + 1
        if self._sent[terms.id] > 1:
            self.seen.find("one_order_for_an_intent", f"{self.now} {terms.id} went to its venue twice")
        told = self.tail.read().orders.get(terms.id)
        if told is None:
            self.seen.find("intent_before_order", f"{self.now} {terms.id} left without an intent")
        elif _row(terms) != told.terms:
            self.seen.find("intent_before_order", f"{self.now} {terms.id} left with other terms than its intent")
        if halt.path_is_set(halt.flag_of(life.engine.home)) and terms.purpose is not Purpose.FLATTEN:
            self.seen.find("halted_means_halted", f"{self.now} {terms.id} left while halted")

    def on_post(self, life: Life, body: str) -> None:
        """A signed order leaves this machine."""
        data = json.loads(body)
        order_id = str(data.get("clientOrderId", ""))
        self.seen.posts.append(Post(self.world.loop.now, order_id, data))
        if not self.seen.signed_orders_allowed:
            self.seen.find("paper_signs_no_order", f"{self.now} a signed order left")
        if sum(post.id == order_id for post in self.seen.posts) > 1:
            self.seen.find("one_order_for_an_intent", f"{self.now} {order_id} was sent twice")
        told = self.tail.read().orders.get(order_id)
        if told is None:
            self.seen.find("intent_before_order", f"{self.now} {order_id} was sent without an intent")
        elif difference := _wire_differs(told.terms, data):
            self.seen.find("intent_before_order", f"{self.now} {order_id} was sent with another {difference}")
        halted = halt.path_is_set(halt.flag_of(life.engine.home))
        if halted and told is not None and told.terms["purpose"] != Purpose.FLATTEN.value:
            self.seen.find("halted_means_halted", f"{self.now} {order_id} was sent while halted")

    def on_paper_book(self, life: Life, terms: OrderTerms, placement: Placement) -> None:
        """The paper venue has matched an order against its book."""
        if placement.state.value == "ACCEPTED" and (why := self.stale(life, terms.symbol)):
            self.seen.find("no_decision_on_a_stale_book", f"{self.now} matched: {why}")

    # -- at each death and restart of a bot -----------------------------------------------------------------------

    def note_states(self, life: Life) -> None:
        """Where each bot stood when the engine died, if nothing of it was under way."""
        self._stood.clear()
        trading = life.engine.trading
        if trading is None or not trading.started:
            return
        rows = self.tail.connection().execute("SELECT bot, max(number) FROM fills GROUP BY bot")
        newest = dict(rows.fetchall())
        kept = self.tail.connection().execute("SELECT bot, state FROM bot_states WHERE symbol = ''")
        stored = {bot: json.loads(text) for bot, text in kept}
        for live in trading.bots.running():
            bot, quiet = live.bot, live._events.empty() and not trading.gateway.blotter.open(live.stored.account)
            if bot is None or not quiet or newest.get(live.stored.id, 0) > bot.fill_number:
                continue
            state = json.loads(json.dumps(bot.state()))
            if state == stored.get(live.stored.id):
                self._stood[live.stored.id] = state

    def on_restored(self, number: int, state: dict[str, Any]) -> None:
        """A bot that missed nothing stands where it stood."""
        before = self._stood.pop(number, None)
        if before is None or (before["bar_ms"], before["fill"]) != (state["bar_ms"], state["fill"]):
            return
        self.seen.states_compared += 1
        for path, was, now in _differences("", before, json.loads(json.dumps(state))):
            if path.endswith(".left_at"):
                continue  # an exit that a person sent counts as one of this moment, until it is over
            if path.endswith((".exit", ".order")) and not now and self.tail.read().orders[was].final:
                continue  # its order has ended, which the bot was about to hear
            self.seen.find("bots_go_on_where_they_were", f"{self.now} bot {number}: {path} was {was}, is {now}")

    # -- once a second --------------------------------------------------------------------------------------------

    async def look(self, life: Callable[[], Life | None]) -> None:
        """Until cancelled."""
        fold_at = self.world.loop.now + FOLD_SECONDS
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._note_books()
            found = life()
            trading = found.engine.trading if found is not None and not found.dead else None
            if found is None or trading is None or not trading.started:
                self._bare.clear()
                self._below.clear()
                continue
            self.positions_are_protected(trading)
            self.stops_fire(trading)
            self.queues_are_bounded(found)
            self.latches_hold(trading)
            self.unknown_is_resolved(trading)
            self.refused_means_not_there()
            if self.world.loop.now >= fold_at and self.fold(trading):
                fold_at = self.world.loop.now + FOLD_SECONDS

    def _note_books(self) -> None:
        for symbol, past in self._newest.items():
            window = self.simulator.exchange.book_lv2(symbol)
            if window is not None and (not past or past[-1][1] != window.id):
                past.append((self.world.loop.now, window.id))
                del past[:-200]

    def positions_are_protected(self, trading: Any) -> None:
        """Everybody in a run enters with a stop, so a position without one is a fault."""
        now, still = self.world.loop.now, set()
        for held in trading.portfolio.positions():
            if held.quantity <= 0 or trading.is_dust(held):
                continue
            if trading.markets.market(held.symbol) is None:
                continue  # started while the exchange is away: nothing can be sold, and what dust is it has not said
            key = (held.account, held.symbol)
            if held.account == "spot" and not held.bot and not self._bought(trading, *key):
                continue  # coins that the account opened with
            guard = trading.guards.of(*key)
            if guard is not None and (guard.stop is not None or guard.trail is not None):
                continue
            if any(o.terms.side is Side.SELL and not o.final and not o.waits for o in trading.gateway.blotter.of(*key)):
                continue  # it is being sold
            still.add(key)
            since = self._bare.setdefault(key, now)
            if now - since > UNPROTECTED_SECONDS:
                self.seen.find("a_position_has_its_stop", f"{self.now} {' '.join(key)} has none since {since:.1f} s")
        for key in [key for key in self._bare if key not in still]:
            del self._bare[key]

    def _bought(self, trading: Any, account: str, symbol: str) -> bool:
        return bool(trading.portfolio.position(account, symbol).fills)

    def stops_fire(self, trading: Any) -> None:
        """A price beyond a stop sells, soon, when nothing stands against it."""
        now, still = self.world.loop.now, set()
        calm = trading.halting.state() != "HALTED" and not trading.gateway.trouble
        for held in trading.portfolio.positions("paper"):
            key = (held.account, held.symbol)
            guard, mark = trading.guards.of(*key), trading.markets.mark(held.symbol)
            if not calm or guard is None or guard.stop is None or mark is None or not mark.fresh:
                continue
            if trading.is_dust(held) or mark.price >= guard.stop or trading.guards.protector.status().stopped_by:
                continue
            still.add(key)
            since = self._below.setdefault(key, now)
            if now - since > STOP_LATE_SECONDS and self.seen.plan.quiet(since - 60, now):
                self.seen.find("stops_fire", f"{self.now} {' '.join(key)} is below its stop since {since:.1f} s")
        for key in [key for key in self._below if key not in still]:
            del self._below[key]

    def queues_are_bounded(self, life: Life) -> None:
        trading = life.engine.trading
        assert trading is not None
        queues = {f"bot {live.stored.id}": live._events.qsize() for live in trading.bots.running()}
        queues["facts"] = life.engine.facts._queue.qsize()
        queues["orders on their way"] = len(trading.gateway._sending)
        queues["tasks"] = len(life.tasks)
        queues["links"] = len(life.links)
        for name, size in queues.items():
            if size > BUSY:
                self.seen.find("queues_are_bounded", f"{self.now} {name}: {size}")

    def latches_hold(self, trading: Any) -> None:
        """What was set holds in this life and every later one, until a person clears it."""
        active = {(latch.name, latch.account) for latch in trading.latches.active()}
        for name, account in sorted(self._latched - active):
            if name not in self.seen.diary.cleared:
                self.seen.find("latches_are_monotone", f"{self.now} {name} of {account or 'all'} is not set any more")
        self._latched = active

    def unknown_is_resolved(self, trading: Any) -> None:
        now, still = self.world.loop.now, set()
        for order in trading.gateway.blotter.open("spot"):
            if order.state.value != "UNKNOWN":
                continue
            still.add(order.terms.id)
            since = max(self._unknown.setdefault(order.terms.id, now), self.healed_at)
            if now - since > UNKNOWN_SECONDS:
                self.seen.find("unknown_is_resolved", f"{self.now} {order.terms.id} is unknown since {since:.1f} s")
        for key in [key for key in self._unknown if key not in still]:
            del self._unknown[key]

    def refused_means_not_there(self) -> None:
        """What the ledger calls refused, the exchange does not have and never will."""
        tail = self.tail.read()
        if not tail.rejected:
            return
        user = self.simulator.exchange.ledger.accounts[KEY]
        there = {order.terms.client_id for order in user.orders.values()}
        for order_id in sorted(tail.rejected & there):
            if tail.orders[order_id].state == "REJECTED":
                self.seen.find("venues_agree", f"{self.now} {order_id} counts as refused, and the exchange has it")

    def fold(self, trading: Any) -> bool:
        """The ledger folded anew is the live state. False: it was between two states, look again."""
        if not self._quiet(trading):
            self._differs += 1
            if self._differs > 60:
                self.seen.find("ledger_equals_live_state", f"{self.now} it does not come to rest for a minute")
            return False
        self._differs = 0
        found = Portfolio.load(self.tail.connection()).differences(trading.portfolio)
        if found:
            self.seen.find("ledger_equals_live_state", f"{self.now} {found[0]}")
        return True

    def _quiet(self, trading: Any) -> bool:
        """Nothing is between the ledger and memory: the number of rows is what memory has."""
        rows = self.tail.connection().execute(
            "SELECT (SELECT coalesce(max(number), 0) FROM entries), (SELECT coalesce(max(number), 0) FROM fills)"
        ).fetchone()  # fmt: skip
        return tuple(rows) == (trading.portfolio.last_entry, trading.portfolio.last_fill)

    @property
    def now(self) -> str:
        return f"{self.world.loop.now:.1f} s:"


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """While inside, every engine's approvals and orders are looked at."""
    go_on = LiveBot._go_on
    assess, place, there, send = Gateway.assess, BookVenue.place, ExchangeVenue.place, HttpxTransport.send
    arrive = BookVenue._arrive

    def assessed(self: Gateway, asked: Asked) -> RiskDecision:
        life = current()
        if life is None:
            return assess(self, asked)
        real, kept = self.view, _Kept(self.view)
        self.view = kept  # type: ignore[assignment]
        try:
            decision = assess(self, asked)
        finally:
            self.view = real
        if kept.account_view is not None and kept.market_view is not None:
            watch.on_decision(life, asked, kept.account_view, kept.market_view, decision)
        return decision

    async def paper(self: BookVenue, terms: OrderTerms, token: object) -> Placement:
        if (life := current()) is not None:
            watch.on_place(life, terms)
        return await place(self, terms, token)

    async def spot(self: ExchangeVenue, terms: OrderTerms, token: object) -> Placement:
        if (life := current()) is not None:
            watch.on_place(life, terms)
        return await there(self, terms, token)

    def arrived(self: BookVenue, terms: OrderTerms) -> Placement:
        placement = arrive(self, terms)
        if (life := current()) is not None:
            watch.on_paper_book(life, terms, placement)
        return placement

    async def sent(
        self: HttpxTransport, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float
    ) -> HttpReply:
        life = current()
        if life is not None and not life.dead and (method, target) == ("POST", "/orders"):
            watch.on_post(life, body)
        return await send(self, method, target, headers, body, deadline_s)

    async def restored(self: LiveBot, bot: Any, state: dict[str, Any]) -> None:
        await go_on(self, bot, state)
        if current() is not None:
            watch.on_restored(self.stored.id, bot.state())

    with (
        patch.object(LiveBot, "_go_on", restored),
        patch.object(Gateway, "assess", assessed),
        patch.object(BookVenue, "place", paper),
        patch.object(ExchangeVenue, "place", spot),
        patch.object(BookVenue, "_arrive", arrived),
        patch.object(HttpxTransport, "send", sent),
    ):
        yield


class _Kept:
    """The gateway's view, and what it said last."""

    def __init__(self, view: Any) -> None:
        self._view = view
        self.account_view: AccountView | None = None
        self.market_view: MarketView | None = None

    def account(self, account: str) -> AccountView:
        self.account_view = self._view.account(account)
        return self.account_view

    def market(self, symbol: str) -> MarketView:
        self.market_view = self._view.market(symbol)
        return self.market_view

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)


def _row(terms: OrderTerms) -> dict[str, object]:
    """The terms as a row must have them."""

    def stored(value: object) -> object:
        if isinstance(value, Decimal):
            text = format(value, "f")
            return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
        return getattr(value, "value", value)

    return {name: stored(getattr(terms, name)) for name in INTENT}


_WIRE = {
    "symbol": "symbol",
    "side": "side",
    "type": "type",
    "price": "price",
    "quantity": "quantity",
    "amount": "amount",
}


def _wire_differs(terms: dict[str, object], body: dict[str, Any]) -> str:
    for name, column in _WIRE.items():
        asked, sent = terms[column], body.get(name)
        if name == "type" and sent is None:
            continue
        if name in ("price", "quantity", "amount"):
            if (Fraction(str(asked)) if asked is not None else None) != (
                Fraction(str(sent)) if sent is not None else None
            ):
                return name
        elif asked != sent:
            return name
    return ""


def _waits(terms: dict[str, object]) -> bool:
    return terms["type"] in (OrderType.OCO.value, OrderType.STOP.value) and terms["purpose"] not in (
        "entry", "add", "manual",
    )  # fmt: skip


def _differences(path: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Where two states differ, by the way to it."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in sorted(was.keys() | now.keys()):
            yield from _differences(f"{path}.{name}".lstrip("."), was.get(name), now.get(name))
    elif was != now:
        yield path, was, now


def _equal(view: Any, window: Any) -> bool:
    ours = [*view.bids, *view.asks]
    theirs = [(float(price), float(quantity)) for price, quantity in [*window.bids, *window.asks]]
    return ours == theirs
