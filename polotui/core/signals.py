"""The one place for signal handlers."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_signals(loop: asyncio.AbstractEventLoop, callback: Callable[[str], None], *names: str) -> Iterator[None]:
    """While inside, each signal of `names` (TERM, INT, HUP) calls `callback` with its name on the loop."""
    numbers = [signal.Signals[f"SIG{name}"] for name in names]
    for number, name in zip(numbers, names, strict=True):
        loop.add_signal_handler(number, callback, name)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
