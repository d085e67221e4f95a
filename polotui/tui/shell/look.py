"""How it looks and how often: theme, mouse, repaint rate, pause."""

from __future__ import annotations

from polotui.core.errors import PolotuiError
from polotui.tui.driver import PacedDriver
from polotui.tui.shell.base import ShellBase
from polotui.tui.themes import DEFAULT, Tones
from polotui.tui.widgets.painted import Painted

RATES = (0.5, 1.0, 2.0, 4.0, 5.0, 10.0, 20.0)


class Look(ShellBase):
    """Themes and the frame timer's rate."""

    mouse_on: bool

    def use_theme(self, name: str) -> bool:
        """Switches the theme; False when there is none of that name."""
        spec = self.specs.get(name)
        if spec is None:
            return False
        self.tones = Tones(spec, self.specs[DEFAULT], red_up=self.settings.red_up)
        self.theme = name
        if self.is_running:
            for screen in self.screen_stack:
                for widget in screen.query(Painted):
                    widget.restyle()
        return True

    def remember(self, key: str, value: object) -> None:
        if self.save_setting is None:
            return
        try:
            self.save_setting(key, value)
        except PolotuiError as error:
            self.tell_error(error)
        except OSError as error:
            self.tell(f"{key} could not be kept: {error.strerror}. It holds until you leave.", "warning")

    def action_theme(self) -> None:
        names = list(self.specs)
        name = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else DEFAULT
        self.choose_theme(name)

    def choose_theme(self, name: str) -> None:
        if not self.use_theme(name):
            self.tell(f"There is no theme {name!r}. There are: {', '.join(self.specs)}.", "warning")
            return
        self.remember("face.theme", name)
        self.clear_notifications()
        self.tell(f"Theme: {self.specs[name].title}. It is remembered.")

    def action_mouse(self) -> None:
        self.mouse_on = not self.mouse_on
        if isinstance(self._driver, PacedDriver):
            self._driver.switch_mouse(self.mouse_on)
        self.tell("Mouse on." if self.mouse_on else "Mouse off: the terminal selects text by itself; m turns it on.")

    def action_rate(self, step: int) -> None:
        above = [rate for rate in RATES if rate > self.frame_rate]
        below = [rate for rate in RATES if rate < self.frame_rate]
        if step > 0 and above:
            self.set_rate(above[0])
        elif step < 0 and below:
            self.set_rate(below[-1])
        self.tell(f"At most {self.frame_rate:g} repaints a second.")

    def set_rate(self, rate: float) -> None:
        raise NotImplementedError

    def action_pause(self) -> None:
        """Stops repainting, not listening: p shows what came meanwhile."""
        self.paused_since_ms = 0 if self.paused_since_ms else self.clock.wall_ms()
        self.refresh_frame()
