"""The time that trading is stamped with: the market's.

Decided here:
* It is the exchange's time where that is known, else the machine's; it runs ahead with the market when the market does
  (a demo at sixty times the speed), so that fills stand where their candles stand.
* It never goes backwards, also not after a restart on a machine whose clock was set back: days and latches count by it.
* Durations are measured with the monotonic clock of the machine, like everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from polotui.core.clock import Clock


class TradingClock:
    """A `Clock` for everything that trades."""

    def __init__(self, clock: Clock, exchange_ms: Callable[[], int | None], market_ms: Callable[[], int]) -> None:
        self._clock = clock
        self._exchange_ms = exchange_ms
        self._market_ms = market_ms
        self._latest = 0

    def wall_ms(self) -> int:
        now = self._exchange_ms()
        latest = max(self._clock.wall_ms() if now is None else now, self._market_ms(), self._latest)
        self._latest = latest
        return latest

    def not_before(self, at_ms: int) -> None:
        """A stored row is that late: nothing new is earlier."""
        self._latest = max(self._latest, at_ms)

    def monotonic(self) -> float:
        return self._clock.monotonic()
