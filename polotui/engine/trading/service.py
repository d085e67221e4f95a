"""Trading: everything that trades, made once, started in order, ended in reverse.

Decided here:
* The paper account always trades; the exchange's account only on loopback, with the demo's key.
* What changes is told to the hub by touching; facts that must not be lost are written with what they tell of.
* Positions are told at most twice a second, however fast the market moves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from polotui.api.events import TradingState
from polotui.api.trade_values import PositionRow
from polotui.api.values import Shown
from polotui.core.errors import Refused, StorageError
from polotui.core.halt import flag_of
from polotui.engine.trading import fitness, recovery, rehearsal, shapes
from polotui.engine.trading.alerts import Alerts
from polotui.engine.trading.audit import Audit
from polotui.engine.trading.board import Board
from polotui.engine.trading.bots import Bots
from polotui.engine.trading.byhand import ByHand
from polotui.engine.trading.clock import MOST_AHEAD_MS, TradingClock
from polotui.engine.trading.correlations import Correlations
from polotui.engine.trading.drift import DriftReports
from polotui.engine.trading.guards import Guards
from polotui.engine.trading.halting import Halting, sweep
from polotui.engine.trading.limits import LimitDesk
from polotui.engine.trading.locks import Locks
from polotui.engine.trading.markets import LiveMarkets
from polotui.engine.trading.monitor import Monitor
from polotui.engine.trading.prevented import Prevented
from polotui.engine.trading.reading import Reading
from polotui.engine.trading.riskdesk import RiskDesk
from polotui.engine.trading.telling import Telling, each
from polotui.engine.trading.view import QUOTE, DeskView
from polotui.model.account import Account, Balance
from polotui.model.candles import Candle, Timeframe
from polotui.model.market import Ticker
from polotui.model.market import Trade as Print
from polotui.model.money import ZERO, step_of
from polotui.model.orders import OWN
from polotui.model.symbols import Market
from polotui.risk.checks import all_checks
from polotui.risk.values import Asked, RiskDecision
from polotui.storage.database import Connection
from polotui.storage.snapshots import Snapshots
from polotui.trading import rows as ledger
from polotui.trading.blotter import Blotter, LiveOrder, below
from polotui.trading.exchange.token import Gate
from polotui.trading.gateway import Gateway
from polotui.trading.latches import Latches
from polotui.trading.paper.book import BookVenue
from polotui.trading.portfolio import Portfolio, Position
from polotui.trading.trades import Least, Trade

if TYPE_CHECKING:
    from polotui.engine.engine import Engine
    from polotui.trading.bot_rows import StoredBot
    from polotui.trading.strategies import Version

log = logging.getLogger("polotui.trading")

PAPER = "paper"
SNAPSHOT_MS = 3_600_000
#: How long the end of the engine waits for what a person has begun.
FINISH_SECONDS = 5.0
WHOLE_SECONDS = 5.0
#: Services without which nothing new may be ordered.
CRITICAL = frozenset({"paper-venue", "protector", "halt-watch", "risk-monitor-paper"})


class Trading(Telling):
    """The trading service of an engine."""

    def __init__(self, engine: Engine) -> None:
        assert engine.exchange is not None
        assert engine.stores is not None
        assert engine.charts is not None
        self.engine = engine
        self.exchange = engine.exchange
        self.hub = engine.hub
        self.supervisor = engine.supervisor
        self.database = engine.stores.ledger_db
        self.records = engine.stores.records
        self.chance = engine.chance.child("trading")
        charts = engine.charts
        self.markets = LiveMarkets(self.exchange, engine.clock)
        self.clock = TradingClock(
            engine.clock, self.exchange.rest.exchange_ms, lambda: max(charts.newest_ms, self.markets.newest_ms),
            most_ahead_ms=None if self.exchange.venue.demo else MOST_AHEAD_MS,
        )  # fmt: skip
        self.limits = LimitDesk(self.database, engine.clock, self.clock)
        self.snapshots = Snapshots(
            self.database, engine.home.data / "snapshots", engine.clock, self.chance.child("snapshots"), _digest
        )
        self.latches = Latches(self.database, self.clock, engine.home.data / "latches.json")
        self.fees = (0.002, 0.002)
        self.titles = {check.code: _title(check.code) for check in all_checks()}
        self._wanted: dict[str, None] = {}
        self._counts = TradingState()
        self._positions: list[PositionRow] = []
        self._positions_changed = asyncio.Event()
        self.started = False

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Loads what is stored, then lets everything run. The order matters: money, limits, orders, bots."""
        engine = self.engine
        self.portfolio = await self.database.read(Portfolio.load, "portfolio")
        self.clock.not_before(await self.database.read(recovery.newest_ms, "newest row"))
        engine.stores.facts.stamp_with(self.clock)  # type: ignore[union-attr]
        await self.limits.load()
        await self.latches.load()
        blotter = Blotter()
        self.view = DeskView(self.portfolio, blotter, self.markets, self.clock)
        gate = Gate(engine.clock, self.chance)
        self.gateway = Gateway(
            database=self.database,
            clock=self.clock,
            view=self.view,
            limits=self.limits.limits,
            gate=gate,
            flag=flag_of(engine.home),
            portfolio=self.portfolio,
            blotter=blotter,
            least=self.least,
            told=self.told,
            strategy_of=self.strategy_of,
        )
        self.guards = Guards(self)
        self.bots = Bots(self)
        self.hand = ByHand(self)
        self.rows = Reading(self)
        self.alerts = Alerts(self)
        self.locks = Locks(self)
        self.correlations = Correlations(self)
        self.prevented = Prevented(self)
        self.monitor = Monitor(self)
        self.monitors = [self.monitor]
        self.desk = RiskDesk(self)
        self.audit = Audit(self)
        self.board = Board(self)
        self.drift = DriftReports(self)
        self.halting = Halting(
            home=engine.home,
            clock=engine.clock,
            gateway=self.gateway,
            supervisor=self.supervisor,
            book=self.book,
            changed=self.touch_state,
        )
        self.halting.on_resumed = self.guards.protector.hurry
        self.view.state = self.halting.state
        self.view.strategy_of = self.strategy_of
        self.view.guards = self.guards
        if engine.accounts is not None:
            self.view.asked_price = engine.accounts.price
        self.view.is_dust = self.is_dust
        self.provide()
        self.markets.learn(engine.desk.known_markets() if engine.desk is not None else {})
        self.paper = BookVenue(
            self.markets, self.view, self.gateway, clock=self.clock, chance=self.chance.child("paper"),
            redeem=gate.redeem,
        )  # fmt: skip
        self.gateway.serve(self.paper)
        self.halting.sweeps.append(lambda: sweep(self.paper, engine.clock))
        self.rehearsal = None
        if rehearsal.possible(self):
            root = await rehearsal.root_of_exchange(self)
            self.rehearsal = rehearsal.Rehearsal(self, gate, root)
            self.gateway.serve(self.rehearsal.venue)
            self.gateway.why_not[root] = self.rehearsal.why_not
            self.halting.sweeps.append(self.rehearsal.cancel_everything)
            self.monitors.append(Monitor(self, root))
        for watcher in (self.bots, self.hand, self):
            self.gateway.watch(watcher)
        await self.bots.read()
        await recovery.take_up_orders(self)
        await self.alerts.load()
        await self.locks.load()
        for monitor in self.monitors:
            await monitor.load()
        engine.charts.on_closed = self.bots.on_closed  # type: ignore[union-attr]
        fitness.plug(self)
        self.started = True
        await self.bots.load()
        self._run_services()
        self.paper.on_rules()
        recovery.want_what_is_held(self)

    def _run_services(self) -> None:
        service = self.supervisor.service
        service("paper-venue", self.paper.run)
        service("protector", self.guards.protector.run)
        service("protections", self.guards.run)
        service("halt-watch", self.halting.watch)
        for monitor in self.monitors:
            service(f"risk-monitor-{monitor.root}", monitor.run)
        if self.rehearsal is not None:
            self.rehearsal.run_services()
        service("correlations", self.correlations.run)
        service("pair-locks", self.locks.run)
        service("prevented", self.prevented.run)
        service("board", self.board.run)
        service("positions", self.keep_positions)
        service("portfolio", self._keep_whole)
        service("ledger-snapshots", self._keep_snapshots)

    async def close(self) -> None:
        """Waits for what is being sent and writes what is left to write."""
        await self.supervisor.finish(FINISH_SECONDS)
        if self.started:
            await self.gateway.close()
            await self.guards.save()
            if self.rehearsal is not None:
                await self.rehearsal.close()

    async def _keep_whole(self) -> None:
        """Looks for rows that the portfolio was never told of: without one it would wait for ever."""
        while True:
            await asyncio.sleep(WHOLE_SECONDS)
            try:
                await self.catch_up()
            except StorageError as error:
                log.warning("the portfolio could not be compared with the ledger", extra={"detail": str(error)})

    async def catch_up(self) -> None:
        portfolio = self.portfolio
        found = await self.database.read(lambda c: portfolio.missing(c), "portfolio")
        if found and portfolio.take(found):
            log.warning("the portfolio was not told of rows of the ledger; it knows them now")
            self.touch_positions()

    async def _keep_snapshots(self) -> None:
        """A proven copy of the ledger every hour, at the start too; one old copy a day is read again."""
        checked_at = self.clock.monotonic()
        while True:
            last = self.snapshots.last_verified_ms or 0
            if self.engine.clock.wall_ms() - last >= SNAPSHOT_MS:
                try:
                    await self.snapshots.make()
                except StorageError as error:
                    self.fact("engine", "error", f"No snapshot of the ledger: {error}")
                self.engine.safety.again()
            if self.clock.monotonic() - checked_at >= 86_400:
                checked_at = self.clock.monotonic()
                found = await self.snapshots.verify_one()
                if found is not None and not found[1].ok:
                    self.fact("engine", "error", f"The snapshot {found[0].name} is damaged: {found[1].problems[0]}")
            await asyncio.sleep(300)

    # -- the market's listener, through the desk ------------------------------------------------------------------

    def on_trades(self, symbol: str, trades: list[Print]) -> None:
        self.markets.on_trades(symbol, trades)
        if self.started:
            self.paper.on_trades(symbol, trades)
            self.guards.protector.on_trades(symbol, trades)
            if symbol in self._wanted:
                self._positions_changed.set()

    def on_book(self, symbol: str) -> None:
        if self.started:
            self.paper.on_book(symbol)
            self.guards.protector.on_book(symbol)

    def on_ticker(self, ticker: Ticker) -> None:
        self.markets.on_ticker(ticker)
        if self.started:
            self.guards.protector.on_ticker(ticker)

    def on_markets(self, markets: dict[str, Market]) -> None:
        self.markets.learn(markets)
        if self.started:
            self.paper.on_rules()
            recovery.want_what_is_held(self)

    # -- watching orders ------------------------------------------------------------------------------------------

    async def on_booked(self, fill: ledger.FillRow, order: LiveOrder) -> None:
        self.want([fill.symbol])
        self.changed(fills=True)
        self.touch_positions()
        for monitor in self.monitors:
            if below(fill.account, monitor.root):
                await monitor.on_booked(fill, order.stop)

    async def on_trade_closed(self, trade: Trade) -> None:
        self.changed(trades=True)
        counted = [partial(monitor.on_trade, trade) for monitor in self.monitors]
        locked, figures = partial(self.locks.on_trade, trade.symbol), partial(self.bots.counted, trade.bot)
        await each("a closed trade", *counted, locked, figures)

    async def on_order(self, order: LiveOrder) -> None:
        self.guards.protector.on_order(order.terms.id, order.state)
        self.hub.touch("orders")
        self.touch_state()

    async def on_refused(self, asked: Asked, decision: RiskDecision) -> None:
        self.changed(signals=True)
        await self.prevented.on_refused(asked, decision)

    # -- money ----------------------------------------------------------------------------------------------------

    async def move(
        self, id: str, source: str, target: str, currency: str, amount: Decimal, kind: str, note: str
    ) -> None:
        """Moves capital between accounts, once for each `id`."""
        await self.supervisor.whole(self._move(id, source, target, currency, amount, kind, note))

    async def _move(
        self, id: str, source: str, target: str, currency: str, amount: Decimal, kind: str, note: str
    ) -> None:
        now = self.clock.wall_ms()
        moved = await self.database.transact(
            lambda c: ledger.move_capital(
                c, id=id, from_account=source, to_account=target, currency=currency, amount=amount, kind=kind,
                at_ms=now, note=note,
            ),
            "move capital",
        )  # fmt: skip
        for entry in moved or ():
            self.portfolio.apply_entry(entry)
        if kind == "release" and currency == QUOTE and moved:
            self.monitor_of(source).given_back(source, amount)
        self.touch_positions()

    async def deposit(self, currency: str, amount: Decimal) -> None:
        """Virtual money for the paper account; the day's loss and the drawdown do not count it."""
        await self.supervisor.whole(self._deposit(currency, amount))

    async def _deposit(self, currency: str, amount: Decimal) -> None:
        assert self.engine.stores is not None
        entry = await self.engine.stores.paper.deposit(currency, amount)
        self.portfolio.apply_entry(entry)
        worth = self.view.worth(currency)
        if worth is not None:
            await self.monitor.moved(PAPER, amount * worth)

    def released(self, account: str) -> Decimal:
        """What a bot's account has given back, in quote currency."""
        return self.monitor_of(account).released.get(account, ZERO)

    def paper_account(self) -> Account:
        """The paper account with all its bots: what is held, and what open orders claim of it."""
        total = self.portfolio.total(PAPER)
        held: dict[str, Decimal] = {}
        for account in self.portfolio.accounts(PAPER):
            for currency, amount in self.gateway.blotter.holds(account).items():
                held[currency] = held.get(currency, ZERO) + amount
        return Account(
            id=PAPER,
            kind="PAPER",
            balances=tuple(
                Balance(currency=currency, available=amount - held.get(currency, ZERO), hold=held.get(currency, ZERO))
                for currency, amount in sorted(total.items())
                if amount
            ),
        )

    def equity_shown(self) -> Shown:
        equity = self.view.equity(PAPER, whole=True)
        now = self.clock.wall_ms()
        if equity is None:
            return Shown(standing="unknown", reason="no-price", cause="a coin that is held has no price yet")
        standing = "known" if self.view.fresh(PAPER) else "stale"
        return Shown(standing=standing, text=shapes.money(equity), as_of_ms=now)  # type: ignore[arg-type]

    def least(self, symbol: str) -> Least:
        """What the exchange lets one sell of a symbol."""
        rules = self.markets.market(symbol)
        return Least() if rules is None else Least(rules.min_quantity, rules.min_amount, step_of(rules.quantity_scale))

    def is_dust(self, held: Position) -> bool:
        """Whether nothing of a position can be sold."""
        if held.quantity <= 0:
            return True
        mark = self.markets.mark(held.symbol)
        return not self.least(held.symbol).sellable(held.quantity, mark.price if mark else held.entry_price)

    # -- for the parts --------------------------------------------------------------------------------------------

    @property
    def engine_strategies(self) -> Any:
        assert self.engine.strategies is not None
        return self.engine.strategies

    async def strategy_text(self, name: str, version: int) -> Version:
        found: Version = await self.engine_strategies.text_of(name, version)
        return found

    async def known(self, symbol: str) -> Market:
        assert self.engine.desk is not None
        return await self.engine.desk.known(symbol.strip().upper())

    async def history(self, symbol: str, frame: Timeframe, limit: int) -> list[Candle]:
        assert self.engine.charts is not None
        return await self.engine.charts.history(symbol, frame, limit)

    def grids(self) -> dict[str, tuple[float, float]]:
        assert self.engine.desk is not None
        return self.engine.desk.grids()

    def want(self, symbols: Iterable[str]) -> None:
        """Symbols whose stream must run and whose candles must be whole, watched or not."""
        new = [symbol for symbol in symbols if symbol not in self._wanted]
        if new:
            self._wanted.update(dict.fromkeys(new))
            assert self.engine.desk is not None
            assert self.engine.charts is not None
            self.engine.desk.also_want(list(self._wanted))
            for symbol in new:
                self.engine.charts.keep_whole(symbol)

    def wanted(self) -> list[str]:
        return list(self._wanted)

    def strategy_of(self, bot: int) -> str:
        stored = self.bots.of(bot) if bot else None
        return stored.strategy if stored is not None else ""

    def account_named(self, name: str) -> str:
        """`spot` is the exchange's account at hand, whatever its books are called."""
        head, slash, rest = name.partition("/")
        if head == rehearsal.ROOT and self.rehearsal is not None:
            return self.rehearsal.root + slash + rest
        return name

    def roots(self) -> list[str]:
        return [PAPER] if self.rehearsal is None else [PAPER, self.rehearsal.root]

    def root_of_venue(self, venue: str) -> str:
        """Raises Refused for an exchange that is not this machine's own."""
        if venue != "exchange":
            return PAPER
        if self.rehearsal is None:
            raise Refused(
                "Signed orders are sent in rehearsal only: to an exchange on this machine, which is the demo's.",
                safe="Nothing was started.",
                next_step="Leave the venue out to trade on paper.",
                code="no-venue",
            )
        return self.rehearsal.root

    def scales(self, symbol: str) -> tuple[int, int]:
        market = self.markets.market(symbol)
        return (market.price_scale, market.quantity_scale) if market is not None else (8, 8)

    def new_order_id(self) -> str:
        return OWN + self.chance.token(16)

    def busy(self) -> list[str]:
        """What would be stopped by stopping the engine."""
        if not self.started:
            return []
        found = [f"bot {live.stored.id} {live.stored.strategy}" for live in self.bots.running()]
        resting = len(self.gateway.blotter.open()) + len(self.guards.protector.stored())
        return found + ([f"{resting} open orders and stops"] if resting and not found else [])

    def service_failed(self, name: str, error: BaseException) -> None:
        """A service of trading does not come up again: a bot fails alone, anything else stops new orders."""
        if name.startswith("bot-"):
            self.bots.gave_up(name, error)
        elif name in CRITICAL and self.started:
            self.gateway.trouble[name] = f"The service {name} does not run any more."

    def protector_blocks(self) -> str:
        return self.guards.protector.blocks

    def why_no_bots(self) -> list[str]:
        """What keeps bots from being started: the safety score and its vetoes."""
        score, vetoes = self.view.safety()
        found = [f"Safety: {veto}" for veto in vetoes]
        if score is not None and score <= self.limits.limits().safety_score and not found:
            found.append(f"The safety score is {score}; above {self.limits.limits().safety_score} is needed.")
        return found

    def band(self, stored: StoredBot) -> tuple[float | None, float | None]:
        """The return that a bot may be expected to have by now."""
        return self.board.band(stored)


def _digest(connection: Connection) -> str:
    return Portfolio.load(connection).digest()


def _title(code: str) -> str:
    """A check's code as words: RISK-DAILY-LOSS is «daily loss»."""
    return code.removeprefix("RISK-").replace("-", " ").lower()
