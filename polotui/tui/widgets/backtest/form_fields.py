"""The backtest form without a screen: its fields as typed, what is wrong with them, and the run they make.

Decided here: what is typed stays as typed until it is right, and each fault stands at its field. Dates are UTC days;
both ends as given, from midnight to midnight. «last 365 days» sends no dates: the engine takes what is stored.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from polotui.api.lab_replies import StrategyDetail
from polotui.api.lab_values import Costs, ParamField, RunSpec
from polotui.core.text import is_plain_symbol
from polotui.model.candles import DAY_MS, Timeframe
from polotui.model.money import parts_thousands
from polotui.tui.widgets.backtest.base import number_words

POLICIES = ("pessimistic", "adaptive", "optimistic", "detail")
FRAMES = tuple(frame.value for frame in Timeframe)
DEFAULT_SPAN = "last 365 days"
NOW = "now"
_LAST = re.compile(r"(?:last\s+)?(\d{1,5})\s*d(?:ays?)?", re.IGNORECASE)


class Wrong(ValueError):
    """What was typed cannot be used; the message says why in a few words."""


@dataclass(frozen=True)
class Field:
    """One line of a form. `kind`: text, choice, pick (a list), axis, head (no field)."""

    name: str
    title: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    unit: str = ""


def number(text: str, *, least: float | None = None, most: float | None = None, whole: bool = False) -> float:
    """«10,000» or «0.2». A comma is taken only where it parts thousands: «0,1» might mean either. Raises Wrong."""
    plain = text.replace("−", "-").strip()
    try:
        value = float(plain.replace(",", ""))
    except ValueError:
        raise Wrong("a number, such as 10,000 or 0.2") from None
    if not parts_thousands(plain):
        raise Wrong("a point for decimals and commas only between thousands, such as 0.1 or 10,000")
    if not math.isfinite(value):
        raise Wrong("a finite number")
    if whole and value != int(value):
        raise Wrong("a whole number")
    if least is not None and value < least:
        raise Wrong(f"at least {number_words(least)}")
    if most is not None and value > most:
        raise Wrong(f"at most {number_words(most)}")
    return value


def date_ms(text: str) -> int:
    """Midnight UTC of «2026-11-21». Raises Wrong."""
    try:
        return int(datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise Wrong("a day as YYYY-MM-DD, or last N days") from None


def span_ms(start: str, end: str, now_ms: int) -> tuple[int, int]:
    """From and to; (0, 0) for the last 365 days that are stored. Raises Wrong."""
    last = _LAST.fullmatch(start.strip())
    open_end = end.strip().lower() in ("", NOW)
    if start.strip().lower() == DEFAULT_SPAN and open_end:
        return 0, 0
    # The hour, so that the same form typed again is the same run.
    to_ms = now_ms - now_ms % 3_600_000 if open_end else date_ms(end)
    if last is not None:
        days = int(last.group(1))
        if days < 1:
            raise Wrong("at least 1 day")
        return to_ms - days * DAY_MS, to_ms
    return date_ms(start), to_ms


def symbols_of(text: str) -> list[str]:
    """«BTC_USDT, eth_usdt» as names. Raises Wrong."""
    names = [part.upper() for part in re.split(r"[,\s]+", text.strip()) if part]
    for name in names:
        if not is_plain_symbol(name):
            raise Wrong(f"{name[:20]} is not a symbol like BTC_USDT")
    if len(set(names)) != len(names):
        raise Wrong("a symbol stands here twice")
    return names


@dataclass
class RunFields:
    """What the run form holds. `texts` by field name; a parameter's name has the prefix «p.»."""

    texts: dict[str, str] = field(default_factory=dict)
    detail: StrategyDetail | None = None
    known: frozenset[str] = frozenset()
    """Symbols of the exchange; empty while unknown."""

    DEFAULTS = {  # noqa: RUF012 - a constant of the form
        "from": DEFAULT_SPAN,
        "to": NOW,
        "capital": "10,000",
        "maker": "0.2",
        "taker": "0.2",
        "slippage": "0.05",
        "policy": "pessimistic",
    }

    def fields(self) -> list[Field]:
        made = [
            Field("strategy", "strategy", "pick"),
            Field("symbols", "symbols"),
            Field("timeframe", "timeframe", "choice", FRAMES),
            Field("from", "from"),
            Field("to", "to"),
            Field("capital", "capital", unit="USDT"),
            Field("maker", "maker fee", unit="%"),
            Field("taker", "taker fee", unit="%"),
            Field("slippage", "slippage", unit="%"),
            Field("policy", "policy", "choice", POLICIES),
        ]
        return made + [Field(f"p.{param.name}", param.name) for param in self.params()]

    def params(self) -> list[ParamField]:
        return self.detail.checked.params if self.detail is not None else []

    def default(self, name: str) -> str:
        """What stands in a field before anybody changes it."""
        if name in self.DEFAULTS:
            return self.DEFAULTS[name]
        if self.detail is None:
            return ""
        if name == "symbols":
            return ", ".join(self.detail.checked.symbols)
        if name == "timeframe":
            return self.detail.checked.timeframe
        param = self.param(name)
        return number_words(param.default) if param is not None else ""

    def param(self, name: str) -> ParamField | None:
        return next((param for param in self.params() if f"p.{param.name}" == name), None)

    def text(self, name: str) -> str:
        return self.texts[name] if name in self.texts else self.default(name)

    def put(self, name: str, text: str) -> None:
        if text == self.default(name):
            self.texts.pop(name, None)
        else:
            self.texts[name] = text

    def take(self, detail: StrategyDetail | None) -> None:
        """Another document: its own fields start from its defaults."""
        if detail is not None and (self.detail is None or detail.row.name != self.detail.row.name):
            own = {name for name in self.texts if name.startswith("p.") or name in ("symbols", "timeframe")}
            for name in own if self.detail is not None else ():
                self.texts.pop(name)
        self.detail = detail if detail is not None else self.detail

    def fault(self, name: str, now_ms: int) -> str:
        """Why the field cannot be used; empty when it can."""
        try:
            self._value(name, now_ms)
        except Wrong as error:
            return str(error)
        return ""

    def _value(self, name: str, now_ms: int) -> float | tuple[int, int] | list[str] | str:
        text = self.text(name)
        if name == "symbols":
            names = symbols_of(text)
            unknown = [symbol for symbol in names if self.known and symbol not in self.known]
            if unknown:
                raise Wrong(f"{unknown[0]} is not traded here")
            return names
        if name == "timeframe":
            return text
        if name == "from":
            # The end's own fault stands at the end.
            span = span_ms(text, self.text("to") if self._end_is_sound() else NOW, now_ms)
            if span[0] and span[0] >= now_ms:
                raise Wrong("in the future: there is no data yet")
            return span
        if name == "to":
            return self._end(now_ms)
        if name == "capital":
            return number(text, least=1, most=1e12)
        if name in ("maker", "taker", "slippage"):
            return number(text, least=0, most=10) / 100
        param = self.param(name)
        if param is not None:
            return number(text, least=param.least, most=param.most, whole=param.whole)
        if name == "strategy" and self.detail is not None and not self.detail.checked.ok:
            errors = [item for item in self.detail.checked.diagnostics if item.severity == "error"]
            first = f"line {errors[0].line}: {errors[0].message}" if errors else "it cannot be run"
            raise Wrong(f"{first}; mend it in the Lab")
        return text

    def _end_is_sound(self) -> bool:
        end = self.text("to").strip().lower()
        try:
            return end in ("", NOW) or bool(date_ms(end))
        except Wrong:
            return False

    def _end(self, now_ms: int) -> int:
        end = self.text("to").strip().lower()
        if end in ("", NOW):
            return 0
        try:
            to_ms = date_ms(end)
        except Wrong:
            raise Wrong("a day as YYYY-MM-DD, or now") from None
        try:
            from_ms = span_ms(self.text("from"), self.text("to"), now_ms)[0]
        except Wrong:
            return to_ms
        if to_ms <= from_ms:
            raise Wrong("not after the first day")
        return to_ms

    def faults(self, now_ms: int) -> dict[str, str]:
        return {item.name: fault for item in self.fields() if (fault := self.fault(item.name, now_ms))}

    def spec(self, now_ms: int) -> RunSpec | None:
        """The run, or None while a field is wrong or the strategy is not loaded."""
        if self.detail is None or self.faults(now_ms):
            return None
        from_ms, to_ms = span_ms(self.text("from"), self.text("to"), now_ms)
        costs = Costs(
            maker_fee=self._percent("maker"), taker_fee=self._percent("taker"), slippage=self._percent("slippage")
        )
        symbols = symbols_of(self.text("symbols"))
        policy = self.text("policy")
        values = {param.name: number(self.text(f"p.{param.name}")) for param in self.params()}
        changed = {param.name: values[param.name] for param in self.params() if values[param.name] != param.default}
        return RunSpec(
            strategy=self.detail.row.name,
            version=self.detail.version,
            symbols=[] if symbols == self.detail.checked.symbols else symbols,
            timeframe="" if self.text("timeframe") == self.detail.checked.timeframe else self.text("timeframe"),
            from_ms=from_ms,
            to_ms=to_ms,
            capital=number(self.text("capital")),
            policy=policy,  # type: ignore[arg-type]
            costs=costs,
            params=changed,
        )

    def _percent(self, name: str) -> float:
        # 0.2 % is 0.002 and not 0.002 less a bit of the last place.
        return round(number(self.text(name)) / 100, 12)
