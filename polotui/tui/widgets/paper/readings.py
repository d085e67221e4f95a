"""What Enter opens: a bot, an order, a signal, a trade, a line of the feed, as lines to read."""

from __future__ import annotations

from polotui.api.trade_replies import Drift
from polotui.api.trade_values import BotRow, FeedItem, JournalRow, OrderRow, SignalRow, TradeRow
from polotui.core.text import clean
from polotui.tui.numbers import UNKNOWN, age, at, group, percent, signed, tone_of
from polotui.tui.shell.dialogs import columns, wrapped
from polotui.tui.widgets.backtest.base import number_words, strategy_words
from polotui.tui.widgets.painted import Line, Span, width_of
from polotui.tui.widgets.paper.base import PROTECTION_WORDS, SIDE_TONES, r_words, running_words, tone_of_text
from polotui.tui.widgets.paper.bots_pane import HEALTH_TONES, STATE_TONES, expected_words, trouble
from polotui.tui.widgets.paper.feed_pane import KIND_TONES
from polotui.tui.widgets.paper.journal_pane import notes_words, tags_words
from polotui.tui.widgets.paper.orders_pane import STATE_TONES as ORDER_TONES
from polotui.tui.widgets.paper.orders_pane import size_words, unknown_words
from polotui.tui.widgets.paper.signals_pane import STATE_TONES as SIGNAL_TONES

_HEALTH = {
    "ok": "as expected",
    "below": "worse than expected",
    "above": "better than expected",
    "early": "too early to tell",
    "": "no backtest to compare with",
}
_PARTS = {"price": "prices", "timing": "moment", "missed": "missed", "extra": "extra", "fees": "fees", "other": "rest"}


def when(at_ms: int) -> str:
    return at(at_ms).strftime("%Y-%m-%d %H:%M:%S") if at_ms else UNKNOWN


def table(rows: list[tuple[str, Span]]) -> list[Line]:
    """Labels and values; what has no value is left out."""
    kept = [(name, span) for name, span in rows if span[0] and span[0] != UNKNOWN]
    return columns([[(name, "muted"), span] for name, span in kept])


def beside(left: list[Line], right: list[Line], width: int) -> list[Line]:
    """Two columns of lines, the right one from cell `width` on."""
    lines: list[Line] = []
    for index in range(max(len(left), len(right))):
        line = left[index] if index < len(left) else []
        other = right[index] if index < len(right) else []
        lines.append([*line, (" " * max(2, width - width_of(line)), ""), *other])
    return lines


def text_lines(text: str, width: int, tone: str = "") -> list[Line]:
    return [[(part, tone)] for part in wrapped(clean(text, 4000), width)]


