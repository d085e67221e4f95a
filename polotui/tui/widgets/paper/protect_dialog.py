"""Stop and target of a position: two fields, checked against the mark while one types.

Decided here: for a long the stop is below the mark and the target above it; «none» takes one away, and a position that
would be left without a stop asks once more. What each level means stands beside it: distance, R and money.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace
from textual.app import ComposeResult

from polotui.api.trade_values import PositionRow
from polotui.core.text import clean
from polotui.tui.numbers import age, group, percent, signed, tone_of
from polotui.tui.shell.dialogs import Question
from polotui.tui.widgets.backtest.form_fields import Wrong
from polotui.tui.widgets.painted import Line
from polotui.tui.widgets.paper import amounts
from polotui.tui.widgets.paper.base import quote_of, r_words, tone_of_text
from polotui.tui.widgets.paper.entry_pane import Entry, EntryDialog, EntryPane, dialog_css
from polotui.tui.widgets.paper.positions_pane import distance_line

LEVELS = ("stop", "target")


@dataclass(frozen=True)
class Level:
    """A typed level. `price` None with no fault: taken away."""

    price: Decimal | None = None
    fault: str = ""


def level(name: str, text: str, row: PositionRow) -> Level:
    """What a typed stop or target means for the position."""
    if text.strip().lower() == amounts.NONE:
        return Level()
    mark = amounts.known(row.mark)
    sign = -1 if (name == "stop") == (row.side == "long") else 1
    try:
        value = amounts.price(text, row.price_scale, mark, sign)
    except Wrong as error:
        return Level(fault=str(error) if text.strip() else "a price, a distance such as 2%, or none")
    if mark is not None and (value - mark) * sign <= 0:
        side = "below" if sign < 0 else "above"
        return Level(value, f"must be {side} the mark, {group(row.mark, row.price_scale)}")
    return Level(value)


def first_risk(row: PositionRow, stop: Decimal | None) -> Decimal | None:
    """What one R is in quote currency: from the engine's own R when it tells one, else from the stop."""
    result, quantity = amounts.known(row.result), amounts.known(row.quantity)
    if row.r and result:
        return abs(result / Decimal(str(row.r)))
    entry = amounts.known(row.entry_price)
    if stop is None or quantity is None or entry is None or stop >= entry:
        return None
    return (entry - stop) * quantity


def sent(name: str, text: str, row: PositionRow) -> str:
    """As EditProtection takes it: "" when nothing changes."""
    found, was = level(name, text, row), amounts.known(getattr(row, name))
    if found.price == was:
        return ""
    return amounts.NONE if found.price is None else amounts.written(found.price)


