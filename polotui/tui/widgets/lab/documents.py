"""What one does with the open document: open, check while typing, complete, save, go back to older versions.

Decided here: a question to the engine waits for a pause in typing, and an answer about an older text is dropped.
Opening another document never asks: unsaved text is kept as a draft and is back when its document is opened again.
"""

from __future__ import annotations

import asyncio

from polotui.api.lab_commands import CheckStrategy, CompleteStrategy, GetStrategy, SaveStrategy
from polotui.api.lab_replies import CheckedStrategy, Completions, StrategyDetail, StrategySaved
from polotui.core.errors import PolotuiError, StorageError
from polotui.core.text import clean
from polotui.tui.numbers import moment
from polotui.tui.shell.dialogs import Question
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.lab.buffer import TextBuffer
from polotui.tui.widgets.lab.document_editor import DocumentEditor
from polotui.tui.widgets.lab.drafts import Draft, Drafts
from polotui.tui.widgets.lab.library import Library
from polotui.tui.widgets.lab.version_reading import VersionReading
from polotui.tui.widgets.lab.work import OpenDocument

#: Seconds after the last key.
CHECK_AFTER = 0.15
COMPLETE_AFTER = 0.1
KEEP_AFTER = 2.0
#: The code of the error that says a newer version exists than the one that was edited.
CONFLICT = "version-conflict"


