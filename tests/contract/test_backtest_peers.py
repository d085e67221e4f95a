"""Our backtests against vectorbt and backtesting.py: the same rules give the same fills and the same equity, and where
a default run differs, each rule that makes the difference is switched off by name. docs/backtest-peers.md has the
table."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("vectorbt", reason="vectorbt comes with the peers extra")
pytest.importorskip("vectorbt_rust", reason="vectorbt-rust comes with the peers extra")
pytest.importorskip("backtesting", reason="backtesting.py comes with the peers extra")

from polotui.backtest.kernel import shapes as k
from polotui.backtest.prepare import Prepared
from polotui.backtest.settings import Costs
from polotui.strategy.runtime.columns import Bars
from tests.contract.peer_runs import (
    FEE,
    STRATEGIES,
    backtesting,
    fills_of,
    hours,
    minutes,
    own,
    prepared_of,
    same_fills,
    text_of,
    vectorbt,
    with_costs,
)

pytestmark = pytest.mark.peer
FRAMES = {"1m": minutes, "1h": hours}


@pytest.fixture(autouse=True)
def kernel_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled once for the machine, like those of the backtester's own tests."""
    import os

    monkeypatch.setenv("POLOTUI_KERNEL_CACHE", str(Path(tempfile.gettempdir()) / f"polotui-test-kernels-{os.getuid()}"))


@pytest.fixture(scope="module", params=list(FRAMES))
def market(request: pytest.FixtureRequest) -> tuple[str, Bars]:
    return request.param, FRAMES[request.param]()


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_the_same_rules_give_the_fills_and_the_equity_of_both(market: tuple[str, Bars], strategy: str) -> None:
    frame, bars = market
    prepared = prepared_of(text_of(strategy, frame), bars)
    outcome, theirs = own(prepared), vectorbt(prepared)
    assert len(outcome.trades) > 50
    same_fills(fills_of(outcome), theirs.fills)
    np.testing.assert_allclose(outcome.equity, theirs.equity, rtol=1e-9)

    # backtesting.py buys whole units, and reports closed trades only.
    whole, other = own(with_costs(prepared, lot=1.0)), backtesting(prepared)
    same_fills(fills_of(whole)[: len(other.fills)], other.fills)
    assert len(whole.fills) - len(other.fills) in (0, 1)
    np.testing.assert_allclose(whole.equity[1:], other.equity[1:], rtol=1e-9)
    same_fills(fills_of(outcome)[: len(other.fills)], other.fills)


# -- what costs are, one rule after the other ------------------------------------------------------------------------

LARGE = 1e7
OURS = Costs(FEE, FEE)


@pytest.fixture(scope="module")
def hourly() -> Bars:
    return hours()


def crossing(bars: Bars, costs: Costs = OURS, stops: str = "", **more: Any) -> Prepared:
    return prepared_of(text_of("sma", "1h", stops), bars, costs, **more)


def final(prepared: Prepared) -> float:
    return float(own(prepared).equity[-1])


def test_a_default_run_becomes_vectorbts_when_its_rules_are_switched_off_one_after_the_other(hourly: Bars) -> None:
    prepared = crossing(hourly, capital=LARGE, grids={"BTC_USDT": (0.01, 0.001)})
    theirs = vectorbt(prepared, LARGE).final
    seen = [final(prepared)]
    for rule in (
        {"volume_share": 0.0},
        {"tick": 0.0},
        {"slippage": 0.0},
        {"half_spread": 0.0},
        {"fee_in_received": 0},
        {"lot": 0.0},
    ):
        assert seen[-1] != pytest.approx(theirs, rel=1e-9), f"nothing is left to switch off before {rule}"
        prepared = with_costs(prepared, **rule)
        seen.append(final(prepared))
        assert seen[-1] != seen[-2], f"{rule} makes no difference"
    assert seen[-1] == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(
    ("own_rules", "their_rules"),
    [
        ({"slippage": 0.0005}, {"slippage": 0.0005}),
        ({"slippage": 0.0005, "half_spread": 0.0001}, {"slippage": 0.0006}),
        ({"lot": 0.001}, {"size_granularity": 0.001}),
        ({"lot": 1.0}, {"size_granularity": 1.0}),
    ],
)
def test_a_rule_that_vectorbt_has_too_is_equal_when_both_have_it(
    hourly: Bars, own_rules: dict[str, float], their_rules: dict[str, float]
) -> None:
    plain = crossing(hourly, Costs(FEE, FEE, "quote", 0.0, 0.0, 0.0, least_amount=0.0), capital=LARGE)
    theirs = vectorbt(plain, LARGE, **their_rules)
    mine = own(with_costs(plain, **own_rules))
    same_fills(fills_of(mine), theirs.fills)
    np.testing.assert_allclose(mine.equity, theirs.equity, rtol=1e-9)
    assert theirs.final != pytest.approx(vectorbt(plain, LARGE).final, rel=1e-9)


