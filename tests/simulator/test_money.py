"""Money is conserved to the last digit, holds equal the open orders, versions count changes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.simulator.matching import BUY, SELL, SIDES
from polotui.simulator.refusals import Refusal
from polotui.simulator.units import exact
from tests.simulator.stage import Stage, rich

_step = st.tuples(
    st.sampled_from(["LIMIT", "LIMIT", "LIMIT_MAKER", "MARKET", "IOC", "FOK", "cancel", "quote", "sweep", "wait"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from([BUY, SELL]),
    st.integers(980, 1020),
    st.integers(1, 3000),
)


def _do(stage: Stage, step: tuple[str, str, int, int, int]) -> None:
    verb, key, side, price, quantity = step
    account = stage.account(key)
    text_price, text_quantity = f"{price / 10:.1f}", f"{quantity / 100:.2f}"
    if verb == "quote":
        best = stage.market.book.best(1 - side)
        if best is None or (price < best if side == BUY else price > best):
            stage.quote(side, price, quantity)
    elif verb == "sweep":
        stage.exchange.background_take(stage.market, side, quantity, price)
        stage.exchange.publish(stage.market)
    elif verb == "wait":
        stage.advance(0.01)
    elif verb == "cancel":
        for order in list(account.open.values())[:1]:
            stage.exchange.request_cancel(account, str(order.id))
    elif verb == "MARKET":
        size = {"amount": text_quantity} if side == BUY else {"quantity": text_quantity}
        stage.order(key, side=SIDES[side], **size)
    else:
        kind = verb if verb == "LIMIT_MAKER" else "LIMIT"
        more = {"timeInForce": verb} if verb in ("IOC", "FOK") else {}
        stage.order(key, side=SIDES[side], type=kind, price=text_price, quantity=text_quantity, **more)


def _check(stage: Stage) -> None:
    assert stage.exchange.ledger.imbalance() == {}
    for account in stage.exchange.ledger.accounts.values():
        held = {"USDT": Decimal(0), "COIN": Decimal(0)}
        for order in account.open.values():
            assert order.is_open
            assert stage.market.book.orders[order.id].left == order.left
            if order.terms.side == BUY:
                held["USDT"] += exact(order.left * order.terms.price, 3)
            else:
                held["COIN"] += exact(order.left, 2)
        for currency, amount in held.items():
            assert account.balance(currency).hold == amount
            assert account.balance(currency).available >= 0


@settings(max_examples=120, deadline=None)
@given(st.lists(_step, max_size=50))
def test_no_digit_of_money_is_lost_or_made(steps: list[tuple[str, str, int, int, int]]) -> None:
    stage = Stage()
    for step in steps:
        try:
            _do(stage, step)
        except Refusal:
            pass
        _check(stage)
    ids = [trade.id for trade in stage.trades]
    assert ids == list(range(ids[0], ids[0] + len(ids))) if ids else True
    seen: dict[tuple[str, str], int] = {}
    for key, currency, _, version in stage.balances:
        assert version == seen.get((key, currency), 1) + 1
        seen[(key, currency)] = version


@settings(max_examples=120, deadline=None)
@given(st.lists(_step, max_size=50))
def test_a_book_built_from_the_published_changes_is_the_window_at_every_id(
    steps: list[tuple[str, str, int, int, int]],
) -> None:
    stage = Stage(rich("a", "10000000", "1000000"), rich("b", "10000000", "1000000"))
    for level in range(30):
        stage.quote(BUY, 990 - level, 50)
        stage.quote(SELL, 1010 + level, 50)
    stage.exchange.publish(stage.market)
    start = stage.exchange.book_lv2("COIN_USDT")
    assert start is not None
    stage.changes.clear()
    for step in steps:
        try:
            _do(stage, step)
        except Refusal:
            pass
    stage.exchange.publish(stage.market)
    bids, asks, last = dict(start.bids), dict(start.asks), start.id
    for change in stage.changes:
        assert change.last_id == last
        assert 1 <= change.id - change.last_id <= 15
        assert change.asks or change.bids
        last = change.id
        for book, part in ((bids, change.bids), (asks, change.asks)):
            for price, total in part:
                level = exact(price, 1)
                if total:
                    book[level] = exact(total, 2)
                else:
                    del book[level]
        truth = stage.exchange.book_lv2("COIN_USDT", change.id)
        assert truth is not None
        assert sorted(bids.items(), reverse=True) == truth.bids
        assert sorted(asks.items()) == truth.asks
        assert len(truth.bids) <= 20
        assert len(truth.asks) <= 20


def test_a_window_that_was_published_long_ago_is_forgotten() -> None:
    stage = Stage(book_memory=2)
    stage.quote(BUY, 990, 1)
    for level in range(4):
        stage.quote(SELL, 1010 + level, 50)
        stage.exchange.publish(stage.market)
    ids = [change.id for change in stage.changes]
    assert stage.exchange.book_lv2("COIN_USDT", ids[0]) is None
    assert stage.exchange.book_lv2("COIN_USDT", ids[-1]) is not None


@pytest.mark.parametrize(("side", "currency", "fee"), [("BUY", "COIN", "0.004"), ("SELL", "USDT", "0.4")])
def test_the_fee_is_taken_from_what_is_received(side: str, currency: str, fee: str) -> None:
    stage = Stage()
    stage.quote(1 - (0 if side == "BUY" else 1), 1000, 1000)
    before = stage.free(currency)
    stage.limit(side, "100", "2")
    trade = next(event for event in stage.events if event["eventType"] == "trade")
    assert (trade["feeCurrency"], trade["tradeFee"]) == (currency, fee)
    assert stage.free(currency) == before + (Decimal(2) if side == "BUY" else Decimal(200)) - Decimal(fee)
    assert stage.exchange.ledger.fees == {currency: Decimal(fee)}


def test_a_better_price_gives_the_rest_of_the_hold_back() -> None:
    stage = Stage()
    stage.quote(SELL, 900, 100)
    stage.limit("BUY", "100", "2")
    assert stage.held("USDT") == Decimal("100")
    assert stage.free("USDT") == Decimal("10000") - 90 - 100


def test_holds_are_as_the_real_exchange_makes_them() -> None:
    stage = Stage()
    stage.limit("BUY", "1.5", "2")
    stage.limit("SELL", "500", "2")
    assert (stage.held("USDT"), stage.free("USDT")) == (Decimal(3), Decimal(9997))
    assert (stage.held("COIN"), stage.free("COIN")) == (Decimal(2), Decimal(998))


def test_an_order_without_cover_is_refused_and_changes_nothing() -> None:
    stage = Stage(rich("a", "10"))
    with pytest.raises(Refusal) as refused:
        stage.limit("BUY", "100", "2")
    assert refused.value.number == 21709
    assert not stage.account().orders
    assert stage.free("USDT") == 10
