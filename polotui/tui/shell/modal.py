"""The base of everything that opens over a screen: it closes once.

Decided here: a second key that closes, pressed before the first has taken effect, does nothing. Textual would close the
screen beneath, and with it the application. Toasts stand at the top while it is open: below they would cover what is
confirmed, and the key that confirms it.
"""

from __future__ import annotations

from typing import TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

Result = TypeVar("Result")


class Modal(ModalScreen[Result], inherit_bindings=False):
    """A modal screen that can be closed but once."""

    DEFAULT_CSS = "Modal ToastRack { dock: top; align: right top; margin: 0; }"

    # Not `_closed`: that is Textual's own, and setting it stops the screen's messages, its removal among them.
    _left = False

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        if self._left or self.app.screen is not self:
            return AwaitComplete()
        self._left = True
        return super().dismiss(result)
