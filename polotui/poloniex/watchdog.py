"""Is the connection alive? A verdict from times alone.

Decided here: three independent reasons to call a socket dead. A ping that is not answered in time, whatever else
arrives, because then what we send does not arrive. Nothing at all for `silence_s`. And a ping that could not even be
sent, which the stream reports itself. Whether a single channel went silent is not judged here: pings keep being
answered then, and only whoever knows the channel's normal pace can tell (`polotui.market.freshness`).

With a ping each 8 s and 5 s for the answer a half-open socket is found after 13 s at the latest.
"""

from __future__ import annotations

_LEAST_S = 0.001


class Watchdog:
    """The times of one connection."""

    def __init__(self, now: float, *, ping_s: float, pong_s: float, silence_s: float) -> None:
        self._ping_s = ping_s
        self._pong_s = pong_s
        self._silence_s = silence_s
        self.opened_at = now
        self.frame_at = now
        self._ping_at = now
        self._waiting_for_pong = False

    def frame(self, now: float) -> None:
        """Something was received."""
        self.frame_at = now

    def pong(self, now: float) -> None:
        self._waiting_for_pong = False

    def pinged(self, now: float) -> None:
        self._ping_at = now
        self._waiting_for_pong = True

    def ping_due(self, now: float) -> bool:
        return not self._waiting_for_pong and now - self._ping_at >= self._ping_s - _LEAST_S

    def verdict(self, now: float) -> str:
        """Why the connection is dead; empty while it is alive."""
        if self._waiting_for_pong and now - self._ping_at >= self._pong_s - _LEAST_S:
            return f"no pong within {self._pong_s:g} s"
        if now - self.frame_at >= self._silence_s - _LEAST_S:
            return f"no message for {self._silence_s:g} s"
        return ""

    def next_look_s(self, now: float) -> float:
        """Seconds until `ping_due` or `verdict` can change by time alone."""
        of_ping = self._ping_at + (self._pong_s if self._waiting_for_pong else self._ping_s)
        return max(_LEAST_S, min(of_ping, self.frame_at + self._silence_s) - now)
