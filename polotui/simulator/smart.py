"""Conditional orders: they wait outside the book and become ordinary orders when a trade reaches their price.

Decided here: the last trade price triggers. A stop triggers when the price crosses it from the side it was on when
the order was placed, unless `operator` says otherwise. A trailing stop follows the best price since its activation
by its offset. No money is held before the trigger; a trigger that cannot be paid for ends FAILED. Cancels are
CANCELED at once, not in two steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from polotui.simulator.accounts import Account
from polotui.simulator.exchange import Exchange
from polotui.simulator.http import Request
from polotui.simulator.market import Market
from polotui.simulator.orders import Order
from polotui.simulator.refusals import Refusal, invalid
from polotui.simulator.routes import Routes, number, words
from polotui.simulator.rules import check_client_id, check_order
from polotui.simulator.units import exact, parse, plain, whole

_TYPES = frozenset({"STOP", "STOP_LIMIT", "TRAILING_STOP", "TRAILING_STOP_LIMIT"})
_KEPT = 5_000


@dataclass(slots=True, eq=False)
class SmartOrder:
    """One conditional order."""

    id: int
    account: Account
    market: Market
    given: dict[str, Any]
    type: str
    side: str
    client_id: str
    created_ms: int
    stop: Decimal | None
    rising: bool
    active: bool
    best: Decimal
    state: str = "PENDING_NEW"
    updated_ms: int = 0
    triggered: Order | None = None

    def row(self) -> dict[str, object]:
        row: dict[str, object] = {
            "id": str(self.id),
            "clientOrderId": self.client_id,
            "symbol": self.market.symbol,
            "state": self.state,
            "accountType": "SPOT",
            "side": self.side,
            "type": self.type,
            "timeInForce": str(self.given.get("timeInForce") or "GTC").upper(),
            "createTime": self.created_ms,
            "updateTime": self.updated_ms,
        }
        row |= {name: str(self.given.get(name) or "0") for name in ("quantity", "price", "amount", "stopPrice")}
        if self.type.startswith("TRAILING"):
            row |= {name: str(self.given.get(name) or "") for name in ("trailingOffset", "limitOffset", "operator")}
            row["activationPrice"] = row["stopPrice"]
        if self.triggered is not None:
            row["triggeredOrder"] = self.triggered.rest()
        return row


class SmartOrders:
    """All conditional orders, and their endpoints."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._orders: dict[int, SmartOrder] = {}
        self._pending: dict[str, dict[int, SmartOrder]] = {}
        exchange.after_trade.append(self._after_trade)
        exchange.cancel_everything_hooks.append(self._cancel_all_of)

    def register(self, routes: Routes) -> None:
        light, heavy = "private_light", "private_heavy"
        for method, path, handler, limit in (
            ("POST", "/smartorders", self.create, light),
            ("GET", "/smartorders", self.pending, heavy),
            ("GET", "/smartorders/history", self.history, heavy),
            ("GET", "/smartorders/*", self.one, light),
            ("PUT", "/smartorders/*", self.replace, heavy),
            ("DELETE", "/smartorders/cancelByIds", self.cancel_many, heavy),
            ("DELETE", "/smartorders/*", self.cancel, light),
            ("DELETE", "/smartorders", self.cancel_all, heavy),
        ):
            routes.add(method, path, handler, limit, private=True)

    # Endpoints

    def create(self, request: Request) -> object:
        order = self._place(request.user, request.json_object())
        return {"id": str(order.id), "clientOrderId": order.client_id}

    def pending(self, request: Request) -> object:
        kinds = words(request.params.get("types"))
        limit = number(request.params, "limit", 100, low=1)
        return [
            order.row()
            for order in self._of(request.user)
            if order.state == "PENDING_NEW" and (kinds is None or order.type in kinds)
        ][:limit]

    def history(self, request: Request) -> object:
        limit = number(request.params, "limit", 100, low=1)
        return [order.row() for order in self._of(request.user) if order.state != "PENDING_NEW"][:limit]

    def one(self, request: Request) -> object:
        return [self._find(request.user, request.parts[0]).row()]

    def replace(self, request: Request) -> object:
        old = self._find(request.user, request.parts[0])
        self._cancel(old)
        given = {name: value for name, value in old.given.items() if name != "clientOrderId"}
        order = self._place(request.user, given | request.json_object() | {"symbol": old.market.symbol})
        return {"id": str(order.id), "clientOrderId": order.client_id}

    def cancel(self, request: Request) -> object:
        order = self._find(request.user, request.parts[0])
        self._cancel(order)
        return _cancelled(order)

    def cancel_many(self, request: Request) -> object:
        body = request.json_object()
        references = [*(words(body.get("orderIds")) or [])]
        references += [f"cid:{name}" for name in words(body.get("clientOrderIds")) or []]
        rows: list[object] = []
        for reference in references:
            try:
                order = self._find(request.user, reference)
                self._cancel(order)
                rows.append(_cancelled(order))
            except Refusal as refusal:
                rows.append({"orderId": reference, "clientOrderId": "", "state": ""} | refusal.body())
        return rows

    def cancel_all(self, request: Request) -> object:
        body = request.json_object()
        symbols, kinds = words(body.get("symbols")), words(body.get("orderTypes"))
        chosen = [
            order
            for order in self._of(request.user)
            if order.state == "PENDING_NEW"
            and (symbols is None or order.market.symbol in symbols)
            and (kinds is None or order.type in kinds)
        ]
        for order in chosen:
            self._cancel(order)
        return [_cancelled(order) for order in chosen]

    # Placing and finding

    def _place(self, account: Account, given: dict[str, Any]) -> SmartOrder:
        market = self._exchange.market(given.get("symbol"))
        kind = str(given.get("type") or ("STOP_LIMIT" if given.get("price") else "STOP")).upper()
        if kind not in _TYPES:
            raise Refusal(21320)
        side = str(given.get("side") or "").upper()
        client_id = check_client_id(given.get("clientOrderId"))
        if client_id and any(order.client_id == client_id for order in self._of(account)):
            raise Refusal(25004)
        trailing = kind.startswith("TRAILING")
        stop = self._stop_price(market, given, needed=not trailing)
        if trailing and _offset(given.get("trailingOffset"), Decimal(1)) is None:
            raise invalid("trailingOffset")
        if kind == "TRAILING_STOP_LIMIT" and _offset(given.get("limitOffset"), Decimal(1)) is None:
            raise invalid("limitOffset")
        last = self._last(market)
        operator = str(given.get("operator") or "").upper()
        rising = operator == "GTE" if operator in ("GTE", "LTE") else stop is not None and stop > last
        order = SmartOrder(
            id=self._exchange.next_id(),
            account=account,
            market=market,
            given=dict(given),
            type=kind,
            side=side,
            client_id=client_id,
            created_ms=self._exchange.time.now_ms(),
            stop=stop,
            rising=rising,
            active=trailing and stop is None,
            best=last,
        )
        check_order(market.spec, self._terms(order, last))
        self._orders[order.id] = order
        self._pending.setdefault(market.symbol, {})[order.id] = order
        self._forget_old()
        return order

    @staticmethod
    def _stop_price(market: Market, given: Mapping[str, Any], *, needed: bool) -> Decimal | None:
        value = given.get("stopPrice")
        if value in (None, "", "0"):
            if needed:
                raise Refusal(21347)
            return None
        stop = parse(value)
        if stop is None or stop <= 0:
            raise Refusal(21347)
        if whole(stop, market.spec.price_scale) is None:
            raise Refusal(21335)
        return stop

    def _find(self, account: Account, reference: str) -> SmartOrder:
        for order in self._of(account):
            if reference in (str(order.id), f"cid:{order.client_id}"):
                return order
        raise Refusal(25014)

    def _of(self, account: Account) -> list[SmartOrder]:
        """An account's, newest first."""
        return [order for order in reversed(self._orders.values()) if order.account is account]

    def _cancel(self, order: SmartOrder) -> None:
        if order.state != "PENDING_NEW":
            raise Refusal(25010, "Not allowed to cancel")
        self._end(order, "CANCELED")

    def _cancel_all_of(self, account: Account) -> None:
        for order in self._of(account):
            if order.state == "PENDING_NEW":
                self._end(order, "CANCELED")

    def _end(self, order: SmartOrder, state: str) -> None:
        order.state = state
        order.updated_ms = self._exchange.time.now_ms()
        self._pending.get(order.market.symbol, {}).pop(order.id, None)

    def _forget_old(self) -> None:
        if len(self._orders) > _KEPT:
            done = [order.id for order in self._orders.values() if order.state != "PENDING_NEW"]
            for order_id in done[: len(self._orders) - _KEPT]:
                del self._orders[order_id]

    # Triggering

    def _after_trade(self, market: Market) -> None:
        waiting = self._pending.get(market.symbol)
        if not waiting:
            return
        last = self._last(market)
        for order in list(waiting.values()):
            if order.state == "PENDING_NEW" and self._reached(order, last):
                self._end(order, "TRIGGERED")
                # A trade may be in the middle of a match; the new order waits for it to end.
                self._exchange.later(0.0, partial(self._fire, order))

    @staticmethod
    def _reached(order: SmartOrder, last: Decimal) -> bool:
        crossed = order.stop is not None and (last >= order.stop if order.rising else last <= order.stop)
        if not order.type.startswith("TRAILING"):
            return crossed
        if not order.active:
            order.active, order.best = crossed, last
            return False
        offset = _offset(order.given.get("trailingOffset"), order.best) or Decimal(0)
        if order.side == "SELL":
            order.best = max(order.best, last)
            return last <= order.best - offset
        order.best = min(order.best, last)
        return last >= order.best + offset

    def _fire(self, order: SmartOrder) -> None:
        try:
            order.triggered = self._exchange.place(
                order.account, self._terms(order, self._last(order.market)), source="SMART"
            )
        except Refusal:
            order.state = "FAILED"

    @staticmethod
    def _terms(order: SmartOrder, last: Decimal) -> dict[str, Any]:
        """The ordinary order that a trigger places."""
        terms = {"symbol": order.market.symbol, "side": order.side, "clientOrderId": order.client_id}
        for name in ("quantity", "amount", "timeInForce"):
            if order.given.get(name):
                terms[name] = order.given[name]
        if not order.type.endswith("LIMIT"):
            return terms | {"type": "MARKET"}
        price = order.given.get("price")
        if order.type == "TRAILING_STOP_LIMIT":
            offset = _offset(order.given.get("limitOffset"), last) or Decimal(0)
            moved = last - offset if order.side == "SELL" else last + offset
            price = plain(round(moved, order.market.spec.price_scale))
        return terms | {"type": "LIMIT", "price": price}

    @staticmethod
    def _last(market: Market) -> Decimal:
        return exact(market.last_price, market.spec.price_scale)


def _offset(value: object, base: Decimal) -> Decimal | None:
    """`5%` of the base, or an absolute distance."""
    if isinstance(value, str) and value.endswith("%"):
        part = parse(value[:-1])
        return None if part is None or part <= 0 else base * part / 100
    absolute = parse(value)
    return None if absolute is None or absolute <= 0 else absolute


def _cancelled(order: SmartOrder) -> dict[str, object]:
    identity = {"orderId": str(order.id), "clientOrderId": order.client_id}
    return {**identity, "state": order.state, "code": 200, "message": "SUCCESS"}
