"""How a process hears that it should stop.

Decided here: signals reach a program as one callback on its event loop, so nobody else imports `signal`, and a
handler never interrupts a half-done step.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable


def on_signals(loop: asyncio.AbstractEventLoop, callback: Callable[[], None], *signals: str) -> None:
    """Calls `callback` on the loop when one of the named signals arrives; SIGINT and SIGTERM by default."""
    for name in signals or ("SIGINT", "SIGTERM"):
        loop.add_signal_handler(getattr(signal, name), callback)
