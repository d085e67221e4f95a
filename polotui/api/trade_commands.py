"""The use cases of paper trading and orders.

An id of an account is `paper`, `spot`, or one below it that a bot owns (`paper/bot-3`). Amounts and prices are decimal
text. `caller` is filled in by faces with who asks (user, terminal), for the audit.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from polotui.api import replies as r
from polotui.api import trade_replies as tr
from polotui.api.command import Command, Role

# Bots


class ListBots(Command, tag="bots", frozen=True, kw_only=True):
    """Bots, running ones first. `ended` lists those that have stopped as well."""

    reply: ClassVar[type] = tr.Bots
    ended: bool = False


class PlanBot(Command, tag="bot-plan", frozen=True, kw_only=True):
    """What StartBot would do with the same words, and what stands against it. Starts nothing."""

    reply: ClassVar[type] = tr.BotPlan
    strategy: str
    version: int = 0
    symbols: list[str] = []
    """Empty = those of the document."""
    timeframe: str = ""
    capital: str = ""
    """In quote currency; empty = what the document or the settings say."""
    params: dict[str, float] = {}
    venue: Literal["paper", "exchange"] = "paper"


class StartBot(Command, tag="bot-start", frozen=True, kw_only=True):
    """Starts a strategy version on symbols with capital. Refused with the list of what to mend."""

    reply: ClassVar[type] = tr.BotStarted
    role: ClassVar[Role] = "trader"
    strategy: str
    version: int = 0
    symbols: list[str] = []
    timeframe: str = ""
    capital: str = ""
    params: dict[str, float] = {}
    venue: Literal["paper", "exchange"] = "paper"
    caller: str = ""


class PauseBot(Command, tag="bot-pause", frozen=True, kw_only=True):
    """No new entries; positions stay protected. `resume` goes on."""

    reply: ClassVar[type] = tr.BotStarted
    role: ClassVar[Role] = "operator"
    bot: int
    resume: bool = False
    caller: str = ""


class StopBot(Command, tag="bot-stop", frozen=True, kw_only=True):
    """Ends a bot. `close` sells what it holds first; otherwise its positions stay, and stay protected, by hand."""

    reply: ClassVar[type] = tr.BotStarted
    role: ClassVar[Role] = "operator"
    bot: int
    close: bool = False
    caller: str = ""


class GetDrift(Command, tag="bot-drift", frozen=True, kw_only=True):
    """A bot's result against a backtest of the same span, the difference taken apart."""

    reply: ClassVar[type] = tr.Drift
    bot: int


# What trades


class GetPositions(Command, tag="positions", frozen=True, kw_only=True):
    """What is held, with marks, stops and targets."""

    reply: ClassVar[type] = tr.Positions
    account: str = "paper"
    bot: int = 0
    """0 = all."""


class ListOrders(Command, tag="orders", frozen=True, kw_only=True):
    """Orders, newest first. `open` only those that may still fill."""

    reply: ClassVar[type] = tr.Orders
    account: str = "paper"
    bot: int = -1
    open: bool = False
    symbol: str = ""
    id: str = ""
    """Only the order with this id, however old."""
    limit: int = 100
    before: str = ""


class ListFills(Command, tag="fills", frozen=True, kw_only=True):
    """Executions, newest first."""

    reply: ClassVar[type] = tr.Fills
    account: str = "paper"
    bot: int = -1
    """-1 = all, 0 = by hand."""
    order: str = ""
    limit: int = 100
    before: int = 0


class ListTrades(Command, tag="paper-trades", frozen=True, kw_only=True):
    """Closed trades, newest first."""

    reply: ClassVar[type] = tr.Trades
    account: str = "paper"
    bot: int = -1
    strategy: str = ""
    symbol: str = ""
    from_ms: int = 0
    to_ms: int = 0
    limit: int = 200
    before: int = 0


class ListSignals(Command, tag="signals", frozen=True, kw_only=True):
    """What rules asked for, and how each ended; newest first."""

    reply: ClassVar[type] = tr.Signals
    bot: int = 0
    symbol: str = ""
    state: str = ""
    id: str = ""
    """Only the signal with this id, however old."""
    limit: int = 100


class GetFeed(Command, tag="feed-history", frozen=True, kw_only=True):
    """What happened on the desk, newest first, before number `before` (0 = newest). Kinds empty = all of trading."""

    reply: ClassVar[type] = tr.Feed
    bot: int = -1
    kinds: list[str] = []
    symbol: str = ""
    limit: int = 100
    before: int = 0


