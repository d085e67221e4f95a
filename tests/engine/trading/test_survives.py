"""What the trading campaign found: faults of the running desk, each kept as the smallest run that shows it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from polotui.api import lab_commands as lc
from polotui.api import risk_commands as rc
from polotui.api import trade_commands as tc
from polotui.api.commands import Watch
from polotui.core.errors import StorageError
from polotui.model.orders import Execution, Purpose, Side
from polotui.simulator.faults import Rule
from polotui.trading.protection import Protection
from polotui.trading.trades import Trade
from tests.campaign.trading.desk import Desk, on_desk
from tests.campaign.trading.documents import TEXTS


def rows(desk: Desk, query: str, *values: Any) -> list[Any]:
    return desk.tail.connection().execute(query, values).fetchall()


def test_an_account_without_books_has_lost_nothing() -> None:
    """Before the first contact the exchange's account has no rows: that is no equity of zero, and no fall to it."""

    async def work(desk: Desk) -> None:
        await asyncio.sleep(10)
        assert desk.trading.latches.active() == []
        assert desk.trading.halting.state() == "ACTIVE"
        assert desk.trading.view.account("spot").drawdown is not None

    on_desk(work)


def test_facts_keep_one_time_on_a_machine_whose_clock_is_wrong() -> None:
    """What the engine tells and what trading tells stand in one feed, and carry the exchange's time."""

    async def work(desk: Desk) -> None:
        for _ in range(3):
            await desk.trading.note("risk", "told by trading", "test")
            desk.engine.facts.submit("market", "info", "told by the engine")
            await asyncio.sleep(2)
        told = rows(desk, "SELECT at_ms, text FROM facts WHERE text LIKE 'told by%' ORDER BY number")
        times = [at_ms for at_ms, _ in told]
        assert len(times) == 6
        assert times == sorted(times)
        assert max(times) - desk.world.clock.wall_ms() < 1_000
        everything = [at_ms for (at_ms,) in rows(desk, "SELECT at_ms FROM facts ORDER BY number")]
        assert everything == sorted(everything)

    on_desk(work, skew_ms=-120_000)
    on_desk(work, skew_ms=200)


def test_limits_that_are_set_on_such_a_machine_carry_the_exchanges_time_too() -> None:
    async def work(desk: Desk) -> None:
        await desk.trading.note("risk", "told by trading", "test")
        await desk.ask(rc.SetLimits(changes={"orders_per_second": "4"}, caller="test"))
        told, limits = (at_ms for (at_ms,) in rows(desk, "SELECT at_ms FROM audit ORDER BY number DESC LIMIT 2"))
        assert 0 <= told - limits < 1_000

    on_desk(work, skew_ms=-120_000)


def test_a_stop_sells_though_an_order_by_hand_binds_the_coins() -> None:
    """Half of a position stands for sale above the market: the stop sells all of it, and is not refused for ever."""

    async def work(desk: Desk) -> None:
        price = desk.trading.markets.mark("BTC_USDT").price  # type: ignore[union-attr]
        stop = f"{price * Decimal('0.9'):.2f}"
        await desk.ask(tc.PlaceOrder(symbol="BTC_USDT", side="BUY", amount="200", stop=stop))
        held = desk.trading.portfolio.position("paper", "BTC_USDT").quantity
        above = f"{price * Decimal('1.04'):.2f}"
        sale = tc.PlaceOrder(symbol="BTC_USDT", side="SELL", type="LIMIT", quantity=f"{held / 2:.6f}", price=above)
        assert (await desk.ask(sale)).placed
        await desk.trading.guards.protect(Protection(account="paper", symbol="BTC_USDT", stop=price * 2))
        await desk.until(lambda: desk.trading.is_dust(desk.trading.portfolio.position("paper", "BTC_USDT")), 10)
        assert [order for order in desk.trading.gateway.blotter.open("paper") if order.terms.side is Side.SELL] == []

    on_desk(work)


def test_a_stop_on_the_exchanges_account_sells_what_was_bought_and_not_what_was_there() -> None:
    """The account opened with coins of its own; to ask for all of them was refused, and the stop sold nothing."""

    async def work(desk: Desk) -> None:
        price = desk.trading.markets.mark("BTC_USDT").price  # type: ignore[union-attr]
        stop = f"{price * Decimal('0.9'):.2f}"
        placed = await desk.ask(tc.PlaceOrder(account="spot", symbol="BTC_USDT", side="BUY", amount="50", stop=stop))
        assert placed.placed, placed.decision
        await desk.trading.guards.protect(Protection(account="spot", symbol="BTC_USDT", stop=price * 2))
        await desk.until(lambda: desk.trading.is_dust(desk.trading.portfolio.position("spot", "BTC_USDT")), 10)
        (sold,) = [row for row in rows(desk, "SELECT purpose, side FROM intents") if row[1] == "SELL"]
        assert sold[0] == Purpose.STOP.value
        assert desk.trading.portfolio.cash("spot")["BTC"] >= Decimal("0.02")

    on_desk(work)


