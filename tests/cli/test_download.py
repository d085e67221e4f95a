"""A download is the engine's job: the command follows it to its end, and ctrl+c asks to cancel it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

import pytest

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.api.events import JobState
from tests.api.fake_server import FakeEngine, until
from tests.cli.conftest import Shell


class Exchange:
    """A job that advances by half at each look, unless it is cancelled or told to fail."""

    def __init__(self, *, end: str = "completed", endless: bool = False) -> None:
        self._end = end
        self._endless = endless
        self.done = 0.0
        self.cancelled = 0

    def answers(self) -> dict[type, Any]:
        return {
            c.DataDownload: r.JobStarted(id=7, title="download BTC_USDT 1m"),
            c.GetJobs: self.look,
            c.CancelJob: self.cancel,
        }

    def look(self, _: c.GetJobs) -> r.Jobs:
        self.done = min(1.0, self.done + (0.0 if self._endless else 0.5))
        end = "cancelled" if self.cancelled and not self._endless else self._end if self.done == 1.0 else ""
        reason = "the exchange said no" if end == "failed" else ""
        return r.Jobs(jobs=[JobState(id=7, title="download BTC_USDT 1m", done=self.done, end=end, reason=reason)])

    def cancel(self, command: c.CancelJob) -> r.Done:
        assert command.id == 7
        self.cancelled += 1
        self._endless = False
        return r.Done(text="cancelled")


async def download(shell: Shell, *words: str) -> asyncio.subprocess.Process:
    arguments = ["data", "download", "BTC_USDT", "--from", "2024-05-01", *words, "--home", str(shell.root)]
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "polotui",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_download_is_followed_to_its_end(shell: Shell, as_json: bool) -> None:
    async with FakeEngine(shell.home.socket, Exchange().answers()) as engine:
        process = await download(shell, "--to", "2024-05-03", *(["--json"] if as_json else []))
        out, err = await process.communicate()
    assert process.returncode == 0, err
    assert engine.heard[1] == c.DataDownload(symbol="BTC_USDT", from_ms=1_714_521_600_000, to_ms=1_714_694_400_000)
    assert err == b""
    if as_json:
        document = json.loads(out)
        assert (document["schema"], document["end"]) == ("polotui.data.download/1", "completed")
    else:
        assert out == b"download BTC_USDT 1m: done.\n"


async def test_a_failed_download_says_why(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, Exchange(end="failed").answers()):
        process = await download(shell, "--json")
        out, _ = await process.communicate()
    record = json.loads(out)
    assert process.returncode == 1
    assert record["code"] == "job-failed"
    assert "the exchange said no" in record["cause"]


async def test_a_job_that_vanishes_is_told(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {**Exchange().answers(), c.GetJobs: r.Jobs(jobs=[])}):
        process = await download(shell)
        _, err = await process.communicate()
    assert process.returncode == 1
    assert b"no longer knows job 7" in err


async def test_ctrl_c_asks_the_engine_to_cancel(shell: Shell) -> None:
    exchange = Exchange(endless=True)
    async with FakeEngine(shell.home.socket, exchange.answers()) as engine:
        process = await download(shell)
        await until(lambda: any(isinstance(command, c.GetJobs) for command in engine.heard))
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert exchange.cancelled == 1
    assert process.returncode == 1
    assert b"cancelled" in err
    assert b"Traceback" not in err


async def test_a_second_ctrl_c_leaves_the_job_running(shell: Shell) -> None:
    exchange = Exchange(endless=True)
    answers = exchange.answers()
    asked: list[c.Command] = []

    def stay(command: c.CancelJob) -> r.Done:
        asked.append(command)
        return r.Done(text="it will")

    answers[c.CancelJob] = stay
    async with FakeEngine(shell.home.socket, answers) as engine:
        process = await download(shell)
        await until(lambda: any(isinstance(command, c.GetJobs) for command in engine.heard))
        process.send_signal(signal.SIGINT)
        await until(lambda: bool(asked))
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 1
    assert b"goes on in the engine" in err
    assert b"Traceback" not in err
