"""Which documents a bot can trade. A spot account holds coins: it can neither be short nor borrow."""

from __future__ import annotations

from polotui.strategy.document.bind import Bound, Grid


def unsupported(bound: Bound) -> str:
    """Why a document cannot run as a bot; "" when it can."""
    market = bound.document.market
    if market.direction != "long":
        return f"It trades {market.direction}, and a spot account cannot be short; set market.direction to long."
    if float(market.leverage) != 1.0:
        return f"It trades with leverage {market.leverage:g}, and a spot account does not borrow; set it to 1."
    if isinstance(bound.executor, Grid):
        return "A grid is not traded by this kind of bot."
    if bound.executor is not None and len(market.symbols) > 1:
        return f"A {bound.executor.kind} trades one symbol, and the document has {len(market.symbols)}."
    return ""