def test_orders_go_again_as_soon_as_a_latch_is_cleared() -> None:
    """The safety score had looked while it was set, and would have kept its veto for up to a minute."""

    async def work(desk: Desk) -> None:
        await desk.trading.latches.set("drawdown", "for a test")
        desk.engine.safety.again()
        await asyncio.sleep(5)
        words = desk.trading.monitor.override_words("drawdown")
        await desk.ask(rc.ClearLatch(name="drawdown", words=words, reason="a test of it", caller="test"))
        price = desk.trading.markets.mark("BTC_USDT").price  # type: ignore[union-attr]
        stop = f"{price * Decimal('0.97'):.2f}"
        placed = await desk.ask(tc.PlaceOrder(symbol="BTC_USDT", side="BUY", amount="100", stop=stop))
        assert placed.placed, placed.decision.code

    on_desk(work)


@pytest.mark.parametrize("step", ["before protections", "after protections", "before order intent"])
def test_a_position_whose_close_was_cut_short_has_its_stop_again(step: str) -> None:
    """The stop is taken down before the sale; an engine that dies in between must not forget it."""

    async def work(desk: Desk) -> None:
        price = desk.trading.markets.mark("BTC_USDT").price  # type: ignore[union-attr]
        stop = f"{price * Decimal('0.97'):.2f}"
        await desk.ask(tc.PlaceOrder(symbol="BTC_USDT", side="BUY", amount="100", stop=stop))
        closing = desk.engine.handle(tc.ClosePosition(account="paper", symbol="BTC_USDT"))
        await desk.dies(closing, step)
        assert not desk.trading.is_dust(desk.trading.portfolio.position("paper", "BTC_USDT"))
        guard = desk.trading.guards.of("paper", "BTC_USDT")
        assert guard is not None
        assert guard.stop == Decimal(stop)
        await desk.ask(tc.ClosePosition(account="paper", symbol="BTC_USDT"))
        assert desk.trading.guards.of("paper", "BTC_USDT") is None

    on_desk(work)


@pytest.mark.parametrize("step", ["after order intent", "after order state", "before fill"])
def test_an_order_of_paper_that_was_accepted_and_not_filled_has_an_end_after_the_start(step: str) -> None:
    """Its venue died with the engine. The protector waits for the end of a stop's order before it sends another."""

    async def work(desk: Desk) -> None:
        price = desk.trading.markets.mark("BTC_USDT").price  # type: ignore[union-attr]
        stop = f"{price * Decimal('0.97'):.2f}"
        buy = tc.PlaceOrder(symbol="BTC_USDT", side="BUY", amount="100", stop=stop)
        await desk.ask(buy)

        async def falls() -> None:
            await desk.trading.guards.protect(Protection(account="paper", symbol="BTC_USDT", stop=price * 2))
            await asyncio.sleep(60)

        await desk.dies(falls(), step)
        await desk.until(lambda: desk.trading.is_dust(desk.trading.portfolio.position("paper", "BTC_USDT")), 20)
        await desk.until(lambda: not desk.trading.gateway.blotter.open("paper"), 20)

    on_desk(work)


def test_an_entry_is_protected_while_its_bot_waits_for_the_exchanges_answer() -> None:
    """The fill comes over the stream, the answer to the order seconds later: the stop counts from the fill."""

    async def work(desk: Desk) -> None:
        await desk.ask(lc.SaveStrategy(text=TEXTS["hasty"]))
        await desk.ask(tc.StartBot(strategy="hasty", capital="900", venue="exchange"))
        desk.simulator.faults.load(
            [Rule(kind="slow", method="POST", path="/orders", seconds=(8.0, 9.0), effect="after")]
        )
        positions = desk.trading.portfolio.positions
        await desk.until(lambda: [p for p in positions("spot/bot-1") if p.quantity > 0], 600)
        (held,) = positions("spot/bot-1")
        await asyncio.sleep(1)
        guard = desk.trading.guards.of(held.account, held.symbol)
        assert guard is not None
        assert guard.stop is not None
        await asyncio.sleep(60)

    on_desk(work)


