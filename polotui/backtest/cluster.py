"""The same combinations on a Dask cluster.

Decided here:
* The candles are sent once to every machine; after that only values travel.
* Batches of combinations, several for each thread of the cluster: a slow machine gets fewer.
* A cluster with another polotui, numba, numpy or Python is refused: its bits could differ, and one table would have
  rows of both.
* Every machine must be trusted by its owner: whoever reaches a Dask scheduler can run anything there. See docs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polotui.backtest import compiling
from polotui.backtest.bench import Answer, Bench, Job, Recipe, Seat, measure
from polotui.backtest.gauge import Gauge
from polotui.backtest.machine import Cancelled
from polotui.core.errors import PolotuiError, UsageError
from polotui.core.threads import Lock

#: How long the wish to stop may go unseen.
LOOK_SECONDS = 0.3
CONNECT_SECONDS = 10
MOST_BATCH = 64


class ClusterError(PolotuiError):
    """The cluster cannot be used, or lost what it was doing."""

    code = "cluster"


# ── on the cluster ───────────────────────────────────────────────────────────────────────────────────────────────

_benches: dict[str, tuple[Bench, list[Seat]]] = {}
_lock = Lock()


def compute(key: str, recipe: Recipe, jobs: list[Job]) -> list[tuple[Job, Answer]]:
    """Runs there. The bench of the last recipe is kept; each thread takes a seat of its own."""
    with _lock:
        if key not in _benches:
            _benches.clear()
            _benches[key] = (Bench(recipe), [])
        bench, seats = _benches[key]
        seat = seats.pop() if seats else Seat()
    try:
        return [(job, measure(bench, job, seat)) for job in jobs]
    finally:
        with _lock:
            seats.append(seat)


# ── here ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Cluster:
    """A runner at the address of a Dask scheduler."""

    def __init__(self, address: str, gauge: Gauge) -> None:
        self._address = address
        self._gauge = gauge

    async def run(self, recipe: Recipe, jobs: list[Job], take: Callable[[Job, Answer], None]) -> None:
        distributed = _distributed()
        try:
            client = await distributed.Client(self._address, asynchronous=True, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(
                f"No Dask scheduler answers at {self._address}: {error}.",
                safe="Nothing was run.",
                next_step="dask scheduler starts one, dask worker ADDRESS gives it a machine.",
            ) from error
        async with client:
            threads = await self._same(client)
            await self._spread(distributed, client, threads, recipe, jobs, take)

    async def _same(self, client: Any) -> int:
        """How many threads the cluster has; refuses one that would compute other bits."""
        found = await client.run(compiling.sources_hash)
        if not found:
            raise ClusterError("The cluster has no machine that computes.", safe="Nothing was run.")
        strangers = [address for address, each in found.items() if each != compiling.sources_hash()]
        if strangers:
            raise ClusterError(
                f"{strangers[0]} runs another polotui, Python, numpy or numba than this machine.",
                safe="Nothing was run.",
                next_step="Install the same versions on every machine.",
            )
        return sum((await client.nthreads()).values())

    async def _spread(
        self,
        distributed: Any,
        client: Any,
        threads: int,
        recipe: Recipe,
        jobs: list[Job],
        take: Callable[[Job, Answer], None],
    ) -> None:
        moments = len(next(iter(recipe.bars.values())).time)
        sent = await client.scatter(recipe, broadcast=True, hash=False)
        size = max(1, min(MOST_BATCH, len(jobs) // (4 * threads)))
        pending = {
            client.submit(compute, sent.key, sent, jobs[start : start + size], pure=False, retries=2)
            for start in range(0, len(jobs), size)
        }
        try:
            while pending:
                if self._gauge.cancelled:
                    raise Cancelled("The search was cancelled.", safe="What was found is kept.")
                try:
                    found = await distributed.wait(pending, timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED")
                except TimeoutError:
                    continue
                pending = found.not_done
                for batch in found.done:
                    for job, answer in await self._result(batch):
                        self._gauge.finished(moments)
                        take(job, answer)
        finally:
            await client.cancel(list(pending), force=True)

    async def _result(self, batch: Any) -> list[tuple[Job, Answer]]:
        if batch.status != "finished":
            error = await batch.exception()
            if isinstance(error, PolotuiError):
                raise error
            raise ClusterError(
                f"A machine of the cluster failed: {type(error).__name__}: {error}.",
                safe="What was found is kept.",
                next_step="Resume the search; what it has is not computed again.",
            )
        rows: list[tuple[Job, Answer]] = await batch
        return rows


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as missing:
        raise UsageError(
            "A cluster needs Dask, which is not installed.",
            safe="Nothing was run.",
            next_step="pip install 'polotui[cluster]' brings it; this machine's cores need nothing.",
            code="extra-missing",
        ) from missing
    return distributed
