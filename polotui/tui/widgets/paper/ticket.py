"""The ticket: an order by hand, and while one types what the gate would say to it and what it would cost.

Decided here: the answer to an older text is dropped and shown as checking until the new one is there. The order is sent
only after a question that names it whole; a gate that wants a second look asks for it in its own words.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult

from polotui.api.trade_commands import AssessOrder, PlaceOrder
from polotui.api.trade_replies import Assessed, OrderPlaced
from polotui.api.trade_values import DecisionRow, FindingRow
from polotui.core.errors import PolotuiError
from polotui.core.text import clean
from polotui.tui.numbers import group, price
from polotui.tui.shell.dialogs import Question, wrapped
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.paper import amounts, ticket_fields
from polotui.tui.widgets.paper.entry_pane import Entry, EntryDialog, EntryPane, dialog_css
from polotui.tui.widgets.paper.ticket_fields import Grid

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp

#: Seconds after the last key.
ASSESS_AFTER = 0.25


def decision_lines(decision: DecisionRow, width: int) -> list[Line]:
    """The verdict, and each check with its mark: ✗ refuses, ! warns, ✓ passes."""
    refusing = {finding.code for finding in decision.findings}
    warned = {finding.code for finding in decision.warnings}
    if decision.approved:
        lines: list[Line] = [[(" ✓ would pass", "good"), (f" · {len(decision.checks)} checks", "muted")]]
    elif decision.needs_confirmation:
        lines = [[(f" ! {clean(decision.code, 30)}", "warn"), (" · would pass when it is confirmed", "warn")]]
    else:
        lines = [[(f" ✗ refused: {clean(decision.code, 30)}", "bad")]]
    if decision.recommendation:
        lines += [[(f"   {part}", "key")] for part in wrapped(clean(decision.recommendation, 400), width - 4)]
    told = [*decision.findings, *decision.warnings]
    known = {finding.code for finding in told}
    told += [check for check in decision.checks if check.code not in known]
    for finding in told:
        mark, tone = _mark(finding, refusing, warned)
        use = "" if finding.use is None else f"{finding.use * 100:.0f} %"
        text = f"{clean(finding.title, 40)} · {clean(finding.text, 200)}" if finding.title else clean(finding.text, 240)
        room = max(10, width - 6 - len(use))
        body = "" if tone == "good" else tone
        lines.append([(f" {mark} ", tone), (fit(text, room), body or "muted"), (f" {use}", "muted")])
    return lines


def _mark(finding: FindingRow, refusing: set[str], warned: set[str]) -> tuple[str, str]:
    if finding.code in refusing or finding.refuses:
        return "✗", "bad"
    return ("!", "warn") if finding.code in warned else ("✓", "good")


class TicketPane(EntryPane):
    """The fields on top, the gate's answer below."""

    NAME = "Order"
    LABELS = 10

    def __init__(self, symbol: str) -> None:
        super().__init__()
        self.texts = {
            "symbol": symbol, "side": "BUY", "type": "MARKET", "by": "amount", "size": "", "price": "", "stop": "",
            "target": "", "force": "GTC", "note": "",
        }  # fmt: skip
        self.caret = len(symbol)
        self.sized_by_hand = False
        self.assessed: Assessed | None = None
        self.assessed_of: dict[str, Any] | None = None
        self.fault_words = ""
        self.sending = False

    def title(self, width: int) -> Line:
        return [(self.NAME, "title"), (" · paper account", "muted")]

    def title_right(self) -> Line:
        return [("Esc leaves", "muted")]

    def entries(self) -> list[Entry]:
        return ticket_fields.entries(self.texts)

    def buttons(self) -> list[tuple[str, str]]:
        verb = "Buy" if self.text("side") == "BUY" else "Sell"
        return [("place", f"{verb} …"), ("leave", "Leave")]

    @property
    def grid(self) -> Grid:
        store = self.desk.store
        symbol = self.text("symbol").strip().upper()
        info, row = store.symbols.get(symbol), store.rows.get(symbol)
        last = amounts.known(str(row.last)) if row is not None and row.last is not None else None
        position = next((held for held in store.positions or [] if held.symbol == symbol), None)
        if last is None and position is not None:
            last = amounts.known(position.mark)
        if info is None:
            return Grid(last=last, listed=bool(store.symbols))
        return Grid(info.price_scale, info.quantity_scale, info.amount_scale, last, known=True, listed=True)

    def fault(self, name: str) -> str:
        return ticket_fields.fault(name, self.texts, self.grid)

    def terms(self) -> dict[str, Any] | None:
        return ticket_fields.terms(self.texts, self.grid)

    def hint(self, name: str) -> Line:
        if name == "symbol" and self.grid.last is not None:
            return [(f"last {price(float(self.grid.last), self.grid.price_scale)}", "muted")]
        if name in ("stop", "target") and not self.text(name):
            return [("none; a price, or a distance such as 2%", "faint")]
        if name in ("stop", "target") and self.text(name).strip().endswith("%"):
            terms = self.terms()
            return [(f"= {group(terms[name])}", "accent")] if terms and name in terms else []
        return []

    def edited(self, name: str) -> None:
        if name == "by":
            self.sized_by_hand = True
        elif name in ("side", "type") and not self.sized_by_hand:
            self.texts["by"] = ticket_fields.natural_size(self.text("side"), self.text("type"))

    def below(self, width: int) -> list[Line]:
        if self.fault_words:
            return [[(f" {part}", "warn")] for part in wrapped(self.fault_words, width - 2)]
        told = self.assessed
        if told is None:
            words = "The gate is asked …" if self.terms() else "The gate answers here when the order is whole."
            return [[(f" {words}", "muted")]]
        checking = self.terms() != self.assessed_of
        if checking:
            return [[(" The gate is asked …", "muted")], *self._costs(told, stale=True)]
        return [*self._costs(told), *decision_lines(told.decision, width)]

    def _costs(self, told: Assessed, *, stale: bool = False) -> list[Line]:
        quote = clean(self.text("symbol").rpartition("_")[2].upper(), 10)
        parts = [
            ("about", group(told.price)),
            ("quantity", group(told.quantity)),
            ("amount", f"{group(told.amount)} {quote}"),
            ("fee", group(told.fee)),
        ]
        after = [("cash left", group(told.cash_after))]
        if told.exposure_after is not None:
            after.append(("invested then", f"{told.exposure_after * 100:.1f} %"))
        lines: list[Line] = []
        for row in (parts, after):
            line: Line = [(" ", "")]
            for label, value in row:
                line += [(f"{label} ", "muted"), (f"{value}   ", "faint" if stale else "")]
            lines.append(line)
        return lines

    def rows_wanted(self, width: int) -> int:
        return 25

    def summary(self) -> str:
        """The order as a sentence for the question."""
        terms = self.terms() or {}
        told = self.assessed if self.assessed_of == terms else None
        base, _, quote = str(terms.get("symbol", "")).rpartition("_")
        verb = "Buy" if terms.get("side") == "BUY" else "Sell"
        if "amount" in terms:
            size = f"{base} for {group(terms['amount'])} {quote}"
        else:
            size = f"{group(terms.get('quantity', ''))} {base}"
        kind = {
            "MARKET": "at the market",
            "LIMIT": f"at {group(terms.get('price', ''))} or better",
            "LIMIT_MAKER": f"at {group(terms.get('price', ''))}, resting only",
            "STOP": f"at the market when {group(terms.get('stop', ''))} is reached",
        }[str(terms.get("type", "MARKET"))]
        lines = [f"{verb} {size} {kind}."]
        if told is not None and told.price:
            lines.append(f"It would fill at about {group(told.price)}; fee {group(told.fee)} {quote}.")
        levels = [f"{name} {group(terms[name])}" for name in ("stop", "target") if name in terms]
        if levels and terms.get("type") != "STOP":
            lines.append(f"Protected by {' and '.join(levels)}.")
        elif terms.get("side") == "BUY" and terms.get("type") != "STOP":
            lines.append("No stop protects it.")
        return "\n".join(lines)


