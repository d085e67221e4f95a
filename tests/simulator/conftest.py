from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.simulator.client import Client, running


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as client:
        yield client
