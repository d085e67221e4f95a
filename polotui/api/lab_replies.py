"""What the commands of the lab and the backtests answer."""

from __future__ import annotations

import msgspec

from polotui.api.lab_values import (
    CheckLine,
    Completion,
    Diagnostic,
    Mark,
    ParamField,
    RunDetail,
    RunRow,
    StrategyRow,
    StrategyVersion,
    SweepDetail,
    Token,
    TradeRow,
)
from polotui.model.candles import Candle


class Strategies(msgspec.Struct, frozen=True, kw_only=True):
    strategies: list[StrategyRow]


class CheckedStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it was understood."""

    ok: bool
    name: str = ""
    hash: str = ""
    diagnostics: list[Diagnostic] = []
    params: list[ParamField] = []
    symbols: list[str] = []
    timeframe: str = ""
    warmup_bars: int = 0
    tokens: list[Token] = []


class StrategyDetail(msgspec.Struct, frozen=True, kw_only=True):
    row: StrategyRow
    text: str
    form: str
    """yaml or json."""
    version: int
    versions: list[StrategyVersion]
    checked: CheckedStrategy


class StrategySaved(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: int
    hash: str
    unchanged: bool = False
    """The same document was stored already; no version was made."""
    diagnostics: list[Diagnostic] = []


class Completions(msgspec.Struct, frozen=True, kw_only=True):
    completions: list[Completion]


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """Checks of a strategy on data: look-ahead by truncation, warm-up, constant rules."""

    ok: bool
    checks: list[CheckLine]


class BacktestStarted(msgspec.Struct, frozen=True, kw_only=True):
    """`run` is the run's number. `job` is 0 when the same run was done before and its result is served again."""

    job: int
    run: int
    title: str
    cached: bool = False


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    runs: list[RunRow]
    total: int = 0


class RunTrades(msgspec.Struct, frozen=True, kw_only=True):
    run: int
    total: int
    trades: list[TradeRow]


class RunChart(msgspec.Struct, frozen=True, kw_only=True):
    """Bars around a trade with the run's entries and exits on them."""

    symbol: str
    timeframe: str
    candles: list[Candle]
    marks: list[Mark]
    focus_ms: int = 0


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Runs side by side. `differences` names what was not the same: data, span, costs, policy."""

    runs: list[RunDetail]
    same_data: bool
    differences: list[str]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    rows: int


class SweepStarted(msgspec.Struct, frozen=True, kw_only=True):
    job: int
    sweep: int
    total: int
    title: str


class Sweeps(msgspec.Struct, frozen=True, kw_only=True):
    sweeps: list[SweepDetail]


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    text: str


class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    definitions: list[Definition]
