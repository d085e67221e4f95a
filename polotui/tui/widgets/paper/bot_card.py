"""A bot to read: its money, its trades, its parameters, and on `d` its result against a backtest of the same span."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from polotui.api.trade_replies import Drift
from polotui.api.trade_values import BotRow
from polotui.tui.shell.dialogs import Reading
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.paper.readings import bot_lines, bot_title, drift_lines


class BotCard(Reading, inherit_bindings=False):
    """`drift` asks for the comparison; the card shows it when it is there."""

    CSS = """
    BotCard { align: center middle; background: $background 50%; }
    BotCard > Pane { width: 92; max-width: 96%; height: auto; max-height: 90%; }
    """

    def __init__(self, row: BotRow, now_ms: int, width: int, ask: Callable[[], None]) -> None:
        super().__init__(bot_title(row), [])
        self._row = row
        self._now_ms = now_ms
        self._width = width
        self._ask = ask
        self._waiting = False
        self.drift: Drift | None = None
        self.fault = ""
        self._write()

    def _write(self) -> None:
        lines: list[Line] = [*bot_lines(self._row, self._now_ms, self._width), []]
        if self.drift is not None:
            lines += drift_lines(self.drift, self._width)
        elif self.fault:
            lines.append([(self.fault, "warn")])
        elif self._waiting:
            lines.append([("A backtest of the same span is run …", "muted")])
        else:
            lines.append([("d", "key"), (" compares it with a backtest of the same span.", "muted")])
        self.pane.text = lines

    def show_drift(self, drift: Drift | None, fault: str = "") -> None:
        self.drift, self.fault, self._waiting = drift, fault, False
        self._redraw()

    def compare(self) -> None:
        if not self._waiting and self.drift is None:
            self._waiting, self.fault = True, ""
            self._ask()
            self._redraw()

    def _redraw(self) -> None:
        before = len(self.pane.text)
        self._write()
        if self.is_attached:
            self.pane.refresh(layout=True)
            # What was asked for is in sight.
            self.pane.top = max(0, before - 4)
            self.pane.repaint()

    def on_key(self, event: events.Key) -> None:
        if event.key == "d":
            event.stop()
            self.compare()
        else:
            super().on_key(event)
