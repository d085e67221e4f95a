"""The exchange's time: sample choice, error bound, wall clock without a say, refusal when unknown."""

from __future__ import annotations

import asyncio

import pytest

from polotui.core.ids import Chance
from polotui.poloniex.clock_offset import ClockOffset
from polotui.poloniex.errors import ClockSkewed, NotReached
from tests.poloniex.virtual import LoopClock, run

SERVER_AHEAD_MS = 300_000


class Server:
    """An exchange whose clock is ahead, behind a line with unequal ways."""

    def __init__(self, clock: LoopClock, seed: str = "line") -> None:
        self.clock = clock
        self.line = Chance(seed)
        self.asked = 0
        self.down = False

    def now_ms(self) -> float:
        return self.clock.epoch_ms + SERVER_AHEAD_MS + self.clock.monotonic() * 1000

    async def __call__(self) -> int:
        self.asked += 1
        if self.down:
            raise NotReached("GET /timestamp", "down")
        await asyncio.sleep(self.line.uniform(0.005, 0.2))
        told = int(self.now_ms())
        await asyncio.sleep(self.line.uniform(0.005, 0.2))
        return told


@pytest.mark.parametrize("seed", range(20))
def test_the_error_is_at_most_half_the_shortest_round_trip(seed: int) -> None:
    async def main() -> None:
        clock = LoopClock()
        server = Server(clock, str(seed))
        offset = ClockOffset(server, clock)
        await offset.ensure()
        assert server.asked == 5
        now, error = offset.now_ms(), offset.error_ms
        assert now is not None
        assert error is not None
        # One millisecond is the server's own rounding.
        assert abs(now - server.now_ms()) <= error + 1
        assert error < 200
        assert offset.sign_ms() <= server.now_ms() + 1

    run(main())


def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    async def main() -> None:
        clock = LoopClock()
        server = Server(clock)
        offset = ClockOffset(server, clock)
        await offset.ensure()
        before = offset.now_ms()
        clock.skew_ms = -10_000
        assert offset.now_ms() == before
        assert offset.due()

    run(main())


def test_it_is_measured_again_after_five_minutes_and_when_forgotten() -> None:
    async def main() -> None:
        clock = LoopClock()
        server = Server(clock)
        offset = ClockOffset(server, clock)
        await offset.ensure()
        await offset.ensure()
        assert server.asked == 5
        await asyncio.sleep(301)
        await offset.ensure()
        assert server.asked == 10
        offset.forget()
        await offset.ensure()
        assert server.asked == 15

    run(main())


def test_nothing_is_signed_while_the_time_is_unknown_or_too_uncertain() -> None:
    async def slow() -> int:
        await asyncio.sleep(8)
        return 1

    async def main() -> None:
        clock = LoopClock()
        offset = ClockOffset(slow, clock)
        with pytest.raises(ClockSkewed, match="not known yet"):
            offset.sign_ms()
        await offset.ensure()
        with pytest.raises(ClockSkewed, match=r"only known to 4\.0 s"):
            offset.sign_ms()

    run(main())


def test_an_old_reading_outlives_an_unreachable_exchange_but_not_a_sleeping_machine() -> None:
    async def main() -> None:
        clock = LoopClock()
        server = Server(clock)
        offset = ClockOffset(server, clock)
        await offset.ensure()
        server.down = True
        await asyncio.sleep(400)
        await offset.ensure()
        assert offset.known
        clock.skew_ms = 60_000
        with pytest.raises(NotReached):
            await offset.ensure()

    run(main())


def test_many_askers_measure_once() -> None:
    async def main() -> None:
        clock = LoopClock()
        server = Server(clock)
        offset = ClockOffset(server, clock)
        await asyncio.gather(*(offset.ensure() for _ in range(10)))
        assert server.asked == 5

    run(main())
