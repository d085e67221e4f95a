"""A sweep: the best so far, the map of its first two axes, and the sweeps before it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.lab_values import HeatCell, SweepDetail, SweepResult
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, moment, percent, tone_of
from polotui.tui.widgets.backtest.base import BenchPane, decimal_words, number_words, params_words, spec_words
from polotui.tui.widgets.backtest.sweeping import Sweeping
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.rows import Cell, Column, Row

_STATE_TONES = {"running": "accent", "completed": "good", "failed": "bad", "cancelled": "stale"}
_AS_PERCENT = {"total_return", "max_drawdown"}
_STRENGTHS = ("loss3", "loss2", "loss1", "gain1", "gain2", "gain3")


def score_words(value: float | None, objective: str) -> str:
    """An objective's value: percent for returns, else two decimals."""
    if objective in _AS_PERCENT:
        return percent(value)
    return decimal_words(value, 2)


def progress_words(detail: SweepDetail) -> str:
    done = f"{detail.done:,}/{detail.total:,}"
    return f"{detail.state} {done}" if detail.state != "completed" else f"completed {detail.total:,}"


class SweepPane(BenchPane):
    """A part of the open sweep: x cancels it, c goes on with it."""

    SCOPES: tuple[str, ...] = ("running", "sweeps", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("running", "sweeps")
    TOPICS = frozenset({"bench", "link", "sweeps"})

    @property
    def sweeping(self) -> Sweeping:
        return self.backtest.sweeping

    @property
    def detail(self) -> SweepDetail | None:
        return self.sweeping.detail

    def action_cancel(self) -> None:
        self.sweeping.cancel()

    def action_go_on(self) -> None:
        self.sweeping.go_on()


class SweepBest(LiveTable, SweepPane):
    """The best parameter sets so far."""

    NAME = "Sweep"
    ABOUT = (
        "The best parameters so far, best first. «unseen» is the objective out of sample: over the part of the data "
        "that the search never saw. Enter runs a full backtest with the parameters of the line."
    )
    SCOPES = ("running", "sweeps", "table", "backtest")
    GAP = 1
    COLUMNS = (
        Column("rank", "#", "right", least=2),
        Column("params", "parameters", grow=True, least=14),
        Column("score", "score", "point", least=6),
        Column("out", "unseen", "point"),
        Column("return", "return", "point", drop=2),
        Column("sharpe", "Sharpe", "point", drop=4),
        Column("drawdown", "max DD", "point", drop=3),
        Column("trades", "trades", "right", drop=1),
    )

    def title(self, width: int) -> Line:
        detail = self.detail
        if detail is None:
            return [(self.NAME, "title")]
        state = (f" · {progress_words(detail)}", _STATE_TONES.get(detail.state, "muted"))
        return [(f"Sweep #{detail.number}", "title"), (f" {spec_words(detail.spec.run)}", "title"), state]

    def title_right(self) -> Line:
        detail = self.detail
        return [(f"{detail.spec.method} for {clean(detail.spec.objective, 20)}", "muted")] if detail is not None else []

    def empty_words(self) -> str:
        detail = self.detail
        if detail is None:
            return "No sweep is open. w opens the form; Enter in the list opens an old one."
        if detail.state == "failed":
            return f"It failed: {clean(detail.reason, 300)}. c goes on with it."
        return "The first results are on their way …"

    def rows(self) -> list[Row]:
        detail = self.detail
        if detail is None:
            return []
        return [self._line(index, result, detail.spec.objective) for index, result in enumerate(detail.best)]

    def _line(self, index: int, result: SweepResult, objective: str) -> Row:
        drawdown = None if result.max_drawdown is None else -abs(result.max_drawdown)
        cells = {
            "rank": Cell(str(index + 1), "muted", index),
            "params": Cell(clean(params_words(result.params), 120), "", params_words(result.params)),
            "score": Cell(score_words(result.score, objective), "accent", result.score),
            "out": Cell(score_words(result.out_of_sample, objective), "", result.out_of_sample),
            "return": Cell(percent(result.total_return), tone_of(result.total_return), result.total_return),
            "sharpe": Cell(decimal_words(result.sharpe, 2), "", result.sharpe),
            "drawdown": Cell(percent(drawdown), "", drawdown),
            "trades": Cell(f"{result.trades:,}", "", result.trades),
        }
        return Row(params_words(result.params), cells)

    def closing_line(self) -> Line:
        detail = self.detail
        if detail is None:
            return []
        parts: list[str] = []
        if detail.deflated_sharpe is not None:
            parts.append(f"Sharpe above zero after {detail.done:,} trials: {detail.deflated_sharpe * 100:.0f} %")
        if detail.state == "failed" and detail.best:
            parts.append(f"failed: {clean(detail.reason, 120)}")
        if detail.note:
            parts.append(clean(detail.note, 200))
        return [(f" {' · '.join(parts)}", "stale" if detail.state == "failed" else "muted")] if parts else []

    def opened(self, key: str) -> None:
        detail = self.detail
        found = next((item for item in detail.best if params_words(item.params) == key), None) if detail else None
        if found is not None:
            self.sweeping.run(found)

    def copied(self) -> tuple[str, str] | None:
        row = self.table.current
        if row is None:
            return None
        return ("line", " · ".join(f"{column.title} {row.cells[column.name].text}" for column in self.COLUMNS))


class SweepHeat(SweepPane):
    """The objective over the first two axes, the best of the others."""

    NAME = "Map"
    ABOUT = (
        "The objective over the first two axes, best of the others in each cell. Arrow keys read a cell in the title."
    )
    SCOPES = ("running", "sweeps", "figures", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("figures")

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.x: float | None = None
        self.y: float | None = None

    def title(self, width: int) -> Line:
        detail = self.detail
        if detail is None or not detail.heat:
            return [(self.NAME, "title")]
        line: Line = [(self.NAME, "title"), (f" · {clean(detail.x_name, 20)} →  {clean(detail.y_name, 20)} ↓", "muted")]
        cell = self._chosen(detail)
        if cell is not None:
            where = f"  {number_words(cell.x)}, {number_words(cell.y)}: "
            line += [(where, "muted"), (score_words(cell.value, detail.spec.objective), "accent")]
        return line

    def _chosen(self, detail: SweepDetail) -> HeatCell | None:
        return next((cell for cell in detail.heat if cell.x == self.x and cell.y == self.y), None)

    def body(self, width: int, height: int) -> list[Line]:
        detail = self.detail
        if detail is None or not detail.heat:
            one = detail is not None and bool(detail.best) and not detail.y_name
            return [[], [(" One axis has no map." if one else " The map fills while the sweep runs.", "muted")]]
        known = [cell.value for cell in detail.heat if cell.value is not None]
        low, high = (min(known), max(known)) if known else (0.0, 0.0)
        xs = sorted({cell.x for cell in detail.heat})
        ys = sorted({cell.y for cell in detail.heat})
        cells = {(cell.x, cell.y): cell.value for cell in detail.heat}
        size = max(6, *(len(score_words(value, detail.spec.objective)) for value in known or [0.0])) + 1
        label = max(len(number_words(y)) for y in ys) + 1
        fits, rows = max(1, (width - label - 2) // size), max(1, height - 1)
        left = self._first(xs, self.x, fits)
        top = self._first(ys, self.y, rows)
        shown = xs[left : left + fits]
        more = "›" if left + fits < len(xs) else ""
        head: Line = [
            (" " * (label + 1), ""),
            *((number_words(x).rjust(size), "muted") for x in shown),
            (more, "muted"),
        ]
        lines = [head]
        for y in ys[top : top + rows]:
            line: Line = [(number_words(y).rjust(label) + " ", "muted")]
            for x in shown:
                line.append(
                    self._cell(cells.get((x, y)), detail.spec.objective, low, high, size, x == self.x and y == self.y)
                )
            lines.append(line)
        return lines

    @staticmethod
    def _first(values: list[float], chosen: float | None, room: int) -> int:
        place = values.index(chosen) if chosen in values else 0
        return max(0, min(place - room // 2, len(values) - room))

    def _cell(
        self, value: float | None, objective: str, low: float, high: float, size: int, chosen: bool
    ) -> tuple[str, str]:
        text = f"{'▸' if chosen and self.has_focus else ''}{score_words(value, objective)}".rjust(size)
        if value is None:
            return text, "faint"
        part = (value - low) / (high - low) if high > low else 1.0
        return text, _STRENGTHS[min(5, int(part * 6))]

    def action_move(self, x: int, y: int) -> None:
        detail = self.detail
        if detail is None or not detail.heat:
            return
        xs, ys = sorted({cell.x for cell in detail.heat}), sorted({cell.y for cell in detail.heat})
        if self.x not in xs or self.y not in ys:
            self.x, self.y = xs[0], ys[0]
        else:
            self.x = xs[max(0, min(xs.index(self.x) + x, len(xs) - 1))]
            self.y = ys[max(0, min(ys.index(self.y) + y, len(ys) - 1))]
        self.repaint()

    def escape(self) -> bool:
        if self.x is None:
            return False
        self.x = self.y = None
        self.repaint()
        return True

    def export(self) -> Exported | None:
        detail = self.detail
        if detail is None or not detail.heat:
            return None
        rows = [[str(cell.x), str(cell.y), "" if cell.value is None else str(cell.value)] for cell in detail.heat]
        return Exported(f"sweep {detail.number} map", [detail.x_name, detail.y_name, detail.spec.objective], rows)

    def copied(self) -> tuple[str, str] | None:
        detail = self.detail
        cell = self._chosen(detail) if detail is not None else None
        if detail is None or cell is None:
            return None
        return ("cell", f"{detail.x_name} {cell.x:g}, {detail.y_name} {cell.y:g}: {detail.spec.objective} {cell.value}")


class SweepList(LiveTable, SweepPane):
    """Past and running sweeps, newest first."""

    NAME = "Sweeps"
    ABOUT = "All sweeps. Enter opens one; what a cancelled one computed is kept, and c goes on with the open one."
    SCOPES = ("running", "sweeps", "table", "backtest")
    COLUMNS = (
        Column("number", "#", "right", least=2),
        Column("what", "strategy", grow=True, least=14),
        Column("method", "method", drop=2),
        Column("objective", "objective", drop=3),
        Column("state", "state", least=9),
        Column("done", "done", "right"),
        Column("when", "started", drop=1),
    )

    def title(self, width: int) -> Line:
        count = len(self.sweeping.sweeps or [])
        return [(self.NAME, "title"), (f" · {count}" if count else "", "muted")]

    def empty_words(self) -> str:
        return "Loading the sweeps …" if self.sweeping.sweeps is None else "No sweep yet. w opens the form."

    def rows(self) -> list[Row]:
        store = self.desk.store
        rows = []
        for told in self.sweeping.sweeps or []:
            live = store.sweeps.get(told.number)
            detail = live if live is not None and live.done >= told.done and told.state == "running" else told
            tone = "accent" if detail.number == self.sweeping.number else ""
            cells = {
                "number": Cell(f"#{detail.number}", tone, detail.number),
                "what": Cell(spec_words(detail.spec.run), "", spec_words(detail.spec.run)),
                "method": Cell(detail.spec.method, "muted", detail.spec.method),
                "objective": Cell(clean(detail.spec.objective, 20), "muted", detail.spec.objective),
                "state": Cell(detail.state, _STATE_TONES.get(detail.state, ""), detail.state),
                "done": Cell(f"{detail.done:,}/{detail.total:,}", "", detail.done),
                "when": Cell(moment(detail.created_ms) if detail.created_ms else UNKNOWN, "muted", detail.created_ms),
            }
            rows.append(Row(str(detail.number), cells))
        return rows

    def opened(self, key: str) -> None:
        self.sweeping.open(int(key))
