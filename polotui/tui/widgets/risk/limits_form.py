"""Changing limits: a preset or single fields, and beside them what would change."""

from __future__ import annotations

from polotui.api.risk_commands import PreviewLimits
from polotui.api.trade_replies import LimitsPreview
from polotui.api.trade_values import LimitField
from polotui.core.text import clean
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.shell.entries import Entries, Entry
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.risk.base import RiskPane
from polotui.tui.widgets.risk.forms import Field, RiskForm, plain, wrong_number
from polotui.tui.widgets.risk.limits import change_line, countdown

#: How the engine names the unit of a limit that is a switch.
SWITCH = "on/off"
#: Shorter ones say nothing to whoever reads the audit, and the engine refuses them.
LEAST_REASON = 4
_PRESET_HINTS = {
    "conservative": "small positions, early stops",
    "moderate": "the middle way, and the default",
    "aggressive": "large positions, late stops",
    "custom": "field by field",
}


class LimitsForm(RiskForm):
    """Preset and fields. What is typed here is only a wish until the dialog has been answered."""

    NAME = "Change limits"
    ABOUT = (
        "A preset, or single limits. The pane below lists what would change before anything does. What only tightens "
        "counts at once; what loosens after a delay, with a reason, and it is audited. Delete puts a field back."
    )
    LABELS = 28
    BUTTON = "Apply"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.preset = ""
        """Chosen here; empty: the one in force."""
        self.preview: LimitsPreview | None = None

    def title(self, width: int) -> Line:
        limits = self.work.limits
        line: Line = [(self.NAME, "title")]
        if limits is not None:
            line.append((f" · {clean(self.preset or limits.preset, 30)}", "accent" if self.preset else "muted"))
        return line

    def title_right(self) -> Line:
        return [("r", "key"), (" preset", "muted")]

    def limit_fields(self) -> list[LimitField]:
        return self.work.limits.fields if self.work.limits is not None else []

    def fields(self) -> list[Field]:
        made: list[Field] = []
        last = ""
        for field in self.limit_fields():
            if field.group != last:
                made.append(Field(f"head {field.group}", clean(field.group, 30), "head"))
                last = field.group
            if field.unit == SWITCH:
                made.append(Field(field.name, clean(field.title, 30), "choice", ("off", "on")))
            else:
                made.append(Field(field.name, clean(field.title, 30), unit=clean(field.unit, 8)))
        return made

    def body(self, width: int, height: int) -> list[Line]:
        if self.work.limits is None:
            words = self.work.waiting("limits", "Loading the limits …")
            return [[], *([(f" {part}", "muted")] for part in wrapped(words, width - 2))]
        lines = super().body(width, height)
        item = self.current()
        field = self._field_of(item.name) if item is not None else None
        if self.has_focus and field is not None:
            # What the limit does stands on the line above the button.
            span = f"{field.low} … {field.high} {field.unit}".strip() if field.low or field.high else ""
            told = " · ".join(part for part in (clean(field.help, 120), clean(span, 40)) if part)
            lines[-2] = [("─ ", "border"), (f"{told} "[: width - 3], "muted"), ("─" * width, "border")]
        return lines

    def nearest(self, row: str) -> int:
        """The place of the field that a row of the limits belongs to: a row «drawdown» has two fields."""
        wanted = set(row.lower().replace("-", "_").split("_"))

        def likeness(item: Field) -> float:
            words = set(item.name.lower().replace("-", "_").split("_"))
            return 0.0 if item.kind == "head" else len(wanted & words) / len(wanted | words)

        fields = self.fields()
        best = max(range(len(fields)), key=lambda index: likeness(fields[index]), default=0)
        return best if fields and likeness(fields[best]) else self.place

    def _field_of(self, name: str) -> LimitField | None:
        return next((field for field in self.limit_fields() if field.name == name), None)

    def default(self, name: str) -> str:
        """The limit in force, or what the chosen preset makes of it."""
        field = self._field_of(name)
        if field is None:
            return ""
        if self.preset and self.preview is not None:
            change = next((one for one in self.preview.changes if one.name == name), None)
            if change is not None and name not in self.texts:
                return change.new.removesuffix(field.unit).strip()
        return field.value

    def is_default(self, name: str) -> bool:
        field = self._field_of(name)
        return field is None or self.value(name) == field.value

    def put(self, name: str, text: str) -> None:
        field = self._field_of(name)
        if field is not None and text == field.value and not self.preset:
            self.texts.pop(name, None)
        else:
            self.texts[name] = text
        self.changed()

    def fault(self, name: str) -> str:
        field = self._field_of(name)
        if field is None:
            return ""
        if name in self.texts and field.unit != SWITCH:
            low, high = _bound(field.low), _bound(field.high)
            words = wrong_number(self.texts[name], least=low, most=high)
            if words:
                return words
        return self.preview.errors.get(name, "") if self.preview is not None else ""

    def choose_preset(self) -> None:
        limits = self.work.limits
        if limits is None:
            self.desk.tell(self.work.waiting("limits", "The limits are still loading."), "warning")
            return
        choices = [
            Choice(name, clean(name, 30), "in force" if name == limits.preset else _PRESET_HINTS.get(name, ""))
            for name in limits.presets
        ]

        def taken(name: str | None) -> None:
            if name:
                self.preset = "" if name in (limits.preset, "custom") else name
                self.texts.clear()
                self.changed()

        self.desk.push_screen(Picker("Preset: shows what would change, applies nothing", choices), taken)

    @property
    def wished(self) -> dict[str, str]:
        return {name: plain(text) for name, text in self.texts.items()}

    def changed(self) -> None:
        if not self.preset and not self.texts:
            self.preview = None
            self.work.void("preview")
            self.work.changed()
            return
        self.work.ask("preview", PreviewLimits(preset=self.preset, changes=self.wished), self._previewed, quiet=True)
        self.work.changed()

    def _previewed(self, reply: LimitsPreview) -> None:
        self.preview = reply

    def button(self) -> tuple[str, str]:
        if self.desk.read_only:
            return self.BUTTON, "read-only"
        count = len(self.preview.changes) if self.preview is not None else 0
        return self.BUTTON, f"{count} change{'s' if count != 1 else ''}" if count else "nothing is changed yet"

    def submit(self) -> None:
        preview = self.preview
        if not self.desk.may_change() or self.go_to_fault():
            return
        if preview is None or not preview.changes:
            self.desk.tell("Nothing is changed yet. r chooses a preset, Enter on a field changes it.")
            return
        changes, preset, wished = preview.changes, self.preset, self.wished
        sentence = "It only tightens and counts at once."
        if preview.loosens:
            sentence = (
                f"This loosens limits: it comes into force in {countdown(round(preview.delay_s * 1000))}, and until "
                "then u takes it back. It is audited with its reason."
            )
        # The sentence first: a low terminal cuts the end of a long list.
        words: list[Line | str] = [sentence, [], *(change_line(change) for change in changes)]
        reason = Entry(
            "reason",
            "reason",
            hint="for the audit" if preview.loosens else "may stay empty",
            check=_reason if preview.loosens else None,
        )

        def answered(texts: dict[str, str] | None) -> None:
            if texts is not None:
                self.work.set(preset, wished, texts["reason"].strip(), self._applied)

        self.desk.push_screen(Entries("Apply these limits", words, [reason], "applies them"), answered)

    def _applied(self) -> None:
        """The wish is fulfilled; one that was refused stays as it was typed."""
        self.preset, self.preview = "", None
        self.texts.clear()

    def escape(self) -> bool:
        """The form as it was, before Esc leaves it."""
        if self.preset or self.texts:
            self.preset = ""
            self.texts.clear()
            self.changed()
            return True
        return False


