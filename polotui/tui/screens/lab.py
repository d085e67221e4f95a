"""Lab: the library, one document in the editor, what it would have done on a chart, and what the checks say.

Decided here: what is open lives in one `LabWork`; the panes only draw it. With room for two columns the list gives way
to the preview while one is not in the list; below 100 columns one column has the room, and Tab goes between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from textual.app import SuspendNotSupported
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from polotui.api.lab_values import RunSpec
from polotui.core.errors import PolotuiError
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.shell.dialogs import Question
from polotui.tui.widgets.lab.checks_pane import ChecksPane
from polotui.tui.widgets.lab.document_editor import DocumentEditor
from polotui.tui.widgets.lab.drafts import Drafts
from polotui.tui.widgets.lab.outside import edited_outside
from polotui.tui.widgets.lab.preview_chart import PreviewChart
from polotui.tui.widgets.lab.strategy_list import StrategyList
from polotui.tui.widgets.lab.trials import Trials
from polotui.tui.widgets.lab.work import LabWork
from polotui.tui.widgets.pane import Pane


class LabScreen(Trials):
    """Screen 3."""

    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("lab")
    DEFAULT_CSS = """
    LabScreen .column { height: 1fr; }
    LabScreen #left { width: 27; }
    LabScreen #middle { width: 1fr; }
    LabScreen #right { width: 42; }
    LabScreen.-roomy #left { width: 40; }
    LabScreen.-roomy #right { width: 52; }
    LabScreen #strategies, LabScreen #document { height: 1fr; }
    LabScreen #preview { height: 3fr; width: 1fr; }
    LabScreen #checks { height: 2fr; }
    LabScreen.-medium #right { display: none; }
    LabScreen.-medium.-away-from-list #left { display: none; }
    LabScreen.-medium.-away-from-list #right { display: block; }
    LabScreen.-narrow #left, LabScreen.-narrow #middle, LabScreen.-narrow #right { display: none; width: 1fr; }
    LabScreen.-narrow.-at-left #left { display: block; }
    LabScreen.-narrow.-at-middle #middle { display: block; }
    LabScreen.-narrow.-at-right #right { display: block; }
    LabScreen #body .-away { display: none; }
    LabScreen #body .-zoomed { display: block; width: 1fr; height: 1fr; }
    LabScreen #body .column.-alone { display: block; width: 1fr; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.work = LabWork()
        self._listed = -1
        self.drafts = Drafts(None)
        self.add_class("-at-left")

    # layout

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="body"):
            with Vertical(id="left", classes="column"):
                yield StrategyList(self.work, id="strategies")
            with Vertical(id="middle", classes="column"):
                yield DocumentEditor(self.work, id="document")
            with Vertical(id="right", classes="column"):
                yield PreviewChart(self.work, id="preview")
                yield ChecksPane(self.work, id="checks")

    def first_focus(self) -> Pane:
        return self.query_one(StrategyList)

    def topics(self) -> list[str]:
        return ["lab"]

    def settle(self) -> None:
        alone = self.zoomed is not None
        self.set_class(self.app.size.width >= 150, "-roomy")
        self.query_one(PreviewChart).frames(joins_above=False, has_bottom=alone)
        self.query_one(ChecksPane).frames(joins_above=not alone, has_bottom=True)

    def reveal(self, pane: Pane) -> None:
        place = {"strategies": "left", "document": "middle"}.get(pane.id or "", "right")
        for name in ("left", "middle", "right"):
            self.set_class(name == place, f"-at-{name}")
        self.set_class(place != "left", "-away-from-list")

    # life

    def on_mount(self) -> None:
        super().on_mount()
        self.drafts = Drafts(self.desk.drafts)
        self.work.drafts = self.drafts.keys()

    def frame(self, dirty: set[str], now: float) -> None:
        if "link" in dirty:
            self._link_changed()
        if dirty & {"lab", "link", "engine"}:
            self.ensure_list()
        super().frame(dirty, now)

    def _link_changed(self) -> None:
        """Another engine may answer after a loss: the list is asked for again, and what was not answered."""
        work = self.work
        self._listed = -1
        if self.desk.store.link == "live" and (work.check_fault or work.preview_fault):
            self.check_soon()
            self.preview_soon(0.0)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.ensure_list()

    def on_screen_suspend(self) -> None:
        words = self.keep_draft()
        if words and self.is_current_mode_left:
            self.desk.tell(words)

    @property
    def is_current_mode_left(self) -> bool:
        """Whether another screen was opened, and not a dialog over this one."""
        return self.desk.current_name != "lab"

    def on_unmount(self) -> None:
        # Also when the app ends without a key of its own.
        self.keep_draft()

    def leaving(self) -> str:
        return self.keep_draft()

    def on_strategy_list_opened(self, event: StrategyList.Opened) -> None:
        event.stop()
        template = event.key.startswith("template ")
        self.open_strategy(event.key.removeprefix("template "), template=template, typing=False)

    def on_checks_pane_chosen(self, event: ChecksPane.Chosen) -> None:
        event.stop()
        self._go_to(event.problem.line, event.problem.column)

    def _go_to(self, line: int, column: int) -> None:
        self.editor.show_place(line, column)
        if self.focused is not self.editor:
            self.focus_on(self.editor)

    def action_problem(self, step: int) -> None:
        document, problems = self.work.document, self.work.problems
        if document is None or not problems:
            self.desk.tell("There is no fault to go to.")
            return
        here = (document.buffer.row + 1, document.buffer.column + 1)
        places = [(one.line, one.column) for one in problems]
        if step > 0:
            place = next((place for place in places if place > here), places[0])
        else:
            place = next((place for place in reversed(places) if place < here), places[-1])
        self._go_to(*place)

    # elsewhere

    def action_paper(self) -> None:
        """The paper screen's wizard with what is open here, or under the cursor of the list."""
        document, row = self.work.document, self.query_one(StrategyList).chosen
        listed = row is not None and (document is None or self.focused is self.query_one(StrategyList))
        if document is None and row is None:
            self.desk.tell("Nothing is chosen. a makes a strategy from a template.")
            return
        if not self.desk.may_change():
            return
        if not listed and document is not None and document.unsaved:
            self.desk.tell("The text is not saved, and a bot runs what is stored. ctrl+s stores it.", "warning")
            return
        name = row.name if listed and row is not None else document.name if document else ""
        self.desk.view.on_paper = RunSpec(strategy=name)
        self.desk.go_to("paper")

    def action_backtest(self) -> None:
        document = self.work.document
        row = self.query_one(StrategyList).chosen
        if document is not None and (self.focused is not self.query_one(StrategyList) or row is None):
            if document.unsaved or document.is_template:
                self._ask_before_backtest(document.name, document.version)
            else:
                self._backtest(document.name)
        elif row is not None:
            self._backtest(row.name)
        else:
            self.desk.tell("Nothing is chosen. a makes a strategy from a template.")

    def _ask_before_backtest(self, name: str, version: int) -> None:
        if not version and self.work.document is not None and not self.work.document.unsaved:
            self._backtest(name)
            return
        words = f"The text of {clean(name, 60)} is not saved; a backtest runs what is stored."
        stored = f"test v{version} as stored" if version else "test the template as it is"
        answers = [("s", "save it and test it"), ("t", stored), ("n", "stay")]
        if self.desk.read_only:
            answers.pop(0)

        def answered(answer: str | None) -> None:
            if answer == "t":
                self._backtest(name)
            elif answer == "s":
                self.run_worker(self._save_and_test(), group="lab-save", exit_on_error=True)

        self.desk.push_screen(Question("Backtest", words, answers, "n"), answered)

    async def _save_and_test(self) -> None:
        document = self.work.document
        if document is not None and not document.saving:
            document.saving = True
            if await self._save(document, anyway=False):
                self._backtest(document.name)

    def _backtest(self, name: str) -> None:
        self.desk.view.strategy = name
        if all(entry.name != "backtest" for entry in self.desk.screens):
            self.desk.tell("This desk has no backtest screen.", "warning")
            return
        self.desk.store.mark("view")
        self.desk.go_to("backtest")

    def action_external(self) -> None:
        document = self.work.document
        if document is None:
            self.desk.tell("Nothing is open. Enter on a strategy opens it.")
            return
        self.keep_draft()
        suffix = ".json" if document.form == "json" else ".yaml"
        try:
            text = edited_outside(document.buffer.text, suffix, self._suspended())
        except PolotuiError as error:
            self.desk.tell_error(error)
            return
        except SuspendNotSupported:
            self.desk.tell("This terminal cannot be handed to an editor. Type here instead.", "warning")
            return
        if text == document.buffer.text or text == document.buffer.text + "\n":
            self.desk.tell("The text is as it was.")
            return
        document.buffer.replace_all(text)
        self.editor.post_message(DocumentEditor.Changed())
        self.desk.tell("The text from your editor is here, not saved. ctrl+s stores it.")
        self.repaint_all()

    @contextmanager
    def _suspended(self) -> Iterator[None]:
        """The terminal is the editor's; nothing is painted meanwhile."""
        with self.app.batch_update(), self.app.suspend():
            yield
