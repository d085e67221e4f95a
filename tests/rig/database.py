"""SQLite under the rig: real files and real SQL, run inline on the loop, answered after a seeded virtual latency.

Decided here: aiosqlite hands work to its thread through one queue and one thread object. Exactly these two are
replaced;
everything above them is aiosqlite's own code. `test_database.py` holds the replacement to the original's behaviour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiosqlite import core

from polotui.core.ids import Chance

LATENCY = (0.0002, 0.008)


class _Inline:
    """In place of the queue: runs the function now, answers later, in order."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._answers_at = 0.0

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = item
        try:
            result, error = function(), None
        except BaseException as failure:  # noqa: BLE001 - carried to whoever awaits, as the thread does
            result, error = None, failure
        if future is None:
            return
        loop = asyncio.get_running_loop()
        self._answers_at = max(self._answers_at, loop.time()) + self._chance.uniform(*LATENCY)
        loop.call_at(self._answers_at, self._answer, future, result, error)

    @staticmethod
    def _answer(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)


class _NoThread:
    daemon = True

    def start(self) -> None:
        return None


@contextmanager
def inline_databases(chance: Chance) -> Iterator[None]:
    """While inside, every new aiosqlite connection works inline."""
    original = core.Connection.__init__

    def made(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self._tx = _Inline(chance)
        self._thread = _NoThread()

    core.Connection.__init__ = made  # type: ignore[method-assign]
    try:
        yield
    finally:
        core.Connection.__init__ = original  # type: ignore[method-assign]
