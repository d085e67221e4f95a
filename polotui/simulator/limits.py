"""How many requests per second somebody may make.

Decided here: plain one-second windows on the monotonic clock, one per (who, class). Public classes count per
address, private ones per user, as the real exchange says. Windows of callers gone quiet are dropped.
"""

from __future__ import annotations

from polotui.simulator.refusals import Refusal

_MOST_WINDOWS = 10_000


class RateLimits:
    """Counts requests; refuses those over the limit."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], tuple[int, int]] = {}
        self.refused = 0

    def spend(self, who: str, kind: str, limit: int, now: float) -> None:
        """Counts one request, or refuses it with 429."""
        second = int(now)
        seen, count = self._windows.get((who, kind), (second, 0))
        count = count + 1 if seen == second else 1
        if len(self._windows) > _MOST_WINDOWS:
            self._windows = {key: value for key, value in self._windows.items() if value[0] == second}
        self._windows[(who, kind)] = (second, count)
        if count > limit:
            self.refused += 1
            raise Refusal(429, "Too many requests", status=429)
