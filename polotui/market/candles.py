"""The candles of one symbol as they happen: minutes from the stream, all higher ones built from them.

Decided here:
* Only a candle that the feed says is closed is closed. When the next minute begins without that word (the stream
  broke in between), the minute before is a hole and not a guess.
* A hole is reported when it is in the book, and again with each new minute while it lasts, since the exchange may
  not have had the newest minute yet when it was asked. `fill` brings the answer, `note_empty` says that the exchange
  has none. Until then no higher candle that contains the hole is closed.
* Higher candles come from closed minutes here and never from the venue's own. The forming one is what the minutes of
  its window make so far; `whole` says whether its beginning was seen.
* The revision of a series grows when a candle that is not its newest one changed or was put in between.
* Minutes are kept for the current and the last UTC day, which is all that any higher candle can still need.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from polotui.market.minutes import Minutes
from polotui.model.candles import DAY_MS, MINUTE_MS, Candle, Timeframe, merge

Listener = Callable[[str, Timeframe, Candle], None]
HoleFound = Callable[[str, int, int], None]
Window = tuple[int, int]

HIGHER = tuple(frame for frame in Timeframe if frame is not Timeframe.M1)
_KEPT_DAYS = 2
#: Closed candles of a timeframe that stay at hand: history has the rest as soon as they are stored.
KEPT = 30


@dataclass
class CandleSeries:
    """Closed candles of one timeframe, oldest first, at most `keep` of them."""

    frame: Timeframe
    keep: int
    closed: list[Candle] = field(default_factory=list)
    revision: int = 0

    def place(self, candle: Candle) -> str:
        """Puts a closed candle where it belongs: «new» at the end, «revised» before it, «same» or «old» for nothing."""
        if not self.closed or candle.open_ms > self.closed[-1].open_ms:
            self.closed.append(candle)
            if len(self.closed) > self.keep:
                del self.closed[: len(self.closed) - self.keep]
            return "new"
        at = bisect_left(self.closed, candle.open_ms, key=lambda held: held.open_ms)
        if self.closed[at].open_ms == candle.open_ms:
            if self.closed[at] == candle:
                return "same"
            self.closed[at] = candle
        elif at == 0 and len(self.closed) >= self.keep:
            return "old"
        else:
            self.closed.insert(at, candle)
            del self.closed[: max(0, len(self.closed) - self.keep)]
        self.revision += 1
        return "revised"


@dataclass(frozen=True)
class Tail:
    """The end of a series. `whole` is False while minutes of the forming candle's window are missing."""

    closed: Candle | None
    forming: Candle | None
    revision: int
    whole: bool


@dataclass
class _Partial:
    """What the closed minutes of the current window make, up to `until_ms`."""

    opened_ms: int
    until_ms: int
    count: int
    candle: Candle | None


