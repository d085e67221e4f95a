"""Positions: what is held, and below each how far its mark is from stop and target.

Decided here: the bar goes from the stop to the target, with the entry and the mark on it, so that the eye sees what is
risked and what is left to win. A mark that is not fresh says its age. What no stop protects is told in words, in red.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_values import PositionRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import age, group, percent, signed, tone_of
from polotui.tui.widgets.painted import Line, fit, width_of
from polotui.tui.widgets.paper.base import (
    PROTECTION_TONES,
    SIDE_TONES,
    BlockTable,
    figure,
    keyed,
    r_words,
    running_words,
    tone_of_text,
)
from polotui.tui.widgets.rows import Cell, Column, Row

_PROTECTED = {"venue": "stop at exchange", "local": "protected locally", "none": "unprotected"}


def row_key(row: PositionRow) -> str:
    return f"{row.account} {row.symbol}"


def ends(stop: float | None, target: float | None, entry: float, mark: float) -> tuple[float, float]:
    """What the bar goes from and to. An end that is not set is as far from the entry as the other one."""
    low = stop if stop is not None else min(mark, entry - (target - entry) if target is not None else entry)
    high = target if target is not None else max(mark, entry + (entry - low))
    return (low, high) if high > low else (low, low + abs(low) * 0.001 + 1e-12)


def distance_bar(row: PositionRow, width: int) -> Line:
    """«├────┼──●──────┤» in `width` cells: entry and mark between stop and target."""
    entry, mark = figure(row.entry_price), figure(row.mark)
    if entry is None or mark is None or width < 5:
        return [("─" * max(0, width), "faint")]
    stop, target = figure(row.stop), figure(row.target)
    low, high = ends(stop, target, entry, mark)
    inner = width - 2

    def place(value: float) -> int:
        return max(0, min(inner - 1, round((value - low) / (high - low) * (inner - 1))))

    cells = [("─", "faint")] * inner
    cells[place(entry)] = ("┼", "muted")
    cells[place(mark)] = ("●", "stale" if row.stale else tone_of(mark - entry) if mark != entry else "accent")
    left = ("├", "down") if stop is not None else ("╌", "faint")
    right = ("┤", "up") if target is not None else ("╌", "faint")
    return [left, *cells, right]


def protected_words(row: PositionRow) -> str:
    return "trailing, " * row.trail + _PROTECTED[row.protection]


def distance_line(row: PositionRow, width: int) -> Line:
    """«stop 60,592.06 ├────●────┤ target 62,428.18  protected locally», with percentages where there is room."""
    scale = row.price_scale
    if not row.stop and not row.target:
        words = "  no stop, no target: nothing limits its loss"
        return [(fit(words, max(10, width - 2)).rstrip(), "bad" if row.protection == "none" else "muted")]
    stop = f"stop {group(row.stop, scale)}" if row.stop else "no stop"
    target = f"target {group(row.target, scale)}" if row.target else "no target"
    tail: Line = [(f"  {protected_words(row)}", PROTECTION_TONES[row.protection] or "muted")]
    away = ["", ""]
    if row.stop_distance is not None and row.stop:
        away[0] = f" {percent(-abs(row.stop_distance))}"
    if row.target_distance is not None and row.target:
        away[1] = f" {percent(abs(row.target_distance))}"
    for with_away in (True, False):
        left = stop + (away[0] if with_away else "") + " "
        right = " " + target + (away[1] if with_away else "")
        room = width - 3 - len(left) - len(right) - width_of(tail)
        if room >= (16 if with_away else 5):
            break
    else:
        tail = []
        room = max(5, width - 3 - len(left) - len(right))
    return [
        ("  ", ""),
        (left, "muted" if row.stop else "bad"),
        *distance_bar(row, min(room, 44)),
        (right, "muted" if row.target else "faint"),
        *tail,
    ]


class PositionsPane(BlockTable):
    """Two lines a position."""

    NAME = "Positions"
    ABOUT = (
        "What is held. The bar goes from the stop to the target; ┼ is the entry, ● the mark. R is the result in units "
        "of what was risked first. Enter changes stop and target, c sells at the market, both after a question. "
        "Protected locally means: by this engine, as long as it runs and hears prices."
    )
    SCOPES = ("held", "table", "paper")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("held")
    TOPICS = BlockTable.TOPICS | {"positions", "bots"}
    COLUMNS = (
        Column("symbol", "symbol"),
        Column("side", "", drop=9),
        Column("quantity", "quantity", "point", drop=3),
        Column("entry", "entry", "point", drop=2),
        Column("mark", "mark", "point"),
        Column("result", "result", "point"),
        Column("ratio", "%", "point"),
        Column("r", "R", "point"),
        Column("bot", "bot", drop=4),
        Column("value", "worth", "point", drop=6),
        Column("held", "held for", drop=5),
    )

    def positions(self) -> list[PositionRow]:
        return self.desk.store.positions or []

    def title(self, width: int) -> Line:
        rows = self.positions()
        line: Line = [(self.NAME, "title")]
        if rows:
            line.append((f" · {len(rows)}", "muted"))
        naked = sum(1 for row in rows if row.protection == "none" and not row.dust)
        if naked:
            line.append((f" · {naked} unprotected", "bad"))
        return line

    def nothing(self, width: int) -> list[Line]:
        if self.table.needle:
            return super().nothing(width)
        if self.desk.store.positions is None:
            return [[], [(" Waiting for the engine to tell what is held.", "muted")]]
        return [[], [(" ", ""), *keyed("Nothing is held. A bot's entry appears here; `o` places an order by hand.")]]

    def rows(self) -> list[Row]:
        now = self.desk.market_ms()
        return [self._line(row, now) for row in self.positions()]

    def _line(self, row: PositionRow, now: int) -> Row:
        tone = tone_of_text(row.result)
        mark = group(row.mark, row.price_scale)
        cells = {
            "symbol": Cell(clean(row.symbol, 24), "muted" if row.dust else ""),
            "side": Cell(row.side, SIDE_TONES[row.side]),
            "quantity": Cell(group(row.quantity), "", figure(row.quantity)),
            "entry": Cell(group(row.entry_price, row.price_scale), "muted", figure(row.entry_price)),
            "mark": Cell(mark, "stale" if row.stale or self._gone else "", figure(row.mark)),
            "result": Cell(signed(row.result, 2), tone, figure(row.result)),
            "ratio": Cell(percent(row.result_ratio), tone_of(row.result_ratio), row.result_ratio),
            "r": Cell(r_words(row.r), tone, row.r),
            "bot": Cell(self.work.bot_words(row.bot), "muted", row.bot),
            "value": Cell(group(row.value, 2), "muted", figure(row.value)),
            "held": Cell(running_words(now - row.opened_ms) if row.opened_ms else "", "muted", -row.opened_ms),
        }
        return Row(row_key(row), cells)

    @property
    def _gone(self) -> bool:
        return bool(self.desk.store.gone_since_ms)

    def row_of(self, key: str) -> PositionRow | None:
        return next((row for row in self.positions() if row_key(row) == key), None)

    def below(self, key: str, width: int) -> list[Line]:
        row = self.row_of(key)
        if row is None:
            return []
        lines = [distance_line(row, width)]
        told = []
        if row.dust:
            told.append("too small to be sold")
        if row.stale:
            told.append(f"mark is {age(self.desk.market_ms() - row.mark_ms)} old")
        if row.protection_note:
            told.append(clean(row.protection_note, 200))
        if told:
            tone = "stale" if row.stale else "bad" if row.protection == "none" else "muted"
            lines.append([("    └ ", "faint"), (fit(" · ".join(told), width - 6), tone)])
        return lines

    @property
    def chosen(self) -> PositionRow | None:
        row = self.table.current
        return self.row_of(row.key) if row is not None else None

    def opened(self, key: str) -> None:
        row = self.row_of(key)
        if row is not None:
            self.paper.edit_protection(row)

    def action_close_position(self) -> None:
        if self.chosen is not None:
            self.paper.close_position(self.chosen)

    def action_chart(self) -> None:
        if self.chosen is not None:
            self.desk.show_symbol(self.chosen.symbol)
