"""What the fake engine knows of strategies, runs and sweeps: one document, runs of it, jobs that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from polotui.api import commands as c
from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api import replies as r
from polotui.api.events import AnyEvent, JobState, LabState, SweepState
from polotui.api.lab_values import (
    Analysis,
    Bin,
    CurvePoint,
    Diagnostic,
    Group,
    HeatCell,
    Mark,
    MonthReturn,
    ParamField,
    ResultFigure,
    RunDetail,
    RunRow,
    RunSpec,
    StrategyRow,
    SweepAxis,
    SweepDetail,
    SweepResult,
    SweepSpec,
    TradeRow,
)
from polotui.core.errors import UsageError
from polotui.core.ids import Chance
from polotui.model.candles import DAY_MS, Timeframe

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine

HOUR = 3_600_000
TO = 1_795_219_200_000  # 21 Nov 2026
FROM = TO - 365 * DAY_MS


def strategy_rows() -> list[StrategyRow]:
    return [
        StrategyRow(name="ema-pullback", stage="backtested", version=4, symbols=["BTC_USDT"], timeframe="1h", runs=2),
        StrategyRow(name="broken", stage="draft", version=1, symbols=["BTC_USDT"], timeframe="1h"),
        StrategyRow(name="donchian-20", stage="template", symbols=["BTC_USDT"], timeframe="4h"),
    ]


def strategy_detail(name: str) -> lr.StrategyDetail:
    row = next(row for row in strategy_rows() if row.name == name)
    params = [
        ParamField(name="fast_len", whole=True, default=21, least=5, most=50, step=5),
        ParamField(name="slow_len", whole=True, default=55, least=20, most=200, step=20),
        ParamField(name="stop_pct", whole=False, default=0.02, least=0.005, most=0.1, step=0.005),
    ]
    if name == "donchian-20":
        params = [ParamField(name="length", whole=True, default=20, least=5, most=100, step=5)]
    faults = [
        Diagnostic(
            severity="error", code="unknown-name", line=9, column=41, end_column=44, message="`rsi` is not declared."
        )
    ]
    checked = lr.CheckedStrategy(
        ok=name != "broken", name=name, hash="h" * 8, params=params, symbols=row.symbols, timeframe=row.timeframe,
        diagnostics=faults if name == "broken" else [],
    )  # fmt: skip
    return lr.StrategyDetail(row=row, text="", form="yaml", version=row.version, versions=[], checked=checked)


def run_row(run: int, **more: Any) -> RunRow:
    rng = Chance(f"run {run}").generator()
    values: dict[str, Any] = {
        "run": run, "strategy": "ema-pullback", "version": 4, "symbols": ["BTC_USDT"], "timeframe": "1h",
        "from_ms": FROM, "to_ms": TO, "policy": "pessimistic", "created_ms": TO + run * 60_000, "bars": 8760,
        "total_return": round(rng.gauss(0.1, 0.2), 4), "hold_return": 0.3107, "band_low": 0.159, "band_high": 0.21,
        "trades": rng.randrange(40, 400), "win_rate": 0.542, "sharpe": round(rng.gauss(0.8, 0.5), 4),
        "max_drawdown": -0.098, "profit_factor": 1.34, "seconds": 0.08, "data_hash": "d41d8cd98f00b204",
        "document_hash": "9e107d9d372bb682",
    }  # fmt: skip
    return RunRow(**(values | more))


DEFINITIONS = [
    lr.Definition(name="total_return", title="Total return", text="Equity at the end over the capital, less one."),
    lr.Definition(name="sharpe", title="Sharpe", text="Mean daily return over its deviation, times the root of 365."),
    lr.Definition(name="kelly", title="Kelly", text="W − (1 − W) / payoff, from trades in R; under 30 trades none."),
]


class FakeBench:
    """The engine's side of screen 4. Tests reach it as `engine.bench`."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.runs: dict[int, RunRow] = {
            41: run_row(41, total_return=0.1842, trades=212, sharpe=1.12),
            40: run_row(40, strategy="donchian-20", version=0, timeframe="4h", total_return=-0.0421, sharpe=None),
        }
        self.deleted: dict[int, RunRow] = {}
        self.cached: int = 0
        self.analyses: list[Analysis] = []
        self.sweeps: dict[int, SweepDetail] = {3: make_sweep(3, 100, state="completed")}
        self.lab = LabState(strategies=3, runs=2, sweeps=0)
        self.alone = False
        """The tests of screen 4 have their own strategies instead of the lab's."""
        self.answers = {
            lc.ListRuns: lambda _: lr.Runs(runs=sorted(self.runs.values(), key=lambda row: -row.run)),
            lc.StartBacktest: self.start,
            lc.DeleteRun: self.delete,
            lc.GetRun: lambda command: self.detail(command.run),
            lc.GetRunTrades: self.trades,
            lc.GetRunChart: self.chart,
            lc.GetDefinitions: lambda _: lr.Definitions(definitions=DEFINITIONS),
            lc.CompareRuns: self.compare,
            lc.StartSweep: self.start_sweep,
            lc.ResumeSweep: lambda command: lr.SweepStarted(job=8, sweep=command.number, total=100, title="sweep"),
            lc.ListSweeps: lambda _: lr.Sweeps(sweeps=sorted(self.sweeps.values(), key=lambda item: -item.number)),
            lc.GetSweep: lambda command: self.sweeps[command.number],
            lc.AnalyseRun: lambda command: r.JobStarted(id=9, title=f"{command.kind} of run #{command.run}"),
            lc.ExportRun: lambda command: lr.Exported(path=f"/exports/run-{command.run}-{command.what}.csv", rows=212),
            c.CancelJob: lambda command: r.Done(text=f"Job {command.id} is being cancelled."),
        }

    def stand_alone(self) -> None:
        """Three strategies of its own: one sound, one with an error, one template."""
        self.alone = True
        self.engine.more_answers |= {
            lc.ListStrategies: lambda _: lr.Strategies(strategies=strategy_rows()),
            lc.GetStrategy: lambda command: strategy_detail(command.name),
        }

    def start(self, command: lc.StartBacktest) -> lr.BacktestStarted:
        if self.cached and not command.again:
            return lr.BacktestStarted(job=0, run=self.cached, title="ema-pullback", cached=True)
        return lr.BacktestStarted(job=7, run=42, title="ema-pullback v4 BTC_USDT 1h")

    def detail(self, run: int) -> RunDetail:
        if run not in self.runs:
            raise UsageError(f"There is no run #{run}.")
        return msgspec.structs.replace(make_detail(self.runs[run]), analyses=list(self.analyses))

    def trades(self, command: lc.GetRunTrades) -> lr.RunTrades:
        count = self.runs[command.run].trades
        numbers = range(1, count + 1) if command.sort == "number" else range(count, 0, -1)
        trades = [make_trade(number) for number in numbers]
        if command.sort.lstrip("-") == "result":
            trades.sort(key=lambda trade: trade.result, reverse=command.sort.startswith("-"))
        page = trades[command.offset : command.offset + command.limit]
        return lr.RunTrades(run=command.run, total=count, trades=page)

    def chart(self, command: lc.GetRunChart) -> lr.RunChart:
        from tests.tui.fake_engine import make_candles

        trade = make_trade(command.trade)
        end = trade.entry_ms + 150 * HOUR
        candles = make_candles("BTC_USDT", Timeframe.H1, command.bars, end)
        marks = []
        for number in range(command.trade - 3, command.trade + 4):
            if number > 0:
                other = make_trade(number)
                sides = (("entry", other.entry_ms), ("exit", other.exit_ms))
                for kind, at_ms in sides:
                    near = min(candles, key=lambda candle: abs(candle.open_ms - at_ms))
                    if near.open_ms == at_ms:
                        mark = Mark(at_ms=at_ms, kind=kind, side=other.side, price=near.close, trade=number)  # type: ignore[arg-type]
                        marks.append(mark)
        return lr.RunChart(symbol="BTC_USDT", timeframe="1h", candles=candles, marks=marks, focus_ms=trade.entry_ms)

    def compare(self, command: lc.CompareRuns) -> lr.Comparison:
        details = [self.detail(run) for run in command.runs]
        frames = {detail.row.timeframe for detail in details}
        said = [f"bars: {', '.join(sorted(frames))}"] if len(frames) > 1 else []
        return lr.Comparison(runs=details, same_data=not said, differences=said)

    def start_sweep(self, command: lc.StartSweep) -> lr.SweepStarted:
        self.sweeps[4] = msgspec.structs.replace(make_sweep(4, 0), spec=command.spec)
        return lr.SweepStarted(job=8, sweep=4, total=100, title="sweep ema-pullback")

    def delete(self, command: lc.DeleteRun) -> r.Done:
        one, other = (self.deleted, self.runs) if command.undo else (self.runs, self.deleted)
        if command.run not in one:
            raise UsageError(f"There is no run #{command.run}.")
        other[command.run] = one.pop(command.run)
        return r.Done(text="done")

    def progress(self, done: float, **more: Any) -> JobState:
        values: dict[str, Any] = {
            "id": 7, "title": "ema-pullback v4 BTC_USDT 1h", "kind": "backtest", "done": done,
            "speed": "24 M bars/s", "left_s": 7.0 * (1 - done), "result": 42, "started_ms": TO,
        }  # fmt: skip
        return JobState(**(values | more))

    def events(self, topics: Sequence[str]) -> list[AnyEvent]:
        events: list[AnyEvent] = [self.lab] if self.alone and "lab" in topics else []
        for topic in topics:
            number = topic.removeprefix("sweep:")
            if number != topic:
                events.append(SweepState(sweep=self.sweeps[int(number)]))
        return events


