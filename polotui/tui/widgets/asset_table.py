"""The assets of the chosen account. A figure that is not known says why, in its place."""

from __future__ import annotations

from polotui.api.values import AssetRow, Shown
from polotui.core.text import clean
from polotui.tui.figures import reason, shown_percent, shown_ratio, shown_text, tone_for
from polotui.tui.numbers import tone_of
from polotui.tui.widgets.live_table import LiveTable
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.rows import Cell, Column, Row


class AssetTable(LiveTable):
    """Sorted by value until the person says otherwise."""

    NAME = "Assets"
    ABOUT = "What the account holds. Dust, worth less than 1 USDT, is folded away until d shows it."
    SCOPES = ("balance", "table")
    TOPICS = frozenset({"accounts", "link", "second", "view"})
    GAP = 3
    COLUMNS = (
        Column("asset", "asset", least=8),
        Column("available", "available", "point", least=12, grow=True),
        Column("hold", "hold", "point", drop=3, least=10),
        Column("price", "price", "point", drop=4, least=10, grow=True),
        Column("value", "value USDT", "point", least=10, grow=True),
        Column("share", "share", "point", drop=1, least=6),
        Column("change", "24 h", "point", drop=2, least=6),
        Column("account", "account", drop=5),
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.table.sort_by = "value"
        self.table.chosen = 4

    def title(self, width: int) -> Line:
        account = self.desk.account
        count = f" · {len(account.rows)}" if account is not None else ""
        return [(self.NAME, "title"), (count, "muted")]

    def title_right(self) -> Line:
        return self.stale_mark(0)

    def empty_words(self) -> str:
        store = self.desk.store
        if store.accounts is None:
            return "Loading the balances …"
        if self.desk.account is not None and self.desk.account.rows:
            return "Only dust here: d shows it."
        return "This account holds nothing yet. : paper deposit USDT 1000 gives it virtual money."

    def closing_line(self) -> Line:
        hidden = self._dust_count()
        if not hidden:
            return []
        limit = self.desk.settings.dust_limit
        if self.desk.show_dust:
            return [(f" {hidden} under {limit:g} USDT shown · ", "muted"), ("d", "key"), (" hides them", "muted")]
        noun = "asset" if hidden == 1 else "assets"
        return [(f" {hidden} {noun} under {limit:g} USDT hidden · ", "muted"), ("d", "key"), (" shows dust", "muted")]

    def _is_dust(self, row: AssetRow) -> bool:
        """The engine's word for 1 USDT; another limit from the settings is applied to known values only."""
        limit = self.desk.settings.dust_limit
        if limit == 1.0:
            return row.dust
        value = shown_ratio(row.value)
        return value is not None and value < limit

    def _dust_count(self) -> int:
        account = self.desk.account
        return sum(1 for row in account.rows if self._is_dust(row)) if account is not None else 0

    def rows(self) -> list[Row]:
        account = self.desk.account
        if account is None:
            return []
        shown = [row for row in account.rows if self.desk.show_dust or not self._is_dust(row)]
        return [self._line(row) for row in shown]

    def _line(self, row: AssetRow) -> Row:
        now = self.desk.clock.wall_ms()
        change = shown_ratio(row.change_24h)
        gone = "muted" if self.desk.store.gone_since_ms else ""

        def cell(figure: Shown, places: int | None = None) -> Cell:
            return Cell(shown_text(figure, places), tone_for(figure, gone), shown_ratio(figure))

        share = Cell(shown_percent(row.share, sign=False), tone_for(row.share, gone), shown_ratio(row.share))
        cells = {
            "asset": Cell(clean(row.currency, 16), "", clean(row.currency, 16)),
            "available": cell(row.available),
            "hold": cell(row.hold),
            "price": cell(row.price),
            "value": cell(row.value, 2),
            "share": share,
            "change": Cell(shown_percent(row.change_24h), tone_for(row.change_24h, gone or tone_of(change)), change),
            "account": Cell(clean(row.account, 12), "muted", clean(row.account, 12)),
        }
        # Without the amount the row can only say why; without a price the amounts still stand.
        note = reason(row.available, now) if row.available.standing == "unknown" else ""
        return Row(f"{row.account} {row.currency}", cells, note)

    def opened(self, key: str) -> None:
        """Enter: the chart of this currency, when there is a market for it."""
        currency = key.rpartition(" ")[2]
        symbol = f"{currency}_USDT"
        if symbol in self.desk.store.symbols:
            self.desk.show_symbol(symbol)
        else:
            self.desk.tell(f"There is no market {clean(symbol, 30)} to show.")

    def note_under_cursor(self) -> str:
        """Why a figure of the row under the cursor is not simply known."""
        account, row = self.desk.account, self.table.current
        if account is None or row is None or row.note:
            return ""
        found = next((item for item in account.rows if f"{item.account} {item.currency}" == row.key), None)
        if found is None:
            return ""
        now = self.desk.clock.wall_ms()
        named = (("amount", found.available), ("price", found.price), ("value", found.value))
        told = [f"{name} {why}" for name, figure in named if (why := reason(figure, now))]
        return told[0] if told else ""

    def _filter_line(self) -> Line:
        line = super()._filter_line()
        if line:
            return line
        why = self.note_under_cursor()
        return [(f" {why}", "stale")] if why else []
