"""What the simulated exchange answers when it says no.

Decided here: a refusal is an exception that carries the number and the words of the protocol reference, and the
HTTP status it travels under. The exact status of a business refusal is not published; 400 is used and clients
are expected to look at the number. Messages that were never seen on the wire are plain descriptions of the code.
"""

from __future__ import annotations

from polotui.core.errors import ExchangeError

_TEXTS = {
    10040: "Invalid symbol",
    10041: "Symbol is frozen",
    21102: "Invalid currency",
    21301: "Order not exists",
    21309: "Price must be greater than 0",
    21312: "Client order id repeat",
    21314: "Too many open orders",
    21315: "Client order id too long",
    21317: "Amount must be greater than 0",
    21319: "Invalid side",
    21320: "Invalid type",
    21321: "Invalid timeInForce",
    21322: "Amount below minAmount",
    21324: "Invalid account type",
    21328: "Quantity must be greater than 0",
    21330: "Quantity below minQuantity",
    21335: "Price scale exceeded",
    21336: "Quantity scale exceeded",
    21337: "Amount scale exceeded",
    21340: "Platform in maintenance mode",
    21341: "Platform in post-only mode",
    21344: "Limit must be smaller",
    21345: "Limit must be greater than 0",
    21346: "Order id must be a long",
    21347: "Stop price must be greater than 0",
    21349: "Order value too large",
    21352: "Currency trade disabled",
    21355: "The interval between startTime and endTime is too long",
    21359: "Order was already canceled or filled.",
    21360: "Order size exceeds the limit.Please enter a smaller amount and try again.",
    21600: "Account not found",
    21709: "Low available balance",
    21721: "available insufficient",
    24101: "Invalid symbol!",
    24102: "Invalid K-line type!",
    24103: "Invalid endTime!",
    24104: "Invalid limit!",
    24105: "Invalid startTime!",
    24106: "Invalid market depth!",
    25001: "Invalid parameter",
    25014: "Smart orders not found",
    25020: "No active kill switch",
    250004: "Transfer not supported",
    250020: "No permission",
}


class Refusal(ExchangeError):
    """The exchange says no: `number` is the protocol's code, `status` the HTTP status."""

    code = "simulator-refusal"

    def __init__(self, number: int, message: str = "", *, status: int = 400, retry_after: int | None = None) -> None:
        self.number = number
        self.message = message or _TEXTS.get(number, "Refused")
        self.status = status
        self.retry_after = retry_after
        super().__init__(f"{number}: {self.message}", safe="Nothing was changed.")

    def body(self) -> dict[str, object]:
        return {"code": self.number, "message": self.message}


def missing(name: str) -> Refusal:
    return Refusal(602, f"Missing required parameter: {name}")


def invalid(name: str) -> Refusal:
    return Refusal(601, f"Invalid parameter: {name}")
