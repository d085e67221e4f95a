"""Plain threads: for computing that gives up Python's lock, and for files on a disk that may be slow. Nothing else
needs one: waiting is the event loop's.

Decided here: the thread of `beside` is a daemon and nobody waits for it when its caller is cancelled, so that a hung
disk holds up neither the loop nor the end of the program. Work given to it must be safe to abandon.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def beside(work: Callable[[], T], name: str = "beside") -> T:
    """The result of `work()`, which runs in a thread of its own while the loop goes on."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            failure = error
        try:
            loop.call_soon_threadsafe(settle, result, failure)
        except RuntimeError:
            pass  # the loop was closed meanwhile; nobody is left to tell

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future


def in_threads(work: Callable[[int], None], count: int) -> None:
    """Runs `work(0)` … `work(count - 1)`, each in a thread, and waits for all. Raises the first failure."""
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,), name=f"compute-{number}") for number in range(1, count)]
    for thread in threads:
        thread.start()
    guarded(0)
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Lock:
    """Short exclusive sections among such threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
