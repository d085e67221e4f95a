"""Lab: the library, one document in the editor, what it would have done on a chart, and what the checks say.

Decided here: what is open lives in one `LabWork`; the panes only draw it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from polotui.tui import keys
from polotui.tui.widgets.lab.library import Library
from polotui.tui.widgets.lab.strategy_list import StrategyList
from polotui.tui.widgets.lab.work import LabWork
from polotui.tui.widgets.pane import Pane


class LabScreen(Library):
    """Screen 3."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("lab")
    DEFAULT_CSS = """
    LabScreen .column { height: 1fr; }
    LabScreen #left { width: 1fr; }
    LabScreen #strategies { height: 1fr; }
    LabScreen #body .-away { display: none; }
    LabScreen #body .-zoomed { display: block; width: 1fr; height: 1fr; }
    LabScreen #body .column.-alone { display: block; width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.work = LabWork()
        self._listed = -1

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="body"):
            with Vertical(id="left", classes="column"):
                yield StrategyList(self.work, id="strategies")

    def first_focus(self) -> Pane:
        return self.query_one(StrategyList)

    def topics(self) -> list[str]:
        return ["lab"]

    def frame(self, dirty: set[str], now: float) -> None:
        if dirty & {"lab", "link", "engine"}:
            self.ensure_list()
        super().frame(dirty, now)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.ensure_list()
