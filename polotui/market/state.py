"""What the feed says of itself."""

from __future__ import annotations

import msgspec


class StaleChannel(msgspec.Struct, frozen=True):
    """A channel of a symbol whose data is older than its bound. `since_ms`: true up to this wall time; 0 = never had."""

    channel: str
    symbol: str
    since_ms: int
    reason: str


class FeedCounters(msgspec.Struct):
    """Counted since the engine's start; `lost` stays 0 unless trades could not be recovered."""

    messages: int = 0
    trades: int = 0
    book_gaps: int = 0
    trade_gaps: int = 0
    resyncs: int = 0
    duplicates: int = 0
    malformed: int = 0
    lost: int = 0


class FeedState(msgspec.Struct, frozen=True, kw_only=True):
    """`phase` is off, connecting, backfilling, live, stale, down or maintenance."""

    phase: str
    since_ms: int
    last_message_ms: int
    attempt: int
    reconnects: int
    detail: str
    stale: tuple[StaleChannel, ...] = ()
