"""What commands answer. `--json` prints these structs as they are, with their `schema` beside."""

from __future__ import annotations

from typing import Literal

import msgspec

from polotui.api.events import EngineState, Fact, JobState
from polotui.api.values import AccountState, Level, OverlayLine, SymbolInfo
from polotui.model.candles import Candle
from polotui.model.market import Ticker, Trade


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's answer to Hello."""

    protocol: int
    version: str
    pid: int
    mode: str
    last_fact: int
    role: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    engine: EngineState


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """It is done; `text` says what."""

    text: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a reply's figures come from and how old they are."""

    name: str
    """stream, exchange, cache, store."""
    age_ms: int = 0
    stale: bool = False


class Markets(msgspec.Struct, frozen=True, kw_only=True):
    markets: list[SymbolInfo]
    source: Source


class Tickers(msgspec.Struct, frozen=True, kw_only=True):
    tickers: list[Ticker]
    source: Source
    missing: list[str] = []
    """Asked for and not answered by the exchange."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    ts_ms: int
    bids: list[Level]
    asks: list[Level]
    source: Source


class Trades(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    trades: list[Trade]
    source: Source


class CandleSeries(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    timeframe: str
    candles: list[Candle]
    lines: list[OverlayLine] = []
    more: bool = False
    """Older candles exist."""
    revision: int = 0
    source: Source
    gaps: list[tuple[int, int]] = []
    """Windows [from, to) inside the series for which the exchange has no candles."""


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    watched: list[str]


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    accounts: list[AccountState]


class JobStarted(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    title: str


class Jobs(msgspec.Struct, frozen=True, kw_only=True):
    jobs: list[JobState]


class DataImported(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    timeframe: str
    candles: int
    new: int
    from_ms: int
    to_ms: int
    warnings: list[str] = []


class DataSet(msgspec.Struct, frozen=True, kw_only=True):
    """One stored series. `to_ms` is the end of the last candle."""

    symbol: str
    timeframe: str
    from_ms: int
    to_ms: int
    candles: int
    gaps: int
    sources: list[str]


class DataSets(msgspec.Struct, frozen=True, kw_only=True):
    sets: list[DataSet]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    """gap, duplicate, disorder, impossible, zone, spike, volume."""
    at_ms: int
    text: str
    level: Literal["error", "warning", "info"] = "warning"
    place: int = 0
    """The number of the candle in the series, from 1."""


class DataReport(msgspec.Struct, frozen=True, kw_only=True):
    symbol: str
    timeframe: str
    candles: int
    ok: bool
    """No finding is an error."""
    findings: list[Finding]
    """At most 200, errors first. The counts below are complete."""
    hash: str
    """sha256 of the candles as stored, so that a result can name its data."""
    gaps: int = 0
    longest_gap: int = 0
    """In candles, as `missing`."""
    missing: int = 0
    duplicates: int = 0
    disorder: int = 0
    impossible: int = 0
    zero_volume: int = 0
    """Candles without volume."""
    spikes: int = 0
    """Candles whose range is more than 20 times the median one."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The health of one part."""

    name: str
    state: Literal["online", "degraded", "offline"]
    text: str
    figures: dict[str, str | int | float | bool | None] = {}


class Health(msgspec.Struct, frozen=True, kw_only=True):
    state: Literal["online", "degraded", "offline"]
    parts: list[Part]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    facts: list[Fact]
    last: int


class DataExported(msgspec.Struct, frozen=True, kw_only=True):
    """What an export wrote. `to_ms` is the end of the last candle, `size` the file's bytes."""

    path: str
    symbol: str
    timeframe: str
    format: str
    candles: int
    from_ms: int
    to_ms: int
    size: int
    source: str
    """«stored 1h», «built from 1m»."""
    hash: str
    """sha256 of these candles: `data verify` names the same after an import of the file (unless written plain)."""
    warnings: list[str] = []
