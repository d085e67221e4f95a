"""A chart's candles and overlay lines in the face, kept together while tails and older pages arrive.

Decided here: candles and lines are merged by the candle's open time; a tail that does not join (a gap, a new
revision) asks for the whole series again and changes nothing.
"""

from __future__ import annotations

from polotui.api.events import ChartTail
from polotui.api.replies import CandleSeries
from polotui.api.values import OverlayLine
from polotui.model.candles import Candle, Timeframe

#: Enough for weeks of minutes; more is loaded again when scrolled to.
LIMIT = 6000


class Series:
    """One symbol, timeframe and set of overlays."""

    def __init__(self, symbol: str, timeframe: str, overlays: tuple[str, ...]) -> None:
        self.symbol = symbol
        self.timeframe = timeframe
        self.overlays = overlays
        self.candles: list[Candle] = []
        self.lines: dict[str, list[float | None]] = {}
        self.owner: dict[str, str] = {}
        self.more = False
        self.revision = 0
        self.stale_since_ms = 0
        self.loaded = False
        self.loading = False
        self.fault = ""
        self.retry_at = 0.0
        """Monotonic time before which a failed load is not tried again."""

    @property
    def step_ms(self) -> int:
        return Timeframe.parse(self.timeframe).ms

    def replace(self, reply: CandleSeries) -> None:
        """The newest page: everything anew."""
        self.candles = list(reply.candles)
        self.lines, self.owner = {}, {}
        for line in reply.lines:
            self.owner[line.name] = line.overlay
            self.lines[line.name] = _aligned(line, len(self.candles))
        self.more = reply.more
        self.revision = reply.revision
        self.stale_since_ms = 0
        self.loaded = True
        self.fault = ""

    def prepend(self, reply: CandleSeries) -> int:
        """An older page in front; returns how many candles it brought."""
        first = self.candles[0].open_ms if self.candles else 1 << 62
        count = sum(1 for candle in reply.candles if candle.open_ms < first)
        room = max(0, LIMIT - len(self.candles))
        cut = max(0, count - room)
        incoming = {line.name: _aligned(line, len(reply.candles)) for line in reply.lines}
        self.candles = reply.candles[cut:count] + self.candles
        for name, values in self.lines.items():
            old = incoming.get(name, [None] * len(reply.candles))
            self.lines[name] = old[cut:count] + values
        self.more = reply.more and cut == 0 and count > 0
        return count - cut

    def merge(self, tail: ChartTail) -> bool:
        """The end of the chart. False: it does not join, load the series again."""
        if not self.loaded or tail.revision != self.revision:
            return False
        self.stale_since_ms = tail.stale_since_ms
        for index, candle in enumerate(tail.candles):
            last = self.candles[-1].open_ms if self.candles else candle.open_ms - self.step_ms
            if candle.open_ms > last + self.step_ms:
                return False
            if candle.open_ms > last:
                self.candles.append(candle)
                for values in self.lines.values():
                    values.append(None)
                place = -1
            else:
                back = (last - candle.open_ms) // self.step_ms
                place = -1 - int(back)
                if back >= len(self.candles) or self.candles[place].open_ms != candle.open_ms:
                    continue
                self.candles[place] = candle
            for line in tail.lines:
                if line.name in self.lines and index < len(line.values):
                    self.lines[line.name][place] = line.values[index]
        extra = len(self.candles) - LIMIT
        if extra > 0:
            del self.candles[:extra]
            for values in self.lines.values():
                del values[:extra]
            self.more = True
        return True


def _aligned(line: OverlayLine, count: int) -> list[float | None]:
    values = list(line.values[-count:]) if count else []
    return [None] * (count - len(values)) + values


def chart_topic(symbol: str, timeframe: str, overlays: tuple[str, ...]) -> str:
    return f"chart:{symbol}:{timeframe}:{','.join(overlays)}"
