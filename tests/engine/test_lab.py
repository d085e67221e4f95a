"""Strategies, backtests and sweeps through the engine: real worker processes, real files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api.commands import CancelJob, GetJobs
from polotui.api.events import JobState
from polotui.api.lab_values import Costs, RunDetail, RunSpec, SweepAxis, SweepSpec
from polotui.backtest.work import SweepWork
from polotui.core.errors import UsageError
from polotui.engine import backtests
from polotui.engine.engine import Engine
from polotui.model.candles import Timeframe
from polotui.storage.columns import CandleArrays
from tests.backtest.conftest import HOUR, START, walk_market
from tests.engine.conftest import Stage, until

BARS = 24 * 400


async def with_candles(stage: Stage, bars: int = BARS) -> Engine:
    """An engine that has hours of BTC_USDT, and none that the exchange would add to them."""
    import numpy as np

    engine = await stage.start()
    assert engine.stores is not None
    market = walk_market("lab", bars)
    columns = [np.ascontiguousarray(row) for row in market] + [np.zeros(bars)]
    candles = CandleArrays.from_columns(START + HOUR * np.arange(bars), columns, np.full(bars, -1, np.int64))
    await engine.stores.candles.put_arrays("BTC_USDT", Timeframe.H1, candles, "test")
    return engine


def spec(**changes) -> RunSpec:
    plain = RunSpec(
        strategy="sma-cross", symbols=["BTC_USDT"], timeframe="1h", from_ms=START, to_ms=START + BARS * HOUR
    )
    return msgspec.structs.replace(plain, **changes)


async def ended(engine: Engine, job: int) -> JobState:
    """The job's last state."""
    async with asyncio.timeout(120):
        while True:
            reply = await engine.handle(GetJobs(limit=50))
            state = next(state for state in reply.jobs if state.id == job)
            if state.end:
                return state
            await asyncio.sleep(0.02)


async def test_a_strategy_is_kept_with_every_version_and_comes_back_from_where_it_was_put(stage: Stage) -> None:
    engine = await stage.start()
    made: lr.StrategySaved = await engine.handle(lc.NewStrategy(source="sma-cross", name="mine"))
    detail: lr.StrategyDetail = await engine.handle(lc.GetStrategy(name="mine"))
    assert (made.version, detail.row.stage, detail.checked.ok) == (1, "draft", True)
    changed = detail.text.replace("default: 20", "default: 25")
    assert changed != detail.text
    again: lr.StrategySaved = await engine.handle(lc.SaveStrategy(text=changed, after_version=1))
    same: lr.StrategySaved = await engine.handle(lc.SaveStrategy(text=changed))
    assert (again.version, same.version, same.unchanged) == (2, 2, True)
    with pytest.raises(UsageError, match="changed elsewhere"):
        await engine.handle(lc.SaveStrategy(text=detail.text, after_version=1))
    old: lr.StrategyDetail = await engine.handle(lc.GetStrategy(name="mine", version=1))
    assert old.text == detail.text
    await engine.handle(lc.DeleteStrategy(name="mine"))
    names = [row.name for row in (await engine.handle(lc.ListStrategies(templates=False))).strategies]
    assert names == []
    await engine.handle(lc.DeleteStrategy(name="mine", undo=True))
    await stage.stop()
    engine = await stage.start()
    rows = (await engine.handle(lc.ListStrategies(templates=False))).strategies
    assert [(row.name, row.version) for row in rows] == [("mine", 2)]


async def test_a_draft_with_errors_is_stored_and_never_run(stage: Stage) -> None:
    engine = await stage.start()
    text = 'spec: 1\nname: broken\nmarket: {symbols: [BTC_USDT]}\ntimeframe: 1h\nentry: {long: "close > "}\n'
    saved: lr.StrategySaved = await engine.handle(lc.SaveStrategy(text=text))
    assert saved.version == 1
    assert any(one.severity == "error" and one.line and one.column for one in saved.diagnostics)
    with pytest.raises(UsageError, match=r"has errors and cannot run\. Line"):
        await engine.handle(lc.StartBacktest(spec=spec(strategy="broken")))


