"""An engine for the face's tests: deterministic values, a script of events, calls that fail when told to."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.api.events import (
    AccountsState,
    AnyEvent,
    BookState,
    ChartTail,
    EngineState,
    LabState,
    LimitUse,
    RiskState,
    StreamStatus,
    SweepState,
    SymbolsState,
    TradesBatch,
    TradingState,
    WatchState,
)
from polotui.api.trade_commands import AssessOrder
from polotui.api.values import AccountState, AssetRow, EquityPoint, Level, OverlayLine, Shown, SymbolInfo, WatchRow
from polotui.core.clock import Clock, FrozenClock
from polotui.core.errors import EngineGone, PolotuiError
from polotui.core.ids import Chance
from polotui.model.candles import Candle, Timeframe
from polotui.model.market import Trade
from tests.tui.fake_backtests import FakeBench
from tests.tui.fake_lab import FakeLab
from tests.tui.fake_paper import FakePaper, PaperEvent
from tests.tui.fake_risk import FakeRisk

NOW = 1_795_269_751_000  # 21 Nov 2026 14:02:31 UTC
#: What a change of topics brings; the rest was told with the first batch.
RETOLD = BookState | TradesBatch | LabState | SweepState | RiskState | PaperEvent
PRICES = {"BTC_USDT": (61873.41, 2), "ETH_USDT": (2684.07, 2), "SOL_USDT": (154.92, 2), "XRP_USDT": (0.6021, 4)}
MORE = {"BNB_USDT": (588.3, 2), "DOGE_USDT": (0.1243, 5), "LTC_USDT": (84.11, 2), "PEPE_USDT": (0.00001123, 10)}


def frozen() -> FrozenClock:
    return FrozenClock(NOW)


def info(symbol: str) -> SymbolInfo:
    base, _, quote = symbol.rpartition("_")
    scale = {**PRICES, **MORE}.get(symbol, (1.0, 2))[1]
    return SymbolInfo(symbol=symbol, base=base, quote=quote, price_scale=scale, quantity_scale=6, amount_scale=2)


def walk(symbol: str, count: int, last: float, spread: float = 0.004) -> list[float]:
    """A seeded walk of `count` closes that ends at `last`."""
    rng = Chance(f"walk {symbol}").generator()
    values = [last]
    for _ in range(count - 1):
        values.append(values[-1] * (1 + rng.gauss(0, spread)))
    return values[::-1]


def make_candles(symbol: str, frame: Timeframe, count: int, end_ms: int) -> list[Candle]:
    """The `count` candles that end with the one containing `end_ms`."""
    last, _ = {**PRICES, **MORE}.get(symbol, (100.0, 2))
    newest = frame.floor(end_ms)
    rng = Chance(f"candles {symbol} {frame.value} {newest}").generator()
    closes = walk(f"{symbol} {frame.value}", count + 1, last, 0.002 if frame.ms < 3_600_000 else 0.004)
    made = []
    for index in range(count):
        start, close = closes[index], closes[index + 1]
        high = max(start, close) * (1 + abs(rng.gauss(0, 0.0015)))
        low = min(start, close) * (1 - abs(rng.gauss(0, 0.0015)))
        volume = 40 + abs(rng.gauss(0, 60)) + abs(close / start - 1) * 20_000
        open_ms = newest - (count - 1 - index) * frame.ms
        made.append(Candle(open_ms, start, high, low, close, volume, volume * close, 100, index < count - 1))
    return made


def overlay_lines(names: Sequence[str], candles: list[Candle]) -> list[OverlayLine]:
    """Smooth lines: what an average looks like is enough here."""
    lines = []
    for name in names:
        length = int("".join(letter for letter in name if letter.isdigit()) or 20)
        values: list[float | None] = []
        average = sum(candle.close for candle in candles[:length]) / max(1, len(candles[:length]))
        for candle in candles:
            average += (candle.close - average) * 2 / (length + 1)
            values.append(average)
        if name.startswith("bb"):
            lines.append(OverlayLine(name=f"{name}.upper", overlay=name, values=[v and v * 1.015 for v in values]))
            lines.append(OverlayLine(name=f"{name}.lower", overlay=name, values=[v and v * 0.985 for v in values]))
        else:
            lines.append(OverlayLine(name=name, overlay=name, values=values))
    return lines


def known(text: str) -> Shown:
    return Shown(standing="known", text=text, as_of_ms=NOW)


def unknown(cause: str, advice: str = "", reason: str = "no-answer") -> Shown:
    return Shown(standing="unknown", reason=reason, cause=cause, help=advice)


def asset(
    currency: str, have: str, hold: str, price: str, value: str, share: str, change: str, **more: Any
) -> AssetRow:
    return AssetRow(
        account=more.pop("account", "spot"),
        currency=currency,
        available=known(have),
        hold=known(hold),
        price=known(price),
        value=known(value),
        share=known(share),
        change_24h=known(change) if change else unknown("no price a day ago", reason="no-price"),
        **more,
    )


def make_accounts() -> list[AccountState]:
    curve = walk("equity", 240, 10214.53, 0.004)
    points = [EquityPoint(NOW - (239 - index) * 3 * 3_600_000, value) for index, value in enumerate(curve)]
    lost = unknown("no answer since 13:58 (exchange busy, 429)", "r try again", "busy")
    doge = AssetRow(
        account="spot", currency="DOGE", available=lost, hold=lost, price=known("0.1243"), value=lost, share=lost,
        change_24h=known("0.004"),
    )  # fmt: skip
    rows = [
        asset("BTC", "0.07921400", "0.00100000", "61873.41", "4963.05", "0.486", "0.0214"),
        asset("USDT", "2640.11000000", "15.00000000", "1.00", "2655.11", "0.26", ""),
        asset("ETH", "0.57100000", "0.00000000", "2684.07", "1532.60", "0.15", "0.0102"),
        asset("SOL", "4.70000000", "0.00000000", "154.92", "728.12", "0.071", "-0.0043"),
        doge,
        asset("XRP", "540.20000000", "0.00000000", "0.6021", "325.25", "0.032", "0.001"),
        *(asset(f"DUST{n}", f"0.0{n}", "0", "0.5", f"0.0{n}", "0.0", "0", dust=True) for n in range(1, 8)),
    ]
    spot = AccountState(
        account="spot", title="demo exchange account", total=known("10214.53"), change_24h=known("125.10"),
        change_24h_ratio=known("0.0124"), rows=rows, equity=points,
    )  # fmt: skip
    paper = AccountState(
        account="paper", title="paper account", total=known("10000.00"), change_24h=known("0"),
        change_24h_ratio=known("0"), equity=points[-60:],
        rows=[asset("USDT", "10000.00", "0", "1.00", "10000.00", "1", "", account="paper")],
    )  # fmt: skip
    return [spot, paper]


def watch_row(symbol: str, **more: Any) -> WatchRow:
    last, scale = {**PRICES, **MORE}[symbol]
    curve = walk(f"day {symbol}", 24, last)
    change = last / curve[0] - 1
    values: dict[str, Any] = {
        "last": last, "change": change, "open": curve[0], "high": max(curve), "low": min(curve),
        "amount": last * 1234, "bid": last * 0.99998, "ask": last * 1.00002, "spread_bp": 0.4, "spark": curve,
        "ts_ms": NOW, "price_scale": scale,
    }  # fmt: skip
    return WatchRow(symbol=symbol, **(values | more))


def make_book(symbol: str, ident: int = 1, shift: float = 0.0) -> BookState:
    last, scale = {**PRICES, **MORE}.get(symbol, (100.0, 2))
    tick = 10.0**-scale * 40
    mid = last + shift

    def level(value: float, place: int) -> Level:
        # Most levels stay from one book to the next; three of forty are new.
        age = ident if place in {ident % 40, ident * 7 % 40, ident * 13 % 40} else 0
        rng = Chance(f"book {symbol} {value:.8f} {age}").generator()
        return Level(value, round(rng.expovariate(1.5) + 0.01, 6))

    bids = [level(round(mid - tick * (i + 1), scale), i) for i in range(20)]
    asks = [level(round(mid + tick * (i + 1), scale), 20 + i) for i in range(20)]
    return BookState(symbol=symbol, id=ident, ts_ms=NOW, bids=bids, asks=asks, at_ms=NOW)


def make_trades(symbol: str, count: int, first: int = 1) -> list[Trade]:
    last, scale = {**PRICES, **MORE}.get(symbol, (100.0, 2))
    rng = Chance(f"trades {symbol} {first}").generator()
    return [
        Trade(first + i, NOW - (count - i) * 731, round(last * (1 + rng.gauss(0, 1e-5)), scale),
              round(rng.expovariate(4), 4), rng.random() < 0.5)
        for i in range(count)
    ]  # fmt: skip


def heartbeat(clock: Clock, **more: Any) -> EngineState:
    now = clock.wall_ms()
    values: dict[str, Any] = {
        "at_ms": now, "version": "0", "pid": 4242, "started_ms": NOW - 3_600_000, "mode": "DEMO",
        "venue": "built-in exchange", "host": "127.0.0.1", "clock_offset_ms": 12.0, "faces": 1,
        "streams": [StreamStatus(name="spot public", phase="live", last_message_ms=now - 400, messages=120_331)],
        "limits": [LimitUse(name="public", used=3, capacity=200)],
        "equity": "10214.53", "equity_change_ratio": 0.0124,
    }  # fmt: skip
    return EngineState(**(values | more))


class FakeEngine:
    """The world behind the links. `calls` keeps what was asked, `fail` says what is refused."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or frozen()
        self.calls: list[c.Command] = []
        self.fail: dict[type, PolotuiError] = {}
        self.links: list[FakeLink] = []
        self.alive = True
        self.watched = list(PRICES)
        self.accounts = make_accounts()
        self.state: dict[str, Any] = {}
        self.library = "bench"
        """Whose strategies are told: «lab» in the tests of that screen."""
        self.lab = FakeLab(NOW)
        self.bench = FakeBench(self)
        self.risk = FakeRisk(NOW)
        self.paper = FakePaper(self)
        self.more_answers: dict[type, Callable[[Any], Any]] = {}

    async def connect(self) -> FakeLink:
        if not self.alive:
            raise EngineGone("No engine is running here.", next_step="Start it: polotui engine start.")
        link = FakeLink(self)
        self.links.append(link)
        return link

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    def push(self, *events: AnyEvent) -> None:
        self.link.queue.put_nowait(list(events))

    def die(self) -> None:
        self.alive = False
        for link in self.links:
            link.queue.put_nowait(None)

    def snapshot(self, topics: Sequence[str]) -> list[AnyEvent]:
        """The first batch of a subscription: the newest of each state topic."""
        events: list[AnyEvent] = [heartbeat(self.clock, **self.state)]
        infos = [info(symbol) for symbol in (*PRICES, *MORE)]
        events.append(SymbolsState(symbols=infos, watched=list(self.watched)))
        events += [WatchState(row=watch_row(symbol)) for symbol in self.watched]
        events.append(AccountsState(accounts=self.accounts))
        if self.library == "lab":
            events.append(self.lab.state())
        for topic in topics:
            kind, _, rest = topic.partition(":")
            if kind == "book":
                events.append(make_book(rest))
            elif kind == "trades":
                events.append(TradesBatch(symbol=rest, trades=make_trades(rest, 30)))
        events += [*self.bench.events(topics), *self.risk.events(topics), *self.paper.events(topics)]
        return [event for event in events if not isinstance(event, TradingState)] + (
            [self.trading()] if "trading" in topics else []
        )

    def trading(self) -> TradingState:
        """One state of trading: the counters are the paper screen's, the rest is of risk."""
        counts, risk = self.paper.counts, self.risk.trading
        return msgspec.structs.replace(
            risk, trades=counts.trades, fills=counts.fills, signals=counts.signals, journal=counts.journal
        )

    def answer(self, command: c.Command) -> Any:
        self.calls.append(command)
        if type(command) in self.fail:
            raise self.fail[type(command)]
        if type(command) in self.more_answers:
            return self.more_answers[type(command)](command)
        if self.library == "lab" and (told := self.lab.answer(command)) is not None:
            return told
        if isinstance(command, AssessOrder) and self.risk.assessed is not None:
            return self.risk.assessed
        if type(command) in self.paper.answers:
            return self.paper.answers[type(command)](command)
        if type(command) in self.bench.answers:
            return self.bench.answers[type(command)](command)
        if isinstance(command, c.GetCandles):
            frame = Timeframe.parse(command.timeframe)
            end = (command.before_ms - 1) if command.before_ms else self.clock.wall_ms()
            candles = make_candles(command.symbol, frame, command.limit, end)
            return r.CandleSeries(
                symbol=command.symbol, timeframe=command.timeframe, candles=candles, more=True,
                lines=overlay_lines(command.overlays, candles), source=r.Source(name="store"),
            )  # fmt: skip
        if isinstance(command, c.Watch):
            if command.remove:
                self.watched.remove(command.symbol)
            else:
                self.watched.append(command.symbol)
            return r.Watched(watched=list(self.watched))
        if isinstance(command, c.GetAccounts):
            return r.Accounts(accounts=self.accounts)
        if isinstance(command, c.GetHealth):
            part = r.Part(name="stream", state="online", text="live, 0 lost", figures={"messages": 120_331})
            return r.Health(state="online", parts=[part])
        if isinstance(command, c.GetFacts):
            return r.Facts(facts=[], last=0)
        if isinstance(command, c.GetJobs):
            return r.Jobs(jobs=[])
        if isinstance(command, c.DataList):
            return r.DataSets(sets=[])
        if isinstance(command, c.DataDownload):
            return r.JobStarted(id=1, title=f"download {command.symbol} 1m")
        if isinstance(command, c.StopEngine | c.PaperDeposit):
            return r.Done(text="done")
        if (told := self.lab.answer(command)) is not None or (told := self.risk.answer(command)) is not None:
            return told
        raise AssertionError(f"the fake engine does not know {command}")