class DiffPane(RiskPane):
    """What applying would change."""

    NAME = "What would change"
    ABOUT = "The limits that would be others, with what loosens marked. Nothing of it holds before Apply is answered."
    TOPICS = frozenset({"riskwork", "link", "second"})

    def _form(self) -> LimitsForm:
        return self.risk_screen.query_one(LimitsForm)

    def title(self, width: int) -> Line:
        preview = self._form().preview
        line: Line = [(self.NAME, "title")]
        if preview is not None:
            loose = sum(1 for change in preview.changes if change.loosens)
            tight = len(preview.changes) - loose
            line += [(f" · {tight} tighter", "good" if tight else "muted")]
            line += [(f" · {loose} looser", "warn" if loose else "muted")]
        return line

    def body(self, width: int, height: int) -> list[Line]:
        preview = self._form().preview
        if preview is None:
            fault = self.work.faults.get("preview")
            words = clean(fault, 300) if fault else "Nothing is changed yet. r chooses a preset, Enter a single limit."
            return [[], *([(f" {part}", "muted")] for part in wrapped(words, width - 2))]
        foot: list[Line] = []
        if preview.errors:
            titles = {field.name: field.title for field in self._form().limit_fields()}
            foot = [
                [(f" ! {_named(clean(titles.get(name, name), 40), clean(words, 160))}", "warn")]
                for name, words in list(preview.errors.items())[:2]
            ]
        elif preview.loosens:
            delay = countdown(round(preview.delay_s * 1000))
            foot = [[(f" loosens: counts only after {delay}, with a reason", "warn")]]
        elif preview.changes:
            foot = [[(" only tightens: counts at once", "good")]]
        if not preview.changes and not preview.errors:
            return [[], [(" It is what is in force already.", "muted")]]
        # What loosens is what one must see; a low pane shows it first.
        changes = sorted(preview.changes, key=lambda change: not change.loosens)
        lines = [change_line(change) for change in changes]
        room = height - len(foot)
        if len(lines) > room:
            lines = [*lines[: room - 1], [(f" … and {len(lines) - room + 1} more", "muted")]]
        return lines + foot

    def export(self) -> Exported | None:
        preview = self._form().preview
        if preview is None:
            return None
        rows = [[one.name, one.old, one.new, "looser" if one.loosens else "tighter"] for one in preview.changes]
        return Exported("limits preview", ["limit", "old", "new", "direction"], rows)


def _reason(text: str) -> str:
    return "" if len(text.strip()) >= LEAST_REASON else "needed: a few words"


def _named(title: str, words: str) -> str:
    return words if words.lower().startswith(title.lower()) else f"{title}: {words}"


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
