"""Searches, analyses and examinations as the engine asks for them: through the worker, over a real candle store."""

from __future__ import annotations

from pathlib import Path

import msgspec

from polotui.backtest.work import AnalyseWork, Answer, Document, Done, ExamineWork, Failed, Work
from polotui.backtest.worker import Worker
from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.model.candles import Timeframe
from polotui.storage.candles import CandleStore
from polotui.storage.database import Database
from tests.backtest import searching as s


async def test_works_over_a_real_store(tmp_path: Path) -> None:
    clock, market = SystemClock(), tmp_path / "market.db"
    async with Database(market, clock=clock, chance=Chance("test"), schema="market") as database:
        await CandleStore(database, clock).put_arrays("BTC_USDT", Timeframe.H1, s.candles(), "test")
    gauge, heard = s.gauge(tmp_path), s.Heard([])
    worker = Worker(market, gauge, heard)
    document = Document(text=s.CROSS)
    works: list[Work] = [
        s.work(threads=2),
        AnalyseWork(document=document, settings=s.settings(), kind="stress"),
        ExamineWork(document=document, most_bars=1_000),
    ]
    answers: list[Answer] = []
    for work in works:
        # As it crosses the pipe.
        sent = msgspec.msgpack.decode(msgspec.msgpack.encode(work), type=Work)
        answer = await worker.carry_out(sent)
        assert isinstance(answer, Done), answer
        answers.append(msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=Done))
    assert len(heard.rows) == 24
    assert answers[0].value["done"] == 24
    assert len(answers[1].value["rows"]) == 12
    assert answers[2].value["ok"]
    done, total = gauge.done()
    assert 0 <= done <= total

    gauge.reset()
    gauge.cancel()
    stopped = await worker.carry_out(s.work())
    assert isinstance(stopped, Failed)
    assert stopped.code == "cancelled"
    assert not stopped.fault
