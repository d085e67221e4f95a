"""What the face knows: the newest state of each topic, and which topics changed since the last frame.

Decided here: events of any rate only replace values here; painting happens on the frame timer. Nothing is kept in
widgets that a screen needs again. Once the engine is gone every figure is stale, and `gone_since_ms` says since when.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from polotui.api.events import (
    AccountsState,
    AnyEvent,
    BookState,
    BotsState,
    ChartTail,
    EngineState,
    Fact,
    JobState,
    LabState,
    Notice,
    OrdersState,
    PositionsState,
    RiskState,
    SafetyState,
    SweepState,
    SymbolsState,
    TradesBatch,
    TradingState,
    WatchState,
)
from polotui.api.lab_values import SweepDetail
from polotui.api.safety import SafetyView
from polotui.api.trade_replies import Risk
from polotui.api.trade_values import BotRow, OrderRow, PositionRow
from polotui.api.values import AccountState, SymbolInfo, WatchRow
from polotui.core.text import clean
from polotui.model.market import Trade
from polotui.tui.series import Series, chart_topic

TRADES_KEPT = 500
FACTS_KEPT = 500
#: Kinds of facts whose errors are always told.
LOUD = frozenset({"alert", "halt", "risk", "protection"})


@dataclass(frozen=True)
class Note:
    """One line of the notification centre."""

    at_ms: int
    level: str
    text: str
    kind: str = ""

    @property
    def loud(self) -> bool:
        """A breach, a halt, an unsound desk: nobody may miss it, however much else happens."""
        return self.level == "error" and self.kind in LOUD


@dataclass
class Tape:
    """The newest public trades of one symbol, newest last."""

    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=TRADES_KEPT))
    missed: int = 0
    stale_since_ms: int = 0


class Store:
    """The state of one face."""

    def __init__(self) -> None:
        self.engine: EngineState | None = None
        self.symbols: dict[str, SymbolInfo] = {}
        self.watched: list[str] = []
        self.rows: dict[str, WatchRow] = {}
        self.books: dict[str, BookState] = {}
        self.tapes: dict[str, Tape] = {}
        self.charts: dict[str, Series] = {}
        self.accounts: list[AccountState] | None = None
        self.jobs: dict[int, JobState] = {}
        self.lab = LabState()
        """Counts that grow when strategies, runs or sweeps changed."""
        self.sweeps: dict[int, SweepDetail] = {}
        self.bots: list[BotRow] | None = None
        self.positions: list[PositionRow] | None = None
        self.orders: list[OrderRow] | None = None
        self.risk: Risk | None = None
        self.trading = TradingState()
        self.safety: SafetyView | None = None
        self.facts: deque[Fact] = deque(maxlen=FACTS_KEPT)
        self.last_fact = -1
        self.alerts: deque[Note] = deque(maxlen=FACTS_KEPT)
        """Warnings, errors and fills that no toast has shown yet."""
        self.notes: deque[Note] = deque(maxlen=FACTS_KEPT)
        self.link = "connecting"
        """connecting, live, gone."""
        self.gone_since_ms = 0
        self.attempt = 0
        self.gone_words = ""
        self.reload: set[str] = set()
        """Charts whose tail did not join: the session loads them again."""
        self._dirty: set[str] = set()

    @property
    def mode(self) -> str:
        return self.engine.mode if self.engine is not None else ""

    def mark(self, *topics: str) -> None:
        self._dirty.update(topics)

    def take_dirty(self) -> set[str]:
        dirty, self._dirty = self._dirty, set()
        return dirty

    @property
    def is_dirty(self) -> bool:
        return bool(self._dirty)

    def scale_of(self, symbol: str) -> int:
        """Decimals of the symbol's prices."""
        info = self.symbols.get(symbol)
        if info is not None:
            return info.price_scale
        row = self.rows.get(symbol)
        return row.price_scale if row is not None else 2

    def quantity_scale_of(self, symbol: str) -> int:
        info = self.symbols.get(symbol)
        return min(info.quantity_scale, 8) if info is not None else 4

    def chart(self, symbol: str, timeframe: str, overlays: tuple[str, ...]) -> Series:
        topic = chart_topic(symbol, timeframe, overlays)
        if topic not in self.charts:
            self.charts[topic] = Series(symbol, timeframe, overlays)
        return self.charts[topic]

    def note(self, at_ms: int, level: str, text: str, kind: str = "") -> None:
        self.notes.append(Note(at_ms, level, clean(text, 2000), kind))
        self.mark("notes")

    def gone(self, since_ms: int, words: str) -> None:
        """The engine cannot be heard."""
        if self.link != "gone":
            self.link = "gone"
            self.gone_since_ms = since_ms
        self.gone_words = clean(words, 400)
        self.mark("link")

    def back(self) -> None:
        self.link = "live"
        self.gone_since_ms = 0
        self.attempt = 0
        self.gone_words = ""
        self.mark("link")

    def forget_trades(self, symbol: str) -> None:
        """A new subscription starts the tape anew: nobody knows what happened in between."""
        self.tapes.pop(symbol, None)

    def apply(self, event: AnyEvent) -> None:
        """Takes over one event."""
        if isinstance(event, EngineState):
            self.engine = event
            self.mark("engine")
        elif isinstance(event, SymbolsState):
            self.symbols = {info.symbol: info for info in event.symbols}
            self.watch(event.watched)
        elif isinstance(event, WatchState):
            self.rows[event.row.symbol] = event.row
            self.mark("watch")
        elif isinstance(event, BookState):
            self.books[event.symbol] = event
            self.mark(f"book:{event.symbol}")
        elif isinstance(event, TradesBatch):
            tape = self.tapes.setdefault(event.symbol, Tape())
            last = tape.trades[-1].id if tape.trades else -1
            tape.trades.extend(trade for trade in event.trades if trade.id > last)
            tape.missed += event.missed
            tape.stale_since_ms = event.stale_since_ms
            self.mark(f"trades:{event.symbol}")
        elif isinstance(event, ChartTail):
            series = self.charts.get(event.topic)
            if series is not None and not series.merge(event):
                self.reload.add(event.topic)
            self.mark(f"chart:{event.symbol}")
        elif isinstance(event, AccountsState):
            self.accounts = event.accounts
            self.mark("accounts")
        elif isinstance(event, LabState):
            self.lab = event
            self.mark("lab")
        elif isinstance(event, SafetyState):
            self.safety = event.safety
            self.mark("safety")
        elif isinstance(event, SweepState):
            self.sweeps[event.sweep.number] = event.sweep
            self.mark("sweeps")
        elif isinstance(event, BotsState | PositionsState | OrdersState | RiskState | TradingState):
            self._apply_trading(event)
        else:
            self._apply_words(event)

    def _apply_trading(self, event: BotsState | PositionsState | OrdersState | RiskState | TradingState) -> None:
        if isinstance(event, BotsState):
            self.bots = event.bots
            self.mark("bots")
        elif isinstance(event, PositionsState):
            self.positions = event.positions
            self.mark("positions")
        elif isinstance(event, OrdersState):
            self.orders = event.orders
            self.mark("orders")
        elif isinstance(event, RiskState):
            self.risk = event.risk
            self.mark("risk")
        else:
            self.trading = event
            self.mark("trading")

    def watch(self, watched: list[str]) -> None:
        self.watched = list(watched)
        kept = set(watched)
        self.rows = {symbol: row for symbol, row in self.rows.items() if symbol in kept}
        self.mark("symbols", "watch")

    def _apply_words(self, event: JobState | Fact | Notice) -> None:
        if isinstance(event, JobState):
            self.jobs[event.id] = event
            while len(self.jobs) > 50:
                del self.jobs[min(self.jobs)]
            # Its end is a fact as well, and facts are told once; a face that has just come hears of old jobs here.
            self.mark("jobs")
        elif isinstance(event, Fact):
            if event.number <= self.last_fact:
                return
            self.last_fact = event.number
            self.facts.append(event)
            self._alert(event.at_ms, event.level, event.text, event.kind)
            if event.kind == "fill" and event.level == "info":
                # News to whoever looks at another screen.
                self.alerts.append(self.notes[-1])
            self.mark("facts")
        else:
            self._alert(event.at_ms, "warning", event.text)

    def _alert(self, at_ms: int, level: str, text: str, kind: str = "") -> None:
        self.note(at_ms, level, text, kind)
        if level != "info":
            self.alerts.append(self.notes[-1])
