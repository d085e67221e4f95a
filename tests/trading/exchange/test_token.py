"""The gate's proof covers one order, once, for two seconds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

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
OTHER: dict[type, Any] = {
    str: "other",
    int: 77,
    Side: Side.SELL,
    OrderType: OrderType.MARKET,
    Purpose: Purpose.MANUAL,
    Decimal: Decimal("7.7"),
}


def changed() -> dict[str, OrderTerms]:
    """The terms with each member changed in turn."""
    found: dict[str, OrderTerms] = {}
    for field in msgspec.structs.fields(OrderTerms):
        kinds = [kind for kind in OTHER if kind is field.type or kind in get_args(field.type)]
        found[field.name] = msgspec.structs.replace(TERMS, **{field.name: OTHER[kinds[0]]})
    return found


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
    rewritten = msgspec.structs.replace(TERMS, quantity=Decimal("1.00"))
    for name, other in {**changed(), "the same number, written otherwise": rewritten}.items():
        assert terms_hash(other) != terms_hash(TERMS), name
        keeper, _ = gate()
        token = keeper.issue(TERMS)
        with pytest.raises(TokenRefused, match="other terms"):
            keeper.redeem(token, other)
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
