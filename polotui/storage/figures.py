"""How a database is doing: how long its work takes, what was slow, how big it is.

Decided here: work is timed by its name in the database's own thread, without the wait in the queue, because the
budget of 50 ms is about queries. Names and slow entries are bounded; a histogram keeps counts, not samples.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field

#: Upper bounds in ms of the histogram's columns; one more column holds the rest.
BOUNDS_MS = (1.0, 5.0, 15.0, 50.0, 250.0, 1000.0)
BUDGET_MS = 50.0
_MOST_NAMES = 200
_MOST_SLOW = 50


@dataclass
class Timing:
    """All runs of one piece of work."""

    name: str
    count: int = 0
    total_ms: float = 0.0
    worst_ms: float = 0.0
    columns: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))

    def add(self, took_ms: float) -> None:
        self.count += 1
        self.total_ms += took_ms
        self.worst_ms = max(self.worst_ms, took_ms)
        self.columns[bisect_left(BOUNDS_MS, took_ms)] += 1


@dataclass(frozen=True)
class Slow:
    """One run over the budget."""

    name: str
    took_ms: float
    at_ms: int


class Timings:
    """The query metric: a histogram for each name and the newest runs over the budget."""

    def __init__(self) -> None:
        self.by_name: dict[str, Timing] = {}
        self.slow: deque[Slow] = deque(maxlen=_MOST_SLOW)
        self.over_budget = 0

    def add(self, name: str, took_ms: float, at_ms: int) -> None:
        if name not in self.by_name and len(self.by_name) >= _MOST_NAMES:
            name = "other"
        self.by_name.setdefault(name, Timing(name)).add(took_ms)
        if took_ms > BUDGET_MS:
            self.over_budget += 1
            self.slow.append(Slow(name, took_ms, at_ms))


@dataclass(frozen=True)
class DatabaseHealth:
    """What Health shows of one database file. None: not known yet."""

    name: str
    state: str
    """online, read-only, failing or closed."""
    reason: str
    schema_version: int
    sqlite_version: str
    file_bytes: int
    wal_bytes: int
    free_bytes: int
    last_write_ms: float | None
    writes: int
    reads: int
    retries: int
    breaker: str
    breaker_opened: int
    integrity_checked_ms: int | None
    integrity_age_ms: int | None
    integrity_ok: bool | None
    over_budget: int
    slow: tuple[Slow, ...]
