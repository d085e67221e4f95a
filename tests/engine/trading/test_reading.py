"""What faces ask for of what is stored: the journal with trades that have no note, and one order by its id."""

from __future__ import annotations

from decimal import Decimal as D

from polotui.api.trade_commands import AddNote, GetJournal, ListOrders
from polotui.engine.trading.service import Trading
from polotui.model.orders import OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.storage.database import Connection
from polotui.trading import rows as ledger
from polotui.trading import trades as closed
from tests.engine.conftest import Stage

NOW = 1_780_000_000_000


def _trade(connection: Connection, *, bot: int, exit_ms: int) -> int:
    return closed.add_trade(
        connection,
        closed.Trade(
            account="paper", bot=bot, strategy="sma-cross" if bot else "", symbol="BTC_USDT", side=Side.BUY,
            entry_ms=exit_ms - 60_000, exit_ms=exit_ms, entry_price=D(100), exit_price=D(101), quantity=D(1), stop=None,
            target=None, fees=D("0.2"), other_fees={}, profit=D("0.8"), invested=D(100), reason="exit rule", signal="",
            first_fill=exit_ms, last_fill=exit_ms + 1,
        ),
    ).id  # fmt: skip


async def _desk(stage: Stage) -> Trading:
    engine = await stage.start()
    assert engine.trading is not None
    return engine.trading


async def test_the_journal_has_every_closed_trade_and_every_note(stage: Stage) -> None:
    trading = await _desk(stage)
    first = await trading.database.transact(lambda k: _trade(k, bot=0, exit_ms=NOW))
    second = await trading.database.transact(lambda k: _trade(k, bot=3, exit_ms=NOW + 60_000))
    rows = (await trading.rows.journal(GetJournal())).rows
    assert [(row.id, row.trade.id if row.trade else 0) for row in rows] == [(0, second), (0, first)]

    await trading.rows.add_note(AddNote(trade=first, note="Too early.", tags=["late"]))
    await trading.rows.add_note(AddNote(trade=0, note="A quiet day."))
    rows = (await trading.rows.journal(GetJournal())).rows
    assert sorted((row.note, row.trade.id if row.trade else 0) for row in rows) == [
        ("", second), ("A quiet day.", 0), ("Too early.", first),
    ]  # fmt: skip
    assert [row.note for row in (await trading.rows.journal(GetJournal(tag="late"))).rows] == ["Too early."]
    of_bot = (await trading.rows.journal(GetJournal(bot=3))).rows
    assert [row.trade.id for row in of_bot if row.trade] == [second]
    assert len((await trading.rows.journal(GetJournal(limit=1))).rows) == 1


async def test_one_order_is_found_however_old(stage: Stage) -> None:
    trading = await _desk(stage)

    def store(connection: Connection) -> None:
        for number in range(5):
            terms = OrderTerms(
                id=f"pt-{number}", account="paper", symbol="BTC_USDT", side=Side.BUY, type=OrderType.LIMIT,
                purpose=Purpose.ENTRY, created_ms=NOW, bot=0, quantity=D("0.01"), price=D(100),
            )  # fmt: skip
            ledger.add_intent(connection, terms)
            ledger.add_order_event(connection, terms.id, OrderState.CANCELLED, at_ms=NOW)

    await trading.database.transact(store)
    assert [row.id for row in (await trading.rows.orders(ListOrders(id="pt-0", limit=2))).orders] == ["pt-0"]
    assert (await trading.rows.orders(ListOrders(id="pt-9"))).orders == []
    assert (await trading.rows.orders(ListOrders(id="pt-0", account="spot"))).orders == []
