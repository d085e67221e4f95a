"""How the market feed is doing, as plain values that cross the engine's socket.

Decided here: a symbol is `live` only when its book has its snapshot **and** its missed trades were fetched. The feed's
phase is that of its worst symbol, so «live» on a screen never hides one that is not.
"""

from __future__ import annotations

import msgspec

CONNECTING = "connecting"
BACKFILLING = "backfilling"
LIVE = "live"
CLOSED = "closed"


class FeedCounters(msgspec.Struct, frozen=True, kw_only=True):
    """What happened since the feed began. `trades_lost` were missed and could not be fetched any more."""

    messages: int = 0
    book_gaps: int = 0
    trade_gaps: int = 0
    resyncs: int = 0
    renewals: int = 0
    duplicates: int = 0
    malformed: int = 0
    unknown: int = 0
    errors: int = 0
    trades_lost: int = 0
    unknown_levels: int = 0
    resync_ms_last: int = 0
    resync_ms_worst: int = 0


class StaleChannel(msgspec.Struct, frozen=True):
    """A channel of a symbol that is older than it may be."""

    channel: str
    symbol: str
    age_ms: int
    why: str = ""


class FeedState(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of the feed. Times are wall-clock milliseconds; `last_message_ms` is 0 before the first."""

    phase: str
    since_ms: int
    last_message_ms: int = 0
    attempt: int = 0
    reconnects: int = 0
    reason: str = ""
    symbols: dict[str, str] = {}
    counters: FeedCounters = FeedCounters()
    stale: tuple[StaleChannel, ...] = ()
