"""Rate limits: one token bucket per class of endpoint, below what the exchange documents.

Decided here: 80 % of the documented rate is used, so that a cancel always finds room; a 429 or 418 closes the bucket
until the stated time (one second when none is stated) and nothing of that class goes out before it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from polotui.core.clock import Clock

SHARE = 0.8
#: Requests a second by class (reference: «Rate limits», original documentation).
DOCUMENTED = {"public-light": 200, "public-heavy": 10, "private-light": 50, "private-heavy": 10}


@dataclass(frozen=True)
class Use:
    """Requests of the last second against what is documented. `blocked_for` seconds are still to wait."""

    name: str
    used: int
    capacity: int
    blocked_for: float


class Bucket:
    """Tokens of one class. `take` waits until a request may go out."""

    def __init__(self, name: str, per_second: int, clock: Clock) -> None:
        self.name = name
        self.capacity = per_second
        self._rate = per_second * SHARE
        self._burst = max(1.0, self._rate)
        self._tokens = self._burst
        self._clock = clock
        self._at = clock.monotonic()
        self._blocked_until = 0.0
        self._recent: deque[float] = deque(maxlen=per_second)

    async def take(self) -> None:
        while (pause := self._pause()) > 0:
            await asyncio.sleep(pause)
        self._tokens -= 1
        self._recent.append(self._clock.monotonic())

    def block(self, seconds: float) -> None:
        """Nothing of this class goes out for `seconds`."""
        self._blocked_until = max(self._blocked_until, self._clock.monotonic() + seconds)

    def use(self) -> Use:
        now = self._clock.monotonic()
        used = sum(1 for at in self._recent if now - at < 1.0)
        return Use(self.name, used, self.capacity, max(0.0, self._blocked_until - now))

    def _pause(self) -> float:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if now < self._blocked_until:
            return self._blocked_until - now
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._rate


class Limits:
    """All buckets of one client."""

    def __init__(self, clock: Clock) -> None:
        self._buckets = {name: Bucket(name, rate, clock) for name, rate in DOCUMENTED.items()}

    def of(self, name: str) -> Bucket:
        return self._buckets[name]

    def uses(self) -> list[Use]:
        return [bucket.use() for bucket in self._buckets.values()]
