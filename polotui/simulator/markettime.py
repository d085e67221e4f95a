"""Market time: what the exchange's data is stamped with.

Decided here: with `speed` X market time runs X times faster than the wall clock, from the moment of the start. All
market data, orders and fills carry market time. `serverTime`, the window of a signature, kill switches and rate
limits stay on the wall clock, or no client could sign. At speed 1 both agree. `skew_ms` (a fault) moves both.
"""

from __future__ import annotations

from polotui.core.clock import Clock


class MarketTime:
    """Wall and market clock of one exchange."""

    def __init__(self, clock: Clock, speed: float = 1.0) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self.speed = speed
        self.start_ms = clock.wall_ms()
        self.skew_ms = 0

    def wall_ms(self) -> int:
        return self._clock.wall_ms() + self.skew_ms

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def elapsed(self) -> float:
        """Market seconds since the start."""
        return (self._clock.monotonic() - self._started) * self.speed

    def now_ms(self) -> int:
        return self.start_ms + round(self.elapsed() * 1000) + self.skew_ms
