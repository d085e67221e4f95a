"""The terminal driver: Textual's own, which also tells how many frames wait for the terminal.

Decided here: this is the only place that touches the driver's private parts. A terminal that is not read would fill the
writer's queue of 30 and then block the whole loop, and with it the keys that halt: the queue has no bound here. Frames
are skipped while there is a backlog, so what waits is only what a key or a notice painted.
"""

from __future__ import annotations

import os
import sys
import termios

from textual.drivers.linux_driver import LinuxDriver


class PacedDriver(LinuxDriver):
    """LinuxDriver with a backlog, a mouse switch and a look at whether the terminal is still there."""

    @property
    def backlog(self) -> int:
        thread = self._writer_thread
        return 0 if thread is None else thread._queue.qsize()

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:
            self._writer_thread._queue.maxsize = 0

    def switch_mouse(self, on: bool) -> None:
        if on:
            self._mouse = True
            self._enable_mouse_support()
        else:
            self._disable_mouse_support()
            self._mouse = False

    def write(self, data: str) -> None:
        # While suspended there is no writer: what a timer paints then is not for the shell.
        if self._writer_thread is not None:
            super().write(data)

    def check_terminal(self) -> None:
        """Ends the process when the terminal has gone and SIGHUP was ignored: its input would read «end» for ever."""
        try:
            termios.tcgetattr(sys.__stdin__.fileno() if sys.__stdin__ is not None else 0)
        except (termios.error, OSError, ValueError):
            os._exit(129)
