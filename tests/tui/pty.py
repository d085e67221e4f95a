"""A real pseudo-terminal for a program: read what it sends, type to it, signal it, or stop reading for a while."""

from __future__ import annotations

import fcntl
import os
import pty as unix_pty
import re
import select
import signal
import struct
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SEQUENCE = re.compile(r"\x1b\[[0-9;?<>=$]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)")
_SYNC_QUERY = b"\x1b[?2026$p"


class Terminal:
    """One program in one pty. `out` is all that arrived; the sync query is answered like a modern terminal does."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (120, 36), env: dict[str, str] | None = None) -> None:
        self.out = bytearray()
        self._answered = 0
        columns, rows = size
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
        environment.pop("NO_COLOR", None)
        environment |= {"COLUMNS": str(columns), "LINES": str(rows), **(env or {})}
        self.pid, self.fd = unix_pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, *arguments], environment)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.status: int | None = None
        self.stopped = False

    def read(self, seconds: float = 0.05) -> bytes:
        """What arrives within `seconds`; empty when nothing does or the program has ended."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            # The other side is closed; the program may still need a moment to end.
            select.select([], [], [], seconds)
            return b""
        self.out += data
        queries = self.out.count(_SYNC_QUERY)
        for _ in range(queries - self._answered):
            os.write(self.fd, b"\x1b[?2026;2$y")
        self._answered = queries
        return data

    def until(self, words: str, turns: int = 600) -> None:
        """Reads until `words` have been sent (escape sequences left out)."""
        for _ in range(turns):
            if words in self.text():
                return
            self.read()
            if self._ended():
                self.read()
                break
        if words not in self.text():
            raise AssertionError(f"{words!r} was never shown; the last of it: {self.text()[-3000:]}")

    def text(self) -> str:
        return re.sub(
            r"\x1b\[[0-9;?<>=$]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)", "", self.out.decode("utf-8", "replace")
        )

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def kill(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def until_stopped(self, turns: int = 600) -> None:
        """Reads until the program has stopped itself (SIGSTOP)."""
        for _ in range(turns):
            self.read()
            self._ended()
            if self.stopped:
                return
        raise AssertionError("the program did not stop")

    def _ended(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                self.stopped = True
            elif pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, turns: int = 600) -> int:
        """Reads until the program has ended; its exit status (negative: killed by that signal)."""
        for _ in range(turns):
            if self._ended():
                while self.read(0.01):
                    pass
                assert self.status is not None
                return self.status
            self.read()
        raise AssertionError(f"the program goes on; the last of it: {self.text()[-2000:]}")

    def close(self) -> None:
        if not self._ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -9
        os.close(self.fd)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
