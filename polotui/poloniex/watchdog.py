"""When a stream counts as dead, and how long to wait before the next try. Small parts, so that each can be tested alone.

Decided here (reference: «Spot WebSocket, general»; the server drops a client that is silent for 30 s and closes without a
word): we ping every 8 s. Silence of 15 s, pongs counted, ends the connection: a half-open socket is found within that.
Reconnects wait a random part of a growing ceiling (full jitter), at most twelve a minute, and the ceiling falls back only
after a minute of healthy data.
"""

from __future__ import annotations

from collections import deque

from polotui.core.clock import Clock
from polotui.core.ids import Chance

PING_SECONDS = 8.0
SILENCE_SECONDS = 15.0
HEALTHY_SECONDS = 60.0
FIRST_CEILING = 0.5
LAST_CEILING = 30.0
ATTEMPTS_PER_MINUTE = 12


class Watchdog:
    """Notes what arrives and says when the connection is dead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard = clock.monotonic()

    def heard(self, now: float) -> None:
        """Anything arrived."""
        self._heard = now

    def left(self) -> float:
        """Seconds until the connection counts as dead; 0 or less: it is."""
        return SILENCE_SECONDS - (self._clock.monotonic() - self._heard)


class Backoff:
    """Pauses between attempts to connect."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._ceiling = FIRST_CEILING
        self._attempts: deque[float] = deque(maxlen=ATTEMPTS_PER_MINUTE)
        self._healthy_since: float | None = None

    def attempt(self) -> None:
        """An attempt begins."""
        self._attempts.append(self._clock.monotonic())
        self._healthy_since = None

    def healthy(self) -> None:
        """Data flows."""
        now = self._clock.monotonic()
        if self._healthy_since is None:
            self._healthy_since = now
        elif now - self._healthy_since >= HEALTHY_SECONDS:
            self._ceiling = FIRST_CEILING

    def pause(self) -> float:
        """Seconds to wait before the next attempt; raises the ceiling."""
        pause = self._chance.jitter(self._ceiling)
        self._ceiling = min(self._ceiling * 2, LAST_CEILING)
        now = self._clock.monotonic()
        if len(self._attempts) == ATTEMPTS_PER_MINUTE:
            pause = max(pause, 60.0 - (now - self._attempts[0]))
        return pause
