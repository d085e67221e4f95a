"""Whether a document can be trusted to say on a bar what it would have said then: look-ahead, warm-up, dead rules.

Decided here:
* Look-ahead is looked for by truncation: all that the document says is computed over the whole history and again with
  the history cut right after a bar. What differs on that bar, in a single bit, knew the future. Cuts are drawn at
  random, around entries, and inside the bars of longer frames, which are forming there.
* It is run on the first symbol that has candles: rules know no symbol.
* A rule that reads facts of the position is looked at in its parts that do not.
* What differs with more history than the warm-up is a warning, not a fault: recursive indicators never quite settle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from polotui.backtest import documents
from polotui.backtest.data import load, spans
from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import dca_buys, realised_volatility
from polotui.backtest.work import Done, ExamineWork
from polotui.core.errors import UsageError
from polotui.core.ids import Chance
from polotui.model.candles import Timeframe
from polotui.storage.candles import CandleStore
from polotui.strategy.document.bind import Bound, Dca
from polotui.strategy.document.tree import Indicator, Node, Price, Span, walk
from polotui.strategy.runtime.columns import FRAME_MS, Bars
from polotui.strategy.runtime.confirm import Direction, confirm
from polotui.strategy.runtime.entries import confirm_of, entry, filters_of, rules_of
from polotui.strategy.runtime.evaluate import Evaluation, is_truth
from polotui.strategy.runtime.frames import Provider
from polotui.strategy.runtime.program import compile_rule, uses_facts

RANDOM_CUTS = 25
ENTRIES = 20
WINDOWS = 4
#: Bars evaluated in all; a long history is cut in fewer places.
MOST_WORK = 6_000_000
LEAST_CUTS, MOST_CUTS = 24, 130
WARMUP_POINTS = 40
WARMUP_TIMES = 4
#: Above this share a rule is unknown too often to be an accident.
UNKNOWN_SHARE = 0.01

State = Literal["passed", "failed", "warning", "skipped"]
Column = Any


@dataclass(frozen=True)
class CheckResult:
    name: str
    state: State
    text: str


@dataclass
class Said:
    """All that a document says over some bars, by names that a person understands."""

    indicators: dict[str, Column] = field(default_factory=dict)
    rules: dict[str, Column] = field(default_factory=dict)
    entries: dict[str, Column] = field(default_factory=dict)
    others: dict[str, Column] = field(default_factory=dict)

    def all(self) -> dict[str, Column]:
        """What others are made of comes first."""
        return {**self.indicators, **self.others, **self.rules, **self.entries}


def said(bound: Bound, bars: Bars, provider: Provider | None = None) -> Said:
    """Everything at each bar's close."""
    evaluation = Evaluation(bound, bars, provider)
    result = Said()
    for node in _leaves(bound):
        result.indicators[_name(node)] = evaluation.number(node)
    for name, node in rules_of(bound).items():
        if uses_facts(node):
            for place, part in enumerate(compile_rule(node, bound.values).parts, 1):
                result.rules[f"{name}, part {place}"] = _column(evaluation, part)
        else:
            result.rules[name] = _column(evaluation, node)
    sides: tuple[Direction, Direction] = ("long", "short")
    asked = confirm_of(bound)
    for side in sides:
        truth = entry(evaluation, bound, side)
        if truth is not None:
            result.entries[f"{side} entry"] = truth
            if asked is not None:
                result.others[f"confirmation {side}"] = confirm(evaluation.series, asked, side).allowed
    result.others["filters"] = filters_of(bound).column(bars)
    if bound.sizing is not None and bound.sizing.kind == "vol_target":
        result.others["volatility"] = realised_volatility(bars, bound.sizing.vol_bars)
    if isinstance(bound.executor, Dca):
        result.entries["purchase"] = dca_buys(bound.executor, evaluation, bound.rules.dip)
    return result


def _leaves(bound: Bound) -> list[Node]:
    """Every output of every indicator, and what rules read of other frames."""
    place = Span(0, 0)
    own = [Indicator(name, output, "", place) for name, one in bound.indicators.items() for output in one.kind.outputs]
    used = [part for node in rules_of(bound).values() for part in walk(node)]
    framed = [part for part in used if isinstance(part, Indicator | Price) and part.frame]
    return list(dict.fromkeys([*own, *framed]))


def _name(node: Node) -> str:
    assert isinstance(node, Indicator | Price)
    output = node.output if isinstance(node, Indicator) and node.output != "value" else ""
    return node.name + (f".{output}" if output else "") + (f"@{node.frame}" if node.frame else "")


def _column(evaluation: Evaluation, node: Node) -> Column:
    return evaluation.truth(node) if is_truth(node) else evaluation.number(node)


