"""Mistakes that systems of this kind make, each planted in the real code for the length of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from polotui.model.orders import OrderState, Placement
from polotui.poloniex.errors import OutcomeUnknown
from polotui.poloniex.orders import SpotOrders
from polotui.trading.exchange import private, words
from polotui.trading.exchange.evidence import Evidence
from polotui.trading.exchange.private import AccountStream
from polotui.trading.exchange.resolve import Resolver
from polotui.trading.exchange.venue import ExchangeVenue


@contextmanager
def patched(place: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, original)


def blind_retry() -> AbstractContextManager[None]:
    """An order without an answer is sent again."""
    original = SpotOrders.place

    async def place(self: Any, order: Any, market: Any, *more: Any) -> Any:
        try:
            return await original(self, order, market, *more)
        except OutcomeUnknown:
            return await original(self, order, market, *more)

    return patched(SpotOrders, "place", place)


def timeout_is_failure() -> AbstractContextManager[None]:
    """An order without an answer counts as refused."""

    def unknown(self: Any, terms: Any, error: Any) -> Placement:
        return Placement(state=OrderState.REJECTED, code="timeout")

    return patched(ExchangeVenue, "_unknown", unknown)


def not_found_is_final() -> AbstractContextManager[None]:
    """The first «not found» is believed."""
    return patched(ExchangeVenue, "_not_found_is_final", lambda self, order_id: True)


def no_recovery() -> AbstractContextManager[None]:
    """Nothing asks after open orders: neither at the start nor later."""

    async def nothing(self: Any, *given: Any) -> int:
        return 0

    @contextmanager
    def planted() -> Iterator[None]:
        with patched(Resolver, "missing", nothing), patched(Resolver, "cycle", nothing):
            yield

    return planted()


def ended_before_its_fills() -> AbstractContextManager[None]:
    """An ended state is told at once, whether its fills are booked or not, and nothing fetches them."""

    async def move(self: Any, standing: Any, order: Any) -> Any:
        state = words.next_state(standing.state, order.state)
        if state is not None:
            await self._listener.on_state(standing.terms.id, state, venue_id=order.id)
        return state or standing.state

    async def no_history(self: Any) -> None:
        return None

    @contextmanager
    def planted() -> Iterator[None]:
        with patched(Evidence, "_move", move), patched(AccountStream, "_fills_since_mark", no_history):
            yield

    return planted()


def newest_trade_is_the_mark() -> AbstractContextManager[None]:
    """A trade told by the stream moves the mark over those that were lost before it."""
    original = AccountStream.on_message

    def on_message(self: Any, message: Any, received: float) -> None:
        original(self, message, received)
        if told := getattr(message, "trade_time", 0):
            self._mark_ms = max(self._mark_ms, told + private.OVERLAP_MS)

    async def move(self: Any, standing: Any, order: Any) -> Any:
        state = words.next_state(standing.state, order.state)
        if state is not None:
            await self._listener.on_state(standing.terms.id, state, venue_id=order.id)
        return state or standing.state

    @contextmanager
    def planted() -> Iterator[None]:
        with patched(AccountStream, "on_message", on_message), patched(Evidence, "_move", move):
            yield

    return planted()


def cancel_is_trusted() -> AbstractContextManager[None]:
    """The answer to a cancel ends the order."""
    original = ExchangeVenue.cancel

    async def cancel(self: Any, terms: Any) -> Placement:
        answer = await original(self, terms)
        await self.evidence._listener.on_state(terms.id, OrderState.CANCELLED)
        return answer

    return patched(ExchangeVenue, "cancel", cancel)


def live_too_early() -> AbstractContextManager[None]:
    """Live as soon as the socket is open."""
    original = AccountStream.on_stream_state

    def on_stream_state(self: Any, name: str, state: Any) -> None:
        original(self, name, state)
        self._become_live(state.phase == "open")

    return patched(AccountStream, "on_stream_state", on_stream_state)


def no_sweep() -> AbstractContextManager[None]:
    """What a live connection loses is never looked for."""

    async def nothing(self: Any, *given: Any) -> None:
        return None

    @contextmanager
    def planted() -> Iterator[None]:
        with patched(private, "SWEEP_S", 1e9), patched(AccountStream, "_ask_after_ends", nothing):
            yield

    return planted()


def ids_of_one_symbol() -> AbstractContextManager[None]:
    """A trade's id is taken for unique, though each symbol counts its own."""
    of_event, of_fill = words.execution_of_event, words.execution_of_fill

    def bare(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def execution(row: Any) -> Any:
            found = original(row)
            return type(found)(**{n: getattr(found, n) for n in found.__struct_fields__} | {"id": found.id[-2:]})

        return execution

    @contextmanager
    def planted() -> Iterator[None]:
        with (
            patched(words, "execution_of_event", bare(of_event)),
            patched(words, "execution_of_fill", bare(of_fill)),
        ):
            yield

    return planted()


DEFECTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    made.__name__: made
    for made in (
        blind_retry,
        timeout_is_failure,
        not_found_is_final,
        no_recovery,
        ended_before_its_fills,
        newest_trade_is_the_mark,
        cancel_is_trusted,
        live_too_early,
        no_sweep,
        ids_of_one_symbol,
    )
}
