"""Following logs and events: lines arrive while one looks, and ctrl+c is how one stops."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import pytest

from polotui.api.events import EngineState, Fact, JobState, Notice
from tests.api.fake_server import FakeEngine
from tests.cli.conftest import Shell

NOON = 1_714_564_800_000


async def start(shell: Shell, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "polotui", *words, "--home", str(shell.root)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )


async def stop(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode()


@pytest.mark.parametrize("as_json", [False, True])
async def test_following_logs(shell: Shell, as_json: bool) -> None:
    shell.home.logs.mkdir(parents=True)
    log = shell.home.logs / "engine.log"
    log.write_text(json.dumps({"ts": NOON, "level": "info", "message": "old"}) + "\n")
    process = await start(shell, "logs", "--follow", *(["--json"] if as_json else []))
    first = await line_of(process)
    with log.open("a") as file:
        file.write(json.dumps({"ts": NOON, "level": "debug", "message": "quiet"}) + "\n")
        file.write(json.dumps({"ts": NOON, "level": "info", "message": "new"}) + "\n")
    second = await line_of(process)
    await stop(process)
    if as_json:
        assert [json.loads(line)["message"] for line in (first, second)] == ["old", "new"]
        assert json.loads(first)["schema"] == "polotui.log/1"
    else:
        assert first.split()[-1] == "old"
        assert second.split()[-1] == "new"


async def test_following_events_for_people(shell: Shell) -> None:
    batch = [
        Fact(at_ms=NOON, number=4, kind="stream", level="warning", text="lost\x1b[2J"),
        JobState(at_ms=NOON, id=3, title="download", done=0.25, detail="day 2"),
        Notice(at_ms=NOON, kind="slow", text="too slow"),
        EngineState(at_ms=NOON, version="0.1.0", pid=1, started_ms=1, mode="DEMO", venue="v", host="h"),
    ]
    async with FakeEngine(shell.home.socket, batches=[batch]):
        process = await start(shell, "events", "--follow")
        lines = [await line_of(process) for _ in batch]
        await stop(process)
    assert "\x1b" not in "".join(lines)
    assert lines[0].split() == ["2024-05-01", "12:00", "4", "warning", "stream", "lost‹1b›[2J"]
    assert lines[1].strip() == "12:00:00  job 3  download  25 %  day 2"
    assert lines[2].strip() == "12:00:00  too slow"
    assert lines[3].startswith("12:00:00  engine  {")
