"""An unmodified third-party client believes the simulator is the exchange: ccxt sync, async and pro."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.simulator.client import Client, running

ccxt = pytest.importorskip("ccxt", reason="ccxt comes with the peers extra")
ccxt_async = pytest.importorskip("ccxt.async_support")
ccxt_pro = pytest.importorskip("ccxt.pro")

pytestmark = pytest.mark.peer
SYMBOL = "BTC/USDT"


def _options(client: Client) -> dict[str, Any]:
    rest, ws = f"http://127.0.0.1:{client.port}", f"ws://127.0.0.1:{client.port}/ws"
    api = {"spot": rest, "swap": rest, "ws": {"public": f"{ws}/public", "private": f"{ws}/private"}}
    return {"apiKey": client.key, "secret": client.secret, "urls": {"api": api}, "enableRateLimit": False}


def _trade_with(exchange: Any) -> dict[str, Any]:
    """What a person would try first, with ccxt's blocking client."""
    seen: dict[str, Any] = {"markets": exchange.load_markets(), "ticker": exchange.fetch_ticker(SYMBOL)}
    seen["book"] = exchange.fetch_order_book(SYMBOL)
    seen["candles"] = exchange.fetch_ohlcv(SYMBOL, "1h", limit=24)
    seen["before"] = exchange.fetch_balance()
    resting = exchange.create_order(SYMBOL, "limit", "buy", 0.001, 50_000)
    seen["open"] = exchange.fetch_open_orders(SYMBOL)
    exchange.cancel_order(resting["id"], SYMBOL)
    exchange.create_order(SYMBOL, "market", "buy", 0.001, None, {"cost": 100})
    exchange.create_order(SYMBOL, "market", "sell", 0.0005)
    seen["trades"] = exchange.fetch_trades(SYMBOL)
    seen["mine"] = exchange.fetch_my_trades(SYMBOL)
    seen["after"] = exchange.fetch_balance()
    with pytest.raises(ccxt.InsufficientFunds):
        exchange.create_order(SYMBOL, "limit", "buy", 10, 50_000)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("12345", SYMBOL)
    return seen


async def test_the_blocking_client_trades() -> None:
    async with running() as client:
        seen = await asyncio.to_thread(_trade_with, ccxt.poloniex(_options(client)))
        assert client.simulator.exchange.ledger.imbalance() == {}
    assert set(seen["markets"]) == {"BTC/USDT", "ETH/USDT", "SOL/USDT"}
    market = seen["markets"][SYMBOL]
    assert (market["precision"]["price"], market["limits"]["cost"]["min"]) == (0.01, 1)
    assert seen["ticker"]["bid"] < seen["ticker"]["ask"]
    assert (len(seen["book"]["bids"]), len(seen["candles"])) == (10, 24)
    assert [order["price"] for order in seen["open"]] == [50_000]
    assert {trade["side"] for trade in seen["mine"]} == {"buy", "sell"}
    assert {trade["id"] for trade in seen["mine"]} <= {trade["id"] for trade in seen["trades"]}
    assert seen["after"]["BTC"]["total"] > seen["before"]["BTC"]["total"]


async def test_a_wrong_secret_is_refused_in_words_the_client_passes_on() -> None:
    async with running() as client:
        exchange = ccxt_async.poloniex(_options(client) | {"secret": "wrong"})
        try:
            with pytest.raises(ccxt.ExchangeError, match="Invalid Apikey or Signature"):
                await exchange.fetch_balance()
        finally:
            await exchange.close()


async def test_the_async_client_reads_and_trades() -> None:
    async with running() as client:
        exchange = ccxt_async.poloniex(_options(client))
        try:
            await exchange.load_markets()
            order = await exchange.create_order("ETH/USDT", "limit", "sell", 0.01, 5000)
            fetched = await exchange.fetch_order(order["id"], "ETH/USDT")
            assert (fetched["status"], fetched["price"]) == ("open", 5000)
            edited = await exchange.edit_order(order["id"], "ETH/USDT", "limit", "sell", 0.02, 5001)
            await exchange.cancel_all_orders("ETH/USDT")
            assert edited["id"] != order["id"]
            assert (await exchange.fetch_trading_fees())["BTC/USDT"]["taker"] == 0.002
            assert (await exchange.fetch_currencies())["BTC"]["code"] == "BTC"
        finally:
            await exchange.close()


async def test_the_streaming_client_sees_markets_move() -> None:
    async with running(quiet_market=False, activity=40.0) as client:
        exchange = ccxt_pro.poloniex(_options(client))
        try:
            await exchange.load_markets()
            async with asyncio.timeout(30):
                trades = await exchange.watch_trades(SYMBOL)
                book = await exchange.watch_order_book(SYMBOL)
                for _ in range(20):
                    book = await exchange.watch_order_book(SYMBOL)
                    assert book["bids"][0][0] < book["asks"][0][0]
                    assert (len(book["bids"]), len(book["asks"])) == (20, 20)
                ticker = await exchange.watch_ticker(SYMBOL)
                candles = await exchange.watch_ohlcv(SYMBOL, "1m")
            assert trades[-1]["price"] > 0
            assert ticker["last"] > 0
            assert candles[-1][2] >= candles[-1][3]
        finally:
            await exchange.close()


async def test_the_streaming_client_sees_its_orders_and_balances() -> None:
    async with running() as client:
        exchange = ccxt_pro.poloniex(_options(client))
        try:
            await exchange.load_markets()
            async with asyncio.timeout(30):
                # Authenticated first, then both channels are known to the server before the order comes.
                await exchange.authenticate()
                orders = asyncio.ensure_future(exchange.watch_orders())
                balance = asyncio.ensure_future(exchange.watch_balance())
                streams = client.simulator.streams
                while not streams.has_listeners("orders", "all") or not streams.has_listeners("balances", ""):
                    await asyncio.sleep(0.01)
                placed = await exchange.create_order(SYMBOL, "limit", "buy", 0.001, 50_000)
                seen, money = await orders, await balance
            assert (seen[0]["id"], seen[0]["status"]) == (placed["id"], "open")
            assert (money["USDT"]["free"], money["USDT"]["used"]) == (9950, 50)
        finally:
            await exchange.close()