def test_a_position_has_its_stop_again_when_an_exit_of_unknown_fate_never_arrived() -> None:
    """The bot takes the stop down to sell; it is known only many seconds later that the sale never was."""

    async def work(desk: Desk) -> None:
        await desk.ask(lc.SaveStrategy(text=TEXTS["hasty"]))
        await desk.ask(tc.StartBot(strategy="hasty", capital="900", venue="exchange"))
        refused: list[tuple[str, str]] = []

        def note_refusals() -> bool:
            query = (
                "SELECT i.id, i.symbol FROM order_events e JOIN intents i ON i.id = e.order_id"
                " WHERE e.state = 'REJECTED' AND i.purpose = 'exit' AND i.account = 'spot/bot-1'"
            )
            refused[:] = rows(desk, query)
            return bool(refused)

        await desk.until(lambda: [p for p in desk.trading.portfolio.positions("spot/bot-1") if p.quantity > 0], 600)
        await asyncio.sleep(2)
        desk.simulator.faults.load([Rule(kind="lost", method="POST", path="/orders", effect="before", rate=1.0)])
        await desk.until(note_refusals, 600, what="an exit is lost")
        _, symbol = refused[0]
        await desk.until(lambda: desk.trading.guards.of("spot/bot-1", symbol) is not None, 4, what="it has its stop")

    on_desk(work)


def test_an_engine_that_starts_while_the_exchange_is_away_is_there_when_it_is_back() -> None:
    """A demo's first list of symbols was asked for while the exchange was in maintenance, and the start failed."""

    async def work(desk: Desk) -> None:
        away = [Rule(kind="error", path=path, rate=1.0, status=503) for path in ("/markets", "/accounts/balances")]
        desk.simulator.faults.load(away)
        await desk.lives.start(patience=30)
        assert desk.engine.desk is not None
        await asyncio.sleep(20)
        desk.simulator.faults.load([])
        await desk.until(desk.works, 90, what="the desk works")
        assert sorted(desk.engine.desk.watched) == ["BTC_USDT", "ETH_USDT", "SOL_USDT"]

    on_desk(work, opened=False)


def test_a_watchlist_that_a_person_changed_meanwhile_is_not_replaced() -> None:
    """A demo watches everything once it knows what there is: not over what somebody chose before that."""

    async def work(desk: Desk) -> None:
        away = [Rule(kind="error", path=path, rate=1.0, status=503) for path in ("/markets", "/accounts/balances")]
        desk.simulator.faults.load(away)
        await desk.lives.start(patience=30)
        gone = "ETH_USDT"
        kept = (await desk.ask(Watch(symbol=gone, remove=True))).watched
        assert gone not in kept
        desk.simulator.faults.load([])
        await desk.until(desk.trading.grids, 90, what="the symbols are known")
        await asyncio.sleep(5)
        assert desk.engine.desk is not None
        assert gone not in desk.engine.desk.watched
        assert set(desk.engine.desk.watched) <= set(kept)
        stored = await desk.engine.stores.records.setting("watchlist")  # type: ignore[union-attr]
        assert gone not in stored.split(",")

    on_desk(work, opened=False)


@pytest.mark.parametrize("step", ["after order intent", "after order state", "before fill"])
def test_a_bot_that_runs_keeps_its_money_over_a_death_with_an_order_on_its_way(step: str) -> None:
    """The start ends the order that its venue forgot, before the bot is taken up: for a moment it looked like an ended
    bot's, whose money goes back."""

    async def work(desk: Desk) -> None:
        await desk.ask(lc.SaveStrategy(text=TEXTS["hasty"]))
        await desk.ask(tc.StartBot(strategy="hasty", capital="900", venue="paper"))

        async def waits() -> None:
            await asyncio.sleep(600)

        await desk.dies(waits(), step)
        cash, held = desk.trading.portfolio.cash("paper/bot-1").get("USDT", Decimal(0)), Decimal(0)
        for position in desk.trading.portfolio.positions("paper/bot-1"):
            held += position.quantity * desk.trading.markets.mark(position.symbol).price  # type: ignore[union-attr]
        assert cash + held > 850
        assert desk.trading.bots.live(1) is not None

    on_desk(work)