class Documents(Library):
    """The part of the lab's screen that reads and writes documents."""

    drafts: Drafts

    @property
    def editor(self) -> DocumentEditor:
        return self.query_one(DocumentEditor)

    def text_changed(self) -> None:
        """The preview and whatever else follows the text."""
        raise NotImplementedError

    # opening

    def open_strategy(self, name: str, *, template: bool, typing: bool = False) -> None:
        document = self.work.document
        if document is not None and (document.name, document.is_template) == (name, template):
            self._arrive(typing=typing)
            return
        self.run_worker(
            self._open(name, template=template, typing=typing), group="lab-open", exclusive=True, exit_on_error=True
        )

    async def _open(self, name: str, *, template: bool, typing: bool) -> None:
        try:
            detail: StrategyDetail = await self.desk.session.call(GetStrategy(name=name))
        except PolotuiError as error:
            self.desk.tell_error(error)
            return
        self.keep_draft()
        row = detail.row
        stored = row.stage != "template"
        document = OpenDocument(
            row.name, row.stage, detail.version if stored else 0, detail.form, detail.text, TextBuffer(detail.text),
            list(detail.versions),
        )  # fmt: skip
        self.work.open(document, detail.checked)
        self.desk.view.strategy = document.name if stored else ""
        self._bring_back(document)
        self._arrive(typing=typing)
        self.text_changed()

    def _bring_back(self, document: OpenDocument) -> None:
        try:
            draft = self.drafts.read(document.key)
        except StorageError as error:
            self.desk.tell_error(error)
            return
        if draft is None or draft.text == document.stored:
            return
        document.buffer.replace_all(draft.text)
        document.version = draft.version
        self.desk.tell(f"The unsaved text of {moment(draft.at_ms)} is back. r throws it away, ctrl+s saves it.")
        self.check_soon()

    def _arrive(self, *, typing: bool) -> None:
        self.focus_on(self.editor)
        if typing:
            self.call_after_refresh(self.editor.begin)
        self.repaint_all()

    # checking and completing

    def on_document_editor_changed(self, event: DocumentEditor.Changed) -> None:
        event.stop()
        self.check_soon()
        self.keep_soon()
        self.text_changed()

    def check_soon(self) -> None:
        self.run_worker(self._check(), group="lab-check", exclusive=True, exit_on_error=True)

    async def _check(self) -> None:
        await asyncio.sleep(CHECK_AFTER)
        work, document = self.work, self.work.document
        if document is None:
            return
        revision = work.revision
        try:
            reply: CheckedStrategy = await self.desk.session.call(
                CheckStrategy(text=document.buffer.text, form=document.form)
            )
        except PolotuiError as error:
            if document is work.document:
                work.check_fault = error.record().sentence()
                self.repaint_all()
            return
        if document is work.document and work.revision == revision:
            work.checked, work.checked_revision, work.check_fault = reply, revision, ""
            self.repaint_all()

    def on_document_editor_completing(self, event: DocumentEditor.Completing) -> None:
        event.stop()
        self.run_worker(self._complete(asked=event.asked), group="lab-complete", exclusive=True, exit_on_error=True)

    async def _complete(self, *, asked: bool) -> None:
        if not asked:
            await asyncio.sleep(COMPLETE_AFTER)
        document = self.work.document
        if document is None:
            return
        buffer = document.buffer
        row, column = buffer.place
        command = CompleteStrategy(text=buffer.text, line=row + 1, column=column + 1)
        try:
            reply: Completions = await self.desk.session.call(command)
        except PolotuiError as error:
            if asked:
                self.desk.tell_error(error)
            return
        if document is not self.work.document or not self.editor.typing or buffer.row != row:
            return
        self.editor.offer(reply.completions, row, column)
        if asked and not self.editor.offered():
            self.desk.tell("Nothing fits here.")

    # saving

    def action_save(self) -> None:
        self.save()

    def save(self, *, anyway: bool = False) -> None:
        document = self.work.document
        if document is None:
            self.desk.tell("Nothing is open. Enter on a strategy opens it.")
        elif self.desk.may_change() and not document.saving:
            # Set at once: a second key must not send the same version twice.
            document.saving = True
            self.run_worker(self._save(document, anyway=anyway), group="lab-save", exit_on_error=True)

    async def _save(self, document: OpenDocument, *, anyway: bool) -> bool:
        text = document.buffer.text
        named = self.work.checked.name if self.work.checked is not None else ""
        renamed = bool(named) and named != document.name
        # A draft that cannot be read yet has no name of its own: it stays with the strategy it was opened from.
        name = "" if named or document.is_template else document.name
        after = -1 if anyway else 0 if renamed or document.is_template else document.version
        command = SaveStrategy(text=text, form=document.form, name=name, after_version=after)
        try:
            reply: StrategySaved = await self.desk.session.call(command)
        except PolotuiError as error:
            if error.record().code == CONFLICT and not anyway:
                self._conflict(document, error)
            else:
                self.desk.tell_error(error)
            return False
        finally:
            document.saving = False
        self._saved(document, text, reply)
        return True

    def _conflict(self, document: OpenDocument, error: PolotuiError) -> None:
        mine = f"You edited v{document.version}." if document.version else "This text is not made from it."
        words = f"{clean(error.cause, 200)} {mine} Nothing was saved; your text stays here."
        answers = [("s", "save it as the newest anyway"), ("v", "look at the versions"), ("n", "not now")]

        def answered(answer: str | None) -> None:
            if answer == "s":
                self.save(anyway=True)
            elif answer == "v":
                self.action_versions()

        self.desk.push_screen(Question("A newer version exists", words, answers, "n"), answered)

    def _saved(self, document: OpenDocument, text: str, reply: StrategySaved) -> None:
        self._forget_draft(document.key)
        faults = sum(1 for one in reply.diagnostics if one.severity == "error")
        name = clean(reply.name, 60)
        if reply.unchanged:
            self.desk.tell(f"{name} is stored just so as v{reply.version}; no version was made.")
        elif faults:
            self.desk.tell(f"{name} v{reply.version} is stored with its {faults} errors. It cannot run so.", "warning")
        else:
            self.desk.tell(f"{name} v{reply.version} is stored.")
        same = document.name == reply.name and not document.is_template
        document.name, document.version, document.stored = reply.name, reply.version, text
        if not same or not reply.unchanged:
            document.stage = "draft"
        self.desk.view.strategy = reply.name
        if document is self.work.document:
            # What was typed while the answer was on its way.
            self.keep_draft()
        self._listed = -1
        self.ensure_list()
        self.repaint_all()

    # older versions

    def action_versions(self) -> None:
        document = self.work.document
        if document is None or document.is_template:
            self.desk.tell("There are no versions yet: ctrl+s stores the first.")
            return
        self.desk.ask(GetStrategy(name=document.name), lambda reply: self._versions(document, reply))

    def _versions(self, document: OpenDocument, reply: StrategyDetail) -> None:
        document.versions = list(reply.versions)
        choices = [
            Choice(
                str(one.version),
                f"v{one.version}",
                f"{moment(one.created_ms)}{' · here' if one.version == document.version else ''}"
                f"{f' · {clean(one.note, 120)}' if one.note else ''}",
            )
            for one in document.versions
        ]

        def fetch(version: str | None) -> None:
            if version:
                command = GetStrategy(name=document.name, version=int(version))
                self.desk.ask(command, lambda detail: self._read_version(document, detail))

        self.desk.push_screen(Picker(f"Versions of {clean(document.name, 40)}", choices), fetch)

    def _read_version(self, document: OpenDocument, detail: StrategyDetail) -> None:
        title = f"{clean(document.name, 40)} v{detail.version}"

        def restore(wanted: bool | None) -> None:
            if wanted and document is self.work.document:
                document.buffer.replace_all(detail.text)
                self.editor.post_message(DocumentEditor.Changed())
                self.desk.tell(f"The text of v{detail.version} is in the editor, not saved. ctrl+s stores it.")
                self.repaint_all()

        self.desk.push_screen(VersionReading(title, document.buffer.text, detail.text), restore)

    # unsaved text

    def action_revert(self) -> None:
        document = self.work.document
        if document is None or not document.unsaved:
            self.desk.tell("There is no unsaved text.")
            return

        def answered(answer: str | None) -> None:
            if answer == "y" and document is self.work.document:
                self._forget_draft(document.key)
                # Its newest version may be newer than the one the text was typed upon.
                self.work.document = None
                self.open_strategy(document.name, template=document.is_template)

        words = f"Throw away what was typed since v{document.version}?" if document.version else "Throw it away?"
        self.desk.push_screen(
            Question(clean(document.name, 40), words, [("y", "throw it away"), ("n", "keep it")], "n"), answered
        )

    def keep_soon(self) -> None:
        self.run_worker(self._keep_later(), group="lab-keep", exclusive=True, exit_on_error=True)

    async def _keep_later(self) -> None:
        await asyncio.sleep(KEEP_AFTER)
        self.keep_draft()

    def keep_draft(self) -> str:
        """Writes unsaved text to disk; what to say of it, empty when there is none."""
        document = self.work.document
        if document is None:
            return ""
        if not document.unsaved:
            self._forget_draft(document.key)
            return ""
        draft = Draft(
            key=document.key, version=document.version, form=document.form, text=document.buffer.text,
            at_ms=self.desk.clock.wall_ms(),
        )  # fmt: skip
        try:
            self.drafts.keep(draft)
        except PolotuiError as error:
            self.desk.tell_error(error)
            return ""
        if not self.drafts.kept:
            return ""
        self.work.drafts.add(document.key)
        return f"The unsaved text of {clean(document.name, 60)} is kept: opening it in the Lab brings it back."

    def _forget_draft(self, key: str) -> None:
        self.work.drafts.discard(key)
        try:
            self.drafts.forget(key)
        except StorageError as error:
            self.desk.tell_error(error)
