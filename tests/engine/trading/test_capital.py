"""What an ended bot gives back, and when."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from polotui.engine.trading.capital import Capital
from polotui.trading.bot_rows import StoredBot

STORED = StoredBot(
    id=4, strategy="mine", version=1, params={}, symbols=("BTC_USDT",), timeframe="1h", account="paper/bot-4",
    capital=Decimal(1_000), state="stopped", reason="", started_ms=1, ended_ms=2,
)  # fmt: skip


class Desk:
    """As much of trading as giving back takes."""

    def __init__(self, cash: dict[str, Decimal], claimed: dict[str, Decimal], *, dust: bool) -> None:
        self.moved: list[tuple[str, Decimal]] = []
        self.portfolio = SimpleNamespace(cash=lambda account: cash, position=lambda account, symbol: symbol)
        self.gateway = SimpleNamespace(blotter=SimpleNamespace(holds=lambda account: claimed))
        self.chance = SimpleNamespace(token=lambda length: "t")
        self.is_dust = lambda position: dust

    async def move(self, id: str, account: str, root: str, currency: str, amount: Decimal, *words: Any) -> None:
        self.moved.append((currency, amount))


async def given_back(cash: dict[str, Decimal], claimed: dict[str, Decimal], *, dust: bool) -> list[tuple[str, Decimal]]:
    desk = Desk(cash, claimed, dust=dust)
    await Capital(desk).release(STORED)  # type: ignore[arg-type]
    return desk.moved


async def test_money_comes_back_and_coins_that_cannot_be_sold() -> None:
    cash = {"USDT": Decimal("99.5"), "BTC": Decimal("0.000013")}
    assert await given_back(cash, {}, dust=True) == [("USDT", Decimal("99.5")), ("BTC", Decimal("0.000013"))]
    assert await given_back(cash, {}, dust=False) == [("USDT", Decimal("99.5"))]


async def test_what_an_open_order_claims_stays_until_its_end() -> None:
    """A sale filled in two parts: between them the rest looked like dust, was given back, and the second part sold what
    the account had no more."""
    cash = {"USDT": Decimal("99.5"), "BTC": Decimal("0.000013")}
    assert await given_back(cash, {"BTC": Decimal("0.000013")}, dust=True) == [("USDT", Decimal("99.5"))]
    assert await given_back(cash, {"USDT": Decimal(50)}, dust=True) == [("BTC", Decimal("0.000013"))]
