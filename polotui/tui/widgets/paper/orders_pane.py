"""Orders that may still fill.

Decided here: an UNKNOWN order is red and says below itself what is being done about it, because the worst answer to it
is to send it again. Cancelling asks nothing when it is one order: it takes no risk. All of them ask first.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_values import OrderRow
from polotui.core.text import clean
from polotui.model.orders import OrderState
from polotui.tui import keys
from polotui.tui.numbers import age, group
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.paper.base import SIDE_TONES, BlockTable, figure, keyed, quote_of
from polotui.tui.widgets.paper.tables import PaperTable
from polotui.tui.widgets.rows import Cell, Column, Row

STATE_TONES = {
    "UNKNOWN": "bad",
    "PARTIAL": "accent",
    "ACCEPTED": "",
    "SUBMITTING": "warn",
    "CANCELLING": "warn",
    "FILLED": "good",
    "REJECTED": "bad",
    "RISK_DENIED": "warn",
}


def size_words(row: OrderRow) -> str:
    """«0.0310», or «1,500.00 of the quote currency» for an order by amount."""
    if row.quantity:
        return group(row.quantity)
    return f"{group(row.amount)} {quote_of(row.symbol)}"


def unknown_words(row: OrderRow, now_ms: int) -> str:
    """What an unknown outcome means and what is done."""
    since = age(now_ms - row.updated_ms) if row.updated_ms else ""
    asking = f"The exchange is asked for it by its id{', for ' + since if since else ''}."
    said = f" {clean(row.words, 200)}" if row.words else ""
    return f"Outcome unknown. It is not sent again. {asking}{said}"


class OrdersPane(BlockTable, PaperTable):
    """Open orders of bots and of the hand."""

    NAME = "Orders"
    TABLE = "orders"
    ABOUT = (
        "Orders that may still fill, newest first. x cancels the one under the cursor, X all of them after a question. "
        "An UNKNOWN order is one that the exchange has not answered for: it is never sent again; r settles it by hand "
        "when you know what became of it."
    )
    SCOPES = ("orders", "table", "paper")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("orders")
    TOPICS = BlockTable.TOPICS | {"orders", "bots"}
    COLUMNS = (
        Column("state", "state", least=10),
        Column("symbol", "symbol"),
        Column("side", "side"),
        Column("type", "type", drop=5),
        Column("size", "quantity", "point"),
        Column("price", "price", "point"),
        Column("filled", "filled", "point", drop=3),
        Column("purpose", "for", drop=2),
        Column("bot", "bot", drop=4),
        Column("age", "age", "right", drop=1),
        Column("reason", "reason"),
    )

    LEAST_REST = 12

    def empty_words(self) -> str:
        if self.desk.store.orders is None:
            return "Waiting for the engine to tell which orders are open."
        return "No open orders"

    def nothing(self, width: int) -> list[Line]:
        if self.table.needle or self.desk.store.orders is None:
            return super().nothing(width)
        return [[], [(" ", ""), *keyed("No order is open. `o` places one; stops that are held locally are no orders.")]]

    def rows(self) -> list[Row]:
        now = self.desk.market_ms()
        return [self._line(row, now) for row in self.work.orders or []]

    def _line(self, row: OrderRow, now: int) -> Row:
        scale = self.desk.store.scale_of(row.symbol)
        price = row.price or row.stop
        trigger = "at " if row.type in ("STOP", "OCO") and not row.price and price else ""
        unknown = row.state == OrderState.UNKNOWN
        cells = {
            "state": Cell(
                f"? {row.state}" if unknown else row.state.lower(), STATE_TONES.get(row.state, "muted"), row.state
            ),
            "symbol": Cell(clean(row.symbol, 24), "", row.symbol),
            "side": Cell(row.side.lower(), SIDE_TONES[row.side], row.side),
            "type": Cell(clean(row.type, 12).lower().replace("_", " "), "muted", row.type),
            "size": Cell(size_words(row), "", figure(row.quantity or row.amount)),
            "price": Cell(
                trigger + group(price, scale) if price else "market", "" if price else "muted", figure(price)
            ),
            "filled": Cell(group(row.filled), "muted", figure(row.filled)),
            "purpose": Cell(clean(row.purpose, 12), "muted", row.purpose),
            "bot": Cell(self.work.bot_words(row.bot), "muted", row.bot),
            "age": Cell(age(now - row.created_ms) if row.created_ms else "", "muted", -row.created_ms),
            "reason": Cell(clean(row.reason, 60), "muted", row.reason),
        }
        return Row(row.id, cells)

    def row_of(self, key: str) -> OrderRow | None:
        return next((row for row in self.desk.store.orders or [] if row.id == key), None)

    def below(self, key: str, width: int) -> list[Line]:
        row = self.row_of(key)
        if row is None or row.state != OrderState.UNKNOWN:
            return []
        words = unknown_words(row, self.desk.market_ms())
        return [[("    └ ", "faint"), (fit(words, width - 6), "bad")]]

    @property
    def chosen(self) -> OrderRow | None:
        row = self.table.current
        return self.row_of(row.key) if row is not None else None

    def opened(self, key: str) -> None:
        row = self.row_of(key)
        if row is not None:
            self.paper.open_order(row)

    def action_cancel(self) -> None:
        if self.chosen is not None:
            self.paper.cancel_order(self.chosen)

    def action_cancel_all(self) -> None:
        self.paper.cancel_all()

    def action_settle_order(self) -> None:
        if self.chosen is not None:
            self.paper.settle_order(self.chosen)
