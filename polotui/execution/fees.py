"""What a fill costs and what remains of it.

Poloniex takes the fee in what is received: of a buy in the coin, of a sell in the quote currency. Leveraged positions
and shorts pay in the quote currency. `in_received` switches the first rule off, for comparison with engines that do not
know it.
"""

from __future__ import annotations


def buy_receives(quantity: float, fee: float, in_received: bool) -> float:
    """Coins that arrive when `quantity` is bought."""
    return quantity * (1.0 - fee) if in_received else quantity


def buy_costs(quantity: float, price: float, fee: float, in_received: bool) -> float:
    """Quote currency that leaves when `quantity` is bought."""
    return quantity * price if in_received else quantity * price * (1.0 + fee)


def sell_receives(quantity: float, price: float, fee: float) -> float:
    """Quote currency that arrives when `quantity` is sold."""
    return quantity * price * (1.0 - fee)


def fee_value(quantity: float, price: float, fee: float) -> float:
    """The fee of a fill in the quote currency, whatever it is taken in."""
    return quantity * price * fee


def affordable(cash: float, price: float, fee: float, in_received: bool) -> float:
    """The largest quantity that `cash` buys at `price`."""
    return cash / price if in_received else cash / (price * (1.0 + fee))