class Ticket(EntryDialog[str | None]):
    """Returns the engine's words when an order was placed, else None."""

    CSS = dialog_css("Ticket", 96)

    def __init__(self, symbol: str, caller: str) -> None:
        super().__init__()
        self.pane: TicketPane = TicketPane(symbol)
        self._caller = caller

    @property
    def desk(self) -> PolotuiApp:
        return cast("PolotuiApp", self.app)

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_key(self, event: Any) -> None:
        before = dict(self.pane.texts)
        super().on_key(event)
        if self.pane.texts != before:
            self._assess_soon()

    def on_paste(self, event: Any) -> None:
        super().on_paste(event)
        self._assess_soon()

    def _assess_soon(self) -> None:
        self.pane.fault_words = ""
        if self.pane.terms() is not None:
            self.run_worker(self._assess(), group="assess", exclusive=True, exit_on_error=True)

    async def _assess(self) -> None:
        await asyncio.sleep(ASSESS_AFTER)
        pane, terms = self.pane, self.pane.terms()
        if terms is None:
            return
        try:
            reply: Assessed = await self.desk.session.call(AssessOrder(**terms))
        except PolotuiError as error:
            if terms == pane.terms():
                pane.fault_words = clean(error.record().sentence(), 400)
        else:
            if terms == pane.terms():
                pane.assessed, pane.assessed_of = reply, terms
        pane.repaint()

    def press_button(self, name: str) -> None:
        pane = self.pane
        if name == "leave":
            self.dismiss(None)
        elif pane.sending:
            return
        elif pane.faults():
            pane.go_to_fault()
        else:
            self._ask(pane.summary(), confirmed=False)

    def _ask(self, text: str, *, confirmed: bool) -> None:
        verb = "buy it" if self.pane.text("side") == "BUY" else "sell it"
        answers = [("y", "yes, all the same" if confirmed else verb), ("n", "no")]
        title = "The gate asks again" if confirmed else "Send this order?"

        def answered(answer: str | None) -> None:
            if answer == "y":
                self._send(confirmed=confirmed)

        self.app.push_screen(Question(title, text, answers, "n"), answered)

    def _send(self, *, confirmed: bool) -> None:
        terms = self.pane.terms()
        if terms is None or self.pane.sending:
            return
        force: Any = self.pane.text("force") if terms["type"] == "LIMIT" else "GTC"
        command = PlaceOrder(
            **terms, time_in_force=force, confirmed=confirmed, note=self.pane.text("note").strip(), caller=self._caller
        )
        self.pane.sending = True
        self.run_worker(self._place(command), group="place", exit_on_error=True)

    async def _place(self, command: PlaceOrder) -> None:
        pane = self.pane
        try:
            reply: OrderPlaced = await self.desk.session.call(command)
        except PolotuiError as error:
            pane.fault_words = clean(error.record().sentence(), 400)
            self.desk.tell_error(error)
            return
        finally:
            pane.sending = False
            pane.repaint()
        if reply.placed:
            self.dismiss(clean(reply.text, 300) or "The order is sent.")
        elif reply.decision.needs_confirmation and not command.confirmed:
            said = [clean(finding.text, 200) for finding in (*reply.decision.findings, *reply.decision.warnings)]
            self._ask("\n".join([*said[:5], "", "Nothing was sent. Send it all the same?"]), confirmed=True)
        else:
            pane.assessed = Assessed(decision=reply.decision)
            pane.assessed_of = pane.terms()
            self.desk.tell(f"Refused, nothing was sent. {clean(reply.text or reply.decision.code, 300)}", "warning")
            pane.repaint()
