"""What the commands of trading and risk answer."""

from __future__ import annotations

import msgspec

from polotui.api.trade_values import (
    AlertRow,
    BoardCard,
    BotRow,
    DecisionRow,
    DriftPart,
    ExposureRow,
    FeedItem,
    FillRow,
    JournalRow,
    LatchRow,
    LimitChange,
    LimitField,
    LimitRow,
    LockRow,
    Meter,
    OrderRow,
    PositionRow,
    ProtectionRow,
    ResultBar,
    SignalRow,
    TradeRow,
    TradingStateName,
)
from polotui.api.values import EquityPoint, Shown


class Bots(msgspec.Struct, frozen=True, kw_only=True):
    bots: list[BotRow]
    equity: Shown
    """Of the whole paper account."""
    day_result: str = ""
    day_ratio: float | None = None


class BotStarted(msgspec.Struct, frozen=True, kw_only=True):
    bot: BotRow
    text: str


class BotPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What starting would do, and what stands against it: the wizard's last page."""

    ok: bool
    strategy: str
    version: int
    symbols: list[str]
    timeframe: str
    capital: str
    capital_free: str
    """What the paper account has that no bot has."""
    problems: list[str] = []
    warnings: list[str] = []
    lines: list[str] = []
    """What it will do, in sentences: warm-up, sizing, stop, protection, costs."""


class Positions(msgspec.Struct, frozen=True, kw_only=True):
    positions: list[PositionRow]


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    orders: list[OrderRow]
    more: bool = False


class Fills(msgspec.Struct, frozen=True, kw_only=True):
    fills: list[FillRow]
    more: bool = False


class Trades(msgspec.Struct, frozen=True, kw_only=True):
    trades: list[TradeRow]
    profit: str
    fees: str
    wins: int
    losses: int
    more: bool = False


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    signals: list[SignalRow]
    more: bool = False


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    items: list[FeedItem]
    """Newest first."""
    more: bool = False


class Results(msgspec.Struct, frozen=True, kw_only=True):
    period: str
    bars: list[ResultBar]
    equity: list[EquityPoint]
    today: str = ""
    total: str = ""


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[JournalRow]


class OrderPlaced(msgspec.Struct, frozen=True, kw_only=True):
    """`placed` False: refused, and `decision` says by what. Nothing was sent then."""

    placed: bool
    decision: DecisionRow
    order: OrderRow | None = None
    text: str = ""


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen to an order, with what it would cost and change. Nothing was sent."""

    decision: DecisionRow
    daily_loss: dict[str, object] = msgspec.field(name="dailyLoss", default_factory=dict)
    max_positions: dict[str, object] = msgspec.field(name="maxPositions", default_factory=dict)
    correlation: dict[str, object] = {}
    price: str = ""
    """The worst price that it would fill at now."""
    quantity: str = ""
    amount: str = ""
    fee: str = ""
    exposure_after: float | None = None
    cash_after: str = ""


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """A bot's paper result against a backtest of the same span. Positive amounts: paper did better."""

    bot: int
    from_ms: int
    to_ms: int
    paper: str
    backtest: str
    difference: str
    parts: list[DriftPart]
    matched: int
    missed: int
    extra: int
    lines: list[str] = []
    run: int = 0


class Protections(msgspec.Struct, frozen=True, kw_only=True):
    running: bool
    positions: list[ProtectionRow]
    last_check_ms: int
    oldest_price_ms: int | None
    worst_latency_ms: float | None
    note: str = ""


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """The whole desk of risk at one moment."""

    state: TradingStateName
    state_reason: str
    preset: str
    meter: Meter
    limits: list[LimitRow]
    exposure: list[ExposureRow]
    cash_share: float | None
    latches: list[LatchRow]
    locks: list[LockRow]
    alerts: list[AlertRow]
    """Those that are open."""
    protection: list[ProtectionRow]
    stops_venue: int = 0
    stops_local: int = 0
    stops_none: int = 0
    pending: list[LimitChange] = []
    """Loosenings that have been asked for and come into force at `pending_ms`."""
    pending_ms: int = 0
    safety: int | None = None
    now_ms: int = 0
    """The clock of trading at that moment, which runs ahead of the machine's when the market does; 0: the machine's."""
    ladder: list[str] = []
    """What each limit does when it is hit, in order: «daily loss: block, then flatten after 3 readings»."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    preset: str
    fields: list[LimitField]
    presets: list[str]
    pending: list[LimitChange] = []
    pending_ms: int = 0
    changed_ms: int = 0


class LimitsPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What applying would change. `errors` by field name; nothing is applied while there are any."""

    changes: list[LimitChange]
    errors: dict[str, str] = {}
    loosens: bool = False
    delay_s: float = 0.0


class LimitsSet(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    changes: list[LimitChange]
    from_ms: int


class Correlations(msgspec.Struct, frozen=True, kw_only=True):
    """`matrix[i][j]` of `symbols[i]` and `symbols[j]`; None: unknown, which counts as correlated."""

    symbols: list[str]
    matrix: list[list[float | None]]
    held: list[bool]
    threshold: float
    bars: list[list[int]]
    text: str


class RiskHistory(msgspec.Struct, frozen=True, kw_only=True):
    equity: list[EquityPoint]
    drawdown: list[EquityPoint]
    meter: list[EquityPoint]
    warn: float
    pause: float


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    alerts: list[AlertRow]


class PreventedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer of protection prevented in a month. An estimate: the trades were never made."""

    layer: str
    month: str
    count: int
    losses_avoided: str
    gains_missed: str
    open: int = 0


class RiskReport(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    risk: Risk
    prevented: list[PreventedRow] = []


class Halted(msgspec.Struct, frozen=True, kw_only=True):
    state: TradingStateName
    text: str
    cancelled: int = 0
    left: int = 0
    first_cancel_ms: float | None = None
    confirmed_ms: float | None = None


class Board(msgspec.Struct, frozen=True, kw_only=True):
    cards: list[BoardCard]


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    kind: str
    caller: str
    account: str
    symbol: str
    code: str
    text: str
    detail: str
    at_ms: int
    hash: str


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[AuditRow]
    more: bool = False


class ChainResult(msgspec.Struct, frozen=True, kw_only=True):
    chain: str
    ok: bool
    rows: int
    head: str
    bad_row: int = 0
    reason: str = ""


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    ok: bool
    chains: list[ChainResult]
    problems: list[str] = []
    balances_agree: bool = True
    text: str = ""
