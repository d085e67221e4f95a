"""Price and indicator series in every frame: as columns for a whole history, and bar by bar.

Decided here:
* A series is identified by what it is made of (kind, settings, source, frame), not by the name a document gives it. So
  `Series`, kept for a data set, computes each of them once however many documents or parameter values ask for it.
* On a longer frame an indicator sees only bars that are closed, and the base bars see its value of the last closed one.
* Longer frames are made of the base bars here and nowhere else, so backtest, paper and live cannot differ in them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np

from polotui.strategy.document.catalog import Kind
from polotui.strategy.runtime.columns import (
    FRAME_MS,
    Bar,
    Bars,
    Floats,
    Resampler,
    frame_name,
    resample,
    spread,
)

#: What a sweep may keep of columns that are asked for again.
LIMIT_BYTES = 512 * 1024 * 1024


class Handle(Protocol):
    """An indicator bar by bar, its outputs in their order. `update` commits a bar, `peek` asks what that would give."""

    def update(self, bar: Mapping[str, float]) -> Sequence[float]: ...
    def peek(self, bar: Mapping[str, float]) -> Sequence[float]: ...
    def copy(self) -> Handle: ...


class Provider(Protocol):
    """Where indicators are computed, such as `polotui.strategy.runtime.indicators`. Never answers with an infinity."""

    def compute(
        self, kind_name: str, settings: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> Mapping[str, Floats]: ...
    def stream(self, kind_name: str, settings: Mapping[str, Any], inputs: Mapping[str, Any]) -> Handle: ...


def default_provider() -> Provider:
    # TA-Lib is loaded with it, which a document without indicators does not need.
    return cast(Provider, import_module("polotui.strategy.runtime.indicators"))


class BoundIndicator(Protocol):
    """A document's indicator with its numbers, as `bind` gives it."""

    @property
    def kind(self) -> Kind: ...
    @property
    def source(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, int | float]: ...


@dataclass(frozen=True)
class Spec:
    """What an indicator is, whatever its name. `source` is a price or an earlier indicator's output."""

    kind: str
    outputs: tuple[str, ...]
    settings: tuple[tuple[str, int | float], ...]
    source: Source


#: A price's name, or an indicator and its output.
Source = str | tuple[Spec, str]


def specs(indicators: Mapping[str, BoundIndicator]) -> dict[str, Spec]:
    """The document's names to what they mean. A source names a price, or an indicator declared before."""
    result: dict[str, Spec] = {}
    for name, indicator in indicators.items():
        # One without a source reads the bar itself; it still needs something to look at.
        source: Source = indicator.source or "close"
        base, _, output = indicator.source.partition(".")
        if base in result:
            source = (result[base], output or result[base].outputs[0])
        settings = tuple(sorted(indicator.settings.items()))
        result[name] = Spec(indicator.kind.name, indicator.kind.outputs, settings, source)
    return result


PRICES: dict[str, Callable[[Any], Any]] = {
    "open": lambda bar: bar.open,
    "high": lambda bar: bar.high,
    "low": lambda bar: bar.low,
    "close": lambda bar: bar.close,
    "volume": lambda bar: bar.volume,
    "hl2": lambda bar: (bar.high + bar.low) / 2.0,
    "hlc3": lambda bar: (bar.high + bar.low + bar.close) / 3.0,
    "ohlc4": lambda bar: (bar.open + bar.high + bar.low + bar.close) / 4.0,
}
"""Of a Bar or of Bars: the same operations in the same order."""


