"""Going from screen to screen and from pane to pane."""

from __future__ import annotations

from polotui.tui.shell.base import ShellBase
from polotui.tui.widgets.pane import Pane


class Navigation(ShellBase):
    """Digits, Esc through the history, Tab, zoom."""

    history: list[str]

    def go_to(self, name: str, *, remember: bool = True) -> None:
        """Opens a screen; it is as it was left."""
        if name == self.current_name:
            return
        if all(entry.name != name for entry in self.screens):
            return
        self.close_dialogs()
        if remember:
            self.history.append(self.current_name)
            del self.history[:-50]
        self.current_name = name
        self.switch_mode(name)
        self.refresh_frame()
        self.listen()

    def listen(self) -> None:
        """Asks for the topics of the open screen, and for its chart."""
        raise NotImplementedError

    def close_dialogs(self) -> None:
        while self.screen is not self.desk_screen and len(self.screen_stack) > 1:
            self.pop_screen()

    def action_go(self, name: str) -> None:
        self.go_to(name)

    def action_go_back(self) -> None:
        """Filter or crosshair first, then zoom, then the view before, then the screen before."""
        focused = self.focused
        if isinstance(focused, Pane) and focused.escape():
            return
        if self.desk_screen.zoomed is not None:
            self.desk_screen.toggle_zoom()
        elif self.desk_screen.step_back():
            return
        elif self.history:
            self.go_to(self.history.pop(), remember=False)

    def action_next_pane(self, step: int) -> None:
        self.desk_screen.move_focus(step)

    def action_zoom(self) -> None:
        self.desk_screen.toggle_zoom()

    def pane_focused(self, pane: Pane) -> None:
        self.refresh_frame()
        self.paint_frame()
