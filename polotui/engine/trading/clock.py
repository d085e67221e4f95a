"""The time that trading is stamped with: the market's.

Decided here:
* It is the exchange's time where that is known, else the machine's; it runs ahead with the market when the market does
  (a demo at sixty times the speed), so that fills stand where their candles stand. A real market may run ahead by a
  minute at most: one wrong timestamp must not begin another trading day. It keeps the clock that minute ahead until the
  next start.
* It never goes backwards, also not after a restart on a machine whose clock was set back: days and latches count by it.
  Where it is ahead of the truth it goes at half speed until the truth has caught up; standing still it would put all
  orders of minutes into one second, which the gate allows few in.
* Durations are measured with the monotonic clock of the machine, like everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from polotui.core.clock import Clock

#: How far a real market's time may be ahead of the exchange's, or of the machine's while that is not known.
MOST_AHEAD_MS = 60_000
#: How fast it goes while it is ahead of the truth.
CATCH_UP = 0.5


class TradingClock:
    """A `Clock` for everything that trades."""

    def __init__(
        self,
        clock: Clock,
        exchange_ms: Callable[[], int | None],
        market_ms: Callable[[], int],
        *,
        most_ahead_ms: int | None = None,
    ) -> None:
        """`most_ahead_ms` None: the market may run ahead as far as it likes."""
        self._most_ahead_ms = most_ahead_ms
        self._clock = clock
        self._exchange_ms = exchange_ms
        self._market_ms = market_ms
        self._latest = 0.0
        self._asked_at = clock.monotonic()

    def wall_ms(self) -> int:
        now, market = self._now_ms(), self._market_ms()
        if self._most_ahead_ms is not None:
            market = min(market, now + self._most_ahead_ms)
        at = self._clock.monotonic()
        passed_ms, self._asked_at = (at - self._asked_at) * 1000, at
        self._latest = max(now, market, self._latest + passed_ms * CATCH_UP if self._latest else 0.0)
        return int(self._latest)

    def sure_ms(self) -> int:
        """The time as no stamp of a real market and no stored row has moved it. A demo's market is its clock, also when
        it begins anew behind the rows of the one before."""
        now = self._now_ms()
        return now if self._most_ahead_ms is not None else max(now, self._market_ms())

    def _now_ms(self) -> int:
        asked = self._exchange_ms()
        return self._clock.wall_ms() if asked is None else asked

    def not_before(self, at_ms: int) -> None:
        """A stored row is that late: nothing new is earlier."""
        self._latest = max(self._latest, float(at_ms))

    def monotonic(self) -> float:
        return self._clock.monotonic()
