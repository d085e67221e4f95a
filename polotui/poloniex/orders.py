"""Everything that changes orders at Poloniex spot: place, cancel, cancel all, the dead man's switch.

Decided here: all of it goes through one function, `_send`, which looks at the host before a byte leaves: this version
trades with this machine only (the simulator), and anything else raises `RealTradeBlocked`. Nothing is ever sent twice;
a call without an answer is `OutcomeUnknown`. Numbers go out as plain text on the symbol's scales; one that is not on
the grid raises `NotOnGrid`, because a rounded order is another order. Cancels are urgent: they use the reserve of the
limits that ordinary requests leave alone. `stpMode` is always said, so that no default can change under us.

Deliberate limit: an order is never changed in place. The exchange does not say what a replacement does with the part
that is filled already, so a changed wish is a cancel and a new order.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from polotui.core.errors import RealTradeBlocked, UsageError
from polotui.model.money import plain, step_of
from polotui.model.symbols import Market
from polotui.poloniex import wire_account
from polotui.poloniex.errors import NotOnGrid, foreign_text
from polotui.poloniex.rest import SpotRest
from polotui.poloniex.signing import path_part
from polotui.poloniex.wire_account import Cancelled, KillSwitch, Placed

T = TypeVar("T")

MOST_IN_BATCH = 20
MOST_CANCELS = 100
#: The taker is cancelled when it would meet an order of the same account.
STP_MODE = "EXPIRE_TAKER"
#: How long an order may wait for its turn at our own limits; later its price is of another market.
PATIENCE_S = 2.0
SWITCH_SECONDS = (10, 600)


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the exchange is told. A market buy names its `amount`, every other one its `quantity`."""

    symbol: str
    side: str
    type: str
    client_id: str
    quantity: Decimal | None = None
    amount: Decimal | None = None
    price: Decimal | None = None
    time_in_force: str = "GTC"
    stp_mode: str = STP_MODE

    def body(self, market: Market) -> dict[str, str]:
        """The members of the request. Raises NotOnGrid."""
        if market.symbol != self.symbol:
            raise NotOnGrid(f"The rules of {market.symbol} say nothing about an order on {self.symbol}.")
        numbers = self._numbers()
        scales = {"price": market.price_scale, "quantity": market.quantity_scale, "amount": market.amount_scale}
        body = {"symbol": self.symbol, "side": self.side, "type": self.type, "clientOrderId": self.client_id}
        for name, value in numbers.items():
            body[name] = on_grid(value, scales[name], f"{name} of {self.client_id}")
        if self.type != "MARKET":
            body["timeInForce"] = self.time_in_force
        return body | {"accountType": "SPOT", "stpMode": self.stp_mode}

    def _numbers(self) -> dict[str, Decimal]:
        """The numbers that this type needs; exactly these must be given."""
        if self.type not in ("MARKET", "LIMIT", "LIMIT_MAKER"):
            raise NotOnGrid(f"Poloniex has no order of type {self.type[:20]}.")
        if self.type != "MARKET":
            needed: tuple[str, ...] = ("price", "quantity")
        else:
            needed = ("amount",) if self.side == "BUY" else ("quantity",)
        given = {name: getattr(self, name) for name in ("price", "quantity", "amount")}
        numbers = {name: value for name, value in given.items() if value is not None}
        if set(numbers) != set(needed):
            words = " and ".join(needed)
            raise NotOnGrid(f"A {self.type} {self.side} is given by {words} alone, not by {', '.join(numbers) or '–'}.")
        return numbers


def on_grid(value: Decimal, scale: int, what: str) -> str:
    """`value` as plain text. Raises NotOnGrid when it is not positive or has more than `scale` decimals."""
    if not value.is_finite() or value <= 0:
        raise NotOnGrid(f"The {what} is {value}, which is not above zero.")
    if value % step_of(scale):
        raise NotOnGrid(f"The {what} is {plain(value)}, which has more than {scale} decimals.")
    return plain(value)


