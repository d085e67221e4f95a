"""One run by polotui's kernel and by two other engines, on the same bars and the same answers of the rules."""

from __future__ import annotations

import gzip
import os
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polotui.backtest import documents, machine
from polotui.backtest.kernel import shapes as k
from polotui.backtest.machine import Outcome
from polotui.backtest.prepare import Prepared, prepare
from polotui.backtest.settings import Costs, Settings
from polotui.backtest.work import Document
from polotui.strategy.runtime.columns import Bars

DATA = Path(os.environ.get("POLOTUI_DATA") or Path(__file__).parents[3] / "shared" / "data")
SYMBOL = "BTC_USDT"
CAPITAL = 1e9
FEE = 0.001
#: What the other engines know of costs: a fee in quote currency, and nothing else.
PLAIN = Costs(FEE, FEE, "quote", slippage=0.0, half_spread=0.0, volume_share=0.0, least_amount=0.0)

_HEAD = """spec: 1
name: peer
market: {{symbols: [BTC_USDT]}}
timeframe: {frame}
sizing: {{kind: percent_equity, value: 100%}}
"""
STRATEGIES = {
    "sma": """
indicators: {fast: {kind: sma, length: 20}, slow: {kind: sma, length: 50}}
entry: {long: "crosses_above(fast, slow)"}
exit: {long: "crosses_below(fast, slow)"}
""",
    "rsi": """
indicators: {strength: {kind: rsi, length: 14}}
entry: {long: "strength < 30"}
exit: {long: "strength > 60"}
""",
    "macd": """
indicators: {trend: {kind: macd, fast: 12, slow: 26, signal: 9}}
entry: {long: "crosses_above(trend.line, trend.signal)"}
exit: {long: "crosses_below(trend.line, trend.signal)"}
""",
    "donchian": """
indicators: {channel: {kind: donchian, length: 20}}
entry: {long: "close > channel.upper[1]"}
exit: {long: "close < channel.lower[1]"}
""",
    "bollinger": """
indicators: {band: {kind: bb, length: 20, deviation: 2}}
entry: {long: "close < band.lower"}
exit: {long: "close > band.middle"}
""",
}


def text_of(strategy: str, frame: str, more: str = "") -> str:
    return _HEAD.format(frame=frame) + STRATEGIES[strategy] + more


# -- data ------------------------------------------------------------------------------------------------------------


def _time(word: str) -> int:
    form = "%Y-%m-%d %H:%M:%S.%f" if ":" in word else "%Y-%m-%d %I-%p"
    return int(datetime.strptime(word, form).replace(tzinfo=UTC).timestamp()) * 1000


def _bars(path: Path, frame_ms: int, skipped: int, columns: tuple[int, ...]) -> Bars:
    if not path.exists():
        pytest.skip(f"no market data at {DATA}; POLOTUI_DATA names the folder")
    with gzip.open(path, "rt") as file:
        rows = [line.rstrip().split(",") for line in file][skipped:]
    rows.sort(key=lambda row: _time(row[0]))
    time = np.array([_time(row[0]) for row in rows], np.int64)
    parts = [np.array([float(row[column]) for row in rows]) for column in columns]
    return Bars(time, *parts, frame_ms)


def minutes() -> Bars:
    """45,031 one-minute bars of a BTC perpetual."""
    return _bars(DATA / "bars-1m" / "btc-perp-20211231-20220201_1m.csv.gz", 60_000, 1, (1, 2, 3, 4, 5))


def hours() -> Bars:
    """20,111 hourly bars of Coinbase."""
    return _bars(DATA / "bars-1h" / "Coinbase_BTCUSD_1h.csv.gz", 3_600_000, 2, (2, 3, 4, 5, 6))


# -- polotui ---------------------------------------------------------------------------------------------------------


def prepared_of(text: str, bars: Bars, costs: Costs = PLAIN, capital: float = CAPITAL, **grid: Any) -> Prepared:
    span = int(bars.time[0]), int(bars.time[-1]) + 1
    settings = Settings(*span, capital=capital, costs=costs, **grid)
    return prepare(documents.bound(Document(text=text)), {SYMBOL: bars}, settings)


