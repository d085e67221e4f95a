"""Signals: what rules asked for, how it ended, and how long the decision took."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_values import SignalRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, group
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.paper.base import SIDE_TONES, figure, time_words
from polotui.tui.widgets.paper.tables import PaperTable
from polotui.tui.widgets.rows import Cell, Column, Row

STATE_TONES = {"new": "accent", "active": "good", "closed": "muted"}
_HINTS = {"new": "not decided yet", "active": "its position is open", "closed": "ended, with the reason"}


class SignalsPane(PaperTable):
    """Newest first."""

    NAME = "Signals"
    TABLE = "signals"
    ABOUT = (
        "What rules asked for: new, active while its position is open, closed with the reason: target, stop, exit "
        "rule, expired, or refused with the code. «took» is the time from the bar's close to the decision. c shows one "
        "state."
    )
    SCOPES = ("signals", "table", "paper")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("signals")
    TOPICS = PaperTable.TOPICS | {"bots"}
    COLUMNS = (
        Column("time", "time", least=8),
        Column("symbol", "symbol"),
        Column("side", "side"),
        Column("bot", "bot", drop=6),
        Column("entry", "entry", "point", drop=2),
        Column("stop", "stop", "point", drop=4),
        Column("target", "target", "point", drop=3),
        Column("score", "score", "point", drop=5),
        Column("confirmation", "frames", drop=7),
        Column("latency", "took", "right", drop=8),
        Column("state", "state"),
        Column("ending", "reason"),
    )
    LEAST_REST = 28

    def filter_words(self) -> str:
        return " · ".join(part for part in (self.work.filter_words, self.work.signal_state) if part)

    def empty_words(self) -> str:
        if self.work.signals is None:
            return clean(self.work.asking.faults.get("signals", "Loading the signals …"), 300)
        if self.filter_words():
            return "No signal of this kind. c and b choose what is shown."
        return "No rule has asked for anything yet. A bot decides at the close of each of its bars."

    def rows(self) -> list[Row]:
        now = self.desk.market_ms()
        return [self._line(row, now) for row in self.work.signals or []]

    def _line(self, row: SignalRow, now: int) -> Row:
        scale = self.desk.store.scale_of(row.symbol)
        refused = row.ending.startswith("refused")
        cells = {
            "time": Cell(time_words(row.at_ms, now), "muted", row.at_ms),
            "symbol": Cell(clean(row.symbol, 24), "", row.symbol),
            "side": Cell(clean(row.side, 6), SIDE_TONES.get(row.side, ""), row.side),
            "bot": Cell(self.work.bot_words(row.bot), "muted", row.bot),
            "entry": Cell(group(row.entry, scale), "", figure(row.entry)),
            "stop": Cell(group(row.stop, scale), "muted", figure(row.stop)),
            "target": Cell(group(row.target, scale), "muted", figure(row.target)),
            "score": Cell(UNKNOWN if row.score is None else f"{row.score:.2f}", "muted", row.score),
            "confirmation": Cell(clean(row.confirmation, 16), "muted", row.confirmation),
            "latency": Cell(f"{row.latency_ms:,} ms" if row.latency_ms else UNKNOWN, "muted", row.latency_ms),
            "state": Cell(row.state, STATE_TONES[row.state], row.state),
            "ending": Cell(clean(row.ending or row.reason, 200), "warn" if refused else "muted", row.ending),
        }
        return Row(row.id, cells)

    def opened(self, key: str) -> None:
        row = next((row for row in self.work.signals or [] if row.id == key), None)
        if row is not None:
            self.paper.open_signal(row)

    def action_state(self) -> None:
        work = self.work
        choices = [Choice("", "all states"), *(Choice(name, name, hint) for name, hint in _HINTS.items())]

        def taken(state: str | None) -> None:
            if state is not None and state != work.signal_state:
                work.signal_state, work.signals = state, None
                work.asking.forget("signals")
                work.changed()

        self.desk.push_screen(Picker("Signals", choices), taken)
