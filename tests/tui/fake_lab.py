"""The lab of the fake engine: a small library, a checker that knows undeclared names, previews with made marks.

It stands in for the engine at the API: replies have the engine's shapes, and what they say follows from the text by
rules simple enough to read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api import lab_values as v
from polotui.api.events import LabState
from polotui.api.replies import Done
from polotui.api.values import OverlayLine
from polotui.core.clock import Clock
from polotui.core.errors import Refused, UsageError
from polotui.model.candles import Timeframe

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine

DAY_MS = 86_400_000
EMA_PULLBACK = """\
spec: 1
name: ema-pullback
market: {symbols: [BTC_USDT, ETH_USDT], direction: long}
timeframe: 1h
params:
  fast_len: {type: int, default: 21, min: 5, max: 40, step: 1}
  rsi_floor: {type: float, default: 30, min: 20, max: 45, step: 2.5}   # lower is rarer
indicators:
  fast:  {kind: ema, source: close, length: fast_len}
  slow:  {kind: ema, source: close, length: 55}
  rsi14: {kind: rsi, length: 14}
  atr:   {kind: atr, length: 14}
entry:
  long: "fast@4h > slow@4h and crosses_above(rsi14, rsi_floor)"
exit:
  long: "crosses_below(close, slow) or bars_in_position >= 96"
stops:
  loss: {kind: atr, indicator: atr, multiple: 2}
sizing: {kind: fixed_fractional, risk: 1%}
notes:
  thesis: A pullback in a rising market ends where momentum turns.
  fails_when: The market goes sideways for weeks.
