"""Bots, positions, orders, fills, trades and the feed as tables for people.

Decided here: money keeps the digits that the engine gives it; a figure that is not known is –. What explains a row
(why a bot is paused, why it may not enter) stands below the table, so that the columns stay narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from polotui.api.trade_values import BotRow, FeedItem, FillRow, OrderRow, PositionRow, SignalRow, TradeRow
from polotui.cli.output import NONE, clock, moment, number, percent, table
from polotui.core.text import clean


def bots_table(bots: Sequence[BotRow]) -> str:
    """Bots as rows, and below them why some do not trade."""
    heads = ["bot", "strategy", "symbols", "frame", "state", "capital", "result", "", "expected", "held", "trades"]
    rows = [
        [
            str(bot.id),
            strategy(bot.strategy, bot.version),
            clean(" ".join(bot.symbols), 40),
            clean(bot.timeframe, 10),
            bot.state,
            number(bot.capital),
            number(bot.result, sign=True),
            percent(bot.result_ratio),
            _expected(bot),
            str(bot.positions),
            str(bot.trades),
            share(bot.wins, bot.trades),
            bot.protection or NONE,
            moment(bot.started_ms),
        ]
        for bot in bots
    ]
    return "\n".join([_table([*heads, "won", "protection", "since (UTC)"], rows, "rllllddrlrrrll"), *_reasons(bots)])


def positions_table(positions: Sequence[PositionRow]) -> str:
    """Open positions as rows."""
    heads = ["account", "symbol", "quantity", "entry", "mark", "value", "result", "", "R", "stop", "target"]
    rows = [
        [
            clean(row.account, 30),
            clean(row.symbol, 30),
            number(row.quantity),
            number(row.entry_price),
            number(row.mark) + (f" (as of {clock(row.mark_ms)})" if row.stale and row.mark else ""),
            number(row.value),
            number(row.result, sign=True),
            percent(row.result_ratio),
            ratio(row.r),
            number(row.stop) + (" trailing" if row.trail and row.stop else ""),
            number(row.target),
            row.protection,
            moment(row.opened_ms),
        ]
        for row in positions
    ]
    return _table([*heads, "protection", "since (UTC)"], rows, "lldddddrrrrll")


def orders_table(orders: Sequence[OrderRow]) -> str:
    """Orders as rows; what the venue or the gate said stands last."""
    heads = ["order", "at (UTC)", "account", "symbol", "side", "type", "size", "price", "filled", "average", "state"]
    rows = [
        [
            clean(row.id, 40),
            moment(row.created_ms),
            clean(row.account, 30),
            clean(row.symbol, 30),
            row.side.lower(),
            row.type.lower(),
            number(row.quantity) if row.quantity else f"for {number(row.amount)}",
            number(row.price or row.stop),
            number(row.filled),
            number(row.average_price),
            row.state.lower(),
            clean(" ".join(word for word in (row.reason, row.code, row.words) if word), 80),
        ]
        for row in orders
    ]
    return _table([*heads, "why"], rows, "llllllrrrrll")


def fills_table(fills: Sequence[FillRow]) -> str:
    """Executions as rows."""
    heads = ["fill", "at (UTC)", "account", "symbol", "side", "quantity", "price", "amount", "fee", "", "why", "order"]
    rows = [
        [
            str(row.number),
            second(row.at_ms),
            clean(row.account, 30),
            clean(row.symbol, 30),
            row.side.lower(),
            brief(row.quantity),
            brief(row.price),
            brief(row.amount),
            brief(row.fee),
            f"{clean(row.fee_currency, 20)} {'maker' if row.maker else 'taker'}",
            clean(row.reason, 60),
            clean(row.order, 40),
        ]
        for row in fills
    ]
    return _table(heads, rows, "rllllddddlll")


def trades_table(trades: Sequence[TradeRow]) -> str:
    """Closed trades as rows."""
    heads = ["trade", "strategy", "symbol", "entry (UTC)", "price", "exit (UTC)", "price", "quantity", "profit", ""]
    rows = [
        [
            str(row.id),
            clean(row.strategy, 30) or "by hand",
            clean(row.symbol, 30),
            moment(row.entry_ms),
            brief(row.entry_price),
            moment(row.exit_ms),
            brief(row.exit_price),
            brief(row.quantity),
            cents(row.profit, sign=True),
            percent(row.ratio),
            ratio(row.r),
            cents(row.fees),
            clean(" ".join([row.reason, *(f"#{tag}" for tag in row.tags)]), 60),
        ]
        for row in trades
    ]
    return _table([*heads, "R", "fees", "reason"], rows, "rllldlddrrrrl")


def signals_table(signals: Sequence[SignalRow]) -> str:
    """What rules asked for, and how each ended."""
    heads = ["signal", "at (UTC)", "strategy", "symbol", "side", "entry", "stop", "target", "state", "end", "latency"]
    rows = [
        [
            clean(row.id, 40),
            moment(row.at_ms),
            clean(row.strategy, 30),
            clean(row.symbol, 30),
            row.side,
            brief(row.entry),
            brief(row.stop),
            brief(row.target),
            row.state,
            clean(row.ending, 60) or NONE,
            f"{row.latency_ms:,} ms",
            clean(row.reason, 80),
        ]
        for row in signals
    ]
    return _table([*heads, "why"], rows, "lllllrrrllrl")


def feed_line(item: FeedItem) -> str:
    """`2026-11-20 14:00:00  refused     BTC_USDT   bot 3  RISK-CORR: …`."""
    of = f"bot {item.bot}" if item.bot else ""
    head = f"{second(item.at_ms)}  {clean(item.kind, 12):<10}  {clean(item.symbol, 20):<10}  {of:<7}"
    return f"{head}  {clean(item.text, 400)}"


def strategy(name: str, version: int) -> str:
    """`ema-pullback v4`."""
    return clean(name, 40) + (f" v{version}" if version else "")


def second(at_ms: int) -> str:
    """Date and time to the second, UTC."""
    return NONE if at_ms <= 0 else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def ratio(value: float | None) -> str:
    """A multiple, such as a result in units of its first risk."""
    return NONE if value is None else f"{value:+.2f}"


def share(part: int, whole: int) -> str:
    """A part as whole percent; – of nothing."""
    return f"{part / whole * 100:.0f} %" if whole else NONE


def brief(text: str) -> str:
    """An exact figure with at most 8 decimals for the eye; --json has all of them."""
    whole, point, rest = text.partition(".")
    return number(f"{whole}{point}{rest[:8]}".rstrip("0").rstrip(".") if len(rest) > 8 else text)


def cents(text: str, *, sign: bool = False) -> str:
    """An exact amount to the cent for the eye."""
    return number(text and str(Decimal(text).quantize(Decimal("0.01"))), sign=sign)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """A table without the columns that say nothing in any row."""
    said = [at for at in range(len(heads)) if at < 2 or any(row[at] not in ("", NONE) for row in rows)]
    kept = [[row[at] for at in said] for row in rows]
    return table([heads[at] for at in said], kept, "".join(align[at] for at in said))


def _expected(bot: BotRow) -> str:
    if bot.expected_low is None or bot.expected_high is None:
        return NONE
    health = f", {bot.health}" if bot.health else ""
    return f"{percent(bot.expected_low)} … {percent(bot.expected_high)}{health}"


def _reasons(bots: Sequence[BotRow]) -> list[str]:
    lines = [f"bot {bot.id} is {bot.state}: {clean(bot.reason, 300)}" for bot in bots if bot.reason]
    return lines + [f"bot {bot.id} may not enter: {clean(bot.blocked, 300)}" for bot in bots if bot.blocked]