def make_curve(run: int, points: int = 600, end: float = 11_842.0) -> list[CurvePoint]:
    """A seeded walk from 10,000 to `end`, with its hold and its drawdown."""
    rng = Chance(f"curve {run}").generator()
    equity, hold, made = 10_000.0, 10_000.0, []
    values: list[tuple[float, float]] = []
    for _ in range(points):
        equity *= 1 + rng.gauss(0.0003, 0.004)
        hold *= 1 + rng.gauss(0.0004, 0.008)
        values.append((equity, hold))
    tilt = end / equity
    peak = 0.0
    for index, (value, other) in enumerate(values):
        value *= tilt ** ((index + 1) / points)
        peak = max(peak, value)
        at_ms = FROM + (TO - FROM) * index // (points - 1)
        made.append(CurvePoint(at_ms, round(value, 2), round(other, 2), value / peak - 1))
    return made


def make_figures() -> list[ResultFigure]:
    told = [
        ("total_return", "total return", "+18.42 %", 0.1842, "+31.07 %"),
        ("cagr", "CAGR", "+18.42 %", 0.1842, "+31.07 %"),
        ("sharpe", "Sharpe", "1.12", 1.12, "0.88"),
        ("sortino", "Sortino", "1.60", 1.6, "1.21"),
        ("max_drawdown", "max drawdown", "−9.80 %", -0.098, "−24.31 %"),
        ("calmar", "Calmar", "1.88", 1.88, "1.28"),
        ("trades", "trades", "212", 212, ""),
        ("win_rate", "win rate", "54.2 %", 0.542, ""),
        ("wins", "wins", "115", 115, ""),
        ("losses", "losses", "97", 97, ""),
        ("profit_factor", "profit factor", "1.34", 1.34, ""),
        ("average_win", "average win", "+1.21 %", 0.0121, ""),
        ("average_loss", "average loss", "−1.07 %", -0.0107, ""),
        ("expectancy", "expectancy", "+0.17 %", 0.0017, ""),
        ("exposure", "exposure", "61.0 %", 0.61, ""),
        ("volatility", "volatility", "16.40 %", 0.164, "41.2 %"),
        ("var", "VaR 95", "1.31 %", 0.0131, "3.80 %"),
        ("sqn", "SQN", "1.71", 1.71, ""),
    ]
    figures = [ResultFigure(name=n, title=t, text=x, value=v, hold=h, definition=n) for n, t, x, v, h in told]
    kelly = ResultFigure(
        name="kelly",
        title="Kelly",
        text="–",
        reason="no trade has a stop, so none has a result in R",
        definition="kelly",
    )
    return [*figures, kelly]


