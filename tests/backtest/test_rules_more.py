"""Orders that meet each other: adds, reversals, resting entries and grids, on bars made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.backtest.kernel import shapes as k
from polotui.backtest.kernel.grid import simulate_grid
from tests.backtest.conftest import rules
from tests.backtest.test_rules import FLAT, market, outcome_of


def test_an_add_without_a_step_is_made_below_the_last_fill_too() -> None:
    lower = (90.0, 90.0, 90.0, 90.0, 1e3)
    outcome = outcome_of(
        [FLAT, FLAT, lower, lower], {k.LONG_IN: [0, 2]}, size_kind=k.BY_AMOUNT, size_value=1_000.0, max_adds=1
    )
    assert outcome.fills["reason"].tolist() == [k.ENTRY, k.ADD]
    assert outcome.fills["price"].tolist() == [100.0, 90.0]


def test_a_reversal_that_cannot_be_ordered_leaves_no_order_of_the_old_side() -> None:
    """The rest of the long entry waits when the short signal comes; the short has no size."""
    levels = np.full((5, 6), np.nan)
    levels[k.SIZE, 0] = 1.0
    thin = (100.0, 100.0, 100.0, 100.0, 1.0)
    outcome = outcome_of(
        [FLAT, thin, FLAT, FLAT, FLAT, FLAT], {k.LONG_IN: [0], k.SHORT_IN: [1]}, levels=levels, spot=0, shorts=1,
        volume_share=0.1, expire_bars=5, size_kind=k.BY_VOLATILITY, size_value=1.0,
    )  # fmt: skip
    assert outcome.fills["reason"].tolist() == [k.ENTRY, k.BY_REVERSAL]


@pytest.mark.parametrize(
    ("direction", "stop", "bar"),
    [(1, 97.0, (100.0, 100.0, 94.0, 96.0, 1e3)), (-1, 103.0, (100.0, 106.0, 100.0, 104.0, 1e3))],
)
def test_a_stop_price_that_a_limit_entry_lies_beyond_is_refused(direction: int, stop: float, bar: tuple) -> None:
    """Bought at 95 with a stop at 97, the stop would sell at a profit that no market pays."""
    levels = np.full((5, 3), stop)
    outcome = outcome_of(
        [FLAT, bar, FLAT], {k.LONG_IN if direction > 0 else k.SHORT_IN: [0]}, levels=levels, spot=0, shorts=1,
        loss_kind=k.PRICE, entry_kind=k.LIMIT, entry_offset=0.05,
    )  # fmt: skip
    assert len(outcome.fills) == 0
    assert outcome.refusals() == {"the stop would lie on the wrong side": 1}


def test_size_by_risk_counts_from_the_price_of_a_limit_entry() -> None:
    levels = np.full((5, 4), 90.0)
    bars = [FLAT, (100.0, 100.0, 94.0, 96.0, 1e4), (96.0, 96.0, 89.0, 89.0, 1e4), FLAT]
    outcome = outcome_of(
        bars, {k.LONG_IN: [0]}, levels=levels, loss_kind=k.PRICE, entry_kind=k.LIMIT, entry_offset=0.05,
        size_kind=k.BY_RISK, size_value=0.01,
    )  # fmt: skip
    assert outcome.equity[-1] == pytest.approx(9_900.0)


def test_an_add_inside_a_bar_does_not_leave_at_the_target_of_the_same_bar() -> None:
    wide = (100.0, 121.0, 90.0, 100.0, 1e3)
    changes = {
        "size_kind": k.BY_AMOUNT, "size_value": 1_000.0, "max_adds": 1, "entry_kind": k.LIMIT, "entry_offset": 0.05,
        "target_kind": k.FRACTION, "target_value": 0.2,
    }  # fmt: skip
    first = (100.0, 100.0, 94.0, 100.0, 1e3)
    outcome = outcome_of([FLAT, first, wide, FLAT], {k.LONG_IN: [0, 1]}, **changes)
    assert outcome.fills["reason"].tolist() == [k.ENTRY, k.ADD]


@pytest.mark.parametrize(("open_", "reason", "price"), [(120.0, k.BY_TARGET, 114.0), (80.0, k.BY_STOP, 80.0)])
def test_what_the_open_has_passed_happens_before_an_add_inside_the_bar(open_: float, reason: int, price: float) -> None:
    """Bought at 95; target 114, stop 85.5. The add waits at 93.1, where the bar comes to after its open."""
    gap = (open_, max(open_, 100.0), 70.0, 90.0, 1e3)
    outcome = outcome_of(
        [FLAT, (95.0, 96.0, 94.0, 95.0, 1e3), gap, FLAT], {k.LONG_IN: [0, 1]}, size_kind=k.BY_AMOUNT,
        size_value=1_000.0, max_adds=1, entry_kind=k.LIMIT, entry_offset=0.02, target_kind=k.FRACTION,
        target_value=0.2, loss_kind=k.FRACTION, loss_value=0.1,
    )  # fmt: skip
    assert outcome.fills["reason"].tolist() == [k.ENTRY, reason]
    assert outcome.fills["price"][1] == pytest.approx(price)


def test_the_stop_counts_where_lower_bars_are_missing_within_a_bar() -> None:
    bars = [FLAT, FLAT, (100.0, 106.0, 94.0, 100.0, 1e3), FLAT]
    detail = np.array([[100.0], [101.0], [99.0]])
    detail_of = np.array([[0, 0, 0, 1], [0, 0, 1, 1]])
    outcome = outcome_of(
        bars, {k.LONG_IN: [0]}, policy=3, detail=detail, detail_of=detail_of, loss_kind=k.FRACTION, loss_value=0.05,
        target_kind=k.FRACTION, target_value=0.05,
    )  # fmt: skip
    assert outcome.fills["reason"].tolist() == [k.ENTRY, k.BY_STOP]


def grid_run(bars: list[tuple[float, ...]], **changes: float):
    rows = market(*bars)  # type: ignore[arg-type]
    prices = np.array([90.0, 100.0, 110.0, 120.0])
    fills, trades = np.zeros(99, k.FILL).view(np.recarray), np.zeros(99, k.TRADE).view(np.recarray)
    counts, curve = np.zeros(k.COUNTS, np.int64), np.zeros((2, rows.shape[1]))
    given = rules(first=0, last=rows.shape[1], **changes)
    simulate_grid(np.zeros((4, 6)), prices, fills, trades, counts, curve, given, np.zeros((2, 1)), rows, 1_000.0, 0.0)
    return fills[: counts[k.FILLS]], trades[: counts[k.TRADES]], curve[k.EQUITY]


def test_a_grid_does_not_buy_above_the_market() -> None:
    """At 105 only the levels below wait; that at 110 waits until the price has been above it."""
    quiet = (105.0, 106.0, 104.0, 105.0, 1e3)
    fills, _, equity = grid_run([quiet] * 3)
    assert len(fills) == 0
    assert equity.tolist() == [10_000.0] * 3
    above = (105.0, 112.0, 104.0, 111.0, 1e3)
    fills, _, _ = grid_run([quiet, above, (111.0, 111.0, 105.0, 106.0, 1e3)])
    assert fills["price"].tolist() == [110.0]


def test_a_grid_buys_again_after_a_sale() -> None:
    down, up = (105.0, 105.0, 99.0, 99.5, 1e3), (99.5, 110.5, 99.5, 109.0, 1e3)
    fills, trades, equity = grid_run([down, up, down, up])
    assert fills["price"].tolist() == [100.0, 110.0, 100.0, 110.0]
    assert trades["profit"].tolist() == pytest.approx([100.0, 100.0])
    assert equity[-1] == pytest.approx(10_200.0)


def test_a_grid_that_still_holds_coins_says_so() -> None:
    """What was bought and not sold is an open trade at the last close, as with every other strategy."""
    fills, trades, equity = grid_run([(105.0, 105.0, 99.0, 99.5, 1e3), (99.5, 100.0, 95.0, 95.0, 1e3)])
    assert fills["side"].tolist() == [1]
    assert trades["reason"].tolist() == [k.AT_END]
    assert trades["profit"].sum() == pytest.approx(equity[-1] - 10_000.0)


def test_an_exit_under_way_takes_one_share_of_each_bar() -> None:
    fall = (100.0, 100.0, 90.0, 90.0, 100.0)
    low = (90.0, 90.0, 90.0, 90.0, 100.0)
    outcome = outcome_of(
        [FLAT, FLAT, fall, low, low], {k.LONG_IN: [0]}, volume_share=0.1, loss_kind=k.FRACTION, loss_value=0.05
    )
    assert outcome.fills["bar"].tolist() == [1, 2, 3, 4]
    assert outcome.trades[0]["worst"] == pytest.approx(-0.1)
    assert outcome.fills["quantity"].tolist() == pytest.approx([100.0, 10.0, 10.0, 10.0])


def test_what_a_stop_left_saw_the_whole_bar() -> None:
    fall = (100.0, 100.0, 80.0, 90.0, 100.0)
    outcome = outcome_of([FLAT, FLAT, fall], {k.LONG_IN: [0]}, volume_share=0.1, loss_kind=k.FRACTION, loss_value=0.05)
    assert outcome.trades[0]["worst"] == pytest.approx(-0.2)
