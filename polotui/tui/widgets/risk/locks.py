"""Latches and pair locks: what stands between a strategy and its next entry, and how each is lifted."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.risk_commands import LockPair
from polotui.core.text import clean, is_plain_symbol
from polotui.tui import keys
from polotui.tui.numbers import age, moment
from polotui.tui.shell.dialogs import Question, wrapped
from polotui.tui.shell.entries import Entries, Entry, needed
from polotui.tui.widgets.backtest.form_fields import Wrong, number
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.risk.base import RiskPane
from polotui.tui.widgets.rows import Cell, Column, Row


class LatchesPane(LiveTable, RiskPane):
    """A latch stays set over restarts; it is cleared by a person."""

    NAME = "Latches"
    ABOUT = (
        "A latch blocks entries from the moment its limit was broken, over restarts, until a person clears it: by "
        "acknowledging when its time has come, or before by typing its words with a reason, which is audited."
    )
    SCOPES = ("latches", "table", "risk")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("latches")
    COLUMNS = (
        Column("title", "latch", least=10),
        Column("since", "since"),
        Column("state", "to clear", least=12),
        Column("reason", "why", drop=1),
    )

    def title(self, width: int) -> Line:
        risk = self.risk
        count = len(risk.latches) if risk is not None else 0
        return [(self.NAME, "title"), (f" · {count} tripped", "bad") if count else (" · none tripped", "muted")]

    def empty_words(self) -> str:
        if self.risk is None:
            return self.work.waiting("risk", "Waiting for the first figures of risk.")
        return "No latch is tripped: no limit stands against entries."

    def rows(self) -> list[Row]:
        risk = self.risk
        if risk is None:
            return []
        return [
            Row(
                latch.name,
                {
                    "title": Cell(clean(latch.title, 30), "bad", latch.title),
                    "since": Cell(moment(latch.since_ms), "muted", latch.since_ms),
                    "state": Cell("acknowledge" if latch.clearable else "typed words", "", latch.clearable),
                    "reason": Cell(clean(latch.reason, max(20, self.size.width - 46)), "muted", latch.reason),
                },
            )
            for latch in risk.latches
        ]

    def body(self, width: int, height: int) -> list[Line]:
        lines = super().body(width, height)
        risk, row = self.risk, self.table.current
        latch = next((one for one in risk.latches if row is not None and one.name == row.key), None) if risk else None
        if latch is None:
            return lines
        told = wrapped(f"{clean(latch.reason, 200)}. To clear: {clean(latch.how_to_clear, 200)}.", width - 2)
        used = 1 + len(self.table.shown())
        return [*lines[:used], [], *([(f" {part}", "muted")] for part in told)] if used + 1 < height else lines

    def opened(self, key: str) -> None:
        self.action_clear()

    def action_clear(self) -> None:
        risk, row = self.risk, self.table.current
        latch = next((one for one in risk.latches if row is not None and one.name == row.key), None) if risk else None
        if latch is None:
            self.desk.tell("No latch is tripped.")
        else:
            self.risk_screen.clear_latch(latch)


class LocksPane(LiveTable, RiskPane):
    """Symbols that no strategy may enter for a while."""

    NAME = "Pair locks"
    ABOUT = "Symbols locked against entries, by a rule or by hand, until when and why. a locks one, x lifts a lock."
    SCOPES = ("locks", "table", "risk")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("locks")
    TOPICS = frozenset({"risk", "riskwork", "link", "second"})
    COLUMNS = (
        Column("symbol", "symbol", least=9),
        Column("left", "left", "right"),
        Column("reason", "why", least=12),
        Column("until", "until", drop=1),
        Column("code", "code", drop=2),
    )

    def title(self, width: int) -> Line:
        risk = self.risk
        count = len(risk.locks) if risk is not None else 0
        return [(self.NAME, "title"), (f" · {count}" if count else " · none", "muted")]

    def empty_words(self) -> str:
        if self.risk is None:
            return self.work.waiting("risk", "Waiting for the first figures of risk.")
        return "No pair is locked. a locks one against entries."

    def rows(self) -> list[Row]:
        risk = self.risk
        now = self.work.now_ms
        return [
            Row(
                str(lock.id),
                {
                    "symbol": Cell(clean(lock.symbol, 24), "", lock.symbol),
                    "left": Cell(age(lock.until_ms - now) if lock.until_ms else "until lifted", "", lock.until_ms),
                    "reason": Cell(clean(lock.reason, max(16, self.size.width - 40)), "", lock.reason),
                    "until": Cell(moment(lock.until_ms) if lock.until_ms else "", "muted", lock.until_ms),
                    "code": Cell(clean(lock.code, 24), "faint", lock.code),
                },
            )
            for lock in (risk.locks if risk is not None else [])
        ]

    def action_lock(self) -> None:
        if not self.desk.may_change():
            return
        known = self.desk.store.symbols

        def symbol(text: str) -> str:
            name = text.strip().upper()
            if not is_plain_symbol(name):
                return "a symbol such as BTC_USDT"
            return f"{name} is not traded here" if known and name not in known else ""

        def hours(text: str) -> str:
            try:
                number(text, least=0.1, most=8760)
            except Wrong as error:
                return str(error)
            return ""

        entries = [
            Entry("symbol", "symbol", self.desk.view.symbol, check=symbol),
            Entry("hours", "for", "24", unit="hours", check=hours),
            Entry("reason", "reason", hint="for the audit", check=needed),
        ]
        words: list[Line | str] = [
            "No strategy enters this symbol until then. What is held stays, and stays protected."
        ]

        def answered(texts: dict[str, str] | None) -> None:
            if texts is not None:
                self.work.do(
                    LockPair(
                        symbol=texts["symbol"].strip().upper(),
                        hours=number(texts["hours"]),
                        reason=texts["reason"].strip(),
                        caller=self.desk.caller,
                    )
                )

        self.desk.push_screen(Entries("Lock a pair", words, entries, "locks it"), answered)

    def action_lift(self) -> None:
        row = self.table.current
        if row is None:
            self.desk.tell("No pair is locked.")
            return
        if not self.desk.may_change():
            return
        symbol = row.cells["symbol"].text

        def answered(answer: str | None) -> None:
            if answer == "y":
                self.work.do(LockPair(symbol=symbol, lift=True, reason="lifted by hand", caller=self.desk.caller))

        text = f"Lift the locks of {symbol}? Locked because: {row.cells['reason'].text}. Strategies may enter it again."
        self.desk.push_screen(Question("Pair lock", text, [("y", "lift it"), ("n", "keep it")], "n"), answered)
