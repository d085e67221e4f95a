"""Trying the text that is in the editor: the preview, the examination on data, and other values of its parameters.

Decided here: the preview follows the text after a pause in typing and never asks the disk for anything: it is the text
as it stands, saved or not. An answer about an older text is dropped.
"""

from __future__ import annotations

import asyncio

from polotui.api.lab_commands import ExamineStrategy, PreviewStrategy
from polotui.api.lab_replies import Examination
from polotui.api.lab_values import StrategyPreview
from polotui.core.errors import PolotuiError
from polotui.core.text import clean, is_plain_symbol
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.view import TIMEFRAMES
from polotui.tui.widgets.lab.document_editor import DocumentEditor
from polotui.tui.widgets.lab.documents import Documents
from polotui.tui.widgets.lab.param_form import ParamForm
from polotui.tui.widgets.lab.parameters import with_default
from polotui.tui.widgets.lab.preview_chart import PreviewChart

#: Seconds after the last key.
PREVIEW_AFTER = 0.4
BARS = 300


class Trials(Documents):
    """The part of the lab's screen that runs the text without storing it."""

    # preview

    def text_changed(self) -> None:
        self.preview_soon(PREVIEW_AFTER if self.work.preview is not None else 0.0)

    def preview_soon(self, after: float, params: dict[str, float] | None = None) -> None:
        self.run_worker(self._preview(after, params or {}), group="lab-preview", exclusive=True, exit_on_error=True)

    async def _preview(self, after: float, params: dict[str, float]) -> None:
        work, document = self.work, self.work.document
        if document is None:
            return
        chart = self.query_one(PreviewChart)
        if work.preview is None:
            chart.take(None)
        await asyncio.sleep(after)
        work.previewing = True
        chart.repaint()
        revision = work.revision
        command = PreviewStrategy(
            text=document.buffer.text, form=document.form, symbol=work.symbol, timeframe=work.timeframe, bars=BARS,
            params=params,
        )  # fmt: skip
        try:
            reply: StrategyPreview = await self.desk.session.call(command)
        except PolotuiError as error:
            if document is work.document:
                work.preview_fault = error.record().sentence()
        else:
            if document is work.document and work.revision == revision:
                work.preview, work.preview_revision, work.preview_fault = reply, revision, ""
                chart.take(reply)
        finally:
            work.previewing = False
            chart.repaint()

    def action_timeframe(self, step: int) -> None:
        checked = self.work.checked
        here = self.work.timeframe or (checked.timeframe if checked is not None else "") or "1h"
        place = (TIMEFRAMES.index(here) if here in TIMEFRAMES else TIMEFRAMES.index("1h")) + step
        if self.work.document is not None and 0 <= place < len(TIMEFRAMES):
            self.work.timeframe = TIMEFRAMES[place]
            self.preview_soon(0.0)

    def action_instrument(self) -> None:
        if self.work.document is None:
            self.desk.tell("Nothing is open. Enter on a strategy opens it.")
            return
        own = self.work.checked.symbols if self.work.checked is not None else []
        others = sorted(symbol for symbol in self.desk.store.symbols if symbol not in own)
        choices = [Choice(symbol, symbol, "in the document") for symbol in own if is_plain_symbol(symbol)]
        choices += [Choice(symbol, symbol) for symbol in others if is_plain_symbol(symbol)]

        def show(symbol: str | None) -> None:
            if symbol:
                self.work.symbol = symbol
                self.preview_soon(0.0)

        self.desk.push_screen(Picker("Symbol of the preview", choices), show)

    # checks on data

    def action_examine(self) -> None:
        document = self.work.document
        if document is None:
            self.desk.tell("Nothing is open. Enter on a strategy opens it.")
        elif not self.work.examining:
            self.work.examining, self.work.examine_fault = True, ""
            self.repaint_all()
            self.run_worker(self._examine(), group="lab-examine", exit_on_error=True)

    async def _examine(self) -> None:
        work, document = self.work, self.work.document
        assert document is not None
        revision = work.revision
        try:
            command = ExamineStrategy(text=document.buffer.text, symbol=work.symbol)
            reply: Examination = await self.desk.session.call(command)
        except PolotuiError as error:
            if document is work.document:
                work.examination, work.examine_fault = None, error.record().sentence()
        else:
            if document is work.document:
                work.examination, work.examined_revision = reply, revision
        finally:
            work.examining = False
            self.repaint_all()

    # parameters

    def action_form(self) -> None:
        document, checked = self.work.document, self.work.checked
        if document is None:
            self.desk.tell("Nothing is open. Enter on a strategy opens it.")
            return
        if checked is None or (not checked.ok and not checked.params):
            self.desk.tell("The text cannot be read yet, so its parameters are not known. Mend what the checks name.")
            return
        if not checked.params:
            self.desk.tell("This document declares no parameters. Write them under params:.")
            return

        def taken(values: dict[str, float] | None) -> None:
            if values and document is self.work.document:
                self._take_values(values)
            else:
                self.preview_soon(0.0)

        follow = ParamForm(document.name, checked.params, lambda values: self.preview_soon(0.2, values))
        self.desk.push_screen(follow, taken)

    def _take_values(self, values: dict[str, float]) -> None:
        document = self.work.document
        assert document is not None
        text, lost = document.buffer.text, []
        for name, value in values.items():
            changed = with_default(text, document.form, name, value)
            if changed is None:
                lost.append(clean(name, 30))
            text = text if changed is None else changed
        document.buffer.replace_all(text)
        self.editor.post_message(DocumentEditor.Changed())
        self.repaint_all()
        if lost:
            self.desk.tell(f"The default of {', '.join(lost)} was not found in the text: change it there.", "warning")
