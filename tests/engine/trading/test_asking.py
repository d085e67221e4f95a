"""A bot's questions for candles: answered at once, or taken later; each failure is heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from polotui.core.errors import ExchangeError, StorageError
from polotui.engine.trading import asking
from polotui.engine.trading.asking import NOT_YET, Asking
from polotui.market.history import History
from polotui.model.candles import Candle, Timeframe

MINUTE = Timeframe.M1.ms


class Past:
    """Answers with the minutes of the window, when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.asked: list[tuple[int, int]] = []
        self.error: Exception | None = None
        self.cancelled = 0

    async def ensure(self, symbol: str, frame: Timeframe, limit: int, before_ms: int) -> Any:
        self.asked.append((limit, before_ms))
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        candles = [Candle(before_ms - place * MINUTE, 1, 1, 1, 1, 1, 1, 1) for place in range(limit, 0, -1)]
        return SimpleNamespace(candles=candles, problem="")


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Past:
    monkeypatch.setattr(asking, "ASK_SECONDS", 0)
    return Past()


@pytest.fixture
async def questions(past: Past) -> AsyncIterator[Asking]:
    made = Asking(lambda: cast("History", past), Timeframe.M1)
    yield made
    await made.end()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_answer_that_takes_long_is_taken_when_it_is_there(past: Past, questions: Asking) -> None:
    window = (5 * MINUTE, 8 * MINUTE)
    assert await questions.ask("BTC", "BTC", window) == ([], NOT_YET)
    assert await questions.ask("BTC", "BTC", window) == ([], NOT_YET)
    past.open.set()
    await settled()
    candles, problem = await questions.ask("BTC", "BTC", window)
    assert ([candle.open_ms // MINUTE for candle in candles], problem) == ([5, 6, 7], "")
    assert past.asked == [(3, 8 * MINUTE)]


async def test_an_answer_to_less_than_is_asked_now_is_no_answer(past: Past, questions: Asking) -> None:
    """What it does not have would be taken for what the exchange does not have."""
    await questions.ask("BTC", "BTC", (5 * MINUTE, 8 * MINUTE))
    past.open.set()
    await settled()
    candles, _ = await questions.ask("BTC", "BTC", (5 * MINUTE, 9 * MINUTE))
    assert [candle.open_ms // MINUTE for candle in candles] == [5, 6, 7, 8]
    assert len(past.asked) == 2


async def test_the_exchanges_refusal_is_a_problem_and_a_disk_that_fails_is_an_error(
    past: Past, questions: Asking
) -> None:
    past.open.set()
    past.error = ExchangeError("It is away.")
    candles, problem = await questions.ask("BTC", "BTC", (0, MINUTE))
    assert (candles, "It is away." in problem) == ([], True)
    past.error = StorageError("The disk is full.")
    with pytest.raises(StorageError):
        await questions.ask("BTC", "BTC", (0, MINUTE))


async def test_nothing_is_asked_for_a_bot_that_has_ended(past: Past, questions: Asking) -> None:
    await questions.ask("BTC", "BTC", (0, MINUTE))
    await questions.ask("ETH", "ETH", (0, MINUTE))
    await settled()
    await questions.end()
    assert past.cancelled == 2
