"""A checked document and values for its params become numbers: what a run is started with.

Decided here:
* A value outside of its param's range, off its step or not whole is refused, with the param's name; the default always
  fits. What is left out has its default.
* A field that its `kind` does not use is 0 or empty, so that a run reads plain numbers. Where being absent means
  something (no stop, nothing measured), it is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from polotui.core.errors import UsageError
from polotui.strategy.document.catalog import Kind
from polotui.strategy.document.check import Checking
from polotui.strategy.document.grammar import frames_of
from polotui.strategy.document.hashing import document_hash
from polotui.strategy.document.limits import FRAME_MS
from polotui.strategy.document.meaning import disorder, references
from polotui.strategy.document.rules import Rules, kinds
from polotui.strategy.document.spec import Block, ParamSpec, StrategyDocument, Within, shown
from polotui.strategy.document.spec import Grid as GridSpec
from polotui.strategy.document.tokens import did_you_mean
from polotui.strategy.document.values import defaults, in_order, numbers, resolved, series
from polotui.strategy.document.warmup import Warmup, cost

#: What `confirm` looks at in each frame: RSI above 50, MACD histogram above 0, fast EMA above slow EMA.
CONFIRM = {
    "rsi": (("rsi", {"length": 14}),),
    "macd": (("macd", {"fast": 12, "slow": 26, "signal": 9}),),
    "ema": (("ema", {"length": 21}), ("ema", {"length": 55})),
}
AnyBlock = TypeVar("AnyBlock")


class BindError(UsageError):
    """The document cannot run with these values."""

    code = "strategy-values"


@dataclass(frozen=True)
class BoundIndicator:
    name: str
    kind: Kind
    source: str
    settings: dict[str, int | float]


@dataclass(frozen=True)
class Loss:
    kind: str
    value: float = 0.0
    indicator: str = ""
    multiple: float = 0.0


@dataclass(frozen=True)
class Target:
    kind: str
    value: float = 0.0
    multiple: float = 0.0


@dataclass(frozen=True)
class Trail:
    kind: str
    value: float = 0.0
    indicator: str = ""
    multiple: float = 0.0
    activate_at: float = 0.0


@dataclass(frozen=True)
class Stops:
    """The prices of price_expr are `rules.loss_price` and `rules.target_price`."""

    loss: Loss
    target: Target
    trail: Trail
    time_bars: int | None = None


@dataclass(frozen=True)
class Sizing:
    kind: str
    risk: float = 0.0
    value: float = 0.0
    amount: float = 0.0
    target_vol: float = 0.0
    vol_bars: int = 0
    fraction: float = 0.0
    win_rate: float | None = None
    payoff: float | None = None
    min_trades: int = 0
    max_share: float = 1.0


@dataclass(frozen=True)
class Orders:
    entry: str
    limit_offset: float
    expire_bars: int


@dataclass(frozen=True)
class Filters:
    """`sessions` are minutes of the UTC day, (from, to); empty for all. One that passes midnight has from > to."""

    sessions: tuple[tuple[int, int], ...]
    weekdays: frozenset[int]
    min_quote_volume_24h: float
    cooldown_bars: int


@dataclass(frozen=True)
class Limits:
    max_positions: int
    max_adds: int
    add_step: float | None = None
    add_indicator: str | None = None


@dataclass(frozen=True)
class Confirm:
    frames: tuple[str, ...]
    checks: tuple[str, ...]
    min_score: float


@dataclass(frozen=True)
class Grid:
    kind: str
    lower: float
    upper: float
    levels: int
    spacing: str
    per_level: float
    stop: float | None = None


@dataclass(frozen=True)
class Dca:
    kind: str
    interval: int
    amount: float
    max_total: float
    take_profit: float | None = None
    stop: float | None = None


@dataclass(frozen=True)
class Bound:
    """`indicators` come after their sources. `frames` are the higher ones that rules and confirm read."""

    document: StrategyDocument
    rules: Rules
    values: dict[str, int | float]
    indicators: dict[str, BoundIndicator]
    stops: Stops
    sizing: Sizing | None
    orders: Orders
    filters: Filters
    limits: Limits
    confirm: Confirm | None
    executor: Grid | Dca | None
    frames: tuple[str, ...]
    warmup_bars: int
    cost: int
    hash: str


def bind(checked: Checking | tuple[StrategyDocument, Rules], values: Mapping[str, float] | None = None) -> Bound:
    """Raises BindError for a document with errors and for values that do not fit."""
    if isinstance(checked, Checking):
        document, rules = checked.document, checked.rules
        if document is None or rules is None:
            first = checked.errors[0] if checked.errors else None
            raise BindError(f"The document has errors: {first}", safe="Nothing was started.", next_step="Mend them.")
    else:
        document, rules = checked
    taken = take_values(document, values or {})
    _refuse_unfit(document, taken)
    indicators = bound_indicators(document, taken)
    return Bound(
        document=document,
        rules=rules,
        values=taken,
        indicators=indicators,
        stops=_stops(document, taken),
        sizing=_bound(Sizing, document.sizing, taken) if document.sizing is not None else None,
        orders=_bound(Orders, document.orders, taken),
        filters=_filters(document, taken),
        limits=_bound(Limits, document.limits, taken),
        confirm=_bound(Confirm, document.confirm, taken) if document.confirm is not None else None,
        executor=_executor(document, taken),
        frames=_frames(document, rules),
        warmup_bars=warmup_bars(document, rules, indicators, taken),
        cost=cost(rules.all(), sum(len(one.kind.outputs) for one in indicators.values())),
        hash=checked.hash if isinstance(checked, Checking) else document_hash(document, rules),
    )


def take_values(document: StrategyDocument, values: Mapping[str, float]) -> dict[str, int | float]:
    """All params with the values asked for, or their defaults."""
    taken = defaults(document)
    for name, value in values.items():
        spec = document.params.get(name)
        if spec is None:
            known = ", ".join(document.params) or "none"
            hint = did_you_mean(name, document.params) or f"Its params are: {known}."
            raise BindError(f"{document.name} has no param {name}.", safe="Nothing was started.", next_step=hint)
        taken[name] = _fitting(name, spec, value)
    return taken


def _fitting(name: str, spec: ParamSpec, value: float) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _refused(name, spec, "is no finite number")
    if spec.type == "int" and value != int(value):
        raise _refused(name, spec, f"is {shown(value)}, and has to be whole")
    if not spec.min <= value <= spec.max or not spec.on_step(value):
        raise _refused(name, spec, f"cannot be {shown(value)}")
    return int(value) if spec.type == "int" else float(value)


def _refused(name: str, spec: ParamSpec, what: str) -> BindError:
    steps = f"It goes from {shown(spec.min)} to {shown(spec.max)} in steps of {shown(spec.step)}."
    return BindError(f"The param {name} {what}.", safe="Nothing was started.", next_step=steps)


def _refuse_unfit(document: StrategyDocument, values: dict[str, int | float]) -> None:
    """What `check` has seen for the defaults has to hold for these values, too."""
    for path, value, within in numbers(document):
        if (wrong := within.wrong(resolved(value, values))) is not None:
            raise BindError(f"{'.'.join(map(str, path))}: {wrong}.", safe="Nothing was started.")
    if document.executor is not None:
        for key, message in disorder(document.executor, values):
            raise BindError(f"executor.{key}: {message}.", safe="Nothing was started.")


def bound_indicators(document: StrategyDocument, values: Mapping[str, int | float]) -> dict[str, BoundIndicator]:
    """Settings as numbers, the kind's defaults filled in, each indicator after its source."""
    known = kinds()
    found: dict[str, BoundIndicator] = {}
    for name in in_order(document):
        spec = document.indicators[name]
        kind = known[spec.kind]
        numbers_of: dict[str, int | float] = {}
        for parameter in kind.parameters:
            number = resolved(spec.settings.get(parameter.name, parameter.default), values)
            within = Within(parameter.least, parameter.most, whole=parameter.whole)
            if (wrong := within.wrong(number)) is not None:
                raise BindError(f"indicators.{name}.{parameter.name}: {wrong}.", safe="Nothing was started.")
            numbers_of[parameter.name] = int(number) if parameter.whole else float(number)
        found[name] = BoundIndicator(name, kind, spec.source if "source" in kind.inputs else "", numbers_of)
    return found


