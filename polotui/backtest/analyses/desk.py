"""What every analysis stands on: the candles, the document, runs of parts of the span, and words for figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from polotui.backtest import documents
from polotui.backtest.analyses.grid import small_grid
from polotui.backtest.bench import Bench, Recipe, Seat
from polotui.backtest.data import Loaded, load
from polotui.backtest.gauge import Gauge
from polotui.backtest.machine import Buffers
from polotui.backtest.work import AnalyseWork
from polotui.metrics.definitions import DEFINITIONS
from polotui.metrics.figure import Figure, unknown
from polotui.model.candles import Timeframe
from polotui.storage.candles import CandleStore
from polotui.strategy.document.bind import BindError, bind
from polotui.strategy.document.check import Checking

Figures = Mapping[str, Figure]


@dataclass
class Table:
    title: str
    columns: list[str]
    rows: list[list[str]]
    reading: str


@dataclass
class Desk:
    """One analysis at work. `grid` holds the values that a walk-forward chooses among."""

    work: AnalyseWork
    checked: Checking
    loaded: Loaded
    recipe: Recipe
    gauge: Gauge
    seat: Seat
    grid: list[dict[str, float]]

    @classmethod
    async def of(cls, work: AnalyseWork, store: CandleStore, gauge: Gauge, buffers: Buffers) -> Desk:
        """Loads the candles. Raises UsageError."""
        checked = documents.checked(work.document)
        assert checked.document is not None
        own = bind(checked, work.document.params)
        warmup, grid = own.warmup_bars, []
        for values in small_grid(checked.document) if work.kind == "walk-forward" else []:
            try:
                bound = bind(checked, {**work.document.params, **values})
            except BindError:
                # These values do not go together, so there is nothing to choose.
                continue
            warmup = max(warmup, bound.warmup_bars)
            grid.append(values)
        frame = Timeframe.parse(checked.document.timeframe)
        settings = work.settings
        loaded = await load(store, checked.document.market.symbols, frame, settings.from_ms, settings.to_ms, warmup)
        settings = replace(settings, from_ms=loaded.from_ms, to_ms=loaded.to_ms)
        settings.check()
        names = tuple(grid[0]) if grid else ()
        recipe = Recipe(work.document, settings, names, loaded.bars, loaded.detail)
        return cls(work, checked, loaded, recipe, gauge, Seat(buffers=buffers, counts=gauge.counts()), grid)

    @property
    def span(self) -> tuple[int, int]:
        return self.loaded.from_ms, self.loaded.to_ms

    def cuts(self, shares: Iterable[float]) -> list[int]:
        """Times at these shares of the span, on whole bars."""
        start, end = self.span
        return [self.loaded.frame.floor(start + round((end - start) * share)) for share in shares]

    def run_part(self, from_ms: int, to_ms: int, values: Mapping[str, float] | None = None) -> Figures:
        """The figures of the document over a part of the span, from fresh capital."""
        bench = Bench(self.recipe.part(from_ms, to_ms))
        outcome = bench.outcome(bench.prepared(bench.bind(values or {})), self.seat)
        self.gauge.finished(bench.moments)
        return bench.reasoned(outcome)


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────

NONE = "–"


def shown(name: str, figure: Figure, *, why: bool = True) -> str:
    """As the screens show it; «–» and the reason when there is none."""
    if figure.value is None:
        return f"{NONE} ({figure.reason})" if why else NONE
    return DEFINITIONS[name].shown(figure)


def title_of(name: str) -> str:
    return DEFINITIONS[name].title


def ratio(part: Figure, whole: Figure, no_base: str) -> Figure:
    """`part` over `whole`, where that says something: `whole` must be above 0."""
    if part.value is None:
        return part
    if whole.value is None:
        return whole
    if whole.value <= 0.0:
        return unknown(no_base)
    return Figure(part.value / whole.value)


def percent(value: float, places: int = 1, *, signed: bool = False) -> str:
    """`12.3 %`, with a minus that is one."""
    text = f"{value * 100:{'+' if signed else ''},.{places}f}"
    return text.replace("-", "−") + " %"


def number(value: float) -> str:
    return f"{value:.10g}".replace("-", "−")


def day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def dates(from_ms: int, to_ms: int) -> str:
    return f"{day(from_ms)} – {day(to_ms - 1)}"
