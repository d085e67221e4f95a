"""Stored candles through the use cases: download with an end, import all or nothing, list, verify; health."""

from __future__ import annotations

from pathlib import Path

import pytest

from polotui.api import commands as c
from polotui.api.replies import Jobs
from polotui.core.errors import PolotuiError
from polotui.engine.local_link import LocalLink
from tests.engine.conftest import Stage, eventually

pytestmark = pytest.mark.usefixtures("no_correlations")

HOUR = 3_600_000


async def test_a_download_is_a_job_with_one_end_and_can_be_verified(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    now = engine.clock.wall_ms()
    started = await link.call(c.DataDownload(symbol="BTC_USDT", from_ms=now - 48 * HOUR, to_ms=now - 24 * HOUR))
    jobs: Jobs | None = None

    async def ended() -> bool:
        nonlocal jobs
        jobs = await link.call(c.GetJobs())
        return bool(jobs.jobs[0].end)

    await eventually(ended)
    assert jobs is not None
    assert (jobs.jobs[0].id, jobs.jobs[0].end, jobs.jobs[0].done) == (started.id, "completed", 1.0)
    (stored,) = [entry for entry in (await link.call(c.DataList())).sets if entry.timeframe == "1m"]
    assert stored.candles >= 24 * 60
    assert stored.sources
    report = await link.call(c.DataVerify(symbol="BTC_USDT"))
    assert report.ok
    assert len(report.hash) == 64
    with pytest.raises(PolotuiError, match="does not run"):
        await link.call(c.CancelJob(id=started.id))


async def test_a_download_can_be_cancelled_and_leaves_what_it_has(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    now = engine.clock.wall_ms()
    started = await link.call(c.DataDownload(symbol="ETH_USDT", from_ms=now - 300 * 24 * HOUR))
    assert engine.busy() == ["download ETH_USDT 1m"]
    with pytest.raises(PolotuiError, match="Still running"):
        await link.call(c.StopEngine())
    await link.call(c.CancelJob(id=started.id))

    async def cancelled() -> bool:
        return (await link.call(c.GetJobs())).jobs[0].end == "cancelled"

    await eventually(cancelled)
    assert engine.busy() == []


async def test_a_job_of_a_killed_engine_ends_as_failed(stage: Stage) -> None:
    engine = await stage.start()
    await engine.stores.records.start_job("left behind", "data-download", {})
    await stage.stop()
    engine = await stage.start()
    job = (await LocalLink(engine).call(c.GetJobs())).jobs[0]
    assert (job.title, job.end) == ("left behind", "failed")
    assert "before the job did" in job.reason


async def test_an_import_is_all_or_nothing(stage: Stage, tmp_path: Path) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    good = ["timestamp,open,high,low,close,volume"]
    good += [f"{1_700_000_040_000 + n * 60_000},100,101,99,100.5,1.5" for n in range(60)]
    path = tmp_path / "bars.csv"
    path.write_text("\n".join([*good, "1700003640000,100,90,99,100.5,1"]))
    with pytest.raises(PolotuiError):
        await link.call(c.DataImport(path=str(path), symbol="SOL_USDT"))
    assert not [entry for entry in (await link.call(c.DataList())).sets if entry.symbol == "SOL_USDT"]
    path.write_text("\n".join(good))
    done = await link.call(c.DataImport(path=str(path), symbol="SOL_USDT"))
    assert (done.candles, done.new) == (60, 60)
    assert (await link.call(c.DataImport(path=str(path), symbol="SOL_USDT"))).new == 0


async def test_markets_tickers_books_and_trades_answer(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    markets = (await link.call(c.GetMarkets(top=2))).markets
    assert len(markets) == 2
    tickers = await link.call(c.GetTickers())
    assert {ticker.symbol for ticker in tickers.tickers} >= {market.symbol for market in markets}
    assert (await link.call(c.GetTickers(symbols=["BTC_USDT"]))).source.name == "cache"
    deep = await link.call(c.GetBook(symbol="BTC_USDT", depth=50))
    assert deep.source.name == "exchange"
    assert deep.bids[0].price < deep.asks[0].price
    trades = (await link.call(c.GetTrades(symbol="BTC_USDT", limit=5))).trades
    assert [trade.id for trade in trades] == sorted((trade.id for trade in trades), reverse=True)


async def test_health_names_every_part_and_the_worst_counts(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)

    async def online() -> bool:
        return (await link.call(c.GetHealth())).state == "online"

    await eventually(online)
    await stage.simulator.stop()

    async def noticed() -> bool:
        health = await link.call(c.GetHealth())
        return health.state != "online" and {part.name for part in health.parts} == {
            *("engine", "exchange", "stream", "database", "cache")
        }

    await eventually(noticed, 30)
