"""Not only the fills: inputs, equity, trades and refusals of a bot have the backtest's bits."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from polotui.backtest import machine
from polotui.backtest.kernel import run
from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import prepare
from polotui.backtest.rules import record
from polotui.backtest.settings import POLICIES
from polotui.core.clock import FrozenClock
from polotui.trading.bots.inputs import Inputs
from polotui.trading.bots.memory import plain_rules
from polotui.trading.bots.notes import RefusalNote, Silence, TradeNote
from polotui.trading.bots.replay import histories, moments, steps
from polotui.trading.bots.steps import exact
from tests.trading.parity.cases import case_of
from tests.trading.parity.data import thin_gaps, trend
from tests.trading.parity.desk import MemoryDesk
from tests.trading.parity.documents import Written, documents
from tests.trading.parity.runs import bot_of, venue_of


class Ears(Silence):
    def __init__(self) -> None:
        self.trades: list[TradeNote] = []
        self.refusals: list[RefusalNote] = []

    def on_trade(self, note: TradeNote) -> None:
        self.trades.append(note)

    def on_refusal(self, note: RefusalNote) -> None:
        self.refusals.append(note)


async def watched(case: Any, ears: Ears) -> tuple[Any, list[float]]:
    desk, clock = MemoryDesk(exact(case.settings.capital)), FrozenClock()
    bot, venue = bot_of(case, desk, clock, ears), venue_of(case, desk)
    equity: list[float] = []
    async for _ in steps(bot, venue, moments(case.bars, case.settings.from_ms, case.settings.to_ms)):
        equity.append(bot.equity)
    return bot, equity


@pytest.mark.parametrize("written", documents(), ids=lambda written: written.name)
@pytest.mark.parametrize("make", [trend, thin_gaps])
def test_equity_trades_and_refusals(written: Written, make: Any) -> None:
    case, ears = case_of(written, make(), 500), Ears()
    outcome = machine.execute(
        prepare(case.bound, case.bars, case.settings), POLICIES[written.policy], simulate=run.simulate
    )
    bot, equity = asyncio.run(watched(case, ears))
    assert np.array_equal(np.array(equity), outcome.equity)
    closed = [row for row in outcome.trades if row.reason != k.AT_END]
    told = [
        (note.symbol, note.entry_price, note.exit_price, note.quantity, note.profit, note.fees, note.invested,
         note.reason)
        for note in ears.trades
    ]  # fmt: skip
    assert told == [
        (list(case.bars)[row.symbol], row.entry_price, row.exit_price, row.quantity, row.profit, row.fees,
         row.invested, k.REASONS[row.reason])
        for row in closed
    ]  # fmt: skip
    assert bot.shared.counts[k.REFUSED :] == outcome.counts[k.REFUSED :].tolist()
    assert len(ears.refusals) == sum(outcome.counts[k.REFUSED :])


@pytest.mark.parametrize("written", documents(), ids=lambda written: written.name)
def test_inputs_are_the_columns(written: Written) -> None:
    case = case_of(written, trend(), 330)
    prepared = prepare(case.bound, case.bars, case.settings)
    symbol = next(iter(case.bars))
    bars, count = case.bars[symbol], len(case.bars)
    rules = plain_rules(record(case.bound, case.settings, count, 0, 1, case.frame_ms))
    inputs = Inputs(case.bound, rules, histories(case.bars, case.settings.from_ms)[symbol])
    assert (rules.program_long, rules.program_short) == (prepared.rules.program_long, prepared.rules.program_short)
    compared = 0
    for place in range(prepared.first, min(len(bars), prepared.last)):
        inputs.close(bars.bar(place))
        column = place * count
        assert np.array_equal(inputs.signals[:, 0], prepared.signals[:, column])
        if prepared.levels.shape[1]:
            used = ~np.isnan(prepared.levels[:, column])
            assert np.array_equal(inputs.levels[used, 0], prepared.levels[used, column])
            assert np.isnan(inputs.levels[~used, 0]).all()
        if rules.program_long:
            assert np.array_equal(inputs.code, prepared.code)
            assert np.array_equal(inputs.values[:, 0], prepared.values[:, column], equal_nan=True)
        compared += 1
    assert compared > 50
