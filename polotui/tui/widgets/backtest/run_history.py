"""The history of runs: sorted, filtered, marked for comparison, removed and brought back."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.lab_values import RunRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, moment, percent, tone_of
from polotui.tui.widgets.backtest.base import BenchPane, day, decimal_words, run_words, strategy_words, symbols_words
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.rows import Cell, Column, Row


class RunHistory(LiveTable, BenchPane):
    """All stored runs, newest first."""

    NAME = "History"
    ABOUT = (
        "Every backtest that was run. Enter opens it; Space marks up to five and c puts them side by side; Delete puts "
        "one away and u brings it back."
    )
    SCOPES = ("runs", "table", "backtest")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("runs")
    TOPICS = frozenset({"bench", "link"})
    COLUMNS = (
        Column("run", "run", "right", least=4),
        Column("strategy", "strategy", least=10),
        Column("symbols", "symbols", drop=3),
        Column("frame", "bars", drop=4),
        Column("return", "return", "point"),
        Column("hold", "hold", "point", drop=6),
        Column("sharpe", "Sharpe", "point", drop=2),
        Column("drawdown", "max DD", "point", drop=1),
        Column("trades", "trades", "right", drop=5),
        Column("win", "win", "point", drop=7),
        Column("factor", "factor", "point", drop=8),
        Column("policy", "policy", drop=9),
        Column("span", "data", drop=10),
        Column("when", "run at", drop=11),
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._made: list[Row] = []
        self._made_of: tuple[object, tuple[int, ...], int] | None = None

    def title(self, width: int) -> Line:
        runs = self.bench.runs
        line: Line = [(self.NAME, "title")]
        if runs:
            line.append((f" · {len(runs)}", "muted"))
        if self.bench.marked:
            line += [(f" · {len(self.bench.marked)} marked", "accent")]
        return line

    def empty_words(self) -> str:
        if self.bench.runs_fault:
            return clean(self.bench.runs_fault, 300)
        if self.bench.runs is None:
            return "Loading the runs …"
        return "No backtest yet. r runs the one in the form."

    def rows(self) -> list[Row]:
        bench = self.bench
        opened = bench.result.row.run if bench.result is not None else 0
        of = (bench.runs, tuple(bench.marked), opened)
        if self._made_of is None or self._made_of[0] is not of[0] or self._made_of[1:] != of[1:]:
            self._made_of = of
            self._made = [self._line(row, opened) for row in bench.runs or []]
        return self._made

    def _line(self, row: RunRow, opened: int) -> Row:
        marked = row.run in self.bench.marked
        win = UNKNOWN if row.win_rate is None else f"{row.win_rate * 100:.1f} %"
        drawdown = UNKNOWN if row.max_drawdown is None else percent(-abs(row.max_drawdown))
        tone = "accent" if marked or row.run == opened else ""
        cells = {
            "run": Cell(f"{'●' if marked else ''}#{row.run}", tone, row.run),
            "strategy": Cell(strategy_words(row.strategy, row.version, 24), "", f"{row.strategy} {row.version:06}"),
            "symbols": Cell(symbols_words(row.symbols, 1), "", ",".join(row.symbols)),
            "frame": Cell(clean(row.timeframe, 6), "muted", row.timeframe),
            "return": Cell(percent(row.total_return), tone_of(row.total_return), row.total_return),
            "hold": Cell(percent(row.hold_return), "muted", row.hold_return),
            "sharpe": Cell(decimal_words(row.sharpe, 2), "", row.sharpe),
            "drawdown": Cell(drawdown, "", row.max_drawdown),
            "trades": Cell(f"{row.trades:,}", "", row.trades),
            "win": Cell(win, "", row.win_rate),
            "factor": Cell(decimal_words(row.profit_factor, 2), "", row.profit_factor),
            "policy": Cell(row.policy, "muted", row.policy),
            "span": Cell(f"{day(row.from_ms)} → {day(row.to_ms)}", "muted", row.from_ms),
            "when": Cell(moment(row.created_ms), "muted", row.created_ms),
        }
        return Row(str(row.run), cells)

    def opened(self, key: str) -> None:
        self.bench.open(int(key))

    def _number(self) -> int:
        row = self.table.current
        return int(row.key) if row is not None else 0

    def action_mark(self) -> None:
        if number := self._number():
            self.bench.mark(number)
            self.action_cursor(1)

    def action_compare(self) -> None:
        self.bench.compare()

    def action_remove(self) -> None:
        if number := self._number():
            self.bench.remove(number)

    def action_undo_remove(self) -> None:
        self.bench.undo()

    def escape(self) -> bool:
        if super().escape():
            return True
        if self.bench.marked:
            self.bench.marked.clear()
            self.bench.changed()
            return True
        return False

    def copied(self) -> tuple[str, str] | None:
        number = self._number()
        row = next((row for row in self.bench.runs or [] if row.run == number), None)
        if row is None:
            return None
        figures = f"return {percent(row.total_return)} · Sharpe {decimal_words(row.sharpe, 2)} · {row.trades:,} trades"
        return (f"run #{number}", f"{run_words(row)} · {figures}")
