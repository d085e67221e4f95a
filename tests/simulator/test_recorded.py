"""A recording as a market: the tape is not disturbed, users fill against it, it starts over cleanly."""

from __future__ import annotations

import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from polotui.core.errors import ConfigError
from polotui.simulator.faults import Faults
from polotui.simulator.recorded import RecordedMarket, discover
from polotui.simulator.replay import Replay
from polotui.simulator.streams import Streams
from tests.simulator.client import running
from tests.simulator.stage import Stage, rich

SECOND = 1_000_000_000


def _depth(first: int, last: int, bids: list[list[str]], asks: list[list[str]]) -> dict[str, Any]:
    return {"stream": "x", "data": {"e": "depthUpdate", "U": first, "u": last, "b": bids, "a": asks}}


def _trade(price: str, quantity: str, maker_bought: bool) -> dict[str, Any]:
    return {"stream": "x", "data": {"e": "trade", "p": price, "q": quantity, "m": maker_bought}}


SNAPSHOT = {
    "lastUpdateId": 10,
    "bids": [[f"{100 - n}.00000000", "1.00000000"] for n in range(30)],
    "asks": [[f"{101 + n}.00000000", "1.00000000"] for n in range(30)],
}
FRAMES = [
    _depth(8, 9, [["50.00000000", "9.00000000"]], []),
    SNAPSHOT,
    _trade("101.00000000", "0.50000000", False),
    _depth(11, 12, [["100.00000000", "0.00000000"]], [["101.00000000", "0.50000000"]]),
    {"stream": "x", "data": {"u": 1, "b": "1", "B": "1"}},
    _trade("98.00000000", "3.00000000", True),
    _depth(13, 14, [["99.00000000", "0.00000000"], ["98.00000000", "0.00000000"]], [["99.50000000", "2.00000000"]]),
]


def _write(folder: Path, name: str, frames: list[dict[str, Any]]) -> Path:
    path = folder / name
    lines = [f"{1_723_161_253 * SECOND + at * SECOND} {json.dumps(frame)}" for at, frame in enumerate(frames)]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


class Played(Stage):
    """A stage on which a recording plays."""

    def __init__(self, *paths: Path, **config: Any) -> None:
        recordings = discover(paths)
        specs = tuple(recording.spec for recording in recordings)
        super().__init__(rich("a", coin="5"), specs=specs, recordings=paths, **config)
        self.exchange.deposit(self.account(), "BTC", Decimal(5))
        streams = Streams(self.exchange, Faults(self._chance(), self.later), self.later)
        self.exchange.watcher = self
        self.replaced: list[int] = []
        streams.book_replaced = lambda market: self.replaced.append(market.book_id)  # type: ignore[method-assign]
        self.replay = Replay(self.exchange, streams, recordings, self.later)
        self.replay.start()

    @staticmethod
    def _chance() -> Any:
        from polotui.core.ids import Chance

        return Chance(1)

    @property
    def recorded(self) -> RecordedMarket:
        assert isinstance(self.market, RecordedMarket)
        return self.market

    def place(self, **given: Any) -> Any:
        return self.exchange.place(self.account(), {"symbol": "BTC_USDT", **given})


@pytest.fixture
def stage(tmp_path: Path) -> Played:
    return Played(_write(tmp_path, "btcusdt_1.gz", FRAMES))


def test_it_opens_with_the_recorded_snapshot_and_twenty_levels(stage: Played) -> None:
    window = stage.exchange.book_lv2("BTC_USDT")
    assert window is not None
    assert (len(window.bids), len(window.asks)) == (20, 20)
    assert (window.bids[0][0], window.asks[0][0]) == (Decimal(100), Decimal(101))
    assert stage.market.candles("MINUTE_1", 0, 2**52, 10, stage.exchange.time.now_ms())[0].count == 0


def test_trades_and_differences_come_at_the_recorded_pace(stage: Played) -> None:
    first = stage.market.next_trade_id
    stage.advance(2.5)
    assert [(t.id, t.price, t.taker_side) for t in stage.trades] == [(first, 10_100, 0)]
    assert stage.trades[0].created_ms == stage.exchange.time.start_ms + 2000
    stage.advance(1)
    assert (stage.changes[-1].bids[0], stage.changes[-1].asks) == ((10_000, 0), [(10_100, 500_000)])
    assert stage.changes[-1].bids[-1] == (8_000, 1_000_000)
    stage.advance(2)
    assert (stage.trades[-1].taker_side, stage.trades[-1].id) == (1, first + 1)


