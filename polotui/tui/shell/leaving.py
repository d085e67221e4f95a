"""Leaving: by key, by signal, or for a while with ctrl+z; and starting the engine again."""

from __future__ import annotations

from contextlib import ExitStack

from polotui.api.commands import StopEngine
from polotui.core.errors import PolotuiError
from polotui.core.signals import on_signals
from polotui.tui.driver import PacedDriver
from polotui.tui.screens.base import DeskScreen
from polotui.tui.shell.base import ShellBase
from polotui.tui.shell.dialogs import Question

#: Seconds in which a second ctrl+c leaves.
TWICE = 2.0
_CODES = {"TERM": 143, "HUP": 129, "INT": 130}


class Leaving(ShellBase):
    """`farewell` is the line that the shell prints when the screen is gone."""

    farewell: str
    _interrupted_at: float
    _signals: ExitStack

    def watch_signals(self) -> None:
        """TERM and HUP end the face cleanly, INT from outside as well: the engine is another process."""
        if self.is_headless:
            return
        import asyncio

        self._signals.enter_context(on_signals(asyncio.get_running_loop(), self.signalled, *_CODES))

    def signalled(self, name: str) -> None:
        self.parting_words()
        self.exit(_CODES[name], return_code=_CODES[name])

    def watch_terminal(self) -> None:
        if isinstance(self._driver, PacedDriver):
            self.set_interval(2.0, self._driver.check_terminal)

    def action_suspend_process(self) -> None:
        """To the shell; nothing is painted until the process is back, or the stopped writer would block the loop."""
        with self.batch_update():
            super().action_suspend_process()

    def resumed(self) -> None:
        self.refresh(layout=True)

    def action_interrupt(self) -> None:
        """ctrl+c twice leaves; the engine goes on."""
        now = self.clock.monotonic()
        if now - self._interrupted_at <= TWICE:
            self._go(0, stopped=False)
            return
        self._interrupted_at = now
        self.tell("ctrl+c again within 2 s leaves. The engine is not touched.")

    def action_leave(self) -> None:
        engine = self.store.engine
        if engine is None or not engine.busy or self.store.link != "live":
            self._go(0, stopped=False)
            return
        running = "\n".join(f"· {what}" for what in engine.busy[:8])
        text = f"Running now:\n{running}\nIt goes on without this screen. polotui opens it again."
        answers = [("l", "leave it running"), ("x", "stop it and the engine"), ("n", "stay")]
        if self.read_only:
            answers.pop(1)

        def answered(answer: str | None) -> None:
            if answer == "l":
                self._go(0, stopped=False)
            elif answer == "x":
                self.run_worker(self._stop_and_go(), exit_on_error=True)

        self.push_screen(Question("Leave", text, answers, "n"), answered)

    async def _stop_and_go(self) -> None:
        try:
            await self.session.call(StopEngine(force=True))
        except PolotuiError as error:
            self.tell_error(error)
            return
        self._go(0, stopped=True)

    def _go(self, code: int, *, stopped: bool) -> None:
        engine = self.store.engine
        if stopped:
            self.farewell = "The engine was asked to end; what was running is stopped."
        elif self.store.link != "live":
            self.farewell = "The engine is not running. polotui starts it again."
        elif engine is not None and engine.busy:
            self.farewell = f"The engine goes on: {', '.join(engine.busy[:3])}. polotui opens it again."
        else:
            self.farewell = "Nothing is running; the engine ends by itself soon. polotui opens it again."
        self.farewell = " ".join([self.farewell, *self.parting_words()])
        self.exit(code, return_code=code)

    def parting_words(self) -> list[str]:
        """Lets every screen that was opened keep what is unsaved; what they say of it."""
        opened = [screen for stack in self._screen_stacks.values() for screen in stack]
        return [words for screen in opened if isinstance(screen, DeskScreen) and (words := screen.leaving())]

    def action_start_engine(self) -> None:
        """Attaches now; starts the engine when the link is down."""
        if self.store.link == "live":
            self.tell("The engine is attached.")
            return
        if self.start_engine is not None:
            self.tell("Starting the engine.")
            self.run_worker(self._start(), group="start", exclusive=True, exit_on_error=True)
        else:
            self.session.retry_now()

    async def _start(self) -> None:
        assert self.start_engine is not None
        try:
            await self.start_engine()
        except PolotuiError as error:
            self.tell_error(error)
        self.session.retry_now()
