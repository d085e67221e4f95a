"""The run form: what to test, on what, with which costs; locked while its job runs."""

from __future__ import annotations

from polotui.api.lab_values import RunSpec
from polotui.core.text import clean
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.backtest.base import strategy_words
from polotui.tui.widgets.backtest.form_fields import Field, RunFields
from polotui.tui.widgets.backtest.form_pane import FormPane
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.sparkline import bar


class RunForm(FormPane):
    """Left top of the screen."""

    NAME = "Run"
    ABOUT = (
        "What a backtest runs on. Enter changes a field, left and right step a choice, Delete puts it back as it was. "
        "Below the policy stand the parameters that the strategy's document declares."
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._fields = RunFields()

    @property
    def form(self) -> RunFields:
        """The fields, with the document and the symbols that are known now, painted or not."""
        self._fields.take(self.bench.strategy)
        if len(self._fields.known) != len(self.desk.store.symbols):
            self._fields.known = frozenset(self.desk.store.symbols)
        return self._fields

    def spec(self) -> RunSpec | None:
        """The run, or None while a field is wrong or the strategy is on its way."""
        return self.form.spec(self.desk.clock.wall_ms()) if self.bench.strategy is not None else None

    @property
    def locked(self) -> bool:
        return self.bench.locked

    def fields(self) -> list[Field]:
        return self.form.fields()

    def value(self, name: str) -> str:
        if name == "strategy":
            detail = self.bench.strategy
            if detail is None:
                return self.bench.strategy_wanted or ("loading …" if self.bench.strategies is None else "none stored")
            return strategy_words(detail.row.name, detail.version)
        return self.form.text(name)

    def put(self, name: str, text: str) -> None:
        self.form.put(name, text)

    def forget(self, name: str) -> None:
        self.form.texts.pop(name, None)

    def is_default(self, name: str) -> bool:
        return name not in self.form.texts

    def fault(self, name: str) -> str:
        if name == "strategy" and self.bench.strategy_fault:
            return self.bench.strategy_fault
        return self.form.fault(name, self.desk.clock.wall_ms())

    def pick(self, name: str) -> None:
        rows = self.bench.strategies or []
        if not rows:
            self.desk.tell("No strategy is stored yet. 3 opens the Lab, where a makes one from a template.")
            return
        choices = [
            Choice(row.name, clean(row.name, 40), f"{row.stage}{f' v{row.version}' if row.version else ''}")
            for row in rows
        ]

        def taken(chosen: str | None) -> None:
            if chosen:
                self.desk.view.strategy = chosen
                self.bench.choose(chosen)

        self.desk.push_screen(Picker("Strategy", choices), taken)

    def submit(self, *, again: bool = False) -> None:
        if self.locked:
            return
        now = self.desk.clock.wall_ms()
        spec = self.spec()
        if spec is not None:
            self.bench.start(spec, again=again)
            return
        faults = self.form.faults(now)
        if not faults:
            words = self.bench.strategy_fault or "The strategy is still loading; nothing was started."
            self.desk.tell(words, "warning")
            return
        first = next(index for index, item in enumerate(self.fields()) if item.name in faults)
        self.place = first
        self.desk.tell(f"Nothing was started. {self.fields()[first].title}: {next(iter(faults.values()))}.", "warning")
        self.repaint()

    def last_lines(self, width: int) -> list[Line]:
        state = self.bench.job_state
        if self.bench.locked:
            done = state.done if state is not None else 0.0
            words = "Starting …" if self.bench.starting else f"Running… {done * 100:.0f} %"
            size = max(4, width - 4)
            return [[(f"  {words}", "accent")], [("  ▕", "faint"), (bar(done, size - 2), "accent"), ("▏", "faint")]]
        chosen = self.has_focus and self.place >= len(self.fields())
        wrong = len(self.form.faults(self.desk.clock.wall_ms()))
        back = " cursor" if chosen else ""
        told = f"{wrong} field{'s' if wrong > 1 else ''} to mend" if wrong else "Enter or r"
        if self.desk.read_only:
            told = "read-only"
        mark = ("▸", f"accent{back}") if chosen else (" ", "")
        button: Line = [mark, ("[ Run ]", f"{'muted' if wrong else 'accent'}{back}")]
        return [
            [("─" * width, "border")],
            [*button, (fit(f"  {told}", width - 8), f"{'warn' if wrong else 'muted'}{back}")],
        ]
