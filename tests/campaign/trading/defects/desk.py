"""What is done wrong around all of it: durability, time, files, tasks, memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import msgspec

from polotui.core import files
from polotui.engine.trading import recovery
from polotui.engine.trading.monitor import Monitor
from polotui.poloniex.clock_offset import ClockOffset
from polotui.trading import rows
from polotui.trading.gateway import Gateway
from tests.campaign.trading.defects.planting import defect


@defect("acknowledged_is_durable", "intent_before_order", script="limit order partly")
def acknowledged_before_it_is_durable() -> Iterator[None]:
    """Commits are left for later, and everybody is told that they are done."""
    from polotui.storage.database import Database

    transact = Database.transact

    async def soon(self: Any, work: Any, label: str = "", **more: Any) -> Any:
        if label == "order intent":
            asyncio.get_running_loop().call_later(
                0.5, lambda: asyncio.ensure_future(transact(self, work, label, **more))
            )
            return None
        return await transact(self, work, label, **more)

    with patch.object(Database, "transact", soon):
        yield


@defect("every_fill_has_its_reason", seeds=(1,))
def fills_without_a_reason() -> Iterator[None]:
    add = rows.add_fill

    def added(connection: Any, execution: Any, terms: Any, **more: Any) -> Any:
        return add(connection, execution, msgspec.structs.replace(terms, reason=""), **more)

    with patch.object(rows, "add_fill", added):
        yield


@defect("time_never_runs_back")
def the_clock_that_people_set() -> Iterator[None]:
    """Rows carry the wall clock after a start, which may have been put back since the newest."""
    with patch.object(recovery, "newest_ms", lambda connection: 0):
        yield


@defect("files_are_private", seeds=(1,))
def files_that_everybody_may_read() -> Iterator[None]:
    write = files.write_private

    def written(path: Any, data: bytes) -> None:
        write(path, data)
        os.chmod(path, 0o644)

    with patch.object(files, "write_private", written):
        yield


@defect("trades_again", "services_run", "use_cases_answer", "unknown_is_resolved")
def no_clock_offset() -> Iterator[None]:
    with patch.object(ClockOffset, "sign_ms", lambda self: self._clock.wall_ms()):
        yield


@defect("run_ends", seeds=(1,))
def swallowed_cancelled_error() -> Iterator[None]:
    run = Monitor.run

    async def stubborn(self: Monitor, *given: Any) -> None:
        while True:
            try:
                await run(self, *given)
            except asyncio.CancelledError:
                continue

    with patch.object(Monitor, "run", stubborn):
        yield


@defect("queues_are_bounded", seeds=(1,))
def sent_orders_are_never_forgotten() -> Iterator[None]:
    async def whole(self: Gateway, work: Any) -> Any:
        task = asyncio.create_task(work, name="gateway")
        for number in range(20):
            self._sending.add((task, number))  # type: ignore[arg-type]
        return await asyncio.shield(task)

    async def close(self: Gateway) -> None:
        return None

    with patch.object(Gateway, "_whole", whole), patch.object(Gateway, "close", close):
        yield
