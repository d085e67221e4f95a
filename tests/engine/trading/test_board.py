"""The strategies board on a running engine; what decides is tested without one."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from polotui.api import lab_commands as lc
from polotui.api import risk_commands as rc
from polotui.api import trade_commands as tc
from polotui.api import trade_replies as tr
from polotui.api.lab_values import Analysis, RunRow, RunSpec
from polotui.api.trade_values import BoardCard
from polotui.core.errors import UsageError
from polotui.engine.backtests import DRIFT
from polotui.engine.engine import Engine
from polotui.engine.trading import judging
from polotui.engine.trading.expected import UNKNOWN, band_of, bucket
from polotui.engine.trading.judging import Rule
from tests.engine.conftest import Stage, until

HOUR = 3_600_000


def run_row(**changes: Any) -> RunRow:
    row = RunRow(
        run=0,
        strategy="mine",
        version=1,
        symbols=["BTC_USDT"],
        timeframe="1h",
        from_ms=0,
        to_ms=1_000 * HOUR,
        policy="pessimistic",
        created_ms=0,
        bars=1_000,
        total_return=0.12,
        trades=40,
        win_rate=0.5,
        sharpe=1.1,
        max_drawdown=-0.1,
    )
    return msgspec.structs.replace(row, **changes)


async def add_run(engine: Engine, equity: Any = (), **changes: Any) -> int:
    """A completed backtest, as its worker would have left it."""
    assert engine.stores is not None
    archive, row = engine.stores.archive, run_row(**changes)
    spec = RunSpec(strategy=row.strategy, version=row.version, symbols=row.symbols, timeframe=row.timeframe)
    run = await archive.start_run(f"key {row}", row.strategy, row.version, msgspec.json.encode(spec).decode())
    curve = np.asarray(equity, np.float64)
    parts = {"curve": np.stack([np.arange(len(curve)), *[curve.view(np.int64)] * 3]).tobytes()}
    summary = msgspec.json.encode(msgspec.structs.replace(row, run=run)).decode()
    await archive.complete_run(run, summary, parts, f"key {row}")
    return run


async def with_strategy(stage: Stage) -> Engine:
    engine = await stage.start()
    await engine.handle(lc.NewStrategy(source="sma-cross", name="mine"))
    assert engine.trading is not None
    trading = engine.trading
    await until(
        lambda: (
            trading.markets.market("BTC_USDT") is not None
            and engine.safety.current() is not None
            and not trading.why_no_bots()
        )
    )
    return engine


async def card(engine: Engine) -> BoardCard:
    board: tr.Board = await engine.handle(rc.GetBoard())
    assert [one.strategy for one in board.cards] == ["mine"]
    return board.cards[0]


async def test_a_strategy_goes_through_the_stages_with_its_figures(stage: Stage) -> None:
    engine = await with_strategy(stage)
    found = await card(engine)
    assert (found.stage, found.run, found.proposal) == ("generated", 0, "")
    assert found.evidence == ["✗ No backtest of version 1 yet"]
    await add_run(engine, trades=3, version=2)
    assert (await card(engine)).stage == "generated"
    poor = await add_run(engine, trades=3)
    found = await card(engine)
    assert (found.stage, found.run, found.trades, found.proposal) == ("backtested", poor, 3, "")
    assert "✗ Backtest: 3 trades (at least 30)" in found.evidence
    good = await add_run(engine)
    found = await card(engine)
    assert (found.run, found.total_return, found.proposal) == (good, 0.12, "to paper")
    assert "✓ Backtest: drawdown 10 % (at most 25 %)" in found.evidence
    started: tr.BotStarted = await engine.handle(tc.StartBot(strategy="mine", symbols=["BTC_USDT"], capital="500"))
    found = await card(engine)
    assert (found.stage, found.bot, found.paper_trades) == ("paper", started.bot.id, 0)
    assert found.evidence[0] == "✗ Paper: 0 trades (at least 30)"
    await engine.handle(tc.StopBot(bot=started.bot.id))
    found = await card(engine)
    assert (found.stage, found.bot) == ("backtested", started.bot.id)
    assert any("Bot 1 of this version is stopped" in one for one in found.evidence)


async def test_runs_of_a_drift_report_and_runs_put_away_are_no_evidence(stage: Stage) -> None:
    engine = await with_strategy(stage)
    run = await add_run(engine)
    await add_run(engine, tags=[DRIFT], total_return=-0.9)
    assert (await card(engine)).run == run
    await engine.handle(lc.DeleteRun(run=run))
    assert (await card(engine)).stage == "generated"
    await engine.handle(lc.DeleteRun(run=run, undo=True))
    assert (await card(engine)).run == run


async def test_a_template_s_run_counts_for_the_copy_with_the_same_text(stage: Stage) -> None:
    engine = await with_strategy(stage)
    version = await engine.stores.strategies.get("mine")  # type: ignore[union-attr]
    await add_run(engine, version=0, document_hash="of another text")
    assert (await card(engine)).stage == "generated"
    run = await add_run(engine, version=0, document_hash=version.hash)  # type: ignore[union-attr]
    assert (await card(engine)).run == run


async def test_what_meets_its_rule_goes_to_paper_once_and_stopping_it_undoes_that(stage: Stage) -> None:
    engine = await with_strategy(stage)
    trading = engine.trading
    assert trading is not None
    await add_run(engine)
    await trading.board.check()
    assert trading.bots.all() == []
    done = await engine.handle(rc.SetPromotion(strategy="mine", least_trades=30, capital="250", caller="me"))
    assert "with 250 USDT" in done.text
    assert "with 250 USDT" in (await card(engine)).rule
    await trading.board.check()
    await trading.board.check()
    (bot,) = trading.bots.all()
    assert (bot.strategy, bot.version, bot.symbols, bot.timeframe) == ("mine", 1, ("BTC_USDT",), "1h")
    assert str(bot.capital) == "250"
    audit = await engine.handle(rc.ListAudit(kind="bot", limit=50))
    promoted = [row for row in audit.rows if row.code == "PROMOTED"]
    assert len(promoted) == 1
    assert "40 trades (at least 30)" in promoted[0].text
    assert [row.caller for row in audit.rows if row.code == "PROMOTION-RULE"] == ["me"]
    feed: tr.Feed = await engine.handle(tc.GetFeed(kinds=["bot"], bot=bot.id))
    assert any("went to paper by its rule" in item.text for item in feed.items)
    await engine.handle(tc.StopBot(bot=bot.id))
    await trading.board.check()
    assert len(trading.bots.all()) == 1
    assert any("the rule does not start it again" in one for one in (await card(engine)).evidence)


async def test_on_paper_live_is_proposed_by_hand_and_the_way_back_by_the_same_rule(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await with_strategy(stage)
    trading = engine.trading
    assert trading is not None
    await add_run(engine)
    started: tr.BotStarted = await engine.handle(tc.StartBot(strategy="mine", symbols=["BTC_USDT"], capital="500"))
    text = (await engine.handle(lc.GetStrategy(name="mine"))).text
    await engine.handle(lc.SaveStrategy(text=text.replace("default: 20", "default: 25")))
    shown = msgspec.structs.replace(started.bot, trades=40, result_ratio=0.05, drawdown=0.02, health="ok")
    monkeypatch.setattr(trading.bots, "row", lambda number: shown)
    found = await card(engine)
    assert (found.stage, found.version, found.proposal) == ("paper", 1, "to live (by hand)")
    assert "✗ Version 2 is newer than the version 1 that trades" in found.evidence
    shown = msgspec.structs.replace(shown, drawdown=0.3)
    assert (await card(engine)).proposal == ""
    await engine.handle(rc.SetPromotion(strategy="mine"))
    assert (await card(engine)).proposal == "back to backtested"
    await trading.board.check()
    await trading.board.check()
    audit = await engine.handle(rc.ListAudit(kind="bot", limit=50))
    (told,) = [row.text for row in audit.rows if row.code == "PROMOTION"]
    assert "does not meet its rule on paper any more" in told
    assert [bot.state for bot in trading.bots.all()] == ["running"]


async def test_a_rule_holds_back_what_does_not_meet_it_and_ends_when_taken_away(stage: Stage) -> None:
    engine = await with_strategy(stage)
    trading = engine.trading
    assert trading is not None
    run = await add_run(engine, max_drawdown=-0.3)
    await engine.handle(rc.SetPromotion(strategy="mine"))
    await trading.board.check()
    assert (await card(engine)).proposal == "back to generated"
    run = await add_run(engine)
    analysis = Analysis(
        kind="hold-out", title="Hold-out", columns=["figure", "first 70 %", "last 30 %"],
        rows=[["Span", "a", "b"], ["Total return", "+20.00 %", "−3.00 %"]], reading="",
    )  # fmt: skip
    assert engine.stores is not None
    await engine.stores.archive.add_analysis(run, "hold-out", msgspec.json.encode(analysis).decode())
    await trading.board.check()
    assert "✗ Hold-out: the last part returned −3.00 % (at least 0 %)" in (await card(engine)).evidence
    assert trading.bots.all() == []
    done = await engine.handle(rc.SetPromotion(strategy="mine", least_trades=0))
    assert "off" in done.text
    await add_run(engine)
    await trading.board.check()
    assert trading.bots.all() == []
    assert (await card(engine)).rule == ""


async def test_a_promotion_that_is_refused_is_told_once_and_tried_again(stage: Stage) -> None:
    engine = await with_strategy(stage)
    trading = engine.trading
    assert trading is not None
    await add_run(engine)
    await engine.handle(rc.SetPromotion(strategy="mine", capital="900000000"))
    await trading.board.check()
    await trading.board.check()
    audit = await engine.handle(rc.ListAudit(kind="bot", limit=50))
    told = [row.text for row in audit.rows if row.code == "PROMOTION"]
    assert len(told) == 1
    assert "meets its rule, but" in told[0]
    await engine.handle(rc.SetPromotion(strategy="mine", capital="300"))
    await trading.board.check()
    assert [bot.strategy for bot in trading.bots.all()] == ["mine"]


async def test_rules_survive_a_restart_and_nothing_is_promoted_while_halted(stage: Stage) -> None:
    engine = await with_strategy(stage)
    await add_run(engine)
    await engine.handle(rc.SetPromotion(strategy="mine", least_trades=12))
    await engine.handle(rc.Halt(reason="test"))
    await engine.trading.board.check()  # type: ignore[union-attr]
    assert engine.trading.bots.all() == []  # type: ignore[union-attr]
    await stage.stop()
    engine = await stage.start()
    assert "12 trades" in (await card(engine)).rule


@pytest.mark.parametrize(
    "wrong", [{"least_trades": -1}, {"most_drawdown": 0.0}, {"most_drawdown": 25.0}, {"least_return": -2.0},
              {"capital": "much"}, {"capital": "-5"}, {"strategy": "sma-cross"}, {"strategy": "nobody's"}],
)  # fmt: skip
async def test_rules_that_cannot_be_are_refused(stage: Stage, wrong: dict[str, Any]) -> None:
    engine = await with_strategy(stage)
    with pytest.raises(UsageError):
        await engine.handle(rc.SetPromotion(**{"strategy": "mine", **wrong}))
    assert (await card(engine)).rule == ""


async def test_a_bot_s_band_comes_from_the_run_of_its_own_text_and_symbols(stage: Stage) -> None:
    engine = await with_strategy(stage)
    trading = engine.trading
    assert trading is not None
    rising = 10_000.0 * 1.01 ** np.arange(1, 101)
    await add_run(engine, rising)
    await add_run(engine, rising, timeframe="4h")
    await add_run(engine, rising, symbols=["ETH_USDT"])
    started: tr.BotStarted = await engine.handle(tc.StartBot(strategy="mine", symbols=["BTC_USDT"], capital="500"))
    assert trading.band(trading.bots.all()[0]) == UNKNOWN
    trading.clock.not_before(started.bot.started_ms + 2 * HOUR)
    await until(lambda: trading.bots.row(started.bot.id).expected_low is not None)
    row = trading.bots.row(started.bot.id)
    assert row.expected_low == pytest.approx(1.01**2 - 1)
    assert row.expected_high == pytest.approx(1.01**2 - 1)


def test_a_band_is_the_percentiles_of_stretches_of_the_same_length() -> None:
    equity = np.array([101.0, 99.0, 103.0, 102.0, 110.0, 108.0, 109.0, 115.0])
    whole = np.array([100.0, *equity])
    returns = sorted(whole[place + 3] / whole[place] - 1 for place in range(6))
    low, high = band_of(equity, 100.0, 3)
    assert returns[0] < low < returns[1]
    assert returns[-2] < high < returns[-1]
    assert band_of(equity, 100.0, 5) == UNKNOWN
    assert band_of(equity, 100.0, 0) == UNKNOWN
    assert band_of(np.array([50.0, 0.0, 10.0, 20.0]), 100.0, 1) == UNKNOWN


def test_lengths_are_rounded_down_to_two_digits() -> None:
    assert [bucket(bars) for bars in (1, 9, 10, 99, 100, 109, 119, 1_299)] == [1, 9, 10, 99, 100, 100, 110, 1_200]


def test_a_percentage_is_read_as_it_is_shown() -> None:
    assert judging.fraction("+1,234.50 %") == pytest.approx(12.345)
    assert judging.fraction("−0.50 %") == -0.005
    assert judging.fraction("-3 %") == -0.03
    assert judging.fraction("there were no trades") is None


def test_figures_fail_a_rule_for_good_by_depth_or_when_there_are_trades_enough() -> None:
    rule = Rule(least_trades=10, least_return=0.0, most_drawdown=0.2)
    assert not judging.fails(rule, 9, -0.5, 0.1)
    assert judging.fails(rule, 10, -0.01, 0.1)
    assert judging.fails(rule, 0, 0.5, -0.21)
    assert not judging.fails(rule, 50, None, None)
    assert not judging.holds([])