class ProtectPane(EntryPane):
    """The fields, above them the position, below them what the levels mean together."""

    NAME = "Stop and target"
    LABELS = 8

    def __init__(self, row: PositionRow, newest: Callable[[], PositionRow | None]) -> None:
        super().__init__()
        self._row = row
        self._newest = newest
        for name in LEVELS:
            self.texts[name] = getattr(row, name) or amounts.NONE
        self.caret = len(self.texts["stop"])

    @property
    def row(self) -> PositionRow:
        """As it is now: the mark moves while one types."""
        return self._newest() or self._row

    @property
    def closed(self) -> bool:
        return self._newest() is None

    def title(self, width: int) -> Line:
        return [(self.NAME, "title"), (f" · {clean(self.row.symbol, 24)} {self.row.side}", "muted")]

    def title_right(self) -> Line:
        return [("Esc leaves", "muted")]

    def entries(self) -> list[Entry]:
        return [Entry(name, name, wide=14) for name in LEVELS]

    def buttons(self) -> list[tuple[str, str]]:
        return [("take", "Set them"), ("leave", "Leave as it is")]

    def fault(self, name: str) -> str:
        return level(name, self.text(name), self.row).fault

    def hint(self, name: str) -> Line:
        row, found = self.row, level(name, self.text(name), self.row)
        if found.price is None:
            return (
                [("nothing limits its loss", "bad")] if name == "stop" else [("it runs until a rule ends it", "muted")]
            )
        mark, entry, quantity = (amounts.known(text) for text in (row.mark, row.entry_price, row.quantity))
        line: Line = []
        if mark:
            line.append((f"{percent(float(found.price / mark - 1))} from the mark", "muted"))
        if entry is None or quantity is None:
            return line
        money = (found.price - entry) * quantity
        risk = first_risk(row, level("stop", self.text("stop"), row).price)
        tone = tone_of(float(money))
        if risk:
            line.append((f"   {r_words(float(money / risk))} R", tone))
        line.append((f"   {signed(f'{money:f}', 2)} {quote_of(row.symbol)}", tone))
        typed = self.text(name).strip()
        return [(f"= {group(amounts.written(found.price))}  ", "accent"), *line] if typed.endswith("%") else line

    def above(self, width: int) -> list[Line]:
        row = self.row
        scale = row.price_scale
        if self.closed:
            return [[], [(" This position is closed meanwhile; nothing can be changed.", "warn")], []]
        old = f", {age(self.desk.market_ms() - row.mark_ms)} old" if row.stale else ""
        head: Line = [
            (f" {group(row.quantity)} {clean(row.symbol.partition('_')[0], 12)}", ""),
            ("  entry ", "muted"),
            (group(row.entry_price, scale), ""),
            ("  mark ", "muted"),
            (group(row.mark, scale) + old, "stale" if row.stale else ""),
            (
                f"  {signed(row.result, 2)} {quote_of(row.symbol)} ({percent(row.result_ratio)})",
                tone_of_text(row.result),
            ),
        ]
        return [[], head, []]

    def below(self, width: int) -> list[Line]:
        row = self.row
        found = {name: level(name, self.text(name), row) for name in LEVELS}
        lines: list[Line] = []
        if not any(item.fault for item in found.values()):
            texts = {name: "" if item.price is None else amounts.written(item.price) for name, item in found.items()}
            mark = float(row.mark) if row.mark else 0.0
            away = {
                f"{name}_distance": abs(float(item.price) / mark - 1) if item.price is not None and mark else None
                for name, item in found.items()
            }
            lines.append(distance_line(replace(row, **texts, **away), width))
        else:
            lines.append([])
        lines.append([(" A price, a distance from the mark such as 2%, or none.", "muted")])
        return lines

    def rows_wanted(self, width: int) -> int:
        return 10

    @property
    def changes(self) -> dict[str, str]:
        return {name: sent(name, self.text(name), self.row) for name in LEVELS}


class ProtectDialog(EntryDialog[dict[str, str] | None]):
    """Returns stop and target as EditProtection takes them, or None."""

    CSS = dialog_css("ProtectDialog", 88)

    def __init__(self, row: PositionRow, newest: Callable[[], PositionRow | None]) -> None:
        super().__init__()
        self.pane: ProtectPane = ProtectPane(row, newest)

    def compose(self) -> ComposeResult:
        yield self.pane

    def press_button(self, name: str) -> None:
        pane = self.pane
        if name == "leave" or pane.closed:
            self.dismiss(None)
        elif pane.faults():
            pane.go_to_fault()
        elif not any(pane.changes.values()):
            self.dismiss(None)
        elif pane.changes["stop"] == amounts.NONE:
            self._ask_for_no_stop()
        else:
            self.dismiss(pane.changes)

    def _ask_for_no_stop(self) -> None:
        words = f"Without a stop nothing limits what {clean(self.pane.row.symbol, 24)} can lose, however far it falls."
        changes = self.pane.changes

        def answered(answer: str | None) -> None:
            if answer == "y":
                self.dismiss(changes)

        self.app.push_screen(Question("No stop", words, [("y", "take it away"), ("n", "keep it")], "n"), answered)