def _bound(into: type[AnyBlock], block: Block, values: Mapping[str, int | float]) -> AnyBlock:
    """The block's fields that `into` has, numbers resolved; what is None keeps `into`'s own default."""
    taken: dict[str, Any] = {}
    for field in fields(into):  # type: ignore[arg-type]
        value = getattr(block, field.name)
        if value is None:
            continue
        within = next((m for m in type(block).model_fields[field.name].metadata if isinstance(m, Within)), None)
        if within is not None:
            number = resolved(value, values)
            value = int(number) if within.whole else float(number)
        taken[field.name] = value
    return into(**taken)


def _stops(document: StrategyDocument, values: Mapping[str, int | float]) -> Stops:
    stops = document.stops
    return Stops(
        _bound(Loss, stops.loss, values),
        _bound(Target, stops.target, values),
        _bound(Trail, stops.trail, values),
        int(resolved(stops.time.bars, values)) if stops.time is not None else None,
    )


def _filters(document: StrategyDocument, values: Mapping[str, int | float]) -> Filters:
    filters = document.filters
    windows = () if filters.sessions == "all" else tuple(filters.sessions)
    return Filters(
        tuple((_minute(window[:5]), _minute(window[6:])) for window in windows),
        frozenset(filters.weekdays),
        float(resolved(filters.min_quote_volume_24h, values)),
        int(resolved(filters.cooldown_bars, values)),
    )


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _executor(document: StrategyDocument, values: Mapping[str, int | float]) -> Grid | Dca | None:
    if document.executor is None:
        return None
    into: type[Grid | Dca] = Grid if isinstance(document.executor, GridSpec) else Dca
    return _bound(into, document.executor, values)


