"""Finding the engine of a home, or starting it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from polotui.api import attach as attaching
from polotui.core import spawn
from polotui.core.errors import EngineGone
from polotui.core.paths import Home
from tests.api.fake_server import NOBODY, FakeEngine


@pytest.fixture
def home(tmp_path: Path, socket_path: Path) -> Home:
    return Home(tmp_path / "config", tmp_path / "data", tmp_path / "logs", socket_path.parent)


async def test_a_running_engine_is_used_as_it_is(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(spawn, "start_detached", lambda *_, **__: started.append("started"))
    async with FakeEngine(home.socket):
        link = await attaching.attach_or_start(home, None, face="test")
        await link.close()
    assert started == []


async def test_an_engine_is_started_with_its_home_and_met(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(home.socket)
    seen: list[tuple[str, list[str], Path]] = []
    starting: list[asyncio.Task[FakeEngine]] = []

    def start(module: str, arguments: Sequence[str], *, log: Path) -> int:
        seen.append((module, list(arguments), log))
        starting.append(asyncio.get_running_loop().create_task(engine.__aenter__()))
        return NOBODY

    monkeypatch.setattr(spawn, "start_detached", start)
    monkeypatch.setattr(spawn, "ended", lambda pid: False)
    link = await attaching.attach_or_start(home, "/some/home", face="test", arguments=["--demo"])
    await link.close()
    await engine.__aexit__()
    assert seen == [("polotui.engine", ["run", "--home", "/some/home", "--demo"], home.logs / "engine.out")]
    assert home.data.stat().st_mode & 0o777 == 0o700


async def test_an_engine_that_dies_is_told_with_the_place_of_its_last_words(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "start_detached", lambda *_, **__: NOBODY)
    monkeypatch.setattr(attaching, "START_SECONDS", 0.1)
    with pytest.raises(EngineGone, match="did not start") as caught:
        await attaching.attach_or_start(home, None, face="test")
    assert str(home.logs / "engine.out") in caught.value.next_step
