"""The tape: public trades, newest first. It scrolls as a whole, so it repaints at most twice a second."""

from __future__ import annotations

from itertools import islice

from polotui.core.text import clean
from polotui.tui.numbers import clock_ms, price, quantity
from polotui.tui.store import Tape
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported, Pane


class TradeTape(Pane):
    """Time, side, quantity, price; how many were missed is said in the title."""

    NAME = "Trades"
    ABOUT = "Each public trade as the exchange reports it. «buy» and «sell» are the taker's side."
    SCOPES = ("market",)
    TOPICS = frozenset({"trades", "link", "second", "view"})
    EVERY_SECONDS = 0.5

    def wants(self, dirty: set[str]) -> bool:
        return f"trades:{self.desk.view.symbol}" in dirty or bool(dirty & {"link", "second", "view"})

    @property
    def tape(self) -> Tape | None:
        return self.desk.store.tapes.get(self.desk.view.symbol)

    def title_right(self) -> Line:
        tape = self.tape
        if tape is None:
            return []
        mark = self.stale_mark(tape.stale_since_ms)
        return mark or ([(f"{tape.missed} missed", "warn")] if tape.missed else [])

    def body(self, width: int, height: int) -> list[Line]:
        tape = self.tape
        if tape is None or not tape.trades:
            return [[], [(f" Waiting for the first trade of {clean(self.desk.view.symbol, 24)}.", "muted")]]
        store = self.desk.store
        scale = store.scale_of(self.desk.view.symbol)
        places = min(store.quantity_scale_of(self.desk.view.symbol), 6)
        lines: list[Line] = []
        for trade in islice(reversed(tape.trades), height):
            side, tone = ("buy ", "up") if trade.buy else ("sell", "down")
            lines.append(
                [
                    (f" {clock_ms(trade.ts_ms)}  ", "muted"),
                    (side, tone),
                    (fit(quantity(trade.quantity, places), 16, "right"), ""),
                    (fit(price(trade.price, scale), 15, "right"), tone),
                ]
            )
        return lines

    def export(self) -> Exported | None:
        tape = self.tape
        if tape is None or not tape.trades:
            return None
        rows = [
            [str(t.id), str(t.ts_ms), "buy" if t.buy else "sell", str(t.quantity), str(t.price)] for t in tape.trades
        ]
        return Exported(f"trades {self.desk.view.symbol}", ["id", "time_ms", "taker", "quantity", "price"], rows)

    def copied(self) -> tuple[str, str] | None:
        tape = self.tape
        if tape is None or not tape.trades:
            return None
        trade = tape.trades[-1]
        side = "buy" if trade.buy else "sell"
        return ("newest trade", f"{self.desk.view.symbol} {side} {trade.quantity} @ {trade.price}")
