"""The decision on one order: what it says, what an exit may still do, and each rule at its edge."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from polotui.model.orders import OrderType, Purpose, Side
from polotui.risk.assess import as_json, assess
from polotui.risk.checks import all_checks
from polotui.risk.limits import Limits, SymbolCap
from polotui.risk.values import Asked, Latch, PairLock, RiskDecision
from tests.risk.plain import NOW, asked, earlier, market, position, sale, terms, view, waiting

MODERATE = Limits()


def decide(order: Asked | None = None, limits: Limits = MODERATE, book: Any = None, **account: Any) -> RiskDecision:
    return assess(order or asked(), view(**account), book or market(), limits)


def codes(decision: RiskDecision) -> list[str]:
    return [finding.code for finding in decision.findings]


def by_hand(**changes: Any) -> Asked:
    return asked(terms(bot=0, account="paper", purpose=Purpose.MANUAL, **changes), strategy="")


def test_an_ordinary_entry_may_go() -> None:
    decision = decide()
    assert decision.approved
    assert decision.code == ""
    assert decision.recommendation == "The order may go."
    assert {finding.code for finding in decision.checks} == {check.code for check in all_checks()}


def test_every_reason_is_told_and_the_first_names_the_decision() -> None:
    decision = decide(state="HALTED", day_start_equity=Decimal(11_000), safety_score=90)
    assert codes(decision) == ["RISK-STATE", "RISK-SAFETY", "RISK-DAILY-LOSS"]
    assert decision.code == "RISK-STATE"
    assert "Resume" in decision.recommendation


def test_near_a_limit_it_goes_with_a_warning() -> None:
    decision = decide(asked(terms(quantity=Decimal(17))))
    assert decision.approved
    assert [finding.code for finding in decision.warnings] == ["RISK-POSITION"]
    assert "85%" in decision.warnings[0].text


def test_a_size_that_is_too_large_is_told_what_would_pass() -> None:
    decision = decide(asked(terms(quantity=Decimal(30)), stop=Decimal(99)), positions=(position("BTC_USDT", 500),))
    assert codes(decision) == ["RISK-POSITION"]
    assert decision.recommendation == "At most 1,500.00 USDT would pass."


def test_the_named_checks_are_in_the_json() -> None:
    found = as_json(
        decide(
            day_start_equity=Decimal(11_000),
            positions=(position("ETH_USDT"), position("SOL_USDT")),
            correlations={("BTC_USDT", "ETH_USDT"): 0.9, ("BTC_USDT", "SOL_USDT"): 0.2, ("ETH_USDT", "SOL_USDT"): 0.1},
            locks=(PairLock(symbol="BTC_USDT", code="PAIR-LOSSES", reason="5 losses in a row.", until_ms=NOW + 1),),
        )
    )
    checks = found["checks"]
    assert found["approved"] is False
    assert found["rejected"] is True
    assert found["codes"] == ["RISK-PAIR-LOCK", "RISK-DAILY-LOSS"]
    assert checks["dailyLoss"] == {"exceeded": True, "lossPercent": 9.0909, "action": "flatten"}
    assert checks["maxPositions"] == {"exceeded": False, "current": 2, "limit": 50}
    assert checks["correlation"] == {"exceeded": False, "highlyCorrelated": ["ETH_USDT"]}
    assert checks["drawdown"] == {"exceeded": False, "drawdownPercent": 0.0}
    assert checks["pairLock"] == {"locked": True, "untilMs": NOW + 1}
    json.dumps(found)


@pytest.mark.parametrize(
    "order",
    [asked(sale()), asked(sale(type=OrderType.LIMIT, price=Decimal(150))), asked(sale(purpose=Purpose.MANUAL, bot=0))],
)
def test_an_exit_passes_when_everything_else_is_forbidden(order: Asked) -> None:
    account = order.terms.account
    decision = decide(
        order,
        Limits(positions_total=1, positions_per_strategy=1, correlated_pairs=0, symbols=("ETH_USDT",)),
        market(fresh=False, age_ms=None, tradable=True, jump=0.9),
        state="REDUCING",
        positions=(position("BTC_USDT", 100, account=account), position("ETH_USDT", 9_000), position("SOL_USDT")),
        equity=None,
        day_start_equity=None,
        latches=(Latch(name="daily-loss", reason="6 %.", since_ms=NOW),),
        locks=(PairLock(symbol="BTC_USDT", code="X", reason="x", until_ms=NOW + 1),),
        sent=tuple(earlier(10) for _ in range(100)),
        safety_score=None,
        cash={},
    )
    assert decision.approved, decision.findings


def test_a_stop_at_market_needs_no_price() -> None:
    dark = market(bid=None, ask=None, last=None, fresh=False, age_ms=None)
    assert decide(asked(sale(purpose=Purpose.STOP)), MODERATE, dark, positions=(position("BTC_USDT"),)).approved


def test_only_closing_everything_passes_a_halt() -> None:
    held = (position("BTC_USDT"),)
    assert decide(asked(sale(purpose=Purpose.FLATTEN)), positions=held, state="HALTED").approved
    assert codes(decide(asked(sale(purpose=Purpose.EXIT)), positions=held, state="HALTED")) == ["RISK-STATE"]
    assert codes(decide(state="REDUCING")) == ["RISK-STATE"]


def test_an_exit_far_on_the_losing_side_is_refused() -> None:
    cheap = asked(sale(type=OrderType.LIMIT, price=Decimal(70)))
    assert codes(decide(cheap, positions=(position("BTC_USDT"),))) == ["RISK-PRICE"]


def test_a_purpose_alone_goes_around_nothing() -> None:
    disguised = asked(terms(purpose=Purpose.EXIT))
    assert "RISK-HELD" in codes(decide(disguised))


@pytest.mark.parametrize(("claimed", "passes"), [("0.4", True), ("0.401", False)])
def test_never_more_than_is_held_less_what_exits_claim(claimed: str, passes: bool) -> None:
    claim = waiting("BTC_USDT", 0, side=Side.SELL, quantity=Decimal(claimed), price=Decimal(120), reduces=True)
    decision = decide(asked(sale(quantity=Decimal("0.6"))), positions=(position("BTC_USDT", 100),), resting=(claim,))
    assert decision.approved is passes


def test_another_accounts_coins_are_not_sold() -> None:
    held = position("BTC_USDT", 100, account="paper/bot-2", bot=2)
    assert "RISK-HELD" in codes(decide(asked(sale()), positions=(held,)))


def test_what_waits_counts_with_its_worst() -> None:
    resting = (waiting("BTC_USDT", 1_900, account="paper/bot-2", bot=2),)
    assert decide(resting=resting).approved
    assert codes(decide(asked(terms(quantity=Decimal("1.001"))), resting=resting)) == ["RISK-POSITION"]


def test_cash_of_the_own_account_not_only_of_all() -> None:
    own = {("paper/bot-1", "USDT"): Decimal(150)}
    assert decide(account_cash=own).approved
    assert codes(decide(account_cash=own, resting=(waiting("ETH_USDT", 51),))) == ["RISK-CASH"]
    assert codes(decide(account_cash={})) == ["RISK-CASH"]


def test_by_hand_only_what_bots_were_not_given_may_be_spent() -> None:
    assert decide(by_hand(), account_cash={("paper/bot-1", "USDT"): Decimal(9_900)}).approved
    assert codes(decide(by_hand(), account_cash={("paper/bot-1", "USDT"): Decimal(9_901)})) == ["RISK-CASH"]


def test_a_waiting_entry_is_a_position() -> None:
    limits = Limits(positions_total=2, positions_per_strategy=2, correlated_pairs=50)
    held = (position("ETH_USDT"),)
    assert decide(None, limits, positions=held).approved
    full = decide(None, limits, positions=held, resting=(waiting("SOL_USDT"),))
    assert codes(full) == ["RISK-POSITIONS-STRATEGY", "RISK-POSITIONS"]
    assert decide(asked(terms(symbol="SOL_USDT")), limits, positions=held, resting=(waiting("SOL_USDT"),)).approved


def test_the_same_symbol_in_two_accounts_is_two_positions() -> None:
    limits = Limits(positions_total=1, positions_per_strategy=1)
    other = (position("BTC_USDT", account="paper/bot-2", bot=2, strategy="swing"),)
    assert codes(decide(None, limits, positions=other)) == ["RISK-POSITIONS"]


def test_the_fourth_correlated_pair_is_refused() -> None:
    names = ["BTC_USDT", "ETH_USDT", "SOL_USDT", "XRP_USDT"]
    known = {(a, b): 0.1 for a in names for b in names if a < b}
    held = tuple(position(name) for name in names[1:])
    with_three = {**known, **{("BTC_USDT", name): 0.71 for name in names[1:]}}
    assert decide(positions=held, correlations=with_three).approved
    fourth = decide(positions=held, correlations={**with_three, ("ETH_USDT", "SOL_USDT"): 0.71})
    assert codes(fourth) == ["RISK-CORR"]
    assert fourth.findings[0].figures["highlyCorrelated"] == names[1:]
    assert fourth.findings[0].figures["pairs"] == 4
    edge = {**known, **dict.fromkeys(known, 0.7)}
    assert decide(positions=held, correlations=edge).approved
    assert codes(decide(positions=held)) == ["RISK-CORR"]


@pytest.mark.parametrize(
    ("start", "passes"), [(Decimal(10_526), True), (Decimal(10_527), False), (None, False), (Decimal("NaN"), False)]
)
def test_the_daily_loss_at_its_edge(start: Decimal | None, passes: bool) -> None:
    assert decide(day_start_equity=start).approved is passes


def test_drawdown_warns_then_pauses() -> None:
    assert [f.code for f in decide(peak_equity=Decimal(11_800)).warnings] == ["RISK-DRAWDOWN"]
    assert codes(decide(peak_equity=Decimal(13_334))) == ["RISK-DRAWDOWN"]
    assert codes(decide(strategy_drawdowns={"trend": 0.25})) == ["RISK-STRATEGY-DRAWDOWN"]
    assert codes(decide(strategy_drawdowns={"swing": 0.0})) == ["RISK-STRATEGY-DRAWDOWN"]


def test_unknown_equity_refuses_by_every_rule_that_needs_it() -> None:
    found = codes(decide(equity=None))
    assert {"RISK-POSITION", "RISK-EXPOSURE", "RISK-DAILY-LOSS", "RISK-DRAWDOWN", "RISK-TRADE-RISK"} <= set(found)


def test_one_position_without_a_price_stops_entries_elsewhere() -> None:
    assert "RISK-EXPOSURE" in codes(
        decide(positions=(position("ETH_USDT", mark=None),), correlations={("BTC_USDT", "ETH_USDT"): 0.0})
    )


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({"bid": Decimal(101), "ask": Decimal(101)}, False),
        ({"bid": None}, False),
        ({"ask": None}, False),
        ({"bid": None, "ask": None}, False),
        ({"fresh": False}, False),
        ({"age_ms": None}, False),
        ({"age_ms": 30_001}, False),
        ({"age_ms": 30_000}, True),
        ({"last": None}, False),
        ({"bid": Decimal("NaN")}, False),
        ({"last": Decimal(95)}, False),
        ({"last": Decimal("95.5")}, True),
        ({"jump": 0.21}, False),
        ({"difference": 0.11}, False),
        ({"jump": float("nan")}, False),
        ({"tradable": False}, False),
    ],
)
def test_an_entry_needs_a_book_to_believe_in(change: dict[str, Any], passes: bool) -> None:
    assert decide(book=market(**change)).approved is passes


@pytest.mark.parametrize(("price", "passes"), [("105", True), ("105.01", False), ("95", True), ("94.99", False)])
def test_the_price_band_at_its_edge(price: str, passes: bool) -> None:
    at = Decimal(price)
    order = asked(terms(price=at), stop=at * Decimal("0.97"), target=at * Decimal("1.06"))
    assert decide(order, book=market(bid=Decimal(99), ask=Decimal(101))).approved is passes


@pytest.mark.parametrize(
    "order",
    [
        terms(quantity=Decimal("0.0005")),
        terms(quantity=Decimal("1.0001")),
        terms(price=Decimal("100.001")),
        terms(quantity=Decimal("0.009")),
    ],
)
def test_off_the_grid_or_below_the_minimum(order: Any) -> None:
    assert codes(decide(asked(order))) == ["RISK-GRID"]


def test_one_order_has_a_largest_size_and_a_ceiling_above_all_settings() -> None:
    rich = {"equity": Decimal(10**8), "day_start_equity": Decimal(10**8), "peak_equity": Decimal(10**8)}
    rich |= {"cash": {"USDT": Decimal(10**8)}, "account_cash": {("paper/bot-1", "USDT"): Decimal(10**8)}}
    assert decide(asked(terms(quantity=Decimal(500))), **rich).approved
    assert codes(decide(asked(terms(quantity=Decimal("500.001"))), **rich)) == ["RISK-ORDER-SIZE"]
    most = Limits(max_order_amount=Decimal(1_000_000))
    assert codes(decide(asked(terms(quantity=Decimal("10000.001"))), most, **rich)) == ["RISK-ORDER-SIZE"]
    above = decide(asked(), Limits(max_order_amount=Decimal(2_000_000)), **rich)
    assert codes(above) == ["RISK-LIMITS"]
    capped = Limits(symbol_caps=(SymbolCap(symbol="BTC_USDT", quantity=Decimal("0.5")),))
    assert codes(decide(asked(), capped)) == ["RISK-ORDER-SIZE"]


def test_a_market_buy_and_a_trigger_count_at_their_worst() -> None:
    buy = terms(type=OrderType.MARKET, quantity=None, price=None, amount=Decimal(2_000))
    assert decide(asked(buy)).approved
    assert codes(decide(asked(replace(buy, amount=Decimal(2_001))))) == ["RISK-POSITION"]
    trigger = terms(type=OrderType.STOP, price=None, stop=Decimal(101), quantity=Decimal("18.9"))
    order = asked(trigger, stop=Decimal(99), target=Decimal(110))
    assert codes(decide(order)) == ["RISK-POSITION"]
    assert decide(asked(replace(trigger, quantity=Decimal("18.8")), stop=Decimal(99), target=Decimal(110))).approved


def test_leverage_stop_reward_and_risk_of_the_trade() -> None:
    assert codes(decide(asked(leverage=2.1))) == ["RISK-LEVERAGE"]
    assert codes(decide(asked(leverage=float("nan")))) == ["RISK-LEVERAGE"]
    assert codes(decide(asked(stop=None, target=None))) == ["RISK-STOP"]
    assert decide(asked(stop=None, target=None), Limits(stop_required=False)).approved
    assert codes(decide(asked(stop=Decimal(100), target=None))) == ["RISK-STOP"]
    assert codes(decide(asked(target=Decimal("104.2")))) == ["RISK-REWARD"]
    assert decide(asked(target=Decimal("104.3"))).approved
    assert codes(decide(asked(target=Decimal(99)))) == ["RISK-REWARD"]
    risky = asked(terms(quantity=Decimal(10)), stop=Decimal(79), target=None)
    assert codes(decide(risky)) == ["RISK-TRADE-RISK"]
    assert decide(replace(risky, stop=Decimal(80))).approved


def test_a_further_entry_stands_under_the_positions_stop() -> None:
    more = asked(terms(purpose=Purpose.ADD), stop=None, target=None)
    assert decide(more, positions=(position("BTC_USDT"),)).approved
    assert codes(decide(more, positions=(position("BTC_USDT", stop=None),))) == ["RISK-STOP"]
    entry = asked(terms(), stop=None, target=None)
    assert codes(decide(entry, positions=(position("BTC_USDT"),))) == ["RISK-STOP"]


def test_entries_leave_a_part_of_the_rate_free() -> None:
    limits = Limits(orders_per_second=5, orders_per_minute=10)
    quick = tuple(earlier(900, bot=3, symbol="X_USDT") for _ in range(4))
    assert codes(decide(None, limits, sent=quick)) == ["RISK-RATE"]
    assert decide(None, limits, sent=quick[:3]).approved
    steady = tuple(earlier(50_000, bot=3, symbol="X_USDT") for _ in range(8))
    assert codes(decide(None, limits, sent=steady)) == ["RISK-RATE"]
    assert decide(None, limits, sent=tuple(earlier(60_000, bot=3) for _ in range(8))).approved


def test_the_same_order_twice_within_two_seconds() -> None:
    same = earlier(1_999, price=Decimal(100))
    assert codes(decide(sent=(same,))) == ["RISK-DUPLICATE"]
    assert decide(sent=(replace(same, at_ms=NOW - 2_000),)).approved
    assert decide(sent=(replace(same, bot=2),)).approved
    assert decide(sent=(replace(same, price=Decimal(99)),)).approved
    assert decide(sent=(replace(same, side=Side.SELL),)).approved
    assert codes(decide(sent=(replace(same, price=Decimal("100.00")),))) == ["RISK-DUPLICATE"]


def test_many_entries_without_an_exit_stop_the_strategy() -> None:
    entries = tuple(earlier(250_000 - n) for n in range(10))
    refused = decide(sent=entries)
    assert codes(refused) == ["RISK-REPEATED"]
    assert refused.findings[0].figures["action"] == "stop_strategy"
    assert decide(sent=(*entries, earlier(5_000, side=Side.SELL, reduces=True))).approved
    assert decide(sent=entries[1:]).approved


def test_an_unusual_size_by_hand_is_asked_a_second_time() -> None:
    usual = tuple(earlier(400_000 - n, bot=0, price=Decimal(100), quantity=Decimal("0.1")) for n in range(20))
    large = by_hand(quantity=Decimal("0.6"))
    assert codes(decide(large, sent=usual)) == ["RISK-CONFIRM"]
    assert decide(replace(large, confirmed=True), sent=usual).approved
    assert decide(by_hand(quantity=Decimal("0.5")), sent=usual).approved
    assert decide(large, sent=usual[:4]).approved
    share = Limits(fat_finger_share=0.009)
    assert codes(decide(by_hand(), share)) == ["RISK-CONFIRM"]
    assert decide(None, share).approved


@pytest.mark.parametrize(("price", "passes"), [("100.01", True), ("100", False), ("99", False), (None, True)])
def test_no_order_meets_one_of_our_own(price: str | None, passes: bool) -> None:
    own = waiting("BTC_USDT", 0, side=Side.SELL, price=Decimal(price) if price else None, bot=2, account="paper/bot-2")
    assert decide(resting=(own,)).approved is passes


def test_a_symbol_in_another_currency_is_not_added_to_equity() -> None:
    other = asked(terms(symbol="ETH_BTC"))
    assert "RISK-SYMBOL" in codes(
        decide(other, cash={"BTC": Decimal(10_000)}, account_cash={("paper/bot-1", "BTC"): Decimal(900)})
    )


def test_losses_in_a_row_stop_a_bot() -> None:
    assert codes(decide(consecutive_losses={1: 10})) == ["RISK-LOSS-STREAK"]
    assert decide(consecutive_losses={1: 9}).approved
    assert decide(None, Limits(loss_streak=0), consecutive_losses={1: 99}).approved


def test_limits_that_protect_nothing_let_only_exits_pass() -> None:
    broken = replace(MODERATE, daily_loss=float("nan"))
    assert codes(decide(None, broken)) == ["RISK-LIMITS"]
    assert decide(asked(sale()), broken, positions=(position("BTC_USDT"),)).approved


@pytest.mark.parametrize("field", ["quantity", "price"])
@pytest.mark.parametrize(
    "value", [None, Decimal("NaN"), Decimal("Infinity"), Decimal(0), Decimal(-1), Decimal("1E+999999")]
)
def test_a_senseless_order_is_refused_never_an_error(field: str, value: Decimal | None) -> None:
    assert not decide(asked(terms(**{field: value}))).approved


def test_every_check_is_found_by_itself_with_code_place_and_advice() -> None:
    checks = all_checks()
    assert len({check.code for check in checks}) == len({check.order for check in checks}) == len(checks) == 32
    assert all(check.code.startswith("RISK-") and check.advice.endswith(".") for check in checks)
    assert [check.order for check in checks] == sorted(check.order for check in checks)


def test_the_gate_loads_nothing_heavy() -> None:
    program = "import polotui.risk.assess, polotui.risk.size, polotui.risk.meter, polotui.risk.alerts, sys;"
    program += " print([name for name in ('numpy', 'pandas', 'numba') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
