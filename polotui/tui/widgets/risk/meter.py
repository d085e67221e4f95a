"""The meter: one number from 0 to 100 that prints how it came about."""

from __future__ import annotations

import msgspec

from polotui.api.risk_commands import GetRiskReport
from polotui.api.trade_replies import Risk, RiskReport
from polotui.api.trade_values import MeterPart
from polotui.core.text import clean
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.widgets.chrome import meter_tone
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.risk.base import RiskPane, gauge

_EXPORTS = (
    Choice("txt", "report", "text, for people"),
    Choice("json", "report", "JSON, for programs; with what the protections prevented"),
)


class MeterPane(RiskPane):
    """Number, bar, biggest part, all parts, formula."""

    NAME = "Risk"
    ABOUT = (
        "How much is at stake now, from 0 to 100, and what it is made of. y copies the report of risk, e writes it "
        "as text or JSON. The limits below say how far it is to each of them."
    )

    def title(self, width: int) -> Line:
        risk = self.risk
        if risk is None:
            return [(self.NAME, "title")]
        score = risk.meter.score
        if score is None:
            return [(self.NAME, "title"), (" unknown", "muted"), (f" · {clean(risk.preset, 30)}", "muted")]
        return [
            (self.NAME, "title"),
            (f" {score}", f"title {meter_tone(score)}".strip()),
            (" of 100", "title"),
            (f" · {clean(risk.preset, 30)}", "muted"),
        ]

    def body(self, width: int, height: int) -> list[Line]:
        risk = self.risk
        if risk is None:
            return self.nothing(width)
        meter = risk.meter
        score = meter.score
        lines: list[Line] = []
        if risk.state != "ACTIVE":
            reason = clean(risk.state_reason, 200)
            lines.append([(" ", ""), (f" {risk.state} ", f"state-{risk.state}"), (f" {reason}", "bad")])
        tone = (meter_tone(score) or "accent") if score is not None else ""
        lines.append([(" ", ""), *gauge(None if score is None else score / 100, width - 4, tone)])
        if meter.biggest:
            lines.append([(" biggest part: ", "muted"), (clean(meter.biggest, 100), "")])
        elif score is None:
            lines.append([(" no figure yet: prices or the account's value are not known", "muted")])
        formula = wrapped(clean(meter.formula, 400), width - 2)
        room = height - len(lines) - len(formula)
        lines += self._parts(risk, width)[: max(0, room)]
        return lines + [[(f" {part}", "muted")] for part in formula]

    def _parts(self, risk: Risk, width: int) -> list[Line]:
        parts = sorted(risk.meter.parts, key=lambda part: -part.points)
        lines: list[Line] = []
        for part in parts:
            ratio = part.points / part.of if part.of else 0.0
            figure = f"{part.points:5.1f} of {part.of:<3.0f}"
            lines.append(
                [(f" {figure} ", ""), *gauge(ratio, 8, "part3"), (f" {fit(_told(part), width - 26)}", "muted")]
            )
        return lines

    # giving out

    def copies_itself(self) -> bool:
        """The report is the engine's, so that screen, command line and scripts say the same."""

        def copy(reply: RiskReport) -> None:
            self.desk.copy_to_clipboard(reply.text)
            lines = reply.text.count("\n")
            self.desk.tell(
                f"Copied the report of risk ({lines} lines). If your terminal does not take it: e writes it."
            )

        self.desk.ask(GetRiskReport(), copy)
        return True

    def exports_itself(self) -> bool:
        def write(kind: str | None) -> None:
            if kind:
                self.desk.ask(GetRiskReport(prevented=kind == "json"), lambda reply: self._write(reply, kind))

        self.desk.push_screen(Picker("Export the report of risk", _EXPORTS), write)
        return True

    def _write(self, reply: RiskReport, kind: str) -> None:
        data = msgspec.json.format(msgspec.json.encode(reply)) if kind == "json" else reply.text.encode()
        self.desk.write_file("risk report", kind, data, "the report of risk")


def _told(part: MeterPart) -> str:
    """The part's name and what it is about; the name once."""
    name, text = clean(part.name, 40), clean(part.text, 80)
    return text if name.lower() in text.lower() else f"{name} · {text}" if text else name
