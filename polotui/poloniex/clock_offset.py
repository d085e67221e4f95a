"""What time is it at the exchange?

Decided here: the answer is anchored to the monotonic clock, never to the wall clock, so a wall clock that is wrong or
stepped cannot spoil a signature. Of several samples the one with the shortest round trip counts; its error is at
most half that round trip. A measurement older than five minutes is taken again, and `forget` asks for a new one
after the exchange complained or the machine slept (wall and monotonic clock then move apart).

A signature is dated at the earliest time it could be at the exchange, because the exchange tolerates one second of
future but many of past.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from polotui.core.clock import Clock
from polotui.poloniex.errors import ClockSkewed, NotReached

SAMPLES = 5
REMEASURE_S = 300.0
#: More than this between what the two local clocks counted means that the machine slept or its clock was set.
JUMP_MS = 5_000


class Measured(msgspec.Struct, frozen=True):
    """One reading: the exchange's time at a monotonic instant, and how wrong it can be."""

    server_ms: float
    monotonic: float
    wall_ms: int
    error_ms: float


class ClockOffset:
    """The exchange's time, kept from samples that `ask` fetches (milliseconds as the exchange says them)."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[int]],
        clock: Clock,
        *,
        samples: int = SAMPLES,
        remeasure_s: float = REMEASURE_S,
        tolerance_ms: float = 2_500,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._samples = samples
        self._remeasure_s = remeasure_s
        self._tolerance_ms = tolerance_ms
        self._measured: Measured | None = None
        self._turn = asyncio.Lock()

    @property
    def known(self) -> bool:
        return self._measured is not None

    @property
    def error_ms(self) -> float | None:
        """How wrong the estimate can be: half the shortest round trip. None when nothing is known."""
        return None if self._measured is None else self._measured.error_ms

    def offset_ms(self) -> float | None:
        """Exchange time minus this machine's wall clock."""
        now = self.now_ms()
        return None if now is None else now - self._clock.wall_ms()

    def now_ms(self) -> int | None:
        """The exchange's time now, None when it was never measured."""
        last = self._measured
        if last is None:
            return None
        return round(last.server_ms + (self._clock.monotonic() - last.monotonic) * 1000)

    def sign_ms(self) -> int:
        """The time to put under a signature. Raises ClockSkewed when it is unknown or too uncertain."""
        last, now = self._measured, self.now_ms()
        if last is None or now is None:
            raise ClockSkewed("The exchange's time is not known yet, so nothing can be signed.")
        if last.error_ms > self._tolerance_ms:
            raise ClockSkewed(f"The exchange's time is only known to {last.error_ms / 1000:.1f} s.")
        return now - round(last.error_ms)

    def due(self) -> bool:
        """True when nothing is known, the reading is old, or the local clocks moved apart since."""
        last = self._measured
        if last is None:
            return True
        elapsed_s = self._clock.monotonic() - last.monotonic
        return elapsed_s > self._remeasure_s or self._jumped(last, elapsed_s)

    def _jumped(self, last: Measured, elapsed_s: float) -> bool:
        by_wall_ms = self._clock.wall_ms() - last.wall_ms
        return abs(by_wall_ms - elapsed_s * 1000) > JUMP_MS

    def forget(self) -> None:
        """The reading is not believed any more: the next signature waits for a new one."""
        self._measured = None

    async def ensure(self) -> None:
        """Measures when due. Keeps an old reading when a new one cannot be had and the clocks agree."""
        if not self.due():
            return
        async with self._turn:
            if not self.due():
                return
            last = self._measured
            try:
                await self.measure()
            except NotReached:
                if last is None or self._jumped(last, self._clock.monotonic() - last.monotonic):
                    raise

    async def measure(self) -> Measured:
        """Takes the samples and keeps the one with the shortest round trip."""
        best: Measured | None = None
        for _ in range(self._samples):
            started = self._clock.monotonic()
            server_ms = await self._ask()
            ended = self._clock.monotonic()
            half_ms = (ended - started) * 500
            if best is None or half_ms < best.error_ms:
                best = Measured(float(server_ms), (started + ended) / 2, self._clock.wall_ms(), half_ms)
        if best is None:
            raise ClockSkewed("No sample of the exchange's time was taken.")
        self._measured = best
        return best
