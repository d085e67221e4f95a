"""The one spawner of processes.

Decided here: children are started without a shell, with nothing on stdin, in a session of their own, so that a
closing terminal or a ctrl+c in the face never reaches the engine.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from polotui.core.errors import PolotuiError


def start_detached(module: str, arguments: Sequence[str], *, log: Path) -> int:
    """Starts `python -m module arguments` detached from this terminal; output goes to `log`. Returns the pid."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            close_fds=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": _package_root()},
        )
    finally:
        os.close(descriptor)
    _children[process.pid] = process
    return process.pid


async def start_worker(module: str, arguments: Sequence[str], *, log: Path) -> asyncio.subprocess.Process:
    """Starts `python -m module arguments` with pipes for its input and output; errors go to `log`.

    It is in a session of its own, like every child, but ends when its input ends: with this process.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=descriptor,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": _package_root()},
            limit=2**16,
        )
    finally:
        os.close(descriptor)


def be_considerate(step: int = 10) -> None:
    """Lowers this process's priority, so that computing leaves the screen its share of a busy machine."""
    try:
        os.nice(step)
    except OSError:
        pass  # a wish, not a need


def cores() -> int:
    """How many cores this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS
        return max(1, os.cpu_count() or 1)


def run_here(command: Sequence[str]) -> int:
    """Runs a program of the person's, such as an editor, in this terminal and waits for it. Returns its exit code."""
    try:
        return subprocess.run(list(command), check=False).returncode  # noqa: S603 - named by the person, no shell
    except OSError as error:
        raise PolotuiError(f"{command[0]} cannot be started: {error.strerror}.", safe="Nothing was changed.") from error


def replace_with(module: str, arguments: Sequence[str]) -> NoReturn:
    """Turns this process into `python -m module arguments`: same terminal, same signals, same pid."""
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, "PYTHONPATH": _package_root()}
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606 - no shell wanted


#: Kept so that an ended child is reaped when asked about, and so that no handle warns of a child that outlives us.
_children: dict[int, subprocess.Popen[bytes]] = {}


def ended(pid: int) -> bool:
    """True when a process that `start_detached` started has ended, or was never there."""
    child = _children.get(pid)
    return child.poll() is not None if child is not None else not alive(pid)


def _package_root() -> str:
    """The child must find the same polotui, also when it runs from a checkout that is not installed."""
    root = str(Path(__file__).resolve().parents[2])
    old = os.environ.get("PYTHONPATH", "")
    return root + (os.pathsep + old if old else "")


def alive(pid: int) -> bool:
    """True when a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def terminate(pid: int) -> None:
    """Asks a process to end; one that is gone already is fine."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
