from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.trading.paper.world import Desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A desk with two levels on each side, whose news is told."""
    desk = Desk()
    desk.markets.show([(99.0, 1.0), (98.0, 2.0)], [(100.0, 1.0), (101.0, 2.0)])
    task = asyncio.create_task(desk.venue.run())
    yield desk
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
