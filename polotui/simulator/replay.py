"""Plays recordings into recorded markets, at the recorded pace times the speed, for ever.

Decided here: frames keep their recorded distances; their times are shifted to now. The depth differences are
applied in full and the market publishes the best twenty levels. At the end of a recording it starts over: the book
is replaced as a whole and every `book_lv2` subscriber gets a fresh, unsolicited snapshot; trade ids go on rising.
Before the recording there are no candles; there is no history to invent.

Limit: a recording without a REST snapshot near its beginning starts with an empty book that fills as levels change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from polotui.simulator.exchange import GRACE, Exchange, Later, Timer
from polotui.simulator.matching import BUY, SELL
from polotui.simulator.recorded import SIDE_OF_FIELD, RecordedMarket, Recording, frames

if TYPE_CHECKING:
    from polotui.simulator.streams import Streams

# The most frames one waking handles before others get a turn.
_SLICE = 500


class Tape:
    """One symbol's recording while it plays."""

    def __init__(self, exchange: Exchange, streams: Streams, market: RecordedMarket, recording: Recording) -> None:
        self._exchange = exchange
        self._streams = streams
        self._market = market
        self._recording = recording
        self._frames: Iterator[tuple[int, dict[str, Any]]] = iter(())
        self._first_ns = 0
        self._known = 0
        self._shift = 0.0
        self._next: tuple[float, dict[str, Any]] | None = None
        self.rounds = 0
        self.rewind(0.0)

    @property
    def due(self) -> float:
        """Recorded seconds from the start of the replay until the next frame."""
        return self._next[0] if self._next is not None else float("inf")

    def rewind(self, shift: float) -> None:
        """Starts over with a clean book."""
        market = self._market
        self._frames = frames(self._recording.files)
        self._first_ns, self._shift = 0, shift
        snapshot = self._recording.snapshot
        market.clear()
        self._known = 0
        if snapshot is not None:
            self._known = int(snapshot["lastUpdateId"])
            for name, side in (("bids", BUY), ("asks", SELL)):
                for price, total in snapshot[name]:
                    market.set_level(side, market.ticks(price), market.steps(total))
        market.publish(self._exchange.time.now_ms())
        self._fetch()
        if self.rounds:
            self._streams.book_replaced(market)
        self.rounds += 1

    def step(self) -> None:
        """Plays the next frame."""
        assert self._next is not None
        at, data = self._next
        if data["e"] == "trade":
            self._trade(data)
        else:
            self._depth(data)
        self._fetch()
        if self._next is None:
            self.rewind(at + 0.1)

    def _fetch(self) -> None:
        self._next = None
        for stamp, frame in self._frames:
            self._first_ns = self._first_ns or stamp
            data = frame.get("data", {})
            if data.get("e") in ("trade", "depthUpdate"):
                self._next = ((stamp - self._first_ns) / 1e9 + self._shift, data)
                return

    def _depth(self, data: dict[str, Any]) -> None:
        market = self._market
        if data["u"] <= self._known:
            return
        for field, side in SIDE_OF_FIELD:
            for price, total in data[field]:
                market.set_level(side, market.ticks(price), market.steps(total))
        if market.state != "NORMAL":
            return
        bid, ask = market.book.best(BUY), market.book.best(SELL)
        if bid is not None and ask is not None:
            market.mark_price = (bid + ask) // 2
        self._fill(market.filled_by_book())
        self._exchange.publish(market)

    def _trade(self, data: dict[str, Any]) -> None:
        market = self._market
        if market.state != "NORMAL":
            return
        price, quantity = market.ticks(data["p"]), market.steps(data["q"])
        taker_side = SELL if data["m"] else BUY
        trade = market.print_trade(price, quantity, taker_side, self._exchange.time.now_ms())
        self._exchange.watcher.traded(market, trade)
        self._fill(market.filled_by_trade(price, quantity, taker_side))
        self._exchange.traded(market)

    def _fill(self, fills: list[Any]) -> None:
        for resting, quantity in fills:
            self._exchange.fill_maker(self._market, resting, quantity)


class Replay:
    """All tapes on one timer."""

    def __init__(self, exchange: Exchange, streams: Streams, recordings: list[Recording], later: Later) -> None:
        self._exchange = exchange
        self._later = later
        self.tapes: list[Tape] = []
        for recording in recordings:
            market = exchange.market(recording.spec.symbol)
            assert isinstance(market, RecordedMarket)
            self.tapes.append(Tape(exchange, streams, market, recording))
        self._started = 0.0
        self._timer: Timer | None = None

    def start(self) -> None:
        self._started = self._exchange.time.monotonic()
        self._arm()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _played(self) -> float:
        return (self._exchange.time.monotonic() - self._started) * self._exchange.time.speed

    def _arm(self) -> None:
        left = min(tape.due for tape in self.tapes) - self._played()
        self._timer = self._later(max(0.0, left / self._exchange.time.speed), self._moment)

    def _moment(self) -> None:
        # A timer may wake a rounding error early; without this grace it would wake again and again.
        now = self._played() + GRACE
        for _ in range(_SLICE):
            tape = min(self.tapes, key=lambda tape: tape.due)
            if tape.due > now:
                break
            tape.step()
        self._arm()
