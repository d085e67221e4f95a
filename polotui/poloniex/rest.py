"""Poloniex spot over REST: every public endpoint and the private reads.

Decided here: reads are repeated with full jitter until an overall deadline, because a read changes nothing; anything else
is sent once. This client is read-only: a signed method other than GET is refused before it is signed. Signing waits for
the clock offset; a refused timestamp measures it again and asks once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from polotui.core.clock import Clock
from polotui.core.errors import ExchangeError
from polotui.core.ids import Chance
from polotui.model.account import Account, FeeInfo, Fill, Order
from polotui.model.candles import Candle, Timeframe
from polotui.model.market import BookView, Ticker, Trade
from polotui.model.symbols import Market
from polotui.poloniex import signing, wire
from polotui.poloniex.clock_offset import ClockOffset
from polotui.poloniex.errors import BadReply, ClockSkewed, ExchangeBusy, ExchangeDown, NotReached, ReadOnly, of_status
from polotui.poloniex.limits import Limits
from polotui.poloniex.transport import Answer, HttpTransport

T = TypeVar("T")

#: Our timeframes by the exchange's words. Others it has (10 m, 2 h, 6 h, 12 h, 3 d, 1 w) are built from lower ones.
INTERVALS = {
    Timeframe.M1: "MINUTE_1",
    Timeframe.M5: "MINUTE_5",
    Timeframe.M15: "MINUTE_15",
    Timeframe.M30: "MINUTE_30",
    Timeframe.H1: "HOUR_1",
    Timeframe.H4: "HOUR_4",
    Timeframe.D1: "DAY_1",
}
RECV_WINDOW_MS = 10_000
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0


class SpotRest:
    """The client. `key` and `secret` empty: public calls only."""

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        chance: Chance,
        key: str = "",
        secret: str = "",
        deadline_s: float = 30.0,
        retry_for_s: float = 20.0,
    ) -> None:
        self._transport = HttpTransport(base_url, deadline_s)
        self._clock = clock
        self._chance = chance
        self._key = key
        self._secret = secret
        self._retry_for = retry_for_s
        self.limits = Limits(clock)
        self.offset = ClockOffset(clock)
        self._measuring = asyncio.Lock()

    @property
    def host(self) -> str:
        return self._transport.host

    @property
    def has_key(self) -> bool:
        return bool(self._key)

    async def close(self) -> None:
        await self._transport.close()

    # -- public ---------------------------------------------------------------------------------------------------

    async def server_time(self) -> int:
        """The exchange's clock in ms; adds a sample to `offset`."""
        sent = self._clock.wall_ms()
        reply = await self._get("/timestamp", {}, wire.ServerTime, "public-light")
        self.offset.add(reply.serverTime, sent, self._clock.wall_ms())
        return reply.serverTime

    async def markets(self) -> list[Market]:
        rows = await self._get("/markets", {}, list[wire.WireMarket], "public-heavy")
        return [row.market() for row in rows]

    async def market(self, symbol: str) -> Market:
        rows = await self._get(f"/markets/{symbol}", {}, list[wire.WireMarket], "public-light")
        if not rows:
            raise BadReply(f"No market {symbol} in the answer.", safe="Nothing of it was used.")
        return rows[0].market()

    async def currencies(self) -> dict[str, Any]:
        """Currencies by name, as the exchange describes them (version 1: objects of one key)."""
        rows = await self._get(
            "/currencies", {"includeMultiChainCurrencies": "false"}, list[dict[str, Any]], "public-heavy"
        )
        return wire.single_key(rows)

    async def currency(self, name: str) -> dict[str, Any]:
        reply = await self._get(f"/currencies/{name}", {}, dict[str, Any], "public-heavy")
        inner: dict[str, Any] = reply[name]
        return inner

    async def currencies_v2(self) -> list[dict[str, Any]]:
        return await self._get("/v2/currencies", {}, list[dict[str, Any]], "public-heavy")

    async def currency_v2(self, name: str) -> dict[str, Any]:
        return await self._get(f"/v2/currencies/{name}", {}, dict[str, Any], "public-heavy")

    async def prices(self) -> list[wire.WirePrice]:
        return await self._get("/markets/price", {}, list[wire.WirePrice], "public-light")

    async def price(self, symbol: str) -> wire.WirePrice:
        return await self._get(f"/markets/{symbol}/price", {}, wire.WirePrice, "public-light")

    async def mark_prices(self) -> list[wire.WireMarkPrice]:
        return await self._get("/markets/markPrice", {}, list[wire.WireMarkPrice], "public-light")

    async def mark_price(self, symbol: str) -> wire.WireMarkPrice:
        return await self._get(f"/markets/{symbol}/markPrice", {}, wire.WireMarkPrice, "public-light")

    async def mark_price_components(self, symbol: str) -> dict[str, Any]:
        return await self._get(f"/markets/{symbol}/markPriceComponents", {}, dict[str, Any], "public-light")

    async def tickers(self) -> list[Ticker]:
        """24 h figures of all symbols in one call."""
        rows = await self._get("/markets/ticker24h", {}, list[wire.WireTicker], "public-heavy")
        return [row.ticker() for row in rows]

    async def ticker(self, symbol: str) -> Ticker:
        row = await self._get(f"/markets/{symbol}/ticker24h", {}, wire.WireTicker, "public-heavy")
        return row.ticker()

    async def order_book(self, symbol: str, limit: int = 20) -> BookView:
        """`limit` is 5, 10, 20, 50, 100 or 150. The answer carries no sequence number."""
        reply = await self._get(f"/markets/{symbol}/orderBook", {"limit": limit}, wire.WireBook, "public-light")
        return reply.view(symbol)

    async def trades(self, symbol: str, limit: int = 500) -> list[Trade]:
        """The newest public trades, newest first, at most 1,000."""
        rows = await self._get(f"/markets/{symbol}/trades", {"limit": limit}, list[wire.WireTrade], "public-heavy")
        return [row.trade() for row in rows]

    async def candles(
        self, symbol: str, frame: Timeframe, start_ms: int = 0, end_ms: int = 0, limit: int = 500
    ) -> list[Candle]:
        """Candles that open in [start, end), oldest first, at most 500; the newest ones when there are more.

        The last one may still be forming: `closed` is False while its end lies ahead on the exchange's clock.
        """
        params: dict[str, str | int] = {"interval": INTERVALS[frame], "limit": limit}
        if start_ms:
            params["startTime"] = start_ms
        if end_ms:
            params["endTime"] = end_ms - 1
        rows = await self._get(f"/markets/{symbol}/candles", params, list[list[Any]], "public-light")
        return sorted((wire.candle_of(row) for row in rows), key=lambda candle: candle.open_ms)

    async def collateral_info(self) -> list[dict[str, Any]]:
        return await self._get("/markets/collateralInfo", {}, list[dict[str, Any]], "public-light")

    async def borrow_rates(self) -> list[dict[str, Any]]:
        return await self._get("/markets/borrowRatesInfo", {}, list[dict[str, Any]], "public-light")

    # -- private reads --------------------------------------------------------------------------------------------

    async def accounts(self) -> list[Account]:
        rows = await self._signed_get("/accounts", {}, list[wire.WireAccount], "private-light")
        return [row.account() for row in rows]

    async def balances(self) -> list[Account]:
        """Every account with its balances. Currencies with nothing may be absent."""
        rows = await self._signed_get("/accounts/balances", {}, list[wire.WireAccount], "private-light")
        return [row.account() for row in rows]

    async def account_balances(self, account_id: str) -> Account:
        rows = await self._signed_get(
            f"/accounts/{account_id}/balances", {}, list[wire.WireAccount], "private-light"
        )
        if not rows:
            raise BadReply(f"No account {account_id} in the answer.", safe="Nothing of it was used.")
        return rows[0].account()

    async def activity(self, limit: int = 100, from_id: int = 0) -> list[wire.WireActivity]:
        params: dict[str, str | int] = {"limit": limit}
        if from_id:
            params["from"] = from_id
        return await self._signed_get("/accounts/activity", params, list[wire.WireActivity], "private-heavy")

    async def fees(self) -> FeeInfo:
        reply = await self._signed_get("/feeinfo", {}, wire.WireFees, "private-heavy")
        return reply.fees()

    async def open_orders(self, symbol: str = "", limit: int = 2000) -> list[Order]:
        params: dict[str, str | int] = {"limit": limit}
        if symbol:
            params["symbol"] = symbol
        rows = await self._signed_get("/orders", params, list[wire.WireOrder], "private-heavy")
        return [row.order() for row in rows]

    async def order(self, order_id: str = "", *, client_id: str = "") -> Order:
        """One order by its id or by our client id. RequestRefused with code 21301: the exchange does not know it."""
        name = f"cid:{client_id}" if client_id else order_id
        reply = await self._signed_get(f"/orders/{name}", {}, wire.WireOrder, "private-light")
        return reply.order()

    async def order_history(self, limit: int = 100, from_id: str = "", symbol: str = "") -> list[Order]:
        params: dict[str, str | int] = {"limit": limit}
        if from_id:
            params["from"] = from_id
        if symbol:
            params["symbol"] = symbol
        rows = await self._signed_get("/orders/history", params, list[wire.WireOrder], "private-heavy")
        return [row.order() for row in rows]

    async def fills(self, limit: int = 100, from_page: str = "", symbols: tuple[str, ...] = ()) -> list[Fill]:
        """Own trades, newest first; `from_page` is the `page_id` of the last row received."""
        params: dict[str, str | int] = {"limit": limit}
        if from_page:
            params["from"] = from_page
        if symbols:
            params["symbols"] = ",".join(symbols)
        rows = await self._signed_get("/trades", params, list[wire.WireFill], "private-heavy")
        return [row.fill() for row in rows]

    async def order_fills(self, order_id: str) -> list[Fill]:
        rows = await self._signed_get(f"/orders/{order_id}/trades", {}, list[wire.WireFill], "private-light")
        return [row.fill() for row in rows]

    # -- sending --------------------------------------------------------------------------------------------------

    async def _get(self, path: str, params: Mapping[str, str | int], kind: type[T], bucket: str) -> T:
        target = f"{path}?{signing.encode_query(params)}" if params else path

        async def once() -> Answer:
            return await self._transport.send("GET", target, {}, "")

        return self._decode(await self._repeat(once, bucket), kind)

    async def _signed_get(self, path: str, params: Mapping[str, str | int], kind: type[T], bucket: str) -> T:
        async def once() -> Answer:
            return await self._signed("GET", path, params)

        return self._decode(await self._repeat(once, bucket), kind)

    async def _signed(self, method: str, path: str, params: Mapping[str, str | int], body: str = "") -> Answer:
        if method != "GET":
            raise ReadOnly(f"This client is read-only: {method} {path} was refused.", safe="Nothing was sent.")
        if not self.offset.known:
            await self.measure_offset()
        target = f"{path}?{signing.encode_query(params)}" if params else path
        head = signing.headers(self._key, self._secret, method, path, self.offset.server_ms(), params, body)
        head["recvWindow"] = str(RECV_WINDOW_MS)
        return await self._transport.send(method, target, head, body)

    async def measure_offset(self, samples: int = 3) -> None:
        """Adds samples of the exchange's clock. Raises what `server_time` raises."""
        async with self._measuring:
            for _ in range(samples):
                await self.server_time()

    async def _repeat(self, once: Any, bucket: str) -> Answer:
        """Sends a read until it is answered, refused or the time for it is over."""
        limit = self.limits.of(bucket)
        end = self._clock.monotonic() + self._retry_for
        pause = _FIRST_PAUSE
        clock_tries = 0
        while True:
            await limit.take()
            wait = 0.0
            try:
                answer: Answer = await once()
                if answer.status == 200:
                    return answer
                error = self._error(answer)
                if isinstance(error, ExchangeBusy):
                    wait = (error.retry_after_ms or 0) / 1000
                    limit.block(wait)
                elif isinstance(error, ClockSkewed) and not clock_tries:
                    clock_tries = 1
                    self.offset.forget()
                    continue
                elif not isinstance(error, ExchangeDown):
                    raise error
                else:
                    wait = (error.retry_after_ms or 0) / 1000
            except NotReached as failure:
                error = failure
            wait = max(wait, self._chance.jitter(pause))
            if self._clock.monotonic() + wait >= end:
                raise error
            await asyncio.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _error(self, answer: Answer) -> ExchangeError:
        retry_after = None if answer.retry_after_s is None else round(answer.retry_after_s * 1000)
        try:
            body = msgspec.json.decode(answer.body, type=wire.ErrorBody)
        except (msgspec.DecodeError, UnicodeDecodeError):
            body = wire.ErrorBody(message=answer.body[:80].decode("utf-8", "replace"))
        return of_status(answer.status, body.code, body.message or body.msg, retry_after)

    def _decode(self, answer: Answer, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadReply(
                f"The answer of {self.host} is not what its documentation says: {error}.",
                safe="Nothing of it was used.",
                next_step="If it stays so, polotui needs an update for a changed exchange.",
            ) from error
