"""What protects the account now: stops and where they are held, safety, latches, and what each limit does when hit."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_replies import Risk
from polotui.api.trade_values import ProtectionRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, age, clock, group
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.painted import Line, Span, fit, width_of
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.risk.base import PROTECTION_TONES, RiskPane

_LABEL = 12
#: A price older than this is said to be old; the monitor looks each 5 s.
OLD_MS = 5_000


class ProtectsPane(RiskPane):
    """Stops, safety, latches, ladder, and the protection of each position."""

    NAME = "What protects me now"
    ABOUT = (
        "Which stops are held at the exchange, which by this engine, and which positions have none; the safety score; "
        "the latches that are set and how each is cleared; what each limit does when it is hit. a opens a latch."
    )
    SCOPES = ("protects", "text", "risk")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("protects", "text")
    TOPICS = frozenset({"risk", "riskwork", "link", "trading", "second"})

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.top = 0
        self._most = 0

    def title_right(self) -> Line:
        if self._most:
            return [(f"{self.top + 1} of {self._most + 1}", "muted")]
        return super().title_right()

    def body(self, width: int, height: int) -> list[Line]:
        risk = self.risk
        if risk is None:
            return self.nothing(width)
        lines = self._sentences(risk, width)
        self._most = max(0, len(lines) - height)
        self.top = max(0, min(self.top, self._most))
        return lines[self.top : self.top + height]

    def _sentences(self, risk: Risk, width: int) -> list[Line]:
        lines: list[Line] = []
        if risk.state != "ACTIVE":
            lines.append([(" " + "trading".ljust(_LABEL), "muted"), (f" {risk.state} ", f"state-{risk.state}")])
            told = wrapped(self.desk.halt_words, width - _LABEL - 3) if self.desk.halt_words else []
            lines += [[(" " * (_LABEL + 1), ""), (part, "muted")] for part in told]
        lines.append(self._stops(risk))
        lines.append([(" " + "safety".ljust(_LABEL), "muted"), *_safety(risk.safety)])
        if risk.safety is not None and risk.safety <= 90:
            words = "90 or less blocks every bot; :health says what to mend"
            lines += [[(" " * (_LABEL + 1), ""), (part, "warn")] for part in wrapped(words, width - _LABEL - 3)]
        lines += self._latches(risk, width)
        lines += [self._position(row, width) for row in risk.protection]
        for index, words in enumerate(risk.ladder):
            head = ("on a breach" if index == 0 else "").ljust(_LABEL)
            for number, part in enumerate(wrapped(clean(words, 200), width - _LABEL - 3)):
                lines.append([(" " + (head if number == 0 else " " * _LABEL), "muted"), (part, "")])
        return lines

    def _stops(self, risk: Risk) -> Line:
        return [
            (" " + "stops".ljust(_LABEL), "muted"),
            (f"{risk.stops_venue}", "good" if risk.stops_venue else ""),
            (" at the exchange · ", "muted"),
            (f"{risk.stops_local}", ""),
            (" local · ", "muted"),
            (f"{risk.stops_none} without", "bad" if risk.stops_none else "muted"),
        ]

    def _latches(self, risk: Risk, width: int) -> list[Line]:
        head = " " + "latches".ljust(_LABEL)
        if not risk.latches:
            return [[(head, "muted"), ("none tripped", "good")]]
        lines: list[Line] = []
        for latch in risk.latches:
            words = f"{clean(latch.title, 40)} since {clock(latch.since_ms)}: {clean(latch.reason, 160)}"
            for part in wrapped(words, width - _LABEL - 3):
                lines.append([(head, "muted"), (part, "bad")])
                head = " " * (_LABEL + 1)
            how = f"to clear: {clean(latch.how_to_clear, 200)} · a"
            lines += [[(" " * (_LABEL + 1), ""), (part, "muted")] for part in wrapped(how, width - _LABEL - 3)]
        return lines

    def _position(self, row: ProtectionRow, width: int) -> Line:
        scale = self.desk.store.scale_of(row.symbol)
        line: Line = [
            (f" {fit(clean(row.symbol, 24), _LABEL)}", "muted"),
            (fit(row.level, 6), PROTECTION_TONES[row.level]),
            (f"stop {group(row.stop, scale)}" if row.stop else "no stop", "" if row.stop else "bad"),
        ]
        target: Span = (f" · target {group(row.target, scale)}" if row.target else " · no target", "muted")
        old = row.price_age_ms is None or row.price_age_ms > OLD_MS
        told = "no price" if row.price_age_ms is None else f"price {age(row.price_age_ms)}"
        since: Span = (f" · {told}", "warn" if old else "muted")
        # Without room for both, an old price matters more than the target and a fresh one less.
        for extra in (since, target) if old else (target, since):
            if width_of([*line, extra]) <= width:
                line.append(extra)
        return line

    def action_scroll_text(self, step: int) -> None:
        self.top = max(0, min(self.top + step, self._most))
        self.repaint()

    def action_latch(self) -> None:
        risk = self.risk
        if risk is None or not risk.latches:
            self.desk.tell("No latch is tripped.")
            return
        self.risk_screen.clear_latch(risk.latches[0])

    def export(self) -> Exported | None:
        risk = self.risk
        if risk is None:
            return None
        rows = [
            [row.account, row.symbol, row.level, row.stop, row.target, str(row.price_age_ms or "")]
            for row in risk.protection
        ]
        return Exported("protection", ["account", "symbol", "level", "stop", "target", "price_age_ms"], rows)

    def copied(self) -> tuple[str, str] | None:
        risk = self.risk
        if risk is None:
            return None
        lines = ["".join(text for text, _ in line).strip() for line in self._sentences(risk, 200)]
        return self.NAME, "\n".join(lines)


def _safety(score: int | None) -> Line:
    if score is None:
        return [(UNKNOWN, "muted"), (" · not computed yet", "muted")]
    if score > 90:
        return [(f"{score}", "good"), (" of 100", "muted")]
    return [(f"{score}", "bad"), (" of 100", "warn")]