def bot_lines(row: BotRow, now_ms: int, width: int) -> list[Line]:
    """A bot whole: state, money, trades, parameters."""
    words, tone = trouble(row)
    head: Line = [
        (row.state, STATE_TONES[row.state]),
        (f"  {clean(', '.join(row.symbols), 200)} {clean(row.timeframe, 8)}", ""),
    ]
    lines: list[Line] = [head]
    lines += text_lines(words, width, tone) if words else []
    wins = f"{row.wins} of {row.trades}" + (f" ({row.wins / row.trades * 100:.0f} %)" if row.trades else "")
    ended = row.ended_ms or now_ms
    money = table([
        ("capital", (f"{group(row.capital, 2)} USDT", "")),
        ("equity", (f"{group(row.equity, 2)} USDT", "")),
        ("result", (f"{signed(row.result, 2)}  {percent(row.result_ratio)}", tone_of(row.result_ratio))),
        ("expected", (expected_words(row), "")),
        ("health", (_HEALTH[row.health], HEALTH_TONES[row.health])),
        ("of it realised", (signed(row.realised, 2), tone_of_text(row.realised))),
        ("today", (signed(row.day_result, 2), tone_of_text(row.day_result))),
        ("drawdown", ("" if row.drawdown is None else percent(-abs(row.drawdown)), "")),
    ])  # fmt: skip
    state = table([
        ("trades won", (wins, "")),
        ("positions", (str(row.positions), "")),
        ("open orders", (str(row.orders), "")),
        ("protection", (PROTECTION_WORDS[row.protection], "")),
        ("runs for", (running_words(ended - row.started_ms) if row.started_ms else "", "")),
        ("started", (when(row.started_ms)[:16], "muted")),
        ("ended", (when(row.ended_ms)[:16], "muted")),
        ("last bar", (when(row.last_bar_ms)[:16], "muted")),
        ("next bar", (_ahead(row.next_bar_ms, now_ms), "muted")),
        ("account", (clean(row.account, 60), "muted")),
    ])  # fmt: skip
    lines += [[], *beside(money, state, width // 2 + 2)]
    params = [(clean(name, 30), (number_words(value), "")) for name, value in row.params.items()]
    lines += [[], [("Parameters", "title")], *(table(params) if params else [[("as the document has them", "muted")]])]
    return lines


def _ahead(at_ms: int, now_ms: int) -> str:
    return f"in {age(at_ms - now_ms)}" if at_ms > now_ms else ""


def bot_title(row: BotRow) -> str:
    return f"Bot #{row.id} · {strategy_words(row.strategy, row.version)}"


def drift_lines(drift: Drift, width: int) -> list[Line]:
    """Paper against a backtest of the same span, the difference taken apart."""
    head: Line = [
        (f"{signed(drift.paper, 2)} on paper", tone_of_text(drift.paper)),
        (f"   {signed(drift.backtest, 2)} in the backtest", tone_of_text(drift.backtest)),
        (f"   difference {signed(drift.difference, 2)} USDT", tone_of_text(drift.difference)),
    ]
    lines: list[Line] = [[("Against a backtest of the same span", "title")], head, []]
    heads = columns([
        [
            (_PARTS.get(part.name, clean(part.name, 20)), "muted"),
            (signed(part.amount, 2).rjust(12), tone_of_text(part.amount)),
            (f"{part.trades} trade{'s' if part.trades != 1 else ''}".ljust(10) if part.trades else " " * 10, "muted"),
        ]
        for part in drift.parts
    ])  # fmt: skip
    for part, front in zip(drift.parts, heads, strict=True):
        used = width_of(front)
        for index, text in enumerate(wrapped(clean(part.text, 400), max(20, width - used - 3))):
            lines.append([*(front if index == 0 else [(" " * used, "")]), ("   ", ""), (text, "")])
    lines += [[], [(f"{drift.matched} trades matched, {drift.missed} missed, {drift.extra} extra", "muted")]]
    for sentence in drift.lines:
        lines += text_lines(sentence, width)
    if drift.run:
        lines.append([(f"The backtest is run #{drift.run}; 4 i finds it.", "muted")])
    return lines


def order_lines(row: OrderRow, now_ms: int, width: int) -> list[Line]:
    """An order whole."""
    head: Line = [(row.state, ORDER_TONES.get(row.state, "")), (f"  {row.side.lower()} ", SIDE_TONES[row.side])]
    lines: list[Line] = [
        [*head, (f"{size_words(row)} {clean(row.symbol, 24)}", ""), (f"  {clean(row.type, 16)}", "muted")]
    ]
    if row.state == "UNKNOWN":
        lines += text_lines(unknown_words(row, now_ms), width, "bad")
    elif row.words:
        lines += text_lines(row.words, width, "warn")
    lines += table([
        ("for", (clean(row.purpose, 30), "")),
        ("reason", (clean(row.reason, 200), "")),
        ("price", (group(row.price) if row.price else "", "")),
        ("stop", (group(row.stop) if row.stop else "", "")),
        ("target", (group(row.target) if row.target else "", "")),
        ("filled", (f"{group(row.filled)} at {group(row.average_price)}" if row.average_price else "nothing yet", "")),
        ("fees", (clean(row.fees, 60), "")),
        ("code", (clean(row.code, 60), "warn")),
        ("created", (when(row.created_ms), "muted")),
        ("changed", (when(row.updated_ms), "muted")),
        ("expires", (when(row.expire_ms), "muted")),
        ("our id", (clean(row.id, 80), "muted")),
        ("exchange's id", (clean(row.venue_id, 80), "muted")),
        ("signal", (clean(row.signal, 80), "muted")),
    ])  # fmt: skip
    return lines


def signal_lines(row: SignalRow, width: int) -> list[Line]:
    """A signal whole."""
    head: Line = [(row.state, SIGNAL_TONES[row.state]), (f"  {clean(row.side, 8)} ", SIDE_TONES.get(row.side, ""))]
    lines: list[Line] = [[*head, (clean(row.symbol, 24), ""), (f"  {clean(row.strategy, 40)}", "muted")]]
    lines += text_lines(row.reason, width) if row.reason else []
    lines += table([
        ("ended by", (clean(row.ending, 200), "warn" if row.ending.startswith("refused") else "")),
        ("entry", (group(row.entry), "")),
        ("stop", (group(row.stop) if row.stop else "", "")),
        ("target", (group(row.target) if row.target else "", "")),
        ("score", ("" if row.score is None else f"{row.score:.2f}", "")),
        ("other frames", (clean(row.confirmation, 40), "")),
        ("bar", (when(row.bar_ms), "muted")),
        ("decided", (f"{when(row.at_ms)}, {row.latency_ms:,} ms after the bar's close", "muted")),
        ("closed", (when(row.closed_ms), "muted")),
        ("id", (clean(row.id, 80), "muted")),
    ])  # fmt: skip
    return lines


def trade_lines(row: JournalRow, width: int) -> list[Line]:
    """A trade, or a note of its own, whole."""
    note, tags = notes_words(row)
    trade = row.trade
    lines = _trade_table(trade) if trade is not None else [[(when(row.at_ms), "muted")]]
    lines += [[], [("Note", "title")]]
    lines += text_lines(note, width) if note else [[("none; w writes one", "muted")]]
    lines += [[(tags_words(tags), "key")]] if tags else []
    if row.snapshot:
        lines += [[], [("The rules as they stood at the entry", "title")], *rule_lines(row.snapshot, width)]
    return lines


def _trade_table(trade: TradeRow) -> list[Line]:
    tone = tone_of_text(trade.profit)
    result = f"{signed(trade.profit, 2)} USDT  {percent(trade.ratio)}  {r_words(trade.r)} R"
    return table([
        ("result", (result, tone)),
        ("ended by", (clean(trade.reason, 100), "")),
        ("entry", (f"{group(trade.entry_price)}   {when(trade.entry_ms)}", "")),
        ("exit", (f"{group(trade.exit_price)}   {when(trade.exit_ms)}", "")),
        ("held for", (running_words(trade.exit_ms - trade.entry_ms), "")),
        ("quantity", (f"{group(trade.quantity)} {clean(trade.symbol.partition('_')[0], 12)}", "")),
        ("stop", (group(trade.stop) if trade.stop else "", "")),
        ("target", (group(trade.target) if trade.target else "", "")),
        ("fees", (group(trade.fees), "")),
        ("strategy", (clean(trade.strategy, 60), "muted")),
        ("account", (clean(trade.account, 60), "muted")),
        ("signal", (clean(trade.signal, 80), "muted")),
    ])  # fmt: skip


def rule_lines(snapshot: str, width: int) -> list[Line]:
    """A document's text as it is: its line breaks mean something."""
    lines: list[Line] = []
    for line in snapshot.splitlines()[:400]:
        lines += [[(part, "")] for part in wrapped(clean(line, 500), width)]
    return lines


def fact_lines(item: FeedItem, width: int) -> list[Line]:
    """A line of the feed, whole."""
    head: Line = [(clean(item.kind, 16), KIND_TONES.get(item.kind, "")), (f"  {when(item.at_ms)}", "muted")]
    if item.symbol:
        head.append((f"  {clean(item.symbol, 24)}", ""))
    tone = {"warning": "warn", "error": "bad"}.get(item.level, "")
    return [head, [], *text_lines(item.text, width, tone)]
