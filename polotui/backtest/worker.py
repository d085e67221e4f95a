"""`python -m polotui.backtest.worker --market FILE --gauge FILE`: computes for the engine, one work at a time.

Decided here: works come on standard input and answers go to standard output, so the worker ends when the engine does,
however that ends. What it computes with is loaded when first needed. Nothing is written but the answers.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from polotui.backtest.frames import frame, read_frame
from polotui.backtest.work import (
    AnalyseWork,
    Answer,
    CheckWork,
    CompleteWork,
    Done,
    ExamineWork,
    Failed,
    Part,
    PreviewWork,
    RunWork,
    SweepWork,
    WarmWork,
    Work,
)
from polotui.core.clock import SystemClock
from polotui.core.errors import PolotuiError
from polotui.core.ids import Chance
from polotui.core.spawn import be_considerate

log = logging.getLogger("polotui.backtest.worker")


class Worker:
    """Carries out works. `say` hears the parts of a work that goes on."""

    def __init__(self, market: Path, gauge: Any, say: Callable[[Part], None]) -> None:
        from polotui.backtest.machine import Buffers

        self._market = market
        self._gauge = gauge
        self._say = say
        self._buffers = Buffers()

    async def carry_out(self, work: Work) -> Answer:
        """The end of a work; every failure is an answer too."""
        try:
            return await self._carry_out(work)
        except PolotuiError as error:
            return Failed(code=error.instance_code, cause=error.cause, safe=error.safe, next_step=error.next_step)
        except Exception as error:
            log.exception("work failed")
            return Failed(code="fault", cause=f"{type(error).__name__}: {error}", fault=True)

    async def _carry_out(self, work: Work) -> Done:
        from polotui.backtest import tasks

        match work:
            case CheckWork():
                return tasks.check_text(work)
            case CompleteWork():
                return tasks.complete_text(work)
            case PreviewWork():
                return tasks.preview(work)
            case WarmWork():
                return tasks.warm(work)
        return await self._with_store(work)

    async def _with_store(self, work: RunWork | ExamineWork | AnalyseWork | SweepWork) -> Done:
        from polotui.backtest import tasks
        from polotui.storage.candles import CandleStore
        from polotui.storage.database import Database

        clock = SystemClock()
        database = Database(self._market, clock=clock, chance=Chance("worker"), read_only=True, readers=1)
        async with database:
            store = CandleStore(database, clock)
            match work:
                case RunWork():
                    return await tasks.run(work, store, self._gauge, self._buffers)
                case ExamineWork():
                    from polotui.backtest import examine

                    return await examine.examine(work, store)
                case AnalyseWork():
                    from polotui.backtest import analyses

                    return await analyses.analyse(work, store, self._gauge, self._buffers)
                case SweepWork():
                    from polotui.backtest import sweeps

                    return await sweeps.sweep(work, store, self._gauge, self._say)


async def serve(market: Path, gauge_file: Path, out: BinaryIO) -> None:
    """Answers until standard input ends."""
    from polotui.backtest.gauge import Gauge

    decoder: msgspec.msgpack.Decoder[Work] = msgspec.msgpack.Decoder(Work)
    encoder = msgspec.msgpack.Encoder()

    def say(answer: Answer) -> None:
        out.write(frame(encoder.encode(answer)))
        out.flush()

    worker = Worker(market, Gauge.open(gauge_file), say)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (body := await read_frame(reader)) is not None:
        say(await worker.carry_out(decoder.decode(body)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m polotui.backtest.worker")
    parser.add_argument("--market", type=Path, required=True)
    parser.add_argument("--gauge", type=Path, required=True)
    options = parser.parse_args()
    be_considerate()
    # Nothing that a library prints may end up among the answers.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asyncio.run(serve(options.market, options.gauge, out))


if __name__ == "__main__":
    main()
