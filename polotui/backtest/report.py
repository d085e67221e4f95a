"""A run's figures: what `metrics` makes of its curve and trades, buy-and-hold beside it, and the band of the policies.

Decided here: a position that is still open at the end is valued at the last close and shown among the trades, but is
no closed trade: the trade figures leave it out, the curve has it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from polotui.backtest.kernel import shapes as k
from polotui.backtest.machine import Outcome
from polotui.backtest.prepare import Prepared
from polotui.execution.fees import affordable, buy_receives
from polotui.execution.fills import market_price
from polotui.execution.grid import quantise
from polotui.metrics.summary import CurveInput, Summary, summarise
from polotui.metrics.trades import Labels, TradeColumns


@dataclass
class Report:
    """All that is stored of a run beside its fills and trades."""

    summary: Summary
    hold: k.Floats
    bands: dict[str, float] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    ambiguous: int = 0
    by_detail: int = 0


def report(prepared: Prepared, outcome: Outcome, trials: int = 1, variance: float | None = None) -> Report:
    """The figures of one outcome."""
    hold = buy_and_hold(prepared)
    time = prepared.time[prepared.first : prepared.last]
    capital = float(prepared.rules["capital"])
    curve = CurveInput(time, prepared.frame_ms, outcome.equity, capital, outcome.notional)
    market = CurveInput(time, prepared.frame_ms, hold, capital)
    summary = summarise(
        curve, trade_columns(prepared, outcome.trades), trials=trials, trial_sharpe_variance=variance, hold=market
    )
    return Report(
        summary=summary,
        hold=hold,
        refusals=outcome.refusals(),
        ambiguous=int(outcome.counts[k.AMBIGUOUS]),
        by_detail=int(outcome.counts[k.BY_DETAIL]),
    )


def trade_columns(prepared: Prepared, trades: Any) -> TradeColumns:
    """The closed trades as `metrics` wants them."""
    closed = trades[trades["reason"] != k.AT_END]
    time, step = prepared.time, prepared.frame_ms
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(closed["risk"] > 0.0, closed["profit"] / closed["risk"], np.nan)
    return TradeColumns(
        pnl=np.ascontiguousarray(closed["profit"]),
        entry_notional=np.ascontiguousarray(closed["invested"]),
        r=r,
        bars=closed["exit_bar"] - closed["entry_bar"] + 1,
        mae=np.ascontiguousarray(closed["worst"]),
        mfe=np.ascontiguousarray(closed["best"]),
        entry_ms=time[closed["entry_bar"]],
        exit_ms=time[closed["exit_bar"]] + step,
        reason=np.ascontiguousarray(closed["reason"]),
        reason_names=k.REASONS,
        labels={
            "symbol": Labels(np.ascontiguousarray(closed["symbol"]), prepared.symbols),
            "side": Labels((closed["direction"] < 0).astype(np.int64), ("long", "short")),
        },
    )


def buy_and_hold(prepared: Prepared) -> k.Floats:
    """Equity of buying each symbol for an equal part of the capital at the first open of the span, after the same
    costs."""
    rules, count = prepared.rules, len(prepared.symbols)
    first, last = prepared.first, prepared.last
    part = float(rules["capital"]) / count
    equity = np.zeros(last - first)
    for number in range(count):
        opens = prepared.market[k.OPEN, first * count + number : last * count : count]
        closes = _carried(prepared.market[k.CLOSE, first * count + number : last * count : count])
        start = int(np.argmax(~np.isnan(opens)))
        price = market_price(float(opens[start]), 1, float(rules["half_spread"]), float(rules["slippage"]), 0.0)
        in_received = bool(rules["fee_in_received"]) and bool(rules["spot"])
        fee = float(rules["taker_fee"])
        bought = quantise(affordable(part, price, fee, in_received), float(prepared.grids[k.LOT, number]))
        cash = part - (bought * price if in_received else bought * price * (1.0 + fee))
        worth = cash + buy_receives(bought, fee, in_received) * closes
        worth[:start] = part
        equity += worth
    return equity


def _carried(values: k.Floats) -> k.Floats:
    """Each gap filled with the value before it."""
    there = np.where(np.isnan(values), 0, np.arange(len(values)))
    return values[np.maximum.accumulate(there)]
