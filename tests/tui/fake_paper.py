"""Paper trading of the fake engine: three bots, two positions, orders, a feed, results, a journal. Commands change it
by rules simple enough to read here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from polotui.api import replies as r
from polotui.api import trade_commands as tc
from polotui.api import trade_replies as tr
from polotui.api.events import AnyEvent, BotsState, Fact, OrdersState, PositionsState, TradingState
from polotui.api.trade_values import (
    BotRow,
    DecisionRow,
    DriftPart,
    FeedItem,
    FindingRow,
    JournalRow,
    OrderRow,
    PositionRow,
    ResultBar,
    SignalRow,
    TradeRow,
)
from polotui.api.values import EquityPoint, Shown
from polotui.core.ids import Chance

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine

NOW = 1_795_269_751_000  # 21 Nov 2026 14:02:31 UTC
PaperEvent = BotsState | PositionsState | OrdersState | TradingState
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MIDNIGHT = NOW - NOW % DAY
SNAPSHOT = """\
spec: 1
name: ema-pullback
timeframe: 1h
entry:
  long: "fast@4h > slow@4h and crosses_above(rsi14, 30)"
stops:
  loss: {kind: atr, indicator: atr, multiple: 2}
"""


def make_bots() -> list[BotRow]:
    first = BotRow(
        id=3, strategy="ema-pullback", version=4, symbols=["BTC_USDT"], timeframe="1h", account="paper/bot-3",
        capital="2000", equity="2024.80", result="24.80", result_ratio=0.0124, realised="4.05", day_result="20.75",
        drawdown=-0.021, expected_low=-0.008, expected_high=0.021, health="ok", positions=1, orders=1, trades=14,
        wins=8,
        protection="local", started_ms=NOW - 3 * DAY - 4 * HOUR - 11 * MINUTE, last_bar_ms=NOW - 2 * MINUTE - 31_000,
        next_bar_ms=NOW + 57 * MINUTE + 29_000, params={"fast_len": 21, "slow_len": 55},
    )  # fmt: skip
    second = BotRow(
        id=4, strategy="rsi-reversion", version=2, symbols=["ETH_USDT"], timeframe="15m", account="paper/bot-4",
        state="paused", reason="stale data since 13:41", capital="1500", equity="1488.60", result="-11.40",
        result_ratio=-0.0076, realised="-11.40", day_result="-2.10", drawdown=-0.034, expected_low=-0.004,
        expected_high=0.011, health="below", trades=31, wins=14, started_ms=NOW - 9 * DAY, fresh=False,
    )  # fmt: skip
    third = BotRow(
        id=5, strategy="donchian-20", version=1, symbols=["SOL_USDT", "XRP_USDT", "BNB_USDT"], timeframe="4h",
        account="paper/bot-5", capital="1000", equity="1003.10", result="3.10", result_ratio=0.0031,
        expected_low=-0.02, expected_high=0.05, health="early", positions=1, trades=2, wins=1, protection="venue",
        started_ms=NOW - 41 * MINUTE, blocked="4th pair above 0.70 with BTC_USDT, ETH_USDT", realised="0",
        day_result="3.10",
    )  # fmt: skip
    return [first, second, third]


def make_positions() -> list[PositionRow]:
    btc = PositionRow(
        account="paper/bot-3", bot=3, strategy="ema-pullback", symbol="BTC_USDT", quantity="0.0310",
        entry_price="61204.10", mark="61873.41", mark_ms=NOW - 300, value="1918.08", result="20.75",
        result_ratio=0.0109,
        r=1.03, stop="60592.06", target="62428.18", stop_distance=0.0207, target_distance=0.009, protection="local",
        fees="3.79", opened_ms=NOW - 5 * HOUR, price_scale=2, quantity_scale=6,
    )  # fmt: skip
    sol = PositionRow(
        account="paper/bot-5", bot=5, strategy="donchian-20", symbol="SOL_USDT", quantity="3.2000",
        entry_price="153.95", mark="154.92", mark_ms=NOW - 500, value="495.74", result="3.10", result_ratio=0.0063,
        r=0.42,
        stop="151.60", stop_distance=0.0214, protection="venue", fees="0.98", opened_ms=NOW - 30 * MINUTE, trail=True,
        price_scale=2, quantity_scale=4,
    )  # fmt: skip
    return [btc, sol]


def make_orders() -> list[OrderRow]:
    limit = OrderRow(
        id="pt-000007", account="paper/bot-3", bot=3, strategy="ema-pullback", symbol="BTC_USDT", side="SELL",
        type="LIMIT",
        purpose="target", state="ACCEPTED", quantity="0.0310", price="62428.18", created_ms=NOW - 5 * HOUR,
        updated_ms=NOW - 5 * HOUR, reason="target at 2 R", signal="s-41",
    )  # fmt: skip
    hand = OrderRow(
        id="pt-000009", account="paper", bot=0, symbol="ETH_USDT", side="BUY", type="LIMIT", purpose="manual",
        state="PARTIAL", quantity="0.5000", price="2660.00", filled="0.2000", average_price="2659.80",
        created_ms=NOW - 12 * MINUTE, updated_ms=NOW - MINUTE, fees="1.06 USDT",
    )  # fmt: skip
    return [limit, hand]


def unknown_order() -> OrderRow:
    return OrderRow(
        id="pt-000011", account="paper/bot-5", bot=5, strategy="donchian-20", symbol="XRP_USDT", side="BUY",
        type="MARKET",
        purpose="entry", state="UNKNOWN", amount="120", created_ms=NOW - 9_000, updated_ms=NOW - 8_000,
        words="No answer within 5 s.", signal="s-44",
    )  # fmt: skip


def make_feed(count: int = 250) -> list[FeedItem]:
    """Newest first; the first lines as a trader would meet them, then a long tail of fills."""

    def item(
        number: int, ago: int, kind: str, text: str, symbol: str = "BTC_USDT", bot: int = 3, **more: Any
    ) -> FeedItem:
        return FeedItem(number=number, at_ms=NOW - ago, kind=kind, text=text, symbol=symbol, bot=bot, **more)

    top = [
        item(5000, 2 * MINUTE, "signal", "long · fast@4h > slow@4h ✓ · crosses_above(rsi, 30) ✓", ref="s-43"),
        item(4999, 2 * MINUTE, "refused", "long · RISK-CORR: 4th pair above 0.70 with ETH_USDT, SOL_USDT, AVAX_USDT",
             level="warning", ref="s-43"),
        item(4998, 21 * MINUTE, "fill", "sell 0.0310 @ 61,873.41 · fee 2.97 USDT · target", ref="pt-000007"),
        item(4997, 21 * MINUTE, "bot", "rsi-reversion v2 is paused: stale data since 13:41", "ETH_USDT", 4,
             level="warning"),
        item(4996, 30 * MINUTE, "protection", "trailing stop moved to 151.60, at exchange", "SOL_USDT", 5),
        item(4995, 31 * MINUTE, "order", "buy market 3.2000 accepted", "SOL_USDT", 5, ref="pt-000008"),
        item(4994, 40 * MINUTE, "alert", "near: correlated pairs 2 of 3", "", 0, level="warning"),
    ]  # fmt: skip
    tail = [
        item(4993 - index, HOUR + index * 7 * MINUTE, "fill" if index % 2 else "decision",
             f"line {4993 - index} of the past", bot=3 + index % 2)
        for index in range(count - len(top))
    ]  # fmt: skip
    return [*top, *tail]


def make_trades() -> list[TradeRow]:
    rng = Chance("paper trades").generator()
    made = []
    for index in range(14):
        profit = round(rng.gauss(4, 14), 2)
        exit_ms = NOW - 21 * MINUTE - index * 11 * HOUR
        made.append(
            TradeRow(
                id=40 - index, account="paper/bot-3", bot=3 + index % 2, strategy="ema-pullback", symbol="BTC_USDT",
                entry_ms=exit_ms - 5 * HOUR, exit_ms=exit_ms, entry_price=f"{61000 + index * 37}.10",
                exit_price=f"{61000 + index * 37 + profit * 20:.2f}", quantity="0.0310", stop="60592.06",
                target="62428.18",
                fees="7.62", profit=f"{profit:.2f}", ratio=profit / 1900, r=profit / 19, signal=f"s-{40 - index}",
                reason="target" if profit > 0 else "stop", note="news at noon" if index == 1 else "",
                tags=["news"] if index == 1 else [],
            )
        )  # fmt: skip
    return made


def make_journal() -> list[JournalRow]:
    rows = [
        JournalRow(id=trade.id, at_ms=trade.exit_ms, note=trade.note, tags=trade.tags, trade=trade, snapshot=SNAPSHOT)
        for trade in make_trades()
    ]
    own = JournalRow(id=3, at_ms=NOW - 26 * HOUR, note="Fed day: half size until the evening", tags=["fed", "size"])
    rows.insert(2, own)
    return rows


def make_signals() -> list[SignalRow]:
    def signal(ident: str, ago: int, symbol: str, state: Any, ending: str, **more: Any) -> SignalRow:
        values: dict[str, Any] = {
            "id": ident, "bot": 3, "strategy": "ema-pullback", "symbol": symbol, "side": "long",
            "bar_ms": NOW - ago - HOUR,
            "at_ms": NOW - ago, "entry": "61204.10", "stop": "60592.06", "target": "62428.18", "score": 0.71,
            "confirmation": "4h ✓ 1d ✓", "reason": "fast@4h > slow@4h and crosses_above(rsi, 30)", "state": state,
            "ending": ending, "latency_ms": 12,
        }  # fmt: skip
        return SignalRow(**(values | more))

    return [
        signal("s-44", 20_000, "XRP_USDT", "new", "", bot=5, entry="0.6021", stop="0.5900", target="", score=None),
        signal("s-43", 2 * MINUTE, "BTC_USDT", "closed", "refused: RISK-CORR"),
        signal("s-42", 30 * MINUTE, "SOL_USDT", "active", "", bot=5, entry="153.95", stop="151.60", target=""),
        signal("s-41", 5 * HOUR, "BTC_USDT", "active", ""),
        signal("s-40", 30 * HOUR, "BTC_USDT", "closed", "target", closed_ms=NOW - 26 * HOUR),
    ]


def make_bars(period: str, count: int, before_ms: int = 0) -> list[ResultBar]:
    """Bars of `count` periods that end before `before_ms`; a seeded history of 200 days."""
    size = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY}[period]
    newest = MIDNIGHT if not before_ms else before_ms - size
    oldest = MIDNIGHT - 200 * DAY
    starts = [start for index in range(count) if (start := newest - (count - 1 - index) * size) >= oldest]
    bars = []
    for start in starts:
        rng = Chance(f"bar {period} {start}").generator()
        profit = rng.gauss(9, 40) * (size / DAY) ** 0.5
        trades = rng.randrange(0, 9)
        days = (start - oldest) // DAY
        equity = 9_600 + days * 3.1 + rng.gauss(0, 30)
        bars.append(
            ResultBar(
                start_ms=start, profit=f"{profit:.2f}" if trades else "0", trades=trades, wins=trades // 2,
                fees=f"{trades * 3.7:.2f}", equity=round(equity, 2),
            )
        )  # fmt: skip
    return bars


def finding(code: str, title: str, text: str, use: float | None = None, *, refuses: bool = False) -> FindingRow:
    return FindingRow(code=code, title=title, refuses=refuses, text=text, use=use)


CHECKS = [
    finding("HALT", "halt", "trading is active", None),
    finding("CASH", "cash", "120.00 of 5,480.20 USDT free", 0.02),
    finding("RISK-POS", "positions", "3 of 50", 0.06),
    finding("RISK-DAY", "daily loss", "−0.4 % of −5 %", 0.08),
    finding("RISK-EXP", "exposure per asset", "31 % of 40 %", 0.78),
    finding("RISK-CORR", "correlated pairs", "2 of 3 above 0.70", 0.67),
]


def approved() -> DecisionRow:
    return DecisionRow(approved=True, checks=CHECKS)


def refused(*, confirmable: bool = False) -> DecisionRow:
    found = finding(
        "RISK-EXP", "exposure per asset", "BTC would be 47 % of the equity, 40 % is allowed", 1.18, refuses=True
    )
    checks = [found if check.code == "RISK-EXP" else check for check in CHECKS]
    warned = finding("NO-STOP", "stop", "no stop protects this position")
    return DecisionRow(
        approved=False, code="CONFIRM" if confirmable else "RISK-EXP", findings=[] if confirmable else [found],
        warnings=[warned], checks=[*(CHECKS if confirmable else checks), warned],
        recommendation="" if confirmable else "At most 890.00 USDT of BTC keeps to the limit.",
        needs_confirmation=confirmable,
    )  # fmt: skip


def plan(command: tc.PlanBot, **more: Any) -> tr.BotPlan:
    values: dict[str, Any] = {
        "ok": True, "strategy": command.strategy, "version": command.version,
        "symbols": command.symbols or ["BTC_USDT"],
        "timeframe": command.timeframe or "1h", "capital": command.capital or "1000", "capital_free": "5480.20",
        "lines": [
            "Loads 220 closed bars before it decides for the first time, at 15:00.",
            "Sizes each trade by 1 % of its equity at the distance of its stop, at most 100 %.",
            "Its stop is held locally: it works while this engine runs and hears prices.",
            "Costs 0.2 % a side and what the book asks.",
        ],
    }  # fmt: skip
    return tr.BotPlan(**(values | more))


PROBLEMS = [
    "Safety score 84 of 100, bots need more than 90: the vault file is readable by others. chmod 600 mends it.",
    "Capital 9,000 USDT, but the paper account has 5,480.20 that no bot has.",
]


class FakePaper:
    """What the fake engine knows of trading."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.bots = make_bots()
        self.ended: list[BotRow] = []
        self.positions = make_positions()
        self.orders = make_orders()
        self.feed = make_feed()
        self.journal = make_journal()
        self.signals = make_signals()
        self.counts = TradingState(trades=14, fills=30, signals=5, journal=1)
        self.decision = approved()
        """What the gate says to every order."""
        self.plan: dict[str, Any] = {}
        self.bars: Callable[[str, int, int], list[ResultBar]] = make_bars
        self.answers: dict[type, Callable[[Any], Any]] = {
            tc.ListBots: self.list_bots,
            tc.PlanBot: lambda command: plan(command, **self.plan),
            tc.StartBot: self.start,
            tc.PauseBot: self.pause,
            tc.StopBot: self.stop,
            tc.GetDrift: self.drift,
            tc.GetFeed: self.get_feed,
            tc.GetResults: self.results,
            tc.GetJournal: self.get_journal,
            tc.ListTrades: lambda command: tr.Trades(trades=[], profit="48.20", fees="106.68", wins=8, losses=6),
            tc.ListSignals: self.list_signals,
            tc.ListOrders: self.list_orders,
            tc.AssessOrder: self.assess,
            tc.PlaceOrder: self.place,
            tc.CancelOrder: lambda command: r.Done(text="Cancelling: it may still fill until the exchange says so."),
            tc.ClosePosition: lambda command: tr.OrderPlaced(
                placed=True, decision=approved(), text="Selling at the market."
            ),
            tc.EditProtection: lambda command: r.Done(text="Stop and target are set."),
            tc.ResolveOrder: lambda command: r.Done(text="Settled, and written into the audit."),
            tc.AddNote: self.note,
        }

    def stand_empty(self) -> None:
        """The first time on this screen."""
        self.bots, self.positions, self.orders, self.feed, self.journal, self.signals = [], [], [], [], [], []
        self.counts = TradingState()
        self.bars = lambda period, count, before_ms: []

    def events(self, topics: Sequence[str]) -> list[AnyEvent]:
        made: dict[str, AnyEvent] = {
            "bots": BotsState(bots=self.bots),
            "positions": PositionsState(positions=self.positions),
            "orders": OrdersState(orders=self.orders),
            "trading": self.counts,
        }
        return [event for topic, event in made.items() if topic in topics]

    def list_bots(self, command: tc.ListBots) -> tr.Bots:
        equity = Shown(standing="known", text="10214.53", as_of_ms=NOW)
        return tr.Bots(bots=[*self.bots, *self.ended] if command.ended else self.bots, equity=equity)

    def bot(self, number: int) -> BotRow:
        return next(row for row in self.bots if row.id == number)

    def start(self, command: tc.StartBot) -> tr.BotStarted:
        row = BotRow(
            id=6, strategy=command.strategy, version=command.version, symbols=command.symbols or ["BTC_USDT"],
            timeframe=command.timeframe or "1h", account="paper/bot-6", capital=command.capital or "1000",
            started_ms=NOW,
        )  # fmt: skip
        self.bots = [*self.bots, row]
        self.engine.push(BotsState(bots=self.bots))
        return tr.BotStarted(bot=row, text="Bot #6 runs. It decides for the first time at 15:00.")

    def _changed(self, row: BotRow, text: str) -> tr.BotStarted:
        self.bots = [row if one.id == row.id else one for one in self.bots]
        self.engine.push(BotsState(bots=self.bots))
        return tr.BotStarted(bot=row, text=text)

    def pause(self, command: tc.PauseBot) -> tr.BotStarted:
        if command.resume:
            row = replace(self.bot(command.bot), state="running", reason="", fresh=True)
            return self._changed(row, f"Bot #{command.bot} goes on.")
        row = replace(self.bot(command.bot), state="paused", reason="by hand")
        return self._changed(row, f"Bot #{command.bot} is paused. Its positions stay protected.")

    def stop(self, command: tc.StopBot) -> tr.BotStarted:
        row = replace(self.bot(command.bot), state="stopping", reason="selling" if command.close else "by hand")
        return self._changed(row, f"Bot #{command.bot} ends.")

    def drift(self, command: tc.GetDrift) -> tr.Drift:
        parts = [
            DriftPart(name="price", amount="-3.10", trades=14, text="fills 1.6 bp worse than the bar's open"),
            DriftPart(name="missed", amount="5.40", trades=1, text="the loser of 19 Nov was refused: RISK-CORR"),
            DriftPart(name="fees", amount="-0.40", trades=14, text="taker where the backtest made"),
        ]
        return tr.Drift(
            bot=command.bot, from_ms=NOW - 3 * DAY, to_ms=NOW, paper="24.80", backtest="22.90", difference="1.90",
            parts=parts, matched=13, missed=1, extra=0, lines=["Paper does what the backtest says."], run=42,
        )  # fmt: skip

    def get_feed(self, command: tc.GetFeed) -> tr.Feed:
        found = [
            item
            for item in self.feed
            if (not command.before or item.number < command.before)
            and (not command.kinds or item.kind in command.kinds)
            and command.bot in (-1, item.bot)
        ]
        return tr.Feed(items=found[: command.limit], more=len(found) > command.limit)

    def fact(self, kind: str, text: str, **more: Any) -> Fact:
        """Something new, stored and told."""
        number = (self.feed[0].number if self.feed else 0) + 1
        values: dict[str, Any] = {"level": "info", "symbol": "BTC_USDT", "bot": 3} | more
        item = FeedItem(number=number, at_ms=NOW, kind=kind, text=text, **values)
        self.feed = [item, *self.feed]
        return Fact(at_ms=NOW, number=number, kind=kind, text=text, **values)

    def results(self, command: tc.GetResults) -> tr.Results:
        bars = self.bars(command.period, command.limit, command.before_ms)
        points = [EquityPoint(bar.start_ms, bar.equity or 0.0) for bar in bars]
        return tr.Results(
            period=command.period, bars=bars, equity=points, today="125.10" if bars else "", total="214.53"
        )

    def get_journal(self, command: tc.GetJournal) -> tr.Journal:
        rows = self.journal
        if command.tag:
            rows = [row for row in rows if command.tag in row.tags]
        if command.bot >= 0:
            rows = [row for row in rows if row.trade is not None and row.trade.bot == command.bot]
        return tr.Journal(rows=rows)

    def note(self, command: tc.AddNote) -> r.Done:
        if command.trade:
            self.journal = [
                replace(row, note=command.note, tags=command.tags)
                if row.trade and row.trade.id == command.trade
                else row
                for row in self.journal
            ]
        else:
            self.journal = [JournalRow(id=9, at_ms=NOW, note=command.note, tags=command.tags), *self.journal]
        return r.Done(text="The note is kept.")

    def list_signals(self, command: tc.ListSignals) -> tr.Signals:
        rows = [row for row in self.signals if command.state in ("", row.state) and command.bot in (0, row.bot)]
        return tr.Signals(signals=[row for row in rows if command.id in ("", row.id)])

    def list_orders(self, command: tc.ListOrders) -> tr.Orders:
        return tr.Orders(orders=[row for row in self.orders if command.id in ("", row.id)])

    def assess(self, command: tc.AssessOrder) -> tr.Assessed:
        return tr.Assessed(
            decision=self.decision, price="61874.80", quantity=command.quantity or "0.0019",
            amount=command.amount or "1918.12", fee="0.24", exposure_after=0.31, cash_after="5360.20",
        )  # fmt: skip

    def place(self, command: tc.PlaceOrder) -> tr.OrderPlaced:
        decision = self.decision
        if not decision.approved and not (decision.needs_confirmation and command.confirmed):
            return tr.OrderPlaced(placed=False, decision=decision, text=decision.recommendation)
        return tr.OrderPlaced(placed=True, decision=approved(), text="Order pt-000012 is sent.")
