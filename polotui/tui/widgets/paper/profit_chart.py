"""Result by day, week or month: bars of what closed trades earned, and the equity line above them.

Decided here: bars hang from their own zero line, gains up and losses down, so that the sign is a direction and not only
a colour. The newest period is at the right; `,` and `.` page through time, and a cursor reads one bar in the title.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from polotui.api.trade_values import ResultBar
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import at, price, signed
from polotui.tui.widgets.candle_marks import Grid, Scale, decimals_of, joined, line_dots, scale_for
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.paper.base import PaperPane, figure, tone_of_text
from polotui.tui.widgets.paper.work import PERIODS, PeriodResults

AXIS = 9


def label_of(bar: ResultBar, period: str) -> str:
    moment = at(bar.start_ms)
    return moment.strftime("%b %Y") if period == "month" else moment.strftime("%d %b")


def bar_words(bar: ResultBar, period: str) -> str:
    moment = at(bar.start_ms)
    if period == "month":
        return moment.strftime("%b %Y")
    return moment.strftime("week of %d %b") if period == "week" else moment.strftime("%a %d %b")


def heights(values: list[float], up: int, down: int) -> list[int]:
    """Signed heights in half rows, so that the largest fills its side and nothing that is not zero vanishes."""
    high = max([*values, 0.0]) / max(1, up * 2)
    low = -min([*values, 0.0]) / max(1, down * 2)
    unit = max(high, low)
    if unit <= 0:
        return [0] * len(values)
    made = [round(value / unit) for value in values]
    return [(1 if value > 0 else -1) if not size and value else size for value, size in zip(values, made, strict=True)]


def sides(values: list[float], rows: int) -> tuple[int, int]:
    """How many of `rows` are above zero and below it: as much as each side needs, at least one when it has any."""
    high, low = max([*values, 0.0]), -min([*values, 0.0])
    if not low:
        return rows, 0
    if not high:
        return 0, rows
    above = max(1, min(rows - 1, round(rows * high / (high + low))))
    return above, rows - above


class ProfitChart(PaperPane):
    """The pane on the right."""

    NAME = "Result"
    ABOUT = (
        "What closed trades earned by day, week or month (UTC), after fees, and above it the equity at the end of "
        "each. d, w and M choose the period, comma and full stop page through time, left and right read one bar."
    )
    SCOPES = ("profit", "paper")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("profit")
    TOPICS = frozenset({"paper", "link", "bots"})

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.back = 0
        """Bars between the right edge and the newest one."""
        self.picked = 0
        """Start of the bar that is read; 0 = none."""
        self._shown: list[ResultBar] = []
        self._wide = 3
        self._scale: Scale | None = None
        self._scale_of: object = None

    def title(self, width: int) -> Line:
        picked = next((bar for bar in self._shown if bar.start_ms == self.picked), None)
        if picked is not None:
            words = f"  {picked.trades} trade{'s' if picked.trades != 1 else ''}, {picked.wins} won"
            return [
                (bar_words(picked, self.work.period), "title"),
                (f"  {signed(picked.profit, 2)}", tone_of_text(picked.profit)),
                (words, "muted"),
            ]
        line: Line = [(self.NAME, "title")]
        for period in PERIODS:
            line += [(" · " if period == PERIODS[0] else " ", "faint")]
            line.append((period, "accent" if period == self.work.period else "muted"))
        words = self.work.filter_words
        return [*line, (f" · only {words}", "accent")] if words else line

    def title_right(self) -> Line:
        stale = self.stale_mark(0)
        if stale:
            return stale
        return [("◂ , ", "key"), (". ▸", "key" if self.back else "faint")]

    def body(self, width: int, height: int) -> list[Line]:
        held = self.work.shown_results
        if held is None:
            fault = self.work.asking.faults.get("results", "")
            return [[], [(f" {clean(fault, 200) or 'Loading the results …'}", "warn" if fault else "muted")]]
        bars = list(held.bars.values())
        if not any(bar.trades for bar in bars) and not any(bar.equity for bar in bars):
            return [[], [(" The first closed trade makes the first bar.", "muted")]]
        columns = max(8, width - AXIS - 1)
        self._wide = 5 if columns >= 110 else 3
        room = columns // self._wide
        self._keep_in_range(held, len(bars), room)
        end = len(bars) - self.back
        self._shown = bars[max(0, end - room) : end]
        lines = self._chart(held, height - 1, columns)
        return [*lines, self._sum_line(held, width)]

    def _keep_in_range(self, held: PeriodResults, count: int, room: int) -> None:
        self.back = max(0, min(self.back, max(0, count - 1)))
        if count - self.back < room:
            self.work.older_results()

    def _chart(self, held: PeriodResults, rows: int, columns: int) -> list[Line]:
        shown = self._shown
        rows = max(3, rows - 1)
        above = max(0, rows - max(3, rows // 2)) if rows >= 5 else 0
        values = [figure(bar.profit) or 0.0 for bar in shown]
        lines = self._equity(shown, above, columns) if above else []
        lines += self._bars(values, rows - len(lines), columns)
        return [*lines, self._dates(shown, columns)]

    def _equity(self, shown: list[ResultBar], rows: int, columns: int) -> list[Line]:
        known = [bar.equity for bar in shown if bar.equity is not None]
        if len(known) < 2:
            return []
        if self._scale_of != (self.work.period, self.work.bot):
            self._scale, self._scale_of = None, (self.work.period, self.work.bot)
        scale = self._scale = scale_for(min(known), max(known), rows, self._scale)
        values: list[float | None] = []
        for index, bar in enumerate(shown):
            after = shown[index + 1].equity if index + 1 < len(shown) else None
            for step in range(self._wide):
                if bar.equity is None or (after is None and step):
                    values.append(bar.equity)
                elif after is not None:
                    values.append(bar.equity + (after - bar.equity) * step / self._wide)
                else:
                    values.append(bar.equity)
        grid: Grid = [[(" ", "")] * columns for _ in range(rows)]
        left = columns - len(values)
        for (x, y), character in line_dots(values, scale, rows, solid=True).items():
            if 0 <= y < rows and 0 <= x + left < columns:
                grid[y][x + left] = (character, "accent")
        labels = {scale.row(value, rows): price(value, decimals_of(scale.step, 2)) for value in scale.labels()}
        return [self._framed(cells, labels.get(y)) for y, cells in enumerate(grid)]

    def _bars(self, values: list[float], rows: int, columns: int) -> list[Line]:
        up, down = sides(values, rows)
        sizes = heights(values, up, down)
        left = columns - len(values) * self._wide
        grid: Grid = [[(" ", "")] * columns for _ in range(rows)]
        for index, (size, bar) in enumerate(zip(sizes, self._shown, strict=True)):
            tone = "cross" if bar.start_ms == self.picked else "up" if size > 0 else "down"
            for y, character in self._cells(size, up, rows):
                for x in range(self._wide - 1):
                    grid[y][left + index * self._wide + x] = (character, tone)
        labels: dict[int, str] = {}
        if values:
            if up:
                labels[0] = price(max([*values, 0.0]), 0)
            if down:
                labels[rows - 1] = price(min([*values, 0.0]), 0)
            labels.setdefault(min(rows - 1, up), "0")
        if up < rows:
            grid[up] = [("╌", "faint") if cell[0] == " " else cell for cell in grid[up]]
        return [self._framed(cells, labels.get(y)) for y, cells in enumerate(grid)]

    def _cells(self, size: int, up: int, rows: int) -> list[tuple[int, str]]:
        """(row, character) of one bar: full cells and at its end a half."""
        full, half = divmod(abs(size), 2)
        if size > 0:
            cells = [(up - 1 - step, "█") for step in range(full)]
            return [*cells, (up - 1 - full, "▄")] if half and up - 1 - full >= 0 else cells
        cells = [(up + step, "█") for step in range(full)]
        return [*cells, (up + full, "▀")] if half and up + full < rows else cells

    def _framed(self, cells: list[tuple[str, str]], label: str | None) -> Line:
        text = f"┤{label}" if label is not None else "│"
        return [(" ", ""), *joined(cells), (fit(text, AXIS), "muted" if label is not None else "faint")]

    def _dates(self, shown: list[ResultBar], columns: int) -> Line:
        text = [" "] * (columns + 1)
        left = columns - len(shown) * self._wide
        last = -20
        for index, bar in enumerate(shown):
            label = label_of(bar, self.work.period)
            x = left + index * self._wide
            if x - last >= len(label) + 3 and x + len(label) <= columns:
                text[x + 1 : x + 1 + len(label)] = label
                last = x
        return [("".join(text), "muted")]

    def _sum_line(self, held: PeriodResults, width: int) -> Line:
        line: Line = [(" today ", "muted"), (signed(held.today, 2) if held.today else "–", tone_of_text(held.today))]
        trades = sum(bar.trades for bar in self._shown)
        wins = sum(bar.wins for bar in self._shown)
        line += [("   total ", "muted"), (signed(held.total, 2) if held.total else "–", tone_of_text(held.total))]
        return [*line, (f"   {trades} trades, {wins} won", "muted")] if width >= 50 else line

    # keys

    def action_period(self, period: str) -> None:
        self.work.period = period
        self.back = self.picked = 0
        self.work.changed()
        self.repaint()

    def action_page(self, step: int) -> None:
        held = self.work.shown_results
        count = len(held.bars) if held is not None else 0
        room = max(1, len(self._shown))
        back = max(0, min(self.back + step * room, max(0, count - 1)))
        if step > 0 and held is not None and self.back + room >= count:
            if held.first:
                self.desk.tell("Nothing is older.")
            self.work.older_results()
            return
        self.back, self.picked = back, 0
        self.repaint()
        self.desk.refresh_frame()

    def action_cross(self, step: int) -> None:
        if not self._shown:
            return
        starts = [bar.start_ms for bar in self._shown]
        place = starts.index(self.picked) + step if self.picked in starts else len(starts) - 1
        self.picked = starts[max(0, min(place, len(starts) - 1))]
        self.repaint()

    def escape(self) -> bool:
        if not self.picked:
            return False
        self.picked = 0
        self.repaint()
        return True

    def on_click(self, event: events.Click) -> None:
        columns = max(8, self.size.width - 2 - AXIS - 1)
        left = columns - len(self._shown) * self._wide
        index = (event.x - 2 - left) // self._wide
        if 0 <= index < len(self._shown):
            self.picked = self._shown[index].start_ms
            self.repaint()

    # giving out

    def export(self) -> Exported | None:
        held = self.work.shown_results
        if held is None or not held.bars:
            return None
        names = ["start", "profit", "trades", "wins", "fees", "equity"]
        rows = [
            [at(bar.start_ms).strftime("%Y-%m-%d"), bar.profit, str(bar.trades), str(bar.wins), bar.fees,
             "" if bar.equity is None else str(bar.equity)]
            for bar in held.bars.values()
        ]  # fmt: skip
        return Exported(f"result by {self.work.period}", names, rows)

    def copied(self) -> tuple[str, str] | None:
        bar = next((bar for bar in self._shown if bar.start_ms == self.picked), None)
        bar = bar or (self._shown[-1] if self._shown else None)
        if bar is None:
            return None
        return (bar_words(bar, self.work.period), f"{signed(bar.profit, 2)} USDT, {bar.trades} trades, {bar.wins} won")