def with_costs(prepared: Prepared, **changes: float) -> Prepared:
    """The same run under other rules of the kernel's record; `tick` and `lot` are those of the grid."""
    rules = prepared.rules.copy()
    grids = prepared.grids.copy()
    for name, value in changes.items():
        if name in ("tick", "lot"):
            grids[k.TICK if name == "tick" else k.LOT] = value
        else:
            rules[name] = value
    return replace(prepared, rules=rules, grids=grids)


def own(prepared: Prepared, policy: int = 0) -> Outcome:
    return machine.execute(prepared, policy)


# -- the others ------------------------------------------------------------------------------------------------------


@dataclass
class Theirs:
    """Fills in their order, (bar, side, price), and the equity at each close."""

    fills: list[tuple[int, int, float]]
    equity: np.ndarray

    @property
    def final(self) -> float:
        return float(self.equity[-1])


def fills_of(outcome: Outcome) -> list[tuple[int, int, float]]:
    return [(int(fill["bar"]), int(fill["side"]), float(fill["price"])) for fill in outcome.fills]


def _next_bar(truth: Any) -> Any:
    """What a close decided, on the bar whose open carries it out."""
    acts = np.zeros(len(truth), bool)
    acts[1:] = truth[:-1] == k.TRUE
    return acts


def vectorbt(prepared: Prepared, capital: float = CAPITAL, fee: float = FEE, **more: Any) -> Theirs:
    """`Portfolio.from_signals` of the compiled engine; an exit and an entry at once are an exit, as with us."""
    vbt = pytest.importorskip("vectorbt", reason="vectorbt comes with the peers extra")
    market = prepared.market
    portfolio = vbt.Portfolio.from_signals(
        market[k.CLOSE],
        _next_bar(prepared.signals[k.LONG_IN]),
        _next_bar(prepared.signals[k.LONG_OUT]),
        price=more.pop("price", market[k.OPEN]),
        open=market[k.OPEN],
        high=market[k.HIGH],
        low=market[k.LOW],
        init_cash=capital,
        fees=fee,
        upon_long_conflict="exit",
        freq="1min",
        engine="rust",
        **more,
    )
    orders = portfolio.orders.records
    fills = [(int(row.idx), 1 if row.side == 0 else -1, float(row.price)) for row in orders.itertuples(index=False)]
    return Theirs(fills, np.asarray(portfolio.value()).reshape(-1))


def backtesting(
    prepared: Prepared, capital: float = CAPITAL, fee: float = FEE, loss: float | None = None, finish: bool = False
) -> Theirs:
    """backtesting.py by orders at the next open. `loss` is a stop that far below the close that decides."""
    library = pytest.importorskip("backtesting", reason="backtesting.py comes with the peers extra")
    pandas = pytest.importorskip("pandas")
    enters, leaves = (prepared.signals[row] == k.TRUE for row in (k.LONG_IN, k.LONG_OUT))

    class Fed(library.Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            bar = len(self.data) - 1
            if self.position:
                if leaves[bar]:
                    self.position.close()
            elif enters[bar] and not leaves[bar]:
                self.buy(sl=None if loss is None else float(self.data.Close[-1]) * (1.0 - loss))

    names = {"Open": k.OPEN, "High": k.HIGH, "Low": k.LOW, "Close": k.CLOSE, "Volume": k.VOLUME}
    frame = pandas.DataFrame({name: prepared.market[row] for name, row in names.items()})
    frame.index = pandas.to_datetime(prepared.time, unit="ms")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = library.Backtest(frame, Fed, cash=capital, commission=fee, finalize_trades=finish)
        stats = run.run()
    fills = []
    for trade in stats["_trades"].itertuples():
        fills += [(int(trade.EntryBar), 1, trade.EntryPrice), (int(trade.ExitBar), -1, trade.ExitPrice)]
    return Theirs(fills, stats["_equity_curve"]["Equity"].to_numpy())


def same_fills(mine: list[tuple[int, int, float]], theirs: list[tuple[int, int, float]]) -> None:
    assert [fill[:2] for fill in mine] == [fill[:2] for fill in theirs]
    np.testing.assert_allclose([fill[2] for fill in mine], [fill[2] for fill in theirs], rtol=1e-9)