def test_a_taker_fills_against_the_shown_levels_without_using_them_up(stage: Played) -> None:
    order = stage.place(side="BUY", type="LIMIT", price="102", quantity="1.5", timeInForce="IOC")
    assert order.state == "FILLED"
    assert [(fill.price, fill.quantity) for fill in stage.account().fills] == [(10_100, 1_000_000), (10_200, 500_000)]
    assert stage.trades == []
    assert stage.market.book.best(1) == 10_100
    assert stage.exchange.ledger.imbalance() == {}


def test_a_resting_order_waits_behind_the_recorded_queue(stage: Played) -> None:
    same = stage.place(side="BUY", type="LIMIT", price="98", quantity="5")
    better = stage.place(side="BUY", type="LIMIT", price="99", quantity="0.5")
    stage.advance(5.5)
    # Three traded at 98: half went to the better price, one to those who were there before.
    assert (better.state, better.filled) == ("FILLED", 500_000)
    assert (same.state, same.filled) == ("PARTIALLY_FILLED", 1_500_000)
    assert {fill.role for fill in stage.account().fills} == {"MAKER"}
    assert len(stage.trades) == 2


def test_a_book_that_crosses_an_order_fills_it_at_its_own_price(stage: Played) -> None:
    order = stage.place(side="BUY", type="LIMIT", price="99.6", quantity="0.3")
    stage.advance(5.5)
    assert order.state == "FILLED"
    assert stage.account().fills[-1].price == 9_960
    assert stage.exchange.ledger.imbalance() == {}


def test_a_cancelled_order_is_not_filled_any_more(stage: Played) -> None:
    order = stage.place(side="BUY", type="LIMIT", price="99", quantity="0.5")
    stage.exchange.cancel_now(order)
    stage.advance(20)
    assert order.state == "CANCELED"
    assert stage.account().fills == []


def test_it_starts_over_with_a_clean_book_and_rising_ids(stage: Played) -> None:
    stage.advance(20)
    assert len(stage.replaced) >= 2
    ids = [trade.id for trade in stage.trades]
    assert len(ids) >= 6
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    for before, after in zip(stage.changes, stage.changes[1:], strict=False):
        assert after.id > before.id


def test_a_pause_loses_no_difference(stage: Played) -> None:
    stage.exchange.set_state("BTC_USDT", "PAUSE")
    stage.advance(3.5)
    assert stage.trades == stage.changes[1:] == []
    stage.exchange.set_state("BTC_USDT", "NORMAL")
    stage.advance(2.55)
    assert stage.changes[-1].bids[:3] == [(10_000, 0), (9_900, 0), (9_800, 0)]


def test_files_of_a_symbol_are_joined_in_order(tmp_path: Path) -> None:
    _write(tmp_path, "btcusdt_1.gz", FRAMES[:3])
    _write(tmp_path, "btcusdt_2.gz", FRAMES[3:])
    _write(tmp_path, "ethusdt_1.gz", FRAMES)
    found = discover((tmp_path,))
    assert [(r.spec.symbol, len(r.files)) for r in found] == [("BTC_USDT", 2), ("ETH_USDT", 1)]
    assert found[0].spec.opening_ticks == 10_100


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b"1 {nope", mtime=0), gzip.compress(b"", mtime=0)])
def test_a_broken_recording_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "btcusdt_1.gz").write_bytes(content)
    with pytest.raises(ConfigError, match="btcusdt_1"):
        discover((tmp_path,))


def test_an_empty_folder_and_a_strange_symbol_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No recording"):
        discover((tmp_path,))
    _write(tmp_path, "zzzusdt_1.gz", FRAMES)
    with pytest.raises(ConfigError, match="ZZZUSDT"):
        discover((tmp_path,))


def _real_data() -> Path:
    folder = Path(os.environ.get("POLOTUI_DATA", Path(__file__).parents[3] / "shared" / "data")) / "binance-spot-raw"
    if not folder.is_dir():
        pytest.skip("no recorded market data (POLOTUI_DATA)")
    return folder


def test_the_real_recording_plays_without_a_crossed_or_short_window() -> None:
    stage = Played(_real_data())
    for _ in range(30):
        stage.advance(2)
        for market in stage.exchange.markets.values():
            bids, asks = market.window
            assert (len(bids), len(asks)) == (20, 20)
            assert bids[0][0] < asks[0][0]
    assert len(stage.trades) > 100


async def test_a_recorded_market_is_served(tmp_path: Path) -> None:
    path = _write(tmp_path, "btcusdt_1.gz", FRAMES)
    async with running(recordings=(path,), speed=50.0, quiet_market=False) as client, client.socket() as ear:
        await ear.subscribe("book_lv2", symbols=["BTC_USDT"])
        assert (await ear.until("book_lv2"))["action"] == "snapshot"
        heard = [await ear.until("book_lv2") for _ in range(8)]
        assert "snapshot" in {message["action"] for message in heard}
        assert [row["symbol"] for row in await client.get("/markets")] == ["BTC_USDT"]
