"""Questions to the engine, each with a name and a turn.

Decided here: an answer whose turn is over is dropped, so that a slow one never replaces a newer one. What is kept up
to date is asked for again when its mark changed, one question at a time, and after a failure only when a pause is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from polotui.api.command import Command
from polotui.core.errors import PolotuiError

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp

RETRY_SECONDS = 5.0


class Asking:
    """One per screen. `changed` is called when an answer was taken over."""

    def __init__(self, desk: PolotuiApp, changed: Callable[[], None]) -> None:
        self._desk = desk
        self._changed = changed
        self._turn: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._marks: dict[str, Hashable] = {}
        self._retry_at: dict[str, float] = {}
        self.faults: dict[str, str] = {}
        """By name: why the last question of what is kept failed."""

    def busy(self, name: str) -> bool:
        """Whether a question of this name is on its way."""
        return bool(self._open[name])

    @property
    def at_rest(self) -> bool:
        return not any(self._open.values())

    def forget(self, *names: str) -> None:
        """These are asked for again; without names, all that is kept."""
        for name in names or tuple(self._marks):
            self._marks.pop(name, None)
            self._retry_at.pop(name, None)
            self._turn[name] += 1
        self._changed()

    def ask(
        self,
        name: str,
        command: Command,
        then: Callable[[Any], None],
        failed: Callable[[PolotuiError], None] | None = None,
    ) -> None:
        """Sends `command`. An error is told in its own words unless `failed` takes it."""
        self._turn[name] += 1
        self._open[name] += 1
        self._desk.run_worker(
            self._send(name, self._turn[name], command, then, failed), group="paper", exit_on_error=True
        )
        self._changed()

    async def _send(
        self,
        name: str,
        turn: int,
        command: Command,
        then: Callable[[Any], None],
        failed: Callable[[PolotuiError], None] | None,
    ) -> None:
        try:
            reply = await self._desk.session.call(command)
        except PolotuiError as error:
            if turn == self._turn[name]:
                if failed is None:
                    self._desk.tell_error(error)
                else:
                    failed(error)
            return
        finally:
            self._open[name] -= 1
            self._changed()
        if turn == self._turn[name]:
            then(reply)

    def keep(self, name: str, mark: Hashable, command: Command, then: Callable[[Any], None]) -> None:
        """Asks when `mark` is another than the last time; called on each frame."""
        if self.busy(name) or self._marks.get(name) == mark:
            return
        if self._desk.clock.monotonic() < self._retry_at.get(name, -1e9):
            return
        self._marks[name] = mark

        def failed(error: PolotuiError) -> None:
            self._marks.pop(name, None)
            self._retry_at[name] = self._desk.clock.monotonic() + RETRY_SECONDS
            self.faults[name] = error.record().sentence()

        def arrived(reply: Any) -> None:
            self.faults.pop(name, None)
            then(reply)

        self.ask(name, command, arrived, failed)
