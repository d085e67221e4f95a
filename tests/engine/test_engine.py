"""The engine as its faces see it."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from polotui.api import commands as c
from polotui.api.events import AccountsState, BookState, ChartTail, EngineState, Fact, TradesBatch, WatchState
from polotui.api.socket_link import SocketLink
from polotui.core.errors import EngineGone, PolotuiError
from polotui.engine import engine as engine_module
from polotui.engine.local_link import LocalLink
from polotui.engine.stores import Stores
from tests.engine.conftest import Stage, eventually, until

CHART = "chart:BTC_USDT:5m:ema21,bb20"


async def test_everything_a_market_screen_needs_arrives_and_is_fresh(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    seen: dict[type, object] = {}
    fresh_book = chart = None
    async with asyncio.timeout(30):
        async for batch in link.events(["engine", "watch", "book:BTC_USDT", "trades:BTC_USDT", CHART], rate=10):
            for event in batch:
                seen[type(event)] = event
                if isinstance(event, BookState) and not event.stale_since_ms:
                    fresh_book = event
                if isinstance(event, ChartTail) and len(event.candles) == 2:
                    chart = event
            if {EngineState, WatchState, BookState, TradesBatch} <= set(seen) and fresh_book and chart:
                break
    assert fresh_book.bids[0].price < fresh_book.asks[0].price
    assert not chart.candles[-1].closed
    assert [line.name for line in chart.lines] == ["ema21", "bb20.upper", "bb20.middle", "bb20.lower"]
    assert all(value is not None for line in chart.lines for value in line.values)
    assert seen[WatchState].row.last is not None
    assert seen[EngineState].mode == "DEMO"


async def test_the_shown_book_is_the_exchanges_at_equal_id(stage: Stage) -> None:
    engine = await stage.start()
    feed = engine.exchange.feed
    await until(lambda: feed.state().phase == "live")
    compared = 0
    for _ in range(200):
        await asyncio.sleep(0.01)
        theirs_id, bids, asks = stage.simulator.exchange.book_lv2("BTC_USDT")
        view = engine.exchange.book_view("BTC_USDT", 20)
        if view.id == theirs_id:
            assert [(float(p), float(q)) for p, q in bids] == view.bids
            assert [(float(p), float(q)) for p, q in asks] == view.asks
            compared += 1
    assert compared


async def test_a_chart_ends_in_the_forming_candle_that_the_trades_make(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    for frame in ("1m", "5m", "15m", "30m", "1h", "4h", "1d"):
        got = None

        async def whole(frame: str = frame) -> bool:
            nonlocal got
            got = await link.call(c.GetCandles(symbol="ETH_USDT", timeframe=frame, limit=50, overlays=["sma20"]))
            return not got.candles[-1].closed

        await eventually(whole)
        times = [candle.open_ms for candle in got.candles]
        step = times[1] - times[0]
        assert times == list(range(times[0], times[-1] + step, step))
        assert len(got.candles) == 50
        assert len(got.lines[0].values) == 50
        closes = [candle.close for candle in got.candles]
        assert got.lines[0].values[-1] == pytest.approx(sum(closes[-20:]) / 20)


async def test_accounts_are_known_to_the_last_digit(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    reply = await link.call(c.GetAccounts(refresh=True))
    spot, paper = reply.accounts
    assert (spot.account, paper.account) == ("spot", "paper")
    held = {row.currency: row.available.text for row in spot.rows}
    assert held["USDT"] == "10000"
    assert held["BTC"] == "0.05"
    assert paper.total.text == "10000"
    value = sum(Decimal(row.value.text) for row in spot.rows if row.value.standing != "unknown")
    assert Decimal(spot.total.text) == pytest.approx(value, abs=Decimal("0.01"))


async def test_without_keys_the_paper_account_says_so(stage: Stage) -> None:
    engine = await stage.start(keys=False)
    link = LocalLink(engine)
    reply = await link.call(c.GetAccounts())
    (paper,) = reply.accounts
    assert paper.account == "paper"
    assert "no API keys" in paper.note
    await link.call(c.PaperDeposit(currency="usdt", amount="12.34"))
    reply = await link.call(c.GetAccounts(refresh=True))
    assert reply.accounts[0].rows[0].available.text == "10012.34"
    for wrong in ("0", "-1", "NaN", "x"):
        with pytest.raises(PolotuiError):
            await link.call(c.PaperDeposit(currency="USDT", amount=wrong))


async def test_an_exchange_that_fails_makes_values_stale_not_zero(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    await link.call(c.GetAccounts())
    await stage.simulator.stop()
    reply = await link.call(c.GetAccounts(refresh=True))
    spot = reply.accounts[0]
    usdt = next(row for row in spot.rows if row.currency == "USDT")
    assert usdt.available.standing == "stale"
    assert usdt.available.text == "10000"
    assert usdt.available.cause


async def test_watchlist_is_kept_and_unknown_symbols_are_refused(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    before = (await link.call(c.Watch(symbol="ETH_USDT", remove=True))).watched
    assert "ETH_USDT" not in before
    with pytest.raises(PolotuiError, match="Did you mean ETH_USDT"):
        await link.call(c.Watch(symbol="ETHH_USDT"))
    await stage.stop()
    engine = await stage.start()
    assert engine.desk.watched == before
    assert "ETH_USDT" in (await LocalLink(engine).call(c.Watch(symbol="eth_usdt"))).watched


async def test_a_new_engine_shows_the_last_state_marked_stale_at_once(stage: Stage) -> None:
    engine = await stage.start()
    await until(lambda: engine.desk.row("BTC_USDT").last)
    link = LocalLink(engine)

    async def known() -> bool:
        return (await link.call(c.GetAccounts())).accounts[0].total.standing == "known"

    await eventually(known)
    await stage.stop()
    await stage.simulator.stop()
    from polotui.core.clock import SystemClock
    from polotui.core.ids import Chance
    from polotui.core.settings.schema import Settings
    from polotui.engine.engine import Engine

    engine = Engine(
        home=stage.home, settings=Settings(), clock=SystemClock(), chance=Chance(), demo=True, venue=stage.venue()
    )
    running = asyncio.create_task(engine.run())
    rows: dict[str, WatchState] = {}
    totals: list[str] = []
    async with asyncio.timeout(20):
        async for batch in LocalLink(engine).events(["watch", "accounts"]):
            rows |= {event.row.symbol: event for event in batch if isinstance(event, WatchState)}
            totals += [event.accounts[0].total.standing for event in batch if isinstance(event, AccountsState)]
            if rows and totals:
                break
    assert all(event.row.stale_since_ms for event in rows.values())
    assert totals[0] == "stale"
    engine.stop()
    await running


async def test_facts_have_no_holes_over_restarts(stage: Stage) -> None:
    await stage.start()
    await stage.stop()
    engine = await stage.start()
    engine.facts.submit("engine", "info", "hostile \x1b]52;c;x\x07 text")
    await until(lambda: engine.last_fact() >= 4)
    facts: list[Fact] = (await LocalLink(engine).call(c.GetFacts())).facts
    assert [fact.number for fact in facts] == list(range(1, len(facts) + 1))
    assert "\x1b" not in facts[-1].text


async def test_it_ends_by_itself_after_the_last_face_left(stage: Stage) -> None:
    engine = await stage.start(linger=1.0)
    link = await SocketLink.connect(stage.home.socket, face="test")
    await until(lambda: engine.server.faces == 1)
    await asyncio.sleep(0)
    await link.close()
    await stage.ended()
    with pytest.raises(EngineGone):
        await SocketLink.connect(stage.home.socket, face="test")


async def test_a_start_that_takes_long_is_not_ended_by_nobodys_being_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ = Stores.open

    async def slowly(*arguments: Any) -> Stores:
        await asyncio.sleep(0.1)
        return await open_(*arguments)

    monkeypatch.setattr(engine_module, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(Stores, "open", slowly)
    engine = await stage.start(linger=0.0)
    assert engine.trading is not None
    await stage.ended()


async def test_ending_leaves_no_task_and_no_socket(stage: Stage) -> None:
    before = asyncio.all_tasks()
    engine = await stage.start()
    await until(lambda: engine.exchange.feed.state().phase == "live")
    await stage.stop()
    assert not stage.home.socket.exists()
    ours = {task for task in asyncio.all_tasks() - before if not task.done()}
    left = [task.get_name() for task in ours if "simulator" not in repr(task)]
    assert not left


async def test_bad_commands_get_advice_not_tracebacks(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    wrong: list[c.Command] = [
        c.GetCandles(symbol="NOPE_USDT"),
        c.GetCandles(symbol="BTC_USDT", timeframe="7m"),
        c.GetCandles(symbol="BTC_USDT", limit=0),
        c.GetCandles(symbol="BTC_USDT", overlays=["ema1"]),
        c.GetCandles(symbol="BTC_USDT", overlays=["\x1b[31m9"]),
        c.GetBook(symbol="../../etc"),
        c.GetTrades(symbol="x" * 500),
        c.GetTickers(symbols=["NOPE"]),
        c.Watch(symbol="NOPE"),
        c.GetAccounts(account="savings"),
        c.GetHealth(part="soul"),
        c.CancelJob(id=99),
        c.DataVerify(symbol="BTC_USDT", timeframe="7m"),
        c.DataImport(path="/nowhere/file.csv", symbol="BTC_USDT"),
        c.DataDownload(symbol="BTC_USDT", from_ms=-5),
    ]
    for command in wrong:
        with pytest.raises(PolotuiError) as caught:
            await link.call(command)
        record = caught.value.record()
        assert record.cause
        assert record.exit_code in (1, 2), command
        assert "\x1b" not in record.sentence()


async def test_a_fact_waits_for_a_disk_that_fails(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a failing store lost the fact in hand, and after three of them no fact was stored at all."""
    from polotui.core.errors import StorageError
    from polotui.engine import facts

    monkeypatch.setattr(facts, "STORE_AGAIN_SECONDS", 0.01)
    engine = await stage.start()
    await until(lambda: engine.last_fact() >= 1)
    real, tries = engine.stores.facts.append_fact, [0]

    async def failing(*fact: str) -> object:
        tries[0] += 1
        if tries[0] <= 5:
            raise StorageError("disk full")
        return await real(*fact)

    monkeypatch.setattr(engine.stores.facts, "append_fact", failing)
    before = engine.last_fact()
    engine.facts.submit("engine", "info", "kept")
    await until(lambda: engine.last_fact() > before)
    assert [fact.text for fact in await engine.facts_after(before, 10)][-1:] == ["kept"]
    assert not engine.supervisor.failed


async def test_a_symbol_that_is_not_listed_does_not_hold_up_the_rest(stage: Stage) -> None:
    engine = await stage.start(keys=False)
    await until(lambda: engine.exchange.feed.state().phase == "live")
    assert "XRP_USDT" not in engine.desk.watched
    facts = await engine.facts_after(0, 20)
    assert any("XRP_USDT" in fact.text for fact in facts)


async def test_health_shows_that_both_files_were_checked(stage: Stage) -> None:
    engine = await stage.start()

    async def checked() -> bool:
        part = (await LocalLink(engine).call(c.GetHealth(part="database"))).parts[0]
        return all(part.figures[f"{name}_integrity_age_ms"] is not None for name in ("ledger.db", "market.db"))

    await eventually(checked)