async def examine(work: ExamineWork, store: CandleStore, provider: Provider | None = None) -> Done:
    """Raises UsageError. `provider` replaces the indicators."""
    bound = documents.bound(work.document)
    bars, start = await newest(bound, work.most_bars, store)
    whole = said(bound, bars, provider)
    checks = [
        look_ahead(bound, bars, start, whole, provider),
        warm_up(bound, bars, provider),
        constant(whole, start),
        unknown(whole, start),
    ]
    return Done(
        value={
            "ok": all(check.state != "failed" for check in checks),
            "checks": [{"name": check.name, "state": check.state, "text": check.text} for check in checks],
        }
    )


async def newest(bound: Bound, most_bars: int, store: CandleStore) -> tuple[Bars, int]:
    """The newest bars of the first symbol with candles, warm-up before them, and where they begin."""
    frame = Timeframe.parse(bound.document.timeframe)
    symbols = bound.document.market.symbols
    for symbol in symbols:
        try:
            stored = await spans(store, [symbol], frame)
        except UsageError:
            # Another symbol may have candles; the last one's error is said.
            if symbol == symbols[-1]:
                raise
            continue
        break
    first, end = stored[symbol]
    from_ms = max(first, end - most_bars * frame.ms)
    loaded = await load(store, [symbol], frame, from_ms, end, bound.warmup_bars)
    bars = loaded.bars[symbol]
    return bars, int(np.searchsorted(bars.time, loaded.from_ms))


def moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


# ── look-ahead ───────────────────────────────────────────────────────────────────────────────────────────────────


def look_ahead(bound: Bound, bars: Bars, start: int, whole: Said, provider: Provider | None) -> CheckResult:
    name = "Look-ahead"
    columns = whole.all()
    if not columns or not (whole.rules or whole.entries or whole.indicators):
        return CheckResult(name, "skipped", "The document has no rules that could look ahead.")
    cuts = cut_points(bound, bars, start, whole)
    for number, at in enumerate(cuts, 1):
        then = said(bound, bars.slice(0, at + 1), provider).all()
        differing = [one for one, column in columns.items() if not _same(column[at], then[one][-1])]
        if differing:
            first = differing[0]
            others = f" So do {', '.join(differing[1:4])}." if len(differing) > 1 else ""
            return CheckResult(
                name,
                "failed",
                f"{first} knows the future: on the bar of {moment(int(bars.time[at]))} it is"
                f" {_shown(columns[first][at])} with the bars that follow and {_shown(then[first][-1])} without them"
                f" (cut {number} of {len(cuts)}).{others}",
            )
    frames = ", ".join(bound.frames)
    inside = f", inside forming {frames} bars" if frames else ""
    return CheckResult(
        name,
        "passed",
        f"With the candles cut after {len(cuts)} bars (at random, around entries{inside}), every rule, indicator and"
        " filter says the same to the last bit.",
    )


