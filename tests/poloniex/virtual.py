"""Virtual time for tests: a loop whose clock jumps to the next timer, and the clock that reads it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is ready and no timer runs: the test can never end")
        if timeout > 0:
            self.loop.now += timeout
            self.loop.turns = 0
        self.loop.turns += 1
        if self.loop.turns > 50_000:
            raise RuntimeError("50 000 turns of the loop without time moving")
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop without waiting."""

    def __init__(self) -> None:
        self.now = 100.0
        self.turns = 0
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


class LoopClock:
    """The clock of the running loop. `skew_ms` may be set to spoil the wall clock."""

    def __init__(self, epoch_ms: int = 1_780_000_000_000) -> None:
        self.epoch_ms = epoch_ms
        self.skew_ms = 0

    def wall_ms(self) -> int:
        return self.epoch_ms + self.skew_ms + round(asyncio.get_running_loop().time() * 1000)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` under virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
