"""What the lab and the backtest screens show: diagnostics, strategies, runs, their figures and curves, sweeps.

Decided here: fractions inside (0.0124 is 1.24 %), percent only where a person reads. A figure that is not defined has
no value but a reason. Curves come thinned to what a terminal can draw; the full ones stay in the engine and go out by
export. Backtest money is float64: it is a model's, never an account's.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from polotui.api.values import OverlayLine
from polotui.model.candles import Candle

Severity = Literal["error", "warning", "info"]
Policy = Literal["pessimistic", "adaptive", "optimistic", "detail"]
#: Where a strategy stands: from the library, written, tested, at work.
Stage = Literal["template", "draft", "backtested", "paper", "live"]


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """Something to say about a document. Lines and columns count from 1; `end_column` is one past the last."""

    severity: Severity
    code: str
    line: int
    column: int
    end_column: int
    message: str
    suggestion: str = ""


class Token(msgspec.Struct, frozen=True, array_like=True):
    """A piece of the text to colour. `kind`: key, name, number, string, operator, function, comment, error."""

    line: int
    column: int
    length: int
    kind: str


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """One word that fits at the cursor. `replaces` characters before the cursor are replaced by `text`."""

    text: str
    kind: str
    """key, indicator, output, function, field, param, fact, frame, value."""
    says: str = ""
    replaces: int = 0


class ParamField(msgspec.Struct, frozen=True, kw_only=True):
    """One declared parameter, for a form made from the document."""

    name: str
    whole: bool
    default: float
    least: float | None = None
    most: float | None = None
    step: float | None = None


class StrategyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the library."""

    name: str
    stage: Stage
    version: int = 0
    """Newest version; 0 for a template."""
    hash: str = ""
    updated_ms: int = 0
    thesis: str = ""
    symbols: list[str] = []
    timeframe: str = ""
    runs: int = 0
    last_return: float | None = None
    deleted: bool = False


