"""Accounts: what is held, what it is worth, and how that changed.

Decided here: balances come from REST after every word of the account's stream, and every 30 s as a backstop; when the
exchange does not answer, the last answer is shown as stale with its time, never dropped and never zero. Prices are the
newest of stream and all-tickers call. Worth is stored once a minute, for the curve and the change in 24 hours.
"""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import TYPE_CHECKING

import polotui.trading.valuation as v
from polotui.api.events import AccountsState, Event
from polotui.api.values import AccountState, AssetRow, EquityPoint, Shown
from polotui.core.errors import PolotuiError, StorageError
from polotui.core.text import clean
from polotui.model.account import Account
from polotui.model.candles import DAY_MS
from polotui.model.money import plain

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

log = logging.getLogger("polotui.engine.accounts")

WORTH_SECONDS = 60.0
PUBLISH_SECONDS = 1.0
CURVE_DAYS = 30
TITLES = {"spot": "spot account", "paper": "paper account"}


class Accounts:
    """Publishes `accounts`."""

    def __init__(self, engine: Engine) -> None:
        assert engine.exchange is not None
        assert engine.stores is not None
        self._engine = engine
        self._clock = engine.clock
        self._exchange = engine.exchange
        self._stores = engine.stores
        self._spot: Account | None = None
        self._spot_at_ms = 0
        self._spot_error: PolotuiError | None = None
        self._paper: Account | None = None
        self._wake = asyncio.Event()
        self._prices: dict[str, v.Price] = {}
        self._states: list[AccountState] = []
        self._curves: dict[str, list[EquityPoint]] = {}
        self._day_ago: dict[str, float] = {}

    async def start(self) -> None:
        await self._stores.paper.open()
        self._engine.hub.provide("accounts", self._event)
        self._exchange.start_private(self._wake.set)
        supervisor = self._engine.supervisor
        if self._exchange.has_keys:
            supervisor.service("balances", self._keep_balances)
        supervisor.service("valuation", self._keep_values)
        supervisor.service("worth", self._keep_worth)

    # -- for handlers and the engine ------------------------------------------------------------------------------

    def states(self) -> list[AccountState]:
        return self._states

    def headline(self) -> tuple[str, float | None]:
        """Total of the first account and its change in 24 h as a fraction, for the header."""
        if not self._states:
            return "", None
        first = self._states[0]
        change = first.change_24h_ratio
        return first.total.text, float(change.text) if change.standing == "known" else None

    def price(self, symbol: str) -> tuple[Decimal, bool] | None:
        """The price from the one call for all symbols, and whether it is young enough; for coins that do not stream."""
        found = self._prices.get(symbol)
        if found is None:
            return None
        limit = 3 * self._engine.settings.cache.prices * 1000
        return found.value, self._clock.wall_ms() - found.at_ms <= limit

    async def refresh(self) -> None:
        """Asks the exchange and the ledger now and values the answer."""
        if self._exchange.has_keys:
            await self._ask()
        await self._price()
        await self._value()

    async def deposit(self, currency: str, amount: Decimal) -> None:
        if self._engine.trading is not None and self._engine.trading.started:
            await self._engine.trading.deposit(currency, amount)
        else:
            await self._stores.paper.deposit(currency, amount)
        self._engine.facts.submit("account", "info", f"Deposited {plain(amount)} {currency} in the paper account.")
        await self._value()

    # -- services -------------------------------------------------------------------------------------------------

    async def _keep_balances(self) -> None:
        while True:
            self._wake.clear()
            await self._ask()
            try:
                async with asyncio.timeout(self._engine.settings.cache.user):
                    await self._wake.wait()
                # A burst of fills asks once.
                await asyncio.sleep(0.2)
            except TimeoutError:
                continue

    async def _ask(self) -> None:
        try:
            accounts = await self._exchange.rest.balances()
        except PolotuiError as error:
            if self._spot_error is None:
                self._engine.facts.submit("account", "warning", f"Balances could not be read. {error}")
            self._spot_error = error
            return
        if self._spot_error is not None:
            self._engine.facts.submit("account", "info", "Balances can be read again.")
        self._spot_error = None
        self._spot = next((account for account in accounts if account.kind == "SPOT"), None)
        self._spot_at_ms = self._clock.wall_ms()

    async def _keep_values(self) -> None:
        while True:
            await self._price()
            await self._value()
            await asyncio.sleep(PUBLISH_SECONDS)

    async def _price(self) -> None:
        """Prices of all symbols; the stream's are newer where there is one."""
        try:
            tickers, _, age_s = await self._exchange.all_tickers()
        except PolotuiError as error:
            log.info("no tickers", extra={"detail": str(error)})
            tickers, age_s = [], 0.0
        at_ms = self._clock.wall_ms() - round(age_s * 1000)
        for ticker in tickers:
            self._prices[ticker.symbol] = v.Price(Decimal(repr(ticker.last)), at_ms, ticker.change)
        desk = self._engine.desk
        assert desk is not None
        for symbol in desk.watched:
            last, ticker_now = desk.last_price(symbol), desk.ticker(symbol)
            if last is not None and ticker_now is not None:
                stale = self._exchange.stale_since("ticker", symbol)
                change = last / ticker_now.open - 1 if ticker_now.open else None
                price = v.Price(Decimal(repr(last)), stale or self._clock.wall_ms(), change)
                if symbol not in self._prices or price.at_ms >= self._prices[symbol].at_ms:
                    self._prices[symbol] = price

    async def _value(self) -> None:
        trading = self._engine.trading
        running = trading is not None and trading.started
        self._paper = trading.paper_account() if running and trading else await self._stores.paper.account()
        now = self._clock.wall_ms()
        stale_after = 2 * self._engine.settings.cache.prices * 1000
        states: list[AccountState] = []
        if self._exchange.has_keys:
            states.append(self._spot_state(now, stale_after))
        valued = v.value_account(self._paper, self._prices, now_ms=now, price_stale_ms=stale_after)
        note = "" if self._exchange.has_keys else "no API keys in this version, so this is the paper account"
        states.append(self._state("paper", TITLES["paper"], note, valued))
        if states != self._states:
            self._states = states
            self._engine.hub.touch("accounts")

    def _spot_state(self, now: int, stale_after: float) -> AccountState:
        title = "demo exchange account" if self._exchange.venue.demo else TITLES["spot"]
        if self._spot is None:
            error = self._spot_error
            unknown = Shown(
                standing="unknown",
                reason="no-answer" if error else "loading",
                cause=clean(error.cause, 160) if error else "the exchange is being asked",
                help="r asks again" if error else "",
            )
            return AccountState(
                account="spot", title=title, total=unknown, change_24h=unknown, change_24h_ratio=unknown
            )
        stale = ""
        if self._spot_error is not None:
            stale = clean(self._spot_error.cause, 160)
        elif now - self._spot_at_ms > 2 * self._engine.settings.cache.user * 1000:
            stale = "no newer answer"
        valued = v.value_account(
            self._spot,
            self._prices,
            now_ms=now,
            price_stale_ms=stale_after,
            balances_stale_since_ms=self._spot_at_ms if stale else 0,
            balances_stale_reason=stale,
        )
        return self._state("spot", title, "", valued)

    def _state(self, account: str, title: str, note: str, valued: v.Valued) -> AccountState:
        change, ratio = self._change(account, valued)
        return AccountState(
            account=account,
            title=title,
            note=note,
            total=shown(valued.total),
            change_24h=change,
            change_24h_ratio=ratio,
            rows=[asset_row(account, asset) for asset in valued.assets],
            equity=self._curves.get(account, []),
        )

    def _change(self, account: str, valued: v.Valued) -> tuple[Shown, Shown]:
        total = valued.total
        before = self._day_ago.get(account)
        if total.standing != "known" or total.value is None or before is None:
            cause = "no value of 24 hours ago yet" if before is None else total.cause
            missing = Shown(standing="unknown", reason="no-history", cause=cause)
            return missing, missing
        delta = total.value - Decimal(repr(before))
        known = Shown(standing="known", text=plain(delta.quantize(Decimal("0.01"))), as_of_ms=total.as_of_ms)
        if not before:
            return known, Shown(standing="unknown", reason="no-history", cause="nothing was held 24 hours ago")
        ratio = plain((delta / Decimal(repr(before))).quantize(Decimal("0.000001")))
        return known, Shown(standing="known", text=ratio, as_of_ms=total.as_of_ms)

    async def _keep_worth(self) -> None:
        while True:
            try:
                await self._store_worth()
            except StorageError as error:
                log.warning("the curve could not be stored", extra={"detail": str(error)})
            await asyncio.sleep(WORTH_SECONDS if self._states else 1.0)

    async def _store_worth(self) -> None:
        records, now = self._stores.records, self._clock.wall_ms()
        for state in self._states:
            if state.total.standing == "known":
                await records.add_worth(state.account, float(state.total.text), now)
            worth = await records.worth(state.account, now - CURVE_DAYS * DAY_MS, points=500)
            self._curves[state.account] = [EquityPoint(point.at_ms, point.value) for point in worth]
            day_ago = await records.worth_at(state.account, now - DAY_MS)
            if day_ago is not None:
                self._day_ago[state.account] = day_ago.value

    def _event(self, topic: str, key: str) -> Event:
        return AccountsState(accounts=self._states)


def shown(figure: v.Figure) -> Shown:
    """A valued figure as faces see it."""
    return Shown(
        standing=figure.standing,
        text=plain(figure.value) if figure.value is not None else "",
        as_of_ms=figure.as_of_ms,
        reason=figure.reason,
        cause=figure.cause,
        help=figure.help,
    )


def asset_row(account: str, asset: v.Asset) -> AssetRow:
    return AssetRow(
        account=account,
        currency=clean(asset.currency, 24),
        available=shown(asset.available),
        hold=shown(asset.hold),
        price=shown(asset.price),
        value=shown(asset.value),
        share=shown(asset.share),
        change_24h=shown(asset.change_24h),
        dust=asset.dust,
    )
