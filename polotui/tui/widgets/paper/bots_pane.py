"""Bots: one line each, and a second one when a bot may not enter, is paused, or has failed, with the reason.

Decided here: the state is told by a word and a mark, and the colour repeats it. The result stands beside what a
backtest of the same version would have made in the same time, so that good luck and bad are seen for what they are.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from polotui.api.trade_values import BotRow
from polotui.core.text import clean
from polotui.tui import keys
from polotui.tui.numbers import UNKNOWN, age, percent, signed, tone_of
from polotui.tui.widgets.backtest.base import strategy_words
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.paper.base import (
    PROTECTION_TONES,
    PROTECTION_WORDS,
    BlockTable,
    keyed,
    running_words,
    tone_of_text,
)
from polotui.tui.widgets.rows import Cell, Column, Row

STATE_TONES = {"running": "good", "paused": "warn", "stopping": "warn", "stopped": "muted", "failed": "bad"}
_STATE_MARKS = {"running": "●", "paused": "◌", "stopping": "◌", "stopped": "○", "failed": "✗"}
HEALTH_WORDS = {"ok": "● ok", "below": "▼ below", "above": "▲ above", "early": "○ early", "": UNKNOWN}
HEALTH_TONES = {"ok": "good", "below": "warn", "above": "accent", "early": "muted", "": "muted"}


def expected_words(row: BotRow) -> str:
    """«−0.8 … +2.1 %», what the newest backtest says of this span."""
    if row.expected_low is None or row.expected_high is None:
        return UNKNOWN
    low, high = (f"{value * 100:+.1f}".replace("-", "−") for value in (row.expected_low, row.expected_high))
    return f"{low} … {high} %"


def state_words(row: BotRow, now_ms: int) -> str:
    """«● running 3 d 04:11»."""
    mark = "◐" if row.state == "running" and (row.blocked or not row.fresh) else _STATE_MARKS[row.state]
    if row.state == "running":
        return f"{mark} running {running_words(now_ms - row.started_ms)}"
    if row.ended_ms:
        return f"{mark} {row.state} {age(now_ms - row.ended_ms)} ago"
    return f"{mark} {row.state}"


def trouble(row: BotRow) -> tuple[str, str]:
    """(why it does not trade, tone); empty when it does."""
    if row.state != "running" and row.reason:
        return f"{row.state}: {clean(row.reason, 300)}", STATE_TONES[row.state]
    if row.blocked:
        return f"no entries: {clean(row.blocked, 300)}", "warn"
    if not row.fresh and row.state == "running":
        return "no entries: its data is stale", "stale"
    return "", ""


class BotsPane(BlockTable):
    """Running ones first, as the engine lists them."""

    NAME = "Bots"
    ABOUT = (
        "Strategies at work on paper. Expected: what a backtest of this version makes in as much time, from a bad run "
        "to a good one. Enter shows a bot's parameters and money, d takes its result apart against a backtest. x ends "
        "a bot: it asks whether its positions are sold or stay."
    )
    SCOPES = ("bots", "table", "paper")
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings("bots")
    TOPICS = BlockTable.TOPICS | {"bots"}
    COLUMNS = (
        Column("id", "#", "right"),
        Column("name", "strategy"),
        Column("symbols", "symbols", drop=3),
        Column("state", "state", least=18),
        Column("result", "result", "point", least=9),
        Column("expected", "expected", drop=5),
        Column("profit", "USDT", "point", drop=8),
        Column("day", "today", "point", drop=9),
        Column("held", "held", "right", drop=4),
        Column("trades", "trades", "right", drop=10),
        Column("protection", "protection", drop=6),
        Column("health", "health", drop=1),
    )

    def title(self, width: int) -> Line:
        rows = self.work.bots or []
        running = sum(1 for row in rows if row.state == "running")
        line: Line = [(self.NAME, "title")]
        if rows:
            line.append((f" · {running} running", "muted"))
        troubled = sum(1 for row in rows if trouble(row)[0] and row.state != "stopped")
        if troubled:
            line.append((f" · {troubled} need{'s' if troubled == 1 else ''} a look", "warn"))
        return line

    def nothing(self, width: int) -> list[Line]:
        if self.table.needle:
            return super().nothing(width)
        if self.work.bots is None:
            return [[], [(" Waiting for the engine to tell which bots there are.", "muted")]]
        told = (
            "No bots yet. `a` starts one from a stored strategy or a template.",
            "`o` places an order by hand · `3` is the Lab, where `P` starts what is open.",
        )
        return [[], *([(" ", ""), *keyed(words)] for words in told)]

    def rows(self) -> list[Row]:
        now = self.desk.market_ms()
        return [self._line(row, now) for row in self.work.bots or []]

    def _line(self, row: BotRow, now: int) -> Row:
        stopped = row.state == "stopped"
        band = expected_words(row)
        state_tone = "warn" if row.state == "running" and trouble(row)[0] else STATE_TONES[row.state]
        frame = clean(row.timeframe, 6)
        more = f" +{len(row.symbols) - 1}" if len(row.symbols) > 1 else ""
        symbols = (clean(row.symbols[0], 24) if row.symbols else UNKNOWN) + more
        held = str(row.positions) if row.positions else UNKNOWN
        cells = {
            "id": Cell(str(row.id), "muted", row.id),
            "name": Cell(strategy_words(row.strategy, row.version, 24), "muted" if stopped else "", row.strategy),
            "symbols": Cell(f"{symbols} {frame}", "muted", ",".join(row.symbols)),
            "state": Cell(state_words(row, now), state_tone, row.state),
            "result": Cell(percent(row.result_ratio), tone_of(row.result_ratio), row.result_ratio),
            "expected": Cell(band, "muted", row.expected_high),
            "profit": Cell(signed(row.result, 2), tone_of_text(row.result), None),
            "day": Cell(signed(row.day_result, 2), tone_of_text(row.day_result), None),
            "held": Cell(held, "" if row.positions else "muted", row.positions),
            "trades": Cell(f"{row.trades}", "muted", row.trades),
            "protection": Cell(
                PROTECTION_WORDS[row.protection], PROTECTION_TONES[row.protection], row.protection or None
            ),
            "health": Cell(HEALTH_WORDS[row.health], HEALTH_TONES[row.health], row.health or None),
        }
        return Row(str(row.id), cells)

    def below(self, key: str, width: int) -> list[Line]:
        row = self.work.bot_row(int(key))
        words, tone = trouble(row) if row is not None else ("", "")
        return [[("    └ ", "faint"), (fit(words, width - 6), tone)]] if words else []

    @property
    def chosen(self) -> BotRow | None:
        row = self.table.current
        return self.work.bot_row(int(row.key)) if row is not None else None

    def opened(self, key: str) -> None:
        self.paper.open_bot(int(key))

    def action_drift(self) -> None:
        if self.chosen is not None:
            self.paper.open_bot(self.chosen.id, drift=True)

    def action_pause_bot(self) -> None:
        if self.chosen is not None:
            self.paper.pause_bot(self.chosen)

    def action_stop(self) -> None:
        if self.chosen is not None:
            self.paper.stop_bot(self.chosen)

    def action_chart(self) -> None:
        if self.chosen is not None and self.chosen.symbols:
            self.desk.show_symbol(self.chosen.symbols[0])

    def action_ended(self) -> None:
        self.work.with_ended = not self.work.with_ended
        self.work.asking.forget("ended")
        self.work.changed()