class StrategyVersion(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    created_ms: int
    hash: str
    note: str = ""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """An entry or an exit on a chart, at the bar that opens at `at_ms`."""

    at_ms: int
    kind: Literal["entry", "exit"]
    side: Literal["long", "short"]
    price: float
    text: str = ""
    trade: int = 0


class CheckLine(msgspec.Struct, frozen=True, kw_only=True):
    """One check of a strategy: passed, failed, warned, or not run with the reason in `text`."""

    name: str
    state: Literal["passed", "failed", "warning", "skipped"]
    text: str


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What trading costs in a run. Fees and fractions of price; see docs/backtest.md."""

    maker_fee: float = 0.002
    taker_fee: float = 0.002
    fee_in: Literal["received", "quote"] = "received"
    slippage: float = 0.0005
    half_spread: float = 0.0001
    volume_share: float = 0.1
    """At most this fraction of a bar's volume fills; 0 = without limit."""
    lot: float = 0.0
    """Quantity grid; 0 = the symbol's own when it is known, else none."""
    tick: float = 0.0
    """Price grid; 0 = the symbol's own when it is known, else none."""
    least_amount: float = 1.0
    """Smallest order in quote units."""


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: all that decides a result beside the data."""

    strategy: str
    """A stored strategy's name or a template's."""
    version: int = 0
    """0 = the newest."""
    symbols: list[str] = []
    """Empty = the document's."""
    timeframe: str = ""
    """Empty = the document's."""
    from_ms: int = 0
    to_ms: int = 0
    """Both 0 = the last 365 days that are stored."""
    capital: float = 10_000.0
    policy: Policy = "pessimistic"
    costs: Costs = Costs()
    params: dict[str, float] = {}
    """Values other than the document's defaults."""
    band: bool = True
    """Also run the other policies and show the band."""


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history. Figures are None where not defined."""

    run: int
    strategy: str
    version: int
    symbols: list[str]
    timeframe: str
    from_ms: int
    to_ms: int
    policy: Policy
    created_ms: int
    bars: int
    total_return: float | None = None
    hold_return: float | None = None
    band_low: float | None = None
    band_high: float | None = None
    trades: int = 0
    win_rate: float | None = None
    sharpe: float | None = None
    max_drawdown: float | None = None
    profit_factor: float | None = None
    seconds: float = 0.0
    data_hash: str = ""
    document_hash: str = ""
    tags: list[str] = []
    deleted: bool = False


class ResultFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as people read it. `text` is «–» when there is none, with the reason beside."""

    name: str
    title: str
    text: str
    value: float | None = None
    reason: str = ""
    definition: str = ""
    hold: str = ""
    """The same of buy-and-hold, where that has a meaning."""


class CurvePoint(msgspec.Struct, frozen=True, array_like=True):
    """`hold` is buy-and-hold after the same fees; `drawdown` is 0 or negative."""

    at_ms: int
    equity: float
    hold: float
    drawdown: float


class MonthReturn(msgspec.Struct, frozen=True, array_like=True):
    year: int
    month: int
    value: float


class Bin(msgspec.Struct, frozen=True, array_like=True):
    """Trades whose result lies in [low, high), as fractions of what was put in."""

    low: float
    high: float
    count: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Trades by hour, weekday, symbol, exit reason or side."""

    by: str
    key: str
    trades: int
    win_rate: float | None
    profit: float


class TradeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One closed (or still open) position of a run."""

    number: int
    symbol: str
    side: Literal["long", "short"]
    entry_ms: int
    entry_price: float
    exit_ms: int
    """0 while open at the end of the data."""
    exit_price: float
    quantity: float
    profit: float
    """Net of fees, in quote units."""
    result: float
    """Net, as a fraction of what was put in."""
    r: float | None
    """In units of the risk that the first stop set; None without a stop."""
    fees: float
    bars: int
    mae: float
    mfe: float
    entry_reason: str
    exit_reason: str


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """A further look at a run: walk-forward, hold-out, Monte Carlo, stress, confirmation. A table with its reading."""

    kind: str
    title: str
    columns: list[str]
    rows: list[list[str]]
    reading: str
    created_ms: int = 0


class RunDetail(msgspec.Struct, frozen=True, kw_only=True):
    """All that the result screen shows, but for the trades, which come in pages."""

    row: RunRow
    spec: RunSpec
    figures: list[ResultFigure]
    curve: list[CurvePoint]
    months: list[MonthReturn]
    bins: list[Bin]
    groups: list[Group]
    assumptions: list[str]
    """The fill rules and costs that this result rests on, in words."""
    warnings: list[str] = []
    bands: dict[str, float] = {}
    """Total return by policy."""
    detail_share: float | None = None
    """Of the bars that needed an order of events, how many lower-frame bars decided."""
    analyses: list[Analysis] = []
    versions: dict[str, str] = {}


class SweepAxis(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter and the values it takes: from, to, step."""

    name: str
    least: float
    most: float
    step: float


class SweepSpec(msgspec.Struct, frozen=True, kw_only=True):
    run: RunSpec
    axes: list[SweepAxis]
    method: Literal["grid", "random", "optuna"] = "grid"
    trials: int = 0
    """How many for random and optuna; at most so many of a grid. 0 = the whole grid, or 200."""
    objective: str = "sharpe"
    """sharpe, total_return, sortino, calmar, profit_factor, max_drawdown."""
    holdout: float = 0.3
    """The last part of the span, kept out of the search and shown in its own column."""
    seed: int = 1
    cluster: str = ""
    """Address of a Dask scheduler; empty = this machine's cores."""


class SweepResult(msgspec.Struct, frozen=True, kw_only=True):
    params: dict[str, float]
    score: float | None
    total_return: float | None
    sharpe: float | None
    max_drawdown: float | None
    trades: int
    out_of_sample: float | None = None
    """The objective over the part that was kept out."""


class HeatCell(msgspec.Struct, frozen=True, array_like=True):
    x: float
    y: float
    value: float | None


class SweepDetail(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    spec: SweepSpec
    state: Literal["running", "completed", "failed", "cancelled"]
    reason: str = ""
    job: int = 0
    created_ms: int = 0
    done: int = 0
    total: int = 0
    best: list[SweepResult] = []
    """Best first, at most 50."""
    x_name: str = ""
    y_name: str = ""
    heat: list[HeatCell] = []
    """The objective over the first two axes, the best of the others; at most 2,500 cells."""
    deflated_sharpe: float | None = None
    """Probability that the best Sharpe is above zero after so many trials."""
    note: str = ""


class StrategyPreview(msgspec.Struct, frozen=True, kw_only=True):
    """Where a document would have acted on a chart's bars."""

    symbol: str
    timeframe: str
    candles: list[Candle] = []
    lines: list[OverlayLine] = []
    marks: list[Mark] = []
    entries: int = 0
    exits: int = 0
    in_market: float | None = None
    """Share of the bars with a position."""
    worst_bar: float | None = None
    """Largest loss within one bar of a position, as a fraction: 0 or negative."""
    note: str = ""
    """Why there is nothing, or what is missing."""
