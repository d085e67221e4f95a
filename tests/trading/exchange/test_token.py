"""The gate's proof covers one order, once, for two seconds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from polotui.core.clock import FrozenClock
from polotui.core.ids import Chance
from polotui.model.orders import OrderTerms, OrderType, Purpose, Side
from polotui.trading.exchange.token import Gate, Token, TokenRefused, terms_hash

TERMS = OrderTerms(
    id="pt-1",
    account="spot",
    symbol="BTC_USDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    purpose=Purpose.ENTRY,
    created_ms=1,
    quantity=Decimal("1.0"),
    price=Decimal("30000"),
)
CHANGES: dict[str, Any] = {
    "id": "pt-2",
    "account": "spot/bot-1",
    "symbol": "ETH_USDT",
    "side": Side.SELL,
    "type": OrderType.LIMIT_MAKER,
    "purpose": Purpose.MANUAL,
    "created_ms": 2,
    "bot": 1,
    "quantity": Decimal("1.00"),
    "amount": Decimal(1),
    "price": Decimal("30000.01"),
    "stop": Decimal(1),
    "target": Decimal(1),
    "time_in_force": "IOC",
    "expire_ms": 1,
    "reason": "x",
    "signal": "x",
    "parent": "x",
}


def gate() -> tuple[Gate, FrozenClock]:
    clock = FrozenClock()
    return Gate(clock, Chance(1)), clock


def test_it_is_good_for_its_terms_until_two_seconds_have_passed() -> None:
    keeper, clock = gate()
    token = keeper.issue(TERMS)
    clock.advance(2.0)
    keeper.redeem(token, TERMS)


def test_it_is_good_once() -> None:
    keeper, _ = gate()
    token = keeper.issue(TERMS)
    assert keeper.admit(TERMS, token) == ""
    assert keeper.admit(TERMS, token)


def test_it_expires() -> None:
    keeper, clock = gate()
    token = keeper.issue(TERMS)
    clock.advance(2.001)
    with pytest.raises(TokenRefused, match="expired"):
        keeper.redeem(token, TERMS)


@pytest.mark.parametrize("forged", [None, "", True, object(), Token("0" * 32), TERMS])
def test_it_cannot_be_forged(forged: object) -> None:
    keeper, _ = gate()
    keeper.issue(TERMS)
    with pytest.raises(TokenRefused, match="forged"):
        keeper.redeem(forged, TERMS)


def test_another_gates_token_is_forged() -> None:
    keeper, _ = gate()
    other = Gate(FrozenClock(), Chance(2))
    with pytest.raises(TokenRefused):
        keeper.redeem(other.issue(TERMS), TERMS)


def test_every_member_of_the_terms_is_bound() -> None:
    assert set(CHANGES) == {field.name for field in msgspec.structs.fields(OrderTerms)}
    for name, value in CHANGES.items():
        changed = msgspec.structs.replace(TERMS, **{name: value})
        assert terms_hash(changed) != terms_hash(TERMS), name
        keeper, _ = gate()
        token = keeper.issue(TERMS)
        with pytest.raises(TokenRefused, match="other terms"):
            keeper.redeem(token, changed)
        # Shown is used, whatever it was shown for.
        with pytest.raises(TokenRefused):
            keeper.redeem(token, TERMS)


def test_it_prints_nothing_and_is_not_kept() -> None:
    keeper, clock = gate()
    tokens = [keeper.issue(TERMS) for _ in range(100)]
    assert "Token(…)" in f"{tokens}"
    clock.advance(3)
    keeper.issue(TERMS)
    assert len(keeper._issued) == 1
