"""Bots and a restart: no capital stays behind, what is held has prices, what rests belongs to its strategy."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D

import pytest

from polotui.model.orders import OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.trading import bot_rows
from polotui.trading import rows as ledger
from tests.engine.conftest import Stage, until

NOW = 1_780_000_000_000


async def test_a_restart_gives_back_what_an_ended_bot_still_has(stage: Stage) -> None:
    engine = await stage.start()
    trading = engine.trading
    assert trading is not None

    def killed(connection: object) -> list[str]:
        """As SIGKILL leaves it between the bot's end and the return of its money."""
        accounts = []
        for state in ("stopped", "failed"):
            row = bot_rows.add_bot(
                connection, strategy="ema-cross", version=1, params={}, symbols=("BTC_USDT",), timeframe="1m",
                root="paper", capital=D(300), at_ms=NOW,
            )  # type: ignore[arg-type]  # fmt: skip
            ledger.move_capital(
                connection, id=f"allocate-{row.id}", from_account="paper", to_account=row.account, currency="USDT",
                amount=D(300), kind="allocate", at_ms=NOW,
            )  # type: ignore[arg-type]  # fmt: skip
            bot_rows.set_bot(connection, row.id, state, "killed", NOW)  # type: ignore[arg-type]
            accounts.append(row.account)
        terms = OrderTerms(
            id="pt-rests", account="paper/bot-1", symbol="BTC_USDT", side=Side.BUY, type=OrderType.LIMIT,
            purpose=Purpose.ENTRY, created_ms=NOW, bot=1, quantity=D("0.01"), price=D(100),
        )  # fmt: skip
        ledger.add_intent(connection, terms)  # type: ignore[arg-type]
        ledger.add_order_event(connection, terms.id, OrderState.ACCEPTED, at_ms=NOW)  # type: ignore[arg-type]
        return accounts

    accounts = await trading.database.transact(killed)
    await stage.stop()
    engine = await stage.start()
    trading = engine.trading
    assert trading is not None
    held = trading.portfolio
    await until(lambda: not any(held.cash(account)["USDT"] for account in accounts))
    assert held.cash("paper")["USDT"] == held.total("paper")["USDT"] == D(10_000)
    order = trading.gateway.blotter.get("pt-rests")
    assert order is not None
    assert order.strategy == "ema-cross"


async def test_what_is_held_has_prices_after_a_restart(stage: Stage) -> None:
    """Without them its loss is never confirmed and its stop sees no tick."""
    engine = await stage.start()
    trading = engine.trading
    assert trading is not None
    await trading.deposit("ETH", D(1))
    await stage.stop()
    engine = await stage.start()
    engine.desk.watched.clear()
    assert engine.trading is not None
    assert "ETH_USDT" in engine.trading.wanted()


async def test_a_wish_that_was_answered_too_late_does_not_end_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    from polotui.engine.trading import livebot

    monkeypatch.setattr(livebot, "ASK_SECONDS", 0.01)
    live = livebot.LiveBot.__new__(livebot.LiveBot)
    live._events = asyncio.Queue()
    with pytest.raises(livebot.PolotuiError):
        await live.ask("pause")
    event = live._events.get_nowait()
    assert isinstance(event, livebot.Asked)
    done: list[str] = []

    async def asked(bot: object, event: livebot.Asked) -> None:
        done.append(event.what)

    monkeypatch.setattr(live, "_asked", asked)
    await live._take(None, event)  # type: ignore[arg-type]
    assert done == ["pause"]


async def test_a_bot_that_is_older_than_many_that_ended_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest rows were read: a bot that runs for months would not have been taken up again."""
    from polotui.engine.trading import bots

    monkeypatch.setattr(bots, "KNOWN_BOTS", 5)
    engine = await stage.start()
    trading = engine.trading
    assert trading is not None

    def many(connection: object) -> list[int]:
        numbers = []
        for place in range(8):
            row = bot_rows.add_bot(
                connection, strategy="ema-cross", version=1, params={}, symbols=("BTC_USDT",), timeframe="1m",
                root="paper", capital=D(300), at_ms=NOW,
            )  # type: ignore[arg-type]  # fmt: skip
            numbers.append(row.id)
            if place:
                bot_rows.set_bot(connection, row.id, "stopped", "", NOW)  # type: ignore[arg-type]
        return numbers

    numbers = await trading.database.transact(many)
    await trading.bots.read()
    assert [bot.id for bot in trading.bots.all()] == [numbers[0], *numbers[-5:]]
    assert trading.bots.goes_on(numbers[0])
