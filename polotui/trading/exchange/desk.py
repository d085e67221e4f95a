"""The exchange venue put together: what an engine builds once and supervises.

Decided here: entries wait for two things, a live stream of the account and books that agree; exits and cancels wait for
neither. The clients use the machine's clock, because the exchange's time is measured with it; what is booked carries
the clock of trading.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.poloniex.signing import Signer
from polotui.storage.database import Database
from polotui.trading.exchange.evidence import StopTrading
from polotui.trading.exchange.halt import HaltClient
from polotui.trading.exchange.own import LedgerBooks, LedgerOrders
from polotui.trading.exchange.private import AccountStream
from polotui.trading.exchange.reconcile import Reconciled, Reconciler
from polotui.trading.exchange.resolve import Resolver
from polotui.trading.exchange.token import Gate
from polotui.trading.exchange.venue import ExchangeVenue, MarketOf, open_rest
from polotui.trading.gateway import Gateway


class ExchangeDesk:
    """`gateway.serve(desk.venue)`, run every one of `services`, ask `why_not` before an entry, `close` at the end."""

    def __init__(
        self,
        *,
        rest_url: str,
        private_url: str,
        signer: Signer,
        gateway: Gateway,
        gate: Gate,
        database: Database,
        market_of: MarketOf,
        stop: StopTrading,
        clock: Clock,
        trading_clock: Clock,
        chance: Chance,
        told: Callable[[Reconciled], None] = lambda result: None,
    ) -> None:
        orders = LedgerOrders(gateway.blotter, database)
        books = LedgerBooks(database, gateway.portfolio, clock=trading_clock, chance=chance)
        self.rest = open_rest(rest_url, signer, clock=clock, chance=chance)
        self.venue = ExchangeVenue(
            self.rest, gate=gate, orders=orders, listener=gateway, market_of=market_of, stop=stop,
            halted=lambda: gateway.halted,
        )  # fmt: skip
        self.resolver = Resolver(self.venue, orders, gateway, clock=trading_clock, chance=chance)
        self.stream = AccountStream(
            self.venue, self.resolver, orders, signer, clock=clock, chance=chance, url=private_url
        )
        self.reconciler = Reconciler(self.venue, self.stream, books, clock=trading_clock, chance=chance, told=told)
        self.halt = HaltClient(rest_url, signer, clock=clock, chance=chance)

    @property
    def services(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What has to run, by name."""
        return {
            "exchange-account": self.stream.run,
            "exchange-resolver": self.resolver.run,
            "exchange-reconciler": self.reconciler.run,
            "exchange-halt": self.halt.keep_warm,
        }

    def why_not(self) -> str:
        """Why nothing may be entered now; empty: it may."""
        if not self.stream.live:
            return f"the account's stream is not live: {self.stream.state.reason or self.stream.state.phase}"
        if self.reconciler.blocks_entries:
            return f"the books are not reconciled: {self.reconciler.last.note}"
        return ""

    async def clear(self) -> int:
        """Cancels everything at the exchange with the halt's own client; how many it cancelled."""
        return (await self.halt.cancel_everything()).cancelled

    async def close(self) -> None:
        await self.rest.close()
        await self.halt.close()
