"""What the invariants must catch: each defect is planted into the product for one run, and names who has to find it.

A defect is a context manager that replaces one small part of the product, as a careless change might. None of these
switches exists in the product itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from polotui.core.clock import Clock
from polotui.engine.hub import Hub, Ring
from polotui.market.book import Applied, GapCheck
from polotui.market.feed import MarketFeed
from polotui.market.freshness import ChannelState, Freshness
from polotui.market.trade_log import TradeLog
from polotui.poloniex.backoff import Backoff
from polotui.poloniex.clock_offset import ClockOffset
from polotui.poloniex.limits import Bucket, Limits
from polotui.poloniex.streams import Stream
from polotui.poloniex.watchdog import Watchdog

Plant = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Defect:
    """`caught_by` names the invariants of which at least one must fail; `seeds` are tried until one does."""

    plant: Plant
    caught_by: tuple[str, ...]
    seeds: tuple[int, ...] = (7, 8, 5, 6)
    hours: float = 0.15


DEFECTS: dict[str, Defect] = {}


def defect(
    *caught_by: str, seeds: tuple[int, ...] = (7, 8, 5, 6), hours: float = 0.15
) -> Callable[[Callable[[], Iterator[None]]], Plant]:
    def register(function: Callable[[], Iterator[None]]) -> Plant:
        plant = contextmanager(function)
        DEFECTS[function.__name__.replace("_", " ")] = Defect(plant, caught_by, seeds, hours)
        return plant

    return register


@defect("no_stale_book_shown_as_live", "book_equals_the_exchanges")
def no_gap_check() -> Iterator[None]:
    def judge(self: GapCheck, book_id: int, last_id: int, new_id: int) -> Applied:
        return Applied.APPLIED

    with patch.object(GapCheck, "judge", judge):
        yield


@defect("half_open_found", "silence_is_seen")
def no_watchdog() -> Iterator[None]:
    with patch.object(Watchdog, "verdict", lambda self, now: ""):
        yield


@defect("silence_is_seen", "trades_once_and_in_order", "everything_is_live_again", seeds=(5, 7, 8, 6), hours=0.3)
def ping_only_watchdog() -> Iterator[None]:
    """The socket answers pings, so everything on it counts as fresh."""

    def state(self: Freshness, channel: str, symbol: str) -> ChannelState:
        return ChannelState(True, 0.0, None)

    with patch.object(Freshness, "state", state), patch.object(Freshness, "stale", lambda self: []):
        yield


@defect("trades_once_and_in_order")
def no_dedupe() -> Iterator[None]:
    def add(self: TradeLog, trade: Any) -> list[Any]:
        self._high = max(self._high or 0, trade.id)
        return [trade]

    with patch.object(TradeLog, "add", add), patch.object(TradeLog, "is_duplicate", lambda self, trade: False):
        yield


@defect("trades_once_and_in_order")
def max_id_backfill() -> Iterator[None]:
    """The largest id seen counts as the mark up to which nothing is missing."""
    add = TradeLog.add

    def jumping(self: TradeLog, trade: Any) -> list[Any]:
        if self._high is not None and trade.id > self._high:
            self._high = trade.id - 1
        return add(self, trade)

    with patch.object(TradeLog, "add", jumping):
        yield


@defect("retry_after_is_obeyed", seeds=(3, 4, 12))
def retry_after_ignored() -> Iterator[None]:
    with (
        patch.object(Bucket, "block", lambda self, seconds: None),
        patch.object(Limits, "block_all", lambda self, seconds: None),
    ):
        yield


@defect("pauses_are_jittered")
def no_jitter() -> Iterator[None]:
    def next_wait_s(self: Backoff) -> float:
        wait = self.ceiling_s()
        self.failures += 1
        return wait

    with patch.object(Backoff, "next_wait_s", next_wait_s):
        yield


@defect("attempts_are_bounded", "run_ends", seeds=(6, 7, 8, 5))
def retry_without_sleep() -> Iterator[None]:
    with patch.object(Backoff, "next_wait_s", lambda self: 0.0):
        yield


@defect("no_reconnect_without_cause", "half_open_found", "silence_is_seen", seeds=(12, 7, 8, 5))
def wall_clock_for_durations() -> Iterator[None]:
    """Deadlines of the stream are measured with the clock that people set."""

    class WallClock:
        def __init__(self, clock: Clock) -> None:
            self._clock = clock

        def wall_ms(self) -> int:
            return self._clock.wall_ms()

        def monotonic(self) -> float:
            return self._clock.wall_ms() / 1000

    made = Stream.__init__

    def on_wall_time(self: Stream, *arguments: Any, clock: Clock, **options: Any) -> None:
        made(self, *arguments, clock=WallClock(clock), **options)

    with patch.object(Stream, "__init__", on_wall_time):
        yield


@defect("signed_reads_pass")
def no_clock_offset() -> Iterator[None]:
    with patch.object(ClockOffset, "sign_ms", lambda self: self._clock.wall_ms()):
        yield


@defect("ends_when_told", "run_ends")
def swallowed_cancelled_error() -> Iterator[None]:
    run = MarketFeed.run

    async def stubborn(self: MarketFeed) -> None:
        while True:
            try:
                await run(self)
            except asyncio.CancelledError:
                continue

    with patch.object(MarketFeed, "run", stubborn):
        yield


@defect("memory_is_bounded", hours=0.4)
def unbounded_queue() -> Iterator[None]:
    made = Ring.__init__

    def unbounded(self: Ring) -> None:
        made(self)
        self.items = deque()

    with patch.object(Ring, "__init__", unbounded):
        yield


@defect("faces_get_every_trade_or_are_told")
def a_trade_dropped_under_conflation() -> Iterator[None]:
    """Trades are conflated like states: a slow face gets the newest one and is told nothing."""
    whole = Hub.trades_for

    def newest(self: Hub, subscriber: Any, topic: str) -> Any:
        import msgspec

        batch = whole(self, subscriber, topic)
        return batch and msgspec.structs.replace(batch, trades=batch.trades[-1:])

    with patch.object(Hub, "trades_for", newest):
        yield