class GetResults(Command, tag="paper-results", frozen=True, kw_only=True):
    """Profit by day, week or month (UTC), oldest first, ending `pages` periods of the chart before now."""

    reply: ClassVar[type] = tr.Results
    period: Literal["day", "week", "month"] = "day"
    bot: int = -1
    limit: int = 60
    before_ms: int = 0


class PlaceOrder(Command, tag="order-place", frozen=True, kw_only=True):
    """An order by hand. Goes through the gate like every other."""

    reply: ClassVar[type] = tr.OrderPlaced
    role: ClassVar[Role] = "trader"
    symbol: str
    side: Literal["BUY", "SELL"]
    type: Literal["MARKET", "LIMIT", "LIMIT_MAKER", "STOP"] = "MARKET"
    account: str = "paper"
    quantity: str = ""
    amount: str = ""
    price: str = ""
    stop: str = ""
    """Trigger of a STOP order; for an entry the stop that protects it afterwards."""
    target: str = ""
    time_in_force: Literal["GTC", "IOC", "FOK"] = "GTC"
    expire_s: int = 0
    confirmed: bool = False
    note: str = ""
    caller: str = ""


class AssessOrder(Command, tag="order-assess", frozen=True, kw_only=True):
    """What would happen to an order: the gate's decision and its cost. Sends nothing."""

    reply: ClassVar[type] = tr.Assessed
    symbol: str
    side: Literal["BUY", "SELL"]
    type: Literal["MARKET", "LIMIT", "LIMIT_MAKER", "STOP"] = "MARKET"
    account: str = "paper"
    quantity: str = ""
    amount: str = ""
    price: str = ""
    stop: str = ""
    target: str = ""
    strategy: str = ""
    confirmed: bool = False


class CancelOrder(Command, tag="order-cancel", frozen=True, kw_only=True):
    """Asks to cancel. Passes in every state of the desk."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    order: str = ""
    all: bool = False
    symbol: str = ""
    caller: str = ""


class ClosePosition(Command, tag="position-close", frozen=True, kw_only=True):
    """Sells a position at the market, through the gate."""

    reply: ClassVar[type] = tr.OrderPlaced
    role: ClassVar[Role] = "trader"
    account: str
    symbol: str
    caller: str = ""


class EditProtection(Command, tag="position-edit", frozen=True, kw_only=True):
    """Moves stop and target of a position. "" leaves one as it is, "none" takes it away."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "trader"
    account: str
    symbol: str
    stop: str = ""
    target: str = ""
    caller: str = ""


class ResolveOrder(Command, tag="order-resolve", frozen=True, kw_only=True):
    """A person says what became of an UNKNOWN order, with a note for the audit."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "trader"
    order: str
    state: Literal["CANCELLED", "REJECTED"]
    note: str
    caller: str = ""


class GetProtection(Command, tag="protect-status", frozen=True, kw_only=True):
    """The stop and target monitor: what it watches, how old its prices are, its worst latency."""

    reply: ClassVar[type] = tr.Protections


class SetProtection(Command, tag="protect-set", frozen=True, kw_only=True):
    """Stops the monitor (typed word needed; entries are blocked and it alerts) or starts it again."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "trader"
    running: bool
    words: str = ""
    caller: str = ""


# The journal


class GetJournal(Command, tag="journal", frozen=True, kw_only=True):
    """Closed trades and notes together, newest first; a trade without a note has a row with id 0."""

    reply: ClassVar[type] = tr.Journal
    bot: int = -1
    strategy: str = ""
    tag: str = ""
    from_ms: int = 0
    to_ms: int = 0
    limit: int = 200


class AddNote(Command, tag="journal-note", frozen=True, kw_only=True):
    """A note and tags beside a trade (0 = of its own)."""

    reply: ClassVar[type] = r.Done
    role: ClassVar[Role] = "operator"
    trade: int = 0
    note: str
    tags: list[str] = []


AnyTradeCommand = (
    ListBots
    | PlanBot
    | StartBot
    | PauseBot
    | StopBot
    | GetDrift
    | GetPositions
    | ListOrders
    | ListFills
    | ListTrades
    | ListSignals
    | GetFeed
    | GetResults
    | PlaceOrder
    | AssessOrder
    | CancelOrder
    | ClosePosition
    | EditProtection
    | ResolveOrder
    | GetProtection
    | SetProtection
    | GetJournal
    | AddNote
)
