"""What is stored of trading, as faces ask for it: orders, fills, trades, signals, the feed, results, the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from polotui.api import replies as r
from polotui.api import trade_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.api.values import EquityPoint
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.engine.trading import shapes
from polotui.model.candles import Timeframe
from polotui.model.money import ZERO, plain
from polotui.storage.database import Connection
from polotui.trading import bot_rows
from polotui.trading import rows as ledger
from polotui.trading import trades as closed
from polotui.trading.blotter import below

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

SignalState = Literal["new", "active", "closed"]
#: Kinds of facts that belong to the feed of trading.
FEED_KINDS = ("signal", "decision", "refused", "order", "fill", "bot", "protection", "risk", "halt", "alert")
MOST = 1_000
ALL = 1_000_000


class Reading:
    """Answers from the ledger; nothing here changes money."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading
        self._database = trading.database

    # -- what is open ---------------------------------------------------------------------------------------------

    def positions(self, account: str = "paper", bot: int = 0) -> tr.Positions:
        """Open positions of an account and those below it, dust last."""
        root = self._trading.account_named(account)
        rows = [row for row in self._trading.position_rows() if below(row.account, root)]
        return tr.Positions(positions=[row for row in rows if bot in (0, row.bot)])

    async def orders(self, command: c.ListOrders) -> tr.Orders:
        account = self._trading.account_named(command.account)
        if command.open:
            found = [
                shapes.live_order(order, self._trading.scales(order.terms.symbol)[0])
                for order in reversed(self._trading.gateway.blotter.open(account))
            ]
            return tr.Orders(orders=[row for row in found if _wanted(row, command)])
        limit = _limit(command.limit)

        def read(connection: Connection) -> list[ledger.StoredOrder]:
            if command.id:
                only = ledger.order_of(connection, command.id)
                return [only] if only is not None and below(only.terms.account, account) else []
            before = 0
            if command.before:
                known = ledger.order_of(connection, command.before)
                before = known.number if known is not None else 0
            return ledger.orders(
                connection,
                account_prefix=account,
                bot=None if command.bot < 0 else command.bot,
                limit=limit + 1,
                before=before,
            )

        stored = await self._database.read(read, "orders")
        shown = [shapes.stored_order(order, self._trading.strategy_of(order.terms.bot)) for order in stored[:limit]]
        return tr.Orders(orders=[row for row in shown if _wanted(row, command)], more=len(stored) > limit)

    async def fills(self, command: c.ListFills) -> tr.Fills:
        limit = _limit(command.limit)
        if command.order:
            found = await self._database.read(lambda k: ledger.fills_of(k, command.order), "fills")
            return tr.Fills(fills=[shapes.fill(row) for row in found])
        bot = None if command.bot < 0 else command.bot
        found = await self._database.read(
            lambda k: ledger.fills(
                k,
                account_prefix=self._trading.account_named(command.account),
                bot=bot,
                limit=limit + 1,
                before=command.before,
            ),
            "fills",
        )
        return tr.Fills(fills=[shapes.fill(row) for row in found[:limit]], more=len(found) > limit)

    # -- what is closed -------------------------------------------------------------------------------------------

    async def trades(self, command: c.ListTrades) -> tr.Trades:
        limit = _limit(command.limit)
        found = await self._trades(command, limit + 1)
        notes = await self._notes()
        shown = [_with_notes(shapes.trade(row), notes) for row in found[:limit]]
        return tr.Trades(
            trades=shown,
            profit=plain(sum((row.profit for row in found[:limit]), ZERO)),
            fees=plain(sum((row.fees for row in found[:limit]), ZERO)),
            wins=sum(row.profit > 0 for row in found[:limit]),
            losses=sum(row.profit < 0 for row in found[:limit]),
            more=len(found) > limit,
        )

    async def _trades(self, command: c.ListTrades, limit: int) -> list[closed.Trade]:
        def read(connection: Connection) -> list[closed.Trade]:
            narrow = command.strategy or command.from_ms or command.to_ms
            found = closed.trades(
                connection,
                account_prefix=self._trading.account_named(command.account),
                bot=None if command.bot < 0 else command.bot,
                symbol=command.symbol,
                limit=ALL if narrow else limit,
                before=command.before,
            )
            end = command.to_ms or 2**62
            return [
                row for row in found if command.strategy in ("", row.strategy) and command.from_ms <= row.exit_ms < end
            ][:limit]

        return await self._database.read(read, "trades")

    async def signals(self, command: c.ListSignals) -> tr.Signals:
        limit = _limit(command.limit)
        found = await self._database.read(
            lambda k: bot_rows.signals(
                k, bot=command.bot, symbol=command.symbol, state=command.state, id=command.id, limit=limit + 1
            ),
            "signals",
        )
        shown = [
            tv.SignalRow(
                id=row.id,
                bot=row.bot,
                strategy=row.strategy,
                symbol=row.symbol,
                side=row.side,
                bar_ms=row.bar_ms,
                at_ms=row.at_ms,
                entry=row.entry,
                stop=row.stop or "",
                target=row.target or "",
                score=row.score,
                confirmation=row.confirmation,
                reason=clean(row.reason, 300),
                state=cast("SignalState", row.state),
                ending=row.ending,
                closed_ms=row.closed_ms or 0,
                latency_ms=self._after_close(row),
            )
            for row in found[:limit]
        ]
        return tr.Signals(signals=shown, more=len(found) > limit)

    def _after_close(self, row: bot_rows.StoredSignal) -> int:
        """Milliseconds from the close of the bar that decided; `bar_ms` is where it opened."""
        stored = self._trading.bots.of(row.bot)
        return 0 if stored is None else max(0, row.at_ms - row.bar_ms - Timeframe.parse(stored.timeframe).ms)

    async def feed(self, command: c.GetFeed) -> tr.Feed:
        kinds = [kind for kind in command.kinds if kind in FEED_KINDS] or list(FEED_KINDS)
        if command.kinds and not all(kind in FEED_KINDS for kind in command.kinds):
            raise UsageError(
                f"There is no kind {clean(next(k for k in command.kinds if k not in FEED_KINDS), 30)!r}.",
                next_step=f"There are {', '.join(FEED_KINDS)}.",
            )
        limit = _limit(command.limit)
        conditions, values = ["number < ?"], [command.before or 2**62]
        if command.bot >= 0:
            conditions.append("bot = ?")
            values.append(command.bot)
        arguments: list[str | int] = [*values, *kinds]
        conditions.append(f"kind IN ({', '.join('?' for _ in kinds)})")
        if command.symbol:
            conditions.append("symbol = ?")
            arguments.append(command.symbol)
        query = (
            "SELECT number, at_ms, kind, level, text, symbol, bot, ref FROM facts"  # noqa: S608
            f" WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?"
        )
        rows = await self._database.read(lambda k: k.execute(query, (*arguments, limit + 1)).fetchall(), "feed")
        items = [
            tv.FeedItem(number=number, at_ms=at_ms, kind=kind, level=level, text=text, symbol=symbol, bot=bot, ref=ref)
            for number, at_ms, kind, level, text, symbol, bot, ref in rows[:limit]
        ]
        return tr.Feed(items=items, more=len(rows) > limit)

    # -- results --------------------------------------------------------------------------------------------------

    async def results(self, command: c.GetResults) -> tr.Results:
        """Closed profit by period; the curve of equity beside it is of the whole account."""
        now = self._trading.clock.wall_ms()
        end = command.before_ms or now + 1
        count = min(max(command.limit, 1), 400)
        starts = period_starts(command.period, end, count)
        found = await self._trades(c.ListTrades(bot=command.bot, from_ms=starts[0], to_ms=end, limit=1), 1_000_000)
        bars = []
        edges = [*starts[1:], max(end, starts[-1] + 1)]
        for start, stop in zip(starts, edges, strict=True):
            inside = [row for row in found if start <= row.exit_ms < stop]
            bars.append(
                tv.ResultBar(
                    start_ms=start,
                    profit=shapes.money(sum((row.profit for row in inside), ZERO)),
                    trades=len(inside),
                    wins=sum(row.profit > 0 for row in inside),
                    fees=shapes.money(sum((row.fees for row in inside), ZERO)),
                )
            )
        worth = await self._trading.records.worth("paper", starts[0], end, points=500)
        return tr.Results(
            period=command.period,
            bars=bars,
            equity=[EquityPoint(point.at_ms, point.value) for point in worth],
            today=shapes.money(self._trading.monitor.day_result()) if command.bot < 0 else "",
            total=shapes.money(sum((row.profit for row in found), ZERO)),
        )

    # -- the journal ----------------------------------------------------------------------------------------------

    async def journal(self, command: c.GetJournal) -> tr.Journal:
        """Closed trades and notes together, newest first: a row for each note, with the trade it stands beside, and a
        row with id 0 for each trade without one. A tag keeps the noted ones that carry it."""
        notes = await self._notes()
        found = await self._trades(
            c.ListTrades(bot=command.bot, strategy=command.strategy, from_ms=command.from_ms, to_ms=command.to_ms),
            MOST,
        )
        by_id = {row.id: row for row in found}
        end = command.to_ms or 2**62
        rows = []
        for note in notes:
            trade = by_id.get(note.trade) if note.trade else None
            if note.trade and trade is None:
                continue
            of_its_own = command.bot < 0 and not command.strategy and command.from_ms <= note.at_ms < end
            if (trade is None and not of_its_own) or (command.tag and command.tag not in note.tags):
                continue
            rows.append(
                tv.JournalRow(
                    id=note.id,
                    at_ms=note.at_ms,
                    note=clean(note.note, 2_000),
                    tags=list(note.tags),
                    trade=shapes.trade(trade) if trade is not None else None,
                    snapshot=note.snapshot,
                )
            )
        if not command.tag:
            beside = {note.trade for note in notes}
            rows += [
                tv.JournalRow(id=0, at_ms=row.exit_ms, note="", tags=[], trade=shapes.trade(row))
                for row in found
                if row.id not in beside
            ]
        rows.sort(key=lambda row: (row.trade.exit_ms if row.trade is not None else row.at_ms, row.id), reverse=True)
        return tr.Journal(rows=rows[: _limit(command.limit)])

    async def add_note(self, command: c.AddNote) -> r.Done:
        """Stores a note. Raises UsageError for an empty one and for a trade that is not there."""
        words = clean(command.note, 2_000).strip()
        tags = sorted({clean(tag, 30).strip().lower() for tag in command.tags} - {""})
        if not words and not tags:
            raise UsageError("A note needs words or a tag.", safe="Nothing was stored.")
        now = self._trading.clock.wall_ms()

        def write(connection: Connection) -> None:
            if (
                command.trade
                and not connection.execute("SELECT 1 FROM trades WHERE id = ?", (command.trade,)).fetchone()
            ):
                raise UsageError(f"There is no trade {command.trade}.", safe="Nothing was stored.")
            closed.add_note(connection, trade=command.trade or None, note=words, tags=tags, snapshot="", at_ms=now)

        await self._database.transact(write, "journal note")
        self._trading.changed(journal=True)
        return r.Done(text=f"Noted beside trade {command.trade}." if command.trade else "Noted.")

    async def _notes(self) -> list[closed.Note]:
        return await self._database.read(lambda k: closed.notes(k, limit=MOST), "journal")


def _with_notes(row: tv.TradeRow, notes: list[closed.Note]) -> tv.TradeRow:
    mine = [note for note in notes if note.trade == row.id]
    if not mine:
        return row
    tags = sorted({tag for note in mine for tag in note.tags})
    return msgspec.structs.replace(row, note=clean(mine[0].note, 400), tags=tags)


def _wanted(row: tv.OrderRow, command: c.ListOrders) -> bool:
    return (not command.symbol or row.symbol == command.symbol) and command.bot in (-1, row.bot)


def _limit(asked: int) -> int:
    return min(max(asked, 1), MOST)


def period_starts(period: str, end_ms: int, count: int) -> list[int]:
    """Beginnings (UTC) of the last `count` days, weeks (from Monday) or months before `end_ms`, oldest first."""
    last = datetime.fromtimestamp((end_ms - 1) / 1000, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "week":
        last -= timedelta(days=last.weekday())
    elif period == "month":
        last = last.replace(day=1)
    starts = [last]
    while len(starts) < count:
        before = starts[-1] - timedelta(days=7 if period == "week" else 1)
        starts.append(before.replace(day=1) if period == "month" else before)
    return [round(start.timestamp() * 1000) for start in reversed(starts)]