async def test_a_run_is_stored_served_again_compared_put_away_and_exported(stage: Stage, tmp_path: Path) -> None:
    engine = await with_candles(stage)
    first: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    state = await ended(engine, first.job)
    assert (state.end, state.kind, state.result) == ("completed", "backtest", first.run), state.reason
    detail: RunDetail = await engine.handle(lc.GetRun(run=first.run))
    figures = {figure.name: figure for figure in detail.figures}
    assert detail.row.trades > 10
    assert figures["total_return"].text.endswith(" %")
    assert len(detail.row.data_hash) == len(detail.row.document_hash) == 64
    assert set(detail.bands) == {"pessimistic", "adaptive", "optimistic"}
    assert detail.curve[-1].equity == pytest.approx(10_000 * (1 + detail.row.total_return))
    same: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    assert (same.cached, same.run, same.job) == (True, first.run, 0)
    other: lr.BacktestStarted = await engine.handle(
        lc.StartBacktest(spec=spec(costs=Costs(maker_fee=0.0, taker_fee=0.0)))
    )
    await ended(engine, other.job)
    compared: lr.Comparison = await engine.handle(lc.CompareRuns(runs=[first.run, other.run]))
    assert compared.same_data
    assert any("costs" in line for line in compared.differences)
    trades: lr.RunTrades = await engine.handle(lc.GetRunTrades(run=first.run, limit=500, sort="-profit"))
    assert trades.total == detail.row.trades + sum(1 for trade in trades.trades if not trade.exit_ms)
    assert trades.trades[0].profit >= trades.trades[-1].profit
    chart: lr.RunChart = await engine.handle(lc.GetRunChart(run=first.run, trade=trades.trades[0].number, bars=200))
    assert any(mark.at_ms == trades.trades[0].entry_ms for mark in chart.marks)
    await engine.handle(lc.DeleteRun(run=first.run))
    assert [row.run for row in (await engine.handle(lc.ListRuns())).runs] == [other.run]
    await engine.handle(lc.DeleteRun(run=first.run, undo=True))
    path = tmp_path / "run.json"
    exported: lr.Exported = await engine.handle(lc.ExportRun(run=first.run, what="all", path=str(path)))
    assert len(json.loads(path.read_text())["trades"]) == exported.rows == trades.total
    with pytest.raises(UsageError, match="exists"):
        await engine.handle(lc.ExportRun(run=first.run, what="all", path=str(path)))


async def test_a_worker_that_is_killed_fails_its_run_and_the_next_one_runs(stage: Stage) -> None:
    engine = await with_candles(stage)
    started: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    await until(lambda: engine.workers.jobs.pid is not None)
    os.kill(engine.workers.jobs.pid or 0, signal.SIGKILL)
    state = await ended(engine, started.job)
    assert state.end == "failed"
    assert "signal 9" in state.reason
    with pytest.raises(UsageError, match="failed"):
        await engine.handle(lc.GetRun(run=started.run))
    again: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    assert (await ended(engine, again.job)).end == "completed"


async def test_an_engine_that_dies_leaves_no_run_running(stage: Stage) -> None:
    engine = await with_candles(stage)
    assert engine.stores is not None
    run = await engine.stores.archive.start_run("key", "sma-cross", 0, "{}")
    await stage.stop()
    engine = await stage.start()
    with pytest.raises(UsageError, match="the engine ended"):
        await engine.handle(lc.GetRun(run=run))


SWEEP = SweepSpec(
    run=RunSpec(strategy="sma-cross"),
    axes=[SweepAxis(name="fast_len", least=5, most=20, step=5), SweepAxis(name="slow_len", least=30, most=60, step=10)],
    objective="total_return",
)


async def test_a_sweep_ends_with_its_best_and_survives_a_restart(stage: Stage) -> None:
    engine = await with_candles(stage)
    names = {field.name for field in (await engine.handle(lc.GetStrategy(name="sma-cross"))).checked.params}
    axes = [axis for axis in SWEEP.axes if axis.name in names]
    assert len(axes) == 2, names
    asked = msgspec.structs.replace(SWEEP, run=spec(policy="pessimistic"))
    started: lr.SweepStarted = await engine.handle(lc.StartSweep(spec=asked))
    state = await ended(engine, started.job)
    assert state.end == "completed", state.reason
    detail = await engine.handle(lc.GetSweep(number=started.sweep))
    assert detail.done == detail.total == started.total == 16
    assert len(detail.heat) == 16
    scores = [row.score for row in detail.best]
    assert scores == sorted(scores, reverse=True)
    assert detail.best[0].out_of_sample is not None
    await stage.stop()
    engine = await stage.start()
    stored = await engine.handle(lc.GetSweep(number=started.sweep))
    assert (stored.best, stored.heat, stored.state) == (detail.best, detail.heat, detail.state)
    assert stored.deflated_sharpe == detail.deflated_sharpe


