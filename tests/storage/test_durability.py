"""What was acknowledged is there, whatever ended the process; a disk that is full or forbidden is told."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.storage.database import Database
from polotui.trading.ledger import Ledger

ROOT = Path(__file__).parents[2]
ROUNDS = 20


async def run(module: str, path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.storage.{module}", str(path), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )


async def test_kill_9_loses_no_acknowledged_entry(tmp_path: Path) -> None:
    """Twenty times over the same file: write, kill at a random moment, look."""
    path = tmp_path / "ledger.db"
    draw = random.Random(20)
    acknowledged: dict[int, str] = {}
    for _ in range(ROUNDS):
        process = await run("crash_writer", path)
        assert process.stdout is not None
        for _ in range(draw.randint(1, 60)):
            number, id_ = (await process.stdout.readuntil()).decode().split()
            acknowledged[int(number)] = id_
        process.kill()
        rest = (await process.stdout.read()).decode()
        for line in rest.splitlines(keepends=True):
            if line.endswith("\n"):
                number, id_ = line.split()
                acknowledged[int(number)] = id_
        await process.wait()
    async with Database(path, clock=SystemClock(), chance=Chance(1), schema="ledger") as database:
        ledger = Ledger(database, SystemClock(), Chance(1))
        report = await ledger.verify()
        assert report.ok, report
        stored = {entry.number: entry.id for entry in await ledger.entries("paper", limit=10**9)}
        assert {number: stored.get(number) for number in acknowledged} == acknowledged
        assert report.entries - len(acknowledged) <= ROUNDS
        assert (await ledger.balances("paper"))["USDT"] == Decimal("0.01") * report.entries
        assert await database.check_integrity()


async def test_a_full_disk_refuses_whole_entries_and_goes_on_when_there_is_space(tmp_path: Path) -> None:
    process = await run("full_disk", tmp_path / "ledger.db")
    output, _ = await process.communicate()
    seen = json.loads(output)
    assert set(seen["codes"]) <= {"storage-disk-full", "storage-io", "storage-breaker"}
    assert seen["codes"][-1] == "storage-breaker"
    assert (seen["breaker while full"], seen["state while full"]) == ("open", "failing")
    assert int(seen["readable while full"]) == seen["acknowledged"] - 1
    assert int(seen["balance"]) == seen["acknowledged"]
    assert (seen["verified"], seen["integrity"], seen["state after"]) == (True, True, "online")


def _open_to_others(place: Path) -> bool:
    if os.getuid() != 0:
        return True
    return place.is_dir() and all(folder.stat().st_mode & 0o001 for folder in (place, *place.parents))


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that another user may look into, unlike the ones that pytest makes. Only root needs another user."""
    places = [place for place in (tempfile.gettempdir(), "/dev/shm", "/var/tmp") if _open_to_others(Path(place))]
    if not places:
        pytest.skip("no temporary folder that another user may look into")
    folder = Path(tempfile.mkdtemp(dir=places[0]))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


async def test_a_file_that_may_not_be_written_is_shown_read_only(readable_folder: Path) -> None:
    path = readable_folder / "ledger.db"
    async with Database(path, clock=SystemClock(), chance=Chance(1), schema="ledger") as database:
        await Ledger(database, SystemClock(), Chance(1)).deposit("paper", "USDT", Decimal(42))
    path.chmod(0o444)
    readable_folder.chmod(0o555)
    process = await run("no_permission", path)
    output, _ = await process.communicate()
    seen = json.loads(output)
    assert (seen["state"], seen["balance"], seen["code"]) == ("read-only", "42", "storage-read-only")
    assert "cannot be written" in seen["reason"]
    assert "open for reading only" in seen["refused"]
