"""Tells the listener what happened to orders: each order's news in its order, none lost.

Decided here:
* Matching never waits for the listener; what happened waits here. One task (`run`) tells it, a piece at a time.
* News that the listener could not take (it raised) stays at the head of its order's lane and is told again after a
  growing, jittered pause, for as long as it takes. Other orders' news goes on meanwhile. The same execution object is
  told again, so its id is the same and the ledger books it once.
* A lane that has failed `TROUBLE_FROM` times is said by `trouble`, which the venue answers new orders with: what
  cannot be booked must not be added to.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from polotui.core.clock import Clock
from polotui.core.ids import Chance
from polotui.model.orders import Execution, OrderState
from polotui.trading.venue import VenueListener

log = logging.getLogger("polotui.trading.paper")

TROUBLE_FROM = 3
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Moved:
    """An order moved to a state."""

    order_id: str
    state: OrderState
    venue_id: str
    code: str
    words: str
    at_ms: int


class _Lane:
    """The news of one order that nobody has taken yet."""

    __slots__ = ("failures", "not_before", "waiting", "why")

    def __init__(self) -> None:
        self.waiting: deque[Moved | Execution] = deque()
        self.failures = 0
        self.not_before = 0.0
        self.why = ""


class News:
    """The lanes of all orders."""

    def __init__(
        self, listener: VenueListener, clock: Clock, chance: Chance, told: Callable[[Moved | Execution], None]
    ) -> None:
        self._listener = listener
        self._clock = clock
        self._chance = chance
        self._told = told
        self._lanes: dict[str, _Lane] = {}
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, item: Moved | Execution) -> None:
        lane = self._lanes.get(item.order_id)
        if lane is None:
            lane = self._lanes[item.order_id] = _Lane()
        lane.waiting.append(item)
        self._empty.clear()
        self._wake.set()

    @property
    def trouble(self) -> str:
        """Why news cannot be told, when some was refused again and again; empty otherwise."""
        return next((lane.why for lane in self._lanes.values() if lane.failures >= TROUBLE_FROM), "")

    def untold(self, order_id: str) -> bool:
        return order_id in self._lanes

    async def settled(self) -> None:
        """Waits until everything is told."""
        await self._empty.wait()

    async def run(self) -> None:
        """Tells what comes, until cancelled. What was not told by then is told by the next run."""
        while True:
            self._wake.clear()
            wait = await self._tell_ready()
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _tell_ready(self) -> float | None:
        """One piece of each lane that may speak. Returns the seconds until the next may: 0 at once, None never."""
        for order_id in list(self._lanes):
            lane = self._lanes[order_id]
            if lane.not_before <= self._clock.monotonic():
                await self._tell_one(order_id, lane)
        if not self._lanes:
            self._empty.set()
            return None
        return max(0.0, min(lane.not_before for lane in self._lanes.values()) - self._clock.monotonic())

    async def _tell_one(self, order_id: str, lane: _Lane) -> None:
        item = lane.waiting[0]
        try:
            if isinstance(item, Execution):
                await self._listener.on_fill(item)
            else:
                await self._listener.on_state(
                    item.order_id,
                    item.state,
                    venue_id=item.venue_id,
                    code=item.code,
                    words=item.words,
                    at_ms=item.at_ms,
                )
        except Exception as error:
            pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(lane.failures, 10))
            lane.failures += 1
            lane.why = f"{type(error).__name__}: {error}"
            lane.not_before = self._clock.monotonic() + pause / 2 + self._chance.jitter(pause / 2)
            log.log(
                logging.ERROR if lane.failures in (1, TROUBLE_FROM) else logging.INFO,
                "news of an order could not be told; it is told again",
                extra={"order": order_id, "failures": lane.failures},
                exc_info=error if lane.failures == 1 else None,
            )
            return
        lane.waiting.popleft()
        lane.failures, lane.not_before, lane.why = 0, 0.0, ""
        if not lane.waiting:
            del self._lanes[order_id]
        self._told(item)