async def test_a_cancelled_sweep_keeps_what_it_has_and_goes_on_from_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await with_candles(stage)
    wide = [
        SweepAxis(name="fast_len", least=5, most=60, step=5),
        SweepAxis(name="slow_len", least=30, most=240, step=10),
        SweepAxis(name="stop_pct", least=0.01, most=0.1, step=0.01),
    ]
    asked = msgspec.structs.replace(SWEEP, run=spec(), axes=wide)
    started: lr.SweepStarted = await engine.handle(lc.StartSweep(spec=asked))
    assert engine.sweeps is not None
    async with asyncio.timeout(120):
        while (await engine.handle(lc.GetSweep(number=started.sweep))).done < 20:
            await asyncio.sleep(0.02)
    await engine.handle(CancelJob(id=started.job))
    assert (await ended(engine, started.job)).end == "cancelled"
    kept = await engine.handle(lc.GetSweep(number=started.sweep))
    assert kept.state == "cancelled"
    assert kept.done >= 20
    if kept.done < kept.total:
        sent: list[SweepWork] = []
        heard: list[int] = []
        real = engine.workers.jobs.run

        async def spy(work, watch, hear):
            def listen(value):
                heard.extend(row["place"] for row in value.get("rows", []))
                hear(value)

            sent.append(work)
            return await real(work, watch, listen)

        monkeypatch.setattr(engine.workers.jobs, "run", spy)
        again: lr.SweepStarted = await engine.handle(lc.ResumeSweep(number=started.sweep))
        assert (await ended(engine, again.job)).end == "completed"
        assert len(sent[0].done) == kept.done
        assert heard
        assert not set(heard) & set(sent[0].done)
    detail = await engine.handle(lc.GetSweep(number=started.sweep))
    assert detail.done == detail.total


async def test_a_preview_marks_entries_and_an_examination_looks_for_the_future(stage: Stage) -> None:
    engine = await with_candles(stage)
    text = (await engine.handle(lc.GetStrategy(name="sma-cross"))).text
    preview = await engine.handle(lc.PreviewStrategy(text=text, symbol="BTC_USDT", timeframe="1h", bars=200))
    assert len(preview.candles) == 200
    assert preview.entries == len([mark for mark in preview.marks if mark.kind == "entry"])
    examined: lr.Examination = await engine.handle(lc.ExamineStrategy(name="sma-cross", symbol="BTC_USDT"))
    assert examined.ok, examined.checks
    assert {"Look-ahead", "Warm-up"} <= {check.name for check in examined.checks}


@pytest.mark.parametrize("kind", ["walk-forward", "hold-out", "monte-carlo", "stress", "confirmation"])
async def test_a_run_can_be_looked_at_further(stage: Stage, kind: str) -> None:
    engine = await with_candles(stage)
    started: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    await ended(engine, started.job)
    job = await engine.handle(lc.AnalyseRun(run=started.run, kind=kind))
    state = await ended(engine, job.id)
    assert state.end == "completed", state.reason
    found = (await engine.handle(lc.GetRun(run=started.run))).analyses
    assert [one.kind for one in found] == [kind]
    assert found[0].reading
    assert all(len(row) == len(found[0].columns) for row in found[0].rows)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"strategy": "sma-crosss"}, "no strategy"),
        ({"capital": -1.0}, "capital"),
        ({"from_ms": START + HOUR, "to_ms": START}, "empty"),
        ({"timeframe": "2h"}, "timeframe"),
        ({"costs": Costs(taker_fee=0.5)}, "taker fee"),
    ],
)
async def test_what_cannot_run_is_refused_at_once(stage: Stage, changes: dict, words: str) -> None:
    engine = await with_candles(stage, 100)
    with pytest.raises(UsageError, match=words):
        await engine.handle(lc.StartBacktest(spec=spec(**changes)))


async def test_a_sweep_over_an_unknown_param_leaves_no_sweep(stage: Stage) -> None:
    engine = await with_candles(stage)
    asked = msgspec.structs.replace(SWEEP, run=spec(), axes=[SweepAxis(name="nothing", least=1, most=2, step=1)])
    with pytest.raises(UsageError, match="no param nothing"):
        await engine.handle(lc.StartSweep(spec=asked))
    assert (await engine.handle(lc.ListSweeps(limit=5))).sweeps == []


async def test_a_job_that_is_cancelled_twice_ends_in_order(stage: Stage) -> None:
    engine = await stage.start()
    assert engine.jobs is not None
    ending, may_end, told = asyncio.Event(), asyncio.Event(), []

    async def work(progress: object) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()
            told.append("ended")
        return ""

    job = await engine.jobs.run("slow", "test", {}, work)
    await engine.handle(CancelJob(id=job))
    await ending.wait()
    await engine.handle(CancelJob(id=job))
    await asyncio.sleep(0)
    may_end.set()
    assert (await ended(engine, job)).end == "cancelled"
    assert told == ["ended"]