def cut_points(bound: Bound, bars: Bars, start: int, whole: Said) -> list[int]:
    """Bars to cut after, the same ones each time: some at random, those inside longer bars, those around entries."""
    last = len(bars) - 2
    first = min(start, max(0, last))
    if last < first:
        return []
    draw = Chance(f"examine/{bound.hash}").generator()
    found = [draw.randint(first, last) for _ in range(RANDOM_CUTS)]
    for frame in bound.frames:
        size = FRAME_MS[frame] // bars.frame_ms
        for _ in range(WINDOWS):
            middle = int(bars.time[draw.randint(first, last)])
            opened = int(np.searchsorted(bars.time, middle - middle % FRAME_MS[frame]))
            found += [opened, opened + size // 2, opened + size - 2, opened + size - 1]
    entered = sorted({int(at) for column in whole.entries.values() for at in np.flatnonzero(column[first:] == k.TRUE)})
    for at in draw.sample(entered, min(ENTRIES, len(entered))):
        found += [first + at - 1, first + at, first + at + 1]
    most = max(LEAST_CUTS, min(MOST_CUTS, MOST_WORK // len(bars)))
    inside = [at for at in dict.fromkeys(found) if first <= at <= last]
    # A long history keeps some of every kind.
    return sorted(inside if len(inside) <= most else draw.sample(inside, most))


def _same(one: Any, other: Any) -> bool:
    """Bit for bit; unknown is unknown."""
    return bool(one.tobytes() == other.tobytes() or (one != one and other != other))


def _shown(value: Any) -> str:
    if value.dtype == np.uint8:
        return ("false", "unknown", "true")[int(value)]
    return "unknown" if value != value else f"{float(value):.10g}"


# ── warm-up ──────────────────────────────────────────────────────────────────────────────────────────────────────


def warm_up(bound: Bound, bars: Bars, provider: Provider | None) -> CheckResult:
    """Everything with exactly the warm-up before a bar, against several times as much."""
    name, need = "Warm-up", bound.warmup_bars
    if not need:
        return CheckResult(name, "passed", "The rules need no bars before the first.")
    times = min(WARMUP_TIMES, (len(bars) - 1) // need)
    if times < 2:
        return CheckResult(
            name, "skipped", f"It needs {need:,} bars; to compare, twice as many must be stored, and {len(bars):,} are."
        )
    draw = Chance(f"warm-up/{bound.hash}").generator()
    points = max(3, min(WARMUP_POINTS, MOST_WORK // ((times + 1) * need)))
    differing: dict[str, int] = {}
    apart: dict[str, float] = {}
    for _ in range(points):
        at = draw.randint(times * need, len(bars) - 1)
        short, long = (said(bound, bars.slice(at - part * need, at + 1), provider) for part in (1, times))
        for one, column in {**short.rules, **short.entries}.items():
            other = long.rules[one] if one in long.rules else long.entries[one]
            # Prices are numbers and never quite settle; only their truths must.
            if column.dtype == np.uint8 and column[-1] != other[-1]:
                differing[one] = differing.get(one, 0) + 1
        for one, column in short.indicators.items():
            apart[one] = max(apart.get(one, 0.0), _apart(float(column[-1]), float(long.indicators[one][-1])))
    worst = max(apart, key=lambda one: apart[one], default="")
    values = ""
    if worst and not np.isfinite(apart[worst]):
        values = f" {worst} is unknown on its first bars."
    elif worst:
        values = f" Indicators differ by {apart[worst]:.1g} of their value at most ({worst})." if apart[worst] else ""
        values = values or " Indicators are the same."
    compared = f"{need:,} bars before it against {times * need:,}, on {points} bars"
    if differing:
        counts = ", ".join(f"{one} on {count}" for one, count in differing.items())
        return CheckResult(name, "warning", f"With {compared}, there are other truths: {counts}.{values}")
    state: State = "warning" if worst and not np.isfinite(apart[worst]) else "passed"
    return CheckResult(name, state, f"With {compared}, every rule says the same.{values}")


def _apart(one: float, other: float) -> float:
    if one == other or (one != one and other != other):
        return 0.0
    if one != one or other != other:
        return float("inf")
    return abs(one - other) / max(abs(one), abs(other))


# ── rules that say nothing ───────────────────────────────────────────────────────────────────────────────────────


def constant(whole: Said, start: int) -> CheckResult:
    name = "Rules that change"
    truths = dict(_truths(whole, start))
    if not truths:
        return CheckResult(name, "skipped", "The document has no rules.")
    bars = len(next(iter(truths.values())))
    found = []
    for one, column in truths.items():
        known = column[column != k.UNKNOWN]
        if len(known) and (known == known[0]).all():
            found.append(f"{one} is {'always' if known[0] == k.TRUE else 'never'} true")
    if found:
        return CheckResult(name, "warning", f"On the newest {bars:,} bars {'; '.join(found)}.")
    shares = ", ".join(f"{one} {np.count_nonzero(column == k.TRUE) / bars:.2%}" for one, column in truths.items())
    return CheckResult(name, "passed", f"True on the newest {bars:,} bars: {shares}.")


def unknown(whole: Said, start: int) -> CheckResult:
    name = "Unknown values"
    shares = {
        one: float(np.count_nonzero(column == k.UNKNOWN)) / max(1, len(column)) for one, column in _truths(whole, start)
    }
    if not shares:
        return CheckResult(name, "skipped", "The document has no rules.")
    often = {one: share for one, share in shares.items() if share > 0.0}
    if not often:
        return CheckResult(name, "passed", "Every rule is known on all of these bars.")
    text = ", ".join(f"{one} on {share:.2%}" for one, share in often.items())
    state: State = "warning" if max(often.values()) > UNKNOWN_SHARE else "passed"
    return CheckResult(name, state, f"Unknown, and so not true: {text} of the bars after the warm-up.")


def _truths(whole: Said, start: int) -> Iterable[tuple[str, Column]]:
    """Rules and entries on the bars after the warm-up; an entry that is just its rule only once."""
    for one, column in {**whole.rules, **whole.entries}.items():
        rule = whole.rules.get(f"entry_{one.removesuffix(' entry')}")
        if column.dtype == np.uint8 and len(column) > start and not (rule is not None and np.array_equal(rule, column)):
            yield one, column[start:]
