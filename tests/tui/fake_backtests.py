"""What the fake engine knows of strategies, runs and sweeps: one document, runs of it, jobs that the test moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
from polotui.model.candles import DAY_MS, Candle

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
        self.lab = LabState(strategies=3, runs=2, sweeps=0)
        self.answers = {
            lc.ListStrategies: lambda _: lr.Strategies(strategies=strategy_rows()),
            lc.GetStrategy: lambda command: strategy_detail(command.name),
            lc.ListRuns: lambda _: lr.Runs(runs=sorted(self.runs.values(), key=lambda row: -row.run)),
            lc.StartBacktest: self.start,
            lc.DeleteRun: self.delete,
            c.CancelJob: lambda command: r.Done(text=f"Job {command.id} is being cancelled."),
        }

    def start(self, command: lc.StartBacktest) -> lr.BacktestStarted:
        if self.cached and not command.again:
            return lr.BacktestStarted(job=0, run=self.cached, title="ema-pullback", cached=True)
        return lr.BacktestStarted(job=7, run=42, title="ema-pullback v4 BTC_USDT 1h")

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
        return [self.lab] if "lab" in topics else []
