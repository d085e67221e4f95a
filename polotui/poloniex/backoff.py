"""How long to wait before trying again.

Decided here: «full jitter» (a random time below a ceiling that doubles), so that many clients that lost the same
server do not come back together. A `Backoff` also refuses more than so many attempts a minute, whatever the dice
say. It is reset by the owner after a period of health, never by a mere connection.
"""

from __future__ import annotations

from collections import deque

from polotui.core.clock import Clock
from polotui.core.ids import Chance

MINUTE_S = 60.0


class Backoff:
    """Waiting times of one thing that keeps being tried."""

    def __init__(
        self, clock: Clock, chance: Chance, *, base_s: float = 0.5, cap_s: float = 30.0, per_minute: int = 12
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._base_s = base_s
        self._cap_s = cap_s
        self._attempts: deque[float] = deque(maxlen=per_minute)
        self.failures = 0

    def ceiling_s(self) -> float:
        """The longest wait that the next draw may give."""
        # The exponent is capped because 2.0**1024 overflows after a long outage.
        return min(self._cap_s, self._base_s * 2.0 ** min(self.failures, 30))

    def attempt(self) -> None:
        """Notes that an attempt starts now."""
        self._attempts.append(self._clock.monotonic())

    def next_wait_s(self) -> float:
        """The wait before the next attempt, after one that failed."""
        wait = self._chance.jitter(self.ceiling_s())
        self.failures += 1
        if len(self._attempts) == self._attempts.maxlen:
            wait = max(wait, self._attempts[0] + MINUTE_S - self._clock.monotonic())
        return wait

    def reset(self) -> None:
        """Health is proven: the next failure starts from the base again."""
        self.failures = 0
