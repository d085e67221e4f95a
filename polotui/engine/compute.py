"""The engine's workers: processes that compute, each with one work at a time, kept warm.

Decided here:
* Two lanes, each a process of its own, started when first needed: «desk» for what a person waits for while typing,
  «jobs» for runs and sweeps. A sweep must not hold up a check.
* Progress is read from shared cells ten times a second; nothing has to be sent for it. A cancelled work gets its flag
  and has a moment to stop; then its process is killed and a new one takes the next work.
* A worker that dies fails its work with a reason; nothing waits for ever. A lane that has been idle for long is closed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from polotui.backtest.frames import frame, read_frame
from polotui.backtest.gauge import Gauge
from polotui.backtest.work import Answer, Done, Failed, Part, Work
from polotui.core.clock import Clock
from polotui.core.errors import PolotuiError, UsageError
from polotui.core.paths import Home
from polotui.core.spawn import start_worker

log = logging.getLogger("polotui.engine.compute")

POLL_SECONDS = 0.1
#: How long a cancelled work may take to stop by itself.
GRACE_SECONDS = 2.0
IDLE_SECONDS = 600.0

#: Hears moments done and in all.
Watch = Callable[[int, int], None]
Hear = Callable[[dict[str, Any]], None]


class WorkerEnded(PolotuiError):
    """The process ended in the middle of a work."""

    code = "worker-ended"


class Compute(Protocol):
    """Where works are carried out."""

    async def run(self, work: Work, watch: Watch | None = None, hear: Hear | None = None) -> Done:
        """The work's result. Raises what it was refused with, WorkerEnded, or CancelledError after it was stopped."""
        ...

    async def close(self) -> None: ...


class Lane:
    """One worker process."""

    def __init__(self, name: str, home: Home, clock: Clock) -> None:
        self._name = name
        self._home = home
        self._clock = clock
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._gauge: Gauge | None = None
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
        self.used = clock.monotonic()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def waiting(self) -> bool:
        return self._turn.locked()

    async def run(self, work: Work, watch: Watch | None = None, hear: Hear | None = None) -> Done:
        async with self._turn:
            await self._ensure()
            assert self._gauge is not None
            self._gauge.reset()
            exchange = asyncio.ensure_future(self._exchange(work, hear))
            try:
                while not exchange.done():
                    await asyncio.wait({exchange}, timeout=POLL_SECONDS)
                    if watch is not None:
                        watch(*self._gauge.done())
                return exchange.result()
            finally:
                if not exchange.done():
                    await self._stopped(exchange)
                self.used = self._clock.monotonic()

    async def _exchange(self, work: Work, hear: Hear | None) -> Done:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(frame(self._encoder.encode(work)))
            await process.stdin.drain()
        except ConnectionError:
            pass  # its end is found below
        while True:
            body = await read_frame(process.stdout)
            if body is None:
                code = await process.wait()
                self._process = None
                why = f"by signal {-code}" if code < 0 else f"with code {code}"
                raise WorkerEnded(
                    f"The worker process ended {why}.",
                    safe="Nothing of the work was stored but what had arrived.",
                    next_step="Start it again; polotui logs has more.",
                )
            try:
                answer = self._decoder.decode(body)
                if isinstance(answer, Part) and hear is not None:
                    hear(answer.value)
            except Exception:
                # What the worker still says of this work must not reach the next.
                await self._kill()
                raise
            if isinstance(answer, Done):
                return answer
            if isinstance(answer, Failed):
                raise _error(answer)

    async def _stopped(self, exchange: asyncio.Future[Done]) -> None:
        """Returns when the work has ended, however often this is cancelled: the lane is not free before."""
        stopping = asyncio.ensure_future(self._stop_work(exchange))
        cancelled: asyncio.CancelledError | None = None
        while not stopping.done():
            try:
                await asyncio.wait({stopping})
            except asyncio.CancelledError as again:
                cancelled = again
        stopping.result()
        if cancelled is not None:
            raise cancelled

    async def _stop_work(self, exchange: asyncio.Future[Done]) -> None:
        """Asks the work to stop, and ends the process when it does not."""
        if self._gauge is not None:
            self._gauge.cancel()
        await asyncio.wait({exchange}, timeout=GRACE_SECONDS)
        if not exchange.done():
            await self._kill()
            await asyncio.wait({exchange}, timeout=GRACE_SECONDS)
        exchange.cancel()
        await asyncio.gather(exchange, return_exceptions=True)

    async def _ensure(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        if self._gauge is None:
            self._gauge = Gauge.create(self._home.runtime / f"{self._home.key}-{self._name}.cells")
        path = self._home.runtime / f"{self._home.key}-{self._name}.cells"
        self._process = await start_worker(
            "polotui.backtest.worker",
            ["--market", str(self._home.market), "--gauge", str(path)],
            log=self._home.logs / "worker.log",
        )

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def close(self) -> None:
        await self._kill()

    def remove(self) -> None:
        if self._gauge is not None:
            self._gauge.remove()
            self._gauge = None


def _error(answer: Failed) -> PolotuiError:
    if answer.fault:
        return PolotuiError(
            f"The worker had a fault: {answer.cause}.", safe="Nothing was stored.", next_step="polotui logs has it."
        )
    kind = UsageError if answer.code != "cancelled" else PolotuiError
    return kind(answer.cause, safe=answer.safe, next_step=answer.next_step, code=answer.code)


class Workers:
    """The two lanes, and the service that closes idle ones."""

    def __init__(self, home: Home, clock: Clock) -> None:
        self._clock = clock
        self.desk = Lane("desk", home, clock)
        self.jobs = Lane("jobs", home, clock)

    async def keep(self) -> None:
        """Runs for ever as a service of the engine."""
        while True:
            await asyncio.sleep(IDLE_SECONDS / 10)
            for lane in (self.desk, self.jobs):
                if lane.pid is not None and not lane.waiting and self._clock.monotonic() - lane.used > IDLE_SECONDS:
                    await lane.close()

    async def close(self) -> None:
        for lane in (self.desk, self.jobs):
            await lane.close()
            lane.remove()
