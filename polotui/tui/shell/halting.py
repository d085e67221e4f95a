"""Halt, resume, flatten, from every screen.

Decided here: ctrl+g twice within 1.5 s halts, wherever the focus is and whatever is open, also with --read-only. The
engine is told by its socket and the flag file is written at the same time, neither waiting for the other: with the
engine gone the file alone stops every new order. Halting asks nothing; going on and selling ask for a typed word and
say first what will happen.
"""

from __future__ import annotations

import asyncio

from polotui.api.risk_commands import Flatten, Halt, Resume
from polotui.api.trade_commands import GetPositions
from polotui.api.trade_replies import Halted, Positions
from polotui.api.trade_values import PositionRow
from polotui.core.errors import PolotuiError
from polotui.core.halt import HaltNote, halt, is_halted
from polotui.core.paths import Home
from polotui.core.text import clean
from polotui.tui.numbers import clock, group
from polotui.tui.shell.base import ShellBase
from polotui.tui.shell.dialogs import Question
from polotui.tui.shell.entries import Entries, Entry, word
from polotui.tui.widgets.painted import Line

#: Seconds in which the second ctrl+g halts.
WINDOW = 1.5
#: After this long without an answer the person hears what holds meanwhile.
PATIENCE = 2.0


class Halting(ShellBase):
    """`trading_word` is ACTIVE, REDUCING or HALTED, the worst of what the engine says and what the flag says."""

    home: Home | None
    caller: str
    halt_note: HaltNote | None
    _halt_pressed_at: float

    @property
    def halt_armed(self) -> bool:
        """The first ctrl+g was pressed and the second is waited for."""
        return self.clock.monotonic() - self._halt_pressed_at <= WINDOW

    @property
    def trading_word(self) -> str:
        return "HALTED" if self.halt_note is not None else self.store.trading.state

    @property
    def halt_words(self) -> str:
        """Why and since when, in a sentence without a point."""
        note = self.halt_note
        if note is None:
            return clean(self.store.trading.reason, 200)
        since = f"since {clock(note.at_ms)}" if note.at_ms else ""
        parts = (since, f"by {clean(note.who, 60)}" if note.who else "", clean(note.reason, 160))
        return " · ".join(part for part in parts if part)

    def look_for_flag(self) -> None:
        """Once a second: `polotui halt` in another terminal writes the flag without telling anybody."""
        found = is_halted(self.home) if self.home is not None else None
        if found != self.halt_note:
            self.halt_note = found
            self.store.mark("trading")

    def action_halt(self) -> None:
        """ctrl+g: the first press asks for the second, the second halts."""
        if self.halt_armed:
            self._halt_pressed_at = -1e9
            self.halt_now("ctrl+g twice")
            return
        self._halt_pressed_at = self.clock.monotonic()
        # A toast is seen above dialogs as well, where the footer is dimmed; it is no news, so no notification keeps it.
        self.notify("halt: ctrl+g again", severity="warning", timeout=WINDOW, markup=False)
        self.refresh_frame()
        self.paint_frame()
        self.set_timer(WINDOW + 0.05, self.refresh_frame)

    def halt_now(self, reason: str) -> None:
        self.run_worker(self._halt(reason), group="halt", exit_on_error=True)

    async def _halt(self, reason: str) -> None:
        asked = asyncio.create_task(self.session.call(Halt(reason=reason, caller=self.caller)))
        # The request leaves before a slow disk could hold this loop up.
        await asyncio.sleep(0)
        written, flag = self._write_flag(reason)
        try:
            await asyncio.wait({asked}, timeout=PATIENCE)
            if not asked.done():
                self.tell(f"The engine has not answered for {PATIENCE:.0f} s. {flag}", "error", title="halt")
            self._halted(await asked, "" if written else flag)
        except PolotuiError as error:
            self.tell(f"The engine does not answer: {clean(error.cause, 200)} {flag}", "error", title="halt")
        finally:
            asked.cancel()

    def _write_flag(self, reason: str) -> tuple[bool, str]:
        """Writes the flag: whether it stands, and what holds now in words."""
        if self.home is None:
            return True, "This face has no home to write the flag into: polotui halt, on the engine's machine, does it."
        try:
            self.halt_note = halt(self.home, reason, self.caller, self.clock)
        except PolotuiError as error:
            return False, error.record().sentence()
        self.store.mark("trading")
        self.paint_frame()
        return True, (
            "The flag file stops every new order. Resting orders stay where they are and may still fill: cancel them "
            "when the engine is back, or at the exchange."
        )

    def _halted(self, reply: Halted, fault: str) -> None:
        text = clean(reply.text, 300)
        if fault:
            self.tell(fault, "error", title="halt")
        left = f" {reply.left} not confirmed yet." if reply.left else ""
        self.tell(f"{text}{left} Positions stay. : resume goes on.", "warning", title=reply.state)

    # the two that ask for a word

    def ask_halt(self) -> None:
        """The palette's verb: one Enter on the wrong line is soon pressed."""
        text = "No order leaves any more, and everything that rests is cancelled. Positions stay. Going on asks a word."

        def answered(answer: str | None) -> None:
            if answer == "y":
                self.halt_now("the command halt")

        self.push_screen(Question("Halt", text, [("y", "halt"), ("n", "go on")], "n"), answered)

    def ask_resume(self) -> None:
        if not self.may_change():
            return
        if self.trading_word == "ACTIVE":
            self.tell("Trading is active; there is nothing to resume.")
            return
        words: list[Line | str] = [
            [(f" {self.trading_word} ", f"state-{self.trading_word}"), (f"  {self.halt_words}", "muted")],
            [],
            "From then on bots may enter again at their next bar, and orders by hand pass. Nothing that was cancelled "
            "is sent again. Limits, latches and pair locks hold as before.",
        ]
        entries = [Entry("what", "go on", "everything", ("everything", "only what reduces")), word("RESUME")]

        def answered(texts: dict[str, str] | None) -> None:
            if texts is not None:
                reducing = texts["what"] != "everything"
                self.ask(Resume(words=texts["word"], reducing=reducing, caller=self.caller), self._went_on)

        self.push_screen(Entries("Resume trading", words, entries, "goes on"), answered)

    def ask_flatten(self) -> None:
        if not self.may_change():
            return
        self.ask(GetPositions(), self._confirm_flatten)

    def _confirm_flatten(self, reply: Positions) -> None:
        words: list[Line | str] = [
            "Every resting order is cancelled, then every position of the paper account is sold at the market, at "
            "whatever it pays then. It cannot be undone.",
            [],
            *_what_is_sold(reply.positions),
        ]

        def answered(texts: dict[str, str] | None) -> None:
            if texts is not None:
                self.ask(Flatten(words=texts["word"], caller=self.caller), self._went_on)

        self.push_screen(Entries("Sell everything", words, [word("FLATTEN")], "sells everything"), answered)

    def _went_on(self, reply: Halted) -> None:
        self.tell(clean(reply.text, 300), title=reply.state)
        self.look_for_flag()


def _what_is_sold(positions: list[PositionRow]) -> list[Line | str]:
    if not positions:
        return ["There is no position; only resting orders would be cancelled."]
    lines: list[Line | str] = []
    for row in positions[:8]:
        worth = f"worth {group(row.value, 2)}" if row.value else "worth unknown"
        what = f"{clean(row.symbol, 24):<12} {group(row.quantity):>16}"
        lines.append([(what, ""), (f"   {worth}   {clean(row.strategy, 24) or 'by hand'}", "muted")])
    if len(positions) > 8:
        lines.append([(f"and {len(positions) - 8} more", "muted")])
    return lines