"""
TEMPLATES = {
    "donchian-20": "New highs go on: buys the 20-bar breakout.",
    "rsi-reversion": "What fell too fast comes back to its mean.",
    "ema-cross": "Trends last longer than people expect.",
}
_KNOWN = {
    "open", "high", "low", "close", "volume", "and", "or", "not", "crosses_above", "crosses_below",
    "bars_in_position", "hour", "weekday", "entry_price", "true", "false",
}  # fmt: skip


def template_text(name: str) -> str:
    return EMA_PULLBACK.replace("ema-pullback", name).replace(
        "A pullback in a rising market ends where momentum turns.", TEMPLATES[name]
    )


@dataclass
class Kept:
    """A stored strategy: texts by version."""

    texts: list[str]
    notes: list[str] = field(default_factory=list)
    stage: v.Stage = "draft"
    runs: int = 0
    last_return: float | None = None
    deleted: bool = False


def _name_in(text: str) -> str:
    found = re.search(r"^name: *([\w-]+)", text, re.M)
    return found[1] if found else ""


def _params(text: str) -> list[v.ParamField]:
    form = r"^  (\w+): \{type: (\w+), default: ([\d.]+), min: ([\d.]+), max: ([\d.]+), step: ([\d.]+)\}"
    return [
        v.ParamField(
            name=name, whole=kind == "int", default=float(default), least=float(least), most=float(most),
            step=float(step),
        )
        for name, kind, default, least, most, step in re.findall(form, text, re.M)
    ]  # fmt: skip


def _declared(text: str) -> set[str]:
    return set(re.findall(r"^  (\w+): +?\{", text, re.M))


def check(text: str) -> lr.CheckedStrategy:
    """Undeclared names in rules, an unfinished rule, a document without a stop."""
    said: list[v.Diagnostic] = []
    declared = _declared(text)
    for number, line in enumerate(text.split("\n"), 1):
        rule = re.match(r'^(  (?:long|short): ")([^"]*)("?)', line)
        if rule is None:
            continue
        for word in re.finditer(r"(?<![@.\w])[a-z_]\w*", rule[2]):
            if word[0] in _KNOWN or word[0] in declared:
                continue
            near = next((name for name in sorted(declared) if name.startswith(word[0][:3])), "")
            column = len(rule[1]) + word.start() + 1
            said.append(
                v.Diagnostic(
                    severity="error", code="not-declared", line=number, column=column,
                    end_column=column + len(word[0]), message=f"'{word[0]}' is not declared.",
                    suggestion=f"Did you mean {near}?" if near else "Declare it under indicators.",
                )
            )  # fmt: skip
        if not rule[3]:
            at = len(line)
            said.append(
                v.Diagnostic(severity="error", code="syntax", line=number, column=max(1, at), end_column=at + 1,
                             message="The text does not end.", suggestion='Close it with ".')
            )  # fmt: skip
    if "stops:" not in text:
        said.append(
            v.Diagnostic(severity="warning", code="no-stop", line=1, column=1, end_column=1,
                         message="There is no stop: a loss has no end.")
        )  # fmt: skip
    symbols = re.search(r"symbols: \[([^\]]*)\]", text)
    frame = re.search(r"^timeframe: *(\w+)", text, re.M)
    ok = not any(one.severity == "error" for one in said) and bool(_name_in(text))
    return lr.CheckedStrategy(
        ok=ok, name=_name_in(text), hash=f"{hash_of(text):08x}" if ok else "", diagnostics=said, params=_params(text),
        symbols=[part.strip() for part in symbols[1].split(",")] if symbols else [],
        timeframe=frame[1] if frame else "", warmup_bars=220,
    )  # fmt: skip


def hash_of(text: str) -> int:
    return sum((place + 1) * ord(letter) for place, letter in enumerate(text)) % (1 << 32)


class FakeLab:
    """Answers the lab's commands. `empty` has neither strategies nor templates."""

    def __init__(self, now_ms: int, *, empty: bool = False) -> None:
        self.now_ms = now_ms
        self.changes = 0
        self.kept: dict[str, Kept] = {}
        self.templates = {} if empty else {name: template_text(name) for name in TEMPLATES}
        if not empty:
            old = EMA_PULLBACK.replace("length: 55", "length: 50")
            texts = [old, old.replace("multiple: 2", "multiple: 3"), old.replace("96", "72"), EMA_PULLBACK]
            self.kept["ema-pullback"] = Kept(texts, ["", "wider stop", "", ""], "backtested", 12, 0.1842)
            text = EMA_PULLBACK.replace("ema-pullback", "rsi-calm")
            self.kept["rsi-calm"] = Kept([text], [""], "paper", 3, -0.0214)
            self.kept["weekend"] = Kept([EMA_PULLBACK.replace("ema-pullback", "weekend")], [""])

    def state(self) -> LabState:
        return LabState(strategies=self.changes)

    def row(self, name: str) -> v.StrategyRow:
        kept = self.kept.get(name)
        text = kept.texts[-1] if kept else self.templates[name]
        thesis = re.search(r"thesis: (.*)", text)
        checked = check(text)
        return v.StrategyRow(
            name=name, stage=kept.stage if kept else "template", version=len(kept.texts) if kept else 0,
            hash=checked.hash, updated_ms=self.now_ms - DAY_MS, thesis=thesis[1] if thesis else "",
            symbols=checked.symbols, timeframe=checked.timeframe, runs=kept.runs if kept else 0,
            last_return=kept.last_return if kept else None, deleted=kept.deleted if kept else False,
        )  # fmt: skip

    def answer(self, command: Any) -> Any:
        """The reply, or None when the command is not the lab's."""
        handlers = {
            lc.ListStrategies: self._list, lc.GetStrategy: self._get, lc.CheckStrategy: lambda c: check(c.text),
            lc.CompleteStrategy: self._complete, lc.SaveStrategy: self._save, lc.NewStrategy: self._new,
            lc.DeleteStrategy: self._delete, lc.PreviewStrategy: self._preview, lc.ExamineStrategy: self._examine,
        }  # fmt: skip
        handler = handlers.get(type(command))
        return handler(command) if handler is not None else None

    def _list(self, command: lc.ListStrategies) -> lr.Strategies:
        names = [name for name, kept in self.kept.items() if command.deleted or not kept.deleted]
        names += list(self.templates) if command.templates else []
        return lr.Strategies(strategies=[self.row(name) for name in names])

    def _get(self, command: lc.GetStrategy) -> lr.StrategyDetail:
        kept = self.kept.get(command.name)
        if kept is None and command.name not in self.templates:
            raise UsageError(f"There is no strategy {command.name}.")
        texts = kept.texts if kept else [self.templates[command.name]]
        version = command.version or (len(texts) if kept else 0)
        text = texts[version - 1] if kept else texts[0]
        versions = [
            v.StrategyVersion(
                version=number, created_ms=self.now_ms - (len(texts) - number + 1) * DAY_MS,
                hash=check(one).hash, note=kept.notes[number - 1],
            )
            for number, one in enumerate(texts, 1)
        ] if kept else []  # fmt: skip
        return lr.StrategyDetail(
            row=self.row(command.name), text=text, form="yaml", version=version, versions=versions[::-1],
            checked=check(text),
        )  # fmt: skip

    def _complete(self, command: lc.CompleteStrategy) -> lr.Completions:
        before = command.text.split("\n")[command.line - 1][: command.column - 1]
        word = re.search(r"[A-Za-z_]\w*$", before)
        typed = word[0] if word else ""
        offered = [
            *((name, "indicator", "declared under indicators") for name in sorted(_declared(command.text))),
            ("crosses_above", "function", "crosses_above(a, b): a was not above b on the bar before and is now"),
            ("crosses_below", "function", "crosses_below(a, b): a was not below b on the bar before and is now"),
            ("rising", "function", "rising(x, n): x is above its value n bars ago"),
            ("close", "field", "the bar's last price"),
            ("bars_in_position", "fact", "bars since the entry"),
        ]
        return lr.Completions(
            completions=[
                v.Completion(text=text, kind=kind, says=says, replaces=len(typed))
                for text, kind, says in offered
                if text.startswith(typed) and text != typed
            ]
        )

    def _save(self, command: lc.SaveStrategy) -> lr.StrategySaved:
        name = command.name or _name_in(command.text)
        if not name:
            raise UsageError("The document has no name.", next_step="Write name: at its top.")
        kept = self.kept.setdefault(name, Kept([]))
        newest = len(kept.texts)
        if command.after_version not in (-1, newest):
            raise Refused(
                f"{name} has a newer version, v{newest}.", safe="Nothing was stored.", code="version-conflict"
            )
        checked = check(command.text)
        same = bool(kept.texts) and kept.texts[-1] == command.text
        if not same:
            kept.texts.append(command.text)
            kept.notes.append(command.note)
            self.changes += 1
        return lr.StrategySaved(
            name=name, version=len(kept.texts), hash=checked.hash, unchanged=same, diagnostics=checked.diagnostics
        )

    def _new(self, command: lc.NewStrategy) -> lr.StrategySaved:
        source = self.kept[command.source].texts[-1] if command.source in self.kept else self.templates[command.source]
        name, number = command.name or command.source, 2
        while name in self.kept:
            name, number = f"{command.name or command.source}-{number}", number + 1
        self.kept[name] = Kept([re.sub(r"^name: .*", f"name: {name}", source, count=1, flags=re.M)], [""])
        self.changes += 1
        return lr.StrategySaved(name=name, version=1, hash=check(source).hash)

    def _delete(self, command: lc.DeleteStrategy) -> Done:
        self.kept[command.name].deleted = not command.undo
        self.changes += 1
        return Done(text=f"{command.name} is back." if command.undo else f"{command.name} is put away.")

    def _preview(self, command: lc.PreviewStrategy) -> v.StrategyPreview:
        from tests.tui.fake_engine import make_candles

        checked = check(command.text)
        symbol = command.symbol or (checked.symbols or ["BTC_USDT"])[0]
        frame = command.timeframe or checked.timeframe or "1h"
        candles = make_candles(symbol, Timeframe.parse(frame), command.bars, self.now_ms)
        if not checked.ok:
            return v.StrategyPreview(symbol=symbol, timeframe=frame, candles=candles, note="The text has errors.")
        values = {one.name: one.default for one in checked.params} | command.params
        marks: list[v.Mark] = []
        every = max(8, int(values.get("fast_len", 21)))
        for number, start in enumerate(range(20, len(candles) - 10, every), 1):
            first, last = candles[start], candles[start + every // 2]
            marks.append(
                v.Mark(at_ms=first.open_ms, kind="entry", side="long", price=first.close, text="rule", trade=number)
            )
            marks.append(
                v.Mark(at_ms=last.open_ms, kind="exit", side="long", price=last.close, text="rule", trade=number)
            )
        average = candles[0].close
        line: list[float | None] = []
        for candle in candles:
            average += (candle.close - average) / 20
            line.append(average)
        return v.StrategyPreview(
            symbol=symbol, timeframe=frame, candles=candles,
            lines=[OverlayLine(name="slow", overlay="slow", values=line)],
            marks=marks, entries=len(marks) // 2, exits=len(marks) // 2, in_market=0.61, worst_bar=-0.074,
        )  # fmt: skip

    def _examine(self, command: lc.ExamineStrategy) -> lr.Examination:
        checked = check(command.text or self.kept[command.name].texts[-1])
        if not checked.ok:
            raise UsageError("The text has errors.", safe="Nothing was examined.", next_step="Mend them first.")
        return lr.Examination(
            ok=True,
            checks=[
                v.CheckLine(name="look-ahead", state="passed", text="The first 412 signals stay when later bars go."),
                v.CheckLine(name="warm-up", state="warning", text="220 of 300 bars pass before every rule is known."),
                v.CheckLine(name="constant rules", state="skipped", text="Fewer than 500 bars are stored."),
            ],
        )


def lab_engine(lab: FakeLab | None = None, clock: Clock | None = None) -> FakeEngine:
    """A fake engine whose strategies are the lab's and not the few that the fake backtests know."""
    from tests.tui.fake_engine import FakeEngine

    engine = FakeEngine(clock)
    engine.lab = lab or engine.lab
    engine.library = "lab"
    return engine