def _frames(document: StrategyDocument, rules: Rules) -> tuple[str, ...]:
    voting = document.confirm.frames if document.confirm is not None else ()
    higher = {*frames_of(rules.all()), *(frame for frame in voting if document.higher_than_base(frame))}
    return tuple(sorted(higher, key=FRAME_MS.__getitem__))


def warmup_bars(
    document: StrategyDocument,
    rules: Rules,
    indicators: Mapping[str, BoundIndicator],
    values: Mapping[str, int | float],
) -> int:
    """Bars of the base frame until every rule, stop and vote stands on settled indicators; at least what the document
    asks for."""
    settled: dict[str, int] = {}
    for name, one in indicators.items():
        own = max(one.kind.settle(one.settings), one.kind.warmup(one.settings))
        settled[name] = own + settled.get(series(one.source)[0], 0)
    sessions = {name: getattr(one.kind, "session_ms", 0) for name, one in indicators.items()}
    warmup = Warmup(document.timeframe, settled, values, sessions)
    found = [warmup.rules(rules.all()), *(warmup.indicator(name, document.timeframe) for name in _measured(document))]
    if document.confirm is not None:
        vote = max((_settled(kind, settings) for check in document.confirm.checks for kind, settings in CONFIRM[check]),
                   default=0)  # fmt: skip
        found += [warmup.framed(frame if document.higher_than_base(frame) else "", vote)
                  for frame in document.confirm.frames]  # fmt: skip
    if document.sizing is not None and document.sizing.kind == "vol_target":
        found.append(int(resolved(document.sizing.vol_bars, values)) + 1)
    if resolved(document.filters.min_quote_volume_24h, values) > 0:
        found.append(FRAME_MS["1d"] // FRAME_MS[document.timeframe])
    asked = document.warmup if isinstance(document.warmup, int) else 0
    return max(asked, *found)


def _measured(document: StrategyDocument) -> set[str]:
    """Indicators that stops and adds read on the base frame."""
    return {series(text)[0] for _, text in references(document)}


def _settled(kind_name: str, settings: Mapping[str, int | float]) -> int:
    kind = kinds().get(kind_name)
    return max(kind.settle(settings), kind.warmup(settings)) if kind is not None else 0
