"""The use cases. Each struct names its reply in `reply`, the role it needs in `role`, and what it is for in words.

Those of the strategy lab and the backtests are in `lab_commands`, those of trading and risk in `trade_commands` and
`risk_commands`, that of the safety score in `safety`; `AnyCommand` at the end is all of them.
"""

from __future__ import annotations

from typing import ClassVar

from polotui.api import PROTOCOL, lab_commands, risk_commands, trade_commands
from polotui.api import replies as r
from polotui.api import safety as s
from polotui.api.command import Command, Role


class Hello(Command, tag="hello", frozen=True, kw_only=True):
    """First on every connection: who is speaking. Refused when the protocols differ."""

    reply: ClassVar[type] = r.Welcome
    protocol: int = PROTOCOL
    version: str
    face: str
    """tui, cli or a script's name."""
    read_only: bool = False


class GetStatus(Command, tag="status", frozen=True, kw_only=True):
    """The engine's state now: the same figures as its heartbeat."""

    reply: ClassVar[type] = r.Status


class StopEngine(Command, tag="engine-stop", frozen=True, kw_only=True):
    """Ends the engine cleanly. Refused while something runs, unless `force`."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    force: bool = False


class GetMarkets(Command, tag="markets", frozen=True, kw_only=True):
    """All symbols with their scales and limits; `top` sorts by 24 h turnover and keeps that many."""

    reply: ClassVar[type] = r.Markets
    top: int = 0


class GetTickers(Command, tag="tickers", frozen=True, kw_only=True):
    """24 h tickers from one call for all symbols, cached for 10 s. No symbols: all."""

    reply: ClassVar[type] = r.Tickers
    symbols: list[str] = []


class GetBook(Command, tag="get-book", frozen=True, kw_only=True):
    """The order book: from the stream when the symbol is watched, else one REST call."""

    reply: ClassVar[type] = r.Book
    symbol: str
    depth: int = 20


class GetTrades(Command, tag="get-trades", frozen=True, kw_only=True):
    """The newest public trades, newest first."""

    reply: ClassVar[type] = r.Trades
    symbol: str
    limit: int = 50


class GetCandles(Command, tag="get-candles", frozen=True, kw_only=True):
    """Candles oldest first, ending before `before_ms` (0 = now), with overlay lines for exactly these candles.

    `overlays` are names such as ema21, sma50, bb20. Missing history is fetched from the exchange first.
    """

    reply: ClassVar[type] = r.CandleSeries
    symbol: str
    timeframe: str = "1h"
    limit: int = 300
    before_ms: int = 0
    overlays: list[str] = []


class Watch(Command, tag="watch-symbol", frozen=True, kw_only=True):
    """Adds a symbol to the watchlist, or removes it; kept across restarts."""

    reply: ClassVar[type] = r.Watched
    role: ClassVar[Role] = "operator"
    symbol: str
    remove: bool = False


class GetAccounts(Command, tag="accounts", frozen=True, kw_only=True):
    """Balances with their values. `account`: spot, paper, "" for all. `refresh` asks the exchange again."""

    reply: ClassVar[type] = r.Accounts
    account: str = ""
    refresh: bool = False


class PaperDeposit(Command, tag="paper-deposit", frozen=True, kw_only=True):
    """Adds virtual money to the paper account: a row in the ledger."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    currency: str
    amount: str


class DataDownload(Command, tag="data-download", frozen=True, kw_only=True):
    """Starts a job that fetches candles from the exchange, resuming where an earlier one ended."""

    reply: ClassVar[type] = r.JobStarted
    role: ClassVar[Role] = "operator"
    symbol: str
    from_ms: int
    to_ms: int = 0
    """0 = now."""
    timeframe: str = "1m"


class DataImport(Command, tag="data-import", frozen=True, kw_only=True):
    """Reads candles from a file into the store. Nothing is stored unless the whole file is sound."""

    reply: ClassVar[type] = r.DataImported
    role: ClassVar[Role] = "operator"
    path: str
    symbol: str
    timeframe: str = "1m"
    times: str = "start"
    """What the file's times name: each bar's start, or its end."""
    zone: str = ""
    """The zone of times that name none: +05:30, Europe/Berlin; "" = UTC."""


class DataList(Command, tag="data-list", frozen=True, kw_only=True):
    """What candles are stored: per symbol and timeframe the span, count, gaps and where they came from."""

    reply: ClassVar[type] = r.DataSets


class DataVerify(Command, tag="data-verify", frozen=True, kw_only=True):
    """Checks stored candles: gaps, duplicates, disorder, impossible bars, suspicious times, spikes, empty bars."""

    reply: ClassVar[type] = r.DataReport
    symbol: str
    timeframe: str = "1m"


class CancelJob(Command, tag="job-cancel", frozen=True, kw_only=True):
    """Cancels a running job."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    id: int


class GetJobs(Command, tag="jobs", frozen=True, kw_only=True):
    """Jobs, newest first."""

    reply: ClassVar[type] = r.Jobs
    limit: int = 20


class GetHealth(Command, tag="health", frozen=True, kw_only=True):
    """State of each part: engine, exchange, stream, database, cache. `part` "" = all."""

    reply: ClassVar[type] = r.Health
    part: str = ""


class GetFacts(Command, tag="facts", frozen=True, kw_only=True):
    """Stored facts with a number above `after`, oldest first."""

    reply: ClassVar[type] = r.Facts
    after: int = 0
    limit: int = 100


class DataExport(Command, tag="data-export", frozen=True, kw_only=True):
    """Writes stored candles to a file of the engine's machine, all or nothing.

    Without stored candles of that timeframe, or with `from_minutes`, they are built from the stored 1m candles.
    """

    reply: ClassVar[type] = r.DataExported
    role: ClassVar[Role] = "operator"
    path: str
    """Absolute."""
    symbol: str
    timeframe: str = "1m"
    format: str = ""
    """csv, json, parquet, feather; "" = by the file's name."""
    from_ms: int = 0
    to_ms: int = 0
    """0 = to the last candle."""
    plain: bool = False
    """Only time, open, high, low, close, volume."""
    from_minutes: bool = False
    force: bool = False
    """Replace a file that is there."""


AnyCommand = (
    Hello
    | GetStatus
    | StopEngine
    | GetMarkets
    | GetTickers
    | GetBook
    | GetTrades
    | GetCandles
    | Watch
    | GetAccounts
    | PaperDeposit
    | DataDownload
    | DataImport
    | DataList
    | DataVerify
    | CancelJob
    | GetJobs
    | GetHealth
    | GetFacts
    | DataExport
    | s.GetSafety
    | lab_commands.AnyLabCommand
    | trade_commands.AnyTradeCommand
    | risk_commands.AnyRiskCommand
)
