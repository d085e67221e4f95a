"""The pages of the wizard that starts a bot: their fields, what is wrong with them, and the engine's plan in words.

Decided here: what is sent is only what differs from the document, so that a document changed later still counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polotui.api.lab_replies import StrategyDetail
from polotui.api.lab_values import ParamField, RunSpec, StrategyRow
from polotui.api.trade_replies import BotPlan
from polotui.core.text import clean
from polotui.tui.numbers import group
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.backtest.form_fields import FRAMES, Wrong, symbols_of
from polotui.tui.widgets.lab import parameters
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.paper import amounts
from polotui.tui.widgets.paper.entry_pane import Entry, EntryPane

if TYPE_CHECKING:
    pass

PAGES = ("strategy", "market and money", "parameters", "check")
FIND, MARKET, PARAMS, CHECK = range(4)


class WizardPane(EntryPane):
    """All pages; `page` says which one is shown."""

    NAME = "Start a bot"

    def __init__(self) -> None:
        super().__init__()
        self.page = FIND
        self.rows: list[StrategyRow] | None = None
        self.index = 0
        self.detail: StrategyDetail | None = None
        self.plan: BotPlan | None = None
        self.scrolled = 0
        """First line shown of a plan that is longer than its room."""
        self.waiting = ""
        self.said = ""
        """What went wrong, in the engine's words."""
        self.texts["find"] = ""

    # what was chosen

    def take(self, detail: StrategyDetail, *, fresh: bool) -> None:
        """Another document or version: its own fields start from its defaults."""
        self.detail = detail
        checked = detail.checked
        if fresh:
            self.texts |= {"symbols": ", ".join(checked.symbols), "timeframe": checked.timeframe, "capital": ""}
        self.texts["version"] = self.version_words(detail.version)
        self.texts |= {f"p.{param.name}": parameters.written(param.default) for param in checked.params}

    def fill_in(self, run: RunSpec) -> None:
        """What a backtest ran with stands in the fields."""
        if run.symbols:
            self.texts["symbols"] = ", ".join(run.symbols)
        if run.timeframe:
            self.texts["timeframe"] = run.timeframe
        for name, value in run.params.items():
            if self.param(f"p.{name}") is not None:
                self.texts[f"p.{name}"] = parameters.written(value)

    def version_words(self, version: int) -> str:
        newest = max((item.version for item in self.versions), default=version)
        return f"{version}, newest" if version == newest else str(version)

    @property
    def versions(self) -> list[Any]:
        return self.detail.versions if self.detail is not None else []

    @property
    def params(self) -> list[ParamField]:
        return self.detail.checked.params if self.detail is not None else []

    def param(self, name: str) -> ParamField | None:
        return next((param for param in self.params if f"p.{param.name}" == name), None)

    @property
    def words(self) -> dict[str, Any]:
        """What PlanBot and StartBot take: only what differs from the document."""
        assert self.detail is not None
        checked = self.detail.checked
        symbols = symbols_of(self.text("symbols"))
        values = {param.name: parameters.read(self.text(f"p.{param.name}"), param)[0] for param in self.params}
        capital = self.text("capital").strip()
        return {
            "strategy": self.detail.row.name,
            "version": self.detail.version,
            "symbols": [] if symbols == checked.symbols else symbols,
            "timeframe": "" if self.text("timeframe") == checked.timeframe else self.text("timeframe"),
            "capital": amounts.written(amounts.amount(capital)) if capital else "",
            "params": {
                param.name: value
                for param in self.params
                if (value := values[param.name]) is not None and value != param.default
            },
        }

    # the form

    def title(self, width: int) -> Line:
        line: Line = [(self.NAME, "title")]
        if width < 60:
            return [*line, (f" · {self.page + 1} of {len(PAGES)}: {PAGES[self.page]}", "accent")]
        for index, name in enumerate(PAGES):
            tone = "accent" if index == self.page else "muted" if index < self.page else "faint"
            line.append((f" · {index + 1} {name}", tone))
        return line

    def title_right(self) -> Line:
        return [("Esc goes back" if self.page else "Esc leaves", "muted")]

    def entries(self) -> list[Entry]:
        if self.page == FIND:
            return [Entry("find", "find", wide=30)]
        if self.page == MARKET:
            versions = tuple(self.version_words(item.version) for item in self.versions)
            made = [Entry("version", "version", versions, wide=24)] if len(versions) > 1 else []
            quote = self.text("symbols").rpartition("_")[2].strip().upper()[:10]
            return [
                *made,
                Entry("symbols", "symbols", wide=36),
                Entry("timeframe", "timeframe", FRAMES, wide=24),
                Entry("capital", "capital", unit=quote, wide=18),
            ]
        if self.page == PARAMS:
            return [Entry(f"p.{param.name}", clean(param.name, 24), wide=14, steps=True) for param in self.params]
        return []

    def buttons(self) -> list[tuple[str, str]]:
        if self.page == FIND:
            return []
        if self.page == CHECK:
            ready = self.plan is not None and self.plan.ok and not self.waiting
            return (
                [("back", "Back"), ("start", "y Start on paper")]
                if ready
                else [("back", "Back"), ("again", "Check again")]
            )
        return [("next", "Next"), ("back", "Back")]

    def fault(self, name: str) -> str:
        try:
            self._check(name)
        except Wrong as error:
            return str(error)
        return ""

    def _check(self, name: str) -> None:
        text = self.text(name)
        if name == "symbols":
            names = symbols_of(text)
            if not names:
                raise Wrong("at least one symbol")
            known = self.desk.store.symbols
            for symbol in names:
                if known and symbol not in known:
                    raise Wrong(f"{symbol[:20]} is not traded here")
        elif name == "capital" and text.strip():
            amounts.amount(text)
        elif (param := self.param(name)) is not None:
            wrong = parameters.read(text, param)[1]
            if wrong:
                raise Wrong(wrong)

    def hint(self, name: str) -> Line:
        if name == "capital" and not self.text(name):
            return [("empty: what the document or the settings say", "faint")]
        if name == "symbols":
            return [("commas between several", "faint")]
        param = self.param(name)
        if param is None:
            return []
        limits = [
            f"{word} {parameters.written(value)}"
            for word, value in (("from", param.least), ("to", param.most))
            if value is not None
        ]
        changed = parameters.read(self.text(name), param)[0] != param.default
        was = f"   document: {parameters.written(param.default)}" if changed else ""
        return [(" ".join(limits), "muted"), (was, "accent")]

    def stepped(self, name: str, step: int) -> str:
        param = self.param(name)
        return parameters.stepped(self.text(name), param, step) if param is not None else self.text(name)

    @property
    def LABELS(self) -> int:  # type: ignore[override]  # noqa: N802 - a constant that the parameters' names widen
        return max(10, *(min(24, len(param.name)) for param in self.params)) if self.page == PARAMS else 10

    def edited(self, name: str) -> None:
        self.said = ""
        if name == "find":
            self.index = 0

    # drawing

    def found(self) -> list[StrategyRow]:
        needle = self.text("find").strip().lower()
        rows = [row for row in self.rows or [] if not row.deleted]
        return [row for row in rows if needle in row.name.lower() or needle in row.thesis.lower()]

    def above(self, width: int) -> list[Line]:
        if self.page == FIND or self.detail is None:
            return [[]]
        row = self.detail.row
        line: Line = [(f" {clean(row.name, 40)}", "key"), (f"  {row.stage}", "muted")]
        if row.thesis:
            line.append((f"  {clean(row.thesis, 160)}", "muted"))
        return [[], line, []]

    def below(self, width: int) -> list[Line]:
        if self.page == FIND:
            return self._list(width)
        lines: list[Line] = []
        if self.said:
            lines += [[(f" {part}", "bad")] for part in wrapped(self.said, width - 2)] + [[]]
        if self.waiting:
            return [*lines, [(f" {self.waiting}", "muted")]]
        if self.page == CHECK and self.plan is not None:
            return [*lines, *plan_lines(self.plan, width)]
        if self.page == PARAMS:
            return [*lines, [(" ← → step a value, or type it", "muted")]]
        return lines

    def body(self, width: int, height: int) -> list[Line]:
        if self.page != CHECK:
            return super().body(width, height)
        # What will happen stands first, the buttons below it.
        lines = [*self.above(width), *self.below(width)]
        room = max(1, height - 3)
        self.scrolled = max(0, min(self.scrolled, len(lines) - room))
        left = len(lines) - room - self.scrolled
        lines = lines[self.scrolled : self.scrolled + room]
        if left > 0:
            lines[-1] = [(f" ↓ {left + 1} more lines", "muted")]
        self.place = max(0, min(self.place, len(self.buttons()) - 1))
        return [*lines, [], self._button_line()]

    def _list(self, width: int) -> list[Line]:
        if self.rows is None:
            return [[(f" {self.said or 'Loading the strategies …'}", "muted")]]
        found = self.found()
        if not found:
            return [[(" No strategy has this in its name or thesis.", "muted")]]
        self.index = max(0, min(self.index, len(found) - 1))
        names = max(12, min(28, max(len(row.name) for row in found)))
        room = max(3, self.rows_wanted(width) - 6)
        top = max(0, self.index - room + 1)
        lines: list[Line] = []
        for place, row in enumerate(found[top : top + room], top):
            here = place == self.index
            back = " cursor" if here else ""
            version = f"v{row.version}" if row.version else ""
            what = f"{clean(', '.join(row.symbols[:3]), 30)} {clean(row.timeframe, 6)}"
            lines.append(
                [
                    ("▸" if here else " ", f"accent{back}"),
                    (fit(clean(row.name, 40), names) + " ", back.strip()),
                    (fit(version, 5), f"muted{back}"),
                    (fit(row.stage, 12), f"{'good' if row.stage in ('paper', 'live') else 'muted'}{back}"),
                    (fit(what, 24), f"muted{back}"),
                    (fit(f" {clean(row.thesis, 160)}", max(0, width - names - 43)), f"muted{back}"),
                ]
            )
        return lines

    def rows_wanted(self, width: int) -> int:
        return 20


