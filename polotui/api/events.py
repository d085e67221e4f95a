"""What arrives on a topic.

Two kinds. *State* events are conflated: a subscriber gets the newest at the rate it asked for and a slow one
skips. `TradesBatch` is state that adds up: it carries every trade since the subscriber's last batch, and says in
`missed` when the ring was overrun. *Facts* are numbered, stored and never skipped: a subscriber that returns asks
from its last number.

Topics are plain text: `engine`, `symbols`, `watch`, `feed`, `book:BTC_USDT`, `trades:BTC_USDT`,
`chart:BTC_USDT:1h:ema21,bb20`, `accounts`, `jobs`, `lab`, `sweep:7`, `bots`, `positions`, `orders`, `risk`, `trading`,
`safety`, `facts`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from polotui.api.lab_values import SweepDetail
from polotui.api.safety import SafetyView
from polotui.api.trade_replies import Risk
from polotui.api.trade_values import BotRow, OrderRow, PositionRow, TradingStateName
from polotui.api.values import AccountState, Level, OverlayLine, SymbolInfo, WatchRow
from polotui.model.candles import Candle
from polotui.model.market import Trade


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Base: `at_ms` is the engine's wall time of publication."""

    at_ms: int = 0


class LimitUse(msgspec.Struct, frozen=True, kw_only=True):
    """One rate-limit bucket: requests of the last second against what the exchange allows."""

    name: str
    used: int
    capacity: int
    blocked_until_ms: int = 0


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One connection to the exchange in words and figures."""

    name: str
    phase: str
    """off, connecting, backfilling, live, stale, down, maintenance."""
    since_ms: int = 0
    last_message_ms: int = 0
    """Wall time of the newest message; 0 = none yet."""
    attempt: int = 0
    reconnects: int = 0
    detail: str = ""
    messages: int = 0
    book_gaps: int = 0
    trade_gaps: int = 0
    resyncs: int = 0
    duplicates: int = 0
    malformed: int = 0
    lost: int = 0
    """Messages known to be lost and not recovered. Anything but 0 is a fault to look at."""


class EngineState(Event, tag="engine", frozen=True, kw_only=True):
    """The engine's heartbeat, at least once a second. A face that hears none for 2 s says the engine is gone."""

    version: str
    pid: int
    started_ms: int
    mode: Literal["DEMO", "PAPER", "LIVE"]
    venue: str
    """What the prices come from: «Poloniex», «built-in exchange», «recording btcusdt, ethusdt»."""
    host: str
    """The effective host of the exchange."""
    streams: list[StreamStatus] = []
    limits: list[LimitUse] = []
    clock_offset_ms: float | None = None
    faces: int = 0
    equity: str = ""
    """Total of the first account in USDT as decimal text, "" when unknown."""
    equity_change_ratio: float | None = None
    note: str = ""
    """One sentence when something needs attention, else empty."""
    busy: list[str] = []
    """What would be stopped by stopping the engine: «download BTC_USDT 1m»."""
    snapshot: bool = False
    """True on the stored state of the last run, sent first while the market connects."""
    safety: int | None = None
    """The safety score, 0..100; None until it was looked at."""
    safety_fit: bool = True
    """False when no order of this mode may be sent: the score is too low, or there is a veto."""


class SymbolsState(Event, tag="symbols", frozen=True, kw_only=True):
    """All tradable symbols and which of them are watched, in order."""

    symbols: list[SymbolInfo]
    watched: list[str]


class WatchState(Event, tag="watch", frozen=True, kw_only=True):
    """One row of the watchlist changed. Key: the symbol."""

    row: WatchRow


class BookState(Event, tag="book", frozen=True, kw_only=True):
    """The newest book of a symbol, at most 20 levels a side, best first."""

    symbol: str
    id: int
    ts_ms: int
    bids: list[Level]
    asks: list[Level]
    stale_since_ms: int = 0
    reason: str = ""


class TradesBatch(Event, tag="trades", frozen=True, kw_only=True):
    """Trades since the subscriber's last batch, oldest first. `missed` counts those that the ring no longer held."""

    symbol: str
    trades: list[Trade]
    missed: int = 0
    stale_since_ms: int = 0


