"""The only reader of wall and monotonic time.

Decided here: nothing else in the package calls `time.time`, `time.monotonic` or `datetime.now`; a lint in the
test run fails on it. Every service is handed a `Clock`, so the whole engine runs under virtual time in the
tests, and client and exchange can be given different clocks. Waiting is `asyncio.sleep` and `asyncio.timeout`
on the loop, which the rig replaces as a whole.

Durations come from `monotonic()` only: the wall clock steps when somebody sets it.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970 UTC, as the machine's wall clock says."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never go backwards; for durations."""
        ...


class SystemClock:
    """The clock of this machine."""

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class FrozenClock:
    """A clock that moves only when told to: for tests, snapshots and replays."""

    def __init__(self, wall_ms: int = 1_780_000_000_000, monotonic: float = 1_000.0) -> None:
        self._wall_ms = wall_ms
        self._monotonic = monotonic

    def wall_ms(self) -> int:
        return self._wall_ms

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Moves both readings forward by `seconds`."""
        self._wall_ms += round(seconds * 1000)
        self._monotonic += seconds
