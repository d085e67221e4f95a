"""What would happen to an order: the gate's decision check by check, with its cost, and nothing sent."""

from __future__ import annotations

from polotui.api.trade_commands import AssessOrder
from polotui.api.trade_replies import Assessed
from polotui.api.trade_values import FindingRow
from polotui.core.text import clean, is_plain_symbol
from polotui.tui.numbers import UNKNOWN, group
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.risk.base import RiskPane, gauge, share
from polotui.tui.widgets.risk.forms import Field, RiskForm, optional, plain, wrong_number

_TYPES = ("MARKET", "LIMIT", "LIMIT_MAKER", "STOP")


class WhatIfForm(RiskForm):
    """Asks AssessOrder at each change."""

    NAME = "What if"
    ABOUT = (
        "An order as one would place it. Each change asks the gate what it would say, by the same function that "
        "decides about real orders. Nothing is sent and nothing is reserved."
    )
    LABELS = 12
    BUTTON = "Ask again"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.assessed: Assessed | None = None

    def fields(self) -> list[Field]:
        kind = self.value("type")
        made = [
            Field("symbol", "symbol"),
            Field("side", "side", "choice", ("BUY", "SELL")),
            Field("type", "type", "choice", _TYPES),
            Field("quantity", "quantity", unit=self.value("symbol").partition("_")[0].upper()[:12]),
            Field("amount", "or amount", unit="USDT"),
        ]
        if kind in ("LIMIT", "LIMIT_MAKER"):
            made.append(Field("price", "price"))
        return [
            *made,
            Field("stop", "trigger" if kind == "STOP" else "stop"),
            Field("target", "target"),
            Field("strategy", "strategy"),
        ]

    def default(self, name: str) -> str:
        return {"symbol": self.desk.view.symbol, "side": "BUY", "type": "MARKET"}.get(name, "")

    def fault(self, name: str) -> str:
        text = self.value(name)
        if name == "symbol":
            symbol = text.strip().upper()
            if not is_plain_symbol(symbol):
                return "a symbol such as BTC_USDT"
            known = self.desk.store.symbols
            return f"{symbol} is not traded here" if known and symbol not in known else ""
        if name in ("quantity", "amount"):
            if self.value("quantity").strip() and self.value("amount").strip():
                return "one of both" if name == "amount" else ""
            if name == "quantity" and not text.strip() and not self.value("amount").strip():
                return "needed, or an amount"
            return optional(text, lambda one: wrong_number(one, above=0, most=1e15))
        if name == "price" or (name == "stop" and self.value("type") == "STOP"):
            return wrong_number(text, above=0, most=1e12) if text.strip() else "needed"
        if name in ("stop", "target"):
            return optional(text, lambda one: wrong_number(one, above=0, most=1e12))
        return ""

    def changed(self) -> None:
        if self.faults():
            self.work.void("assess")
            self.assessed = None
        else:
            self.work.ask("assess", self.command(), self._told, quiet=True)
        self.work.changed()

    def command(self) -> AssessOrder:
        alive = {item.name for item in self.fields()}
        text = {name: plain(self.value(name)) for name in ("quantity", "amount", "price", "stop", "target")}
        return AssessOrder(
            symbol=self.value("symbol").strip().upper(),
            side=self.value("side"),  # type: ignore[arg-type]
            type=self.value("type"),  # type: ignore[arg-type]
            quantity=text["quantity"],
            amount=text["amount"],
            price=text["price"] if "price" in alive else "",
            stop=text["stop"],
            target=text["target"],
            strategy=self.value("strategy").strip(),
        )

    def _told(self, reply: Assessed) -> None:
        self.assessed = reply

    def submit(self) -> None:
        if not self.go_to_fault():
            self.changed()

    def button(self) -> tuple[str, str]:
        return self.BUTTON, "nothing is sent"


