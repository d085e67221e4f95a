"""What Enter opens on the paper screen: texts to read, with the order and the signal that a line belongs to."""

from __future__ import annotations

from polotui.api import trade_commands as tc
from polotui.api import trade_replies as tr
from polotui.api.trade_values import FeedItem, JournalRow, OrderRow, SignalRow
from polotui.core.text import clean
from polotui.model.orders import OWN
from polotui.tui.screens.base import DeskScreen
from polotui.tui.shell.dialogs import Reading
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.paper import readings
from polotui.tui.widgets.paper.work import PaperWork


class Openings(DeskScreen):
    """The part of the screen that only shows."""

    work: PaperWork

    def _read(self, title: str, lines: list[Line]) -> Reading:
        reading = Reading(title, lines)
        self.app.push_screen(reading)
        return reading

    def open_order(self, row: OrderRow) -> None:
        lines = readings.order_lines(row, self.desk.market_ms(), self.desk.reading_width)
        reading = self._read(f"Order · {clean(row.symbol, 24)}", lines)
        if row.signal:
            self._add_signal(reading, row.signal, row.bot, row.symbol)

    def open_signal(self, row: SignalRow) -> None:
        self._read(f"Signal · {clean(row.symbol, 24)}", readings.signal_lines(row, self.desk.reading_width))

    def open_trade(self, row: JournalRow) -> None:
        title = f"Trade · {clean(row.trade.symbol, 24)}" if row.trade is not None else "Note"
        self._read(title, readings.trade_lines(row, self.desk.reading_width))

    def open_rules(self, row: JournalRow) -> None:
        if not row.snapshot:
            self.desk.tell("No rules are kept for this row: only a bot's trade has them.")
            return
        self._read("The rules as they stood at the entry", readings.rule_lines(row.snapshot, self.desk.reading_width))

    def open_fact(self, item: FeedItem) -> None:
        """A line of the feed, with the order and the signal that it belongs to."""
        reading = self._read(f"Feed · {clean(item.kind, 16)}", readings.fact_lines(item, self.desk.reading_width))
        if not item.ref:
            return
        if item.ref.startswith(OWN):
            self._add_order(reading, item)
        elif item.kind in ("signal", "decision", "refused", "order", "fill"):
            self._add_signal(reading, item.ref, item.bot, item.symbol)

    def _add(self, reading: Reading, title: str, lines: list[Line]) -> None:
        reading.pane.text = [*reading.pane.text, [], [(title, "title")], *lines]
        if reading.is_attached:
            reading.pane.refresh(layout=True)
            reading.pane.repaint()

    def _add_order(self, reading: Reading, item: FeedItem) -> None:
        def found(reply: tr.Orders) -> None:
            row = next((row for row in reply.orders if row.id == item.ref), None)
            if row is None:
                self._add(reading, "Its order", [[(f"{clean(item.ref, 60)} is not among the newest ones", "muted")]])
                return
            lines = readings.order_lines(row, self.desk.market_ms(), self.desk.reading_width)
            self._add(reading, "Its order", lines)
            if row.signal:
                self._add_signal(reading, row.signal, row.bot, row.symbol)

        command = tc.ListOrders(symbol=item.symbol, id=item.ref, limit=200)
        self.work.asking.ask("order of a line", command, found)

    def _add_signal(self, reading: Reading, ident: str, bot: int, symbol: str) -> None:
        def found(reply: tr.Signals) -> None:
            row = next((row for row in reply.signals if row.id == ident), None)
            if row is not None:
                self._add(reading, "Its signal", readings.signal_lines(row, self.desk.reading_width))

        command = tc.ListSignals(bot=bot, symbol=symbol, id=ident, limit=200)
        self.work.asking.ask("signal of a line", command, found)
