"""The kernel: compiled equals plain, walking equals stepping, and the books balance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from polotui.backtest.kernel import run
from polotui.backtest.kernel import shapes as k
from polotui.backtest.machine import Outcome, execute
from tests.backtest.conftest import prepared, random_rules, random_signals, walk_market

Simulate = Callable[..., float]


def random_run(seed: int, symbols: int, size: int = 400):
    market = walk_market(seed, size, symbols, gaps=0.02 if symbols > 1 else 0.0)
    signals = random_signals(seed, size * symbols)
    lot, tick = ((0.0, 0.0), (0.001, 0.01))[seed % 2]
    return prepared(market, signals, symbols=symbols, lot=lot, tick=tick, **random_rules(seed, symbols))


def same(one: Outcome, other: Outcome) -> None:
    assert np.array_equal(one.curve, other.curve, equal_nan=True)
    assert one.fills.tobytes() == other.fills.tobytes()
    assert one.trades.tobytes() == other.trades.tobytes()
    assert one.counts.tolist() == other.counts.tolist()


@pytest.mark.parametrize("symbols", [1, 3])
@pytest.mark.parametrize("seed", range(25))
def test_the_compiled_kernel_gives_the_bits_of_plain_python(seed: int, symbols: int, compiled_kernel: Simulate) -> None:
    case = random_run(seed, symbols)
    policy = int(case.rules["policy"])
    same(execute(case, policy, simulate=compiled_kernel), execute(case, policy, simulate=run.simulate))


@pytest.mark.parametrize("seed", range(300))
def test_walking_over_quiet_bars_changes_nothing(seed: int, compiled_kernel: Simulate) -> None:
    case = random_run(seed, 1, size=1_500)
    policy = int(case.rules["policy"])
    stepped = execute(case, policy, simulate=compiled_kernel, walk=False)
    walked = execute(case, policy, simulate=compiled_kernel, walk=True)
    same(walked, stepped)


@pytest.mark.parametrize("symbols", [1, 4])
@pytest.mark.parametrize("seed", range(40))
def test_cash_and_coins_are_a_fold_over_the_fills(seed: int, symbols: int, compiled_kernel: Simulate) -> None:
    """Equity at the end, from nothing but the fill log: written here once more, apart from the kernel."""
    case = random_run(seed, symbols)
    outcome = execute(case, int(case.rules["policy"]), simulate=compiled_kernel)
    if case.rules["borrow_per_bar"]:
        pytest.skip("interest is no fill")
    cash, held = float(case.rules["capital"]), [0.0] * symbols
    for fill in outcome.fills:
        spot_buy = fill["side"] > 0 and case.rules["fee_in_received"] and case.rules["spot"]
        value = fill["price"] * fill["quantity"]
        cash -= fill["side"] * value + (0.0 if spot_buy else fill["fee"])
        held[fill["symbol"]] += fill["side"] * fill["quantity"] - (fill["fee"] / fill["price"] if spot_buy else 0.0)
    closes = case.market[k.CLOSE].reshape(-1, symbols)
    last = [column[~np.isnan(column)][-1] for column in closes.T]
    worth = cash + sum(quantity * price for quantity, price in zip(held, last, strict=True))
    assert outcome.equity[-1] == pytest.approx(worth, rel=1e-9, abs=1e-6)
    if case.rules["spot"]:
        assert cash >= -1e-6
        assert min(held) >= -1e-9


@pytest.mark.parametrize("symbols", [1, 4])
@pytest.mark.parametrize("seed", range(40))
def test_profits_of_the_trades_add_up_to_the_change_of_equity(
    seed: int, symbols: int, compiled_kernel: Simulate
) -> None:
    case = random_run(seed, symbols)
    case.rules["least_amount"] = 0.0
    case.grids[k.LOT] = 0.0
    outcome = execute(case, int(case.rules["policy"]), simulate=compiled_kernel)
    total = outcome.trades["profit"].sum()
    assert outcome.equity[-1] - float(case.rules["capital"]) == pytest.approx(total, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_every_fill_lies_on_the_grid_and_within_the_bars_volume(seed: int, compiled_kernel: Simulate) -> None:
    case = random_run(seed, 1)
    case.grids[:] = [[0.01], [0.001]]
    case.rules["volume_share"] = 0.1
    outcome = execute(case, int(case.rules["policy"]), simulate=compiled_kernel)
    fills = outcome.fills
    quantities, prices = fills["quantity"] / 0.001, fills["price"] / 0.01
    market_fills = fills["maker"] == 0
    assert np.allclose(quantities, np.round(quantities), atol=1e-6)
    assert np.allclose(prices[market_fills], np.round(prices[market_fills]), atol=1e-6)
    liquidated = fills["reason"] == k.BY_LIQUIDATION
    volume = case.market[k.VOLUME][fills["bar"]]
    assert (fills["quantity"][~liquidated] <= 0.1 * volume[~liquidated] + 1e-9).all()


@pytest.mark.parametrize("seed", range(30))
def test_never_more_positions_than_places(seed: int, compiled_kernel: Simulate) -> None:
    case = random_run(seed, 4)
    outcome = execute(case, int(case.rules["policy"]), simulate=compiled_kernel)
    most = int(case.rules["max_positions"])
    for moment in range(0, len(case.time), 7):
        open_now = sum(
            trade["entry_bar"] <= moment and (trade["exit_bar"] > moment or trade["reason"] == k.AT_END)
            for trade in outcome.trades
        )
        assert open_now <= most


def test_a_log_that_is_too_short_is_made_longer(compiled_kernel: Simulate) -> None:
    size = 40_000
    market = walk_market("long", size)
    signals = np.zeros((4, size), np.uint8)
    signals[k.LONG_IN, ::2] = k.TRUE
    signals[k.LONG_OUT, 1::2] = k.TRUE
    outcome = execute(prepared(market, signals), 0, simulate=compiled_kernel)
    assert len(outcome.trades) == size // 2 - 1 + (outcome.trades["reason"][-1] == k.AT_END)
    assert len(outcome.fills) > 0.25 * size


def test_a_cancelled_run_stops(compiled_kernel: Simulate) -> None:
    from polotui.backtest.machine import Cancelled

    counts = np.zeros(k.COUNTS, np.int64)
    counts[k.CANCEL] = 1
    with pytest.raises(Cancelled):
        execute(random_run(1, 1), 0, simulate=compiled_kernel, counts=counts)