KEEPS = """spec: 1
name: keeps
market: {symbols: [BTC_USDT], direction: long}
timeframe: 1m
entry: {long: "close > 0"}
exit: {long: "close < 0"}
stops:
  loss: {kind: percent, value: 9%}
sizing: {kind: fixed_quote, amount: 500}
"""


def test_what_a_person_sells_from_an_ended_bots_account_comes_back() -> None:
    """The order is nobody's bot's, and its money stayed where no bot and no order could use it."""

    async def work(desk: Desk) -> None:
        trading = desk.trading
        await desk.ask(lc.SaveStrategy(text=KEEPS))
        account = (await desk.ask(tc.StartBot(strategy="keeps", capital="1000"))).bot.account
        await desk.until(lambda: trading.portfolio.position(account, "BTC_USDT").quantity > 0, 200)
        signals = (await desk.ask(tc.ListSignals())).signals
        # From the close of the bar that decided, and not from where it opened.
        assert 0 < signals[0].latency_ms < 30_000
        await asyncio.sleep(3)
        await desk.ask(tc.StopBot(bot=1))
        held = trading.portfolio.position(account, "BTC_USDT").quantity
        sale = tc.PlaceOrder(account=account, symbol="BTC_USDT", side="SELL", quantity=f"{held:f}")
        assert (await desk.ask(sale)).placed
        await desk.until(lambda: not trading.portfolio.cash(account)["USDT"], 30, what="its money is back")

    on_desk(work)


@pytest.mark.parametrize("venue", ["paper", "exchange"])
def test_the_row_of_an_ended_bot_says_the_same_after_a_restart(venue: str) -> None:
    """What bots of the exchange's account had given back was asked of the paper account, and they showed −100 %."""

    async def work(desk: Desk) -> None:
        await desk.ask(lc.SaveStrategy(text=TEXTS["hasty"]))
        number = (await desk.ask(tc.StartBot(strategy="hasty", capital="1000", venue=venue))).bot.id
        await desk.until(lambda: desk.trading.bots.live(number).bot is not None, 60)  # type: ignore[union-attr]
        await desk.ask(tc.StopBot(bot=number))
        await desk.until(lambda: desk.trading.bots.row(number).result == "0.00", 30, what="nothing was lost")
        await desk.lives.stop()
        await desk.lives.start()
        await desk.until(desk.works, 120)
        row = desk.trading.bots.row(number)
        assert (row.result, row.result_ratio) == ("0.00", 0.0)

    on_desk(work)


def fills_while_cancelled(desk: Desk) -> None:
    """What rests trades in the instant in which its cancel is on its way."""
    gateway = desk.trading.gateway
    real = gateway.cancel

    async def cancel(order_id: str, reason: str = "") -> Any:
        order = gateway.blotter.get(order_id)
        if order is not None and order.terms.side is Side.BUY and not order.filled:
            terms = order.terms
            assert terms.price is not None
            await gateway.on_fill(
                Execution(
                    id=f"in-the-way-{order_id}", order_id=order_id, symbol=terms.symbol, side=terms.side,
                    price=terms.price, quantity=order.left, fee=Decimal(0), fee_currency="BTC", maker=True,
                    at_ms=desk.trading.clock.wall_ms(),
                )
            )  # fmt: skip
        return await real(order_id, reason)

    gateway.cancel = cancel  # type: ignore[method-assign]


RESTS = KEEPS.replace("name: keeps", "name: rests") + "orders: {entry: limit, limit_offset: 2%, expire_bars: 30}\n"


@pytest.mark.parametrize("close", [True, False])
def test_an_entry_that_fills_while_its_bot_is_stopped_is_sold_or_keeps_its_stop(close: bool) -> None:
    """The stop dropped what protected it, because the bot had not heard of the fill, and the bot had ended then."""

    async def work(desk: Desk) -> None:
        await desk.ask(lc.SaveStrategy(text=RESTS))
        bot = (await desk.ask(tc.StartBot(strategy="rests", capital="1000"))).bot
        await desk.until(lambda: desk.trading.gateway.blotter.open(bot.account), 200, what="its entry rests")
        fills_while_cancelled(desk)
        await desk.ask(tc.StopBot(bot=bot.id, close=close))
        held = desk.trading.portfolio.position(bot.account, "BTC_USDT").quantity
        assert (held == 0) is close
        assert (desk.trading.guards.of(bot.account, "BTC_USDT") is None) is close
        assert desk.trading.bots.row(bot.id).state == "stopped"

    on_desk(work)


