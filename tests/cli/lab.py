"""What a scripted engine answers about strategies, runs and sweeps."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from polotui.api import lab_replies as lr
from polotui.api import lab_values as v
from tests.cli.conftest import Shell

NOON = 1_714_564_800_000  # 2024-05-01 12:00:00 UTC
DAY = 86_400_000
TEXT = """spec: 1
name: ema-pullback   # with a comment
entry:
  long: "crosses_above(rsi, 30)"
"""
UNDECLARED = v.Diagnostic(
    severity="error",
    code="undeclared",
    line=4,
    column=24,
    end_column=27,
    message="`rsi` is not declared.",
    suggestion="Declare it under indicators, or did you mean `rsi14`?",
)
NO_STOP = v.Diagnostic(severity="warning", code="no-stop", line=1, column=1, end_column=5, message="There is no stop.")
OWN = v.StrategyRow(
    name="ema-pullback",
    stage="backtested",
    version=4,
    hash="ab" * 32,
    updated_ms=NOON,
    thesis="Trends pull back\x1b[2J.",
    symbols=["BTC_USDT"],
    timeframe="1h",
    runs=2,
    last_return=0.1842,
)
TEMPLATE = v.StrategyRow(
    name="sma-cross", stage="template", symbols=["BTC_USDT"], timeframe="4h", thesis="Trends last."
)
GONE = v.StrategyRow(name="old-one", stage="draft", version=1, deleted=True)
SOUND = lr.CheckedStrategy(ok=True, name="ema-pullback", hash="ab" * 32, warmup_bars=1_210, diagnostics=[NO_STOP])
BROKEN = lr.CheckedStrategy(ok=False, name="ema-pullback", diagnostics=[UNDECLARED, NO_STOP])
DETAIL = lr.StrategyDetail(
    row=OWN,
    text=TEXT,
    form="yaml",
    version=4,
    versions=[v.StrategyVersion(version=4, created_ms=NOON, hash="ab" * 32)],
    checked=SOUND,
)


def strategies(command: object) -> lr.Strategies:
    """Templates and deleted ones as they were asked for."""
    rows = [OWN]
    if getattr(command, "templates", True):
        rows.append(TEMPLATE)
    if getattr(command, "deleted", False):
        rows.append(GONE)
    return lr.Strategies(strategies=rows)


ROW = v.RunRow(
    run=41,
    strategy="ema-pullback",
    version=4,
    symbols=["BTC_USDT"],
    timeframe="1h",
    from_ms=NOON - 365 * DAY,
    to_ms=NOON,
    policy="pessimistic",
    created_ms=NOON,
    bars=8_760,
    total_return=0.1842,
    hold_return=0.3107,
    band_low=0.159,
    band_high=0.21,
    trades=212,
    win_rate=0.542,
    sharpe=1.12,
    max_drawdown=-0.098,
    profit_factor=1.34,
    seconds=0.08,
    data_hash="cd" * 32,
    document_hash="ab" * 32,
)
FIGURES = [
    v.ResultFigure(name="total_return", title="Total return", text="+18.42 %", value=0.1842, hold="+31.07 %"),
    v.ResultFigure(name="sharpe", title="Sharpe", text="1.12 ±0.51", value=1.12, hold="1.40"),
    v.ResultFigure(name="max_drawdown", title="Max drawdown", text="-9.80 %", value=-0.098, hold="-31.00 %"),
    v.ResultFigure(name="win_rate", title="Win rate", text="54.2 %", value=0.542),
    v.ResultFigure(name="kelly", title="Kelly", text="–", reason="withheld under 30 trades"),
]
CURVE = [
    v.CurvePoint(NOON - 365 * DAY + at * DAY, 10_000 + 5.0 * at, 10_000 + 9.0 * at, -0.001 * (at % 40))
    for at in range(0, 365, 5)
]
WALK = v.Analysis(
    kind="walk-forward",
    title="Walk-forward, 6 windows",
    columns=["window", "in", "out"],
    rows=[["2024-01", "+4.1 %", "+1.0 %"], ["2024-03", "+3.9 %", "-0.4 %"]],
    reading="Less than half of the gain survives.",
    created_ms=NOON,
)
RUN = v.RunDetail(
    row=ROW,
    spec=v.RunSpec(strategy="ema-pullback", version=4),
    figures=FIGURES,
    curve=CURVE,
    months=[v.MonthReturn(2024, 4, 0.013)],
    bins=[v.Bin(-0.01, 0.01, 40)],
    groups=[v.Group(by="side", key="long", trades=212, win_rate=0.542, profit=1_842.0)],
    assumptions=["Market orders fill at the next open.", "Fees 0.2 % on what is received."],
    warnings=["3 gaps in the candles\x1b[2J."],
    bands={"pessimistic": 0.159, "adaptive": 0.1842, "optimistic": 0.21},
    detail_share=0.91,
    analyses=[WALK],
    versions={"polotui": "0.2.0", "numpy": "2.4.6"},
)
TRADE = v.TradeRow(
    number=212,
    symbol="BTC_USDT",
    side="long",
    entry_ms=NOON,
    entry_price=61_204.1,
    exit_ms=NOON + 13 * 3_600_000,
    exit_price=61_873.41,
    quantity=0.031,
    profit=20.75,
    result=0.0109,
    r=0.8,
    fees=2.97,
    bars=13,
    mae=-0.002,
    mfe=0.014,
    entry_reason="entry",
    exit_reason="stop\x1b",
)
AXES = [v.SweepAxis(name="fast", least=5, most=15, step=5), v.SweepAxis(name="slow", least=20, most=40, step=20)]
SWEEP = v.SweepDetail(
    number=7,
    spec=v.SweepSpec(run=v.RunSpec(strategy="sma-cross"), axes=AXES),
    state="completed",
    job=9,
    created_ms=NOON,
    done=6,
    total=6,
    best=[
        v.SweepResult(
            params={"fast": 10.0, "slow": 40.0},
            score=1.42,
            total_return=0.214,
            sharpe=1.42,
            max_drawdown=-0.081,
            trades=88,
            out_of_sample=0.31,
        ),
        v.SweepResult(
            params={"fast": 5.0, "slow": 40.0},
            score=0.9,
            total_return=0.11,
            sharpe=0.9,
            max_drawdown=-0.12,
            trades=120,
        ),
    ],
    x_name="fast",
    y_name="slow",
    heat=[
        v.HeatCell(5, 20, -0.3),
        v.HeatCell(10, 20, 0.2),
        v.HeatCell(15, 20, None),
        v.HeatCell(5, 40, 0.9),
        v.HeatCell(10, 40, 1.42),
        v.HeatCell(15, 40, 1.1),
    ],
    deflated_sharpe=0.83,
    note="The best lies at no edge.",
)


async def process(shell: Shell, *words: str, **more: Any) -> asyncio.subprocess.Process:
    """A command as a process of its own: ctrl+c is heard by a main thread only."""
    pipe = asyncio.subprocess.PIPE
    given: dict[str, Any] = {"stdout": pipe, "stderr": pipe, "env": dict(os.environ)}
    arguments = ["-m", "polotui", *words, "--home", str(shell.root)]
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, **given | more)
