"""The sweep form: axes from the document's parameters, method, objective, hold-out. The rest is the run form's."""

from __future__ import annotations

from polotui.tui.widgets.backtest.form_fields import Field
from polotui.tui.widgets.backtest.form_pane import FormPane
from polotui.tui.widgets.backtest.sweep_fields import FIXED, SweepFields
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.sparkline import bar


class SweepForm(FormPane):
    """In the place of the run form; f brings that one back."""

    NAME = "Sweep"
    ABOUT = (
        "Searches the parameters of the run form's strategy. An axis is two ends and a step, «5 … 50 step 5»; left and "
        "right switch it between its range and fixed. Trials 0 is the whole grid; the hold-out is kept from the search."
    )

    TOPICS = FormPane.TOPICS | {"sweeps"}
    HEAD = 2

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._fields = SweepFields()

    @property
    def form(self) -> SweepFields:
        """The fields, with the parameters of the document that is known now."""
        detail = self.bench.strategy
        if detail is not None:
            self._fields.take(detail.checked.params)
        return self._fields

    def body(self, width: int, height: int) -> list[Line]:
        if self.bench.strategy is None:
            return [[(" The strategy is loading …", "muted")]]
        head: Line = [(f" {fit(self.backtest.run_words(), width - 1)}", "key")]
        return [head, [(" f goes back to the run form", "muted")], *super().body(width, max(1, height - 2))]

    @property
    def locked(self) -> bool:
        return self.backtest.sweeping.starting or self.backtest.sweeping.running

    def fields(self) -> list[Field]:
        return self.form.fields()

    def value(self, name: str) -> str:
        return self.form.text(name)

    def put(self, name: str, text: str) -> None:
        self.form.put(name, text)

    def forget(self, name: str) -> None:
        self.form.texts.pop(name, None)

    def is_default(self, name: str) -> bool:
        return name not in self.form.texts

    def fault(self, name: str) -> str:
        return self.form.fault(name)

    def action_step(self, step: int) -> None:
        item = self.current()
        if item is not None and item.kind == "axis" and not self.locked:
            fixed = self.form.text(item.name).strip().lower() == FIXED
            self.form.put(item.name, self.form.range_of(item.name) if fixed else FIXED)
            self.repaint()
        else:
            super().action_step(step)

    def submit(self, *, again: bool = False) -> None:
        if self.locked:
            return
        run = self.backtest.run_spec()
        if run is None:
            self.desk.tell("Nothing was started: a field of the run form is wrong. f shows it.", "warning")
            return
        spec = self.form.spec(run)
        if spec is not None:
            self.backtest.sweeping.start(spec)
            return
        faults = self.form.faults()
        words = next(iter(faults.values()), "choose at least one axis: left or right on a parameter")
        if faults:
            self.place = next(index for index, item in enumerate(self.fields()) if item.name in faults)
        self.desk.tell(f"Nothing was started: {words}.", "warning")
        self.repaint()

    def last_lines(self, width: int) -> list[Line]:
        sweeping = self.backtest.sweeping
        if self.locked:
            detail = sweeping.detail
            done = detail.done / max(1, detail.total) if detail is not None and not sweeping.starting else 0.0
            words = "Starting …" if sweeping.starting else f"Running… {done * 100:.0f} %"
            return [
                [(f"  {words}", "accent")],
                [("  ▕", "faint"), (bar(done, max(4, width - 6)), "accent"), ("▏", "faint")],
            ]
        chosen = self.has_focus and self.place >= len(self.fields())
        wrong = len(self.form.faults())
        back = " cursor" if chosen else ""
        told = f"{wrong} field{'s' if wrong > 1 else ''} to mend" if wrong else self.form.size_words()
        mark = ("▸", f"accent{back}") if chosen else (" ", "")
        button: Line = [mark, ("[ Sweep ]", f"{'muted' if wrong else 'accent'}{back}")]
        return [
            [("─" * width, "border")],
            [*button, (fit(f"  {told}", width - 10), f"{'warn' if wrong else 'muted'}{back}")],
        ]
