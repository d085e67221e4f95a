"""Whole numbers that two processes see at once: progress to read and a flag to stop by, without a message.

Decided here: a small private file mapped into both. Each cell is eight bytes that one side writes and the other reads;
a torn write cannot be seen on the machines we run on, and nothing but progress and a wish to stop depends on it.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path


class SharedCells:
    """`cells` is a memoryview of int64. Made by one side with `create`, opened by the other with `open`."""

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self.path = path
        self.mapped = mapped
        self.cells = memoryview(mapped).cast("q")

    @classmethod
    def create(cls, path: Path, count: int) -> SharedCells:
        """A new file of `count` zeros, readable by this user only; an old one of this name is replaced."""
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.ftruncate(descriptor, count * 8)
            return cls(path, mmap.mmap(descriptor, count * 8))
        finally:
            os.close(descriptor)

    @classmethod
    def open(cls, path: Path) -> SharedCells:
        descriptor = os.open(path, os.O_RDWR)
        try:
            return cls(path, mmap.mmap(descriptor, os.fstat(descriptor).st_size))
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """The file goes; who has it mapped keeps it until it closes it."""
        self.path.unlink(missing_ok=True)