async def test_the_same_run_asked_for_twice_at_once_is_one_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await with_candles(stage)
    assert engine.backtests is not None
    real, both = engine.backtests._key, asyncio.Barrier(2)

    async def together(*args, **more):
        await both.wait()
        monkeypatch.setattr(engine.backtests, "_key", real)
        return await real(*args, **more)

    monkeypatch.setattr(engine.backtests, "_key", together)
    one, other = await asyncio.gather(*(engine.handle(lc.StartBacktest(spec=spec())) for _ in range(2)))
    assert one.run == other.run
    assert (await ended(engine, one.job)).end == "completed"


async def test_candles_that_come_while_a_run_computes_are_not_taken_for_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await with_candles(stage)
    real = engine.workers.jobs.run

    async def slow(work, watch=None, hear=None):
        done = await real(work, watch, hear)
        candles = CandleArrays.from_columns(
            np.array([START + BARS * HOUR]), [np.array([100.0])] * 5 + [np.zeros(1)], np.array([-1])
        )
        assert engine.stores is not None
        await engine.stores.candles.put_arrays("BTC_USDT", Timeframe.H1, candles, "test")
        return done

    asked = spec(to_ms=0)
    monkeypatch.setattr(engine.workers.jobs, "run", slow)
    started: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=asked))
    assert (await ended(engine, started.job)).end == "completed"
    monkeypatch.setattr(engine.workers.jobs, "run", real)
    again: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=asked))
    assert not again.cached
    assert (await ended(engine, again.job)).end == "completed"


async def test_a_further_look_is_taken_at_the_text_that_ran(stage: Stage) -> None:
    """A template ran; meanwhile a strategy of its name was saved with other values."""
    engine = await with_candles(stage)
    started: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    await ended(engine, started.job)
    text = (await engine.handle(lc.GetStrategy(name="sma-cross"))).text
    await engine.handle(lc.SaveStrategy(text=text.replace("default: 20", "default: 25")))
    with pytest.raises(UsageError, match="changed since"):
        await engine.handle(lc.AnalyseRun(run=started.run, kind="stress"))


async def test_other_versions_of_what_computes_are_another_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await with_candles(stage)
    started: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    assert (await ended(engine, started.job)).end == "completed"
    assert (await engine.handle(lc.StartBacktest(spec=spec()))).cached
    monkeypatch.setattr(backtests, "version", lambda name: "0.0")
    again: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    assert not again.cached
    assert (await ended(engine, again.job)).end == "completed"


async def test_candles_of_later_times_only_do_not_make_another_run(stage: Stage) -> None:
    engine = await with_candles(stage)
    started: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
    assert (await ended(engine, started.job)).end == "completed"
    assert engine.stores is not None
    # Another source: a row of its own in the provenance.
    for at_ms, cached in ((START + (BARS + 5) * HOUR, True), (START + 5 * HOUR, False)):
        late = CandleArrays.from_columns(np.array([at_ms]), [np.array([100.0])] * 5 + [np.zeros(1)], np.array([-1]))
        await engine.stores.candles.put_arrays("BTC_USDT", Timeframe.H1, late, "other")
        again: lr.BacktestStarted = await engine.handle(lc.StartBacktest(spec=spec()))
        assert again.cached == cached
    assert (await ended(engine, again.job)).end == "completed"


async def test_a_list_of_sweeps_does_not_read_their_tables(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await with_candles(stage)
    asked = msgspec.structs.replace(SWEEP, run=spec())
    started: lr.SweepStarted = await engine.handle(lc.StartSweep(spec=asked))
    assert (await ended(engine, started.job)).end == "completed"
    (live,) = (await engine.handle(lc.ListSweeps(limit=5))).sweeps
    await stage.stop()
    engine = await stage.start()
    assert engine.stores is not None
    monkeypatch.setattr(engine.stores.archive, "sweep_rows", None)
    (stored,) = (await engine.handle(lc.ListSweeps(limit=5))).sweeps
    assert (stored.best, stored.done, stored.deflated_sharpe) == (live.best, live.done, live.deflated_sharpe)


async def test_a_sweep_goes_on_once_however_often_it_is_asked(stage: Stage) -> None:
    engine = await with_candles(stage)
    assert engine.stores is not None
    archive = engine.stores.archive
    asked = msgspec.structs.replace(SWEEP, run=spec())
    number = await archive.start_sweep(msgspec.json.encode(asked).decode(), 16)
    await archive.set_sweep(number, "cancelled")
    resume = lc.ResumeSweep(number=number)
    found = await asyncio.gather(engine.handle(resume), engine.handle(resume), return_exceptions=True)
    started = [one for one in found if isinstance(one, lr.SweepStarted)]
    assert len(started) == 1
    assert (await ended(engine, started[0].job)).end == "completed"
