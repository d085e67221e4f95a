"""What a search has found: rows as they come from threads or machines, said in parts, and those of a run before.

Decided here:
* The figures of a row carry a key of all that they depend on: params, candles, document, settings, and the code that
  computed them. A stored row with another key is computed again, so a table never mixes two searches.
* Without a figure there is no score, and no score ranks last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from polotui.backtest.bench import Answer, Job
from polotui.backtest.work import Part, SweepWork
from polotui.core.clock import Clock
from polotui.core.threads import Lock

PART_SECONDS = 0.3

Say = Callable[[Part], None]
Row = dict[str, Any]


class Journal:
    """What is known so far. Threads add to it."""

    def __init__(self, work: SweepWork, say: Say, clock: Clock, basis: str) -> None:
        """`basis` names all that a row depends on beside its params."""
        self.rows: dict[int, Row] = {}
        self.refused: dict[int, tuple[dict[str, float], str]] = {}
        self._work = work
        self._basis = basis
        self._say = say
        self._clock = clock
        self._new: list[Row] = []
        self._said = clock.monotonic()
        self._lock = Lock()

    def remembered(self, job: Job) -> bool:
        """Takes the stored figures of a place, if they were made of the same."""
        try:
            stored = json.loads(self._work.done[job.place])
            if stored.pop("key") != self._key(job):
                return False
            figures = {str(name): _number(value) for name, value in stored.items() if name != "score"}
            self.rows[job.place] = self._row(job, figures)
        except (KeyError, TypeError, ValueError, AttributeError):
            # Figures that cannot be read are computed again.
            return False
        return True

    def _key(self, job: Job) -> str:
        params = json.dumps(job.params, sort_keys=True)
        return hashlib.sha256(f"{self._basis} {params}".encode()).hexdigest()[:16]

    def take(self, job: Job, answer: Answer) -> None:
        with self._lock:
            if isinstance(answer, str):
                self.refused[job.place] = (job.params, answer)
            else:
                row = self.rows[job.place] = self._row(job, answer)
                self._new.append(row)
            if self._clock.monotonic() - self._said >= PART_SECONDS:
                self._tell()

    def flush(self) -> None:
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        self._said = self._clock.monotonic()
        if self._new:
            rows, self._new = self._new, []
            self._say(Part(value={"rows": rows, "done": len(self.rows), "refused": len(self.refused)}))

    def _row(self, job: Job, figures: dict[str, float | None]) -> Row:
        score = figures[self._work.objective]
        return {
            "place": job.place,
            "params": job.params,
            "figures": {**figures, "score": score, "key": self._key(job)},
        }

    def ranked(self) -> list[Row]:
        """Best first, each combination once."""
        found: dict[tuple[float, ...], Row] = {}
        for place in sorted(self.rows):
            found.setdefault(tuple(self.rows[place]["params"].values()), self.rows[place])
        return sorted(found.values(), key=rank)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def rank(row: Row) -> tuple[bool, float, int]:
    score = row["figures"]["score"]
    return score is None, 0.0 if score is None else -score, row["place"]
