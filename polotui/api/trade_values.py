"""Bots, orders, positions and risk as screens and commands show them.

Decided here: money and quantities are decimal text, "" when unknown; ratios are floats as fractions, None when
unknown. Times are integer milliseconds, 0 for never. Words for people come from the engine, so that the screen, the
command line and a script read the same.
"""

from __future__ import annotations

from typing import Literal

import msgspec

BotStateName = Literal["running", "paused", "stopping", "stopped", "failed"]
Protection = Literal["venue", "local", "none"]
TradingStateName = Literal["ACTIVE", "REDUCING", "HALTED"]
AlertLevel = Literal["near", "breach", "unusual", "safety"]


class BotRow(msgspec.Struct, frozen=True, kw_only=True):
    """One bot. `result_ratio` is on its capital, unrealised included; the expected band comes from its newest backtest,
    scaled to the time it has run, None when there is none."""

    id: int
    strategy: str
    version: int
    symbols: list[str]
    timeframe: str
    account: str
    venue: Literal["paper", "exchange"] = "paper"
    state: BotStateName = "running"
    reason: str = ""
    """Why it is paused, stopped or failed: «stale data since 00:41»."""
    params: dict[str, float] = {}
    capital: str = ""
    equity: str = ""
    result: str = ""
    result_ratio: float | None = None
    realised: str = ""
    day_result: str = ""
    drawdown: float | None = None
    expected_low: float | None = None
    expected_high: float | None = None
    health: Literal["", "ok", "below", "above", "early"] = ""
    """Result against the band; «early» below 20 bars or 5 trades; "" without a band."""
    positions: int = 0
    orders: int = 0
    trades: int = 0
    wins: int = 0
    protection: Literal["venue", "local", "none", ""] = ""
    """The weakest among its positions; "" without a position."""
    started_ms: int = 0
    ended_ms: int = 0
    last_bar_ms: int = 0
    next_bar_ms: int = 0
    fresh: bool = True
    blocked: str = ""
    """Why it may not enter now, else empty: «stale BTC_USDT», «daily loss», «halted»."""


class PositionRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of one symbol by one account. `r` is the result in units of the first risk."""

    account: str
    bot: int
    strategy: str
    symbol: str
    side: Literal["long"] = "long"
    quantity: str
    entry_price: str
    mark: str = ""
    mark_ms: int = 0
    stale: bool = False
    value: str = ""
    result: str = ""
    """Unrealised, fees paid so far included, in quote currency."""
    result_ratio: float | None = None
    r: float | None = None
    stop: str = ""
    target: str = ""
    trail: bool = False
    stop_distance: float | None = None
    """Fraction of the mark to the stop; target likewise."""
    target_distance: float | None = None
    protection: Protection = "none"
    protection_note: str = ""
    fees: str = ""
    opened_ms: int = 0
    dust: bool = False
    orders: list[str] = []
    """Ids of resting orders on it."""
    price_scale: int = 2
    quantity_scale: int = 8


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One order. `state` is one of the order states; UNKNOWN means that the venue has not answered."""

    id: str
    account: str
    bot: int
    strategy: str = ""
    symbol: str
    side: Literal["BUY", "SELL"]
    type: str
    purpose: str
    state: str
    quantity: str = ""
    amount: str = ""
    price: str = ""
    stop: str = ""
    target: str = ""
    filled: str = "0"
    average_price: str = ""
    fees: str = ""
    reason: str = ""
    code: str = ""
    words: str = ""
    venue_id: str = ""
    signal: str = ""
    created_ms: int = 0
    updated_ms: int = 0
    expire_ms: int = 0


