"""The signed REST endpoints: accounts, wallets, fees, orders and history.

Decided here: batches never fail as a whole. Transfers and withdrawals are refused, always: the simulator moves no
money in or out. A cancel-all that names its symbols in the singular is refused instead of cancelling everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from polotui.simulator import shapes
from polotui.simulator.accounts import Account, KillSwitch
from polotui.simulator.candles import DAY
from polotui.simulator.exchange import Exchange, Later, Timer
from polotui.simulator.http import Request
from polotui.simulator.matching import SIDES
from polotui.simulator.orders import Order, UserFill
from polotui.simulator.refusals import Refusal, invalid, missing
from polotui.simulator.routes import Routes, number, words
from polotui.simulator.units import plain

Row = TypeVar("Row")
_LIGHT, _HEAVY = "private_light", "private_heavy"


class PrivateRoutes:
    """What a signed-in user may ask and do."""

    def __init__(self, exchange: Exchange, later: Later) -> None:
        self._exchange = exchange
        self._later = later
        self._switches: dict[str, Timer] = {}

    def register(self, routes: Routes) -> None:
        for method, path, handler, limit in (
            ("GET", "/accounts", self.accounts, _LIGHT),
            ("GET", "/accounts/balances", self.balances, _LIGHT),
            ("GET", "/accounts/*/balances", self.account_balances, _LIGHT),
            ("GET", "/accounts/activity", self.empty_list, _HEAVY),
            ("GET", "/accounts/interest/history", self.empty_list, _HEAVY),
            ("POST", "/accounts/transfer", self.no_transfer, _LIGHT),
            ("GET", "/accounts/transfer", self.empty_list, _HEAVY),
            ("GET", "/accounts/transfer/*", self.no_such_transfer, _LIGHT),
            ("GET", "/feeinfo", self.fees, _HEAVY),
            ("GET", "/subaccounts", self.subaccounts, _LIGHT),
            ("GET", "/subaccounts/balances", self.subaccount_balances, _HEAVY),
            ("GET", "/subaccounts/*/balances", self.subaccount_balances, _LIGHT),
            ("POST", "/subaccounts/transfer", self.no_permission, _HEAVY),
            ("GET", "/subaccounts/transfer", self.empty_list, _HEAVY),
            ("GET", "/subaccounts/transfer/*", self.no_such_transfer, _LIGHT),
            ("GET", "/wallets/addresses", self.empty_object, _HEAVY),
            ("GET", "/wallets/activity", self.wallet_activity, _HEAVY),
            ("POST", "/wallets/address", self.no_permission, _HEAVY),
            ("POST", "/wallets/withdraw", self.no_withdrawal, _HEAVY),
            ("POST", "/v2/wallets/withdraw", self.no_withdrawal, _HEAVY),
            ("GET", "/margin/accountMargin", self.margin, _LIGHT),
            ("GET", "/margin/borrowStatus", self.empty_list, _LIGHT),
            ("GET", "/margin/maxSize", self.max_size, _LIGHT),
            ("POST", "/orders", self.create, _LIGHT),
            ("POST", "/orders/batch", self.create_batch, _HEAVY),
            ("GET", "/orders", self.open_orders, _HEAVY),
            ("GET", "/orders/history", self.history, _HEAVY),
            ("POST", "/orders/killSwitch", self.kill_switch, _LIGHT),
            ("GET", "/orders/killSwitchStatus", self.kill_switch_status, _LIGHT),
            ("GET", "/orders/*", self.order, _LIGHT),
            ("PUT", "/orders/*", self.replace, _HEAVY),
            ("DELETE", "/orders/cancelByIds", self.cancel_many, _HEAVY),
            ("DELETE", "/orders/*", self.cancel, _LIGHT),
            ("DELETE", "/orders", self.cancel_all, _HEAVY),
            ("GET", "/orders/*/trades", self.order_trades, _LIGHT),
            ("GET", "/trades", self.trades, _HEAVY),
        ):
            routes.add(method, path, handler, limit, private=True)

    def stop(self) -> None:
        for timer in self._switches.values():
            timer.cancel()
        self._switches.clear()

    # Accounts

    def accounts(self, request: Request) -> object:
        return [{"accountId": request.user.account_id, "accountType": "SPOT", "accountState": "NORMAL"}]

    def balances(self, request: Request) -> object:
        if request.params.get("accountType", "SPOT").upper() != "SPOT":
            return []
        account, ids = request.user, shapes.currency_ids(self._exchange)
        rows = [
            shapes.balance_rest(currency, ids.get(currency, 999), balance.available, balance.hold)
            for currency, balance in sorted(account.balances.items())
            if balance.available or balance.hold
        ]
        return [{"accountId": account.account_id, "accountType": "SPOT", "balances": rows}]

    def account_balances(self, request: Request) -> object:
        if request.parts[0] != request.user.account_id:
            raise Refusal(21600)
        return self.balances(request)

    def fees(self, request: Request) -> object:
        config = self._exchange.config
        return {
            "trxDiscount": False,
            "makerRate": plain(config.maker_rate),
            "takerRate": plain(config.taker_rate),
            "volume30D": "0",
            "specialFeeRates": [],
        }

    def subaccounts(self, request: Request) -> object:
        row = {"accountName": "primary", "accountState": "NORMAL", "isPrimary": "true"}
        return [{"accountId": request.user.account_id, **row}]

    def subaccount_balances(self, request: Request) -> object:
        account = request.user
        if request.parts and request.parts[0] != account.account_id:
            raise Refusal(21600)
        rows = [
            {
                "currency": currency,
                "available": plain(balance.available),
                "hold": plain(balance.hold),
                "maxAvailable": plain(balance.available),
            }
            for currency, balance in sorted(account.balances.items())
        ]
        head = {"accountId": account.account_id, "accountName": "primary", "accountType": "SPOT", "isPrimary": "true"}
        return [head | {"balances": rows}]

    def margin(self, request: Request) -> object:
        zero = dict.fromkeys(("totalMargin", "usedMargin", "freeMargin", "maintenanceMargin"), "0")
        now = self._exchange.time.wall_ms()
        return {"totalAccountValue": "0", **zero, "marginRatio": "999", "time": now}

    def max_size(self, request: Request) -> object:
        market, account = self._exchange.market(request.params.get("symbol")), request.user
        buy = plain(account.balance(market.spec.quote).available)
        sell = plain(account.balance(market.spec.base).available)
        sizes = {"availableBuy": buy, "maxAvailableBuy": buy, "availableSell": sell, "maxAvailableSell": sell}
        return {"symbol": market.symbol, "maxLeverage": 1, **sizes}

    def empty_list(self, request: Request) -> object:
        return []

    def empty_object(self, request: Request) -> object:
        return {}

    def wallet_activity(self, request: Request) -> object:
        for name in ("start", "end"):
            if name not in request.params:
                raise missing(name)
        kind = request.params.get("activityType")
        return {kind: []} if kind else {"deposits": [], "withdrawals": []}

    def no_transfer(self, request: Request) -> object:
        raise Refusal(250004)

    def no_such_transfer(self, request: Request) -> object:
        raise Refusal(601, "Invalid parameter: transferId")

    def no_permission(self, request: Request) -> object:
        raise Refusal(250020)

    def no_withdrawal(self, request: Request) -> object:
        raise Refusal(403, "Permission to withdraw denied.", status=403)

    # Orders

    def create(self, request: Request) -> object:
        return _accepted(self._exchange.place(request.user, request.json_object()))

    def create_batch(self, request: Request) -> object:
        items = request.json()
        if not isinstance(items, list) or not items:
            raise invalid("orders")
        if len(items) > 20:
            raise invalid("orders: at most 20")

        def one(item: object) -> object:
            if not isinstance(item, dict):
                raise invalid("order")
            return _accepted(self._exchange.place(request.user, item))

        return [_inline(one, item) for item in items]

    def replace(self, request: Request) -> object:
        return _accepted(self._exchange.replace_order(request.user, request.parts[0], request.json_object()))

    def open_orders(self, request: Request) -> object:
        params = request.params
        symbol, side = params.get("symbol", "").upper(), params.get("side", "").upper()
        rows = [
            order
            for order in reversed(request.user.open.values())
            if symbol in ("", order.spec.symbol) and side in ("", SIDES[order.terms.side])
        ]
        limit = number(params, "limit", 2000, code=21345, low=1)
        return [order.rest(listing=True) for order in _page(rows, params, lambda order: order.id)[:limit]]

    def order(self, request: Request) -> object:
        return self._exchange.find_order(request.user, request.parts[0]).rest()

    def cancel(self, request: Request) -> object:
        return _cancelled(self._exchange.request_cancel(request.user, request.parts[0]))

    def cancel_many(self, request: Request) -> object:
        body = request.json_object()
        plain_ids = words(body.get("orderIds")) or []
        client_ids = words(body.get("clientOrderIds")) or []
        if not plain_ids and not client_ids:
            raise missing("orderIds")

        def one(item: object) -> object:
            return _cancelled(self._exchange.request_cancel(request.user, str(item)))

        rows = []
        for reference in [*plain_ids, *(f"cid:{name}" for name in client_ids)]:
            row = _inline(one, reference)
            if isinstance(row, dict) and "orderId" not in row:
                name = reference[4:] if reference.startswith("cid:") else ""
                row |= {"orderId": "" if name else reference, "clientOrderId": name, "state": ""}
            rows.append(row)
        return rows

    def cancel_all(self, request: Request) -> object:
        body = request.json_object()
        for singular in ("symbol", "accountType"):
            if singular in body:
                raise invalid(singular)
        return [
            _cancelled(order) for order in self._exchange.request_cancel_all(request.user, words(body.get("symbols")))
        ]

    # The dead-man switch

    def kill_switch(self, request: Request) -> object:
        timeout = number(request.json_object(), "timeout", 0, low=-1)
        account, now = request.user, self._exchange.time.wall_ms()
        if timeout != -1 and not 10 <= timeout <= 600:
            raise invalid("timeout")
        old = self._switches.pop(account.key, None)
        if old is not None:
            old.cancel()
        if timeout == -1:
            account.kill_switch = None
            return {"startTime": now, "cancellationTime": now}
        account.kill_switch = KillSwitch(now, now + timeout * 1000)
        self._switches[account.key] = self._later(timeout, lambda: self._expired(account))
        return {"startTime": now, "cancellationTime": now + timeout * 1000}

    def kill_switch_status(self, request: Request) -> object:
        switch = request.user.kill_switch
        if switch is None:
            raise Refusal(25020)
        return {"startTime": str(switch.start_ms), "cancellationTime": str(switch.cancel_ms)}

    def _expired(self, account: Account) -> None:
        account.kill_switch = None
        self._switches.pop(account.key, None)
        self._exchange.cancel_everything(account)

    # History

    def history(self, request: Request) -> object:
        params = request.params
        states, types = words(params.get("states")), words(params.get("types") or params.get("type"))
        symbol, side = params.get("symbol", "").upper(), params.get("side", "").upper()
        hide = params.get("hideCancel", "").lower() == "true"
        start, end = self._span(params, 90)
        rows = [
            order
            for order in reversed(request.user.orders.values())
            if not order.is_open
            and symbol in ("", order.spec.symbol)
            and side in ("", SIDES[order.terms.side])
            and (states is None or order.state in states)
            and (types is None or order.terms.type in types)
            and not (hide and order.state == "CANCELED")
            and start <= order.created_ms <= end
        ]
        limit = min(1000, number(params, "limit", 100, code=21345, low=1))
        return [order.rest() for order in _page(rows, params, lambda order: order.id)[:limit]]

    def order_trades(self, request: Request) -> object:
        order = self._exchange.find_order(request.user, request.parts[0])
        return [fill.rest() for fill in reversed(request.user.fills) if fill.order is order]

    def trades(self, request: Request) -> object:
        params = request.params
        symbols = words(params.get("symbols") or params.get("symbol"))
        start, end = self._span(params, 90)
        rows = [
            fill
            for fill in reversed(request.user.fills)
            if (symbols is None or fill.order.spec.symbol in symbols) and start <= fill.created_ms <= end
        ]
        limit = min(1000, number(params, "limit", 100, code=21345, low=1))
        return [fill.rest() for fill in _page(rows, params, _page_id)[:limit]]

    @staticmethod
    def _span(params: Mapping[str, str], days: int) -> tuple[int, int]:
        start = number(params, "startTime", 0)
        end = number(params, "endTime", 0)
        if start and end and end - start > days * DAY:
            raise Refusal(21355)
        if start and not end:
            end = start + 7 * DAY
        if end and not start:
            start = end - 7 * DAY
        return start, end or 2**62


def _page_id(fill: UserFill) -> int:
    return fill.page_id


def _page(rows: Iterable[Row], params: Mapping[str, str], key: Callable[[Row], int]) -> list[Row]:
    """Rows are newest first. `from` is an id; PRE goes to older ids than it, NEXT to newer ones."""
    start = number(params, "from", 0)
    if not start:
        return list(rows)
    if params.get("direction", "NEXT").upper() == "PRE":
        return [row for row in rows if key(row) < start]
    return [row for row in rows if key(row) > start][::-1]


def _accepted(order: Order) -> dict[str, object]:
    return {"id": str(order.id), "clientOrderId": order.terms.client_id}


def _cancelled(order: Order) -> dict[str, object]:
    identity = {"orderId": str(order.id), "clientOrderId": order.terms.client_id}
    return {**identity, "state": order.state, "code": 200, "message": ""}


def _inline(work: Callable[[object], object], item: object) -> object:
    """An element's result, or its refusal in its place."""
    try:
        return work(item)
    except Refusal as refusal:
        return {"code": refusal.number, "message": refusal.message, "clientOrderId": ""}
