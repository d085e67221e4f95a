"""The trades of a result: any number of them, fetched a page at a time as they come into view.

Decided here: the engine sorts, because only it has all of them; the face keeps the pages it has seen of one order.
A row that is on its way shows its number and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events

from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api.lab_values import TradeRow
from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN, at, percent, price, quantity, tone_of
from polotui.tui.widgets.backtest.result_pane import ResultPane, tabs
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.rows import Cell, Column, Row

PAGE = 200
#: Pages kept; the ones farthest from the cursor go first.
_KEPT = 20


def when(at_ms: int) -> str:
    return at(at_ms).strftime("%y-%m-%d %H:%M") if at_ms else "open"


class TradeTable(LiveTable, ResultPane):
    """A virtual table: `table.rows` holds the visible rows alone."""

    NAME = "Trades"
    ABOUT = (
        "All trades of the run. s sorts by the column, S turns the order round; Enter shows the trade on its chart, "
        "with where it was entered and left."
    )
    SCOPES = ("result", "table", "backtest")
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("number", "#", "right", least=3),
        Column("symbol", "symbol", drop=12),
        Column("side", "side", drop=2),
        Column("entry_ms", "entry"),
        Column("entry_price", "price", "point", drop=6),
        Column("exit_ms", "exit", drop=3),
        Column("exit_price", "price", "point", drop=5),
        Column("result", "result", "point"),
        Column("r", "R", "point", drop=1),
        Column("profit", "USDT", "point", drop=7),
        Column("bars", "bars", "right", drop=8),
        Column("exit_reason", "reason", drop=4),
        Column("mae", "worst", "point", drop=9),
        Column("mfe", "best", "point", drop=10),
        Column("fees", "fees", "point", drop=11),
        Column("quantity", "quantity", "point", drop=13),
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.table.sort_by, self.table.descending = "number", True
        self.place = 0
        self.total = 0
        self._pages: dict[int, list[TradeRow]] = {}
        self._asked: set[int] = set()
        self._run = 0
        self._fault = ""

    @property
    def order(self) -> str:
        """The sort as the command takes it."""
        name = self.table.sort_by or "number"
        return f"-{name}" if self.table.descending else name

    def title(self, width: int) -> Line:
        return tabs("trades", f" · {self.total:,}" if self.total else "")

    def trade(self, place: int) -> TradeRow | None:
        page, index = divmod(place, PAGE)
        rows = self._pages.get(page, [])
        return rows[index] if 0 <= index < len(rows) else None

    @property
    def current(self) -> TradeRow | None:
        return self.trade(self.place)

    def wanted(self, run: int) -> None:
        """Another run is open: everything from the start."""
        self._run = run
        result = self.result
        several = result is not None and len(result.row.symbols) > 1
        # With one symbol the column says nothing; with several a price means nothing without it.
        columns = [
            replace(column, drop=0 if several else 99) if column.name == "symbol" else column
            for column in type(self).COLUMNS
        ]
        self.COLUMNS = tuple(columns)  # type: ignore[misc]
        self.table.columns = self.COLUMNS
        self.place = self._top = self.total = 0
        self._forget()
        self.table.forget_widths()

    def _forget(self) -> None:
        self._pages.clear()
        self._asked.clear()
        self._fault = ""

    def _fetch(self, page: int) -> None:
        if page in self._pages or page in self._asked:
            return
        run, order = self._run, self.order
        self._asked.add(page)

        def arrived(reply: lr.RunTrades) -> None:
            self._asked.discard(page)
            if reply.run != self._run or order != self.order:
                return
            self.total = reply.total
            self._pages[page] = reply.trades
            here = self.place // PAGE
            for old in sorted(self._pages, key=lambda number: -abs(number - here))[: len(self._pages) - _KEPT]:
                del self._pages[old]

        def failed(words: str) -> None:
            # It stays empty: a page that cannot be had is not asked for with every frame. s asks anew.
            self._pages.setdefault(page, [])
            self._fault = words

        command = lc.GetRunTrades(run=run, offset=page * PAGE, limit=PAGE, sort=order)
        self.bench.ask(f"trades {page}", command, arrived, failed)

    # drawing

    def body(self, width: int, height: int) -> list[Line]:
        result = self.result
        if result is None:
            return self.nothing()
        if self._run != result.row.run:
            self.wanted(result.row.run)
        if not self._pages and not self._asked:
            self._fetch(0)
        self._height = max(1, height - 1)
        last = max(0, self.total - 1)
        self.place = max(0, min(self.place, last))
        self._top = max(0, min(self._top, self.place, self.total - self._height), self.place - self._height + 1)
        end = min(self.total, self._top + self._height)
        for page in {self._top // PAGE, max(self._top, end - 1) // PAGE}:
            self._fetch(page)
        self.table.put([self._line(place) for place in range(self._top, end)])
        columns = self._columns_for(width)
        lines = [self._head(columns)]
        if not self.total:
            words = "Loading the trades …" if self._asked else "The run made no trade. Its rules were never true."
            lines += [[], [(f" {clean(self._fault, 300) or words}", "warn" if self._fault else "muted")]]
        for place, row in zip(range(self._top, end), self.table.rows, strict=True):
            lines.append(self._row(row, columns, width, cursor=place == self.place))
        return lines

    def _line(self, place: int) -> Row:
        trade = self.trade(place)
        if trade is None:
            return Row(str(place), {"number": Cell("…", "muted")}, "on its way …", "muted")
        digits = self.desk.store.scale_of(trade.symbol)
        cells = {
            "number": Cell(str(trade.number), "muted"),
            "symbol": Cell(clean(trade.symbol, 20)),
            "side": Cell(trade.side, "up" if trade.side == "long" else "down"),
            "entry_ms": Cell(when(trade.entry_ms)),
            "entry_price": Cell(price(trade.entry_price, digits)),
            "exit_ms": Cell(when(trade.exit_ms), "" if trade.exit_ms else "accent"),
            "exit_price": Cell(price(trade.exit_price, digits)),
            "result": Cell(percent(trade.result), tone_of(trade.result)),
            "r": Cell(UNKNOWN if trade.r is None else f"{trade.r:+.1f}".replace("-", "−")),
            "profit": Cell(f"{trade.profit:+,.2f}".replace("-", "−"), tone_of(trade.profit)),
            "bars": Cell(f"{trade.bars:,}", "muted"),
            "exit_reason": Cell(clean(trade.exit_reason, 24), "muted"),
            "mae": Cell(percent(trade.mae), "muted"),
            "mfe": Cell(percent(trade.mfe), "muted"),
            "fees": Cell(price(trade.fees, 2), "muted"),
            "quantity": Cell(quantity(trade.quantity, 6), "muted"),
        }
        return Row(str(place), cells)

    # keys

    def _go(self, place: int) -> None:
        self.place = max(0, min(place, self.total - 1))
        self.repaint()

    def action_cursor(self, step: int) -> None:
        self._go(self.place + step)

    def action_cursor_to(self, place: int) -> None:
        self._go(place if place >= 0 else self.total - 1)

    def action_cursor_page(self, step: int) -> None:
        self._go(self.place + step * max(1, self._height // 2))

    def action_sort(self) -> None:
        name = self.COLUMNS[self.table.chosen].name
        if name == self.table.sort_by:
            self.action_reverse()
            return
        self.table.sort_by, self.table.descending = name, True
        self._reordered()

    def action_reverse(self) -> None:
        self.table.descending = not self.table.descending
        self._reordered()

    def _reordered(self) -> None:
        self.place = self._top = 0
        self._forget()
        self.repaint()

    def action_filter(self) -> None:
        self.desk.tell("The trades are sorted by the engine, not filtered: s sorts, e writes all of them to a file.")

    def action_open(self) -> None:
        trade = self.current
        if trade is not None:
            self.backtest.show_trade(trade.number)

    def on_click(self, event: events.Click) -> None:
        y = event.y - 2
        if 0 <= y < self._height and self._top + y < self.total:
            self._go(self._top + y)
            if event.chain == 2:
                self.action_open()

    def export(self) -> None:
        return None

    def copied(self) -> tuple[str, str] | None:
        trade = self.current
        if trade is None:
            return None
        row = self._line(self.place)
        told = " ".join(row.cells[column.name].text for column in self.COLUMNS)
        return (f"trade {trade.number}", told)