async def loopback_only(address: str, what: str = "An order") -> None:
    """Returns when `address` is this machine. Raises RealTradeBlocked for every other host."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if host == "localhost":
        found = await asyncio.get_running_loop().getaddrinfo(host, parts.port or 80)
        names = {str(row[4][0]) for row in found}
    else:
        names = {host}
    if not names or not all(_is_loopback(name) for name in names):
        raise RealTradeBlocked(what, foreign_text(host, 100))


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class SpotOrders:
    """The changing calls of one client. Only the exchange venue and the halt client hold one."""

    def __init__(self, rest: SpotRest) -> None:
        self._rest = rest

    async def place(self, order: NewOrder, market: Market, withheld: Callable[[], str] | None = None) -> Placed:
        """Sends one order, once. `withheld` is asked after the last wait of ours and raises Withheld by its words."""
        body = order.body(market)
        reply = await self._send(
            "POST", "/orders", body, wire_account.PlacedWire, patience_s=PATIENCE_S, withheld=withheld
        )
        return reply.value()

    async def place_batch(self, orders: Sequence[tuple[NewOrder, Market]]) -> list[Placed]:
        """Sends up to 20 orders in one call, once. Each has its own fate, in the order given."""
        if not 0 < len(orders) <= MOST_IN_BATCH:
            raise UsageError(f"A batch holds 1 to {MOST_IN_BATCH} orders, not {len(orders)}.")
        body = [order.body(market) for order, market in orders]
        rows = await self._send("POST", "/orders/batch", body, list[wire_account.PlacedWire], patience_s=PATIENCE_S)
        return [row.value() for row in rows]

    async def cancel(self, order_id: str) -> Cancelled:
        """Asks to cancel by the exchange's id. The answer is a hint."""
        path = f"/orders/{path_part(order_id)}"
        return (await self._send("DELETE", path, None, wire_account.CancelledWire, urgent=True)).value()

    async def cancel_by_client_id(self, client_id: str) -> Cancelled:
        return await self.cancel(f"cid:{client_id}")

    async def cancel_ids(self, order_ids: Sequence[str] = (), client_ids: Sequence[str] = ()) -> list[Cancelled]:
        """Asks to cancel several; each has its own answer."""
        if not 0 < len(order_ids) + len(client_ids) <= MOST_CANCELS:
            raise UsageError(f"One call cancels 1 to {MOST_CANCELS} orders.")
        body: dict[str, list[str]] = {}
        if order_ids:
            body["orderIds"] = list(order_ids)
        if client_ids:
            body["clientOrderIds"] = list(client_ids)
        rows = await self._send("DELETE", "/orders/cancelByIds", body, list[wire_account.CancelledWire], urgent=True)
        return [row.value() for row in rows]

    async def cancel_all(self, symbols: Sequence[str] = ()) -> list[Cancelled]:
        """Asks to cancel everything that rests, of these symbols or of all."""
        body: dict[str, list[str]] = {"accountTypes": ["SPOT"]}
        if symbols:
            body["symbols"] = list(symbols)
        rows = await self._send("DELETE", "/orders", body, list[wire_account.CancelledWire], urgent=True)
        return [row.value() for row in rows]

    async def set_kill_switch(self, seconds: int | None) -> KillSwitch:
        """Arms the dead man's switch, or disarms it with None. Each call starts its time anew."""
        low, high = SWITCH_SECONDS
        if seconds is not None and not low <= seconds <= high:
            raise UsageError(f"The dead man's switch takes {low} to {high} seconds, not {seconds}.")
        body = {"timeout": "-1" if seconds is None else str(seconds)}
        return await self._send("POST", "/orders/killSwitch", body, KillSwitch, urgent=True)

    async def _send(
        self,
        method: str,
        path: str,
        body: Any,
        form: type[T],
        *,
        urgent: bool = False,
        patience_s: float | None = None,
        withheld: Callable[[], str] | None = None,
    ) -> T:
        for address in self._rest.addresses:
            await loopback_only(address, f"{method} {path[:60]}")
        return await self._rest._signed(
            method, path, body=body, form=form, urgent=urgent, patience_s=patience_s, withheld=withheld
        )