class FillRow(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    id: str
    order: str
    account: str
    bot: int
    symbol: str
    side: Literal["BUY", "SELL"]
    price: str
    quantity: str
    amount: str
    fee: str
    fee_currency: str
    maker: bool
    purpose: str
    reason: str
    signal: str
    at_ms: int
    late_ms: int = 0


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A closed trade. `profit` in quote currency after fees; `ratio` on what was invested; `r` in first risks."""

    id: int
    account: str
    bot: int
    strategy: str
    symbol: str
    side: str = "long"
    entry_ms: int
    exit_ms: int
    entry_price: str
    exit_price: str
    quantity: str
    stop: str = ""
    target: str = ""
    fees: str
    profit: str
    ratio: float | None = None
    r: float | None = None
    reason: str = ""
    signal: str = ""
    note: str = ""
    tags: list[str] = []


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule asked for. `ending`: target, stop, exit rule, expired, refused: CODE …; `latency_ms` from the bar's
    close to the decision."""

    id: str
    bot: int
    strategy: str
    symbol: str
    side: str
    bar_ms: int
    at_ms: int
    entry: str
    stop: str = ""
    target: str = ""
    score: float | None = None
    confirmation: str = ""
    reason: str = ""
    state: Literal["new", "active", "closed"] = "new"
    ending: str = ""
    closed_ms: int = 0
    latency_ms: int = 0


class FeedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the feed: the same fact that the `facts` topic carries, with what it belongs to."""

    number: int
    at_ms: int
    kind: str
    """signal, decision, refused, order, fill, bot, risk, halt, alert, protection."""
    level: Literal["info", "warning", "error"] = "info"
    text: str
    symbol: str = ""
    bot: int = 0
    ref: str = ""


class ResultBar(msgspec.Struct, frozen=True, kw_only=True):
    """One day, week or month (UTC): profit of trades closed in it, and equity at its end."""

    start_ms: int
    profit: str
    trades: int
    wins: int
    fees: str
    equity: float | None = None


class JournalRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    at_ms: int
    note: str
    tags: list[str]
    trade: TradeRow | None = None
    snapshot: str = ""
    """The rules as they stood at the entry."""


class FindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one check of the gate says."""

    code: str
    title: str
    refuses: bool
    text: str
    value: float | None = None
    limit: float | None = None
    use: float | None = None


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an order may go, and all that was looked at."""

    approved: bool
    code: str = ""
    findings: list[FindingRow] = []
    warnings: list[FindingRow] = []
    checks: list[FindingRow] = []
    recommendation: str = ""
    needs_confirmation: bool = False
    """Would pass when asked again with `confirmed`."""


class LimitRow(msgspec.Struct, frozen=True, kw_only=True):
    """A limit with its use. `use` is value over limit (1.0 = at the limit), None while unknown."""

    name: str
    title: str
    value_text: str
    limit_text: str
    warn_text: str = ""
    use: float | None = None
    state: Literal["ok", "near", "breach", "unknown"] = "ok"
    distance_text: str = ""
    """How far it is to the limit, in words: «4.6 % of equity», «47 positions»."""


class LimitField(msgspec.Struct, frozen=True, kw_only=True):
    """One editable limit, for forms. Values as a person writes them: 5 for 5 % when `unit` is «%»."""

    name: str
    title: str
    unit: str
    value: str
    low: str
    high: str
    help: str
    group: str


class LimitChange(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    old: str
    new: str
    loosens: bool


class MeterPart(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    points: float
    of: float
    text: str


class ExposureRow(msgspec.Struct, frozen=True, kw_only=True):
    """Share of the equity. `kind`: asset or strategy."""

    kind: Literal["asset", "strategy"]
    name: str
    value: str
    share: float | None


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    level: AlertLevel
    code: str
    text: str
    at_ms: int
    acknowledged_ms: int = 0
    cured_ms: int = 0


class LatchRow(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    reason: str
    since_ms: int
    how_to_clear: str
    clearable: bool = False
    """Acknowledging is enough now (the next UTC day has come); otherwise only a typed override clears it."""
    override_words: str = ""
    """What must be typed to override."""


class LockRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    symbol: str
    code: str
    reason: str
    from_ms: int
    until_ms: int


class ProtectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """How a position is protected (requirement 142)."""

    account: str
    bot: int
    symbol: str
    level: Protection
    stop: str = ""
    target: str = ""
    last_check_ms: int = 0
    price_age_ms: int | None = None


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    score: int | None
    formula: str
    parts: list[MeterPart]
    biggest: str
    """«exposure BTC 11 of 23»"""


class SizeResult(msgspec.Struct, frozen=True, kw_only=True):
    """How much, by which rule. All amounts in quote currency as text."""

    uncapped: str
    capped: str
    quantity: str
    stop_distance: float | None
    resulting_risk: str
    resulting_risk_ratio: float | None
    reward_to_risk: float | None
    words: str
    warnings: list[str] = []


class BoardCard(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy in its stage, with the evidence of each stage it has been through."""

    strategy: str
    version: int
    stage: Literal["generated", "backtested", "paper", "live"]
    health: Literal["", "ok", "below", "above", "early"] = ""
    bot: int = 0
    run: int = 0
    trades: int | None = None
    total_return: float | None = None
    sharpe: float | None = None
    max_drawdown: float | None = None
    win_rate: float | None = None
    paper_return: float | None = None
    paper_trades: int | None = None
    paper_sharpe: float | None = None
    paper_drawdown: float | None = None
    paper_win_rate: float | None = None
    rule: str = ""
    """The promotion rule that was opted in to, in words; empty = none."""
    proposal: str = ""
    """What is proposed: «to paper», «to live (by hand)», «back to generated»; empty = nothing."""
    evidence: list[str] = []
    """What speaks for the proposal, and what is missing: one sentence each, «✓ …» or «✗ …»."""


class DriftPart(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the difference between paper and a backtest of the same span, in quote currency."""

    name: Literal["price", "timing", "missed", "extra", "fees", "other"]
    amount: str
    trades: int
    text: str
