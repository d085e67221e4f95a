"""The hub: from services to faces, conflated per face.

Decided here:

* Services touch topics; a subscriber remembers *which* keys changed, never the values in between. When its turn comes,
  at most ten times a second, it takes the newest value of each. A value is built once per change, however many faces.
* Trades add up instead: a ring per topic and a cursor per subscriber. A subscriber that fell out of the ring is told
  how many it missed.
* Facts are read from the store by number, so they survive a slow or absent face without any memory of the hub.
* A subscriber whose socket is full is skipped; nothing here ever waits for a face.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from polotui.api.events import Event, TradesBatch
from polotui.core.clock import Clock

#: As many as a face shows: what it missed beyond these it would not have shown either.
RING = 500
FIRST_TRADES = 60
Provider = Callable[[str, str], Event | None]


class Ring:
    """The newest `RING` items of an adding topic, counted from the first."""

    def __init__(self) -> None:
        self.items: deque[Any] = deque(maxlen=RING)
        self.total = 0

    def add(self, items: Sequence[Any]) -> None:
        self.items.extend(items)
        self.total += len(items)

    def since(self, cursor: int) -> tuple[list[Any], int]:
        """Items after `cursor`, and how many of them are no longer held."""
        wanted = self.total - cursor
        missed = max(0, wanted - len(self.items))
        count = wanted - missed
        return (list(self.items)[-count:] if count else []), missed


class Subscriber:
    """One face's topics, what changed on them since it last heard, and its cursors."""

    def __init__(self, hub: Hub, *, rate: float = 10.0) -> None:
        self._hub = hub
        self.topics: frozenset[str] = frozenset()
        self.rate = rate
        self.cursor_of: dict[str, int] = {}
        self.dirty: dict[tuple[str, str], None] = {}
        self.wake = asyncio.Event()
        self.facts_after = -1
        self.wants_facts = False

    def collect(self) -> list[Event]:
        """The newest of all that changed; clears the marks."""
        events: list[Event] = []
        dirty, self.dirty = self.dirty, {}
        self.wake.clear()
        for topic, key in dirty:
            event = self._hub.trades_for(self, topic) if topic in self._hub.rings else self._hub.value(topic, key)
            if event is not None:
                events.append(event)
        return events

    def mark(self, topic: str, key: str) -> None:
        self.dirty[(topic, key)] = None
        self.wake.set()


