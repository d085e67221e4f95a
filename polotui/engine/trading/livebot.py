"""One bot, live: closed candles and fills come in, orders go out, and what must not be forgotten is written down.

Decided here:
* One task does everything of a bot, in the order in which it came: a close never meets a fill half-way. The task is a
  supervised service whose start is the recovery: it reads the state, books what was filled since, and catches up.
* A moment is decided when all symbols' bars have closed, or a little after the first; a bar that comes later is
  followed, not traded. Bars that are missing before it are fetched first (see `arrivals`).
* The decision, its signals and refusals and the state are one transaction, before anything is sent.
* Between two orders of one moment it waits until the first is done, so that places and cash are what they are.
* A symbol whose price is stale is not traded: an exit waits for a fresh price, an entry until it expires.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from polotui.backtest import documents
from polotui.backtest.settings import Costs, Settings
from polotui.backtest.work import Document
from polotui.core.errors import PolotuiError, Unreachable, UsageError
from polotui.engine.trading.arrivals import AGAIN_SECONDS, Arrivals, Moments, NoPast
from polotui.engine.trading.bot_events import Asked, Closed, Event, Filled, Moved
from polotui.engine.trading.moments import split
from polotui.engine.trading.noting import write_note
from polotui.engine.trading.purse import Purse
from polotui.model.candles import Candle, Timeframe
from polotui.model.money import step_of
from polotui.model.orders import OrderState, OrderType
from polotui.storage.database import Connection
from polotui.trading import bot_rows
from polotui.trading import rows as ledger
from polotui.trading.blotter import LiveOrder
from polotui.trading.bots.bot import Bot, BotTerms, SentOrder, Told
from polotui.trading.bots.notes import DecisionNote, RefusalNote, SignalNote, TradeNote
from polotui.trading.bots.steps import Steps

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.bots")

ASK_SECONDS = 15.0
#: A symbol that the exchange's list does not have for so long is not listed any more.
UNLISTED_SECONDS = 60.0
LOOK_SECONDS = 1.0
QUIET_SECONDS = 5.0
#: An exit that did not sell everything is tried again after this long, not only at the next close.
EXIT_AGAIN_SECONDS = 30.0
#: Bars beyond the warm-up that a new bot's history begins with.
ROOM = 50
_NAN = float("nan")


class LiveBot:
    """Drives one bot. `run` is its service; the rest puts events in its queue."""

    def __init__(self, trading: Trading, stored: bot_rows.StoredBot) -> None:
        self._trading = trading
        #: One stream for all its starts, so that no id comes twice.
        self._chance = trading.chance.child(f"bot-{stored.id}")
        self.stored = stored
        self.frame = Timeframe.parse(stored.timeframe)
        self.bot: Bot | None = None
        self.text = ""
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._notes: list[SignalNote | RefusalNote | DecisionNote | TradeNote] = []
        self._arrivals = Arrivals(trading, stored)
        self._tried_at = self._withdrew_at = 0.0
        self.closed_ms = 0
        #: What it waits for before it can begin.
        self.waits = ""

    # -- what comes in --------------------------------------------------------------------------------------------

    def on_closed(self, symbol: str, frame: Timeframe, candle: Candle) -> None:
        if frame is self.frame and symbol in self.stored.symbols:
            self._events.put_nowait(Closed(symbol, candle))

    def on_booked(self, fill: ledger.FillRow, order: LiveOrder) -> None:
        self._events.put_nowait(Filled(fill, order.terms))

    def on_order(self, order: LiveOrder) -> None:
        if order.final:
            self._events.put_nowait(Moved(order.terms, order.state, order.code, order.words))

    async def ask(self, what: str, **more: Any) -> None:
        """Does what a person wants, in its turn. Raises what the bot raises."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._events.put_nowait(Asked(what, done, **more))
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await done
        except TimeoutError as error:
            raise Unreachable(
                "The bot is busy and has not answered yet.",
                safe="It does what was asked as soon as it can.",
                next_step="polotui paper status shows when it has.",
            ) from error

    # -- the notes of the bot -------------------------------------------------------------------------------------

    def on_signal(self, note: SignalNote) -> None:
        self._notes.append(note)

    def on_refusal(self, note: RefusalNote) -> None:
        self._notes.append(note)

    def on_decision(self, note: DecisionNote) -> None:
        self._notes.append(note)

    def on_trade(self, note: TradeNote) -> None:
        self._notes.append(note)

    # -- life -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Recovers and trades until the bot has stopped."""
        # The exchange may not have said yet what it lists.
        looks = 0
        while missing := [s for s in self.stored.symbols if self._trading.markets.market(s) is None]:
            looks = looks + 1 if self._trading.markets.known else 0
            if looks * LOOK_SECONDS > UNLISTED_SECONDS:
                await self._fail(f"{missing[0]} is not listed any more")
                return
            await asyncio.sleep(LOOK_SECONDS)
        try:
            await self._trade()
        finally:
            await self._arrivals.end()

    async def _trade(self) -> None:
        try:
            bot = await self._begin()
        except (UsageError, ValueError) as error:
            # A document that cannot be read any more will not be readable at the next try.
            await self._fail(str(error))
            return
        while bot.state_name != "stopped":
            await self._one(bot)
            await self._end_if_over(bot)
            if await self._arrivals.found_again():
                await self._save(bot)
                bot = await self._begin()
        await self._quiet(bot)
        await self._save(bot)
        await self._trading.bots.ended(self)

    async def _begin(self) -> Bot:
        """The bot as it was left. Its bars may be away for hours; what it holds is guarded meanwhile."""
        while True:
            try:
                bot = await self._recover()
            except NoPast as error:
                if not self.waits:
                    words = f"{self.stored.strategy}: cannot begin, and asks again. {error.cause}"
                    self._trading.fact("bot", "warning", words, bot=self.stored.id)
                self.waits = error.cause
                self._trading.bots.touch()
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self.waits = ""
                return bot

    async def _fail(self, reason: str) -> None:
        log.error("a bot cannot run", extra={"bot": self.stored.id, "detail": reason})
        await self._trading.bots.failed(self, reason)

    async def _one(self, bot: Bot) -> None:
        """The next event, or what time brings."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                event = await self._events.get()
        except TimeoutError:
            await self._decide(bot)
            await self._follow(bot, await self._arrivals.caught_up())
            await self._exits_that_waited(bot)
            return
        await self._take(bot, event)

    async def _take(self, bot: Bot, event: Event) -> None:
        match event:
            case Closed(symbol, candle):
                self._arrivals.add(symbol, candle)
                await self._decide(bot)
            case Filled(fill, terms):
                if bot.on_fill(fill, terms, fill.at_ms, fill.number):
                    await self._save(bot)
                    await bot.settle(terms.symbol)
            case Moved(terms, state, code, words):
                bot.on_order(terms, state, code, words)
                # An exit may fail long after it was sent: when its fate was unknown.
                await bot.keep_unsold(terms.symbol)
                if self._notes:
                    await self._save(bot)
            case Asked():
                try:
                    await self._asked(bot, event)
                except PolotuiError as error:
                    if not event.done.done():
                        event.done.set_exception(error)
                else:
                    # Who asked may have stopped waiting.
                    if not event.done.done():
                        event.done.set_result(None)

    # -- bars -----------------------------------------------------------------------------------------------------

    async def _decide(self, bot: Bot) -> None:
        """Decides the moments that are due; what lies between them and the last one is followed first."""
        while at_ms := self._arrivals.due(bot.bar_ms):
            await self._follow(bot, await self._arrivals.take(at_ms))

    async def _follow(self, bot: Bot, moments: Moments) -> None:
        if not moments:
            return
        bot.catch_up(moments, watched=True)
        self.closed_ms = max(self.closed_ms, moments[-1][0])
        await self._save(bot)
        await self._act(bot)

    # -- orders ---------------------------------------------------------------------------------------------------

    def _prices(self) -> dict[str, float]:
        """Last prices of the symbols that may be traded now."""
        prices = {}
        for symbol in self.stored.symbols:
            mark = self._trading.markets.mark(symbol)
            prices[symbol] = float(mark.price) if mark is not None and mark.fresh else _NAN
        return prices

    async def _act(self, bot: Bot) -> None:
        """Carries out what was decided: exits, then entries in the document's order, then the stops."""
        bot.begin(self._prices())
        self._tried_at = self._trading.clock.monotonic()
        await bot.exits()
        await self._quiet(bot)
        await bot.keep_unsold()
        for symbol in self.stored.symbols:
            await bot.enter(symbol)
            await self._quiet(bot)
        await bot.settle_all()
        if self._notes:
            await self._save(bot)

    async def _withdraw(self, bot: Bot) -> None:
        """Takes the entries back and hears what became of them: what fills meanwhile is sold or kept with the rest."""
        gateway = self._trading.gateway
        self._withdrew_at = self._trading.clock.monotonic()
        for order in self.entries():
            try:
                await gateway.cancel(order.terms.id, "the bot is being stopped")
            except PolotuiError as error:
                # It is asked for again later; what must not wait is the end itself.
                log.warning("an entry is not taken back yet", extra={"bot": self.stored.id, "detail": str(error)})
        await self._quiet(bot, entries=True)

    async def _end_if_over(self, bot: Bot) -> None:
        """One that sells everything ends when no entry can fill any more; until then they are taken back again."""
        if bot.state_name != "stopping":
            return
        again = self._trading.clock.monotonic() - self._withdrew_at >= EXIT_AGAIN_SECONDS
        if self._enters() and again and self._trading.halting.state() != "HALTED":
            await self._withdraw(bot)
        bot.end_if_over()

    def entries(self) -> list[LiveOrder]:
        """Its orders that may still buy."""
        return [o for o in self._trading.gateway.blotter.open(self.stored.account) if not o.terms.reduces]

    def _enters(self) -> bool:
        return bool(self.entries())

    async def _quiet(self, bot: Bot, *, entries: bool = False) -> None:
        """Waits until no market order of this bot is under way, and with `entries` none that enters, taking in what
        comes meanwhile."""
        deadline = self._trading.clock.monotonic() + QUIET_SECONDS
        later: list[Event] = []
        while self._under_way(entries) or not self._events.empty():
            left = deadline - self._trading.clock.monotonic()
            if left <= 0:
                break
            try:
                async with asyncio.timeout(min(left, LOOK_SECONDS)):
                    event = await self._events.get()
            except TimeoutError:
                continue
            if isinstance(event, Filled | Moved):
                await self._take(bot, event)
            else:
                later.append(event)
        for event in later:
            self._events.put_nowait(event)

    def _under_way(self, entries: bool) -> bool:
        open_orders = self._trading.gateway.blotter.open(self.stored.account)
        return any(o.terms.type is OrderType.MARKET for o in open_orders) or (entries and self._enters())

    async def _exits_that_waited(self, bot: Bot) -> None:
        """Exits that had no fresh price, and now and then those that sold nothing or not all."""
        now, prices = self._trading.clock.monotonic(), self._prices()
        wanted = [
            hand
            for symbol, hand in bot.hands.items()
            if hand.held and hand.position.exit_reason and not hand.exit_id and prices[symbol] == prices[symbol]
        ]
        again = now - self._tried_at >= EXIT_AGAIN_SECONDS and self._trading.halting.state() != "HALTED"
        if any(again or hand.left_at != bot.shared.index for hand in wanted):
            self._tried_at = now
            bot.begin(prices)
            await bot.exits(again=again)
            await self._quiet(bot)
            await bot.keep_unsold()
            await self._save(bot)

    async def _asked(self, bot: Bot, event: Asked) -> None:
        if event.what == "pause":
            bot.pause(event.reason)
        elif event.what == "resume":
            bot.resume()
        elif event.what == "stop":
            await self._withdraw(bot)
            bot.stop(event.reason, close=event.close)
        elif event.what == "edit":
            bot.edit_levels(event.symbol, stop=event.stop, target=event.target)
        await self._save(bot)
        if event.what == "stop" and event.close:
            await self._act(bot)
        elif event.what == "stop":
            await self._trading.gateway.cancel_all(self.stored.account, reason="the bot was stopped")
        else:
            await bot.settle_all()

    # -- recovery -------------------------------------------------------------------------------------------------

    async def _recover(self) -> Bot:
        stored, trading = self.stored, self._trading
        version = await trading.strategy_text(stored.strategy, stored.version)
        self.text = version.text
        bound = documents.bound(
            Document(
                text=version.text,
                form=version.form,
                params=stored.params,
                symbols=list(stored.symbols),
                timeframe=stored.timeframe,
            )
        )
        states = await trading.database.read(lambda c: bot_rows.states(c, stored.id), "bot state")
        state = states.get("")
        whole = await self._arrivals.begin(bound.warmup_bars + ROOM, state)
        known, missed = split(whole, self.frame.ms, state, stored.started_ms)
        grids = trading.grids()
        bot = Bot(
            BotTerms(
                id=stored.id,
                strategy=stored.strategy,
                account=stored.account,
                symbols=stored.symbols,
                frame_ms=self.frame.ms,
                settings=Settings(0, 1, float(stored.capital), "pessimistic", self._costs(), grids),
                form="book",
            ),
            bound,
            histories=known,
            steps={symbol: self._steps(symbol) for symbol in stored.symbols},
            orders=trading.gateway,
            keeper=trading.guards,
            purse=Purse(trading, stored.account),
            clock=trading.clock,
            chance=self._chance,
            listener=self,
        )
        bot.blocked, bot.over, bot.enters = self._blocked, self._over, self._enters
        self.bot = bot
        if state is not None:
            await self._go_on(bot, state)
        self.closed_ms = max(self._arrivals.last.values(), default=0)
        bot.catch_up(missed)
        if missed:
            trading.fact(
                "bot", "info", f"{stored.strategy}: followed {len(missed)} bars that closed meanwhile", bot=stored.id
            )
        await self._save(bot)
        await self._act(bot)
        return bot

    async def _go_on(self, bot: Bot, state: dict[str, Any]) -> None:
        stored = self.stored
        since = int(state["bar_ms"])

        def read(connection: Connection) -> tuple[list[SentOrder], list[Told]]:
            sent = [
                SentOrder(order.terms, order.state, order.code, order.words)
                for order in ledger.orders(connection, bot=stored.id, limit=500)
                if order.terms.created_ms >= since or order.state not in _DONE
            ]
            fills = ledger.fills_after(connection, int(state["fill"]), bot=stored.id)
            return list(reversed(sent)), [
                Told(number=fill.number, fill=fill, terms=terms, at_ms=fill.at_ms)
                for fill in fills
                if (terms := ledger.terms_of(connection, fill.order_id)) is not None
            ]

        sent, fills = await self._trading.database.read(read, "bot orders")
        bot.restore(state, sent, fills)

    def _steps(self, symbol: str) -> Steps:
        market = self._trading.markets.market(symbol)
        if market is None:
            return Steps()
        return Steps(step_of(market.price_scale), step_of(market.quantity_scale))

    def _costs(self) -> Costs:
        least = max(
            (float(m.min_amount) for s in self.stored.symbols if (m := self._trading.markets.market(s))), default=1.0
        )
        # The book itself has spread, depth and volume; only fees and the smallest order are ours to know.
        fees = self._trading.fees
        return Costs(
            maker_fee=fees[0], taker_fee=fees[1], slippage=0.0, half_spread=0.0, volume_share=0.0, least_amount=least
        )

    def _over(self, at_ms: int) -> bool:
        return self._trading.clock.sure_ms() >= at_ms + 2 * self.frame.ms

    def _blocked(self, symbol: str) -> str:
        if not self._trading.markets.fresh(symbol):
            return "stale prices"
        return self._arrivals.blocked(symbol) or self._trading.protector_blocks()

    # -- writing --------------------------------------------------------------------------------------------------

    async def _save(self, bot: Bot) -> None:
        """State and notes, in one transaction."""
        taken, self._notes = self._notes, []
        state = bot.state()
        stored, now = self.stored, self._trading.clock.wall_ms()
        moved = (bot.state_name, bot.reason) != (stored.state, stored.reason)

        def write(connection: Connection) -> int:
            bot_rows.save_state(
                connection,
                stored.id,
                "",
                state,
                anchor_ms=bot.anchor_ms,
                bar_ms=bot.bar_ms,
                fill_number=bot.fill_number,
            )
            if moved and bot.state_name != "stopped":
                bot_rows.set_bot(connection, stored.id, bot.state_name, bot.reason, now)
            number = 0
            for note in taken:
                number = write_note(connection, note, now) or number
            return number

        try:
            self._trading.told(await self._trading.database.transact(write, "bot state"))
        except BaseException:
            self._notes = taken + self._notes
            raise
        if moved:
            self.stored = replace(stored, state=bot.state_name, reason=bot.reason)
            if bot.state_name != "stopped":
                self._trading.bots.moved(self.stored)
        if any(isinstance(note, SignalNote | RefusalNote) for note in taken):
            self._trading.changed(signals=True)
        self._trading.bots.touch()


_DONE = frozenset(
    {OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED, OrderState.REJECTED, OrderState.RISK_DENIED}
)
