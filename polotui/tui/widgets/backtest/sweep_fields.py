"""The sweep form without a screen: which parameters are searched over which values, how, and for what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from polotui.api.lab_values import ParamField, RunSpec, SweepAxis, SweepSpec
from polotui.tui.widgets.backtest.base import number_words
from polotui.tui.widgets.backtest.form_fields import Field, Wrong, number

METHODS = ("grid", "random", "optuna")
OBJECTIVES = ("sharpe", "total_return", "sortino", "calmar", "profit_factor", "max_drawdown")
FIXED = "fixed"
#: Axes that are searched until the person says otherwise.
_FIRST = 2
_NUMBER = re.compile(r"(?:(?<![\d.])[-−])?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def axis_words(least: float, most: float, step: float) -> str:
    return f"{number_words(least)} … {number_words(most)} step {number_words(step)}"


def axis_of(param: ParamField, text: str) -> SweepAxis | None:
    """«5 … 50 step 5», «5 50 5», or None for «fixed». Raises Wrong."""
    if text.strip().lower() in ("", FIXED):
        return None
    numbers = [number(part) for part in _NUMBER.findall(text)]
    if len(numbers) not in (2, 3):
        raise Wrong("two ends and a step, such as 5 … 50 step 5")
    least, most = numbers[0], numbers[1]
    step = numbers[2] if len(numbers) == 3 else param.step or (most - least) / 10
    if least >= most:
        raise Wrong("the second end must be above the first")
    if step <= 0:
        raise Wrong("a step above zero")
    if param.least is not None and least < param.least:
        raise Wrong(f"the document allows at least {number_words(param.least)}")
    if param.most is not None and most > param.most:
        raise Wrong(f"the document allows at most {number_words(param.most)}")
    if param.whole and any(value != int(value) for value in (least, most, step)):
        raise Wrong("whole numbers")
    return SweepAxis(name=param.name, least=least, most=most, step=step)


def count_of(axis: SweepAxis) -> int:
    """Values on an axis, both ends included."""
    return int((axis.most - axis.least) / axis.step + 1e-9) + 1


@dataclass
class SweepFields:
    """What the sweep form holds; the run it varies comes from the run form."""

    params: list[ParamField] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    DEFAULTS = {  # noqa: RUF012 - a constant of the form
        "method": "grid",
        "trials": "0",
        "objective": "sharpe",
        "holdout": "30",
    }

    def take(self, params: list[ParamField]) -> None:
        """Another document: its parameters, and no text of the old one's."""
        if params != self.params:
            self.texts = {name: text for name, text in self.texts.items() if not name.startswith("a.")}
            self.params = params

    def fields(self) -> list[Field]:
        axes = [Field(f"a.{param.name}", param.name, "axis") for param in self.params]
        return [
            *axes,
            Field("method", "method", "choice", METHODS),
            Field("trials", "trials"),
            Field("objective", "objective", "choice", OBJECTIVES),
            Field("holdout", "hold-out", unit="%"),
        ]

    def range_of(self, name: str) -> str:
        """What the document declares for an axis; «fixed» when it declares no range."""
        param = self._param(name)
        if param.least is None or param.most is None:
            return FIXED
        return axis_words(param.least, param.most, param.step or (param.most - param.least) / 10)

    def _param(self, name: str) -> ParamField:
        return next(param for param in self.params if f"a.{param.name}" == name)

    def default(self, name: str) -> str:
        if not name.startswith("a."):
            return self.DEFAULTS.get(name, "")
        ranged = [f"a.{param.name}" for param in self.params if param.least is not None and param.most is not None]
        return self.range_of(name) if name in ranged[:_FIRST] else FIXED

    def text(self, name: str) -> str:
        return self.texts.get(name, self.default(name))

    def put(self, name: str, text: str) -> None:
        if text == self.default(name):
            self.texts.pop(name, None)
        else:
            self.texts[name] = text

    def fault(self, name: str) -> str:
        try:
            if name.startswith("a."):
                axis_of(self._param(name), self.text(name))
            elif name == "trials":
                number(self.text(name), least=0, most=1_000_000, whole=True)
            elif name == "holdout":
                number(self.text(name), least=0, most=80)
        except Wrong as error:
            return str(error)
        return ""

    def faults(self) -> dict[str, str]:
        return {item.name: fault for item in self.fields() if (fault := self.fault(item.name))}

    def axes(self) -> list[SweepAxis]:
        """Sound axes that are searched."""
        found = [
            axis_of(param, self.text(f"a.{param.name}")) for param in self.params if not self.fault(f"a.{param.name}")
        ]
        return [axis for axis in found if axis is not None]

    def size_words(self) -> str:
        """«10 × 10 = 100 runs»."""
        counts = [count_of(axis) for axis in self.axes()]
        if not counts:
            return "no axis yet"
        total = 1
        for count in counts:
            total *= count
        trials = int(number(self.text("trials"))) if not self.fault("trials") else 0
        if self.text("method") != "grid":
            return f"{trials or 200:,} of {total:,}"
        told = " × ".join(f"{count}" for count in counts)
        return f"{told} = {total:,} runs" if not 0 < trials < total else f"{trials:,} of {total:,} runs"

    def spec(self, run: RunSpec) -> SweepSpec | None:
        """The sweep, or None while a field is wrong or no axis is searched."""
        axes = self.axes()
        if self.faults() or not axes:
            return None
        searched = {axis.name for axis in axes}
        fixed = {name: value for name, value in run.params.items() if name not in searched}
        return SweepSpec(
            run=RunSpec(
                **{name: getattr(run, name) for name in run.__struct_fields__ if name != "params"}, params=fixed
            ),
            axes=axes,
            method=self.text("method"),  # type: ignore[arg-type]
            trials=int(number(self.text("trials"))),
            objective=self.text("objective"),
            holdout=round(number(self.text("holdout")) / 100, 6),
        )
