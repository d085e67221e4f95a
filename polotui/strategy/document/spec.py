"""What a strategy document says: one model per block, unknown keys refused, ranges at the field they bound.

Decided here:
* A document is data. Rules are texts (see `grammar.py`); every number that one may want to sweep is a `Value`: a
  number, a percentage such as 1% (read as 0.01), or the name of a declared param.
* Ranges are written beside the field (`Within`) and hold twice: for a number when the document is read, for a param
  when it is bound.
* A block with kinds (`stops.loss`, `sizing`, …) takes exactly the keys of its kind: a key that would be ignored is a
  mistake that would otherwise be found in a backtest's result, or not at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from polotui.core.text import is_plain_symbol
from polotui.strategy.document.limits import (
    FRAME_MS,
    MAX_FRAMES,
    MAX_INDICATORS,
    MAX_PARAMS,
    MAX_RULE_TEXT,
    MAX_STEPS,
    MAX_SYMBOLS,
    NAME,
    RESERVED,
    percent,
)

#: A number, or the name of a declared param.
Value = int | float | str
Frame = Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d"]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SESSION = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])\Z", re.ASCII)
_TITLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}\Z")


def _error(code: str, message: str, **context: Any) -> PydanticCustomError:
    """`key` in the context names the key of the block that the message is about."""
    return PydanticCustomError(code, message.replace("{", "(").replace("}", ")"), context)


def shown(number: float) -> str:
    return f"{number:g}"


class Within:
    """The range of a `Value` field, both ends included unless `above`. It reads the field, too."""

    def __init__(
        self, least: float, most: float, *, whole: bool = False, above: bool = False, params: bool = True
    ) -> None:
        self.least, self.most, self.whole, self.above, self.params = least, most, whole, above, params

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        if type(None) in get_args(source):
            return core_schema.no_info_plain_validator_function(lambda raw: None if raw is None else self.read(raw))
        return core_schema.no_info_plain_validator_function(self.read)

    def read(self, raw: object) -> Value:
        if isinstance(raw, str):
            fraction = percent(raw)
            if fraction is None:
                return self._name(raw)
            raw = fraction
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise _error("number-needed", f"a number belongs here, {self.words()}")
        if (wrong := self.wrong(raw)) is not None:
            raise _error("range", wrong)
        return int(raw) if self.whole else raw

    def _name(self, raw: str) -> str:
        if not self.params:
            raise _error("number-needed", f"a number belongs here, {self.words()}")
        if re.match(r"[-+.]?[0-9]", raw):
            raise _error("number-needed", "this is a text; write the number without quotes")
        if NAME.match(raw) is None:
            raise _error("number-needed", "a number, a percentage or the name of a param belongs here")
        return raw

    def wrong(self, number: float) -> str | None:
        """Why `number` does not fit, or None."""
        if isinstance(number, float) and not math.isfinite(number):
            return "the number is not finite"
        if self.whole and number != int(number):
            return f"{shown(number)} is not whole; {self.words()}"
        if number < self.least or number > self.most or (self.above and number == self.least):
            return f"{shown(number)} is out of range: {self.words()}"
        return None

    def words(self) -> str:
        kind = "a whole number " if self.whole else ""
        if self.above:
            return f"{kind}above {shown(self.least)} and at most {shown(self.most)}"
        return f"{kind}from {shown(self.least)} to {shown(self.most)}"


def _rule(raw: object) -> object:
    if isinstance(raw, str) and len(raw) > MAX_RULE_TEXT:
        raise _error("too-long", f"a rule has at most {MAX_RULE_TEXT} characters")
    if not isinstance(raw, str) and raw is not None:
        raise _error("rule-needed", 'a rule belongs here, as a text such as "close > open"')
    return raw


Rule = Annotated[str, BeforeValidator(_rule)]


class Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KindBlock(Block):
    """A block whose `kind` decides which of the other keys belong to it."""

    #: kind -> keys it must have; a key with "?" may be left out.
    KEYS: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @model_validator(mode="after")
    def _keys_of_the_kind(self) -> Self:
        kind: str = getattr(self, "kind")  # noqa: B009
        keys = self.KEYS[kind]
        allowed = {key.rstrip("?") for key in keys}
        for key in keys:
            if not key.endswith("?") and getattr(self, key) is None:
                raise _error("missing-key", f"kind: {kind} needs the key {key}", missing=key)
        for key in sorted(self.model_fields_set - {"kind"} - allowed):
            if getattr(self, key) != type(self).model_fields[key].default:
                takes = ", ".join(sorted(allowed)) or "no other keys"
                raise _error("key-of-another-kind", f"kind: {kind} does not use {key}; it takes {takes}", key=key)
        return self


class Market(Block):
    symbols: tuple[str, ...] = Field(min_length=1, max_length=MAX_SYMBOLS)
    direction: Literal["long", "short", "both"] = "long"
    leverage: Annotated[int | float, Within(1, 20, params=False)] = 1

    @model_validator(mode="after")
    def _symbols(self) -> Self:
        for place, symbol in enumerate(self.symbols):
            if not is_plain_symbol(symbol):
                raise _error("symbol", "a symbol is written like BTC_USDT", item=place, inside="symbols")
            if symbol in self.symbols[:place]:
                raise _error("symbol", f"{symbol} is listed twice", item=place, inside="symbols")
        return self


class ParamSpec(Block):
    """A number that is given a name, a default and a range to be swept over."""

    type: Literal["int", "float"]
    default: Annotated[int | float, Within(-1e12, 1e12, params=False)]
    min: Annotated[int | float, Within(-1e12, 1e12, params=False)]
    max: Annotated[int | float, Within(-1e12, 1e12, params=False)]
    step: Annotated[int | float, Within(0, 1e12, above=True, params=False)]

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.type == "int":
            for key in ("default", "min", "max", "step"):
                if getattr(self, key) != int(getattr(self, key)):
                    raise _error("not-whole", f"type: int, and {key} is {shown(getattr(self, key))}", key=key)
        if self.min > self.max:
            raise _error("range", f"min {shown(self.min)} is above max {shown(self.max)}", key="min")
        if self.max - self.min > MAX_STEPS * self.step:
            raise _error("range", f"from min to max there are more than {MAX_STEPS} steps", key="step")
        if not self.min <= self.default <= self.max:
            raise _error("range", f"the default {shown(self.default)} lies outside of "
                         f"{shown(self.min)} to {shown(self.max)}", key="default")  # fmt: skip
        return self

    def on_step(self, number: float) -> bool:
        """True when `number` can be reached from `min` in whole steps; the default always counts."""
        steps = (number - self.min) / self.step
        return number == self.default or abs(steps - round(steps)) < 1e-6


class IndicatorSpec(Block):
    """Every key but kind and source is a setting; the catalogue says which there are."""

    kind: str
    source: str = "close"
    settings: dict[str, Annotated[Value, Within(-1e9, 1e9)]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or isinstance(raw.get("settings"), dict):
            return raw
        own = {key: value for key, value in raw.items() if key in ("kind", "source")}
        return {**own, "settings": {key: value for key, value in raw.items() if key not in own}}


class Sides(Block):
    long: Rule | None = None
    short: Rule | None = None


class Confirm(Block):
    """Votes of higher frames, see `docs/strategies.md`."""

    frames: tuple[Frame, ...] = Field(min_length=1, max_length=MAX_FRAMES)
    checks: tuple[Literal["rsi", "macd", "ema"], ...] = Field(default=("rsi", "macd", "ema"), min_length=1)
    min_score: Annotated[Value, Within(0, 100)] = 66

    @model_validator(mode="after")
    def _once(self) -> Self:
        for key in ("frames", "checks"):
            if len(set(getattr(self, key))) < len(getattr(self, key)):
                raise _error("twice", f"{key} names one of them twice", key=key)
        return self


class Loss(KindBlock):
    kind: Literal["percent", "atr", "price_expr", "none"] = "none"
    value: Annotated[Value | None, Within(0, 1, above=True)] = None
    indicator: str | None = None
    multiple: Annotated[Value | None, Within(0, 100, above=True)] = None
    price: Rule | None = None
    KEYS = {"percent": ("value",), "atr": ("indicator", "multiple"), "price_expr": ("price",), "none": ()}


class Target(KindBlock):
    kind: Literal["percent", "rr", "price_expr", "none"] = "none"
    value: Annotated[Value | None, Within(0, 100, above=True)] = None
    multiple: Annotated[Value | None, Within(0, 100, above=True)] = None
    price: Rule | None = None
    KEYS = {"percent": ("value",), "rr": ("multiple",), "price_expr": ("price",), "none": ()}


class Trail(KindBlock):
    """Follows the price from the profit `activate_at` on; by default from the first bar."""

    kind: Literal["percent", "atr", "none"] = "none"
    value: Annotated[Value | None, Within(0, 1, above=True)] = None
    indicator: str | None = None
    multiple: Annotated[Value | None, Within(0, 100, above=True)] = None
    activate_at: Annotated[Value, Within(0, 100)] = 0
    KEYS = {"percent": ("value", "activate_at?"), "atr": ("indicator", "multiple", "activate_at?"), "none": ()}


class TimeStop(Block):
    bars: Annotated[Value, Within(1, 100_000, whole=True)]


class Stops(Block):
    loss: Loss = Loss()
    target: Target = Target()
    trail: Trail = Trail()
    time: TimeStop | None = None


class Sizing(KindBlock):
    kind: Literal["fixed_fractional", "kelly", "percent_equity", "fixed_quote", "vol_target"]
    #: The share of the equity that is lost when the stop is hit.
    risk: Annotated[Value | None, Within(0, 0.2, above=True)] = None
    value: Annotated[Value | None, Within(0, 1, above=True)] = None
    amount: Annotated[Value | None, Within(0, 1e9, above=True)] = None
    #: Volatility a year, as a fraction, measured over `vol_bars` bars.
    target_vol: Annotated[Value | None, Within(0, 10, above=True)] = None
    vol_bars: Annotated[Value, Within(10, 500, whole=True)] = 50
    #: The part of the Kelly stake that is taken.
    fraction: Annotated[Value, Within(0, 1, above=True)] = 0.25
    #: Left out, both are measured on the strategy's own trades once there are `min_trades`.
    win_rate: Annotated[Value | None, Within(0, 1, above=True)] = None
    payoff: Annotated[Value | None, Within(0, 100, above=True)] = None
    min_trades: Annotated[Value, Within(1, 1000, whole=True)] = 30
    #: No position is worth more than this share of the equity, times the leverage.
    max_share: Annotated[Value, Within(0, 1, above=True)] = 1
    KEYS = {
        "fixed_fractional": ("risk", "max_share?"),
        "kelly": ("fraction?", "win_rate?", "payoff?", "min_trades?", "max_share?"),
        "percent_equity": ("value", "max_share?"),
        "fixed_quote": ("amount", "max_share?"),
        "vol_target": ("target_vol", "vol_bars?", "max_share?"),
    }

    @model_validator(mode="after")
    def _kelly_pair(self) -> Self:
        if (self.win_rate is None) != (self.payoff is None):
            missing = "win_rate" if self.win_rate is None else "payoff"
            raise _error("missing-key", "win_rate and payoff are given together or not at all", missing=missing)
        return self


class Orders(Block):
    """`limit_offset` places a limit entry below the close (above it for a short), a stop entry beyond it."""

    entry: Literal["market", "limit", "stop"] = "market"
    limit_offset: Annotated[Value, Within(0, 0.5)] = 0
    expire_bars: Annotated[Value, Within(1, 500, whole=True)] = 1


def _weekday(raw: object) -> object:
    return WEEKDAYS.index(raw.lower()) if isinstance(raw, str) and raw.lower() in WEEKDAYS else raw


class Filters(Block):
    """When no entry is made, whatever the rules say. Sessions and weekdays are UTC, of the bar's open."""

    sessions: Literal["all"] | tuple[str, ...] = "all"
    weekdays: tuple[Annotated[int, BeforeValidator(_weekday), Field(ge=0, le=6, strict=True)], ...] = tuple(range(7))
    min_quote_volume_24h: Annotated[Value, Within(0, 1e15)] = 0
    cooldown_bars: Annotated[Value, Within(0, 10_000, whole=True)] = 0

    @model_validator(mode="before")
    @classmethod
    def _sessions(cls, raw: Any) -> Any:
        sessions = raw.get("sessions", "all") if isinstance(raw, dict) else "all"
        if sessions == "all":
            return raw
        if not isinstance(sessions, list | tuple) or not sessions or len(sessions) > 24:
            raise _error("session", 'sessions is all, or a list such as ["08:00-16:30"]', key="sessions")
        for place, window in enumerate(sessions):
            match = _SESSION.match(window) if isinstance(window, str) else None
            if match is None or match.group(1, 2) == match.group(3, 4):
                raise _error("session", "a session is written \"08:00-16:30\", in UTC; it may pass midnight",
                             item=place, inside="sessions")  # fmt: skip
        return raw

    @model_validator(mode="after")
    def _weekdays_once(self) -> Self:
        if not self.weekdays or len(set(self.weekdays)) < len(self.weekdays):
            raise _error("twice", "weekdays lists each day once, and at least one", key="weekdays")
        return self


