"""What an order asks for, the states it goes through, and what a venue did with it. Exact decimals throughout.

Decided here:
* The terms of an order never change; a changed wish is a new order. Its id is ours, is the client id at the venue, and
  begins with `OWN`, so that whose order it is can be told from the id alone.
* A fill is never refused because of a state: evidence may come in any order. `LEGAL` is for our own moves.
* UNKNOWN is a state, not an error: what the venue did not answer may have happened.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

#: How the client id of every order of ours begins.
OWN = "pt-"


class OrderState(StrEnum):
    """Where an order stands."""

    DRAFT = "DRAFT"
    RISK_DENIED = "RISK_DENIED"
    SUBMITTING = "SUBMITTING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


_S = OrderState
FINAL = frozenset({_S.RISK_DENIED, _S.REJECTED, _S.FILLED, _S.CANCELLED, _S.EXPIRED})
_RESULTS = frozenset({_S.PARTIAL, _S.FILLED, _S.CANCELLING, _S.CANCELLED, _S.EXPIRED})
#: From each state, those that may follow.
LEGAL: dict[OrderState, frozenset[OrderState]] = {
    _S.DRAFT: frozenset({_S.RISK_DENIED, _S.SUBMITTING}),
    _S.SUBMITTING: frozenset({_S.ACCEPTED, _S.REJECTED, _S.UNKNOWN}) | _RESULTS,
    _S.UNKNOWN: frozenset({_S.ACCEPTED, _S.REJECTED}) | _RESULTS,
    _S.ACCEPTED: _RESULTS | {_S.UNKNOWN},
    _S.PARTIAL: _RESULTS | {_S.UNKNOWN},
    _S.CANCELLING: frozenset({_S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.UNKNOWN, _S.ACCEPTED}),
    # A fill that comes after its order's end is evidence too.
    _S.CANCELLED: frozenset({_S.PARTIAL, _S.FILLED}),
    _S.EXPIRED: frozenset({_S.PARTIAL, _S.FILLED}),
    _S.RISK_DENIED: frozenset(),
    _S.REJECTED: frozenset({_S.ACCEPTED}) | _RESULTS,
    _S.FILLED: frozenset(),
}


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """STOP sends a market order when its trigger is reached; OCO holds a stop and a target, one of which ends both."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP = "STOP"
    OCO = "OCO"


class Purpose(StrEnum):
    """Why an order exists. All but the first three only reduce."""

    ENTRY = "entry"
    ADD = "add"
    MANUAL = "manual"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"
    PROTECT = "protect"
    FLATTEN = "flatten"


#: Purposes that take no new risk.
REDUCING = frozenset({Purpose.EXIT, Purpose.STOP, Purpose.TARGET, Purpose.PROTECT, Purpose.FLATTEN})


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. Quantities in the base currency, `amount` in the quote currency, prices in quote per base.

    A market buy names its `amount`, every other order its `quantity`. `stop` is the trigger of a STOP or an OCO,
    `target` the limit of an OCO. `expire_ms` 0: until cancelled. `account` is `paper`, `spot`, or one below it that
    belongs to a bot (`paper/bot-3`); `bot` 0 is an order by hand. `late_ms`: when the stop was crossed that this order
    can only carry out now; 0 for all others.
    """

    id: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    purpose: Purpose
    created_ms: int
    bot: int = 0
    quantity: Decimal | None = None
    amount: Decimal | None = None
    price: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    time_in_force: str = "GTC"
    expire_ms: int = 0
    reason: str = ""
    signal: str = ""
    parent: str = ""
    late_ms: int = 0

    @property
    def reduces(self) -> bool:
        return self.purpose in REDUCING


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of an order at a venue. `id` is the venue's, unique for one venue; the fee is taken in
    `fee_currency`; `at_ms` is the venue's time. `late_ms` is when a stop was crossed that could only be carried out
    now; 0 for all others."""

    id: str
    order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    at_ms: int
    late_ms: int = 0

    @property
    def amount(self) -> Decimal:
        return self.price * self.quantity


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's word on an order. `state` is ACCEPTED, REJECTED or UNKNOWN, and for a lookup any state that the venue
    knows; `code` and `words` are its own. `absent`: the venue says for good that there is no such order."""

    state: OrderState
    venue_id: str = ""
    code: str = ""
    words: str = ""
    absent: bool = False
