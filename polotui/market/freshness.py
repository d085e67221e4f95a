"""How old may what we show be, and how old is it?

what                       bound
connection                 15 s without any message
ticker                     5 s when busy, else twice its usual p99 interval, 30 s at most (30 s until it is known)
book                       the same; a quiet one is asked for again after 20 s of silence (see `repair`), so that a
                           healthy one never reaches its 30 s and a dead one does, although the ticker goes on
trades, candles            the same once the usual interval is known; a channel whose p99 is above 15 s, or that is
                           not known yet, is quiet: its silence says nothing, the ticker answers for it
REST value                 twice its time to live
exchange time of a message 5 s behind the exchange's clock, as corrected

Decided here: intervals are learned per channel and symbol from the last 200 messages and never across a reconnection.
Ages come from the monotonic clock. The exchange-time check applies only while the exchange's time is known, because an
uncorrected wall clock would call everything stale, or nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from polotui.core.clock import Clock

CONNECTION_S = 15.0
BUSY_S = 5.0
MOST_S = 30.0
CONFIRM_S = 20.0
LATE_MS = 5_000
_KNOWN_FROM = 20
_REMEMBERED = 200
_RELEARN_EACH = 64
TICKER = "ticker"
BOOK = "book_lv2"
#: Channels that answer a subscription with data, so that their silence can be put to the test.
ANSWERING = (TICKER, BOOK)
#: The exchange's clock is read once a second and not for every message, which is on the hot path.
_READ_EACH_S = 1.0
#: While the exchange's time is unknown nothing is late.
_UNKNOWN = float("-inf")


class ChannelState(msgspec.Struct, frozen=True):
    """Whether a channel may be trusted, its age, its bound (None: its silence says nothing), and why it is stale."""

    fresh: bool
    age_s: float
    bound_s: float | None
    why: str = ""


class _Pace:
    """The rhythm of one channel of one symbol."""

    __slots__ = ("count", "doubt", "intervals", "last", "late_ms", "learn_at", "p99", "started")

    def __init__(self, now: float) -> None:
        self.last = now
        self.started = False
        self.late_ms = 0.0
        self.doubt = ""
        self.p99: float | None = None
        self.count = 0
        self.learn_at = _KNOWN_FROM
        self.intervals: deque[float] = deque(maxlen=_REMEMBERED)


class Freshness:
    """The ages of everything that is watched."""

    def __init__(self, clock: Clock, exchange_ms: Callable[[], int | None] = lambda: None) -> None:
        self._clock = clock
        self._exchange_ms = exchange_ms
        self._paces: dict[tuple[str, str], _Pace] = {}
        self._rest: dict[str, tuple[float, float]] = {}
        self._read_at = -_READ_EACH_S
        self._ahead_ms = _UNKNOWN

    def watch(self, channel: str, symbol: str) -> None:
        """Its age counts from now; what was learned about its pace is kept."""
        now = self._clock.monotonic()
        pace = self._paces.setdefault((channel, symbol), _Pace(now))
        pace.last = now
        pace.started = False
        pace.late_ms = 0.0
        pace.doubt = ""

    def heard(self, channel: str, symbol: str) -> bool:
        """Whether anything came since it was watched."""
        pace = self._paces.get((channel, symbol))
        return pace is not None and pace.started

    def heard_since(self, channel: str, symbol: str, at: float) -> bool:
        """Whether anything came after the monotonic time `at`."""
        pace = self._paces.get((channel, symbol))
        return pace is not None and pace.started and pace.last > at

    def confirm(self, channel: str, symbol: str) -> None:
        """Another source says that nothing was missed: its age counts from now, its pace is not touched."""
        pace = self._paces.get((channel, symbol))
        if pace is not None:
            pace.last = self._clock.monotonic()
            pace.started = False
            pace.doubt = ""

    def doubt(self, channel: str, symbol: str, why: str) -> None:
        """Other evidence says that it is dead: stale until the next message."""
        pace = self._paces.get((channel, symbol))
        if pace is not None:
            pace.doubt = why

    def forget(self, channel: str, symbol: str) -> None:
        self._paces.pop((channel, symbol), None)

    def touch(self, channel: str, symbol: str, now: float | None = None, exchange_ts_ms: int = 0) -> None:
        """A message came. `now` is its monotonic arrival, `exchange_ts_ms` the time that the exchange put on it."""
        pace = self._paces.get((channel, symbol))
        if pace is None:
            return
        if now is None:
            now = self._clock.monotonic()
        if pace.started:
            pace.intervals.append(now - pace.last)
            pace.count += 1
            if pace.count >= pace.learn_at:
                self._learn(pace)
        pace.started = True
        pace.last = now
        pace.doubt = ""
        if exchange_ts_ms:
            if now - self._read_at > _READ_EACH_S:
                self._read_clock(now)
            pace.late_ms = now * 1000 + self._ahead_ms - exchange_ts_ms

    def _learn(self, pace: _Pace) -> None:
        pace.learn_at = pace.count + _RELEARN_EACH
        pace.p99 = sorted(pace.intervals)[int(len(pace.intervals) * 0.99)]

    def _read_clock(self, now: float) -> None:
        """Reads how far the exchange's time is ahead of the monotonic clock; both then run alike for a while."""
        known_ms = self._exchange_ms()
        self._read_at = now
        self._ahead_ms = _UNKNOWN if known_ms is None else known_ms - now * 1000

    def bound_s(self, channel: str, symbol: str) -> float | None:
        """How old it may be; None when its silence says nothing."""
        pace = self._paces.get((channel, symbol))
        p99 = None if pace is None else pace.p99
        if p99 is None:
            return MOST_S if channel in ANSWERING else None
        if 2 * p99 > MOST_S:
            return MOST_S if channel in ANSWERING else None
        return max(BUSY_S, 2 * p99)

    def state(self, channel: str, symbol: str) -> ChannelState:
        """Quiet channels are as fresh as the symbol's ticker."""
        pace = self._paces.get((channel, symbol))
        if pace is None:
            return ChannelState(False, 0.0, None, "not watched")
        age = self._clock.monotonic() - pace.last
        if pace.late_ms > LATE_MS:
            return ChannelState(False, age, LATE_MS / 1000, f"arrived {pace.late_ms / 1000:.1f} s late")
        if pace.doubt:
            return ChannelState(False, age, MOST_S, pace.doubt)
        bound = self.bound_s(channel, symbol)
        if bound is None:
            ticker = self._paces.get((TICKER, symbol))
            if ticker is None or channel == TICKER:
                return ChannelState(True, age, None)
            judged = self.state(TICKER, symbol)
            return ChannelState(judged.fresh, age, None, "" if judged.fresh else "the ticker is silent too")
        fresh = age <= bound
        return ChannelState(fresh, age, bound, "" if fresh else f"silent for {age:.0f} s")

    def unconfirmed(self, channel: str, symbol: str) -> bool:
        """True when a quiet channel should be asked for again before it counts as stale."""
        pace = self._paces.get((channel, symbol))
        if pace is None or self.bound_s(channel, symbol) != MOST_S:
            return False
        return CONFIRM_S < self._clock.monotonic() - pace.last <= MOST_S

    def stale(self) -> list[tuple[str, str, ChannelState]]:
        """Everything watched that is not fresh."""
        states = ((channel, symbol, self.state(channel, symbol)) for channel, symbol in self._paces)
        return [entry for entry in states if not entry[2].fresh]

    def keep(self, name: str, ttl_s: float) -> None:
        """A value of a REST call was renewed; it is fresh for twice its time to live."""
        self._rest[name] = (self._clock.monotonic(), 2 * ttl_s)

    def kept(self, name: str) -> ChannelState:
        """How fresh a REST value is."""
        known = self._rest.get(name)
        if known is None:
            return ChannelState(False, 0.0, None, "never asked for")
        age = self._clock.monotonic() - known[0]
        fresh = age <= known[1]
        return ChannelState(fresh, age, known[1], "" if fresh else f"{age:.0f} s old")
