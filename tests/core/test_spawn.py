"""The one spawner: children are detached, find the same polotui, and are asked about without waiting."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polotui.core import spawn


async def until_ended(pid: int) -> None:
    for _ in range(2_000):
        if spawn.ended(pid):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the child never ended")


async def test_a_child_runs_elsewhere_and_leaves_its_words(tmp_path: Path) -> None:
    log = tmp_path / "child.out"
    pid = spawn.start_detached("platform", [], log=log)
    await until_ended(pid)
    assert log.read_text().strip()
    assert log.stat().st_mode & 0o777 == 0o600


async def test_a_child_is_detached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "child.py").write_text(
        "import os, sys, polotui\nprint(os.getpid() == os.getsid(0), os.getcwd(), repr(sys.stdin.read()))"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pid = spawn.start_detached("child", [], log=tmp_path / "out")
    await until_ended(pid)
    spawn.terminate(pid)
    assert (tmp_path / "out").read_text() == "True / ''\n"


def test_this_process_is_alive_and_nobody_is_not() -> None:
    assert spawn.alive(os.getpid())
    assert not spawn.alive(2**22 + 54321)
    assert spawn.ended(2**22 + 54321)


def test_replacing_keeps_the_process_and_runs_the_module() -> None:
    script = (
        "import os; from polotui.core import spawn; print(os.getpid());"
        "spawn.replace_with('sysconfig', ['--help-not-read'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].isdigit()
    assert "Platform:" in done.stdout
