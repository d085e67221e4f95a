"""The forms of the risk screen: change limits, size a position, ask what would happen to an order.

Decided here: a form asks the engine at each keystroke as long as its fields are sound, and shows the newest answer
beside it; so nothing needs to be sent to be understood. What is wrong stands under its field while one types. Nothing
here places an order, and only the limits change anything, after a dialog that lists the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from polotui.core.text import clean
from polotui.tui.widgets.backtest.form_fields import Field, Wrong, number
from polotui.tui.widgets.backtest.form_pane import FormPane
from polotui.tui.widgets.painted import Line, fit

if TYPE_CHECKING:
    from polotui.tui.screens.risk import RiskScreen
    from polotui.tui.widgets.risk.work import RiskWork


class RiskForm(FormPane):
    """Fields of which each change is told by `changed`."""

    SCOPES = ("form", "risk")
    TOPICS = frozenset({"riskwork", "link", "face", "symbols"})
    LABELS: ClassVar[int] = 20
    BUTTON: ClassVar[str] = "Ask"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.texts: dict[str, str] = {}

    @property
    def risk_screen(self) -> RiskScreen:
        return cast("RiskScreen", self.screen)

    @property
    def work(self) -> RiskWork:
        return self.risk_screen.work

    def default(self, name: str) -> str:
        """What stands in a field before anybody changes it."""
        return ""

    def value(self, name: str) -> str:
        return self.texts.get(name, self.default(name))

    def is_default(self, name: str) -> bool:
        return name not in self.texts

    def put(self, name: str, text: str) -> None:
        if text == self.default(name):
            self.texts.pop(name, None)
        else:
            self.texts[name] = text
        self.changed()

    def forget(self, name: str) -> None:
        self.texts.pop(name, None)
        self.changed()

    def changed(self) -> None:
        """A field has another text: ask again, if all of them are sound."""
        raise NotImplementedError

    def faults(self) -> dict[str, str]:
        return {item.name: fault for item in self.fields() if (fault := self.fault(item.name))}

    def go_to_fault(self) -> bool:
        """The first wrong field under the cursor, with its fault told; False when there is none."""
        faults = self.faults()
        if not faults:
            return False
        first = next(index for index, item in enumerate(self.fields()) if item.name in faults)
        self.place = first
        item = self.fields()[first]
        self.desk.tell(f"Nothing was asked. {item.title}: {faults[item.name]}.", "warning")
        self.repaint()
        return True

    def button(self) -> tuple[str, str]:
        """What the last line does, and what is to say about it."""
        return self.BUTTON, ""

    def last_lines(self, width: int) -> list[Line]:
        chosen = self.has_focus and self.place >= len(self.fields())
        wrong = len(self.faults())
        back = " cursor" if chosen else ""
        words, told = self.button()
        if wrong:
            told = f"{wrong} field{'s' if wrong > 1 else ''} to mend"
        mark = ("▸", f"accent{back}") if chosen else (" ", "")
        label = f"[ {words} ]"
        button: Line = [mark, (label, f"{'muted' if wrong else 'accent'}{back}")]
        return [
            [("─" * width, "border")],
            [*button, (fit(f"  {told}", max(0, width - 1 - len(label))), f"{'warn' if wrong else 'muted'}{back}")],
        ]


def wrong_number(
    text: str, *, least: float | None = None, most: float | None = None, whole: bool = False, above: float | None = None
) -> str:
    """Why it is no such number; empty when it is one."""
    try:
        value = number(text, least=least, most=most, whole=whole)
    except Wrong as error:
        return str(error)
    return f"above {above:g}" if above is not None and value <= above else ""


def plain(text: str) -> str:
    """«10,000» as the decimal text of a command."""
    return clean(text, 40).replace(",", "").replace("−", "-").strip()


def optional(text: str, check: Callable[[str], str]) -> str:
    return check(text) if text.strip() else ""


__all__ = ["Field", "RiskForm", "optional", "plain", "wrong_number"]
