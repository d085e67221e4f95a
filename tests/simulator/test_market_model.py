"""The background keeps every market alive, honest and full."""

from __future__ import annotations

import pytest

from polotui.core.ids import Chance
from polotui.simulator.config import default_symbols
from polotui.simulator.market_model import MarketModel
from polotui.simulator.matching import BUY, SELL
from tests.simulator.stage import Stage


class Lively(Stage):
    """A stage with its background playing."""

    def __init__(self, count: int = 3, seed: int = 11, **config: object) -> None:
        super().__init__(specs=default_symbols(count, seed), **config)
        self.model = MarketModel(self.exchange, Chance(seed), self.later)
        self.model.start()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_window_is_always_full_and_never_crossed(seed: int) -> None:
    stage = Lively(seed=seed)
    for _ in range(60):
        stage.advance(10)
        for market in stage.exchange.markets.values():
            bids, asks = market.window[BUY], market.window[SELL]
            assert (len(bids), len(asks)) == (20, 20)
            assert bids[0][0] < asks[0][0]
            assert market.window[BUY] == market.book.top(BUY, 20)
    assert stage.exchange.ledger.imbalance() == {}


def test_busy_symbols_trade_more_and_ids_have_no_holes() -> None:
    stage = Lively(20)
    stage.advance(600)
    counts = {}
    for symbol, market in stage.exchange.markets.items():
        ids = [trade.id for trade in market.trades]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        counts[symbol] = market.live.current.count + sum(row.count for row in market.live.between(0, 2**62))
    assert counts["BTC_USDT"] > 3 * counts["NEAR_USDT"] > 0
    assert counts["BTC_USDT"] / 600 > 0.3


def test_the_same_seed_plays_the_same_market() -> None:
    def tape(seed: int) -> list[tuple[int, int]]:
        stage = Lively(seed=seed)
        stage.advance(120)
        return [(trade.price, trade.quantity) for trade in stage.trades]

    assert tape(4) == tape(4)
    assert tape(4) != tape(5)


def test_a_resting_order_near_the_price_is_filled_by_the_background() -> None:
    stage = Lively(1, cancel_delay=(0.0, 0.0))
    account = stage.account("a")
    stage.exchange.deposit(account, "BTC", account.balance("COIN").available)
    bid = stage.market.book.best(BUY)
    assert bid is not None
    price = f"{(bid + 1) / 100:.2f}"
    order = stage.exchange.place(
        account, {"symbol": "BTC_USDT", "side": "SELL", "type": "LIMIT", "price": price, "quantity": "0.002"}
    )
    for _ in range(600):
        if not order.is_open:
            break
        stage.advance(1)
    assert order.state == "FILLED"
    assert {fill.role for fill in account.fills} == {"MAKER"}
    assert stage.exchange.ledger.imbalance() == {}


def test_a_paused_symbol_stands_still() -> None:
    stage = Lively(1)
    stage.exchange.set_state("BTC_USDT", "PAUSE")
    before = len(stage.trades), stage.market.book_id
    stage.advance(60)
    assert (len(stage.trades), stage.market.book_id) == before


def test_speed_moves_market_time_and_not_the_wall() -> None:
    stage = Lively(1, speed=60.0)
    wall = stage.exchange.time.wall_ms()
    acts = len(stage.changes)
    stage.advance(60)
    assert stage.exchange.time.wall_ms() == wall + 60_000
    assert stage.exchange.time.now_ms() - stage.exchange.time.start_ms == 3_600_000
    assert stage.trades[-1].created_ms > wall + 3_000_000
    assert len(stage.changes) - acts < 60 * 40
    assert (
        len(stage.market.candles("MINUTE_1", stage.exchange.time.start_ms, 2**52, 500, stage.exchange.time.now_ms()))
        == 60
    )
