"""A bot's money, as its account in the ledger has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polotui.model.money import ZERO
from polotui.model.symbols import base_and_quote

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading


class Purse:
    """A bot's money: the ledger's fold of its account."""

    def __init__(self, trading: Trading, account: str) -> None:
        self._portfolio = trading.portfolio
        self._account = account

    def cash(self) -> Any:
        return self._portfolio.cash(self._account).get("USDT", ZERO)

    def held(self, symbol: str) -> Any:
        return self._portfolio.cash(self._account).get(base_and_quote(symbol)[0], ZERO)
