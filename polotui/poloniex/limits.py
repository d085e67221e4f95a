"""How much may be asked, and how much was.

Decided here: each endpoint class has a `Bucket` that counts the requests of the last second. A refilling token
bucket would let a burst and its refill through within one second, which is more than the exchange's rule; a
sliding second never does. Ordinary requests use at most 80 % of the published limit, the rest is kept for urgent
ones (cancels). An answer that says «too many» blocks its bucket until the time it names, a ban blocks all of them.

Deliberate limit: the exchange counts per address (public) and per user (private); a bucket knows only this process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum

import msgspec

from polotui.core.clock import Clock
from polotui.poloniex.errors import ExchangeBusy


class Pool(Enum):
    """The exchange's endpoint classes."""

    PUBLIC_LIGHT = "public-light"
    PUBLIC_HEAVY = "public-heavy"
    PRIVATE_LIGHT = "private-light"
    PRIVATE_HEAVY = "private-heavy"


#: Requests a second as published; the allowance grows with the fee tier, so these are the least.
PER_SECOND = {Pool.PUBLIC_LIGHT: 200, Pool.PUBLIC_HEAVY: 10, Pool.PRIVATE_LIGHT: 50, Pool.PRIVATE_HEAVY: 10}
SHARE = 0.8
#: A wait shorter than this is rounded up, so that a timer that fires a hair early cannot spin.
_LEAST_WAIT_S = 0.001


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """How full one bucket is: requests in the last second, what ordinary requests may use, and a block if any."""

    pool: str
    used: int
    capacity: int
    blocked_ms: int = 0


class Bucket:
    """Admits at most `share` of `per_second` requests in any second, all of it when urgent."""

    def __init__(self, name: str, per_second: int, clock: Clock, share: float = SHARE) -> None:
        self.name = name
        self.capacity = max(1, int(per_second * share))
        self._limit = per_second
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=per_second)
        self._blocked_until = 0.0
        self._turn = asyncio.Lock()

    def used(self) -> int:
        """Requests admitted within the last second."""
        horizon = self._clock.monotonic() - 1.0
        while self._sent and self._sent[0] <= horizon:
            self._sent.popleft()
        return len(self._sent)

    def blocked_s(self) -> float:
        """Seconds until the block ends; 0 when there is none."""
        return max(0.0, self._blocked_until - self._clock.monotonic())

    def block(self, seconds: float) -> None:
        """Nothing is admitted for `seconds`; a longer block that already holds stays."""
        self._blocked_until = max(self._blocked_until, self._clock.monotonic() + seconds)

    def wait_s(self, *, urgent: bool = False) -> float:
        """Seconds until one more request is admitted; 0 means now."""
        blocked = self.blocked_s()
        ceiling = self._limit if urgent else self.capacity
        if self.used() < ceiling:
            return blocked
        frees_at = self._sent[len(self._sent) - ceiling] + 1.0
        return max(blocked, frees_at - self._clock.monotonic(), _LEAST_WAIT_S)

    def use(self) -> Use:
        return Use(pool=self.name, used=self.used(), capacity=self.capacity, blocked_ms=round(self.blocked_s() * 1000))

    async def take(self, what: str, *, patience_s: float, urgent: bool = False) -> None:
        """Waits for its turn. Raises ExchangeBusy at once when the wait would be longer than `patience_s`."""
        give_up_at = self._clock.monotonic() + patience_s
        if urgent:
            await self._wait(what, give_up_at, urgent=True)
            return
        # One ordinary request waits at a time, the others queue behind it in order.
        async with self._turn:
            await self._wait(what, give_up_at, urgent=False)

    async def _wait(self, what: str, give_up_at: float, *, urgent: bool) -> None:
        while (wait := self.wait_s(urgent=urgent)) > 0:
            if self._clock.monotonic() + wait > give_up_at:
                raise ExchangeBusy(what, retry_after_ms=max(1, round(wait * 1000)), own_limit=True)
            await asyncio.sleep(max(wait, _LEAST_WAIT_S))
        self._sent.append(self._clock.monotonic())


class Limits:
    """The buckets of one exchange address."""

    def __init__(self, clock: Clock, per_second: dict[Pool, int] | None = None, share: float = SHARE) -> None:
        rates = {**PER_SECOND, **(per_second or {})}
        self._buckets = {pool: Bucket(pool.value, rates[pool], clock, share) for pool in Pool}

    def bucket(self, pool: Pool) -> Bucket:
        return self._buckets[pool]

    def block_all(self, seconds: float) -> None:
        """A ban concerns the address, so every class waits."""
        for bucket in self._buckets.values():
            bucket.block(seconds)

    def use(self) -> list[Use]:
        return [bucket.use() for bucket in self._buckets.values()]
