"""Buckets: never more than the share in any second, blocks obeyed, urgent requests ahead."""

from __future__ import annotations

import asyncio

import pytest

from polotui.core.ids import Chance
from polotui.poloniex.backoff import Backoff
from polotui.poloniex.errors import ExchangeBusy
from polotui.poloniex.limits import Bucket, Limits, Pool
from tests.poloniex.virtual import LoopClock, run


def test_no_second_holds_more_than_eighty_percent() -> None:
    async def main() -> list[float]:
        clock = LoopClock()
        bucket = Bucket("heavy", 10, clock)
        at: list[float] = []

        async def one() -> None:
            await bucket.take("a call", patience_s=60)
            at.append(clock.monotonic())

        await asyncio.gather(*(one() for _ in range(40)))
        return at

    at = run(main())
    assert len(at) == 40
    for start in at:
        assert sum(1 for other in at if start <= other < start + 1.0) <= 8
    assert at[-1] - at[0] == pytest.approx(4.0, abs=0.05)


def test_an_urgent_request_uses_what_ordinary_ones_leave() -> None:
    async def main() -> tuple[float, float]:
        clock = LoopClock()
        bucket = Bucket("heavy", 10, clock)
        for _ in range(8):
            await bucket.take("a call", patience_s=1)
        started = clock.monotonic()
        ordinary = asyncio.create_task(bucket.take("a call", patience_s=5))
        await asyncio.sleep(0)
        await bucket.take("a cancel", patience_s=1, urgent=True)
        urgent_waited = clock.monotonic() - started
        await ordinary
        return urgent_waited, clock.monotonic() - started

    urgent, ordinary = run(main())
    assert urgent == 0
    assert ordinary >= 0.99


def test_a_block_holds_everything_back_and_is_reported() -> None:
    async def main() -> None:
        clock = LoopClock()
        limits = Limits(clock)
        bucket = limits.bucket(Pool.PUBLIC_HEAVY)
        bucket.block(3.0)
        bucket.block(1.0)
        use = next(use for use in limits.use() if use.pool == "public-heavy")
        assert (use.used, use.capacity, use.blocked_ms) == (0, 8, 3000)
        started = clock.monotonic()
        await bucket.take("a call", patience_s=10)
        assert clock.monotonic() - started == pytest.approx(3.0, abs=0.01)

    run(main())


def test_a_wait_beyond_patience_is_not_begun() -> None:
    async def main() -> None:
        clock = LoopClock()
        bucket = Bucket("heavy", 10, clock)
        bucket.block(30)
        started = clock.monotonic()
        with pytest.raises(ExchangeBusy) as caught:
            await bucket.take("a call", patience_s=5)
        assert clock.monotonic() == started
        assert caught.value.retry_after_ms == 30_000
        assert bucket.used() == 0

    run(main())


def test_a_ban_blocks_every_class() -> None:
    async def main() -> None:
        limits = Limits(LoopClock())
        limits.block_all(60)
        assert {use.blocked_ms for use in limits.use()} == {60_000}

    run(main())


def test_backoff_is_full_jitter_below_a_doubling_ceiling() -> None:
    async def main() -> None:
        clock = LoopClock()
        ceilings, waits = [], []
        backoff = Backoff(clock, Chance("jitter"), base_s=0.5, cap_s=30, per_minute=5000)
        for _ in range(2000):
            ceilings.append(backoff.ceiling_s())
            backoff.attempt()
            waits.append(backoff.next_wait_s())
        assert ceilings[:8] == [0.5, 1, 2, 4, 8, 16, 30, 30]
        assert all(0 <= wait < ceiling for wait, ceiling in zip(waits, ceilings, strict=True))
        tail = sorted(waits[10:])
        assert tail[len(tail) // 10] < 6
        assert tail[-len(tail) // 10] > 24

    run(main())


def test_backoff_allows_twelve_attempts_a_minute_whatever_the_dice_say() -> None:
    class NoLuck(Chance):
        def jitter(self, ceiling: float) -> float:
            return 0.0

    async def main() -> None:
        clock = LoopClock()
        backoff = Backoff(clock, NoLuck(1))
        at: list[float] = []
        for _ in range(60):
            backoff.attempt()
            at.append(clock.monotonic())
            await asyncio.sleep(backoff.next_wait_s())
        for start in at:
            assert sum(1 for other in at if start <= other < start + 59.99) <= 12

    run(main())