class Series:
    """All columns of one data set. It may be shared by many evaluations of the same bars; the oldest go first when it
    holds more than `limit_bytes`."""

    def __init__(self, bars: Bars, provider: Provider | None = None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.bars = bars
        self._provider = provider
        self._frames: dict[str, Bars] = {frame_name(bars.frame_ms): bars, "": bars}
        self._kept: dict[Any, Mapping[str, Any]] = {}
        self._limit = limit_bytes
        self._held = 0

    @property
    def provider(self) -> Provider:
        if self._provider is None:
            self._provider = default_provider()
        return self._provider

    def frame(self, name: str) -> Bars:
        if name not in self._frames:
            self._frames[name] = resample(self.bars, FRAME_MS[name])
        return self._frames[name]

    def price(self, name: str, frame: str) -> Floats:
        """A price in its own frame's bars."""
        bars = self.frame(frame)
        if name in Bar._fields:
            column: Floats = PRICES[name](bars)
            return column
        made: Floats = self.kept((name, bars.frame_ms), lambda: {"": PRICES[name](bars)})[""]
        return made

    def indicator(self, spec: Spec, output: str, frame: str) -> Floats:
        """An indicator's output in its own frame's bars."""
        outputs = self.kept((spec, self.frame(frame).frame_ms), lambda: self._compute(spec, frame))
        found: Floats = outputs[output or spec.outputs[0]]
        return found

    def column(self, source: Source, frame: str) -> Floats:
        return self.price(source, frame) if isinstance(source, str) else self.indicator(*source, frame)

    def inputs(self, spec: Spec, frame: str) -> dict[str, Any]:
        bars = self.frame(frame)
        return {name: getattr(bars, name) for name in Bar._fields} | {"source": self.column(spec.source, frame)}

    def seen(self, values: Floats, frame: str, lag: int = 0) -> Floats:
        """A column of `frame` as the base bars see it, `lag` bars of that frame back."""
        bars = self.frame(frame)
        if bars is self.bars and not lag:
            return values
        column: Floats = spread(values, self.bars, bars, lag)
        return column

    def _compute(self, spec: Spec, frame: str) -> dict[str, Floats]:
        outputs = self.provider.compute(spec.kind, dict(spec.settings), self.inputs(spec, frame))
        return {name: np.ascontiguousarray(outputs[name], np.float64) for name in spec.outputs}

    def kept(self, key: Any, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Columns by what they are made of; whatever else belongs to these bars may be kept with them."""
        outputs = self._kept.pop(key, None)
        if outputs is None:
            outputs = make()
            self._held += size_of(outputs)
        self._kept[key] = outputs
        while self._held > self._limit and len(self._kept) > 1:
            self._held -= size_of(self._kept.pop(next(iter(self._kept))))
        return outputs


def size_of(outputs: Mapping[str, Any]) -> int:
    return sum(column.nbytes for column in outputs.values())


#: The series of one bar, in the order of a feed's `places`.
Row = list[float]
#: How a bar's value is had: from the bar itself, or as an output of a handle, both by number.
_Read = Callable[[Any], float] | tuple[int, int]


class Feed:
    """One frame's series bar by bar: what `Series` has as columns, up to the newest bar. `places` says where each
    series stands in a row."""

    def __init__(self, series: Series, frame: str, wanted: Iterable[Source], deepest: int) -> None:
        bars = series.frame(frame)
        self._resampler: Resampler | None = None
        if bars.frame_ms != series.bars.frame_ms:
            self._resampler = Resampler(series.bars.frame_ms, bars.frame_ms)
            self._resampler.resume(series.bars)
        self._specs: list[Spec] = []
        self._handles: list[Handle] = []
        self._sources: list[_Read] = []
        self.places: dict[Source, int] = {}
        self._reads: list[_Read] = []
        for source in wanted:
            self.places[source] = len(self._reads)
            self._reads.append(self._read(series, frame, source))
        self._past: deque[Row] = deque(maxlen=deepest + 1)
        columns = [series.column(source, frame) for source in self.places]
        for index in range(max(0, len(bars) - deepest - 1), len(bars)):
            self._past.append([float(column[index]) for column in columns])

    def _read(self, series: Series, frame: str, source: Source) -> _Read:
        """Opens a handle for an indicator, after those for what it is made of."""
        if isinstance(source, str):
            return PRICES[source]
        spec, output = source
        if spec not in self._specs:
            read = self._read(series, frame, spec.source)
            self._sources.append(read)
            self._specs.append(spec)
            self._handles.append(series.provider.stream(spec.kind, dict(spec.settings), series.inputs(spec, frame)))
        return self._specs.index(spec), spec.outputs.index(output)

    def push(self, bar: Bar) -> list[Row]:
        """The rows after a base bar is closed: the newest last."""
        for closed in [bar] if self._resampler is None else self._resampler.push(bar):
            self._past.append(self._row(closed, self._handles, commit=True))
        return list(self._past)

    def peek(self, bar: Bar) -> list[Row]:
        """What `push` would give."""
        closed = [bar] if self._resampler is None else self._resampler.peek(bar)
        handles = self._handles
        rows = list(self._past)
        for place, each in enumerate(closed):
            last = place == len(closed) - 1
            if not last:
                handles = [handle.copy() for handle in handles]
            rows.append(self._row(each, handles, commit=not last))
        return rows

    def _row(self, bar: Bar, handles: list[Handle], commit: bool) -> Row:
        inputs = bar._asdict()
        outputs: list[Sequence[float]] = []
        for handle, source in zip(handles, self._sources, strict=True):
            inputs["source"] = outputs[source[0]][source[1]] if isinstance(source, tuple) else source(bar)
            outputs.append(handle.update(inputs) if commit else handle.peek(inputs))
        return [outputs[read[0]][read[1]] if isinstance(read, tuple) else read(bar) for read in self._reads]
