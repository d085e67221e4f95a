"""Supervised tasks: restarted with growing pauses, down after three failures, always owned."""

from __future__ import annotations

import asyncio

import pytest

from polotui.core import tasks
from polotui.core.clock import FrozenClock
from polotui.core.errors import StorageError
from polotui.core.ids import Chance
from polotui.core.tasks import Supervisor


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_FIRST_PAUSE", 0.0)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def failures() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def supervisor(clock: FrozenClock, failures: list[tuple[str, str]]) -> Supervisor:
    return Supervisor(clock, Chance("test"), lambda name, error: failures.append((name, str(error))))


async def test_a_service_that_returns_is_done(supervisor: Supervisor, failures: list[tuple[str, str]]) -> None:
    runs = []

    async def run() -> None:
        runs.append(1)

    await supervisor.service("feed", run)
    assert (len(runs), failures, supervisor.restarts) == (1, [], {})


async def test_a_failing_service_is_started_again(supervisor: Supervisor, failures: list[tuple[str, str]]) -> None:
    runs = []

    async def run() -> None:
        runs.append(1)
        if len(runs) < 3:
            raise OSError("lost")

    await supervisor.service("feed", run)
    assert (len(runs), supervisor.restarts, failures) == (3, {"feed": 2}, [])


async def test_a_disk_that_is_away_is_waited_for(
    supervisor: Supervisor, failures: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it failed for that: the service does the same as before when the disk is back."""
    runs = []

    async def run() -> None:
        runs.append(1)
        if len(runs) < 10:
            away = StorageError("The disk is away.", code="storage-io" if len(runs) % 2 else "storage-breaker")
            raise ExceptionGroup("group", [away]) if len(runs) == 4 else away

    monkeypatch.setattr(tasks, "_DISK_PAUSE", 0.0)
    await supervisor.service("feed", run)
    assert (len(runs), failures, supervisor.failed) == (10, [], {})


async def test_a_damaged_database_is_not_waited_for(supervisor: Supervisor, failures: list[tuple[str, str]]) -> None:
    async def run() -> None:
        raise StorageError("It is damaged.", code="storage-damaged")

    await supervisor.service("feed", run)
    assert [name for name, _ in failures] == ["feed"]


async def test_three_failures_in_a_row_mean_down(supervisor: Supervisor, failures: list[tuple[str, str]]) -> None:
    async def run() -> None:
        raise OSError("lost")

    await supervisor.service("feed", run)
    assert failures == [("feed", "lost")]
    assert supervisor.failed == {"feed": "OSError: lost"}


async def test_rare_failures_never_add_up(
    supervisor: Supervisor, clock: FrozenClock, failures: list[tuple[str, str]]
) -> None:
    runs = []

    async def run() -> None:
        runs.append(1)
        clock.advance(tasks.WINDOW_SECONDS)
        if len(runs) < 10:
            raise OSError("lost")

    await supervisor.service("feed", run)
    assert (len(runs), failures) == (10, [])


async def test_one_off_work_is_reported_not_repeated(supervisor: Supervisor, failures: list[tuple[str, str]]) -> None:
    runs = []

    async def work() -> None:
        runs.append(1)
        raise ValueError("no")

    await supervisor.task("import", work())
    assert (len(runs), failures) == (1, [("import", "no")])


async def test_closing_cancels_and_waits_for_all(supervisor: Supervisor, failures: list[tuple[str, str]]) -> None:
    ended = []

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(1)

    services = [supervisor.service(f"s{number}", run) for number in range(5)]
    await asyncio.sleep(0)
    await supervisor.close()
    assert len(ended) == 5
    assert all(service.cancelled() for service in services)
    assert failures == []


async def test_a_task_may_close_its_own_supervisor(supervisor: Supervisor) -> None:
    async def run() -> None:
        await supervisor.close()

    await supervisor.service("last", run)
