"""The watched symbols: last price, 24 h, spread, the day's curve."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.values import WatchRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, age, compact, percent, price, tone_of
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.rows import Cell, Column, Row
from polotui.tui.widgets.sparkline import sparkline


class Watchlist(LiveTable):
    """Enter shows the symbol on the chart; `a` adds one, `x` removes it."""

    NAME = "Watchlist"
    ABOUT = "The symbols you follow. A dimmed price with «stale» is true only as of that long ago."
    SCOPES = ("market", "table", "watchlist")
    TOPICS = frozenset({"watch", "symbols", "link", "second", "engine"})
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("watchlist")
    GAP = 1
    COLUMNS = (
        Column("symbol", "symbol", least=9),
        Column("last", "last", "point", least=9),
        Column("change", "24h", "point", least=8),
        Column("spread", "spread", "point", drop=2, least=6),
        Column("spark", "day", drop=3, least=7, grow=True),
        Column("amount", "turnover", "right", drop=9, least=9),
        Column("high", "high", "point", drop=11, least=9),
        Column("low", "low", "point", drop=10, least=9),
    )

    def title(self, width: int) -> Line:
        count = len(self.desk.store.watched)
        if not count:
            return [(self.NAME, "title")]
        # More than fit: say where the cursor is.
        where = f"{self.table.place + 1}/{count}" if count > self.size.height - 3 else f"{count}"
        return [(self.NAME, "title"), (f" · {where}", "muted")]

    def title_right(self) -> Line:
        store = self.desk.store
        since = [row.stale_since_ms for row in store.rows.values() if row.stale_since_ms]
        if (since and len(since) == len(store.rows)) or store.gone_since_ms:
            return self.stale_mark(min(since, default=0))
        return [(f"{len(since)} stale", "stale")] if since else []

    def empty_words(self) -> str:
        if self.desk.store.engine is None:
            return "Waiting for the engine."
        return "Nothing watched yet." + ("" if self.desk.read_only else " a adds a symbol.")

    def rows(self) -> list[Row]:
        store = self.desk.store
        return [self._line(symbol, store.rows.get(symbol)) for symbol in store.watched]

    def _line(self, symbol: str, row: WatchRow | None) -> Row:
        name = clean(symbol, 24)
        if row is None:
            cells = {column.name: Cell(UNKNOWN, "muted") for column in self.COLUMNS}
            return Row(symbol, cells | {"symbol": Cell(name, order=name)})
        old = bool(row.stale_since_ms) or bool(self.desk.store.gone_since_ms)
        dim = "muted" if old else ""
        spread = UNKNOWN if row.spread_bp is None else f"{row.spread_bp:,.1f} bp"
        curve = sparkline(row.spark, 7)
        if old and row.stale_since_ms:
            curve = age(self.desk.clock.wall_ms() - row.stale_since_ms)
        shown = symbol == self.desk.view.symbol
        return Row(
            symbol,
            {
                "symbol": Cell(name, "accent" if shown else "", name),
                "last": Cell(price(row.last, row.price_scale), dim, row.last),
                "change": Cell(percent(row.change), dim or tone_of(row.change), row.change),
                "spread": Cell(spread, "muted", row.spread_bp),
                "spark": Cell(curve, "stale" if old else tone_of(row.change), row.change),
                "amount": Cell(compact(row.amount), "muted", row.amount),
                "high": Cell(price(row.high, row.price_scale), "muted", row.high),
                "low": Cell(price(row.low, row.price_scale), "muted", row.low),
            },
        )

    def opened(self, key: str) -> None:
        self.desk.show_symbol(key)

    def action_add(self) -> None:
        self.desk.add_symbol()

    def action_remove(self) -> None:
        row = self.table.current
        if row is not None:
            self.desk.remove_symbol(row.key)
