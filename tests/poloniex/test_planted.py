"""Planted defects: each is a small subclass, and a check like those of the other files notices it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from polotui.core.ids import Chance
from polotui.poloniex.backoff import Backoff
from polotui.poloniex.calls import Caller
from polotui.poloniex.clock_offset import ClockOffset, Measured
from polotui.poloniex.errors import NotReached
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import SecretSigner
from polotui.poloniex.streams import Stream
from polotui.poloniex.transport import HttpReply
from polotui.poloniex.watchdog import Watchdog
from tests.poloniex.peers import Heard
from tests.poloniex.test_calls import LOST, PRICE, Script, reply
from tests.poloniex.test_streams import World
from tests.poloniex.virtual import LoopClock, run


def rest_of(clock: LoopClock, script: Script, caller: type[Caller] = Caller) -> SpotRest:
    rest = SpotRest(clock=clock, chance=Chance("planted"), http=script, signer=SecretSigner("k", b"s"))
    rest._caller.__class__ = caller
    return rest


class IgnoresRetryAfter(Caller):
    def retry_after_s(self, answer: HttpReply) -> float | None:
        return None


def earliest_request_after_a_429(caller: type[Caller]) -> float:
    async def main() -> float:
        clock = LoopClock()
        script = Script(clock, reply(429, retry_after="7"), PRICE)
        await rest_of(clock, script, caller).price("A_B")
        return script.sent[1][0] - script.sent[0][0]

    return run(main())


def test_retry_after_ignored() -> None:
    assert earliest_request_after_a_429(Caller) >= 7
    assert earliest_request_after_a_429(IgnoresRetryAfter) < 7


class NoPause(Caller):
    def retry_wait_s(self, error: Exception, backoff: Backoff) -> float:
        return 0.0


def shortest_pause_of_reads(caller: type[Caller]) -> float:
    async def main() -> float:
        clock = LoopClock()
        script = Script(clock, LOST)
        with pytest.raises(NotReached):
            await rest_of(clock, script, caller).price("A_B")
        at = [sent[0] for sent in script.sent]
        return min(later - earlier for earlier, later in itertools.pairwise(at))

    return run(main())


def test_a_retry_loop_without_a_pause() -> None:
    assert shortest_pause_of_reads(Caller) > 0
    assert shortest_pause_of_reads(NoPause) == 0


class NoJitter(Backoff):
    def next_wait_s(self) -> float:
        ceiling = self.ceiling_s()
        self.failures += 1
        return ceiling


def attempts_of(count: int, stream: type[Stream]) -> list[list[float]]:
    """When each of several clients tries while the exchange refuses all of them."""

    async def main() -> list[list[float]]:
        clock = LoopClock()
        worlds = [World(clock) for _ in range(count)]
        for world in worlds:
            world.refuse = True
        tasks = [
            asyncio.create_task(stream("ws://x", Heard(), clock=clock, chance=Chance(number), connector=world).run())
            for number, world in enumerate(worlds)
        ]
        await asyncio.sleep(60)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return [world.attempts for world in worlds]

    return run(main())


def test_no_jitter_sends_everybody_back_at_once() -> None:
    class Herd(Stream):
        def make_backoff(self, clock: Any, chance: Chance) -> Backoff:
            return NoJitter(clock, chance)

    def together(stream: type[Stream]) -> bool:
        return len({round(attempts[1], 3) for attempts in attempts_of(8, stream)}) == 1

    assert not together(Stream)
    assert together(Herd)


class NoWatchdog(Watchdog):
    def verdict(self, now: float) -> str:
        return ""


class PingOnly(Watchdog):
    """Takes a sent ping for a sign of life."""

    def pinged(self, now: float) -> None:
        super().pinged(now)
        self.pong(now)
        self.frame(now)


@pytest.mark.parametrize(("watchdog", "found"), [(Watchdog, True), (NoWatchdog, False), (PingOnly, False)])
def test_no_watchdog_and_a_watchdog_that_believes_its_own_pings(watchdog: type[Watchdog], found: bool) -> None:
    class Watched(Stream):
        def make_watchdog(self) -> Watchdog:
            return watchdog(self._clock.monotonic(), ping_s=8, pong_s=5, silence_s=15)

    async def main() -> bool:
        world, heard = World(LoopClock()), Heard()
        task = asyncio.create_task(Watched("ws://x", heard, clock=world.clock, chance=Chance(1), connector=world).run())
        await asyncio.sleep(1)
        world.sockets[0].deaf = True
        await asyncio.sleep(20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len(world.sockets) > 1

    assert run(main()) is found


class NoOffset(ClockOffset):
    def sign_ms(self) -> int:
        return self._clock.wall_ms()


class WallClock(ClockOffset):
    """Counts the time since the measurement with the wall clock."""

    def now_ms(self) -> int | None:
        last: Measured | None = self._measured
        return None if last is None else round(last.server_ms + self._clock.wall_ms() - last.wall_ms)

    def due(self) -> bool:
        return self._measured is None


def signing_error_ms(offset: type[ClockOffset], spoil: Callable[[LoopClock], None]) -> float:
    async def main() -> float:
        clock = LoopClock()
        epoch_ms = clock.epoch_ms

        async def ask() -> int:
            return round(epoch_ms + clock.monotonic() * 1000)

        clock.skew_ms = 60_000
        kept = offset(ask, clock)
        await kept.ensure()
        spoil(clock)
        return abs(kept.sign_ms() - (epoch_ms + clock.monotonic() * 1000))

    return run(main())


def test_no_offset_and_a_wall_clock_for_durations() -> None:
    def step(clock: LoopClock) -> None:
        clock.skew_ms += 10_000

    assert signing_error_ms(ClockOffset, step) <= 1
    assert signing_error_ms(NoOffset, lambda clock: None) >= 59_000
    assert signing_error_ms(WallClock, lambda clock: None) <= 1
    assert signing_error_ms(WallClock, step) >= 9_000


class Unstoppable(Caller):
    async def run(self, call: Any, form: Any) -> Any:
        while True:
            try:
                return await super().run(call, form)
            except asyncio.CancelledError:  # the defect: a cancel is taken for a failure
                return None


def test_a_swallowed_cancel() -> None:
    async def cancelled(caller: type[Caller]) -> bool:
        clock = LoopClock()
        script = Script(clock, reply(429, retry_after="50"), PRICE)
        task = asyncio.create_task(rest_of(clock, script, caller).price("A_B"))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(cancelled(Caller))
    assert not run(cancelled(Unstoppable))


def test_an_unbounded_queue_of_requests() -> None:
    class Unbounded(Stream):
        def _say(self, frames: list[str]) -> None:
            self._outbox.extend(frames)
            self._outbox_filled.set()

    async def most_waiting(stream: type[Stream]) -> int:
        world, heard = World(LoopClock()), Heard()
        kept = stream("ws://x", heard, clock=world.clock, chance=Chance(1), connector=world)
        task = asyncio.create_task(kept.run())
        await heard.until(lambda: heard.phase == "open")
        for number in range(5000):
            kept.subscribe("trades", [f"S{number}_B"])
        waiting = len(kept._outbox)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return waiting

    assert run(most_waiting(Stream)) <= 1000
    assert run(most_waiting(Unbounded)) == 5000
