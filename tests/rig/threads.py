"""Work beside the loop under the rig: done inline, answered after a seeded virtual latency. A loop that never waits for
the real world cannot wait for a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from polotui.core import threads
from polotui.core.ids import Chance

T = TypeVar("T")
LATENCY = (0.0005, 0.05)


@contextmanager
def inline_threads(chance: Chance) -> Iterator[None]:
    """While inside, `threads.beside` starts no thread."""

    async def beside(work: Callable[[], T], name: str = "beside") -> T:
        await asyncio.sleep(chance.uniform(*LATENCY))
        return work()

    real = threads.beside
    threads.beside = beside
    try:
        yield
    finally:
        threads.beside = real
