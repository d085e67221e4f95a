"""The bots of this home: planned, started, paused, stopped, recovered; and how they stand.

Decided here:
* A bot's capital is moved to its own account in the same transaction that makes the bot; what it has left comes back
  when it has stopped and holds nothing.
* Starting a template makes a copy of it first, so that what a bot runs is always a stored version.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from polotui.api import lab_commands as lc
from polotui.api import trade_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.backtest import documents
from polotui.backtest.work import Document
from polotui.core.errors import PolotuiError, Refused, UsageError
from polotui.core.text import clean
from polotui.engine.trading import shapes
from polotui.engine.trading.bot_row import row_of
from polotui.engine.trading.capital import Capital
from polotui.engine.trading.livebot import LiveBot
from polotui.model.candles import Candle, Timeframe
from polotui.model.money import decimal_of, plain, typed_decimal
from polotui.model.orders import Side
from polotui.risk.values import Asked, RiskDecision
from polotui.storage.database import Connection
from polotui.strategy.document.bind import Bound
from polotui.trading import bot_rows
from polotui.trading import rows as ledger
from polotui.trading.blotter import LiveOrder, root_of
from polotui.trading.bots.fitness import unsupported
from polotui.trading.protection import Protection
from polotui.trading.trades import Trade

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading
    from polotui.trading.strategies import Version

log = logging.getLogger("polotui.bots")

LEAST_CAPITAL = Decimal(20)
DEFAULT_CAPITAL = Decimal(1_000)
MOST_BOTS = 100
SHOWN_ENDED = 10
KNOWN_BOTS = 1_000


class Bots:
    """Publishes `bots`."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._capital = Capital(trading)
        self._live: dict[int, LiveBot] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stored: dict[int, bot_rows.StoredBot] = {}
        self._ended: list[bot_rows.StoredBot] = []
        self._figures: dict[int, tuple[int, int]] = {}

    # -- life -----------------------------------------------------------------------------------------------------

    async def read(self) -> None:
        """The rows of all bots that have not ended and of the newest that have: orders and positions are told apart by
        strategy before a bot runs."""

        def read(connection: Connection) -> list[bot_rows.StoredBot]:
            return bot_rows.bots(connection, active=True) + bot_rows.bots(connection, limit=KNOWN_BOTS)

        rows = await self._trading.database.read(read, "bots")
        self._stored = {row.id: row for row in sorted(rows, key=lambda row: row.id)}

    async def load(self) -> None:
        """Those that had not ended go on; those that had give back what they still have."""
        for row in list(self._stored.values()):
            await self._count(row.id)
            if row.state in bot_rows.ACTIVE and root_of(row.account) not in self._trading.roots():
                await self._set(row.id, "failed", "its exchange is there no more")
            elif row.state in bot_rows.ACTIVE:
                self._begin(row)
        ended = [row for row in self._stored.values() if row.state not in bot_rows.ACTIVE]
        self._trading.supervisor.task("capital-back", self._capital.all_back(ended))

    def _begin(self, stored: bot_rows.StoredBot) -> LiveBot:
        live = self._live[stored.id] = LiveBot(self._trading, stored)
        self._trading.want(stored.symbols)
        self._tasks[stored.id] = self._trading.supervisor.service(f"bot-{stored.id}", live.run)
        return live

    def on_closed(self, symbol: str, frame: Timeframe, candle: Candle) -> None:
        for live in self._live.values():
            live.on_closed(symbol, frame, candle)

    async def on_booked(self, fill: ledger.FillRow, order: LiveOrder) -> None:
        live = self._live.get(fill.bot)
        if fill.bot and fill.side is Side.BUY and order.stop is not None:
            await self._protect_at_once(fill, order)
        if live is not None:
            live.on_booked(fill, order)
        else:
            await self._release(fill.account)
        self.touch()

    async def _release(self, account: str) -> None:
        """What an order of an ended bot's account has left, also one by hand. One that runs on, and is only not taken
        up yet, keeps its money."""
        number = account.rpartition("/bot-")[2]
        stored = self._stored.get(int(number)) if number.isdigit() else None
        if stored is not None and stored.state not in bot_rows.ACTIVE:
            await self._capital.release(stored)

    async def _protect_at_once(self, fill: ledger.FillRow, order: LiveOrder) -> None:
        """The stop that an entry was asked with counts from its first fill. Its bot sets its own as soon as it comes to
        that: it may be waiting for the exchange's answer to this very order, or to another."""
        guards = self._trading.guards
        if guards.of(fill.account, fill.symbol) is None:
            await guards.protect(
                Protection(
                    account=fill.account,
                    symbol=fill.symbol,
                    bot=fill.bot,
                    strategy=order.strategy,
                    stop=order.stop,
                    reason="the stop of its entry",
                    signal=fill.signal,
                )
            )

    async def on_order(self, order: LiveOrder) -> None:
        live = self._live.get(order.terms.bot)
        if live is not None:
            live.on_order(order)
        elif order.final:
            await self._release(order.terms.account)

    async def on_trade_closed(self, trade: Trade) -> None: ...

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None: ...

    async def ended(self, live: LiveBot) -> None:
        """A bot has stopped: its row, its orders, its money."""
        stored = live.stored
        reason = live.bot.reason if live.bot is not None else stored.reason
        await self._set(stored.id, "stopped", reason)
        self._live.pop(stored.id, None)
        self._tasks.pop(stored.id, None)
        await self._capital.back(self._stored[stored.id])

    async def failed(self, live: LiveBot, reason: str) -> None:
        """A bot cannot run: it is taken down, its positions stay protected, its money comes back."""
        await self._set(live.stored.id, "failed", reason)
        self._live.pop(live.stored.id, None)
        self._tasks.pop(live.stored.id, None)
        await self._capital.back(self._stored[live.stored.id])

    def moved(self, stored: bot_rows.StoredBot) -> None:
        """A bot that goes on is in another state, as its row says already."""
        self._stored[stored.id] = stored
        self.touch()

    def gave_up(self, name: str, error: BaseException) -> None:
        """The supervisor does not start a bot's task again."""
        number = int(name.removeprefix("bot-"))
        live = self._live.get(number)
        if live is not None:
            self._trading.supervisor.task(f"fail-{number}", self.failed(live, f"{type(error).__name__}: {error}"))

    async def _set(self, number: int, state: str, reason: str) -> None:
        now = self._trading.clock.wall_ms()
        words = f"{self._stored[number].strategy}: {state}{f', {reason}' if reason else ''}"
        level = "error" if state == "failed" else "info"

        def write(connection: Connection) -> int:
            bot_rows.set_bot(connection, number, state, reason, now)
            ledger.add_audit(
                connection, kind="bot", caller="engine", text=words, account=self._stored[number].account,
                detail={"bot": number, "state": state}, at_ms=now,
            )  # fmt: skip
            return self._trading.add_fact(connection, "bot", level, words, bot=number)

        self._trading.told(await self._trading.database.transact(write, "bot state"))
        ended = now if state in ("stopped", "failed") else None
        self._stored[number] = replace(self._stored[number], state=state, reason=reason, ended_ms=ended)
        self.touch()

    # -- planning and starting ------------------------------------------------------------------------------------

    async def plan(self, command: c.PlanBot | c.StartBot) -> tr.BotPlan:
        """What starting would do, and what stands against it."""
        trading = self._trading
        free = trading.view.available(trading.root_of_venue(command.venue), "USDT")
        problems: list[str] = []
        version, bound, symbols, frame = await self._document(command)
        capital = _capital(command.capital)
        for symbol in symbols:
            try:
                market = await trading.known(symbol)
            except PolotuiError as error:
                problems.append(str(error))
                continue
            if not market.tradable:
                problems.append(f"{symbol} is {market.state.lower()} at the exchange.")
        if why := unsupported(bound):
            problems.append(why)
        if capital < LEAST_CAPITAL:
            problems.append(f"The capital is {plain(capital)}; at least {plain(LEAST_CAPITAL)} USDT is needed.")
        if capital > free:
            problems.append(f"The account has {shapes.money(free)} USDT that no bot and no order has.")
        if len(self._live) >= MOST_BOTS:
            problems.append(f"{MOST_BOTS} bots run already.")
        problems += trading.why_no_bots()
        warnings = self._warnings(bound, symbols)
        return tr.BotPlan(
            ok=not problems,
            strategy=version.name,
            version=version.version,
            symbols=list(symbols),
            timeframe=frame,
            capital=plain(capital),
            capital_free=shapes.money(free),
            problems=problems,
            warnings=warnings,
            lines=self._lines(bound, symbols, frame, capital),
        )

    async def _document(self, command: c.PlanBot | c.StartBot) -> tuple[Version, Bound, tuple[str, ...], str]:
        version = await self._trading.strategy_text(command.strategy, command.version)
        bound = documents.bound(
            Document(
                text=version.text,
                form=version.form,
                params=command.params,
                symbols=[symbol.upper() for symbol in command.symbols],
                timeframe=command.timeframe,
            )
        )
        document = bound.document
        return version, bound, tuple(document.market.symbols), document.timeframe

    def _warnings(self, bound: Bound, symbols: tuple[str, ...]) -> list[str]:
        found = []
        limits = self._trading.limits.limits()
        if limits.stop_required and bound.stops.loss.kind == "none":
            found.append("The document has no stop, and the limits require one: every entry will be refused.")
        for symbol in symbols:
            if not self._trading.markets.fresh(symbol):
                found.append(f"{symbol} has no fresh prices yet; it trades when it has.")
            others = [live.stored.id for live in self._live.values() if symbol in live.stored.symbols]
            if others:
                found.append(f"Bot {others[0]} trades {symbol} too; the limits count both together.")
        if self._trading.halting.state() != "ACTIVE":
            found.append(f"Trading is {self._trading.halting.state()}: {self._trading.halting.reason()}.")
        return found

    def _lines(self, bound: Bound, symbols: tuple[str, ...], frame: str, capital: Decimal) -> list[str]:
        stops = bound.stops
        stop = stops.loss.kind if stops.loss.kind != "none" else "no"
        maker, taker = self._trading.fees
        return [
            f"Reads {bound.warmup_bars} bars of {frame} first, then decides at each close.",
            f"Trades {', '.join(symbols)} with {plain(capital)} USDT of its own.",
            f"Stop: {stop}; target: {stops.target.kind}; trailing: {stops.trail.kind}. The engine watches them.",
            f"Fees {maker * 100:g} % and {taker * 100:g} %; orders meet the live book, with its spread and depth.",
        ]

    async def start_bot(self, command: c.StartBot) -> tr.BotStarted:
        """Starts a bot. Raises Refused with what is to be mended."""
        plan = await self.plan(command)
        if not plan.ok:
            raise Refused(
                f"{plan.strategy} is not started: {plan.problems[0]}",
                safe="Nothing was started.",
                next_step=" ".join(plan.problems[1:]) or "Mend that and start again.",
                code="bot-refused",
            )
        trading = self._trading
        name, version = plan.strategy, plan.version
        if not version:
            saved = await trading.engine_strategies.new(lc.NewStrategy(source=name))
            name, version = saved.name, saved.version
        root, capital, now = trading.root_of_venue(command.venue), decimal_of(plan.capital), trading.clock.wall_ms()
        token = trading.chance.token(12)

        def write(connection: Connection) -> tuple[bot_rows.StoredBot, Any, int]:
            stored = bot_rows.add_bot(
                connection,
                strategy=name,
                version=version,
                params=command.params,
                symbols=tuple(plan.symbols),
                timeframe=plan.timeframe,
                root=root,
                capital=capital,
                at_ms=now,
            )
            moved = ledger.move_capital(
                connection, id=f"allocate-{token}", from_account=root, to_account=stored.account, currency="USDT",
                amount=capital, kind="allocate", at_ms=now, note=f"capital of bot {stored.id}",
            )  # fmt: skip
            words = (
                f"{name} v{version} started on {', '.join(plan.symbols)} {plan.timeframe} with {plain(capital)} USDT"
            )
            ledger.add_audit(
                connection, kind="bot", caller=command.caller or "person", text=words, account=stored.account,
                detail={"bot": stored.id, "params": command.params}, at_ms=now,
            )  # fmt: skip
            return stored, moved, trading.add_fact(connection, "bot", "info", words, bot=stored.id)

        stored, moved, number = await trading.database.transact(write, "start bot")
        for entry in moved or ():
            trading.portfolio.apply_entry(entry)
        trading.told(number)
        self._stored[stored.id] = stored
        self._begin(stored)
        self.touch()
        return tr.BotStarted(bot=self.row(stored.id), text=f"Bot {stored.id} runs: {name} v{version}.")

    async def pause(self, number: int, *, resume: bool, caller: str) -> tr.BotStarted:
        live = self._running(number)
        await live.ask("resume" if resume else "pause", reason=f"by {clean(caller, 40) or 'hand'}")
        state = "running" if resume else "paused"
        await self._set(number, state, "" if resume else f"by {clean(caller, 40) or 'hand'}")
        if resume:
            for monitor in self._trading.monitors:
                await monitor.bot_resumed(number)
        return tr.BotStarted(bot=self.row(number), text=f"Bot {number} is {state}.")

    async def stop(self, number: int, *, close: bool, caller: str) -> tr.BotStarted:
        live = self._running(number)
        await live.ask("stop", reason=f"by {clean(caller, 40) or 'hand'}", close=close)
        for _ in range(100):
            if number not in self._live:
                break
            await asyncio.sleep(0.05)
        state = self._stored[number].state
        entries = live.entries()
        kept = [p.symbol for p in self._trading.portfolio.positions(live.stored.account) if p.quantity > 0]
        kept = [s for s in kept if not self._trading.is_dust(self._trading.portfolio.position(live.stored.account, s))]
        words = f"Bot {number} is {state}."
        if kept and not close:
            words += f" It keeps {', '.join(kept)}, with their stops."
        elif kept:
            words += f" {', '.join(kept)} is being sold."
        if entries:
            then = "sold" if close else "kept, with its stop"
            words += f" Its order {entries[0].terms.id} is not cancelled yet; what fills of it is {then}."
        return tr.BotStarted(bot=self.row(number), text=words)

    def _running(self, number: int) -> LiveBot:
        live = self._live.get(number)
        if live is None:
            stored = self._stored.get(number)
            raise UsageError(
                f"There is no bot {number}." if stored is None else f"Bot {number} is {stored.state}.",
                safe="Nothing was changed.",
                next_step="polotui paper status lists them.",
                code="no-bot",
            )
        return live

    def live(self, number: int) -> LiveBot | None:
        return self._live.get(number)

    def goes_on(self, number: int) -> bool:
        """Whether a bot has not ended."""
        return number in self._stored and self._stored[number].state in bot_rows.ACTIVE

    def of(self, number: int) -> bot_rows.StoredBot | None:
        return self._stored.get(number)

    def all(self) -> list[bot_rows.StoredBot]:
        return list(self._stored.values())

    def running(self) -> list[LiveBot]:
        return list(self._live.values())

    # -- how they stand -------------------------------------------------------------------------------------------

    def touch(self) -> None:
        self._trading.hub.touch("bots")

    async def counted(self, bot: int) -> None:
        """A trade of a bot closed."""
        await self._count(bot)
        self.touch()

    async def _count(self, bot: int) -> None:
        query = "SELECT count(*), sum(CAST(profit AS REAL) > 0) FROM trades WHERE bot = ?"
        trades, wins = await self._trading.database.read(lambda k: k.execute(query, (bot,)).fetchone(), "trades")
        self._figures[bot] = (trades or 0, wins or 0)

    def rows(self) -> list[tv.BotRow]:
        """Bots that have not stopped, and the last few that have."""
        active = [self.row(number) for number in self._stored if self._stored[number].state in bot_rows.ACTIVE]
        ended = [number for number, bot in self._stored.items() if bot.state not in bot_rows.ACTIVE]
        return active + [self.row(number) for number in ended[-SHOWN_ENDED:][::-1]]

    async def listed(self, *, ended: bool) -> tr.Bots:
        rows = [self.row(number) for number in self._stored] if ended else self.rows()
        return tr.Bots(
            bots=rows,
            equity=self._trading.equity_shown(),
            day_result=shapes.money(self._trading.monitor.day_result()),
            day_ratio=self._trading.monitor.day_ratio(),
        )

    def row(self, number: int) -> tv.BotRow:
        """One bot as it stands now."""
        trades, wins = self._figures.get(number, (0, 0))
        return row_of(self._trading, self._stored[number], self._live.get(number), trades, wins)


def _capital(text: str) -> Decimal:
    if not text.strip():
        return DEFAULT_CAPITAL
    try:
        return typed_decimal(text)
    except ValueError as error:
        raise UsageError(f"The capital is {error}.", safe="Nothing was started.") from error
