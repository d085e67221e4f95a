"""One document over one span with many values: what does not depend on the values is made once.

Decided here:
* A column that depends on some of the varied params but not on all of them is kept for the values it was made with. One
  that depends on all of them is made for each combination and not kept: it will not be asked for again.
* Threads share the columns. Two that ask for the same one at once may both make it, which is cheaper than waiting, and
  both get the one that is kept.
* The figures of a combination are those of a run, made by the same functions, so they have the same bits; those that a
  search does not show are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from polotui.backtest import compiling, documents
from polotui.backtest.kernel import depth
from polotui.backtest.kernel import shapes as k
from polotui.backtest.machine import Buffers, Outcome, execute
from polotui.backtest.prepare import Base, Prepared, Room, base, fill
from polotui.backtest.settings import POLICIES, Settings
from polotui.backtest.work import Document
from polotui.core.errors import UsageError
from polotui.core.threads import Lock
from polotui.metrics import curve, drawdown
from polotui.metrics.daily import DAY_MS, daily_returns
from polotui.metrics.figure import Figure
from polotui.metrics.trades import result_figures
from polotui.strategy.document.bind import Bound, bind
from polotui.strategy.document.check import Checking
from polotui.strategy.document.spec import StrategyDocument
from polotui.strategy.document.tree import Indicator, Node, Number, Param, Price, walk
from polotui.strategy.runtime.columns import Bars
from polotui.strategy.runtime.evaluate import Evaluation
from polotui.strategy.runtime.frames import Series, size_of

#: What the kept columns of all symbols may hold together.
LIMIT_BYTES = 768 * 1024 * 1024

Values = Mapping[str, float]


@cache
def deepest_fall() -> Callable[[k.Floats, float], float]:
    """The compiled `kernel.depth.deepest_fall`."""
    compiling.use_cache()
    return compiling.compiled(depth.deepest_fall)  # type: ignore[no-any-return]


class SharedSeries(Series):
    """A `Series` for several threads."""

    def __init__(self, bars: Bars, limit_bytes: int) -> None:
        super().__init__(bars, limit_bytes=limit_bytes)
        self._lock = Lock()

    def kept(self, key: Any, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found
                return found
        made = make()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._held += size_of(made)
                while self._held > self._limit and len(self._kept) > 1:
                    self._held -= size_of(self._kept.pop(next(iter(self._kept))))
            return self._kept[key]


class Varied:
    """Which of the varied params each part of a document's rules depends on."""

    def __init__(self, document: StrategyDocument, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self._document = document
        self._known: dict[Node, frozenset[str]] = {}

    def of(self, node: Node) -> frozenset[str]:
        found = self._known.get(node)
        if found is None:
            found = frozenset[str]()
            for part in walk(node):
                if isinstance(part, Param):
                    found |= {part.name}
                elif isinstance(part, Indicator):
                    found |= self._of_indicator(part.name)
            found = self._known[node] = found & self.names
        return found

    def _of_indicator(self, name: str) -> frozenset[str]:
        spec = self._document.indicators.get(name)
        if spec is None:
            return frozenset()
        own = frozenset(value for value in spec.settings.values() if isinstance(value, str))
        return own | self._of_indicator(spec.source.partition(".")[0])


class SharingEvaluation(Evaluation):
    """An evaluation that keeps in its series what other combinations will ask for as well."""

    def __init__(self, bound: Bound, bars: Bars, series: Series, varied: Varied) -> None:
        super().__init__(bound, bars, series=series)
        self._varied = varied
        self._inside: frozenset[str] | None = None

    def value(self, node: Node) -> Any:
        found = self._memo.get(node)
        if found is None:
            found = self._memo[node] = self._shared(node)
        return found

    def _shared(self, node: Node) -> Any:
        if isinstance(node, Number | Param) or (isinstance(node, Price | Indicator) and not node.frame):
            return self._compute(node)
        needs = self._varied.of(node)
        # A part of what is kept anyway need not be kept beside it.
        if needs == self._inside or needs == self._varied.names:
            return self._compute(node)
        key = (node, tuple(self._values[name] for name in sorted(needs)))
        before, self._inside = self._inside, needs
        try:
            found = self.series.kept(key, lambda: {"": np.asarray(self._compute(node))})[""]
            return found if found.ndim else found.item()
        finally:
            self._inside = before


@dataclass(frozen=True)
class Job:
    """One combination and its number."""

    place: int
    params: dict[str, float]


#: Figures, or why the document does not take the values.
Answer = dict[str, float | None] | str


@dataclass
class Seat:
    """One thread's own memory."""

    room: Room = field(default_factory=Room)
    buffers: Buffers = field(default_factory=Buffers)
    counts: k.Ints | None = None


@dataclass
class Recipe:
    """All that a bench is made of; it can be sent to another machine."""

    document: Document
    settings: Settings
    names: tuple[str, ...]
    bars: dict[str, Bars]
    detail: dict[str, Bars]

    def part(self, from_ms: int, to_ms: int) -> Recipe:
        """The same over another span, with nothing of what comes after it."""
        settings = replace(self.settings, from_ms=from_ms, to_ms=to_ms)
        bars = {name: until(one, to_ms) for name, one in self.bars.items()}
        detail = {name: until(one, to_ms) for name, one in self.detail.items()}
        return Recipe(self.document, settings, self.names, bars, detail)


def until(bars: Bars, to_ms: int) -> Bars:
    """The bars that open before."""
    end = int(np.searchsorted(bars.time, to_ms))
    return bars if end == len(bars) else bars.slice(0, end)


class Bench:
    """A recipe ready to run with any values of its varied params."""

    def __init__(self, recipe: Recipe) -> None:
        self.checked: Checking = documents.checked(recipe.document)
        assert self.checked.document is not None
        self._fixed = dict(recipe.document.params)
        settings = recipe.settings
        self.base: Base = base(recipe.bars, settings, recipe.detail if settings.policy == "detail" else None)
        limit = LIMIT_BYTES // len(recipe.bars)
        self.series = {name: SharedSeries(bars, limit) for name, bars in recipe.bars.items()}
        self._varied = Varied(self.checked.document, recipe.names)
        self._policy = POLICIES[settings.policy]
        self._capital = settings.capital
        self._compiled = deepest_fall()
        time = self.base.time[self.base.first : self.base.last]
        days = np.arange(int(time[0]) // DAY_MS, int(time[-1]) // DAY_MS + 1, dtype=np.int64)
        # `daily_equity`'s places: the last bar of each day.
        self._day_ends = np.searchsorted(time, (days + 1) * DAY_MS, side="left") - 1
        frame_ms = next(iter(recipe.bars.values())).frame_ms
        self._elapsed_days = (int(time[-1]) + frame_ms - int(time[0])) / DAY_MS
        for name in self.bind({}).frames:
            for series in self.series.values():
                series.frame(name)

    @property
    def moments(self) -> int:
        """How long one run is, as the gauge counts."""
        return self.base.last

    def bind(self, values: Values) -> Bound:
        """Raises BindError for values that the document does not take."""
        return bind(self.checked, {**self._fixed, **values})

    def prepared(self, bound: Bound, seat: Seat | None = None, *, confirmed: bool = True) -> Prepared:
        evaluations = {
            name: SharingEvaluation(bound, series.bars, series, self._varied) for name, series in self.series.items()
        }
        return fill(self.base, bound, evaluations, confirmed=confirmed, room=seat.room if seat else None)

    def outcome(self, prepared: Prepared, seat: Seat) -> Outcome:
        """The arrays are the seat's, good until its next run. Raises Cancelled."""
        return execute(prepared, self._policy, buffers=seat.buffers, counts=seat.counts, copy=False)

    def returns(self, outcome: Outcome) -> k.Floats:
        """The daily ones."""
        return daily_returns(outcome.equity[self._day_ends], self._capital)

    def run(self, bound: Bound, seat: Seat) -> dict[str, float | None]:
        """The figures of one combination. Raises Cancelled."""
        return self.figures(self.outcome(self.prepared(bound, seat), seat))

    def figures(self, outcome: Outcome) -> dict[str, float | None]:
        """By the names of `metrics.definitions`; None for what is not defined."""
        return {name: figure.value for name, figure in self.reasoned(outcome).items()}

    def reasoned(self, outcome: Outcome) -> dict[str, Figure]:
        """The same with the reasons for what is not defined."""
        capital, equity = self._capital, outcome.equity
        daily = equity[self._day_ends]
        returns = daily_returns(daily, capital)
        growth = curve.cagr(float(equity[-1]), capital, self._elapsed_days)
        trades = outcome.trades
        results = result_figures(np.ascontiguousarray(trades["profit"][trades["reason"] != k.AT_END]))
        return {
            "total_return": curve.total_return(float(equity[-1]), capital),
            "cagr": growth,
            "sharpe": curve.sharpe(returns),
            "sortino": curve.sortino(returns),
            "calmar": drawdown.calmar(growth, drawdown.max_drawdown(daily, capital)),
            "max_drawdown": Figure(self._compiled(equity, capital)),
            **{name: results[name] for name in ("trades", "win_rate", "profit_factor", "net_profit")},
        }


def measure(bench: Bench, job: Job, seat: Seat) -> Answer:
    """The figures of a combination, or why there are none. Raises Cancelled."""
    try:
        bound = bench.bind(job.params)
    except UsageError as error:
        return " ".join(part for part in (error.cause, error.next_step) if part)
    return bench.run(bound, seat)