class FakeLink:
    """One connection to the fake engine."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.queue: asyncio.Queue[list[AnyEvent] | None] = asyncio.Queue()
        self.topics: list[str] = []
        self.rate = 0.0
        self.facts_after: int | None = None
        self.closed = False

    async def call(self, command: c.Command) -> Any:
        await asyncio.sleep(0)
        if not self.engine.alive:
            raise EngineGone("The connection to the engine ended.")
        return self.engine.answer(command)

    async def events(
        self, topics: Sequence[str], *, rate: float = 10.0, facts_after: int = -1
    ) -> AsyncIterator[list[AnyEvent]]:
        self.topics, self.rate, self.facts_after = list(topics), rate, facts_after
        yield self.engine.snapshot(topics)
        while True:
            batch = await self.queue.get()
            if batch is None:
                raise EngineGone("The connection to the engine ended.")
            yield batch

    async def retopic(self, topics: Sequence[str], *, rate: float = 10.0) -> None:
        new = [topic for topic in topics if topic not in self.topics]
        self.topics, self.rate = list(topics), rate
        events = self.engine.snapshot(new)
        self.queue.put_nowait([event for event in events if isinstance(event, RETOLD)])

    async def close(self) -> None:
        self.closed = True


def tail(topic: str, candles: list[Candle], revision: int = 0) -> ChartTail:
    _, symbol, frame, overlays = topic.split(":")
    names = [name for name in overlays.split(",") if name]
    return ChartTail(
        topic=topic, symbol=symbol, timeframe=frame, candles=candles, lines=overlay_lines(names, candles),
        revision=revision,
    )  # fmt: skip


def wave(step: int) -> float:
    return math.sin(step / 7)