def make_trade(number: int) -> TradeRow:
    rng = Chance(f"trade {number}").generator()
    entry_ms = FROM + number * 40 * HOUR
    bars = rng.randrange(1, 30)
    entry = 61_000 + rng.gauss(0, 2000)
    result = rng.gauss(0.001, 0.012)
    return TradeRow(
        number=number, symbol="BTC_USDT", side="long" if number % 5 else "short", entry_ms=entry_ms,
        entry_price=round(entry, 2), exit_ms=entry_ms + bars * HOUR, exit_price=round(entry * (1 + result), 2),
        quantity=0.1634, profit=round(result * 10_000, 2), result=result, r=result / 0.01 if number % 7 else None,
        fees=39.2, bars=bars, mae=-abs(rng.gauss(0, 0.005)), mfe=abs(rng.gauss(0, 0.008)), entry_reason="entry rule",
        exit_reason="target" if result > 0 else "stop",
    )  # fmt: skip


def make_detail(row: RunRow) -> RunDetail:
    rng = Chance(f"detail {row.run}").generator()
    months = [(2025, 12), *((2026, month) for month in range(1, 12))]
    groups = [Group(by="hour", key=f"{h:02}", trades=9, win_rate=0.5, profit=rng.gauss(20, 90)) for h in range(24)]
    groups += [
        Group(by="weekday", key=day, trades=30, win_rate=0.5, profit=rng.gauss(60, 200))
        for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    ]
    groups += [
        Group(by="reason", key="target", trades=115, win_rate=1.0, profit=13_900.0),
        Group(by="reason", key="stop", trades=97, win_rate=0.0, profit=-12_058.0),
    ]
    return RunDetail(
        row=row,
        spec=RunSpec(strategy=row.strategy, version=row.version, symbols=row.symbols, timeframe=row.timeframe),
        figures=make_figures(),
        curve=make_curve(row.run, end=10_000 * (1 + (row.total_return or 0.0))),
        months=[MonthReturn(year, month, round(rng.gauss(0.015, 0.05), 4)) for year, month in months],
        bins=[Bin(low / 200, (low + 1) / 200, max(0, int(rng.gauss(30 - abs(low) * 4, 4)))) for low in range(-6, 7)],
        groups=groups,
        assumptions=[
            "Orders fill at the next bar's open; a limit fills only when the price went through it.",
            "When one bar holds both stop and target, the stop is taken (pessimistic).",
        ],
        warnings=["3 bars are missing on 14 Mar 2026; positions were held through the gap."],
        bands={"pessimistic": 0.159, "adaptive": 0.1842, "optimistic": 0.21},
        detail_share=0.042,
        versions={"polotui": "0.3.0", "TA-Lib": "0.8.2"},
    )  # fmt: skip


