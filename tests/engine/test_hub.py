"""The hub conflates state per face, loses no trade silently, and asks for a value only when somebody reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polotui.api.events import TradesBatch, WatchState
from polotui.api.values import WatchRow
from polotui.core.clock import FrozenClock
from polotui.engine.hub import RING, Hub, Subscriber
from polotui.model.market import Trade


def make_hub() -> Hub:
    return Hub(FrozenClock(), lambda *fact: None)


def trade(number: int) -> Trade:
    return Trade(number, 0, 1.0, 1.0, True)


def test_a_slow_face_gets_only_the_newest_state_built_once() -> None:
    hub = make_hub()
    price = 0.0
    built: list[float] = []

    def provide(topic: str, key: str) -> WatchState:
        built.append(price)
        return WatchState(row=WatchRow(symbol=key, last=price))

    hub.provide("watch", provide)
    faces = [Subscriber(hub), Subscriber(hub)]
    for face in faces:
        hub.subscribe(face, ["watch"], rate=10, facts_after=0)
    for price in (1.0, 2.0, 3.0):  # noqa: B007 - read by the provider
        hub.touch("watch", "BTC_USDT")
    batches = [face.collect() for face in faces]
    assert [[event.row.last for event in batch] for batch in batches] == [[3.0], [3.0]]
    assert built == [3.0]
    assert [face.collect() for face in faces] == [[], []]


def test_a_new_face_gets_the_present_state_first() -> None:
    hub = make_hub()
    hub.provide("watch", lambda topic, key: WatchState(row=WatchRow(symbol=key)))
    hub.touch("watch", "BTC_USDT")
    face = Subscriber(hub)
    hub.subscribe(face, ["watch"], rate=10, facts_after=0)
    assert [event.row.symbol for event in face.collect()] == ["BTC_USDT"]


def test_interest_is_told_for_the_first_and_the_last_face() -> None:
    hub = make_hub()
    told: list[tuple[str, bool]] = []
    hub.provide("chart", lambda topic, key: None, interest=lambda topic, wanted: told.append((topic, wanted)))
    first, second = Subscriber(hub), Subscriber(hub)
    hub.subscribe(first, ["chart:A"], rate=1, facts_after=0)
    hub.subscribe(second, ["chart:A"], rate=1, facts_after=0)
    hub.unsubscribe(first)
    hub.unsubscribe(second)
    assert told == [("chart:A", True), ("chart:A", False)]


def test_a_face_that_asked_before_the_service_was_there_is_served() -> None:
    hub = make_hub()
    face = Subscriber(hub)
    hub.subscribe(face, ["chart:A", "watch"], rate=1, facts_after=0)
    told: list[tuple[str, bool]] = []
    hub.provide("chart", lambda topic, key: None, interest=lambda topic, wanted: told.append((topic, wanted)))
    assert told == [("chart:A", True)]


@given(st.lists(st.one_of(st.integers(1, 700), st.none()), max_size=30))
def test_no_trade_is_lost_silently(steps: list[int | None]) -> None:
    """Whatever the order of trades (n) and reads (None): each trade arrives once, in order, or is counted as missed."""
    hub = make_hub()
    hub.add("trades:X", [trade(0)])
    face = Subscriber(hub)
    hub.subscribe(face, ["trades:X"], rate=10, facts_after=0)
    sent, missed = 1, 0
    seen = [trade.id for event in face.collect() for trade in event.trades]
    for step in [*steps, None]:
        if step is not None:
            hub.add("trades:X", [trade(sent + n) for n in range(step)])
            sent += step
            continue
        for event in face.collect():
            assert isinstance(event, TradesBatch)
            missed += event.missed
            seen += [item.id for item in event.trades]
    assert seen == sorted(set(seen))
    assert len(seen) + missed == sent


def test_an_overrun_ring_is_told() -> None:
    hub = make_hub()
    hub.add("trades:X", [trade(0)])
    face = Subscriber(hub)
    hub.subscribe(face, ["trades:X"], rate=10, facts_after=0)
    face.collect()
    hub.add("trades:X", [trade(n) for n in range(1, RING + 11)])
    (batch,) = face.collect()
    assert isinstance(batch, TradesBatch)
    assert batch.missed == 10
    assert len(batch.trades) == RING