def plan_lines(plan: BotPlan, width: int) -> list[Line]:
    """What stands against it first, then what it will do."""
    lines: list[Line] = []
    if plan.problems:
        lines.append([(" Not yet: this must be mended first.", "bad")])
        for problem in plan.problems:
            parts = wrapped(clean(problem, 400), width - 5)
            lines += [[(" ✗ " if index == 0 else "   ", "bad"), (part, "")] for index, part in enumerate(parts)]
        lines.append([])
    for warning in plan.warnings:
        parts = wrapped(clean(warning, 400), width - 5)
        lines += [[(" ! " if index == 0 else "   ", "warn"), (part, "")] for index, part in enumerate(parts)]
    symbols = clean(", ".join(plan.symbols), 120)
    version = f" v{plan.version}" if plan.version else ""
    money = f"{group(plan.capital)} of {group(plan.capital_free)} free"
    rows = [
        ("bot", f"{clean(plan.strategy, 40)}{version} on {symbols} {clean(plan.timeframe, 6)}"),
        ("capital", money),
    ]
    lines += [[(f" {name:<9}", "muted"), (value, "key")] for name, value in rows]
    for sentence in plan.lines:
        parts = wrapped(clean(sentence, 400), width - 5)
        lines += [[(" · " if index == 0 else "   ", "muted"), (part, "")] for index, part in enumerate(parts)]
    return lines
