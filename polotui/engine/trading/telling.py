"""What trading tells: facts and audit rows, the states of its topics, positions at their marks.

The half of the trading service that faces look at; the other half is `service`.

Decided here: facts that tell of money are written in the transaction that moves it; others are queued. Positions are
told at most twice a second, however fast the market moves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from polotui.api.events import BotsState, OrdersState, PositionsState, RiskState, TradingState
from polotui.api.trade_values import OrderRow, PositionRow
from polotui.engine.trading import shapes
from polotui.storage.database import Connection, Database
from polotui.trading import rows as ledger
from polotui.trading.blotter import below, root_of
from polotui.trading.facts import add_fact

if TYPE_CHECKING:
    from polotui.engine.engine import Engine
    from polotui.engine.hub import Hub
    from polotui.engine.trading.alerts import Alerts
    from polotui.engine.trading.bots import Bots
    from polotui.engine.trading.clock import TradingClock
    from polotui.engine.trading.guards import Guards
    from polotui.engine.trading.halting import Halting
    from polotui.engine.trading.markets import LiveMarkets
    from polotui.engine.trading.monitor import Monitor
    from polotui.engine.trading.riskdesk import RiskDesk
    from polotui.trading.gateway import Gateway
    from polotui.trading.portfolio import Portfolio, Position

log = logging.getLogger("polotui.trading")

POSITIONS_SECONDS = 0.5


async def each(what: str, *steps: Callable[[], Awaitable[None] | None]) -> None:
    """Takes every step, in order. Nothing is told twice, so one that fails must not cost the others theirs."""
    for step in steps:
        try:
            waits = step()
            if waits is not None:
                await waits
        except Exception:
            log.exception("a step failed", extra={"detail": what})


class Telling:
    """Base of the trading service."""

    engine: Engine
    hub: Hub
    clock: TradingClock
    database: Database
    gateway: Gateway
    portfolio: Portfolio
    markets: LiveMarkets
    guards: Guards
    bots: Bots
    monitor: Monitor
    monitors: list[Monitor]
    desk: RiskDesk
    alerts: Alerts
    halting: Halting
    _counts: TradingState
    _positions: list[PositionRow]
    _positions_changed: asyncio.Event

    def monitor_of(self, account: str) -> Monitor:
        """Who watches the root of this account."""
        return next((one for one in self.monitors if below(account, one.root)), self.monitor)

    def strategy_of(self, bot: int) -> str:
        raise NotImplementedError

    def roots(self) -> list[str]:
        raise NotImplementedError

    def scales(self, symbol: str) -> tuple[int, int]:
        raise NotImplementedError

    def is_dust(self, held: Position) -> bool:
        raise NotImplementedError

    # -- telling --------------------------------------------------------------------------------------------------

    def told(self, number: int) -> None:
        """A fact with this number was stored in a transaction of ours."""
        if number:
            self.engine.facts.stored(number)

    def fact(self, kind: str, level: str, text: str, *, symbol: str = "", bot: int = 0, ref: str = "") -> None:
        """A fact that is stored soon, for what moves no money."""
        self.engine.facts.submit(kind, level, text, symbol, bot, ref, self.clock.wall_ms())

    def add_fact(
        self, connection: Connection, kind: str, level: str, text: str, *, symbol: str = "", bot: int = 0, ref: str = ""
    ) -> int:
        """A fact inside a transaction; give its number to `told` afterwards."""
        at_ms = self.clock.wall_ms()
        return add_fact(
            connection, kind=kind, level=level, text=text, symbol=symbol, at_ms=at_ms, bot=bot, ref=ref
        ).number

    async def note(
        self, kind: str, text: str, caller: str, *, symbol: str = "", bot: int = 0, account: str = "",
        level: str = "info", code: str = "",
    ) -> None:  # fmt: skip
        """An audit row and its line in the feed, together."""
        now = self.clock.wall_ms()

        def write(connection: Connection) -> int:
            ledger.add_audit(
                connection, kind=kind, caller=caller or "person", code=code, text=text, account=account, symbol=symbol,
                at_ms=now,
            )  # fmt: skip
            feed = kind if kind in ("protection", "halt", "risk", "alert", "bot") else "risk"
            return self.add_fact(connection, feed, level, text, symbol=symbol, bot=bot)

        self.told(await self.database.transact(write, kind))

    async def book(self, kind: str, text: str, caller: str) -> None:
        await self.note("halt" if kind == "halt" else kind, text, caller, level="warning")

    def changed(
        self, *, trades: bool = False, fills: bool = False, signals: bool = False, journal: bool = False,
        alerts: bool = False,
    ) -> None:  # fmt: skip
        """Counts a change of what is stored, so that lists are asked for again."""
        old = self._counts
        self._counts = msgspec.structs.replace(
            old,
            trades=old.trades + trades,
            fills=old.fills + fills,
            signals=old.signals + signals,
            journal=old.journal + journal,
            alerts=old.alerts + alerts,
        )
        self.hub.touch("trading")

    def touch_state(self) -> None:
        self.hub.touch("trading")
        self.hub.touch("risk")
        self.hub.touch("bots")

    def touch_positions(self) -> None:
        self._positions_changed.set()

    def provide(self) -> None:
        provide = self.hub.provide
        provide("bots", lambda topic, key: BotsState(bots=self.bots.rows()))
        provide("positions", lambda topic, key: PositionsState(positions=self._positions))
        provide("orders", lambda topic, key: OrdersState(orders=self.order_rows()))
        provide("risk", lambda topic, key: RiskState(risk=self.desk.risk()))
        provide("trading", lambda topic, key: self.state())
        for topic in ("bots", "positions", "orders", "risk", "trading"):
            self.hub.touch(topic)

    def state(self) -> TradingState:
        """For the header of every face."""
        meter = self.monitor.meter_now()
        unknown = sum(order.state.value == "UNKNOWN" for order in self.gateway.blotter.open())
        return msgspec.structs.replace(
            self._counts,
            state=self.halting.state(),
            reason=self.halting.reason(),
            risk=meter.score if meter is not None else None,
            breaches=len(meter.breached) if meter is not None else 0,
            open_alerts=self.alerts.open_count(),
            unknown_orders=unknown,
            ahead_ms=self.clock.wall_ms() - self.engine.clock.wall_ms(),
        )

    def order_rows(self) -> list[OrderRow]:
        return [
            shapes.live_order(order, self.scales(order.terms.symbol)[0])
            for order in self.gateway.blotter.open()
            if not order.waits
        ]

    def position_rows(self) -> list[PositionRow]:
        """Open positions with their marks; dust last."""
        rows = []
        for held in self.portfolio.positions():
            if held.quantity <= 0 or root_of(held.account) not in self.roots():
                continue
            guard = self.guards.of(held.account, held.symbol)
            rows.append(
                shapes.position(
                    held,
                    strategy=self.strategy_of(held.bot),
                    mark=self.markets.mark(held.symbol),
                    guard=guard,
                    first_stop=self.monitor_of(held.account).first_stop(held.account, held.symbol),
                    scales=self.scales(held.symbol),
                    dust=self.is_dust(held),
                    orders=[
                        order.terms.id
                        for order in self.gateway.blotter.of(held.account, held.symbol)
                        if not order.final and not order.waits
                    ],
                )
            )
        return sorted(rows, key=lambda row: (row.dust, row.account, row.symbol))

    async def keep_positions(self) -> None:
        while True:
            await self._positions_changed.wait()
            self._positions_changed.clear()
            # Crumbs that nobody can sell are no positions; the balance screen has them.
            self._positions = [row for row in self.position_rows() if not row.dust]
            self.hub.touch("positions")
            self.hub.touch("bots")
            await asyncio.sleep(POSITIONS_SECONDS)