def monte_carlo() -> Analysis:
    return Analysis(
        kind="monte-carlo", title="Monte Carlo · 1,000 orders of the 212 trades", columns=["share", "return", "max DD"],
        rows=[["5 %", "−2.10 %", "−21.40 %"], ["50 %", "+18.42 %", "−12.30 %"], ["95 %", "+41.70 %", "−7.90 %"]],
        reading="In one of twenty orders the drawdown was deeper than 21.4 %: size for that, not for 9.8 %.",
        created_ms=TO + HOUR,
    )  # fmt: skip


def make_sweep(number: int, done: int, **more: Any) -> SweepDetail:
    """A grid of 10 × 10 of which `done` are computed."""
    rng = Chance(f"sweep {number}").generator()
    fast, slow = range(5, 55, 5), range(20, 220, 20)
    heat, results = [], []
    for index, (x, y) in enumerate((x, y) for y in slow for x in fast):
        score = round(1.2 - abs(x - 20) * 0.03 - abs(y - 100) * 0.006 + rng.gauss(0, 0.12), 4)
        heat.append(HeatCell(x, y, score if index < done else None))
        result = SweepResult(
            params={"fast_len": x, "slow_len": y}, score=score, total_return=score * 0.16, sharpe=score,
            max_drawdown=-0.09 - rng.random() * 0.08, trades=rng.randrange(40, 300), out_of_sample=score * 0.6,
        )  # fmt: skip
        if index < done:
            results.append(result)
    axes = [
        SweepAxis(name="fast_len", least=5, most=50, step=5),
        SweepAxis(name="slow_len", least=20, most=200, step=20),
    ]
    run = RunSpec(strategy="ema-pullback", version=4, symbols=["BTC_USDT"], timeframe="1h")
    values: dict[str, Any] = {
        "number": number, "spec": SweepSpec(run=run, axes=axes), "state": "running", "job": 8, "created_ms": TO,
        "done": done, "total": 100, "best": sorted(results, key=lambda item: -(item.score or 0.0))[:50],
        "x_name": "fast_len", "y_name": "slow_len", "heat": heat, "deflated_sharpe": 0.71 if done else None,
    }  # fmt: skip
    return SweepDetail(**(values | more))
