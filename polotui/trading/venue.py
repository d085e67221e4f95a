"""What the gateway asks of a venue, and what a venue tells back. Paper and the exchange stand behind the same words.

Decided here: a venue raises nothing for an order's own fate; a refusal, and not knowing, are answers. What happens to
an order after its placement comes through `VenueListener`, also when it happens during the placement itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from polotui.model.account import Account, Order
from polotui.model.orders import Execution, OrderState, OrderTerms, Placement


class VenueListener(Protocol):
    """Who is told what happens to orders. Each call returns after its news is durable."""

    async def on_state(
        self, order_id: str, state: OrderState, *, venue_id: str = "", code: str = "", words: str = "", at_ms: int = 0
    ) -> None:
        """An order of ours moved."""
        ...

    async def on_fill(self, execution: Execution) -> None:
        """An order of ours traded. The same execution may be told any number of times and is booked once."""
        ...

    async def on_foreign(self, order: Order) -> None:
        """An order that is not ours stands in the account."""
        ...


class Venue(Protocol):
    """Where orders go."""

    #: Root of the accounts it trades for: `paper` or `spot`.
    account: str

    async def place(self, terms: OrderTerms, token: object) -> Placement:
        """Sends an order, once. `token` is the gate's proof for exactly these terms. ACCEPTED, REJECTED or UNKNOWN."""
        ...

    async def cancel(self, terms: OrderTerms) -> Placement:
        """Asks to cancel. The answer is a hint; what counts comes through the listener or `lookup`."""
        ...

    async def cancel_all(self, symbols: Sequence[str] = ()) -> None:
        """Asks to cancel everything that rests, of these symbols or of all."""
        ...

    async def lookup(self, terms: OrderTerms) -> Placement:
        """What the venue knows of an order; `absent` only when it can never come into being any more. Raises
        ExchangeError when the venue could not be asked: that is no news of the order."""
        ...

    async def open_orders(self) -> list[Order]:
        """What rests at the venue, ours and others'."""
        ...

    async def balances(self) -> Account:
        """What the venue says the account holds."""
        ...
