"""What the panes of the backtest screen share: the bench they look at, and words for runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from polotui.api.lab_values import RunRow, RunSpec
from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN, at
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from polotui.tui.screens.backtest import BacktestScreen
    from polotui.tui.widgets.backtest.bench import Bench


class BenchPane(Pane):
    """A pane of screen 4."""

    TOPICS = frozenset({"bench", "link"})

    @property
    def backtest(self) -> BacktestScreen:
        return cast("BacktestScreen", self.screen)

    @property
    def bench(self) -> Bench:
        return self.backtest.bench

    def stale_mark(self, since_ms: int) -> Line:
        # A result does not grow old: it says which data it is of.
        return []


def symbols_words(symbols: list[str], most: int = 2) -> str:
    """«BTC_USDT», «BTC_USDT, ETH_USDT», «BTC_USDT and 4 more»."""
    shown = [clean(symbol, 30) for symbol in symbols]
    if len(shown) <= most:
        return ", ".join(shown) or UNKNOWN
    return f"{shown[0]} and {len(shown) - 1} more"


def day(at_ms: int) -> str:
    return at(at_ms).strftime("%Y-%m-%d") if at_ms else UNKNOWN


def strategy_words(name: str, version: int, most: int = 40) -> str:
    """«ema-pullback v4»; a template has no version."""
    return clean(name, most) + (f" v{version}" if version else "")


def run_words(row: RunRow, most: int = 2) -> str:
    """«#41 ema-pullback v4 · BTC_USDT 1h · 2025-11-21 → 2026-11-21 · pessimistic»."""
    what = f"{symbols_words(row.symbols, most)} {clean(row.timeframe, 8)}"
    span = f"{day(row.from_ms)} → {day(row.to_ms)}"
    return f"#{row.run} {strategy_words(row.strategy, row.version)} · {what} · {span} · {row.policy}"


def spec_words(spec: RunSpec) -> str:
    """What a sweep searches on, shorter than a run's line."""
    what = f"{symbols_words(spec.symbols)} {clean(spec.timeframe, 8)}".strip(f" {UNKNOWN}")
    return strategy_words(spec.strategy, spec.version) + (f" · {what}" if what else "")


def number_words(value: float) -> str:
    """A parameter's value: 21, 0.5, 1.25."""
    return f"{value:g}".replace("-", "−")


def params_words(params: dict[str, float]) -> str:
    return ", ".join(f"{clean(name, 30)} {number_words(value)}" for name, value in params.items()) or "as written"


def decimal_words(value: float | None, places: int) -> str:
    """A plain figure with a fixed number of decimals, «–» when it is not defined."""
    return UNKNOWN if value is None else f"{value:.{places}f}".replace("-", "−")
