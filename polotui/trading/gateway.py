"""The one way from a wish to a venue: gate, intent, token, venue; and from a venue's word to the ledger.

Decided here:
* The gate's decision and the order's place in the blotter are one step without an `await` in between, so two wishes in
  the same instant cannot both take the last of a limit.
* The intent and SUBMITTING are durable before the venue hears of the order. What happens after that is finished even
  when whoever asked has been cancelled: no order is left half sent.
* The halt flag is looked at twice: by the gate, and right before the venue.
* A venue that raises, or does not answer, makes the order UNKNOWN. Nothing is ever sent again here.
* A fill is one transaction: its row, its money, the order's state, the closed trade, and the line of the feed. When the
  database refuses it, the fill waits in memory and is tried again, and nothing new is let through meanwhile.
* Cancels do not pass the gate, and the venue is asked before anything is written. One that meets an order on its way is
  carried out when the venue has answered; before it was sent, the order is not sent.
* What a venue tells is booked to its end, also when the task that tells it is cancelled; watchers are told once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from polotui.core import halt
from polotui.core.clock import Clock
from polotui.core.errors import RealTradeBlocked, Refused, StorageError
from polotui.core.text import clean
from polotui.model.account import Order
from polotui.model.money import ZERO, plain
from polotui.model.orders import FINAL, Execution, OrderState, OrderTerms, Placement, Purpose
from polotui.risk.assess import assess
from polotui.risk.limits import Limits
from polotui.risk.values import Asked, RiskDecision
from polotui.storage.database import Connection, Database
from polotui.trading import rows
from polotui.trading.blotter import Blotter, LiveOrder, root_of
from polotui.trading.exchange.token import Gate
from polotui.trading.facts import add_fact
from polotui.trading.moves import (
    ENDS,
    after_fill,
    fill_words,
    is_news,
    level_of,
    not_now,
    order_fact,
    settled,
    state_words,
    who_of,
    write_intent,
    write_refusal,
)
from polotui.trading.portfolio import Portfolio
from polotui.trading.trades import Least, Trade, book_trade
from polotui.trading.venue import Venue
from polotui.trading.watchers import Submitted, View, Watcher

log = logging.getLogger("polotui.gateway")

RETRY_SECONDS = 1.0
CLOSE_SECONDS = 5.0
#: The paper venue's word for «what is left is less than one lot».
DONE = "PAPER-REST"

T = TypeVar("T")


class Gateway:
    """Owns the blotter and the portfolio; listens to the venues."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        view: View,
        limits: Callable[[], Limits],
        gate: Gate,
        flag: Path,
        portfolio: Portfolio,
        blotter: Blotter,
        least: Callable[[str], Least] = lambda symbol: Least(),
        told: Callable[[int], None] = lambda number: None,
        strategy_of: Callable[[int], str] = lambda bot: "",
    ) -> None:
        self.blotter = blotter
        self.portfolio = portfolio
        self.view = view
        self._database = database
        self._clock = clock
        self._limits = limits
        self._gate = gate
        self._flag = flag
        #: Why everything is halted in this process, whatever the file says; empty: it is not.
        self.held = ""
        self._least = least
        self._told = told
        self._strategy_of = strategy_of
        self._venues: dict[str, Venue] = {}
        self._watchers: list[Watcher] = []
        self._sending: set[asyncio.Task[Any]] = set()
        #: Orders whose placing is not answered yet, and those of them that are to go as soon as it is.
        self._under_way: set[str] = set()
        self._unwanted: dict[str, str] = {}
        #: Orders whose intent is not durable yet: no venue has heard of them, so none can say anything of them.
        self._unwritten: set[str] = set()
        self._booking = asyncio.Lock()
        #: Why nothing new may go, beside the gate: the database refuses fills, the accounts do not agree.
        self.trouble: dict[str, str] = {}
        #: The same, asked of a root account's venue.
        self.why_not: dict[str, Callable[[], str]] = {}

    def serve(self, venue: Venue) -> None:
        self._venues[venue.account] = venue

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def venue_of(self, account: str) -> Venue:
        """Raises Refused for an account without a venue."""
        venue = self._venues.get(root_of(account))
        if venue is None:
            raise Refused(
                f"Nothing trades for the account {clean(account, 40)!r}.",
                safe="Nothing was sent.",
                next_step=f"There are {', '.join(sorted(self._venues))}.",
                code="no-venue",
            )
        return venue

    @property
    def halted(self) -> bool:
        return bool(self.held) or halt.path_is_set(self._flag)

    # -- wishes ---------------------------------------------------------------------------------------------------

    def assess(self, asked: Asked) -> RiskDecision:
        """The gate's decision now, without sending anything."""
        terms = asked.terms
        return assess(asked, self.view.account(terms.account), self.view.market(terms.symbol), self._limits())

    async def submit(self, asked: Asked, caller: str = "") -> Submitted:
        """Sends an order if the gate lets it. Raises StorageError when its intent could not be stored (then nothing
        was sent) and Refused for an account without a venue."""
        venue = self.venue_of(asked.terms.account)
        if self.blotter.get(asked.terms.id) is not None:
            raise Refused(f"The order {asked.terms.id} was sent already.", safe="Nothing was sent.", code="repeated")
        decision = self.assess(asked)
        trouble = self._trouble_of(asked.terms)
        if decision.approved and trouble and not asked.terms.reduces:
            decision = not_now(decision, trouble)
        if not decision.approved:
            await self._refuse(asked, decision, caller)
            return Submitted(asked.terms.id, decision, OrderState.RISK_DENIED)
        order = LiveOrder(asked.terms, OrderState.SUBMITTING, asked.strategy, updated_ms=self._clock.wall_ms())
        order.reference = self._reference(asked.terms)
        order.stop, order.target = asked.stop, asked.target
        self.blotter.add(order)
        self.view.sent(asked.terms)
        self._under_way.add(asked.terms.id)
        self._unwritten.add(asked.terms.id)
        return await self._whole(self._send_whole(venue, order, decision))

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Does it to its end, also when the caller is cancelled: what is stored must be in memory too."""
        task = asyncio.create_task(work, name="gateway")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return await asyncio.shield(task)

    def _trouble_of(self, terms: OrderTerms) -> Mapping[str, str]:
        """Why no entry may go to this account's venue now, beside the gate."""
        asked = self.why_not.get(root_of(terms.account))
        why = asked() if asked is not None else ""
        return {**self.trouble, "venue": why} if why else self.trouble

    def _reference(self, terms: OrderTerms) -> Decimal | None:
        market = self.view.market(terms.symbol)
        return (market.ask if terms.side.sign > 0 else market.bid) or market.last

    async def _send_whole(self, venue: Venue, order: LiveOrder, decision: RiskDecision) -> Submitted:
        """Sends it, and cancels it when somebody has asked for that meanwhile."""
        try:
            sent = await self._send(venue, order, decision)
        finally:
            self._under_way.discard(order.terms.id)
            reason = self._unwanted.pop(order.terms.id, None)
        if reason is None or order.final:
            return sent
        await self.cancel(order.terms.id, reason)
        return Submitted(order.terms.id, decision, order.state)

    async def _send(self, venue: Venue, order: LiveOrder, decision: RiskDecision) -> Submitted:
        terms, now = order.terms, self._clock.wall_ms()
        try:
            await self._database.transact(lambda c: write_intent(c, terms, now), "order intent")
        except Exception:
            self.blotter.drop(terms.id)
            raise
        finally:
            self._unwritten.discard(terms.id)
        if self.halted and terms.purpose is not Purpose.FLATTEN:
            await self.on_state(terms.id, OrderState.REJECTED, code="HALTED", words="halted before it was sent")
            return Submitted(terms.id, decision, order.state)
        if terms.id in self._unwanted:
            await self.on_state(terms.id, OrderState.REJECTED, code="CANCELLED", words="cancelled before it was sent")
            return Submitted(terms.id, decision, order.state)
        try:
            answer = await venue.place(terms, self._gate.issue(terms))
        except asyncio.CancelledError:
            raise
        except RealTradeBlocked as error:
            await self._blocked(terms, error)
            answer = Placement(state=OrderState.REJECTED, code=error.instance_code, words=error.cause)
        except Refused as error:
            # Refused before a byte left: off the grid, or an approval that grew old.
            answer = Placement(state=OrderState.REJECTED, code=error.instance_code, words=error.cause)
        except Exception as error:
            log.exception("a venue failed while placing", extra={"order": terms.id})
            answer = Placement(state=OrderState.UNKNOWN, code="fault", words=f"{type(error).__name__}: {error}"[:200])
        # What the venue has told meanwhile is further on than its answer: evidence is not made unknown again.
        if order.state is OrderState.SUBMITTING:
            await self.on_state(terms.id, answer.state, venue_id=answer.venue_id, code=answer.code, words=answer.words)
        elif answer.venue_id and not order.venue_id:
            order.venue_id = answer.venue_id
        return Submitted(terms.id, decision, order.state)

    async def _blocked(self, terms: OrderTerms, error: RealTradeBlocked) -> None:
        """Writes down that an order would have left this machine."""
        now = self._clock.wall_ms()
        detail = {"order": terms.id, "host": error.host}

        def write(connection: Connection) -> None:
            rows.add_audit(
                connection, kind="real-trade-blocked", caller=who_of(terms), code=error.instance_code, text=error.cause,
                account=terms.account, symbol=terms.symbol, detail=detail, at_ms=now,
            )  # fmt: skip

        await self._certainly(write, "blocked order")

    async def _refuse(self, asked: Asked, decision: RiskDecision, caller: str) -> None:
        now = self._clock.wall_ms()
        self._told(await self._database.transact(lambda c: write_refusal(c, asked, decision, caller, now), "refusal"))
        await self._tell(lambda watcher: watcher.on_refused(asked, decision))

    async def cancel(self, order_id: str, reason: str = "") -> Placement | None:
        """Asks the venue to cancel. None when the order is not open. Passes in every state of the desk."""
        order = self.blotter.get(order_id)
        if order is None or order.final:
            return None
        if order_id in self._under_way:
            # Its venue may not have it yet, and then knows nothing of it: it is cancelled when it has answered.
            self._unwanted[order_id] = reason
            return await self.venue_of(order.terms.account).cancel(order.terms)
        before = order.state
        if order.may_become(OrderState.CANCELLING):
            order.state = OrderState.CANCELLING
        answer = await self.venue_of(order.terms.account).cancel(order.terms)
        if order.final:
            return answer
        if answer.state in (OrderState.CANCELLED, OrderState.EXPIRED) or answer.absent:
            await self.on_state(order_id, OrderState.CANCELLED, code=answer.code, words=reason or answer.words)
        elif answer.state is OrderState.REJECTED and order.state is OrderState.CANCELLING:
            order.state = before
        else:
            await self._note(order, OrderState.CANCELLING, answer.code, reason or answer.words)
        return answer

    async def cancel_all(self, root: str = "", symbols: Sequence[str] = (), reason: str = "") -> list[str]:
        """Asks to cancel everything that is open. The ids that were asked for."""
        wanted = [o for o in self.blotter.open(root) if not symbols or o.terms.symbol in symbols]
        await asyncio.gather(*(self.cancel(order.terms.id, reason) for order in wanted))
        return [order.terms.id for order in wanted]

    # -- what venues tell -----------------------------------------------------------------------------------------

    async def on_state(
        self, order_id: str, state: OrderState, *, venue_id: str = "", code: str = "", words: str = "", at_ms: int = 0
    ) -> None:
        """An order moved. What is no legal move, or no news, is left out; fills decide about FILLED and PARTIAL."""
        await self._whole(self._on_state(order_id, state, venue_id, code, words, at_ms))

    async def _on_state(
        self, order_id: str, state: OrderState, venue_id: str, code: str, words: str, at_ms: int
    ) -> None:
        async with self._booking:
            order = self.blotter.get(order_id)
            if order is None:
                log.warning("a venue speaks of an order that is not known", extra={"order": order_id[:80]})
                return
            if order_id in self._unwritten:
                return
            order.venue_id = venue_id or order.venue_id
            if state is OrderState.CANCELLED and code == DONE and order.filled:
                # An order for an amount: what is left of it buys nothing on the symbol's grid.
                state, code, words = OrderState.FILLED, "", ""
            elif not is_news(order, state):
                return
            if state is order.state and state is not OrderState.CANCELLING:
                return
            if not order.may_become(state):
                return
            if order.final and state not in ENDS:
                self.blotter.revive(order)
            trade = await self._move(order, state, code, words, at_ms or self._clock.wall_ms())
        await self._tell_moved(order, trade)

    async def _move(self, order: LiveOrder, state: OrderState, code: str, words: str, at_ms: int) -> Trade | None:
        fact = state_words(order, state, code, words)

        def write(connection: Connection) -> tuple[int, Trade | None]:
            rows.add_order_event(
                connection, order.terms.id, state, venue_id=order.venue_id, code=code, words=words, at_ms=at_ms
            )
            trade = settled(connection, order, state, self._least(order.terms.symbol))
            return order_fact(connection, order, fact, level_of(state), at_ms) if fact is not None else 0, trade

        number, trade = await self._certainly(write, "order state")
        self._told(number)
        order.state, order.code, order.words, order.updated_ms = state, code, words, at_ms
        if order.final:
            self.blotter.end(order)
        return trade

    async def _note(self, order: LiveOrder, state: OrderState, code: str, words: str) -> None:
        """Writes down where an order stands without holding anything up when the database cannot. Its end may have been
        written meanwhile, and then stays the last word."""
        now = self._clock.wall_ms()

        def write(connection: Connection) -> None:
            if rows.last_state(connection, order.terms.id) not in FINAL:
                rows.add_order_event(
                    connection, order.terms.id, state, venue_id=order.venue_id, code=code, words=words, at_ms=now
                )

        try:
            await self._database.transact(write, "order state")
        except StorageError as error:
            log.error("a cancel could not be written down", extra={"order": order.terms.id, "detail": str(error)})

    async def on_fill(self, execution: Execution) -> None:
        """Books a fill once. An execution of an order that is nowhere to be found is an alarm and no fill."""
        await self._whole(self._on_fill(execution))

    async def _on_fill(self, execution: Execution) -> None:
        async with self._booking:
            order = self.blotter.get(execution.order_id) or await self._remembered(execution.order_id)
            if order is None:
                await self.on_orphan(execution)
                return
            try:
                booked = await self._book(order, execution)
            except StorageError:
                # It speaks of an order of ours in words that are not that order's.
                await self.on_orphan(execution)
                return
        if booked is None:
            return
        await self._tell(lambda watcher: watcher.on_booked(booked[0], order))
        await self._tell_moved(order, booked[1])

    async def _book(self, order: LiveOrder, execution: Execution) -> tuple[rows.FillRow, Trade | None] | None:
        terms, now = order.terms, self._clock.wall_ms()
        venue = root_of(terms.account)
        filled = order.filled + execution.quantity
        state = after_fill(order, filled, order.paid + execution.amount)

        least, more = self._least(terms.symbol), state not in FINAL

        def write(connection: Connection) -> tuple[rows.FillRow | None, Trade | None, int]:
            fill = rows.add_fill(connection, execution, terms, venue=venue, booked_ms=now)
            if fill is None:
                return None, None, 0
            trade = book_trade(
                connection,
                fill,
                least=least,
                more=more,
                strategy=order.strategy,
                stop=order.stop,
                target=order.target,
            )
            rows.add_order_event(connection, terms.id, state, venue_id=order.venue_id, at_ms=execution.at_ms)
            return fill, trade, order_fact(connection, order, fill_words(execution, terms), "info", now, kind="fill")

        fill, trade, number = await self._certainly(write, "fill")
        if fill is None:
            return None
        self.portfolio.apply(fill)
        order.filled, order.paid, order.updated_ms = filled, order.paid + execution.amount, now
        order.fees[execution.fee_currency] = order.fees.get(execution.fee_currency, ZERO) + execution.fee
        order.state = state
        if order.final:
            self.blotter.end(order)
        else:
            # One that counted as refused is alive.
            self.blotter.revive(order)
        self._told(number)
        return fill, trade

    async def _remembered(self, order_id: str) -> LiveOrder | None:
        """An order that ended long ago, from the ledger."""
        found = await self._database.read(lambda c: rows.order_of(c, order_id), "order")
        return None if found is None else self._live(found)

    async def on_orphan(self, execution: Execution) -> None:
        """A fill without an intent of ours: entries stop until a person has looked."""
        text = f"A fill of an order that is not in the ledger: {execution.symbol} {plain(execution.quantity)}."
        self.trouble["orphan"] = text
        now = self._clock.wall_ms()

        def write(connection: Connection) -> int:
            detail = {"execution": execution.id, "order": execution.order_id}
            rows.add_audit(
                connection, kind="orphan-fill", caller="venue", text=text, symbol=execution.symbol, detail=detail,
                at_ms=now,
            )  # fmt: skip
            return add_fact(
                connection, kind="alert", level="error", text=text, symbol=execution.symbol, at_ms=now,
                ref=execution.order_id,
            ).number  # fmt: skip

        self._told(await self._certainly(write, "orphan fill"))

    async def on_foreign(self, order: Order) -> None:
        """An order of somebody else stands in our account: nothing new until a person has looked."""
        text = f"An order that is not ours stands in the account: {order.symbol} {order.side} (id {order.id})."
        if self.trouble.get("foreign") == text:
            return
        self.trouble["foreign"] = text
        now = self._clock.wall_ms()
        self._told(
            await self._certainly(
                lambda c: (
                    add_fact(
                        c, kind="alert", level="error", text=text, symbol=order.symbol, at_ms=now, ref=order.id
                    ).number
                ),
                "foreign order",
            )
        )

    async def _tell_moved(self, order: LiveOrder, trade: Trade | None) -> None:
        if trade is not None:
            await self._tell(lambda watcher: watcher.on_trade_closed(trade))
        await self._tell(lambda watcher: watcher.on_order(order))

    async def _tell(self, news: Callable[[Watcher], Awaitable[None]]) -> None:
        """Tells every watcher: what is durable is not told again, so one that fails must not cost the others theirs."""
        for watcher in self._watchers:
            try:
                await news(watcher)
            except Exception:
                log.exception("a watcher failed", extra={"watcher": type(watcher).__name__})

    async def _certainly(self, work: Callable[[Connection], T], what: str) -> T:
        """Writes what must not be lost: tries until it is stored. Nothing new goes out meanwhile."""
        while True:
            try:
                result = await self._database.transact(work, what)
            except StorageError as error:
                if error.code == "fill-differs":
                    raise
                self.trouble["ledger"] = f"The ledger does not take what happened: {error}"
                log.error("the ledger does not take what happened; trying again", extra={"detail": str(error)})
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.trouble.pop("ledger", None)
                return result

    # -- life -----------------------------------------------------------------------------------------------------

    async def load(self) -> list[LiveOrder]:
        """Takes the orders that are not final from the ledger; the start after a crash and any other are one."""
        stored = await self._database.read(rows.orders_not_final, "open orders")
        orders = [self._live(found) for found in stored]
        for order in orders:
            order.reference = self._reference(order.terms)
            self.blotter.add(order)
        return orders

    def _live(self, found: rows.StoredOrder) -> LiveOrder:
        order = LiveOrder(found.terms, found.state, self._strategy_of(found.terms.bot), found.venue_id)
        order.filled, order.paid, order.updated_ms = found.filled, found.filled_amount, found.changed_ms
        return order

    async def close(self) -> None:
        """Waits for what is being sent and booked. What the ledger does not take by then is told again after the next
        start, by the venue."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


__all__ = ["Gateway", "Submitted", "View", "Watcher"]
