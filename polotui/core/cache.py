"""Values that may be a little old, each with its age, and never asked for twice at once.

Decided here:
* How long a value is good depends on its kind; the table is one and configurable. The time to live is the backstop:
  what is known to have changed is invalidated by whoever knows it (a fill invalidates the balances).
* One miss makes one call: all who ask meanwhile wait for that call, and its failure reaches them all. A waiter who
  is cancelled does not cancel the others; the call is cancelled when nobody waits for it any more.
* A call that began before an invalidation does not fill the cache after it.
* A value past its time can be served when the source fails, but only to those who ask for that, and it says so.
* Bounded: the least recently used entry goes first. Ages come from the monotonic clock.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from polotui.core.clock import Clock
from polotui.core.errors import ConfigError, PolotuiError

T = TypeVar("T")

#: Seconds that a value of each kind is good for.
TTLS: Mapping[str, float] = {
    "marketplace": 300.0,
    "prices": 10.0,
    "analytics": 60.0,
    "signals": 5.0,
    "user": 30.0,
    "backtest": 3600.0,
    "correlation": 1800.0,
}


class Cached(NamedTuple):
    """A value with its standing. `problem` is not empty when it is past its time because the source failed."""

    value: Any
    from_cache: bool
    age_s: float
    problem: str = ""


@dataclass(frozen=True)
class CacheStatistics:
    """What Health shows. `hit_rate` is None before the first question."""

    hits: int
    misses: int
    shared: int
    """Misses that were spared a call because one was on its way."""
    stale: int
    failures: int
    entries: int
    limit: int
    evictions: int
    invalidations: int

    @property
    def hit_rate(self) -> float | None:
        asked = self.hits + self.misses + self.shared
        return self.hits / asked if asked else None


@dataclass
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    waiters: int = 0


class SingleFlight:
    """Runs one call for each key at a time; whoever asks meanwhile gets the same result or the same failure."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[Any]] = {}

    def running(self, key: str) -> bool:
        return key in self._flights

    def forget(self, prefix: str) -> None:
        """Lets the next one who asks start anew; those who wait already still get theirs."""
        for key in [key for key in self._flights if key.startswith(prefix)]:
            del self._flights[key]

    async def run(self, key: str, fn: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `fn`, or of the call for `key` that is on its way."""
        if key not in self._flights:
            self._flights[key] = _Flight(asyncio.create_task(fn(), name=f"single flight {key}"))
        flight: _Flight[T] = self._flights[key]
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if self._flights.get(key) is flight and (flight.task.done() or not flight.waiters):
                del self._flights[key]
            if not flight.waiters and not flight.task.done():
                flight.task.cancel()
                await asyncio.wait({flight.task})
            if flight.task.done() and not flight.task.cancelled():
                flight.task.exception()  # a failure that only cancelled waiters waited for is not unheard


@dataclass
class _Entry:
    value: Any
    stored: float
    ttl: float


@dataclass
class _Counters:
    hits: int = 0
    misses: int = 0
    shared: int = 0
    stale: int = 0
    failures: int = 0
    evictions: int = 0
    invalidations: int = 0


@dataclass
class Cache:
    """A bounded cache. `ttls` overrides single kinds of the table `TTLS`."""

    clock: Clock
    ttls: Mapping[str, float] = field(default_factory=dict)
    limit: int = 10_000

    def __post_init__(self) -> None:
        unknown = sorted(set(self.ttls) - set(TTLS))
        wrong = sorted(kind for kind, ttl in self.ttls.items() if not 0 <= ttl < float("inf"))
        if unknown or wrong:
            raise ConfigError(
                f"The cache has no kind {unknown[0]!r}."
                if unknown
                else f"The time for {wrong[0]!r} must be 0 or more.",
                next_step=f"The kinds are {', '.join(TTLS)}; times are in seconds.",
            )
        self._ttls = {**TTLS, **self.ttls}
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._flights = SingleFlight()
        self._loading: dict[str, object] = {}
        self._counters = _Counters()

    async def wrap(self, key: str, ttl_class: str, fn: Callable[[], Awaitable[T]], *, stale_for: float = 0.0) -> Cached:
        """The value of `key`, from the cache or from `fn`. With `stale_for`, a failure of `fn` (a PolotuiError) is
        answered with the old value, if that is past its time by no more than these seconds."""
        found = self.get(key)
        if found is not None:
            return found
        if self._flights.running(key):
            self._counters.misses -= 1
            self._counters.shared += 1
        try:
            value = await self._flights.run(key, lambda: self._load(key, ttl_class, fn))
        except PolotuiError as error:
            old = self._entries.get(key)
            if old is None or self._age(old) > old.ttl + stale_for or stale_for <= 0:
                raise
            self._counters.stale += 1
            return Cached(old.value, True, self._age(old), error.cause)
        return Cached(value, False, 0.0)

    async def _load(self, key: str, ttl_class: str, fn: Callable[[], Awaitable[T]]) -> T:
        marker = self._loading[key] = object()
        try:
            value = await fn()
            if self._loading.get(key) is marker:
                self.set(key, value, ttl_class)
            return value
        except Exception:
            self._counters.failures += 1
            raise
        finally:
            if self._loading.get(key) is marker:
                del self._loading[key]

    def get(self, key: str) -> Cached | None:
        """The value while it is good; None otherwise. Counts a hit or a miss."""
        entry = self._entries.get(key)
        if entry is None or self._age(entry) >= entry.ttl:
            self._counters.misses += 1
            return None
        self._entries.move_to_end(key)
        self._counters.hits += 1
        return Cached(entry.value, True, self._age(entry))

    def get_many(self, keys: Iterable[str]) -> dict[str, Cached]:
        """Those of the keys whose value is good."""
        found = {key: self.get(key) for key in keys}
        return {key: cached for key, cached in found.items() if cached is not None}

    def set(self, key: str, value: Any, ttl_class: str) -> None:
        self._entries[key] = _Entry(value, self.clock.monotonic(), self._ttls[ttl_class])
        self._entries.move_to_end(key)
        while len(self._entries) > self.limit:
            self._entries.popitem(last=False)
            self._counters.evictions += 1

    def set_many(self, values: Mapping[str, Any], ttl_class: str) -> None:
        for key, value in values.items():
            self.set(key, value, ttl_class)

    def invalidate(self, prefix: str) -> int:
        """Drops every key that begins with `prefix`; calls on their way will not fill them. Returns how many went."""
        gone = [key for key in self._entries if key.startswith(prefix)]
        for key in gone:
            del self._entries[key]
        for key in [key for key in self._loading if key.startswith(prefix)]:
            del self._loading[key]
        self._flights.forget(prefix)
        self._counters.invalidations += len(gone)
        return len(gone)

    def statistics(self) -> CacheStatistics:
        return CacheStatistics(**vars(self._counters), entries=len(self._entries), limit=self.limit)

    def _age(self, entry: _Entry) -> float:
        return self.clock.monotonic() - entry.stored
