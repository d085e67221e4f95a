"""What the panes of the risk screen share: the work they look at, bars with their words, tones of states."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from polotui.api.trade_replies import Risk
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Pane
from polotui.tui.widgets.sparkline import bar

if TYPE_CHECKING:
    from polotui.tui.screens.risk import RiskScreen
    from polotui.tui.widgets.risk.work import RiskWork

STATE_TONES = {"ok": "", "near": "warn", "breach": "bad", "unknown": "muted"}
LEVEL_TONES = {"near": "warn", "breach": "bad", "unusual": "warn", "safety": "bad"}
PROTECTION_TONES = {"venue": "good", "local": "", "none": "bad", "": "muted"}


class RiskPane(Pane):
    """A pane of screen 6."""

    SCOPES: tuple[str, ...] = ("risk",)
    TOPICS = frozenset({"risk", "riskwork", "link", "trading"})

    @property
    def risk_screen(self) -> RiskScreen:
        return cast("RiskScreen", self.screen)

    @property
    def work(self) -> RiskWork:
        return self.risk_screen.work

    @property
    def risk(self) -> Risk | None:
        return self.work.risk

    def title_right(self) -> Line:
        return self.stale_mark(0)

    def nothing(
        self, width: int, question: str = "risk", words: str = "Waiting for the first figures of risk."
    ) -> list[Line]:
        """What to say while there is nothing to show."""
        return [[], *([(f" {part}", "muted")] for part in wrapped(self.work.waiting(question, words), width - 2))]


def gauge(ratio: float | None, width: int, tone: str) -> Line:
    """«▕███▌     ▏»; dots when the figure is not known."""
    if ratio is None:
        return [("▕", "faint"), ("·" * width, "faint"), ("▏", "faint")]
    return [("▕", "faint"), (bar(max(0.0, min(1.0, ratio)), width), tone), ("▏", "faint")]


def gauge_text(ratio: float | None, width: int) -> str:
    """The same as one text, for the cell of a table."""
    return "".join(text for text, _ in gauge(ratio, width, ""))


def share(ratio: float | None) -> str:
    """«31 %», «4.2 %» below ten, «–» when unknown."""
    if ratio is None:
        return "–"
    return f"{ratio * 100:.1f} %" if 0 < abs(ratio) < 0.1 else f"{ratio * 100:.0f} %"
