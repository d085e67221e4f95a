"""What a WebSocket client may say, and what it is answered.

Decided here: the socket stays open after every error. Channel names are read without regard to case, symbols are
echoed as sent. Subscribing twice is acknowledged again (the wire does so, against the documentation). The public
endpoint refuses private channels and the other way round. Trading over the socket answers with an array, bare
64-bit order numbers, and never fails as a whole because one element fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from polotui.simulator.auth import authenticate_socket
from polotui.simulator.exchange import Exchange
from polotui.simulator.orders import Order
from polotui.simulator.refusals import Refusal
from polotui.simulator.socket import Socket, text_frame
from polotui.simulator.streams import ALL, PRIVATE_CHANNELS, PUBLIC_CHANNELS, Streams, encode

_DEPTHS = (5, 10, 20)


class Session:
    """Reads the messages of all sockets."""

    def __init__(self, exchange: Exchange, streams: Streams) -> None:
        self._exchange = exchange
        self._streams = streams
        self._windows: dict[Socket, tuple[int, int]] = {}

    def forget(self, socket: Socket) -> None:
        self._windows.pop(socket, None)

    def hear(self, socket: Socket, words: str) -> None:
        """One message of a client."""
        if not self._within_limit(socket):
            self._error(socket, "Too many requests")
            return
        if words == "ping":
            self._say(socket, {"event": "pong"})
            return
        try:
            message = msgspec.json.decode(words)
        except msgspec.DecodeError:
            self._error(socket, f"Not JSON string：{words[:200]}")
            return
        if not isinstance(message, dict):
            self._error(socket, f"Not JSON string：{words[:200]}")
            return
        event = message.get("event")
        verbs: dict[object, Callable[[Socket, dict[str, Any]], None]] = {
            "ping": lambda socket, _: self._say(socket, {"event": "pong"}),
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "unsubscribe_all": self._unsubscribe_all,
            "list_subscriptions": lambda socket, _: self._say(socket, {"subscriptions": list(socket.topics)}),
            "createOrder": self._create,
            "cancelOrders": self._cancel,
            "cancelAllOrders": self._cancel_all,
        }
        verb = verbs.get(event) if isinstance(event, str) else None
        if verb is None:
            self._error(socket, f"Invalid event value [{event}]")
            return
        verb(socket, message)

    def _within_limit(self, socket: Socket) -> bool:
        second = int(self._exchange.time.monotonic())
        seen, count = self._windows.get(socket, (second, 0))
        count = count + 1 if seen == second else 1
        self._windows[socket] = (second, count)
        return count <= self._exchange.config.limits.websocket

    def _say(self, socket: Socket, message: object) -> None:
        socket.send(text_frame(encode(message)))

    def _error(self, socket: Socket, message: str) -> None:
        self._say(socket, {"message": message, "event": "error"})

    # Subscriptions

    def _subscribe(self, socket: Socket, message: dict[str, Any]) -> None:
        channels = _words(message.get("channel"))
        if socket.private and channels == ["auth"]:
            self._authenticate(socket, message)
            return
        wanted = self._checked_channels(socket, channels)
        if wanted is None:
            return
        # How else could a client that reconnects during maintenance learn of its end?
        if self._exchange.maintenance and not socket.private and wanted != ["exchange"]:
            self._error(socket, "Platform in maintenance mode")
            return
        if "book" in wanted and not self._take_depth(socket, message):
            return
        plan: list[tuple[str, list[str]]] = []
        for channel in wanted:
            names = self._names(socket, channel, message)
            if names is None:
                return
            plan.append((channel, names))
        for channel, _ in plan:
            self._acknowledge(socket, "subscribe", channel, message)
        for channel, names in plan:
            concrete = self._streams.subscribe(socket, channel, names)
            self._streams.greet(socket, channel, concrete)

    def _checked_channels(self, socket: Socket, channels: list[str]) -> list[str] | None:
        known = PRIVATE_CHANNELS if socket.private else PUBLIC_CHANNELS
        lowered = [channel.lower() for channel in channels]
        wrong = [channel for channel in lowered if channel not in known]
        if wrong or not lowered:
            self._error(socket, f"Invalid channel values {encode(wrong).decode()}")
            return None
        if socket.private and socket.account is None:
            self._error(socket, "User not logged in")
            return None
        return lowered

    def _take_depth(self, socket: Socket, message: dict[str, Any]) -> bool:
        depth = message.get("depth", 5)
        if depth not in _DEPTHS:
            self._error(socket, f"Invalid depth: {depth}")
            return False
        socket.depth = int(depth)
        return True

    def _names(self, socket: Socket, channel: str, message: dict[str, Any]) -> list[str] | None:
        """What a subscription is about, or None after an error frame."""
        if channel in ("exchange", "balances"):
            return [""]
        if channel == "currencies":
            return [word.upper() if word.lower() != ALL else ALL for word in _words(message.get("currencies"))] or [ALL]
        names = [word.upper() if word.lower() != ALL else ALL for word in _words(message.get("symbols"))]
        if channel == "book_lv2" and ALL in names:
            self._error(socket, "All symbols subscription is not allowed")
            return None
        valid = [name for name in names if name == ALL or name in self._exchange.markets]
        if not valid:
            self._error(socket, "no valid symbols")
            return None
        return valid

    def _acknowledge(self, socket: Socket, event: str, channel: str, message: dict[str, Any]) -> None:
        reply: dict[str, object] = {"event": event, "channel": channel}
        for name in ("symbols", "currencies"):
            if name in message and channel not in ("exchange", "balances"):
                reply[name] = message[name]
        self._say(socket, reply)

    def _unsubscribe(self, socket: Socket, message: dict[str, Any]) -> None:
        channels = self._checked_channels(socket, _words(message.get("channel")))
        if channels is None:
            return
        names = [word.upper() if word.lower() != ALL else ALL for word in _words(message.get("symbols"))]
        for channel in channels:
            self._streams.unsubscribe(socket, channel, names if channel not in ("exchange", "balances") else [])
            self._acknowledge(socket, "unsubscribe", channel, message)

    def _unsubscribe_all(self, socket: Socket, message: dict[str, Any]) -> None:
        self._streams.forget(socket)
        self._say(socket, {"event": "unsubscribe_all", "channel": ALL})

    def _authenticate(self, socket: Socket, message: dict[str, Any]) -> None:
        now = self._exchange.time.wall_ms()
        account = authenticate_socket(self._exchange.ledger.accounts, message.get("params"), now)
        data: dict[str, object] = {"success": account is not None}
        if account is None:
            data["message"] = "Authentication failed!"
        else:
            socket.account = account
        self._say(socket, {"data": data | {"ts": now}, "channel": "auth"})

    # Trading

    def _create(self, socket: Socket, message: dict[str, Any]) -> None:
        def work() -> list[dict[str, object]]:
            assert socket.account is not None
            order = self._exchange.place(socket.account, _params(message))
            return [_row(order.id, order.terms.client_id)]

        self._trade(socket, message, work)

    def _cancel(self, socket: Socket, message: dict[str, Any]) -> None:
        def work() -> list[dict[str, object]]:
            params = _params(message)
            references = [*_words(params.get("orderIds"))]
            references += [f"cid:{word}" for word in _words(params.get("clientOrderIds"))]
            return [self._cancel_one(socket, reference) for reference in references]

        self._trade(socket, message, work)

    def _cancel_all(self, socket: Socket, message: dict[str, Any]) -> None:
        def work() -> list[dict[str, object]]:
            assert socket.account is not None
            symbols = _words(_params(message).get("symbols"))
            orders = self._exchange.request_cancel_all(socket.account, symbols or None)
            return [_cancelled(order) for order in orders]

        self._trade(socket, message, work)

    def _cancel_one(self, socket: Socket, reference: str) -> dict[str, object]:
        assert socket.account is not None
        try:
            return _cancelled(self._exchange.request_cancel(socket.account, reference))
        except Refusal as refusal:
            client_id = reference[4:] if reference.startswith("cid:") else None
            number = int(reference) if reference.isascii() and reference.isdigit() else 0
            return _row(number, client_id, refusal.number, refusal.message)

    def _trade(self, socket: Socket, message: dict[str, Any], work: Callable[[], list[dict[str, object]]]) -> None:
        if not socket.private or socket.account is None:
            self._error(socket, "User not logged in")
            return
        try:
            data = work()
        except Refusal as refusal:
            # A lack of money is worded differently here than on REST.
            low = refusal.number == 21709
            number, words = (21721, "available insufficient") if low else (refusal.number, refusal.message)
            data = [_row(0, None, number, words)]
        self._say(socket, {"id": message.get("id"), "data": data})


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [str(item) for item in value if isinstance(item, str | int)]
    return []


def _params(message: dict[str, Any]) -> dict[str, Any]:
    params = message.get("params")
    return params if isinstance(params, dict) else {}


def _row(number: int, client_id: str | None, code: int = 200, words: str = "") -> dict[str, object]:
    return {"orderId": number, "clientOrderId": client_id, "message": words, "code": code}


def _cancelled(order: Order) -> dict[str, object]:
    return _row(order.id, order.terms.client_id) | {"state": order.state}