class DecisionPane(RiskPane):
    """Every check on a line: ✓ passes, ✗ refuses, ! warns."""

    NAME = "The gate's answer"
    ABOUT = "Each check with its value and its limit; what would pass; and what the order would cost and change."
    TOPICS = frozenset({"riskwork", "link"})

    def _form(self) -> WhatIfForm:
        return self.risk_screen.query_one(WhatIfForm)

    def title(self, width: int) -> Line:
        assessed = self._form().assessed
        if assessed is None:
            return [(self.NAME, "title")]
        decision = assessed.decision
        if decision.approved:
            count = len(decision.warnings)
            more: Line = [(f" · {count} warning{'s' if count > 1 else ''}", "warn")] if count else []
            return [("✓ would pass", "good"), *more]
        return [("✗ refused", "bad"), (f" · {clean(decision.code, 40)}", "bad")]

    def title_right(self) -> Line:
        return []

    def body(self, width: int, height: int) -> list[Line]:
        form = self._form()
        assessed = form.assessed
        if assessed is None:
            faults = form.faults()
            first = next((item for item in form.fields() if item.name in faults), None)
            words = f"Waits for {first.title}: {faults[first.name]}." if first is not None else "Asking the gate …"
            words = self.work.waiting("assess", words) if not faults else words
            return [[], *([(f" {part}", "muted")] for part in wrapped(words, width - 2))]
        foot = self._foot(assessed, width)
        checks = [self._check(row, assessed, width) for row in _ordered(assessed)]
        room = max(1, height - len(foot))
        if len(checks) > room:
            checks = [*checks[: room - 1], [(f"   … and {len(checks) - room + 1} more checks", "muted")]]
        return checks + foot

    def _check(self, row: FindingRow, assessed: Assessed, width: int) -> Line:
        mark, tone = _mark(row, assessed)
        text = clean(row.text, 120)
        room = max(10, width - 24)
        line: Line = [(f" {mark} ", tone), (fit(clean(row.title, 40), 17), "" if tone != "good" else "muted")]
        if row.use is not None and room > 30:
            return [
                *line,
                *gauge(row.use, 6, tone if tone != "good" else "key"),
                (f" {fit(text, room - 8)}", tone_of(tone)),
            ]
        return [*line, (fit(text, room), tone_of(tone))]

    def _foot(self, assessed: Assessed, width: int) -> list[Line]:
        decision = assessed.decision
        lines: list[Line] = []
        if decision.recommendation:
            told = wrapped(clean(decision.recommendation, 300), width - 4)
            lines += [[(" → " if index == 0 else "   ", "key"), (part, "")] for index, part in enumerate(told)]
        if decision.needs_confirmation:
            lines.append([(" → ", "key"), ("would pass when it is confirmed", "warn")])
        lines.append([("─" * width, "border")])
        base = clean(self._form().value("symbol").partition("_")[0].upper(), 12)
        lines.append(
            [
                (" fills at worst ", "muted"),
                (_money(assessed.price), ""),
                (" · ", "muted"),
                (f"{_money(assessed.quantity)} {base}", ""),
                (" for ", "muted"),
                (f"{_money(assessed.amount, 2)} USDT", ""),
            ]
        )
        lines.append(
            [
                (" fee ", "muted"),
                (_money(assessed.fee, 2), ""),
                (" · exposure then ", "muted"),
                (share(assessed.exposure_after), ""),
                (" · cash then ", "muted"),
                (_money(assessed.cash_after, 2), ""),
            ]
        )
        return lines

    def export(self) -> Exported | None:
        assessed = self._form().assessed
        if assessed is None:
            return None
        rows = [
            [row.code, row.title, _mark(row, assessed)[0], str(row.value), str(row.limit), row.text]
            for row in _ordered(assessed)
        ]
        return Exported("what if", ["code", "check", "answer", "value", "limit", "words"], rows)

    def copied(self) -> tuple[str, str] | None:
        assessed = self._form().assessed
        if assessed is None:
            return None
        lines = [f"{_mark(row, assessed)[0]} {row.title}: {row.text}" for row in _ordered(assessed)]
        return "the gate's answer", "\n".join([*lines, assessed.decision.recommendation])


def _money(text: str, places: int | None = None) -> str:
    return group(text, places) if text else UNKNOWN


def tone_of(tone: str) -> str:
    return "muted" if tone == "good" else tone


def _ordered(assessed: Assessed) -> list[FindingRow]:
    """What refuses first, then what warns, then the rest; each check once."""
    decision = assessed.decision
    told = {row.code: row for row in (*decision.checks, *decision.warnings, *decision.findings)}
    rank = {"✗": 0, "!": 1, "✓": 2}
    return sorted(told.values(), key=lambda row: rank[_mark(row, assessed)[0]])


def _mark(row: FindingRow, assessed: Assessed) -> tuple[str, str]:
    decision = assessed.decision
    if row.refuses or any(row.code == one.code for one in decision.findings):
        return "✗", "bad"
    if any(row.code == one.code for one in decision.warnings):
        return "!", "warn"
    return "✓", "good"
