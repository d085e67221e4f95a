"""How far the exchange's clock is from ours.

Decided here: offset = server time minus the middle of our times before and after the request; of several samples the
one with the shortest round trip counts, so the error is at most half of that round trip. Until it is known nothing is
signed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from polotui.core.clock import Clock

SAMPLES = 5
MEASURE_SECONDS = 300.0


@dataclass(frozen=True)
class Sample:
    offset_ms: float
    round_trip_ms: float


class ClockOffset:
    """The newest samples and what follows from them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)

    def add(self, server_ms: int, sent_ms: int, received_ms: int) -> None:
        self._samples.append(Sample(server_ms - (sent_ms + received_ms) / 2, max(0, received_ms - sent_ms)))

    def forget(self) -> None:
        """After a refused timestamp: the old samples are wrong."""
        self._samples.clear()

    @property
    def known(self) -> bool:
        return bool(self._samples)

    @property
    def best(self) -> Sample | None:
        """The sample with the shortest round trip."""
        return min(self._samples, key=lambda sample: sample.round_trip_ms, default=None)

    def server_ms(self) -> int:
        """What the exchange's clock says now, as far as we know."""
        best = self.best
        return self._clock.wall_ms() + (round(best.offset_ms) if best else 0)