class Limits(Block):
    """`max_adds` are further entries into an open position: with `add_step`, each that many times `add_indicator`
    beyond the last fill; without it, on each further entry signal."""

    max_positions: Annotated[Value, Within(1, 50, whole=True)] = 1
    max_adds: Annotated[Value, Within(0, 20, whole=True)] = 0
    add_step: Annotated[Value | None, Within(0, 20, above=True)] = None
    add_indicator: str | None = None

    @model_validator(mode="after")
    def _adds(self) -> Self:
        if (self.add_step is None) != (self.add_indicator is None):
            missing = "add_step" if self.add_step is None else "add_indicator"
            raise _error("missing-key", "add_step and add_indicator are given together", missing=missing)
        return self


class Grid(Block):
    """Buys on the way down and sells one level higher, between two prices."""

    kind: Literal["grid"]
    lower: Annotated[Value, Within(0, 1e12, above=True)]
    upper: Annotated[Value, Within(0, 1e12, above=True)]
    levels: Annotated[Value, Within(2, 200, whole=True)]
    spacing: Literal["arithmetic", "geometric"] = "geometric"
    #: In the quote currency.
    per_level: Annotated[Value, Within(0, 1e9, above=True)]
    #: A price: everything is sold below it.
    stop: Annotated[Value | None, Within(0, 1e12, above=True)] = None


