"""What is done wrong with orders."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import msgspec

from polotui.engine.trading.service import Trading
from polotui.poloniex.errors import OutcomeUnknown
from polotui.poloniex.orders import SpotOrders
from polotui.trading import gateway, rows
from polotui.trading.exchange.token import Gate
from polotui.trading.exchange.venue import ExchangeVenue
from polotui.trading.gateway import Gateway
from polotui.trading.moves import write_intent
from tests.campaign.trading.defects.planting import as_there, defect

as_there("blind_retry", "one_order_for_an_intent")
as_there("timeout_is_failure", "venues_agree", "money_equals_the_exchanges")
as_there("no_recovery", "unknown_is_resolved", "venues_agree")
as_there("ended_before_its_fills", "money_equals_the_exchanges", "venues_agree")
as_there("newest_trade_is_the_mark", "money_equals_the_exchanges", "venues_agree")
as_there(
    "cancel_is_trusted", "a_position_has_its_stop", "never_more_than_there_is", "ledger_equals_live_state",
    seeds=(14, 2), hours=1.0,
)  # fmt: skip
as_there("ids_of_one_symbol", "money_equals_the_exchanges", "venues_agree")


@defect("intent_before_order")
def new_id_on_retry() -> Iterator[None]:
    original = SpotOrders.place

    async def place(self: Any, order: Any, market: Any, *more: Any) -> Any:
        try:
            return await original(self, order, market, *more)
        except OutcomeUnknown:
            return await original(self, msgspec.structs.replace(order, client_id=order.client_id + "r"), market, *more)

    with patch.object(SpotOrders, "place", place):
        yield


@defect("intent_before_order", seeds=(1,))
def intent_after_send() -> Iterator[None]:
    """The intent is written with the first thing that is known of the order."""
    waiting: dict[str, tuple[Any, int]] = {}
    note = rows.add_order_event

    def later(connection: Any, terms: Any, at_ms: int) -> None:
        waiting[terms.id] = (terms, at_ms)

    def noted(connection: Any, order_id: str, state: Any, **more: Any) -> Any:
        if order_id in waiting:
            terms, at_ms = waiting.pop(order_id)
            with patch.object(rows, "add_order_event", note):
                write_intent(connection, terms, at_ms)
        return note(connection, order_id, state, **more)

    with patch.object(gateway, "write_intent", later), patch.object(rows, "add_order_event", noted):
        yield


@defect("trades_again", "use_cases_answer", "one_order_for_an_intent", "run_ends", "services_run")
def ids_that_are_counted() -> Iterator[None]:
    """Each life counts its orders from one."""

    def counted(self: Trading) -> str:
        self.counted = getattr(self, "counted", 0) + 1  # type: ignore[attr-defined]
        return f"pt-{self.counted}"  # type: ignore[attr-defined]

    with patch.object(Trading, "new_order_id", counted):
        yield


@defect("money_equals_the_exchanges", "venues_agree", "ledger_equals_live_state")
def no_dedupe_of_fills() -> Iterator[None]:
    """What the stream and the history both tell is booked twice."""
    add, count = rows.add_fill, iter(range(10**9))

    def added(connection: Any, execution: Any, terms: Any, **more: Any) -> Any:
        return add(connection, msgspec.structs.replace(execution, id=f"{execution.id}-{next(count)}"), terms, **more)

    with patch.object(rows, "add_fill", added):
        yield


@defect("chains_and_rows_hold", "ledger_equals_live_state", "venues_agree", "use_cases_answer", script="market order")
def a_fill_in_two_transactions() -> Iterator[None]:
    """First the fill with its money, then where its order stands."""
    note = rows.add_order_event

    async def book(self: Gateway, order: Any, execution: Any) -> Any:
        late: list[tuple[Any, ...]] = []

        def postponed(connection: Any, order_id: str, state: Any, **more: Any) -> int:
            late.append((order_id, state, more))
            return 0

        with patch.object(rows, "add_order_event", postponed):
            booked = await original(self, order, execution)
        for order_id, state, more in late:
            at = (order_id, state)
            await self._certainly(lambda c, at=at, more=more: note(c, *at, **more), "order state")
        return booked

    original = Gateway._book
    with patch.object(Gateway, "_book", book):
        yield


@defect("halted_means_halted")
def the_halt_flag_is_looked_at_by_the_gate_only() -> Iterator[None]:
    """Between the gate's yes and the venue lies a commit."""
    place = Gateway._send

    async def send(self: Gateway, venue: Any, order: Any, decision: Any) -> Any:
        # Slow enough for somebody to halt meanwhile.
        await asyncio.sleep(2)
        with patch.object(Gateway, "halted", False):
            return await place(self, venue, order, decision)

    with patch.object(Gateway, "_send", send), patch.object(ExchangeVenue, "_withheld", lambda self, terms: ""):
        yield


@defect("paper_signs_no_order", seeds=(4, 8), signed=False)
def paper_goes_to_the_exchange() -> Iterator[None]:
    find = Gateway.venue_of

    def venue_of(self: Gateway, account: str) -> Any:
        return find(self, account.replace("paper", "spot", 1))

    with patch.object(Gateway, "venue_of", venue_of):
        yield


@defect("a_token_is_one_orders", seeds=(1,))
def a_token_fits_every_order() -> Iterator[None]:
    with patch("polotui.trading.exchange.token.terms_hash", lambda terms: ""):
        yield


@defect("a_token_is_one_orders", seeds=(1,))
def a_token_is_good_twice() -> Iterator[None]:
    redeem = Gate.redeem

    def kept(self: Gate, token: Any, terms: Any) -> None:
        before = dict(self._issued)
        redeem(self, token, terms)
        self._issued = before

    with patch.object(Gate, "redeem", kept):
        yield
