"""The order book around its spread: price, quantity, and how deep it gets."""

from __future__ import annotations

from polotui.api.events import BookState
from polotui.core.text import clean
from polotui.tui.numbers import compact, price, quantity
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported, Pane
from polotui.tui.widgets.sparkline import bar, round_up


class OrderBook(Pane):
    """Asks above, bids below; bars show the sum up to that level."""

    NAME = "Order book"
    ABOUT = "The best prices on both sides. The bar grows with all that stands between you and that level."
    SCOPES = ("market",)
    TOPICS = frozenset({"book", "link", "second", "view"})

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._full = 0.0
        """The sum that fills a bar."""

    def wants(self, dirty: set[str]) -> bool:
        return f"book:{self.desk.view.symbol}" in dirty or bool(dirty & {"link", "second", "view"})

    @property
    def book(self) -> BookState | None:
        return self.desk.store.books.get(self.desk.view.symbol)

    def title(self, width: int) -> Line:
        line: Line = [(self.NAME, "title")]
        if width > 24:
            line.append((f" · {clean(self.desk.view.symbol, 24)}", "muted"))
        return line

    def title_right(self) -> Line:
        book = self.book
        return self.stale_mark(book.stale_since_ms) if book is not None else []

    def body(self, width: int, height: int) -> list[Line]:
        book = self.book
        if book is None:
            return [[], [(" Waiting for the first book.", "muted")]]
        if not book.bids and not book.asks:
            words = clean(book.reason, 200) or "The exchange shows no orders here."
            return [[], [(f" {words}", "warn")]]
        store = self.desk.store
        scale, places = store.scale_of(book.symbol), min(store.quantity_scale_of(book.symbol), 6)
        side = max(1, (height - 1) // 2)
        asks, bids = book.asks[:side], book.bids[: height - 1 - side]
        deepest = max(sum(level.quantity for level in asks), sum(level.quantity for level in bids), 1e-12)
        if not deepest <= self._full <= deepest * 2:
            # A round size that stays: bars that all move with each order would tell nothing and cost the most.
            self._full = round_up(deepest * 1.05)
        most = self._full
        first = max((len(price(level.price, scale)) for level in (*asks, *bids)), default=8)
        second = max((len(quantity(level.quantity, places)) for level in (*asks, *bids)), default=6)
        second = max(second, places + 4)
        room = width - first - second - 5
        stale = bool(book.stale_since_ms or store.gone_since_ms)
        lines: list[Line] = []

        def level_line(value: float, amount: float, depth: float, tone: str) -> Line:
            left = fit(price(value, scale), first + 1, "right")
            middle = fit(quantity(amount, places), second + 2, "right")
            drawn = bar(depth / most, room) if room > 2 else ""
            return [
                (left, "muted" if stale else tone),
                (middle, "muted" if stale else ""),
                ("  ", ""),
                (drawn, f"{tone}-soft"),
            ]

        total = 0.0
        up: list[Line] = []
        for level in asks:
            total += level.quantity
            up.append(level_line(level.price, level.quantity, total, "down"))
        lines += [[]] * (side - len(up))
        lines += reversed(up)
        lines.append(self._spread(book, scale, width))
        total = 0.0
        for level in bids:
            total += level.quantity
            lines.append(level_line(level.price, level.quantity, total, "up"))
        return lines

    def _spread(self, book: BookState, scale: int, width: int) -> Line:
        if not book.bids or not book.asks:
            side = "asks" if not book.asks else "bids"
            return [(f" ── no {side} ──", "warn")]
        ask, bid = book.asks[0].price, book.bids[0].price
        middle = (ask + bid) / 2
        basis = (ask - bid) / middle * 10_000 if middle else 0.0
        words: Line = [("─ ", "faint"), (price(ask - bid, scale), ""), (f" · {basis:.1f} bp", "muted")]
        if width > 34:
            words = [("── spread ", "faint"), *words[1:], (" ── mid ", "faint"), (price(middle, scale + 1), "")]
        return [(" ", ""), *words, (" " + "─" * width, "faint")]

    def export(self) -> Exported | None:
        book = self.book
        if book is None:
            return None
        rows = [["ask", str(level.price), str(level.quantity)] for level in reversed(book.asks)]
        rows += [["bid", str(level.price), str(level.quantity)] for level in book.bids]
        return Exported(f"book {book.symbol}", ["side", "price", "quantity"], rows)

    def copied(self) -> tuple[str, str] | None:
        book = self.book
        if book is None or not book.bids or not book.asks:
            return None
        scale = self.desk.store.scale_of(book.symbol)
        bid, ask = price(book.bids[0].price, scale), price(book.asks[0].price, scale)
        return ("best bid and ask", f"{book.symbol} bid {bid} ask {ask} · {compact(book.bids[0].quantity)}")
