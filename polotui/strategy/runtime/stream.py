"""Rules bar by bar: what `Evaluation` says of a whole history, said of each bar as it closes, with the same bits.

Decided here:
* `peek` answers as if the forming bar closed as it stands, and changes nothing. `close` answers and commits. Both run
  the same code, so a bar that closes as it was last seen gives what was last shown.
* After a restart a history is not replayed bar by bar: its columns are computed, and every step takes from them the few
  bars it remembers. The history must begin at the bar where it began before (the anchor), because recursive averages
  and the blocks of `zscore` count from there.
* A rule that asks for facts of the position is a program (`program.py`), run when the facts are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import neg
from typing import Any

from polotui.model.candles import DAY_MS
from polotui.strategy.document.functions import FUNCTIONS
from polotui.strategy.document.tree import Binary, Call, Clock, Lag, Node, Number, Param, Unary
from polotui.strategy.runtime.columns import Bar, Bars, frame_name
from polotui.strategy.runtime.confirm import Confirm, Confirmed, Direction, LiveConfirm
from polotui.strategy.runtime.evaluate import CLOCKS, PLAIN, Bound, Evaluation, is_truth, series_of, window_of
from polotui.strategy.runtime.filters import Filters, LiveFilters
from polotui.strategy.runtime.frames import Feed, Provider, Row, Source, specs
from polotui.strategy.runtime.program import Facts, compile_rule, run_program
from polotui.strategy.runtime.steps import STEPS, Lagged, Step
from polotui.strategy.runtime.truth import FALSE, NAN, SCALAR, TRUE, UNKNOWN

_NO_FACTS = Facts(NAN, NAN, NAN, NAN, NAN)


@dataclass(frozen=True)
class _Cell:
    """One node: where its value goes, what it reads, and how it is made."""

    slot: int
    reads: tuple[int, ...]
    work: Callable[..., Any]
    step: Step | None = None


@dataclass(frozen=True)
class _Rule:
    """A rule's program. Lists, not arrays: what is read from an array warns where a plain float does not."""

    ops: list[int]
    operand: list[int]
    constants: list[float]
    slots: list[int]
    depth: int


@dataclass(frozen=True)
class Moment:
    """Every rule at one bar."""

    bar: Bar
    #: Whether the filters let an entry pass; TRUE when there are none.
    passes: int
    _rules: Mapping[str, _Rule]
    _values: list[Any]
    _rows: Mapping[str, list[Row]]
    _confirm: LiveConfirm | None

    def value(self, rule: str, facts: Facts = _NO_FACTS) -> float:
        """A rule's truth (0.0, 1.0, 2.0) or number. Without facts, whatever asks for them is unknown."""
        found = self._rules[rule]
        return run_program(found.ops, found.operand, found.constants, self.row(rule), facts, [0.0] * found.depth)

    def truth(self, rule: str, facts: Facts = _NO_FACTS) -> int:
        return int(self.value(rule, facts))

    def row(self, rule: str) -> list[float]:
        """What the rule's program reads of this bar, for whoever runs it with facts of his own."""
        return [float(self._values[slot]) for slot in self._rules[rule].slots]

    def confirmed(self, direction: Direction) -> Confirmed | None:
        """What the frames say to a direction; None when they are not asked."""
        return None if self._confirm is None else self._confirm.at(self._rows, direction)

    def entry(self, direction: Direction) -> int:
        """Whether to enter: the rule, the filters and the confirmation together."""
        truth = min(self.truth(f"entry_{direction}"), self.passes)
        confirmed = self.confirmed(direction) if truth != FALSE else None
        return truth if confirmed is None else min(truth, confirmed.allowed)