def test_an_entry_that_fills_while_it_is_taken_back_keeps_its_stop() -> None:
    """The bot runs on; until it hears of the fill the stop of the entry counts."""

    async def work(desk: Desk) -> None:
        await desk.ask(lc.SaveStrategy(text=RESTS))
        bot = (await desk.ask(tc.StartBot(strategy="rests", capital="1000"))).bot
        resting = desk.trading.gateway.blotter
        await desk.until(lambda: resting.open(bot.account), 200, what="its entry rests")
        (order,) = resting.open(bot.account)
        fills_while_cancelled(desk)
        live = desk.trading.bots.live(bot.id)
        assert live is not None
        assert live.bot is not None
        live.bot.hands["BTC_USDT"].stale = [order.terms.id]
        await live.bot.settle("BTC_USDT")
        assert desk.trading.guards.of(bot.account, "BTC_USDT") is not None

    on_desk(work)


@pytest.mark.parametrize("close", [True, False])
def test_an_entry_whose_cancel_takes_long_is_sold_or_kept_too(close: bool) -> None:
    """The bot ended after five seconds; what filled then stayed, unsold and without a word."""

    async def work(desk: Desk) -> None:
        await desk.ask(lc.SaveStrategy(text=RESTS))
        bot = (await desk.ask(tc.StartBot(strategy="rests", capital="1000"))).bot
        gateway = desk.trading.gateway
        await desk.until(lambda: gateway.blotter.open(bot.account), 200, what="its entry rests")
        (order,) = gateway.blotter.open(bot.account)

        async def unanswered(order_id: str, reason: str = "") -> None: ...

        gateway.cancel = unanswered  # type: ignore[method-assign]
        answer = (await desk.ask(tc.StopBot(bot=bot.id, close=close))).text
        assert f"{order.terms.id} is not cancelled yet; what fills of it is {'sold' if close else 'kept'}" in answer
        assert desk.trading.bots.row(bot.id).state == ("stopping" if close else "stopped")
        assert order.terms.price is not None
        await asyncio.sleep(40)
        await gateway.on_fill(
            Execution(
                id="late", order_id=order.terms.id, symbol=order.terms.symbol, side=order.terms.side,
                price=order.terms.price, quantity=order.left, fee=Decimal(0), fee_currency="BTC", maker=True,
                at_ms=desk.trading.clock.wall_ms(),
            )
        )  # fmt: skip
        await asyncio.sleep(20)
        held = desk.trading.portfolio.position(bot.account, "BTC_USDT").quantity
        assert (held == 0) is close
        assert (desk.trading.guards.of(bot.account, "BTC_USDT") is None) is close
        assert desk.trading.bots.row(bot.id).state == "stopped"

    on_desk(work)


@pytest.mark.parametrize("failing", ["", "bots", "locks", "monitor"])
def test_a_closed_trade_is_counted_everywhere_though_one_read_fails(
    failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The figures of a bot could not be read once, and the loss was missing in the row that stops its entries."""

    async def work(desk: Desk) -> None:
        trading = desk.trading
        assert [monitor.root for monitor in trading.monitors] == ["paper", "spot"]
        told: list[str] = []

        def reading(name: str) -> Any:
            async def read(_: Any) -> None:
                # What is counted in memory does not wait for a read.
                assert trading.monitors[-1].streaks.losses.get(7) == 1
                told.append(name)
                if failing == name:
                    raise StorageError("The database is locked.")

            return read

        trading.bots.counted = reading("bots")  # type: ignore[method-assign]
        trading.locks.on_trade = reading("locks")  # type: ignore[method-assign]
        first, *others = trading.monitors
        if failing == "monitor":
            first.streaks.count = None  # type: ignore[method-assign,assignment]
        lost = Trade(
            account="spot/bot-7", bot=7, strategy="", symbol="BTC_USDT", side=Side.BUY, entry_ms=1, exit_ms=2,
            entry_price=Decimal(1), exit_price=Decimal(1), quantity=Decimal(1), stop=None, target=None,
            fees=Decimal(0), other_fees={}, profit=Decimal(-1), invested=Decimal(100), reason="", signal="",
            first_fill=1, last_fill=2, id=1,
        )  # fmt: skip
        await trading.on_trade_closed(lost)
        counting = others if failing == "monitor" else trading.monitors
        assert [monitor.streaks.losses.get(7) for monitor in counting] == [1] * len(counting)
        assert sorted(told) == ["bots", "locks"]
        said = [record for record in caplog.records if record.name == "polotui.trading" and record.exc_info]
        assert len(said) == bool(failing)

    on_desk(work)
