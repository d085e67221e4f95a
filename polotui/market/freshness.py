"""How old may a figure be before it must not be called live?

One table:

| what                        | fresh while                                                                        |
|-----------------------------|------------------------------------------------------------------------------------|
| the connection              | something arrived within 15 s (pings go out every 8 s)                             |
| ticker, book, candles       | a message within twice their normal interval, at least 5 s and at most 30 s        |
| trades                      | the ticker tells of no trade that the tape has not, for more than 5 s              |
| anything                    | the exchange's own time on it is at most 5 s behind the corrected clock            |
| a REST answer               | twice its time to live                                                             |

Decided here: the normal interval is learned for each channel of each symbol as a high quantile, in constant time and space
a message. A quiet tape is not a stale tape, which is why trades are judged by the ticker.
"""

from __future__ import annotations

from polotui.core.clock import Clock

SHORTEST = 5.0
LONGEST = 30.0
LATE_MS = 5_000
#: Before this many intervals nothing is «normal» yet, and the longest bound holds.
_LEARNT = 20
#: Steps of the quantile estimate: up for a longer interval, down for a shorter one; 1:99 settles near the 99th percentile.
_UP = 0.5
_DOWN = _UP / 99
_LATE_TRADES_MS = 5_000

Channel = tuple[str, str]


class Freshness:
    """Ages of all channels of one connection."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[Channel, float] = {}
        self._true_at: dict[Channel, int] = {}
        self._interval: dict[Channel, float] = {}
        self._samples: dict[Channel, int] = {}
        self._late: dict[Channel, int] = {}
        self._missing_trades: dict[str, float] = {}

    def touch(self, channel: Channel, now: float, server_ms: int, ts_ms: int) -> None:
        """A message of `channel` with the exchange's time `ts_ms` arrived; `server_ms` is the corrected clock."""
        last = self._heard.get(channel)
        if last is not None:
            took = now - last
            normal = self._interval.get(channel, took)
            self._interval[channel] = normal + (_UP if took > normal else _DOWN) * (took - normal)
            self._samples[channel] = self._samples.get(channel, 0) + 1
        self._heard[channel] = now
        self._true_at[channel] = self._clock.wall_ms()
        if ts_ms and server_ms - ts_ms > LATE_MS:
            self._late[channel] = ts_ms
        elif self._late:
            self._late.pop(channel, None)

    def trades_agree(self, symbol: str, told_ms: int, seen_ms: int, now: float) -> None:
        """The ticker told of a trade at `told_ms`; the tape's newest is of `seen_ms`."""
        if told_ms - seen_ms > 0 and seen_ms:
            self._missing_trades.setdefault(symbol, now)
        else:
            self._missing_trades.pop(symbol, None)

    def bound(self, channel: Channel) -> float:
        """Seconds of silence after which `channel` is stale."""
        if self._samples.get(channel, 0) < _LEARNT:
            return LONGEST
        return min(max(2 * self._interval[channel], SHORTEST), LONGEST)

    def why(self, channel: Channel, now: float) -> str:
        """"" while fresh; else the reason in words."""
        heard = self._heard.get(channel)
        if channel in self._late:
            return "arrives late"
        if channel[0] == "trades":
            missing = self._missing_trades.get(channel[1])
            return "trades are missing" if missing is not None and now - missing > _LATE_TRADES_MS / 1000 else ""
        if heard is None:
            return "nothing yet"
        return "silent" if now - heard > self.bound(channel) else ""

    def true_at_ms(self, channel: Channel) -> int:
        """Wall time up to which the channel's data is known to be true; 0 = never had any."""
        return self._true_at.get(channel, 0)

    def reset(self) -> None:
        """A new connection: what was heard counts no more, what is normal stays known."""
        self._heard.clear()
        self._late.clear()
        self._missing_trades.clear()

    def restart(self, channel: Channel, now: float) -> None:
        """The channel was subscribed again: its silence is counted from now."""
        self._heard[channel] = now
        self._missing_trades.pop(channel[1], None)
