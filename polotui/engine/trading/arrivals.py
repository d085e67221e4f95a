"""The bars of one bot as they come: moments that wait for their symbols, and what is missing before them.

Decided here:
* A moment is due when all symbols' bars have closed, or `LATE_SECONDS` after the first; a bar that comes later is due
  at once. Each symbol's bars are handed on in their order.
* What is missing before a bar is fetched first. While the exchange cannot be asked for it, the symbol stays behind: its
  bars are kept and nothing is entered, and when the missing ones are there all of them are followed. The others go on.
* After `HOLE_SECONDS` its bars are handed on without the missing ones: exits by rule must not wait for ever. Nothing is
  entered until these are there after all. What the exchange was asked for and did not have is passed over at once.
* Both are looked for again until they are there or known not to exist. When they came, the bot has to begin anew from
  its state, so that its streams have seen all bars.
* The exchange may take a minute to answer. Nobody waits for it here (see `asking`): exits by rule of other symbols, and
  what a person wants, go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polotui.core.errors import PolotuiError, StorageError, Unreachable, UsageError
from polotui.engine.trading.asking import Asking
from polotui.engine.trading.moments import bar_of, known_until
from polotui.market.history import History, Window
from polotui.model.candles import Candle, Timeframe
from polotui.strategy.runtime.columns import Bar, Bars, bars_of
from polotui.trading import bot_rows

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

LATE_SECONDS = 5.0
BARS_MISSING = "bars are missing"
#: A symbol whose missing bars cannot be asked for waits for them so long.
HOLE_SECONDS = 300.0
AGAIN_SECONDS = 5.0
LOOK_BACK_SECONDS = 30.0
_NEVER = 1 << 62

Moments = list[tuple[int, dict[str, Bar]]]


class NoPast(Unreachable):
    """The bars that a bot begins with cannot be had now."""


class Arrivals:
    """Takes a bot's candles and hands on its moments."""

    def __init__(self, trading: Trading, stored: bot_rows.StoredBot) -> None:
        self._trading = trading
        self._stored = stored
        self._frame = Timeframe.parse(stored.timeframe)
        #: Open of the last bar of each symbol that was handed on.
        self.last: dict[str, int] = {}
        self._waiting: dict[int, dict[str, Candle]] = {}
        self._first_at = self._again_at = self._looked_at = 0.0
        self._newest_ms = 0
        #: Candles that have not been handed on, and since when their symbols are behind.
        self._kept: dict[str, dict[int, Candle]] = {}
        self._behind: dict[str, float] = {}
        #: Windows that were passed over, and the symbols of which the exchange could not be asked for them.
        self._lost: dict[str, list[Window]] = {}
        self._unasked: set[str] = set()
        self._asking = Asking(lambda: self._past, self._frame)

    async def end(self) -> None:
        """The bot's task ends."""
        await self._asking.end()

    @property
    def _now(self) -> float:
        return self._trading.clock.monotonic()

    @property
    def _past(self) -> History:
        assert self._trading.engine.charts is not None
        return self._trading.engine.charts.past

    def blocked(self, symbol: str) -> str:
        """Why a symbol must not be entered; "" when it may."""
        return BARS_MISSING if symbol in self._behind or symbol in self._unasked else ""

    # -- moments --------------------------------------------------------------------------------------------------

    def add(self, symbol: str, candle: Candle) -> None:
        if candle.open_ms <= self.last.get(symbol, -1):
            return
        if not self._waiting:
            self._first_at = self._now
        self._waiting.setdefault(candle.open_ms, {})[symbol] = candle

    def due(self, decided_ms: int) -> int:
        """The open of the moment that is to be taken now; 0 when there is none."""
        if not self._waiting:
            return 0
        at_ms = min(self._waiting)
        whole = len(self._waiting[at_ms]) == len(self._stored.symbols)
        late = at_ms <= decided_ms or self._now - self._first_at >= LATE_SECONDS
        return at_ms if whole or late or at_ms < max(self._waiting) else 0

    async def take(self, at_ms: int) -> Moments:
        """The bars of a moment that is due, behind those that were missing before it."""
        candles = self._waiting.pop(at_ms)
        self._first_at, self._newest_ms = self._now, max(self._newest_ms, at_ms)
        for symbol, candle in candles.items():
            self._kept.setdefault(symbol, {})[at_ms] = candle
        return await self._ready(self._stored.symbols, at_ms)

    async def caught_up(self) -> Moments:
        """Bars of symbols that were behind and are not any more. To be asked again and again."""
        if not self._behind or self._now - self._again_at < AGAIN_SECONDS:
            return []
        self._again_at = self._now
        return await self._ready(tuple(self._behind), self._newest_ms)

    async def _ready(self, symbols: Sequence[str], before_ms: int) -> Moments:
        found: dict[int, dict[str, Bar]] = {}
        for symbol in symbols:
            for bar in await self._following(symbol, before_ms):
                found.setdefault(bar.time, {})[symbol] = bar
        return sorted(found.items())

    async def _following(self, symbol: str, before_ms: int) -> list[Bar]:
        """A symbol's bars after the last one that was handed on, up to `before_ms` and what is kept; none while it has
        to stay behind."""
        last, kept = self.last.get(symbol, 0), self._kept.get(symbol, {})
        bars = {at: bar_of(candle) for at, candle in kept.items() if at > last}
        end = max([before_ms, *(at + self._frame.ms for at in bars)])
        start = last + self._frame.ms if last else min(bars, default=end)
        late: list[Window] = []
        if len(bars) * self._frame.ms < end - start:
            candles, problem = await self._asking.ask(symbol, symbol, (start, end))
            bars = {c.open_ms: bar_of(c) for c in candles if start <= c.open_ms < end} | bars
            newest = max(bars, default=start)
            # The exchange may publish the newest ones in a moment; what it cannot be asked for is missing.
            holes = await self._past.lacking(symbol, self._frame, start, end if problem else newest, sorted(bars))
            if holes and problem and (self._has_to_wait(symbol, holes) or not bars):
                return []
            late = [hole for hole in holes if hole[0] > newest]
            if symbol in self._behind and not holes:
                self._tell("info", symbol, f"has the missing bars of {symbol} and goes on")
            self._lose(symbol, [hole for hole in holes if hole not in late], problem)
        self._kept.pop(symbol, None)
        if not late:
            self._behind.pop(symbol, None)
        self.last[symbol] = max([last, *bars])
        return [bars[at] for at in sorted(bars)]

    # -- what is missing ------------------------------------------------------------------------------------------

    def _has_to_wait(self, symbol: str, holes: list[Window]) -> bool:
        if symbol not in self._behind:
            self._behind[symbol] = self._now
            words = f"waits for {self._count(holes)} of {symbol}, which the exchange cannot be asked for"
            self._tell("warning", symbol, words)
        return self._now - self._behind[symbol] < HOLE_SECONDS

    def _lose(self, symbol: str, holes: list[Window], problem: str) -> None:
        if not holes:
            return
        self._lost.setdefault(symbol, []).extend(holes)
        if problem and symbol not in self._unasked:
            self._unasked.add(symbol)
            words = f"goes on without {self._count(holes)} of {symbol}, and enters nothing there until they are known"
            self._tell("warning", symbol, words)

    async def found_again(self) -> bool:
        """Whether bars that were passed over are there now. To be asked again and again."""
        if not self._lost or self._now - self._looked_at < LOOK_BACK_SECONDS:
            return False
        self._looked_at = self._now
        for symbol, windows in list(self._lost.items()):
            left: list[Window] = []
            for place, (start, end) in enumerate(windows):
                candles, problem = await self._asking.ask(f"{symbol} again", symbol, (start, end))
                if any(start <= c.open_ms < end for c in candles):
                    self._tell("info", symbol, f"reads its bars anew: some of {symbol} came after all")
                    return True
                if problem:
                    # What could not be asked for is not known to be nowhere.
                    left += windows[place:]
                    break
                left += await self._past.lacking(symbol, self._frame, start, end, [])
            self._lost[symbol] = left
            if not left:
                del self._lost[symbol]
                self._unasked.discard(symbol)
        return False

    def _count(self, holes: list[Window]) -> str:
        count = sum(end - start for start, end in holes) // self._frame.ms
        return f"{count} missing bar{'' if count == 1 else 's'}"

    def _tell(self, level: str, symbol: str, words: str) -> None:
        self._trading.fact("bot", level, f"{self._stored.strategy}: {words}", symbol=symbol, bot=self._stored.id)

    # -- the past -------------------------------------------------------------------------------------------------

    async def begin(self, warm: int, state: dict[str, Any] | None) -> dict[str, Bars]:
        """The history of each symbol from the anchor on, which for a new bot is the beginning of its warm-up. It ends
        where bars are missing that the state does not know yet: they are fetched as others that are missing. Raises
        NoPast when there is nothing to begin with."""
        for kept in (self._kept, self._behind, self._lost, self._unasked):
            kept.clear()
        closed_ms = self._frame.floor(self._trading.clock.wall_ms())
        self._newest_ms = max(self._newest_ms, closed_ms)
        anchor = int(state["anchor_ms"]) if state is not None else 0
        limit = (self._trading.clock.wall_ms() - anchor) // self._frame.ms + 2 if anchor else warm
        found: dict[str, list[Candle]] = {}
        known: dict[str, int] = {}
        end = _NEVER
        for symbol in self._stored.symbols:
            candles, problem = await self._whole(symbol, limit, anchor)
            found[symbol] = candles
            # All that has closed is a new bot's past.
            known[symbol] = closed_ms - self._frame.ms
            if state is not None:
                known[symbol] = self._frame.floor(known_until(symbol, state, self._frame.ms, self._stored.started_ms))
            if not candles:
                continue
            times = [candle.open_ms for candle in candles]
            reach = max(closed_ms, times[-1]) if problem else times[-1]
            holes = await self._past.lacking(symbol, self._frame, times[0], reach, times)
            later: list[Window] = []
            if problem:
                holes, later = _parted(holes, known[symbol] + self._frame.ms)
            if later:
                end = min(end, later[0][0])
                self._has_to_wait(symbol, later)
            self._lose(symbol, holes, problem)
        whole = {
            symbol: [bar_of(candle) for candle in candles if candle.open_ms < max(end, known[symbol] + 1)]
            for symbol, candles in found.items()
        }
        self.last = {symbol: bars[-1].time for symbol, bars in whole.items() if bars}
        for symbol in self._unasked:
            # They are missing in the past, and come when that is read anew.
            self.last[symbol] = max(self.last.get(symbol, 0), known[symbol])
        self._waiting = {
            at_ms: left
            for at_ms, candles in self._waiting.items()
            if (left := {symbol: candle for symbol, candle in candles.items() if at_ms > self.last.get(symbol, -1)})
        }
        return {symbol: bars_of(bars, self._frame.ms) for symbol, bars in whole.items()}

    async def _whole(self, symbol: str, limit: int, anchor_ms: int) -> tuple[list[Candle], str]:
        """A symbol's candles from the anchor on, and why newer ones may lack."""
        try:
            past = await self._past.ensure(symbol, self._frame, limit)
        except (StorageError, UsageError):
            raise
        except PolotuiError as error:
            raise NoPast(f"Bars of {symbol} cannot be had: {error.cause}") from error
        candles = [candle for candle in past.candles if candle.open_ms >= anchor_ms]
        if not candles and past.problem:
            raise NoPast(f"Bars of {symbol} cannot be had: {past.problem}")
        return candles, past.problem


def _parted(windows: list[Window], at_ms: int) -> tuple[list[Window], list[Window]]:
    """What lies before a time, and what after it."""
    before = [(start, min(end, at_ms)) for start, end in windows if start < at_ms]
    return before, [(max(start, at_ms), end) for start, end in windows if end > at_ms]
