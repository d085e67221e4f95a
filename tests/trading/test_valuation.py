"""What an account is worth, and when that cannot be said."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.model.account import Account, Balance
from polotui.model.market import Ticker
from polotui.trading.valuation import Price, Trouble, Valuation, price_in_usdt, prices_of, value_account

NOW = 1_780_000_000_000
D = Decimal


def price(text: str, age_s: int = 1, change: str | None = "0.1") -> Price:
    return Price(D(text), NOW - age_s * 1000, None if change is None else D(change))


def account(**held: str) -> Account:
    balances = tuple(Balance(currency=name, available=D(text), hold=D(0)) for name, text in held.items())
    return Account(id="1", kind="SPOT", balances=balances)


def row(valuation: Valuation, currency: str):
    return next(row for row in valuation.rows if row.currency == currency)


PRICES = {
    "BTC_USDT": price("50000"),
    "TRX_USDT": price("0.25"),
    "DOGE_BTC": price("0.000002"),
    "WIN_TRX": price("0.001"),
}


def test_everything_known_adds_up() -> None:
    found = value_account(account(USDT="5000", BTC="0.1"), PRICES, NOW)
    assert (found.total.standing, found.total.amount) == ("known", D(10000))
    assert found.known_part == D(10000)
    assert [(r.currency, r.share.amount) for r in found.rows] == [("USDT", D("0.5")), ("BTC", D("0.5"))]
    assert row(found, "BTC").change_24h.amount == D("0.1")
    assert found.change_24h.amount == (D(5000) - D(5000) / D("1.1")).quantize(D("1e-8"))
    assert found.change_24h_ratio.standing == "known"


def test_held_money_counts_and_is_shown_apart() -> None:
    held = Account(id="1", kind="SPOT", balances=(Balance(currency="BTC", available=D("0.1"), hold=D("0.3")),))
    found = value_account(held, PRICES, NOW)
    assert found.total.amount == D(20000)
    assert (row(found, "BTC").available.amount, row(found, "BTC").hold.amount) == (D("0.1"), D("0.3"))


def test_a_missing_market_is_crossed() -> None:
    assert price_in_usdt("DOGE", PRICES, NOW)[0].amount == D("0.1")
    cross, change = price_in_usdt("WIN", PRICES, NOW)
    assert cross.amount == D("0.00025")
    assert change.amount == D("0.21")
    both = {**PRICES, "DOGE_USDT": price("0.2")}
    assert price_in_usdt("DOGE", both, NOW)[0].amount == D("0.2")
    aged = {"DOGE_BTC": price("0.000002"), "BTC_USDT": price("50000", age_s=100)}
    figure, _ = price_in_usdt("DOGE", aged, NOW)
    assert (figure.standing, figure.as_of_ms) == ("stale", NOW - 100_000)


def test_a_part_without_a_price_makes_the_total_unknown_and_is_named() -> None:
    found = value_account(account(USDT="100", XYZ="7"), PRICES, NOW)
    assert (found.total.standing, found.total.amount, found.total.reason) == ("unknown", None, "no-price")
    assert "XYZ" in found.total.cause
    assert found.known_part == D(100)
    xyz = row(found, "XYZ")
    assert (xyz.value.standing, xyz.share.standing, xyz.dust) == ("unknown", "unknown", False)
    assert xyz.available.amount == D(7)
    assert row(found, "USDT").share.amount == D(1)
    assert found.change_24h.standing == "unknown"


def test_zero_is_zero_only_when_the_exchange_said_so() -> None:
    found = value_account(account(XYZ="0"), PRICES, NOW)
    assert (row(found, "XYZ").value.standing, row(found, "XYZ").value.amount) == ("known", D(0))
    assert found.total.amount == D(0)
    empty = value_account(account(), PRICES, NOW)
    assert (empty.total.standing, empty.total.amount) == ("known", D(0))
    assert empty.change_24h_ratio.standing == "unknown"
    for bad in ("0", "-1", "NaN", "Infinity"):
        found = value_account(account(BTC="1"), {"BTC_USDT": price(bad)}, NOW)
        assert found.total.standing == "unknown"


def test_an_old_price_makes_the_value_and_the_total_stale() -> None:
    found = value_account(account(USDT="1", BTC="1"), {"BTC_USDT": price("50000", age_s=60)}, NOW)
    assert (found.total.standing, found.total.amount, found.total.as_of_ms) == ("stale", D(50001), NOW - 60_000)
    assert "BTC" in found.total.cause
    assert "60 s old" in found.total.cause
    fine = value_account(account(BTC="1"), {"BTC_USDT": price("50000", age_s=60)}, NOW, stale_after_ms=60_000)
    assert fine.total.standing == "known"


def test_old_dust_does_not_make_the_total_stale() -> None:
    found = value_account(account(USDT="100", TRX="1"), {"TRX_USDT": price("0.25", age_s=900)}, NOW)
    assert (found.total.standing, found.total.amount) == ("known", D("100.25"))
    assert row(found, "TRX").dust
    assert row(found, "TRX").value.standing == "stale"
    assert not row(found, "USDT").dust


@pytest.mark.parametrize(("amount", "dust"), [("0.99999999", True), ("1", False), ("0", True)])
def test_dust_is_below_one_usdt(amount: str, dust: bool) -> None:
    assert value_account(account(USDT=amount), {}, NOW).rows[0].dust is dust


def test_an_account_that_does_not_answer() -> None:
    trouble = Trouble("no-answer", "The exchange did not answer within 30 s.", "Press r to ask again.")
    found = value_account(None, PRICES, NOW, account_trouble=trouble)
    assert (found.total.standing, found.total.reason, found.total.help) == ("unknown", "no-answer", trouble.help)
    assert found.rows == ()
    old = value_account(account(USDT="5"), PRICES, NOW, as_of_ms=NOW - 90_000, account_trouble=trouble)
    assert (old.total.standing, old.total.amount, old.total.as_of_ms) == ("stale", D(5), NOW - 90_000)
    assert old.rows[0].available.standing == "stale"
    assert old.rows[0].available.cause == trouble.cause
    tiny = value_account(account(USDT="0.5"), PRICES, NOW, as_of_ms=NOW - 90_000, account_trouble=trouble)
    assert tiny.total.standing == "stale"


def test_a_change_that_is_not_stated_is_unknown() -> None:
    found = value_account(account(BTC="1"), {"BTC_USDT": price("50000", change=None)}, NOW)
    assert found.total.standing == "known"
    assert (found.change_24h.standing, found.change_24h_ratio.standing) == ("unknown", "unknown")
    assert "BTC" in found.change_24h.cause


numbers = st.decimals(min_value=0, max_value=D("1e12"), places=10)


@given(st.lists(st.tuples(numbers, numbers.filter(lambda p: p > 0)), max_size=12))
def test_the_total_is_the_exact_sum_of_the_parts(held: list[tuple[Decimal, Decimal]]) -> None:
    balances = tuple(Balance(currency=f"C{n}", available=a, hold=D(0)) for n, (a, _) in enumerate(held))
    prices = {f"C{n}_USDT": Price(p, NOW, D(0)) for n, (_, p) in enumerate(held)}
    found = value_account(Account(id="1", kind="SPOT", balances=balances), prices, NOW)
    assert found.total.amount is not None
    assert Fraction(found.total.amount) == sum((Fraction(a) * Fraction(p) for a, p in held), Fraction(0))
    shares = [r.share.amount for r in found.rows if r.share.amount is not None]
    if shares:
        assert abs(sum(shares) - 1) <= D("1e-7")


def test_prices_of_tickers_are_what_the_exchange_wrote() -> None:
    def ticker(symbol: str, last: float, change: float | None = 0.0214) -> Ticker:
        return Ticker(symbol=symbol, last=last, open=1, high=1, low=1, volume=1, amount=1, change=change)

    found = prices_of(
        [ticker("A_USDT", 0.1), ticker("B_USDT", 0.0), ticker("C_USDT", math.nan), ticker("D_USDT", 2.5, None)], NOW
    )
    assert found == {"A_USDT": Price(D("0.1"), NOW, D("0.0214")), "D_USDT": Price(D("2.5"), NOW, None)}
