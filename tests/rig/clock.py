"""Clocks under the rig: virtual time plus what is wrong with this machine's clock."""

from __future__ import annotations

from tests.rig.loop import SimLoop

#: 2026-06-01 00:00 UTC; any fixed time does.
EPOCH_MS = 1_780_272_000_000


class RigClock:
    """`skew_ms` is how far this clock is off; `drift_ppm` how much further it gets; `step` moves it at once."""

    def __init__(self, loop: SimLoop, *, skew_ms: int = 0, drift_ppm: float = 0.0) -> None:
        self._loop = loop
        self._skew_ms = skew_ms
        self._drift = drift_ppm / 1e6

    def wall_ms(self) -> int:
        return EPOCH_MS + self._skew_ms + int(self._loop.now * 1000 * (1 + self._drift))

    def monotonic(self) -> float:
        return self._loop.now

    def step(self, milliseconds: int) -> None:
        self._skew_ms += milliseconds
