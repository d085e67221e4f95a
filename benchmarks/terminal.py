"""A pseudo-terminal for benchmarks: starts a program in it, answers like a modern terminal, keeps time and bytes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

from benchmarks.harness import ROOT


class Terminal:
    """A program in a terminal of `columns` x `rows`."""

    def __init__(self, command: list[str], columns: int = 120, rows: int = 36) -> None:
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", PYTHONPATH=str(ROOT))
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.bytes = 0
        self.tail = b""

    def read(self, seconds: float) -> bytes:
        """What comes within `seconds`, at most one piece; answers the queries that Textual waits for."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return b""
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            return b""
        self.bytes += len(piece)
        if b"\x1b[?2026$p" in piece:
            os.write(self.fd, b"\x1b[?2026;2$y")
        self.tail = (self.tail + piece)[-200_000:]
        return piece

    def until(self, text: str, seconds: float = 20.0) -> float:
        """Seconds since the start (or the last `mark`) at which `text` had arrived."""
        end = time.perf_counter() + seconds
        wanted = text.encode()
        while wanted not in self.tail:
            if time.perf_counter() > end:
                raise RuntimeError(f"{text!r} did not come; the end was {self.tail[-300:]!r}")
            self.read(0.05)
        return time.perf_counter() - self.started

    def drain(self, seconds: float) -> int:
        """Reads for `seconds`; returns how many bytes came."""
        before, end = self.bytes, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)
        return self.bytes - before

    def send(self, keys: str) -> None:
        self.tail = b""
        self.started = time.perf_counter()
        os.write(self.fd, keys.encode())

    def close(self) -> None:
        try:
            os.kill(self.pid, signal.SIGTERM)
            end = time.perf_counter() + 5
            while time.perf_counter() < end:
                self.read(0.05)
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    break
            else:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)
