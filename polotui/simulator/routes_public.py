"""The public REST endpoints of the spot exchange."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from polotui.simulator import shapes
from polotui.simulator.candles import INTERVALS
from polotui.simulator.exchange import Exchange
from polotui.simulator.http import Request
from polotui.simulator.market import Market
from polotui.simulator.refusals import Refusal, missing
from polotui.simulator.routes import Routes, number
from polotui.simulator.units import parse, plain, text, whole

_LIMITS = (5, 10, 20, 50, 100, 150)
_COLLATERAL = {"BTC": "0.95", "ETH": "0.95", "USDT": "1"}


class PublicRoutes:
    """Reference data, prices, books, candles and trades."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def register(self, routes: Routes) -> None:
        light, heavy = "public_light", "public_heavy"
        for path, handler, limit in (
            ("/timestamp", self.timestamp, light),
            ("/markets", self.markets, heavy),
            ("/markets/price", self.prices, light),
            ("/markets/markPrice", self.mark_prices, light),
            ("/markets/ticker24h", self.tickers, heavy),
            ("/markets/collateralInfo", self.collaterals, light),
            ("/markets/borrowRatesInfo", self.borrow_rates, light),
            ("/markets/*", self.market, light),
            ("/markets/*/price", self.price, light),
            ("/markets/*/markPrice", self.mark_price, light),
            ("/markets/*/markPriceComponents", self.mark_components, light),
            ("/markets/*/ticker24h", self.ticker, heavy),
            ("/markets/*/orderBook", self.book, light),
            ("/markets/*/candles", self.candles, light),
            ("/markets/*/trades", self.trades, heavy),
            ("/markets/*/collateralInfo", self.collateral, light),
            ("/currencies", self.currencies, heavy),
            ("/currencies/*", self.currency, heavy),
            ("/v2/currencies", self.currencies_v2, heavy),
            ("/v2/currencies/*", self.currency_v2, heavy),
            ("/v3/market/allInstruments", self.instruments, light),
        ):
            routes.add("GET", path, handler, limit)

    def _now(self) -> int:
        return self._exchange.time.now_ms()

    def _market(self, request: Request) -> Market:
        return self._exchange.market(request.parts[0])

    def _all(self) -> list[Market]:
        return list(self._exchange.markets.values())

    def timestamp(self, request: Request) -> object:
        return {"serverTime": self._exchange.time.wall_ms()}

    def markets(self, request: Request) -> object:
        return [shapes.market_row(market) for market in self._all()]

    def market(self, request: Request) -> object:
        return [shapes.market_row(self._market(request))]

    def prices(self, request: Request) -> object:
        return [shapes.price_rest(market, self._now()) for market in self._all()]

    def price(self, request: Request) -> object:
        return shapes.price_rest(self._market(request), self._now())

    def mark_prices(self, request: Request) -> object:
        return [shapes.mark_rest(market, self._now()) for market in self._all()]

    def mark_price(self, request: Request) -> object:
        return shapes.mark_rest(self._market(request), self._now())

    def mark_components(self, request: Request) -> object:
        market = self._market(request)
        price = text(market.mark_price, market.spec.price_scale)
        component = {
            "symbol": market.symbol,
            "symbolPrice": price,
            "weight": "1",
            "convertPrice": price,
            "exchange": "POLONIEX",
        }
        return {"symbol": market.symbol, "ts": self._now(), "markPrice": price, "components": [component]}

    def tickers(self, request: Request) -> object:
        return [shapes.ticker_rest(market, self._now()) for market in self._all()]

    def ticker(self, request: Request) -> object:
        return shapes.ticker_rest(self._market(request), self._now())

    def book(self, request: Request) -> object:
        market = self._market(request)
        limit = number(request.params, "limit", 10, code=24104)
        if limit not in _LIMITS:
            raise Refusal(24104)
        return shapes.book_rest(market, limit, _step(market, request.params), self._now())

    def candles(self, request: Request) -> object:
        market = self._market(request)
        interval = request.params.get("interval")
        if not interval:
            raise missing("interval")
        if interval not in INTERVALS:
            raise Refusal(24102)
        limit = min(500, number(request.params, "limit", 100, code=24104, low=1))
        now = self._now()
        start = number(request.params, "startTime", 0, code=24105)
        end = number(request.params, "endTime", now, code=24103)
        found = market.candles(interval, start, end, limit, now)
        return [shapes.candle_rest(market.spec, interval, candle, now) for candle in found]

    def trades(self, request: Request) -> object:
        market = self._market(request)
        limit = min(1000, number(request.params, "limit", 500, code=24104, low=1))
        newest = list(market.trades)[-limit:]
        return [shapes.trade_rest(market.spec, trade) for trade in reversed(newest)]

    def collaterals(self, request: Request) -> object:
        return [_collateral(name) for name in _COLLATERAL]

    def collateral(self, request: Request) -> object:
        name = request.parts[0].upper()
        if name not in _COLLATERAL:
            raise Refusal(21102)
        return _collateral(name)

    def borrow_rates(self, request: Request) -> object:
        rates = [
            {
                "currency": name,
                "dailyBorrowRate": "0.0001",
                "hourlyBorrowRate": "0.000004166666666666",
                "borrowLimit": "20",
            }
            for name in _COLLATERAL
        ]
        return [{"tier": "TIER1", "rates": rates}]

    def currencies(self, request: Request) -> object:
        chains = request.params.get("includeMultiChainCurrencies", "").lower() == "true"
        ids = shapes.currency_ids(self._exchange)
        return [{name: shapes.currency_row(name, number, chains=chains)} for name, number in ids.items()]

    def currency(self, request: Request) -> object:
        name, number = self._currency(request)
        return {name: shapes.currency_row(name, number)}

    def currencies_v2(self, request: Request) -> object:
        return [shapes.currency_v2_row(*pair) for pair in shapes.currency_ids(self._exchange).items()]

    def currency_v2(self, request: Request) -> object:
        return shapes.currency_v2_row(*self._currency(request))

    def instruments(self, request: Request) -> object:
        """No futures are simulated; clients that load everything need the empty list."""
        return {"code": 200, "msg": "Success", "data": []}

    def _currency(self, request: Request) -> tuple[str, int]:
        name = request.parts[0].upper()
        found = shapes.currency_ids(self._exchange).get(name)
        if found is None:
            raise Refusal(21102)
        return name, found


def _collateral(name: str) -> dict[str, object]:
    return {
        "currency": name,
        "collateralRate": _COLLATERAL[name],
        "initialMarginRate": "0.5",
        "maintenanceMarginRate": "0.1",
    }


def _step(market: Market, params: Mapping[str, str]) -> int:
    """The aggregation step in ticks: a power of ten from the tick upward."""
    given = params.get("scale")
    if not given:
        return 1
    value = parse(given)
    step = None if value is None or value <= 0 else whole(value, market.spec.price_scale)
    if step is None or step < 1 or plain(Decimal(step)).strip("0") != "1":
        raise Refusal(24106)
    return step