def plain_crossing(bars: Bars, stops: str = "", **more: Any) -> Prepared:
    return crossing(bars, Costs(FEE, FEE, "quote", 0.0, 0.0, 0.0, least_amount=0.0), stops, **more)


def test_the_price_grid_is_that_of_prices_rounded_beforehand(hourly: Bars) -> None:
    plain = plain_crossing(hourly)
    opens = plain.market[k.OPEN]
    rises = np.zeros(len(opens), bool)
    rises[1:] = plain.signals[k.LONG_IN, :-1] == k.TRUE
    rounded = np.where(rises, np.ceil(opens / 5.0 - 1e-9), np.floor(opens / 5.0 + 1e-9)) * 5.0
    assert final(with_costs(plain, tick=5.0)) == pytest.approx(vectorbt(plain, price=rounded).final, rel=1e-9)


def test_a_fee_in_what_is_received_costs_its_square_more_for_each_trade(hourly: Bars) -> None:
    """Buying for all cash gets cash / p · (1 - f) coins instead of cash / (p · (1 + f))."""
    plain = plain_crossing(hourly)
    entries = sum(side > 0 for _, side, _ in vectorbt(plain).fills)
    expected = vectorbt(plain).final * (1.0 - FEE**2) ** entries
    assert final(with_costs(plain, fee_in_received=1)) == pytest.approx(expected, rel=1e-9)


def test_below_the_smallest_order_a_run_ends_and_theirs_goes_on(hourly: Bars) -> None:
    plain = plain_crossing(hourly, capital=1.005)
    limited = own(with_costs(plain, least_amount=1.0))
    # What cannot be sold stays, and the cash beside it buys nothing any more.
    assert sum(limited.refusals().values()) > 100
    assert limited.equity[-1] != pytest.approx(vectorbt(plain, 1.005).final, rel=1e-9)
    assert final(plain) == pytest.approx(vectorbt(plain, 1.005).final, rel=1e-9)


def test_an_open_position_is_valued_at_the_end_and_theirs_may_be_closed(hourly: Bars) -> None:
    whole = plain_crossing(hourly)
    last = own(whole).trades[-1]
    cut = hourly.slice(0, int(last["entry_bar"]) + 2)
    prepared = plain_crossing(cut)
    mine = own(with_costs(prepared, lot=1.0))
    assert mine.trades[-1]["reason"] == k.AT_END
    valued, closed = backtesting(prepared), backtesting(prepared, finish=True)
    assert mine.equity[-1] == pytest.approx(valued.final, rel=1e-9)
    assert own(prepared).equity[-1] == pytest.approx(vectorbt(prepared).final, rel=1e-9)
    # It sells at the open of the last bar, which a strategy could not have decided in time.
    held, (first, last) = mine.fills[-1]["quantity"], prepared.market[(k.OPEN, k.CLOSE), -1]
    assert mine.equity[-1] + held * (first * (1.0 - FEE) - last) == pytest.approx(closed.final, rel=1e-9)


# -- stops and targets -----------------------------------------------------------------------------------------------

LOSS = "stops: {loss: {kind: percent, value: 2%}}\n"
TARGET = "stops: {target: {kind: percent, value: 4%}}\n"
BOTH = "stops: {loss: {kind: percent, value: 2%}, target: {kind: percent, value: 4%}}\n"
TRAIL = "stops: {trail: {kind: percent, value: 1.5%}}\n"
W2 = BOTH.replace("}}", "}, trail: {kind: percent, value: 1.5%}}")
#: vectorbt reckons from the close of the entry's bar unless it is told otherwise.
FROM_FILL = {"stop_entry_price": "fillprice"}


def still(prepared: Prepared, *, level: bool = False) -> Prepared:
    """The same run on bars without what the conventions treat differently: each opens where the last one closed, and
    the bars that an entry or an exit opens stand still. `level`: no bar goes above its open and close."""
    acts = np.zeros(prepared.market.shape[1], bool)
    acts[1:] = (prepared.signals[k.LONG_IN, :-1] == k.TRUE) | (prepared.signals[k.LONG_OUT, :-1] == k.TRUE)
    market = prepared.market.copy()
    close = market[k.CLOSE]
    for bar in np.flatnonzero(acts):
        close[bar] = close[bar - 1]
    market[k.OPEN, 1:] = close[:-1]
    tops = [market[k.OPEN], close] if level else [market[k.OPEN], close, market[k.HIGH]]
    market[k.HIGH] = np.max(tops, axis=0)
    market[k.LOW] = np.min([market[k.OPEN], close, market[k.LOW]], axis=0)
    market[k.HIGH : k.LOW + 1, acts] = market[k.OPEN, acts]
    return replace(prepared, market=market)


