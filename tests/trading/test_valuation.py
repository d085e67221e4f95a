"""What an account is worth, and when that cannot be said."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.model.account import Account, Balance
from polotui.trading.valuation import Asset, Price, Valued, price_of, value_account

NOW = 1_780_000_000_000
D = Decimal
FRESH_MS = 20_000


def price(text: str, age_s: int = 1, change: float | None = 0.1) -> Price:
    return Price(D(text), NOW - age_s * 1000, change)


def account(**held: str) -> Account:
    balances = tuple(Balance(currency=name, available=D(text), hold=D(0)) for name, text in held.items())
    return Account(id="1", kind="SPOT", balances=balances)


def valued(of: Account, prices: dict[str, Price], stale_since: int = 0, reason: str = "") -> Valued:
    return value_account(
        of,
        prices,
        now_ms=NOW,
        price_stale_ms=FRESH_MS,
        balances_stale_since_ms=stale_since,
        balances_stale_reason=reason,
    )


def row(found: Valued, currency: str) -> Asset:
    return next(asset for asset in found.assets if asset.currency == currency)


PRICES = {
    "BTC_USDT": price("50000"),
    "TRX_USDT": price("0.25"),
    "DOGE_BTC": price("0.000002"),
    "WIN_TRX": price("0.001"),
}


def test_everything_known_adds_up_largest_first() -> None:
    found = valued(account(USDT="2500", BTC="0.15"), PRICES)
    assert (found.total.standing, found.total.value, found.total.cause) == ("known", D(10000), "")
    assert [(asset.currency, asset.share.value) for asset in found.assets] == [("BTC", D("0.75")), ("USDT", D("0.25"))]
    assert row(found, "BTC").change_24h.value == D("0.1")


def test_held_money_counts_and_is_shown_apart() -> None:
    held = Account(id="1", kind="SPOT", balances=(Balance(currency="BTC", available=D("0.1"), hold=D("0.3")),))
    found = valued(held, PRICES)
    assert found.total.value == D(20000)
    assert (row(found, "BTC").available.value, row(found, "BTC").hold.value) == (D("0.1"), D("0.3"))


def test_a_missing_market_is_crossed() -> None:
    doge, win = price_of("DOGE", PRICES, NOW), price_of("WIN", PRICES, NOW)
    assert doge is not None
    assert win is not None
    assert (doge.value, win.value) == (D("0.1"), D("0.00025"))
    assert win.change == pytest.approx(0.21)
    direct = price_of("DOGE", {**PRICES, "DOGE_USDT": price("0.2")}, NOW)
    assert direct is not None
    assert direct.value == D("0.2")
    aged = valued(account(DOGE="1000"), {"DOGE_BTC": price("0.000002"), "BTC_USDT": price("50000", age_s=100)})
    assert (aged.total.standing, aged.total.value, aged.total.as_of_ms) == ("stale", D(100), NOW - 100_000)
    assert price_of("XYZ", PRICES, NOW) is None


def test_the_total_leaves_out_what_no_market_prices_and_names_it() -> None:
    found = valued(account(USDT="100", XYZ="7"), PRICES)
    assert (found.total.standing, found.total.value, found.total.reason) == ("known", D(100), "no-price")
    assert "XYZ" in found.total.cause
    xyz = row(found, "XYZ")
    assert (xyz.value.standing, xyz.value.value, xyz.share.standing, xyz.dust) == ("unknown", None, "unknown", False)
    assert xyz.available.value == D(7)
    assert found.assets[-1] is xyz


def test_while_no_price_has_come_the_total_is_unknown() -> None:
    found = valued(account(USDT="100", BTC="1"), {})
    assert (found.total.standing, found.total.value, found.total.reason) == ("unknown", None, "no-answer")
    assert "BTC" in found.total.cause
    assert found.total.help


def test_zero_is_zero_only_when_the_exchange_said_so() -> None:
    found = valued(account(XYZ="0"), PRICES)
    assert (row(found, "XYZ").value.standing, row(found, "XYZ").value.value) == ("known", D(0))
    assert (found.total.standing, found.total.value) == ("known", D(0))
    assert valued(account(), PRICES).total.value == D(0)


@pytest.mark.parametrize("bad", ["0", "-1", "NaN", "Infinity"])
def test_a_price_that_cannot_be_is_no_price(bad: str) -> None:
    found = valued(account(USDT="1", BTC="1"), {"BTC_USDT": price(bad)})
    assert (row(found, "BTC").value.standing, row(found, "BTC").value.value) == ("unknown", None)
    assert "BTC" in found.total.cause
    crossed = valued(account(DOGE="1"), {"DOGE_BTC": price(bad), "BTC_USDT": price("50000")})
    assert row(crossed, "DOGE").value.value is None


def test_an_old_price_makes_the_value_and_the_total_stale() -> None:
    found = valued(account(USDT="1", BTC="1"), {"BTC_USDT": price("50000", age_s=60)})
    assert (found.total.standing, found.total.value, found.total.as_of_ms) == ("stale", D(50001), NOW - 60_000)
    assert found.total.cause
    fresh = valued(account(BTC="1"), {"BTC_USDT": price("50000", age_s=20)})
    assert fresh.total.standing == "known"


def test_old_dust_does_not_make_the_total_stale() -> None:
    found = valued(account(USDT="100", TRX="1"), {"TRX_USDT": price("0.25", age_s=900)})
    assert (found.total.standing, found.total.value) == ("known", D("100.25"))
    assert row(found, "TRX").dust
    assert row(found, "TRX").value.standing == "stale"


@pytest.mark.parametrize(("amount", "dust"), [("0.99999999", True), ("1", False), ("0", True)])
def test_dust_is_below_one_usdt(amount: str, dust: bool) -> None:
    assert valued(account(USDT=amount), {}).assets[0].dust is dust


@pytest.mark.parametrize("amount", ["5", "0.5", "0"])
def test_balances_that_are_old_are_shown_as_old_even_dust(amount: str) -> None:
    old = valued(account(USDT=amount), PRICES, NOW - 90_000, "The exchange did not answer.")
    assert (old.total.standing, old.total.value, old.total.as_of_ms) == ("stale", D(amount), NOW - 90_000)
    assert old.total.cause == "The exchange did not answer."
    assert (old.assets[0].available.standing, old.assets[0].value.standing) == ("stale", "stale")


numbers = st.decimals(min_value=0, max_value=D("1e12"), places=10)


@given(st.lists(st.tuples(numbers, numbers.filter(lambda p: p > 0)), max_size=12))
def test_the_total_is_the_exact_sum_of_the_parts(held: list[tuple[Decimal, Decimal]]) -> None:
    """Each part is rounded once, to 8 decimals; nothing else is."""
    balances = tuple(Balance(currency=f"C{n}", available=a, hold=D(0)) for n, (a, _) in enumerate(held))
    prices = {f"C{n}_USDT": Price(p, NOW) for n, (_, p) in enumerate(held)}
    found = valued(Account(id="1", kind="SPOT", balances=balances), prices)
    assert found.total.value is not None
    parts = {asset.currency: asset.value.value for asset in found.assets}
    half_step = Fraction(1, 2 * 10**8)
    for n, (amount, unit) in enumerate(held):
        assert abs(Fraction(parts[f"C{n}"]) - Fraction(amount) * Fraction(unit)) <= half_step
    assert Fraction(found.total.value) == sum((Fraction(part) for part in parts.values()), Fraction(0))
    shares = [asset.share.value for asset in found.assets if asset.share.value is not None]
    if shares:
        assert abs(sum(shares) - 1) <= D("1e-6")
