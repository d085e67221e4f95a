"""How far a worker is, and the wish to stop it: cells that the kernels write and the engine reads, without a message.

Layout: a first row with the total and what is finished, then one row of the kernel's `counts` for each thread.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from polotui.backtest.kernel import shapes as k
from polotui.core.shared import SharedCells

MOST_THREADS = 64
_ROW = 32
_TOTAL, _FINISHED, _CANCEL = range(3)


class Gauge:
    """Both sides' view of one worker's cells. Work is counted in moments (bars) of single runs."""

    def __init__(self, cells: SharedCells) -> None:
        self._cells = cells
        self._rows = np.frombuffer(cells.mapped, np.int64).reshape(-1, _ROW)

    @classmethod
    def create(cls, path: Path) -> Gauge:
        return cls(SharedCells.create(path, (MOST_THREADS + 1) * _ROW))

    @classmethod
    def open(cls, path: Path) -> Gauge:
        return cls(SharedCells.open(path))

    def remove(self) -> None:
        self._cells.remove()

    # ── the worker's side ────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, total: int) -> None:
        """States how many moments the work has; the wish to stop stays."""
        self._rows[0, _FINISHED] = 0
        self._rows[1:, k.DONE] = 0
        self._rows[0, _TOTAL] = max(total, 1)

    def counts(self, thread: int = 0) -> k.Ints:
        """Memory for a kernel's counts."""
        row: k.Ints = self._rows[1 + thread, : k.COUNTS]
        return row

    def finished(self, moments: int, thread: int = 0) -> None:
        """A run has ended. Called by one thread at a time."""
        self._rows[1 + thread, k.DONE] = 0
        self._rows[0, _FINISHED] += moments

    @property
    def cancelled(self) -> bool:
        return bool(self._rows[0, _CANCEL])

    # ── the engine's side ────────────────────────────────────────────────────────────────────────────────────────

    def reset(self) -> None:
        """Before a new work is sent."""
        self._rows[:] = 0

    def cancel(self) -> None:
        """Every kernel stops within its stride."""
        self._rows[0, _CANCEL] = 1
        self._rows[1:, k.CANCEL] = 1

    def done(self) -> tuple[int, int]:
        """Moments done and in all; the total is 0 until the worker has stated it."""
        total = int(self._rows[0, _TOTAL])
        done = int(self._rows[0, _FINISHED]) + int(self._rows[1:, k.DONE].sum())
        return min(done, total), total