@pytest.mark.parametrize(
    ("stops", "theirs"),
    [(LOSS, {"sl_stop": 0.02}), (TARGET, {"tp_stop": 0.04}), (BOTH, {"sl_stop": 0.02, "tp_stop": 0.04})],
)
def test_stops_and_targets_are_vectorbts_where_entry_and_exit_bars_stand_still(
    hourly: Bars, stops: str, theirs: dict[str, float]
) -> None:
    prepared = still(plain_crossing(hourly, stops))
    mine, other = own(prepared), vectorbt(prepared, **theirs, **FROM_FILL)
    levels = {k.BY_STOP, k.BY_TARGET} & set(mine.trades["reason"].tolist())
    assert len(levels) == len(theirs)
    same_fills(fills_of(mine), other.fills)
    np.testing.assert_allclose(mine.equity, other.equity, rtol=1e-9)


def test_where_they_move_three_conventions_part_them_and_nothing_else(hourly: Bars) -> None:
    """Ours tests the stop on the entry's bar; an exit at the open comes before a stop inside that bar; and a target
    that the open has passed fills at its own price, being a limit order that rests."""
    prepared = plain_crossing(hourly, BOTH.replace("2%", "1%").replace("4%", "2%"))
    mine, other = own(prepared), vectorbt(prepared, sl_stop=0.01, tp_stop=0.02, **FROM_FILL)
    exits = {
        bar: (out, price) for (bar, _, _), (out, _, price) in zip(other.fills[::2], other.fills[1::2], strict=False)
    }
    opens = prepared.market[k.OPEN]
    parted = {"entry's bar": 0, "exit's bar": 0, "passed target": 0}
    for trade in mine.trades[mine.trades["reason"] != k.AT_END]:
        out, price = exits[int(trade["entry_bar"])]
        if trade["exit_bar"] == trade["entry_bar"]:
            parted["entry's bar"] += 1
        elif trade["exit_bar"] == out and price == pytest.approx(trade["exit_price"], rel=1e-9):
            continue
        elif trade["reason"] == k.BY_RULE:
            assert trade["exit_bar"] == out
            assert trade["exit_price"] == opens[out]
            parted["exit's bar"] += 1
        else:
            assert (trade["exit_bar"], trade["reason"]) == (out, k.BY_TARGET)
            assert price == opens[out] > trade["exit_price"]
            parted["passed target"] += 1
    assert all(parted.values()), parted
    assert final(prepared) != pytest.approx(other.final, rel=1e-9)


def test_a_trailing_stop_ratchets_on_the_close_theirs_on_the_high(hourly: Bars) -> None:
    """Equal where no bar goes above its close, and there one stop beside the trail changes nothing."""
    assert final(still(plain_crossing(hourly, TRAIL))) != pytest.approx(
        vectorbt(still(plain_crossing(hourly, TRAIL)), sl_stop=0.015, sl_trail=True, **FROM_FILL).final, rel=1e-9
    )
    for stops, target in ((TRAIL, {}), (W2, {"tp_stop": 0.04})):
        prepared = still(plain_crossing(hourly, stops), level=True)
        mine = own(prepared)
        other = vectorbt(prepared, sl_stop=0.015, sl_trail=True, **target, **FROM_FILL)
        assert k.BY_TRAIL in mine.trades["reason"]
        same_fills(fills_of(mine), other.fills)
        np.testing.assert_allclose(mine.equity, other.equity, rtol=1e-9)


def test_slippage_moves_stops_and_no_targets_vectorbt_moves_both_or_neither(hourly: Bars) -> None:
    slips = {"slippage": 0.0005}
    for stops, theirs in ((LOSS, {"sl_stop": 0.02}), (TARGET, {"tp_stop": 0.04})):
        mine = own(with_costs(still(plain_crossing(hourly, stops)), **slips))
        prepared = still(plain_crossing(hourly, stops))
        both = vectorbt(prepared, **theirs, **slips, **FROM_FILL, stop_exit_price="stopmarket")
        neither = vectorbt(prepared, **theirs, **slips, **FROM_FILL, stop_exit_price="stoplimit")
        like, unlike = (both, neither) if stops is LOSS else (neither, both)
        same_fills(fills_of(mine), like.fills)
        assert mine.equity[-1] == pytest.approx(like.final, rel=1e-9)
        assert mine.equity[-1] != pytest.approx(unlike.final, rel=1e-9)


def test_backtesting_py_tests_the_stop_on_the_entrys_bar_as_we_do(hourly: Bars) -> None:
    """Its stop is a price that is known when the order is given, so ours is one here."""
    stops = "stops: {loss: {kind: price_expr, price: close * 0.98}}\n"
    prepared = with_costs(plain_crossing(hourly, stops), lot=1.0)
    mine, other = own(prepared), backtesting(prepared, loss=0.02)
    closed = mine.trades[mine.trades["reason"] != k.AT_END]
    assert np.count_nonzero(closed["exit_bar"] == closed["entry_bar"]) > 0
    same_fills(fills_of(mine)[: len(other.fills)], other.fills)
    np.testing.assert_allclose(mine.equity[1:], other.equity[1:], rtol=1e-9)
