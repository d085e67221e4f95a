"""What one does with the library: list it, make a new strategy from a template, copy, put away, bring back."""

from __future__ import annotations

from polotui.api.lab_commands import DeleteStrategy, ListStrategies, NewStrategy
from polotui.api.lab_replies import Strategies, StrategySaved
from polotui.api.replies import Done
from polotui.core.errors import PolotuiError
from polotui.core.text import clean
from polotui.tui.screens.base import DeskScreen
from polotui.tui.shell.dialogs import Question
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.lab.strategy_list import StrategyList
from polotui.tui.widgets.lab.work import LabWork


class Library(DeskScreen):
    """The part of the lab's screen that changes which strategies there are."""

    work: LabWork
    _listed: int
    """The engine's count of changes when the list was last asked for; -1 = never, or in vain."""

    def open_strategy(self, name: str, *, template: bool, typing: bool = False) -> None:
        raise NotImplementedError

    def ensure_list(self) -> None:
        """Asks for the list when it is not the newest."""
        if self.desk.session.attached and self.desk.store.lab.strategies != self._listed:
            self._listed = self.desk.store.lab.strategies
            self.run_worker(self._list(), group="lab-list", exclusive=True, exit_on_error=True)

    async def _list(self) -> None:
        try:
            reply: Strategies = await self.desk.session.call(ListStrategies())
        except PolotuiError as error:
            self.work.rows_fault = error.record().sentence()
            self._listed = -1
        else:
            order = {"live": 0, "paper": 1, "backtested": 2, "draft": 3, "template": 9}
            rows = [row for row in reply.strategies if not row.deleted]
            self.work.rows = sorted(rows, key=lambda row: (row.stage == "template", order.get(row.stage, 5), row.name))
            self.work.rows_fault = ""
        self.query_one(StrategyList).repaint()

    def on_strategy_list_wanted(self, event: StrategyList.Wanted) -> None:
        event.stop()
        does = {"new": self._new, "copy": self._copy, "remove": self._remove, "undo": self._undo}
        if self.desk.may_change():
            does[event.what]()

    def _new(self) -> None:
        templates = [row for row in self.work.rows or [] if row.stage == "template"]
        if not templates:
            self.desk.tell("There is no template yet: the engine has none to give.", "warning")
            return
        choices = [Choice(row.name, clean(row.name, 40), clean(row.thesis, 200)) for row in templates]

        def make(source: str | None) -> None:
            if source:
                self.desk.ask(NewStrategy(source=source), self._made)

        self.desk.push_screen(Picker("New strategy from a template", choices), make)

    def _copy(self) -> None:
        row = self.query_one(StrategyList).chosen
        if row is not None:
            self.desk.ask(NewStrategy(source=row.name), self._made)

    def _made(self, reply: StrategySaved) -> None:
        name = clean(reply.name, 60)
        self.desk.tell(f"{name} is made: a draft, v{reply.version}.")
        self._listed = -1
        self.ensure_list()
        self.query_one(StrategyList).table.cursor = reply.name
        self.open_strategy(reply.name, template=False, typing=True)

    def _remove(self) -> None:
        row = self.query_one(StrategyList).chosen
        if row is None:
            return
        if row.stage == "template":
            self.desk.tell("Templates stay; c makes a strategy of one.")
            return
        name = row.name

        def remove(answer: str | None) -> None:
            if answer == "y":
                self.desk.ask(DeleteStrategy(name=name), lambda reply: self._removed(name, reply))

        text = (
            f"Put {clean(name, 60)} away with its {row.version} versions? Its {row.runs} runs stay; u brings it back."
        )
        self.desk.push_screen(Question("Strategies", text, [("y", "put it away"), ("n", "keep it")], "n"), remove)

    def _removed(self, name: str, reply: Done) -> None:
        self.work.removed.append(name)
        self.desk.tell(f"{clean(reply.text, 200)} u brings it back.")
        self._listed = -1
        self.ensure_list()

    def _undo(self) -> None:
        if not self.work.removed:
            self.desk.tell("Nothing was put away since this screen was opened.")
            return
        name = self.work.removed.pop()

        def back(reply: Done) -> None:
            self.desk.tell(clean(reply.text, 200))
            self._listed = -1
            self.ensure_list()

        self.desk.ask(DeleteStrategy(name=name, undo=True), back)
