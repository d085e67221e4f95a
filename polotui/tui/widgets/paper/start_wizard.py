"""The wizard that starts a bot: strategy, market and money, parameters, and a last page that says what will happen.

Decided here: the last page is the engine's own plan with what stands against it; nothing can be started while anything
does. Enter goes on but starts nothing: the last page stands on «Back», and `y` or the other button starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.app import ComposeResult

from polotui.api.lab_commands import GetStrategy, ListStrategies
from polotui.api.lab_replies import Strategies, StrategyDetail
from polotui.api.lab_values import RunSpec
from polotui.api.trade_commands import PlanBot, StartBot
from polotui.api.trade_replies import BotPlan, BotStarted
from polotui.core.errors import PolotuiError
from polotui.core.text import clean
from polotui.tui.widgets.paper.entry_pane import EntryDialog, dialog_css
from polotui.tui.widgets.paper.wizard_pane import CHECK, FIND, MARKET, PARAMS, WizardPane

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp


class StartWizard(EntryDialog[BotStarted | None]):
    """Returns the engine's answer when a bot was started."""

    CSS = dialog_css("StartWizard", 100)

    def __init__(self, preset: RunSpec | None, caller: str) -> None:
        super().__init__()
        self.pane: WizardPane = WizardPane()
        self._preset = preset
        self._caller = caller
        self._turn = 0

    @property
    def desk(self) -> PolotuiApp:
        return cast("PolotuiApp", self.app)

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_mount(self) -> None:
        if self._preset is not None:
            self._open(self._preset.strategy, self._preset.version, fresh=True)
        else:
            self._show(FIND)

    # asking

    def _ask(self, command: Any, then: Any, waiting: str) -> None:
        self._turn += 1
        self.pane.waiting, self.pane.said = waiting, ""
        self.run_worker(self._asked(self._turn, command, then), group="wizard", exit_on_error=True)

    async def _asked(self, turn: int, command: Any, then: Any) -> None:
        pane = self.pane
        try:
            reply = await self.desk.session.call(command)
        except PolotuiError as error:
            if turn == self._turn:
                pane.waiting, pane.said = "", clean(error.record().sentence(), 500)
                pane.place = 0
                pane.repaint()
            return
        if turn == self._turn:
            pane.waiting = ""
            then(reply)
            pane.repaint()

    def _open(self, name: str, version: int, *, fresh: bool) -> None:
        def opened(reply: StrategyDetail) -> None:
            self.pane.take(reply, fresh=fresh)
            if self._preset is not None:
                self.pane.fill_in(self._preset)
                self._preset = None
            if fresh:
                self._show(MARKET)

        self._ask(GetStrategy(name=name, version=version), opened, f"Opening {clean(name, 40)} …")

    def _show(self, page: int) -> None:
        pane = self.pane
        pane.page, pane.tried, pane.said = page, False, ""
        pane.go(0)
        if page == FIND and pane.rows is None:
            self._ask(ListStrategies(), self._listed, "")
        elif page == CHECK:
            pane.plan, pane.scrolled = None, 0
            self._ask(PlanBot(**pane.words), self._planned, "The engine looks at it …")
        pane.repaint()

    def _listed(self, reply: Strategies) -> None:
        self.pane.rows = reply.strategies

    def _planned(self, reply: BotPlan) -> None:
        self.pane.plan = reply
        self.pane.place = 0

    def _start(self) -> None:
        pane = self.pane
        if pane.plan is None or not pane.plan.ok or pane.waiting:
            return
        self._ask(StartBot(**pane.words, caller=self._caller), self.dismiss, "Starting …")

    # keys

    def on_key(self, event: events.Key) -> None:
        pane = self.pane
        if pane.page == FIND and self._listing(event):
            event.stop()
            event.prevent_default()
            pane.repaint()
            return
        if pane.page == CHECK and event.character == "y":
            self._start()
            event.stop()
            pane.repaint()
            return
        if pane.page == CHECK and event.key in ("down", "up"):
            pane.scrolled = max(0, pane.scrolled + (1 if event.key == "down" else -1))
            event.stop()
            pane.repaint()
            return
        before = pane.text("version")
        super().on_key(event)
        chosen = pane.text("version")
        if pane.page == MARKET and chosen != before and pane.detail is not None:
            self._open(pane.detail.row.name, int(chosen.partition(",")[0]), fresh=False)

    def _listing(self, event: events.Key) -> bool:
        """The list under the search line: arrows move in it, Enter takes."""
        pane = self.pane
        found = pane.found()
        if event.key in ("down", "ctrl+n", "tab"):
            pane.index = min(pane.index + 1, max(0, len(found) - 1))
        elif event.key in ("up", "ctrl+p", "shift+tab"):
            pane.index = max(0, pane.index - 1)
        elif event.key == "enter":
            if found and not pane.waiting:
                self._open(found[min(pane.index, len(found) - 1)].name, 0, fresh=True)
        else:
            return False
        return True

    def leave(self) -> None:
        if self.pane.page == FIND:
            self.dismiss(None)
        else:
            self._back()

    def _back(self) -> None:
        page = self.pane.page - 1
        if page == PARAMS and not self.pane.params:
            page = MARKET
        self._turn += 1
        self.pane.waiting = ""
        self._show(page)

    def press_button(self, name: str) -> None:
        pane = self.pane
        if name == "back":
            self._back()
        elif name == "start":
            self._start()
        elif name == "again":
            self._show(CHECK)
        elif pane.faults():
            pane.go_to_fault()
        elif not pane.waiting:
            self._show(CHECK if pane.page == PARAMS or not pane.params else PARAMS)
