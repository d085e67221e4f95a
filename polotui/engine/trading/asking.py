"""Questions for candles that a bot does not stand still for.

Decided here: a question is waited for a second, which is enough where the store knows or the exchange is well. One that
takes longer goes on beside the bot, and its answer is taken when it is asked again. One question at a time of each key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from polotui.core.errors import PolotuiError, StorageError
from polotui.market.history import History, Window
from polotui.model.candles import Candle, Timeframe

ASK_SECONDS = 1.0
NOT_YET = "the exchange has not answered yet"

#: Candles as far as they can be had, and why no more of them.
Answer = tuple[list[Candle], str]


@dataclass
class _Question:
    window: Window
    task: asyncio.Task[Answer]


class Asking:
    """Asks a history for windows of candles."""

    def __init__(self, past: Callable[[], History], frame: Timeframe) -> None:
        self._past = past
        self._frame = frame
        self._open: dict[str, _Question] = {}

    async def ask(self, key: str, symbol: str, window: Window) -> Answer:
        """What the history has of a window. Raises StorageError when it cannot be read or written."""
        question = self._open.get(key)
        if question is not None and question.task.done() and not _within(window, question.window):
            # What it found lies in the store.
            self._taken(key)
            question = None
        if question is None:
            task = asyncio.create_task(self._find(symbol, window), name=f"candles of {key}")
            question = self._open[key] = _Question(window, task)
            await asyncio.wait({task}, timeout=ASK_SECONDS)
        return self._taken(key) if question.task.done() else ([], NOT_YET)

    async def end(self) -> None:
        """Drops the questions that nobody will ask again."""
        tasks = [question.task for question in self._open.values()]
        self._open.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _taken(self, key: str) -> Answer:
        return self._open.pop(key).task.result()

    async def _find(self, symbol: str, window: Window) -> Answer:
        start_ms, end_ms = window
        try:
            found = await self._past().ensure(symbol, self._frame, (end_ms - start_ms) // self._frame.ms, end_ms)
        except StorageError:
            raise
        except PolotuiError as error:
            return [], str(error)
        return found.candles, found.problem


def _within(inner: Window, outer: Window) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