class Hub:
    """The engine's `Publisher` and the faces' source. `store_fact` hands a fact to whoever stores it."""

    def __init__(self, clock: Clock, store_fact: Callable[[str, str, str, str], None]) -> None:
        self._clock = clock
        self._store_fact = store_fact
        self._providers: dict[str, Provider] = {}
        self._subscribers: dict[str, dict[Subscriber, None]] = {}
        self._keys: dict[str, dict[str, None]] = {}
        self._built: dict[tuple[str, str], Event] = {}
        self._pending: set[tuple[str, str]] = set()
        self.rings: dict[str, Ring] = {}
        self._interest: dict[str, Callable[[str, bool], None]] = {}
        self._stale_of: Callable[[str], int] = lambda symbol: 0

    # -- for services ---------------------------------------------------------------------------------------------

    def provide(self, head: str, provider: Provider, *, interest: Callable[[str, bool], None] | None = None) -> None:
        """`provider(topic, key)` builds the values of topics named `head` or `head:…`.

        `interest(topic, wanted)` is called when the first subscriber comes and when the last one leaves.
        """
        self._providers[head] = provider
        if interest is not None:
            self._interest[head] = interest
            # A face may have asked while the engine was still starting.
            for topic in [topic for topic in self._subscribers if topic.partition(":")[0] == head]:
                interest(topic, True)

    def trades_are_stale(self, stale_of: Callable[[str], int]) -> None:
        """`stale_of(symbol)` is 0, or the wall time up to which the symbol's tape is known to be complete."""
        self._stale_of = stale_of

    def touch(self, topic: str, key: str = "") -> None:
        mark = (topic, key)
        if mark in self._pending:
            return  # nobody has read it since the last touch: everybody who wants it is marked already
        self._pending.add(mark)
        self._built.pop(mark, None)
        self._keys.setdefault(topic, {})[key] = None
        for subscriber in self._subscribers.get(topic, ()):
            subscriber.mark(topic, key)

    def forget(self, topic: str, key: str) -> None:
        """`key` no longer exists on `topic`."""
        self._built.pop((topic, key), None)
        self._pending.discard((topic, key))
        self._keys.get(topic, {}).pop(key, None)

    def add(self, topic: str, items: Sequence[Any]) -> None:
        self.rings.setdefault(topic, Ring()).add(items)
        for subscriber in self._subscribers.get(topic, ()):
            subscriber.mark(topic, "")

    def fact(self, kind: str, level: str, text: str, symbol: str = "") -> None:
        self._store_fact(kind, level, text, symbol)

    def facts_stored(self) -> None:
        """New facts are in the store: wake whoever wants them."""
        for subscriber in self._subscribers.get("facts", ()):
            subscriber.wake.set()

    # -- for subscribers ------------------------------------------------------------------------------------------

    def subscribe(self, subscriber: Subscriber, topics: Iterable[str], *, rate: float, facts_after: int) -> None:
        """Replaces the subscriber's topics; it gets the present state of the new ones first."""
        wanted = frozenset(topics)
        subscriber.rate = min(max(rate, 0.1), 10.0)
        subscriber.wants_facts = "facts" in wanted
        if facts_after >= -1:
            subscriber.facts_after = facts_after
        for topic in subscriber.topics - wanted:
            self._leave(subscriber, topic)
        for topic in sorted(wanted - subscriber.topics):
            self._join(subscriber, topic)
        subscriber.topics = wanted
        subscriber.wake.set()

    def unsubscribe(self, subscriber: Subscriber) -> None:
        for topic in subscriber.topics:
            self._leave(subscriber, topic)
        subscriber.topics = frozenset()

    def value(self, topic: str, key: str) -> Event | None:
        """The newest value of a state topic, built at most once per change."""
        self._pending.discard((topic, key))
        built = self._built.get((topic, key))
        if built is None:
            provider = self._providers.get(topic.partition(":")[0])
            built = provider(topic, key) if provider is not None else None
            if built is None:
                return None
            built = msgspec.structs.replace(built, at_ms=self._clock.wall_ms())
            self._built[(topic, key)] = built
        return built

    def trades_for(self, subscriber: Subscriber, topic: str) -> TradesBatch | None:
        ring = self.rings[topic]
        symbol = topic.partition(":")[2]
        cursor = subscriber.cursor_of.get(topic)
        # A face that has just come gets a screenful, and that is not a miss.
        if cursor is None:
            cursor = max(0, ring.total - min(FIRST_TRADES, len(ring.items)))
        trades, missed = ring.since(cursor)
        subscriber.cursor_of[topic] = ring.total
        return TradesBatch(
            at_ms=self._clock.wall_ms(),
            symbol=symbol,
            trades=trades,
            missed=missed,
            stale_since_ms=self._stale_of(symbol),
        )

    def wanted(self, topic: str) -> bool:
        return bool(self._subscribers.get(topic))

    def _join(self, subscriber: Subscriber, topic: str) -> None:
        first = not self._subscribers.get(topic)
        self._subscribers.setdefault(topic, {})[subscriber] = None
        interest = self._interest.get(topic.partition(":")[0])
        if first and interest is not None:
            interest(topic, True)
        if topic in self.rings:
            subscriber.mark(topic, "")
        for key in self._keys.get(topic, ()):
            subscriber.mark(topic, key)

    def _leave(self, subscriber: Subscriber, topic: str) -> None:
        members = self._subscribers.get(topic, {})
        members.pop(subscriber, None)
        subscriber.cursor_of.pop(topic, None)
        if not members:
            self._subscribers.pop(topic, None)
            interest = self._interest.get(topic.partition(":")[0])
            if interest is not None:
                interest(topic, False)
        for mark in [mark for mark in subscriber.dirty if mark[0] == topic]:
            del subscriber.dirty[mark]
