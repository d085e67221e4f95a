"""An order as a person types it: `order place` and `risk assess` take the same words.

Decided here: the kind of order follows from what is given: a price after --limit makes it a limit order, one after
--trigger a stop order, neither a market order. Sizes and prices go to the engine as they were typed: it knows the
symbol's grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import typer

from polotui.cli.where import symbol_of
from polotui.core.errors import UsageError
from polotui.core.text import clean

NOTHING_SENT = "Nothing was sent."
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as BTC_USDT.")]
Side = Annotated[str, typer.Argument(metavar="buy|sell", help="buy or sell.")]
Amount = Annotated[str, typer.Option("--amount", metavar="X", help="How much in quote units: 100 USDT.")]
Quantity = Annotated[str, typer.Option("--quantity", metavar="X", help="How much in base units: 0.01 BTC.")]
Limit = Annotated[str, typer.Option("--limit", metavar="PRICE", help="A limit order at this price.")]
Maker = Annotated[bool, typer.Option("--maker", help="With --limit: only if it rests, never at once.")]
Trigger = Annotated[str, typer.Option("--trigger", metavar="PRICE", help="A stop order: sent when the price is here.")]
Stop = Annotated[str, typer.Option("--stop", metavar="PRICE", help="For an entry: the stop that protects it.")]
Target = Annotated[str, typer.Option("--target", metavar="PRICE", help="For an entry: where it is sold with profit.")]
Account = Annotated[str, typer.Option("--account", metavar="NAME", help="Such as paper, or paper/bot-3.")]
Confirmed = Annotated[
    bool, typer.Option("--confirmed", help="Yes, such a size is meant: for what the gate asks twice about.")
]


class TimeInForce(Enum):
    """How long an order rests."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


@dataclass(frozen=True)
class Ticket:
    """What was typed."""

    symbol: str
    side: str
    amount: str
    quantity: str
    limit: str
    maker: bool
    trigger: str
    stop: str
    target: str
    account: str
    confirmed: bool

    def terms(self) -> dict[str, Any]:
        """The fields that PlaceOrder and AssessOrder share. Raises UsageError for what is no order."""
        side = self.side.strip().upper()
        if side not in ("BUY", "SELL"):
            raise UsageError(f"{clean(self.side, 20)!r} is neither buy nor sell.", safe=NOTHING_SENT)
        if bool(self.amount.strip()) == bool(self.quantity.strip()):
            raise UsageError(
                "Say how much: either --amount (quote units) or --quantity (base units).", safe=NOTHING_SENT
            )
        return {
            "symbol": symbol_of(self.symbol),
            "side": side,
            "type": self._kind(),
            "account": self.account,
            "quantity": self.quantity,
            "amount": self.amount,
            "price": self.limit,
            "stop": self.trigger or self.stop,
            "target": self.target,
            "confirmed": self.confirmed,
        }

    def _kind(self) -> str:
        if self.trigger:
            for name, given in (("--limit", self.limit), ("--stop", self.stop), ("--target", self.target)):
                if given:
                    raise UsageError(f"--trigger makes a stop order; it takes no {name}.", safe=NOTHING_SENT)
            return "STOP"
        if self.maker and not self.limit:
            raise UsageError("--maker needs a price: --limit.", safe=NOTHING_SENT)
        return ("LIMIT_MAKER" if self.maker else "LIMIT") if self.limit else "MARKET"
