"""The simulator's own endpoints, which no real exchange has: `/_simulator/...`.

    GET  /_simulator/state              symbols, accounts, counters, the fault plan
    POST /_simulator/faults             replaces the fault plan: a list of rules, or {"rules": [...]} ([] heals)
    POST /_simulator/maintenance        {"on": true, "hard": false}; hard answers every request with 503
    POST /_simulator/post-only          {"on": true}
    POST /_simulator/symbol             {"symbol": "BTC_USDT", "state": "PAUSE" | "NORMAL" | "POST_ONLY"}
    POST /_simulator/clock              {"skew_ms": 1500}
    POST /_simulator/reset-connections  {"kind": "all" | "public" | "private" | "http"}
    POST /_simulator/half-open          the same kinds: connections stay, nothing is sent or read any more
    POST /_simulator/snapshot           {"symbol": "BTC_USDT"}: an unsolicited book_lv2 snapshot
    POST /_simulator/skip-book-id       {"symbol": "BTC_USDT"}: the next update leaves a gap
    POST /_simulator/burst              {"messages": 100000, "symbol": "BTC_USDT", "channel": "book_lv2" | "trades"}
    POST /_simulator/deposit            {"key": "demo-key", "currency": "USDT", "amount": "100"}
    POST /_simulator/foreign-order      {"key": "demo-key", "order": {...}}: an order the client did not place

Decided here: they need no signature and answer only on a loopback address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from polotui.core.errors import ConfigError
from polotui.simulator.faults import parse_plan
from polotui.simulator.http import Request
from polotui.simulator.refusals import Refusal, invalid
from polotui.simulator.routes import Routes, number
from polotui.simulator.units import parse

if TYPE_CHECKING:
    from polotui.simulator.serve import Simulator

_KINDS = frozenset({"all", "public", "private", "http"})


class ControlRoutes:
    """Verbs for tests, benchmarks and demonstrations."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def register(self, routes: Routes) -> None:
        routes.add("GET", "/_simulator/state", self.state, "")
        for name, handler in (
            ("faults", self.faults),
            ("maintenance", self.maintenance),
            ("post-only", self.post_only),
            ("symbol", self.symbol),
            ("clock", self.clock),
            ("reset-connections", self.reset),
            ("half-open", self.half_open),
            ("snapshot", self.snapshot),
            ("skip-book-id", self.skip),
            ("burst", self.burst),
            ("deposit", self.deposit),
            ("foreign-order", self.foreign_order),
        ):
            routes.add("POST", f"/_simulator/{name}", handler, "")

    def state(self, request: Request) -> object:
        return self._simulator.state()

    def faults(self, request: Request) -> object:
        try:
            rules = parse_plan(request.json())
        except ConfigError as error:
            raise Refusal(400, error.cause, status=400) from error
        self._simulator.faults.load(rules)
        return {"rules": len(rules)}

    def maintenance(self, request: Request) -> object:
        body = request.json_object()
        self._simulator.hard_maintenance = bool(body.get("on")) and bool(body.get("hard"))
        self._simulator.exchange.set_maintenance(bool(body.get("on")))
        return {"maintenance": bool(body.get("on"))}

    def post_only(self, request: Request) -> object:
        exchange = self._simulator.exchange
        exchange.post_only = bool(request.json_object().get("on"))
        exchange.watcher.mode_changed()
        return {"post_only": exchange.post_only}

    def symbol(self, request: Request) -> object:
        body = request.json_object()
        state = body.get("state")
        if state not in ("NORMAL", "PAUSE", "POST_ONLY"):
            raise invalid("state")
        self._simulator.exchange.set_state(str(body.get("symbol")), str(state))
        return {"symbol": body.get("symbol"), "state": state}

    def clock(self, request: Request) -> object:
        value = request.json_object().get("skew_ms")
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid("skew_ms")
        self._simulator.exchange.time.skew_ms = value
        return {"skew_ms": value}

    def reset(self, request: Request) -> object:
        return {"reset": self._simulator.reset_connections(self._kind(request), besides=request)}

    def half_open(self, request: Request) -> object:
        return {"half_open": self._simulator.half_open(self._kind(request), besides=request)}

    def snapshot(self, request: Request) -> object:
        market = self._simulator.exchange.market(request.json_object().get("symbol"))
        self._simulator.streams.book_replaced(market)
        return {"id": market.book_id}

    def skip(self, request: Request) -> object:
        market = self._simulator.exchange.market(request.json_object().get("symbol"))
        market.book_id += 1
        return {"id": market.book_id}

    def burst(self, request: Request) -> object:
        body = request.json_object()
        market = self._simulator.exchange.market(body.get("symbol", next(iter(self._simulator.exchange.markets))))
        channel = str(body.get("channel", "book_lv2"))
        if channel not in ("book_lv2", "trades"):
            raise invalid("channel")
        self._simulator.burst.start(market, channel, number(body, "messages", 10_000, low=1))
        return {"started": True}

    def deposit(self, request: Request) -> object:
        body = request.json_object()
        amount = parse(body.get("amount"))
        account = self._simulator.exchange.ledger.accounts.get(str(body.get("key", "demo-key")))
        if amount is None or account is None:
            raise invalid("amount" if amount is None else "key")
        self._simulator.exchange.deposit(account, str(body.get("currency", "USDT")).upper(), amount)
        return {"deposited": str(amount)}

    def foreign_order(self, request: Request) -> object:
        body = request.json_object()
        account = self._simulator.exchange.ledger.accounts.get(str(body.get("key", "demo-key")))
        given = body.get("order")
        if account is None or not isinstance(given, dict):
            raise invalid("key" if account is None else "order")
        order = self._simulator.exchange.place(account, msgspec.to_builtins(given), source="WEB")
        return {"id": str(order.id)}

    @staticmethod
    def _kind(request: Request) -> str:
        kind = request.json_object().get("kind", "all")
        if kind not in _KINDS:
            raise invalid("kind")
        return str(kind)