class Dca(Block):
    """Buys for `amount` every `interval` bars, only when `dip_rule` holds if there is one."""

    kind: Literal["dca"]
    interval: Annotated[Value, Within(1, 100_000, whole=True)]
    amount: Annotated[Value, Within(0, 1e9, above=True)]
    max_total: Annotated[Value, Within(0, 1e12, above=True)]
    dip_rule: Rule | None = None
    #: Fractions of the average price paid.
    take_profit: Annotated[Value | None, Within(0, 100, above=True)] = None
    stop: Annotated[Value | None, Within(0, 1, above=True)] = None


class Notes(Block):
    thesis: str = Field(default="", max_length=4_000)
    fails_when: str = Field(default="", max_length=4_000)


def _names(raw: object) -> object:
    if isinstance(raw, dict):
        for name in raw:
            if not isinstance(name, str) or NAME.match(name) is None:
                raise _error("name", "a name has letters, digits and _, begins with a letter, at most 32 characters",
                             key=name)  # fmt: skip
            if name in RESERVED:
                raise _error("name", f"{name} is a word of the rule language; choose another name", key=name)
    return raw


class StrategyDocument(Block):
    #: `true` equals 1 in Python, and is not meant.
    spec: Annotated[Literal[1], BeforeValidator(lambda raw: "true" if raw is True else raw)]
    name: str
    market: Market
    timeframe: Frame
    warmup: Annotated[str | int, BeforeValidator(lambda raw: raw if raw == "auto" else _WARMUP.read(raw))] = "auto"
    params: Annotated[dict[str, ParamSpec], BeforeValidator(_names)] = Field(default_factory=dict)
    indicators: Annotated[dict[str, IndicatorSpec], BeforeValidator(_names)] = Field(default_factory=dict)
    entry: Sides = Sides()
    exit: Sides = Sides()
    confirm: Confirm | None = None
    stops: Stops = Stops()
    #: None with an executor only.
    sizing: Sizing | None = None
    orders: Orders = Orders()
    filters: Filters = Filters()
    limits: Limits = Limits()
    executor: Annotated[Grid | Dca, Field(discriminator="kind")] | None = None
    notes: Notes = Notes()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if _TITLE.match(self.name) is None:
            raise _error("name", "a name has letters, digits, spaces, - _ and ., at most 64 characters", key="name")
        for key, most in (("params", MAX_PARAMS), ("indicators", MAX_INDICATORS)):
            if len(getattr(self, key)) > most:
                raise _error("too-many", f"a document has at most {most} {key}", key=key)
        if both := sorted(self.params.keys() & self.indicators.keys()):
            raise _error("name", f"{both[0]} names a param and an indicator", inside="indicators", key=both[0])
        if self.executor is not None:
            self._without_rules()
        elif self.sizing is None:
            raise _error("missing-key", "sizing says how much to buy, and there is none", missing="sizing")
        return self

    def _without_rules(self) -> None:
        for key in ("entry", "exit", "confirm", "stops", "sizing", "limits"):
            if getattr(self, key) not in (None, Sides(), Stops(), Limits()):
                raise _error("executor", f"an executor trades by itself: {key} is not used with it", key=key)

    def higher_than_base(self, frame: str) -> bool:
        return FRAME_MS[frame] > FRAME_MS[self.timeframe]


_WARMUP = Within(0, 50_000, whole=True, params=False)