class ChartTail(Event, tag="chart", frozen=True, kw_only=True):
    """The end of a chart: the last closed candle and the forming one, with the overlays' values for both.

    `revision` grows when older candles changed (a gap was filled): ask for the whole series again.
    """

    topic: str
    symbol: str
    timeframe: str
    candles: list[Candle]
    lines: list[OverlayLine] = []
    revision: int = 0
    stale_since_ms: int = 0


class AccountsState(Event, tag="accounts", frozen=True, kw_only=True):
    """All accounts as the balance screen shows them."""

    accounts: list[AccountState]


class JobState(Event, tag="job", frozen=True, kw_only=True):
    """A job's progress or its end. `end` is "" while it runs, else completed, failed or cancelled."""

    id: int
    title: str
    done: float
    """0..1"""
    detail: str = ""
    end: str = ""
    reason: str = ""
    kind: str = ""
    """data-download, backtest, sweep, analysis, ..."""
    speed: str = ""
    """In the work's own unit, as words: «24 M bars/s», «631 runs/s»."""
    left_s: float | None = None
    """Estimate of the remaining seconds; None while unknown."""
    result: int = 0
    """Number of the run or the sweep it makes; 0 for other work."""
    started_ms: int = 0
    ended_ms: int = 0


class LabState(Event, tag="lab", frozen=True, kw_only=True):
    """Counts up whenever the stored strategies, runs or sweeps changed: ask for the list again. Topic `lab`."""

    strategies: int = 0
    runs: int = 0
    sweeps: int = 0


class SweepState(Event, tag="sweep", frozen=True, kw_only=True):
    """A sweep's best so far and its heat map, while it runs and when it ended. Topic `sweep:NUMBER`."""

    sweep: SweepDetail


class BotsState(Event, tag="bots", frozen=True, kw_only=True):
    """All bots that have not stopped, and the last few that have. Topic `bots`."""

    bots: list[BotRow]


class PositionsState(Event, tag="positions", frozen=True, kw_only=True):
    """All open positions with their marks, at most twice a second. Topic `positions`."""

    positions: list[PositionRow]


class OrdersState(Event, tag="orders", frozen=True, kw_only=True):
    """Orders that may still fill. Topic `orders`."""

    orders: list[OrderRow]


class RiskState(Event, tag="risk", frozen=True, kw_only=True):
    """The desk of risk, once a second and after each change. Topic `risk`."""

    risk: Risk


class TradingState(Event, tag="trading", frozen=True, kw_only=True):
    """The state of trading for the header, and counters that grow when stored rows changed: ask for them again.
    Topic `trading`."""

    state: TradingStateName = "ACTIVE"
    reason: str = ""
    risk: int | None = None
    """The meter, 0..100; None while unknown."""
    breaches: int = 0
    """Limits broken now."""
    trades: int = 0
    fills: int = 0
    signals: int = 0
    journal: int = 0
    alerts: int = 0
    """Changes of alerts, latches, locks and limits."""
    open_alerts: int = 0
    unknown_orders: int = 0
    ahead_ms: int = 0
    """How far the clock of the market runs before the clock of the machine: 0 except where a simulated exchange keeps
    its own time. Ages of stored rows are counted on the market's."""


class SafetyState(Event, tag="safety", frozen=True, kw_only=True):
    """The safety score and what each check found, at each look. Topic `safety`."""

    safety: SafetyView


class Fact(Event, tag="fact", frozen=True, kw_only=True):
    """Something that happened and is stored: numbered without holes, never skipped."""

    number: int
    kind: str
    """stream, engine, job, account, config; of trading: signal, decision, refused, order, fill, bot, protection, risk,
    halt, alert."""
    level: Literal["info", "warning", "error"]
    text: str
    symbol: str = ""
    bot: int = 0
    ref: str = ""
    """Id of the order, signal or alert that it speaks of."""


class Notice(Event, tag="notice", frozen=True, kw_only=True):
    """A word to this face only: it was too slow and is caught up, the engine is ending."""

    kind: Literal["ending", "slow", "lagged"]
    text: str


AnyEvent = (
    EngineState
    | SymbolsState
    | WatchState
    | BookState
    | TradesBatch
    | ChartTail
    | AccountsState
    | JobState
    | LabState
    | SweepState
    | BotsState
    | PositionsState
    | OrdersState
    | RiskState
    | TradingState
    | SafetyState
    | Fact
    | Notice
)
