"""The whole simulator with its background playing: what a client rebuilds from frames is the exchange's truth."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.simulator.client import Client, running

SYMBOLS = ["BTC_USDT", "ETH_USDT"]


class Rebuilt:
    """A book kept by the published rules."""

    def __init__(self) -> None:
        self.last = 0
        self.sides: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}

    def take(self, action: str, data: dict[str, Any]) -> None:
        if action == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        else:
            assert data["lastId"] == self.last
        self.last = data["id"]
        for side, levels in self.sides.items():
            for price, total in data[side]:
                if Decimal(total):
                    levels[Decimal(price)] = Decimal(total)
                else:
                    # A deletion never names an unknown level.
                    del levels[Decimal(price)]


async def _act(client: Client, number: int) -> None:
    """A user trades in the middle of it all."""
    account = client.simulator.exchange.ledger.accounts["demo-key"]
    exchange = client.simulator.exchange
    if number % 3 == 0:
        exchange.place(account, {"symbol": "BTC_USDT", "side": "BUY", "amount": "5"})
    elif number % 3 == 1:
        bid = exchange.market("ETH_USDT").book.best(0)
        assert bid is not None
        price = f"{(bid - 1) / 100:.2f}"
        terms = {"symbol": "ETH_USDT", "side": "BUY", "type": "LIMIT", "price": price, "quantity": "0.01"}
        exchange.place(account, terms)
    elif account.open:
        exchange.request_cancel(account, str(next(iter(account.open))))


@pytest.mark.parametrize("seed_activity", [50.0, 200.0])
async def test_books_rebuilt_from_frames_equal_the_exchange_at_every_id(seed_activity: float) -> None:
    async with running(symbols=2, quiet_market=False, activity=seed_activity) as client, client.socket() as ear:
        await ear.subscribe("book_lv2", "trades", symbols=SYMBOLS)
        books = {symbol: Rebuilt() for symbol in SYMBOLS}
        ids: dict[str, int] = {}
        compared = 0
        while compared < 600:
            message = await ear.hear()
            if "data" not in message:
                continue
            data = message["data"][0]
            symbol = data["symbol"]
            if message["channel"] == "trades":
                assert int(data["id"]) == ids.get(symbol, int(data["id"]) - 1) + 1
                ids[symbol] = int(data["id"])
                continue
            book = books[symbol]
            book.take(message["action"], data)
            truth = client.simulator.exchange.book_lv2(symbol, data["id"])
            assert truth is not None
            assert sorted(book.sides["bids"].items(), reverse=True) == truth.bids
            assert sorted(book.sides["asks"].items()) == truth.asks
            compared += 1
            if compared % 20 == 0:
                await _act(client, compared // 20)
        assert set(ids) == set(SYMBOLS)
        assert client.simulator.exchange.ledger.imbalance() == {}


async def test_a_private_client_can_keep_its_balances_from_frames_alone() -> None:
    async with running(symbols=2, quiet_market=False, activity=100.0) as client, client.socket("private") as ear:
        await ear.subscribe("orders", symbols=["all"])
        await ear.subscribe("balances")
        assert [(await ear.hear())["channel"] for _ in range(2)] == ["orders", "balances"]
        known: dict[str, tuple[Decimal, Decimal, int]] = {}
        fees: dict[str, Decimal] = {}
        for number in range(30):
            await _act(client, number)
        client.simulator.model.stop()
        account = client.simulator.exchange.ledger.accounts["demo-key"]
        while True:
            settled = not any(order.state == "PENDING_CANCEL" for order in account.open.values())
            told = all(account.balance(name).version == version for name, (_, _, version) in known.items())
            if known and settled and told:
                break
            message = await ear.hear()
            row = message["data"][0]
            if message["channel"] == "balances":
                before = known.get(row["currency"])
                assert before is None or row["version"] == before[2] + 1
                known[row["currency"]] = (Decimal(row["available"]), Decimal(row["hold"]), row["version"])
            elif row["eventType"] == "trade":
                fees[row["feeCurrency"]] = fees.get(row["feeCurrency"], Decimal(0)) + Decimal(row["tradeFee"])
        assert {"USDT", "BTC"} <= set(known)
        for currency, (available, hold, _) in known.items():
            balance = account.balance(currency)
            assert (available, hold) == (balance.available, balance.hold)
        assert fees
        assert all(client.simulator.exchange.ledger.fees[currency] >= paid for currency, paid in fees.items())
