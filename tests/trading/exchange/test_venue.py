"""Orders over real HTTP and WebSocket: placed, filled, cancelled, and the money to the last digit."""

from __future__ import annotations

from decimal import Decimal

from polotui.model.orders import OrderState, OrderType
from tests.trading.exchange.bench import running

S = OrderState


async def test_a_limit_order_rests_and_goes() -> None:
    async with running() as bench:
        terms = bench.desk.new("BUY", price="50000", quantity="0.001")
        placed = await bench.submit(terms)
        assert (placed.state, bool(placed.venue_id)) == (S.ACCEPTED, True)
        assert [order.client_id for order in await bench.venue.open_orders()] == [terms.id]
        await bench.cancel(terms)
        await bench.until(lambda: bench.desk.state(terms.id) is S.CANCELLED)
        assert await bench.venue.open_orders() == []
        assert bench.money_agrees()


async def test_market_orders_fill_and_every_fee_is_known() -> None:
    async with running() as bench:
        buy = bench.desk.new("BUY", amount="1000")
        assert (await bench.submit(buy)).state is S.ACCEPTED
        await bench.until(lambda: bench.desk.state(buy.id) is S.FILLED)
        sell = bench.desk.new("SELL", quantity="0.003")
        await bench.submit(sell)
        await bench.until(lambda: bench.desk.state(sell.id) is S.FILLED)
        assert bench.desk.filled(sell.id) == Decimal("0.003")
        assert {fill.fee_currency for fill in bench.desk.fills.values()} == {"BTC", "USDT"}
        assert all(fill.fee > 0 for fill in bench.desk.fills.values())
        assert bench.money_agrees()


async def test_a_refusal_is_told_with_the_exchanges_code() -> None:
    async with running() as bench:
        poor = bench.desk.new("BUY", price="50000", quantity="10")
        placed = await bench.submit(poor)
        assert (placed.state, placed.code) == (S.REJECTED, "21709")
        small = await bench.submit(bench.desk.new("BUY", price="50000", quantity="0.000001"))
        assert (small.state, small.code) == (S.REJECTED, "21322")
        assert bench.money_agrees()


async def test_a_maker_order_that_would_take_ends_without_a_fill() -> None:
    async with running() as bench:
        terms = bench.desk.new("BUY", price="90000", quantity="0.001", type=OrderType.LIMIT_MAKER)
        await bench.submit(terms)
        await bench.until(lambda: bench.desk.state(terms.id) is S.CANCELLED)
        assert bench.desk.fills == {}