class Live:
    """The named `rules` of a bound document after `history`, which may be empty."""

    def __init__(
        self,
        bound: Bound,
        history: Bars,
        rules: Mapping[str, Node],
        indicators: Provider | None = None,
        confirm: Confirm | None = None,
        filters: Filters | None = None,
    ) -> None:
        self._filters = None if filters is None else LiveFilters(filters, history)
        self._constants = bound.values
        self._meant = specs(bound.indicators)
        self._base = frame_name(history.frame_ms)
        self._frame_ms = history.frame_ms
        self._last = int(history.time[-1]) if len(history) else None
        self._slots: dict[Node, int] = {}
        self._start: list[Any] = []
        self._cells: list[_Cell] = []
        self._leaves: list[tuple[int, Source, str, int]] = []
        self._taken: list[tuple[int, str, int, int]] = []
        self._clocks: list[tuple[int, str]] = []
        past = Evaluation(bound, history, indicators)
        self._rules = {name: self._rule(node, past) for name, node in rules.items()}
        self._feeds = self._open(past, confirm)
        self._taken = [
            (slot, frame, self._feeds[frame].places[source], lag) for slot, source, frame, lag in self._leaves
        ]
        self._confirm: LiveConfirm | None = None
        if confirm is not None:
            self._confirm = LiveConfirm(confirm, {frame: self._feeds[frame].places for frame in confirm.frames})

    def close(self, bar: Bar) -> Moment:
        """Commits a closed bar."""
        self._check(bar)
        moment = self._moment(bar, {frame: feed.push(bar) for frame, feed in self._feeds.items()})
        values = moment._values
        for cell in self._cells:
            if cell.step is not None:
                cell.step.commit(*(values[slot] for slot in cell.reads))
        if self._filters is not None:
            self._filters.commit(bar)
        self._last = bar.time
        return moment

    def peek(self, bar: Bar) -> Moment:
        """What `close` would give for the bar as it stands."""
        self._check(bar)
        return self._moment(bar, {frame: feed.peek(bar) for frame, feed in self._feeds.items()})

    def _moment(self, bar: Bar, rows: Mapping[str, list[Row]]) -> Moment:
        passes = TRUE if self._filters is None else self._filters.value(bar)
        return Moment(bar, passes, self._rules, self._run(bar, rows), rows, self._confirm)

    def _check(self, bar: Bar) -> None:
        if bar.time % self._frame_ms or (self._last is not None and bar.time <= self._last):
            raise ValueError(f"a bar of {bar.time} cannot follow the one of {self._last}")

    def _run(self, bar: Bar, rows: Mapping[str, list[Row]]) -> list[Any]:
        values = self._start.copy()
        for slot, frame, place, lag in self._taken:
            seen = rows[frame]
            values[slot] = seen[-1 - lag][place] if lag < len(seen) else NAN
        for slot, name in self._clocks:
            values[slot] = self._new_day(bar.time) if name == "new_day" else float(CLOCKS[name](bar.time))
        for cell in self._cells:
            values[cell.slot] = cell.work(*[values[slot] for slot in cell.reads])
        return values

    def _new_day(self, time: int) -> int:
        if self._last is None:
            return UNKNOWN if time % DAY_MS else TRUE
        return TRUE if time // DAY_MS != self._last // DAY_MS else FALSE

    # -- building ------------------------------------------------------------------------------------------------------

    def _open(self, past: Evaluation, confirm: Confirm | None) -> dict[str, Feed]:
        wanted: dict[str, dict[Source, None]] = {}
        deepest: dict[str, int] = {}
        for _, source, frame, lag in self._leaves:
            wanted.setdefault(frame, {})[source] = None
            deepest[frame] = max(lag, deepest.get(frame, 0))
        if confirm is not None:
            for frame in confirm.frames:
                wanted.setdefault(frame, {}).update(dict.fromkeys(confirm.wanted()))
        return {frame: Feed(past.series, frame, sources, deepest.get(frame, 0)) for frame, sources in wanted.items()}

    def _rule(self, node: Node, past: Evaluation) -> _Rule:
        code = compile_rule(node, self._constants)
        slots = [self._add(part, past) for part in code.parts]
        return _Rule(code.ops.tolist(), code.operand.tolist(), code.constants.tolist(), slots, code.depth)

    def _add(self, node: Node, past: Evaluation) -> int:
        """The slot of a node; the first time it is met, all that it needs is made before it."""
        if node not in self._slots:
            make = self._maker(node, past)
            self._slots[node] = slot = len(self._start)
            self._start.append(None)
            make(slot)
        return self._slots[node]

    def _maker(self, node: Node, past: Evaluation) -> Callable[[int], None]:
        leaf = series_of(node, self._base, self._meant)
        if leaf is not None:
            return lambda slot: self._leaves.append((slot, *leaf))
        match node:
            case Number() | Param():
                return lambda slot: self._start.__setitem__(slot, past.value(node))
            case Clock():
                return lambda slot: self._clocks.append((slot, node.name))
            case Lag():
                step: Step = Lagged(node.bars, UNKNOWN if is_truth(node) else NAN)
                return self._cell((node.of,), step.value, past, step)
            case Unary():
                return self._cell((node.of,), neg if node.op == "-" else _not, past)
            case Binary():
                return self._cell((node.left, node.right), SCALAR[node.op], past)
            case Call():
                return self._call(node, past)
        raise TypeError(f"not a node that has a value of its own: {type(node).__name__}")

    def _call(self, node: Call, past: Evaluation) -> Callable[[int], None]:
        window, inputs = 0, []
        for place, kind in enumerate(FUNCTIONS[node.name].arguments):
            if kind == "window":
                window = window_of(node, place, self._constants)
            else:
                inputs.append(node.args[place])
        if node.name in PLAIN:
            return self._cell(inputs, PLAIN[node.name], past)
        step = STEPS[node.name](window)
        return self._cell(inputs, step.value, past, step)

    def _cell(
        self, inputs: Sequence[Node], work: Callable[..., Any], past: Evaluation, step: Step | None = None
    ) -> Callable[[int], None]:
        reads = tuple(self._add(part, past) for part in inputs)
        if step is not None:
            step.resume(*(past.truth(part) if is_truth(part) else past.number(part) for part in inputs))
        return lambda slot: self._cells.append(_Cell(slot, reads, work, step))


def _not(truth: int) -> int:
    return 2 - truth
