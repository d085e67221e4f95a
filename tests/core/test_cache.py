"""Values that may be a little old."""

from __future__ import annotations

import asyncio

import pytest

from polotui.core.cache import TTLS, Cache
from polotui.core.clock import FrozenClock
from polotui.core.errors import ConfigError, Unreachable


class Source:
    """Counts its calls; waits at the gate; fails when told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure:
            raise self.failure
        return number


async def ticks(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def cache(clock: FrozenClock) -> Cache:
    return Cache(clock)


def test_the_table_is_the_required_one() -> None:
    assert " ".join(f"{kind}={ttl:.0f}" for kind, ttl in TTLS.items()) == (
        "marketplace=300 prices=10 analytics=60 signals=5 user=30 backtest=3600 correlation=1800"
    )


@pytest.mark.parametrize("kind", TTLS)
async def test_a_value_is_good_for_its_time_and_tells_its_age(cache: Cache, clock: FrozenClock, kind: str) -> None:
    source = Source()
    assert await cache.wrap("k", kind, source) == (1, False, 0.0, "")
    clock.advance(TTLS[kind] - 1)
    assert await cache.wrap("k", kind, source) == (1, True, pytest.approx(TTLS[kind] - 1), "")
    clock.advance(1)
    assert (await cache.wrap("k", kind, source)).value == 2
    assert source.calls == 2


async def test_times_are_configurable_and_checked(clock: FrozenClock) -> None:
    cache = Cache(clock, {"prices": 2.0})
    cache.set("k", 1, "prices")
    clock.advance(2)
    assert cache.get("k") is None
    with pytest.raises(ConfigError, match="no kind 'price'"):
        Cache(clock, {"price": 1})
    with pytest.raises(ConfigError, match="0 or more"):
        Cache(clock, {"prices": -1})


async def test_one_miss_makes_one_call(cache: Cache) -> None:
    source = Source()
    source.gate.clear()
    tasks = [asyncio.create_task(cache.wrap("k", "prices", source)) for _ in range(50)]
    await ticks()
    source.gate.set()
    assert {(await task).value for task in tasks} == {1}
    assert source.calls == 1
    figures = cache.statistics()
    assert (figures.misses, figures.shared, figures.hits) == (1, 49, 0)


async def test_a_failure_reaches_all_who_wait_and_is_not_kept(cache: Cache) -> None:
    source = Source()
    source.failure = Unreachable("no answer")
    source.gate.clear()
    tasks = [asyncio.create_task(cache.wrap("k", "prices", source)) for _ in range(5)]
    await ticks()
    source.gate.set()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, Unreachable)
    source.failure = None
    assert (await cache.wrap("k", "prices", source)).value == 2
    assert cache.statistics().failures == 1


async def test_a_cancelled_waiter_does_not_cancel_the_others(cache: Cache) -> None:
    source = Source()
    source.gate.clear()
    first, second = (asyncio.create_task(cache.wrap("k", "prices", source)) for _ in range(2))
    await ticks()
    first.cancel()
    await ticks()
    assert first.cancelled()
    source.gate.set()
    assert (await second).value == 1
    assert source.cancelled == 0


async def test_when_nobody_waits_the_call_is_cancelled(cache: Cache) -> None:
    source = Source()
    source.gate.clear()
    tasks = [asyncio.create_task(cache.wrap("k", "prices", source)) for _ in range(3)]
    await ticks()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert source.cancelled == 1
    source.gate.set()
    assert (await cache.wrap("k", "prices", source)).value == 2


async def test_an_old_value_is_served_only_on_request_and_says_so(cache: Cache, clock: FrozenClock) -> None:
    source = Source()
    await cache.wrap("k", "prices", source)
    clock.advance(30)
    source.failure = Unreachable("the exchange does not answer")
    with pytest.raises(Unreachable):
        await cache.wrap("k", "prices", source)
    assert await cache.wrap("k", "prices", source, stale_for=60) == (1, True, 30.0, "the exchange does not answer")
    clock.advance(41)
    with pytest.raises(Unreachable):
        await cache.wrap("k", "prices", source, stale_for=60)
    source.failure = RuntimeError("a bug is never covered up")
    cache.set("k", 5, "prices")
    clock.advance(11)
    with pytest.raises(RuntimeError):
        await cache.wrap("k", "prices", source, stale_for=60)
    assert cache.statistics().stale == 1


async def test_invalidation_also_voids_a_call_on_its_way(cache: Cache) -> None:
    source = Source()
    source.gate.clear()
    cache.set("user/spot", 0, "user")
    cache.set("prices/BTC", 0, "prices")
    early = asyncio.create_task(cache.wrap("user/paper", "user", source))
    await ticks()
    assert cache.invalidate("user/") == 1
    late = asyncio.create_task(cache.wrap("user/paper", "user", source))
    await ticks()
    source.gate.set()
    assert ((await early).value, (await late).value) == (1, 2)
    found = cache.get("user/paper")
    assert found is not None
    assert found.value == 2
    assert cache.get("prices/BTC") is not None


async def test_many_at_once_and_the_bound(clock: FrozenClock) -> None:
    cache = Cache(clock, limit=3)
    cache.set_many({"a": 1, "b": 2, "c": 3}, "prices")
    assert cache.get("a") is not None
    cache.set("d", 4, "prices")
    found = cache.get_many(["a", "b", "c", "d"])
    assert {key: cached.value for key, cached in found.items()} == {"a": 1, "c": 3, "d": 4}
    figures = cache.statistics()
    assert (figures.entries, figures.evictions, figures.hits, figures.misses) == (3, 1, 4, 1)
    assert figures.hit_rate == 0.8
    assert Cache(clock).statistics().hit_rate is None


async def test_what_was_asked_before_an_invalidation_is_not_kept_after_it(cache: Cache) -> None:
    source = Source()
    source.gate.clear()
    early = asyncio.create_task(cache.wrap("user/spot", "user", source))
    await ticks()
    cache.invalidate("user/")
    source.gate.set()
    assert (await early).value == 1
    assert cache.get("user/spot") is None
