"""Figures of closed positions, each with its sum done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.metrics import trades as t
from polotui.metrics.figure import Figure, unknown
from tests.metrics.samples import UNTIMED, trades

RESULTS = st.lists(
    st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-6), max_size=50
)
#: Five wins of 300, four losses of −200, one break-even.
FIXTURE = [100.0, 50.0, -80.0, 0.0, 30.0, 20.0, 100.0, -20.0, -60.0, -40.0]


def values(figures: dict[str, Figure]) -> dict[str, float | None]:
    return {name: figure.value for name, figure in figures.items()}


def test_results_in_money_by_hand() -> None:
    assert values(t.result_figures(np.array(FIXTURE))) == pytest.approx(
        {
            "trades": 10,
            "wins": 5,
            "losses": 4,
            "break_evens": 1,
            "win_rate": 5 / 10,
            "profit_factor": 300 / 200,
            "net_profit": 300 - 200,
            "expectancy": 100 / 10,
            "average_win": 300 / 5,
            "average_loss": -200 / 4,
            "payoff": 60 / 50,
            "largest_win": 100,
            "largest_loss": -80,
        }
    )


def test_the_rest_by_hand() -> None:
    figures = t.trade_figures(trades(FIXTURE))
    # Each entry is 1,000: 100 / 1,000 over ten trades.
    assert figures["expectancy_percent"].value == pytest.approx(0.01)
    assert figures["average_bars"].value == 2
    assert figures["average_hours"].value == 2
    assert figures["average_mae"].value == pytest.approx(-0.01)
    assert figures["average_mfe"].value == pytest.approx(0.02)
    # W W L 0 W W W L L L: three wins in a row, three losses, and those run now.
    assert (figures["longest_wins"].value, figures["longest_losses"].value) == (3, 3)
    assert figures["streak"].value == -3


def test_percent_expectancy_weighs_trades_not_money() -> None:
    columns = trades([10.0, -10.0])
    columns.entry_notional[:] = [100.0, 1000.0]
    # (10 % − 1 %) / 2.
    assert t.trade_figures(columns)["expectancy_percent"].value == pytest.approx(0.045)
    columns.entry_notional[0] = 0.0
    assert "no entry notional" in t.trade_figures(columns)["expectancy_percent"].reason


def test_figures_in_r_by_hand() -> None:
    r = np.array([2.0, -1.0, 2.0, -1.0, np.nan])
    figures = t.r_figures(r, 5)
    # Mean 0.5, each 1.5 away: spread √(4 × 2.25 / 3).
    assert figures["trades_with_r"].value == 4
    assert figures["expectancy_r"].value == pytest.approx(0.5)
    assert figures["sqn"].value == pytest.approx(2 * 0.5 / math.sqrt(3))
    assert figures["sqn"] == figures["sqn_uncapped"]


def test_the_quality_number_is_capped_at_a_hundred_trades() -> None:
    figures = t.r_figures(np.tile([2.0, -1.0], 200), 400)
    spread = math.sqrt(400 * 2.25 / 399)
    assert figures["sqn"].value == pytest.approx(10 * 0.5 / spread)
    assert figures["sqn_uncapped"].value == pytest.approx(20 * 0.5 / spread)


def test_kelly_by_hand() -> None:
    # 12 wins of 2 R and 18 losses of 1 R: W = 0.4, payoff 2, 0.4 − 0.6 / 2.
    figures = t.r_figures(np.array([2.0] * 12 + [-1.0] * 18), 30)
    assert figures["kelly"].value == pytest.approx(0.1)
    assert figures["kelly_used"].value == pytest.approx(0.025)


def test_kelly_is_floored_and_withheld() -> None:
    assert t.kelly_fraction(np.array([1.0] * 10 + [-1.0] * 20)).value == 0.0
    assert t.kelly_fraction(np.full(30, -1.0)).value == 0.0
    assert t.kelly_fraction(np.full(29, -1.0)).reason == "needs 30 trades with R, has 29"
    assert t.kelly_fraction(np.full(30, 1.0)) == unknown(t.NO_LOSSES)


def test_without_trades_counts_are_zero_and_the_rest_is_unknown() -> None:
    figures = t.trade_figures(t.no_trades())
    zero = {name for name, figure in figures.items() if figure.value == 0}
    assert zero == {"trades", "wins", "losses", "break_evens", "net_profit", "trades_with_r"}
    for name in figures.keys() - zero - {"kelly", "kelly_used"}:
        assert figures[name] == unknown(t.NO_TRADES), name
    assert figures["kelly"].reason == figures["kelly_used"].reason == "needs 30 trades with R, has 0"


def test_only_wins_have_no_profit_factor_and_only_losses_one_of_zero() -> None:
    wins = t.result_figures(np.array([1.0, 2.0]))
    assert wins["profit_factor"] == wins["payoff"] == wins["average_loss"] == wins["largest_loss"]
    assert wins["profit_factor"] == unknown("no losses")
    losses = t.result_figures(np.array([-1.0]))
    assert losses["profit_factor"].value == 0.0
    assert losses["payoff"] == losses["average_win"] == losses["largest_win"] == unknown("no wins")


def test_without_stops_there_is_no_r() -> None:
    figures = t.trade_figures(trades([1.0, -1.0]))
    assert figures["trades_with_r"].value == 0
    for name in ("expectancy_r", "sqn", "sqn_uncapped"):
        assert figures[name] == unknown(t.NO_R)


def test_equal_or_single_r_have_no_quality_number() -> None:
    assert t.sqn(np.array([1.0])).reason == "needs 2 trades with R, has 1"
    assert t.sqn(np.full(7, 0.1)).reason == "all trades made the same R"


def test_points_that_were_not_recorded_are_unknown() -> None:
    columns = trades([1.0])
    columns.mae[:] = np.nan
    assert t.trade_figures(columns)["average_mae"].reason == "not recorded"


def test_a_break_even_ends_a_streak() -> None:
    assert values(t.streaks(np.array([1.0, 1.0, 0.0]))) == {"longest_wins": 2, "longest_losses": 0, "streak": 0}


@pytest.mark.parametrize("pnl", [[math.nan], [math.inf]])
def test_columns_that_cannot_be_trades_are_refused(pnl: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        trades(pnl)
    with pytest.raises(ValueError, match="differ in length"):
        trades([1.0], r=[1.0, 2.0])


def test_bins_by_hand() -> None:
    # From −80 to 100 in 20 bins of at least 9: the next round width is 10.
    bins = t.distribution(np.array(FIXTURE))
    assert {(row.low, row.high): row.count for row in bins if row.count} == {
        (-80, -70): 1,
        (-60, -50): 1,
        (-40, -30): 1,
        (-20, -10): 1,
        (0, 10): 1,
        (20, 30): 1,
        (30, 40): 1,
        (50, 60): 1,
        (100, 110): 2,
    }
    assert t.distribution(np.array([np.nan])) == ()
    assert t.distribution(np.zeros(3)) == (t.Bin(0.0, 1.0, 3),)


@UNTIMED
@given(RESULTS.filter(bool), st.integers(1, 40))
def test_bins_hold_every_trade_once_and_never_mix_wins_with_losses(pnl: list[float], bins: int) -> None:
    rows = t.distribution(np.array(pnl), bins)
    assert sum(row.count for row in rows) == len(pnl)
    assert len(rows) <= bins + 2
    assert all(row.high <= 0 or row.low >= 0 for row in rows)
    assert sum(row.count for row in rows if row.high <= 0) == sum(value < 0 for value in pnl)


@UNTIMED
@given(RESULTS, st.randoms(use_true_random=False))
def test_the_order_matters_to_streaks_only(pnl: list[float], chance: object) -> None:
    other = list(pnl)
    chance.shuffle(other)  # type: ignore[attr-defined]
    one, two = t.trade_figures(trades(pnl)), t.trade_figures(trades(other))
    for name in one.keys() - {"longest_wins", "longest_losses", "streak"}:
        assert one[name].reason == two[name].reason
        assert one[name].value == pytest.approx(two[name].value, rel=1e-9, abs=1e-6), name


@UNTIMED
@given(RESULTS, st.sampled_from([0.5, 2.0, 1024.0]))
def test_ratios_do_not_depend_on_the_currency(pnl: list[float], scale: float) -> None:
    one, two = t.result_figures(np.array(pnl)), t.result_figures(np.array(pnl) * scale)
    for name in ("wins", "losses", "break_evens", "win_rate", "profit_factor", "payoff"):
        assert one[name].value == pytest.approx(two[name].value, rel=1e-12)
    for name in ("net_profit", "expectancy", "average_win", "average_loss", "largest_win", "largest_loss"):
        if one[name].value is not None:
            assert two[name].value == pytest.approx(one[name].value * scale, rel=1e-9)


@UNTIMED
@given(RESULTS)
def test_every_trade_is_a_win_a_loss_or_a_break_even(pnl: list[float]) -> None:
    found = values(t.result_figures(np.array(pnl)))
    assert found["trades"] == found["wins"] + found["losses"] + found["break_evens"] == len(pnl)
