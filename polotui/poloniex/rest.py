"""Poloniex spot over REST: every public read and the private reads, one typed method each.

Decided here: a signed call must stand in `SIGNED_CALLS`, the list of everything that polotui may ever sign. There is no
withdrawal and no transfer in it, so no bug and no caller can reach one. A client is read-only unless it is told
otherwise, and then refuses every signed method but GET before a byte leaves. What changes orders goes through
`_signed`, which only `polotui.poloniex.orders` calls.

Ids in arguments and results are text: they lie above 2**53.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import Refused, UsageError
from polotui.core.ids import Chance
from polotui.model.account import Account, FeeInfo, Fill, Order
from polotui.model.candles import Candle, Timeframe
from polotui.model.market import BookView, Ticker, Trade
from polotui.model.symbols import Market
from polotui.poloniex import wire, wire_account
from polotui.poloniex.calls import Call, Caller, RestSettings
from polotui.poloniex.clock_offset import ClockOffset
from polotui.poloniex.errors import BadReply
from polotui.poloniex.limits import Limits, Pool, Use
from polotui.poloniex.signing import Signer, path_part
from polotui.poloniex.transport import HttpTransport, HttpxTransport

BASE_URL = "https://api.poloniex.com"
BOOK_LIMITS = (5, 10, 20, 50, 100, 150)
MOST_CANDLES = 500
MOST_TRADES = 1000

T = TypeVar("T")

_ID = r"[A-Za-z0-9_:%.-]+"
#: Everything that may be signed, and the limit class it counts in. Earlier rows win.
SIGNED_CALLS: tuple[tuple[str, re.Pattern[str], Pool], ...] = tuple(
    (method, re.compile(path), pool)
    for method, path, pool in (
        ("GET", r"/accounts", Pool.PRIVATE_LIGHT),
        ("GET", r"/accounts/balances", Pool.PRIVATE_LIGHT),
        ("GET", rf"/accounts/{_ID}/balances", Pool.PRIVATE_LIGHT),
        ("GET", r"/accounts/activity", Pool.PRIVATE_HEAVY),
        ("GET", r"/feeinfo", Pool.PRIVATE_HEAVY),
        ("GET", r"/trades", Pool.PRIVATE_HEAVY),
        ("GET", r"/orders", Pool.PRIVATE_HEAVY),
        ("GET", r"/orders/history", Pool.PRIVATE_HEAVY),
        ("GET", r"/orders/killSwitchStatus", Pool.PRIVATE_LIGHT),
        ("GET", rf"/orders/{_ID}", Pool.PRIVATE_LIGHT),
        ("GET", rf"/orders/{_ID}/trades", Pool.PRIVATE_LIGHT),
        ("POST", r"/orders", Pool.PRIVATE_LIGHT),
        ("POST", r"/orders/batch", Pool.PRIVATE_HEAVY),
        ("POST", r"/orders/killSwitch", Pool.PRIVATE_LIGHT),
        ("PUT", rf"/orders/{_ID}", Pool.PRIVATE_HEAVY),
        ("DELETE", r"/orders", Pool.PRIVATE_HEAVY),
        ("DELETE", r"/orders/cancelByIds", Pool.PRIVATE_HEAVY),
        ("DELETE", rf"/orders/{_ID}", Pool.PRIVATE_LIGHT),
    )
)


def pool_of(method: str, path: str) -> Pool | None:
    """The limit class of a signed call, None when polotui may not sign it."""
    for known, pattern, pool in SIGNED_CALLS:
        if known == method and pattern.fullmatch(path):
            return pool
    return None


class SpotRest:
    """The client. `close` it when done. Without a signer every private method raises AuthRefused."""

    def __init__(
        self,
        *,
        clock: Clock,
        chance: Chance,
        base_url: str = BASE_URL,
        signer: Signer | None = None,
        read_only: bool = True,
        settings: RestSettings | None = None,
        limits: Limits | None = None,
        http: HttpTransport | None = None,
    ) -> None:
        self.base_url = base_url
        self.read_only = read_only
        self._clock = clock
        self._http = http or HttpxTransport(base_url)
        self._limits = limits or Limits(clock)
        settings = settings or RestSettings()
        self.recv_window_ms = settings.recv_window_ms
        self.offset = ClockOffset(
            self.server_time, clock, samples=settings.clock_samples, remeasure_s=settings.remeasure_s
        )
        self._caller = Caller(
            self._http,
            clock=clock,
            chance=chance,
            limits=self._limits,
            offset=self.offset,
            signer=signer,
            settings=settings,
        )

    async def close(self) -> None:
        await self._http.close()

    @property
    def addresses(self) -> tuple[str, str]:
        """Where calls go: as this client was told, and as its transport really does."""
        return self.base_url, self._http.base_url

    def use(self) -> list[Use]:
        """How much of each limit class the last second used."""
        return self._limits.use()

    async def sign_ms(self) -> int:
        """A time to put under a signature, measured when due; private streams use it too."""
        await self.offset.ensure()
        return self.offset.sign_ms()

    async def keep_time(self) -> None:
        """Measures the exchange's time when that is due."""
        await self.offset.ensure()

    def exchange_ms(self) -> int | None:
        """The exchange's time as known, without asking."""
        return self.offset.now_ms()

    async def _public(self, path: str, form: type[T], pool: Pool = Pool.PUBLIC_LIGHT, **params: object) -> T:
        return await self._caller.run(Call(method="GET", path=path, pool=pool, params=_texts(params)), form)

    async def _private(self, path: str, form: type[T], **params: object) -> T:
        return await self._signed("GET", path, _texts(params), form=form)

    async def _signed(
        self,
        method: str,
        path: str,
        params: dict[str, str] | None = None,
        body: object = None,
        *,
        form: type[T],
        urgent: bool = False,
        patience_s: float | None = None,
        withheld: Callable[[], str] | None = None,
    ) -> T:
        """One signed call, never repeated unless it reads. `body` is JSON text, or a value that becomes it."""
        pool = pool_of(method, path)
        if pool is None:
            raise Refused(
                f"polotui does not sign {method} {path[:60]}.",
                safe="Nothing was sent.",
                next_step="Withdrawals and transfers are done on the exchange's own site.",
            )
        if self.read_only and method != "GET":
            raise Refused(
                f"This connection only reads, so {method} {path[:60]} is refused.",
                safe="Nothing was sent.",
                next_step="Live orders need the armed gateway.",
            )
        text = body if isinstance(body, str) else "" if body is None else msgspec.json.encode(body).decode()
        call = Call(
            method=method,
            path=path,
            pool=pool,
            params=params or {},
            body=text,
            signed=True,
            urgent=urgent,
            patience_s=patience_s,
            withheld=withheld,
        )
        return await self._caller.run(call, form)

    # Reference data

    async def server_time(self) -> int:
        """The exchange's time in milliseconds."""
        reply = await self._public("/timestamp", wire.ServerTime)
        return reply.serverTime

    async def markets(self) -> list[Market]:
        rows = await self._public("/markets", list[wire.MarketWire], Pool.PUBLIC_HEAVY)
        return [row.value() for row in rows]

    async def market(self, symbol: str) -> Market:
        """The exchange answers with an array of one."""
        path = f"/markets/{path_part(symbol)}"
        rows = await self._public(path, list[wire.MarketWire])
        return _only(rows, path).value()

    async def currencies(self, *, multi_chain: bool = False) -> list[wire.Currency]:
        rows = await self._public(
            "/currencies",
            list[dict[str, wire.Currency]],
            Pool.PUBLIC_HEAVY,
            includeMultiChainCurrencies=multi_chain or None,
        )
        return wire.currencies(rows)

    async def currency(self, code: str) -> wire.Currency:
        path = f"/currencies/{path_part(code)}"
        row = await self._public(path, dict[str, wire.Currency], Pool.PUBLIC_HEAVY)
        return _only(wire.currencies([row]), path)

    async def currencies_v2(self) -> list[wire.CurrencyV2]:
        return await self._public("/v2/currencies", list[wire.CurrencyV2], Pool.PUBLIC_HEAVY)

    async def currency_v2(self, code: str) -> wire.CurrencyV2:
        path = f"/v2/currencies/{path_part(code)}"
        return await self._public(path, wire.CurrencyV2, Pool.PUBLIC_HEAVY)

    # Prices

    async def prices(self) -> list[wire.Price]:
        return await self._public("/markets/price", list[wire.Price])

    async def price(self, symbol: str) -> wire.Price:
        return await self._public(f"/markets/{path_part(symbol)}/price", wire.Price)

    async def mark_prices(self) -> list[wire.MarkPrice]:
        return await self._public("/markets/markPrice", list[wire.MarkPrice])

    async def mark_price(self, symbol: str) -> wire.MarkPrice:
        return await self._public(f"/markets/{path_part(symbol)}/markPrice", wire.MarkPrice)

    async def mark_price_parts(self, symbol: str) -> wire.MarkPriceParts:
        path = f"/markets/{path_part(symbol)}/markPriceComponents"
        return await self._public(path, wire.MarkPriceParts)

    async def tickers(self) -> list[Ticker]:
        rows = await self._public("/markets/ticker24h", list[wire.TickerWire], Pool.PUBLIC_HEAVY)
        return [row.value() for row in rows]

    async def ticker(self, symbol: str) -> Ticker:
        path = f"/markets/{path_part(symbol)}/ticker24h"
        row = await self._public(path, wire.TickerWire, Pool.PUBLIC_HEAVY)
        return row.value()

    async def order_book(self, symbol: str, *, limit: int = 20, scale: str | None = None) -> BookView:
        if limit not in BOOK_LIMITS:
            raise UsageError(f"A book of {limit} levels cannot be asked for; there are {BOOK_LIMITS}.")
        path = f"/markets/{path_part(symbol)}/orderBook"
        row = await self._public(path, wire.BookWire, limit=limit, scale=scale)
        return row.value(symbol)

    async def candles(
        self,
        symbol: str,
        frame: Timeframe,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = MOST_CANDLES,
    ) -> list[Candle]:
        """Oldest first. `closed` is judged by the exchange's time when it is known."""
        rows = await self._public(
            f"/markets/{path_part(symbol)}/candles",
            list[wire.CandleWire],
            interval=wire.INTERVALS[frame],
            startTime=start_ms,
            endTime=end_ms,
            limit=min(limit, MOST_CANDLES),
        )
        now_ms = self.offset.now_ms()
        return wire.candles(rows, self._clock.wall_ms() if now_ms is None else now_ms)

    async def trades(self, symbol: str, *, limit: int = 500) -> list[Trade]:
        """The last public trades, oldest first."""
        rows = await self._public(
            f"/markets/{path_part(symbol)}/trades",
            list[wire.TradeWire],
            Pool.PUBLIC_HEAVY,
            limit=min(limit, MOST_TRADES),
        )
        return sorted((row.value() for row in rows), key=lambda trade: trade.id)

    async def collateral(self) -> list[wire.Collateral]:
        return await self._public("/markets/collateralInfo", list[wire.Collateral])

    async def collateral_of(self, currency: str) -> wire.Collateral:
        path = f"/markets/{path_part(currency)}/collateralInfo"
        return await self._public(path, wire.Collateral)

    async def borrow_rates(self) -> list[wire.BorrowTier]:
        return await self._public("/markets/borrowRatesInfo", list[wire.BorrowTier])

    # Own account

    async def accounts(self) -> list[wire_account.AccountState]:
        rows = await self._private("/accounts", list[wire_account.AccountWire])
        return [wire_account.AccountState(str(row.account_id), row.account_type, row.account_state) for row in rows]

    async def balances(self) -> list[Account]:
        rows = await self._private("/accounts/balances", list[wire_account.AccountBalancesWire])
        return [row.value() for row in rows]

    async def account_balances(self, account_id: str) -> Account:
        path = f"/accounts/{path_part(account_id)}/balances"
        return _only(await self._private(path, list[wire_account.AccountBalancesWire]), path).value()

    async def activity(self, **filters: object) -> list[wire_account.Activity]:
        """Filters as the exchange names them: startTime, endTime, activityType, limit, from, direction, currency."""
        rows = await self._private("/accounts/activity", list[wire_account.ActivityWire], **filters)
        return [row.value() for row in rows]

    async def fee_info(self) -> FeeInfo:
        row = await self._private("/feeinfo", wire_account.FeeInfoWire)
        return row.value()

    async def open_orders(self, symbol: str | None = None, **filters: object) -> list[Order]:
        """Filters: side, from, direction, limit."""
        rows = await self._private("/orders", list[wire_account.OrderWire], symbol=symbol, **filters)
        return [row.value() for row in rows]

    async def order(self, order_id: str) -> Order:
        row = await self._private(f"/orders/{path_part(order_id)}", wire_account.OrderWire)
        return row.value()

    async def order_by_client_id(self, client_id: str) -> Order:
        row = await self._private(f"/orders/cid:{path_part(client_id)}", wire_account.OrderWire)
        return row.value()

    async def order_history(self, **filters: object) -> list[Order]:
        """Newest first. Filters: type, side, symbol, from, direction, states, limit, hideCancel, startTime, endTime."""
        rows = await self._private("/orders/history", list[wire_account.OrderWire], **filters)
        return [row.value() for row in rows]

    async def fills(self, **filters: object) -> list[Fill]:
        """Own trades, newest first. Filters: limit, startTime, endTime, from (a page id), direction, symbols."""
        return [row.value() for row in await self._private("/trades", list[wire_account.FillWire], **filters)]

    async def order_fills(self, order_id: str) -> list[Fill]:
        path = f"/orders/{path_part(order_id)}/trades"
        return [row.value() for row in await self._private(path, list[wire_account.FillWire])]

    async def kill_switch(self) -> wire_account.KillSwitch:
        """Raises RequestRefused with code 25020 when it is not armed."""
        return await self._private("/orders/killSwitchStatus", wire_account.KillSwitch)


def _texts(params: dict[str, Any]) -> dict[str, str]:
    """Query values as text; None is left out, booleans are lower case."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in params.items()
        if value is not None
    }


def _only(rows: list[T], what: str) -> T:
    if len(rows) != 1:
        raise BadReply(what, f"one element was expected, {len(rows)} came")
    return rows[0]