class CandleBook:
    """All timeframes of one symbol. Feed it with `on_candle`; read `series` and `tail`."""

    def __init__(self, symbol: str, *, keep: int = KEPT, on_hole: HoleFound | None = None) -> None:
        self.symbol = symbol
        self.forming: Candle | None = None
        self._series = {frame: CandleSeries(frame, keep) for frame in Timeframe}
        self._minutes = Minutes()
        self._empty: set[int] = set()
        self._since_ms: int | None = None
        self._reported_ms = -1
        self._end_ms = 0
        self._partials: dict[Timeframe, _Partial] = {}
        self._listeners: list[Listener] = []
        self._on_hole = on_hole

    # ── what comes in ────────────────────────────────────────────────────────────────────────────────────────────

    def on_candle(self, candle: Candle) -> None:
        """A 1-minute candle from the feed, forming or closed."""
        if candle.closed:
            self._add([candle])
            if self.forming is not None and self.forming.open_ms <= candle.open_ms:
                self.forming = None
        elif candle.open_ms >= self._now_ms():
            self._since_ms = candle.open_ms - candle.open_ms % DAY_MS if self._since_ms is None else self._since_ms
            self.forming = candle
        if candle.open_ms > self._reported_ms:
            self._reported_ms = candle.open_ms
            self._report_holes()

    def fill(self, candles: Iterable[Candle]) -> None:
        """Closed minutes from history, in any order."""
        closed = sorted((candle for candle in candles if candle.closed), key=lambda candle: candle.open_ms)
        if closed:
            self._add(closed)

    def note_empty(self, from_ms: int, to_ms: int) -> None:
        """The exchange has no candles in [from_ms, to_ms): higher candles are made without them."""
        if self._since_ms is None:
            return
        start = max(Timeframe.M1.floor(from_ms), self._since_ms)
        minutes = range(start, min(to_ms, self._now_ms()), MINUTE_MS)
        self._empty.update(minutes)
        while self._end_ms in self._empty:
            self._end_ms += MINUTE_MS
        self._build(minutes)

    def add_listener(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener(symbol, frame, candle)` for each newly closed candle. Returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # ── what goes out ────────────────────────────────────────────────────────────────────────────────────────────

    def series(self, frame: Timeframe) -> CandleSeries:
        return self._series[frame]

    def tail(self, frame: Timeframe) -> Tail:
        """The last closed candle of a timeframe and the forming one."""
        series = self._series[frame]
        closed = series.closed[-1] if series.closed else None
        if frame is Timeframe.M1:
            return Tail(closed, self.forming, series.revision, True)
        now = self._now_ms()
        opened = frame.floor(now)
        partial = self._partial(frame, opened)
        expected = (now - opened) // MINUTE_MS - self._empty_in(opened, now)
        parts = [part for part in (partial.candle, self.forming) if part is not None]
        forming = merge(parts, frame, closed=False) if parts else None
        return Tail(closed, forming, series.revision, partial.count >= expected)

    def holes(self) -> list[Window]:
        """Windows since the start of the kept days without candles and not known to be empty, oldest first."""
        found: list[Window] = []
        for minute in range(self._since_ms or 0, self._now_ms() if self._since_ms is not None else 0, MINUTE_MS):
            if minute in self._minutes or minute in self._empty:
                continue
            if found and found[-1][1] == minute:
                found[-1] = (found[-1][0], minute + MINUTE_MS)
            else:
                found.append((minute, minute + MINUTE_MS))
        return found

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _now_ms(self) -> int:
        """Up to where minutes are over, as far as the stream tells."""
        return max(self._end_ms, self.forming.open_ms if self.forming else 0)

    def _report_holes(self) -> None:
        """Tells of the window from the first to the last minute that is missing."""
        holes = self.holes() if self._on_hole is not None else []
        if holes and self._on_hole is not None:
            self._on_hole(self.symbol, holes[0][0], holes[-1][1])

    def _empty_in(self, start: int, end: int) -> int:
        if not self._empty:
            return 0
        return sum(1 for at in range(start, end, MINUTE_MS) if at in self._empty and at not in self._minutes)

    def _add(self, minutes: list[Candle]) -> None:
        if self._since_ms is None:
            self._since_ms = minutes[-1].open_ms - minutes[-1].open_ms % DAY_MS
        for candle in minutes:
            outcome = self._series[Timeframe.M1].place(candle)
            if candle.open_ms >= self._since_ms:
                self._minutes.put(candle)
            if candle.open_ms < self._end_ms and outcome != "same":
                self._partials.clear()
            self._end_ms = max(self._end_ms, candle.open_ms + MINUTE_MS)
            if outcome == "new":
                self._tell(Timeframe.M1, candle)
        self._build(candle.open_ms for candle in minutes)
        self._forget_old_days()

    def _build(self, touched: Iterable[int]) -> None:
        """Closes, or closes anew, the higher candles whose windows contain these minutes and are over."""
        times = list(touched)
        for frame in HIGHER:
            for opened in sorted({frame.floor(time) for time in times}):
                end = opened + frame.ms
                if end > self._end_ms or (self._since_ms is not None and opened < self._since_ms):
                    continue
                span = range(opened, end, MINUTE_MS)
                held = [minute for at in span if (minute := self._minutes.get(at)) is not None]
                if held and len(held) + self._empty_in(opened, end) >= len(span):
                    candle = merge(held, frame)
                    if self._series[frame].place(candle) == "new":
                        self._tell(frame, candle)

    def _partial(self, frame: Timeframe, opened: int) -> _Partial:
        partial = self._partials.get(frame)
        if partial is None or partial.opened_ms != opened:
            partial = self._partials[frame] = _Partial(opened, opened, 0, None)
        for at in range(partial.until_ms, self._end_ms, MINUTE_MS):
            minute = self._minutes.get(at)
            if minute is not None:
                parts = [minute] if partial.candle is None else [partial.candle, minute]
                partial.candle = merge(parts, frame, closed=False)
                partial.count += 1
        partial.until_ms = max(partial.until_ms, self._end_ms)
        return partial

    def _forget_old_days(self) -> None:
        oldest = self._end_ms - self._end_ms % DAY_MS - (_KEPT_DAYS - 1) * DAY_MS
        if self._since_ms is None or self._since_ms >= oldest:
            return
        self._since_ms = oldest
        self._minutes.forget_before(oldest)
        self._empty = {at for at in self._empty if at >= oldest}

    def _tell(self, frame: Timeframe, candle: Candle) -> None:
        for listener in tuple(self._listeners):
            listener(self.symbol, frame, candle)
