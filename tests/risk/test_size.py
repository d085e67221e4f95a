"""Sizing: the examples that were asked for, the cap beside what it caps, no trade with its reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.risk.limits import PRESETS, Limits
from polotui.risk.size import SizeAsk, size

MODERATE = PRESETS["moderate"]


def ask(kind: str = "fixed_fractional", **changes: Any) -> SizeAsk:
    return SizeAsk(**{"kind": kind, "equity": Decimal(10_000), **changes})


def kelly(**changes: Any) -> SizeAsk:
    values = {"win_rate": 0.65, "average_win": 150.0, "average_loss": 80.0, "trades": 100}
    return ask("kelly", **{**values, **changes})


def test_two_percent_at_a_stop_of_five_is_capped_and_says_what_is_left_at_risk() -> None:
    result = size(ask(risk=0.02, stop=0.05), MODERATE)
    assert result.uncapped == 4_000
    assert result.capped == 2_000
    assert result.resulting_risk == 100
    assert result.resulting_risk_fraction == pytest.approx(0.01)
    assert result.trade
    assert "4,000.00" in result.words
    assert "2,000.00" in result.words
    assert "1 %" in result.words


def test_a_quarter_of_kelly() -> None:
    result = size(kelly(), MODERATE)
    assert result.full_kelly == pytest.approx(0.463, abs=5e-4)
    assert round(result.uncapped) == 1_158
    assert float(result.uncapped) / 10_000 == pytest.approx(0.116, abs=5e-4)
    assert result.capped == result.uncapped


def test_full_kelly_is_capped() -> None:
    result = size(kelly(kelly_fraction=1.0), MODERATE)
    assert round(result.uncapped) == 4_633
    assert result.capped == 2_000
    assert any("half of Kelly" in words for words in result.warnings)


def test_without_an_edge_there_is_no_trade() -> None:
    result = size(kelly(win_rate=0.3), MODERATE)
    assert not result.trade
    assert result.full_kelly == 0
    assert result.capped == 0
    assert "no edge" in result.reasons[0]


def test_too_few_trades_make_no_kelly() -> None:
    assert "at least 30 trades" in size(kelly(trades=29), MODERATE).reasons[0]
    assert size(kelly(trades=30), MODERATE).trade


def test_volatility_target_and_fixed_amount() -> None:
    assert size(ask("vol_target", target_volatility=0.10, volatility=0.80), MODERATE).uncapped == 1_250
    assert size(ask("fixed_quote", amount=Decimal(500)), MODERATE).uncapped == 500


def test_the_quantity_is_on_the_grid_and_the_risk_that_of_the_quantity() -> None:
    result = size(
        ask(risk=0.01, stop=0.10, price=Decimal("333.33"), quantity_step=Decimal("0.1"), min_amount=Decimal(1)),
        MODERATE,
    )
    assert result.quantity == Decimal("3.0")
    assert result.amount == Decimal("999.99")
    assert result.resulting_risk == Decimal("99.999")


def test_below_the_minimum_there_is_no_trade() -> None:
    small = ask(
        "fixed_quote", amount=Decimal(5), price=Decimal(100), quantity_step=Decimal("0.01"), min_amount=Decimal(10)
    )
    assert "minimum of 10" in size(small, MODERATE).reasons[0]
    none = ask("fixed_quote", amount=Decimal(5), price=Decimal(100), quantity_step=Decimal(1))
    assert "minimum of 1" in size(none, MODERATE).reasons[0]


def test_reward_to_risk_is_a_limit() -> None:
    assert "Reward to risk is 1.00" in size(ask(stop=0.05, target=0.05), MODERATE).reasons[0]
    assert size(ask(stop=0.02, target=0.04), PRESETS["conservative"]).trade


@pytest.mark.parametrize(
    "wrong",
    [
        ask(equity=Decimal("NaN"), stop=0.05),
        ask(equity=Decimal(-1), stop=0.05),
        ask(),
        ask(stop=float("nan")),
        ask(stop=1.5),
        ask(stop=0.05, risk=float("inf")),
        ask(stop=0.05, price=Decimal(0)),
        kelly(win_rate=float("nan")),
        kelly(average_loss=0.0),
        ask("vol_target", target_volatility=0.1, volatility=float("nan")),
        ask("fixed_quote"),
        ask("fixed_quote", amount=Decimal("Infinity")),
    ],
)
def test_what_is_missing_or_senseless_makes_no_trade_with_a_reason(wrong: SizeAsk) -> None:
    result = size(wrong, MODERATE)
    assert not result.trade
    assert result.reasons[0]
    assert result.amount == 0


def test_without_a_stop_everything_is_at_risk() -> None:
    result = size(ask("fixed_quote", amount=Decimal(500)), MODERATE)
    assert result.resulting_risk == 500
    assert any("Without a stop" in words for words in result.warnings)


@given(
    st.decimals(1, 10**7, places=2),
    st.floats(0.0001, 0.2),
    st.floats(0.001, 0.9),
    st.decimals("0.01", 10**5, places=2),
    st.sampled_from(list(PRESETS.values())),
)
def test_never_above_the_cap_and_never_more_risk_than_asked(
    equity: Decimal, risk: float, stop: float, price: Decimal, limits: Limits
) -> None:
    result = size(
        SizeAsk(
            kind="fixed_fractional", equity=equity, risk=risk, stop=stop, price=price, quantity_step=Decimal("0.0001")
        ),
        limits,
    )
    assert result.amount <= result.capped <= result.uncapped
    assert float(result.amount) <= float(equity) * limits.max_position * (1 + 1e-9)
    assert float(result.resulting_risk) <= float(equity) * risk * (1 + 1e-9)
