"""All numbers of a run as the kernel takes them: one record of what the document, the settings and the span say.

Decided here: a DCA is an entry that may be added to, so it needs no kernel of its own; the grid has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from polotui.backtest.kernel import shapes as k
from polotui.backtest.settings import POLICIES, Settings
from polotui.model.candles import DAY_MS
from polotui.strategy.document.bind import Bound, Dca

_LOSS = {"none": k.NO_LEVEL, "percent": k.FRACTION, "atr": k.DISTANCE, "price_expr": k.PRICE}
_TARGETS = {"none": k.NO_LEVEL, "percent": k.FRACTION, "rr": k.MULTIPLE_OF_RISK, "price_expr": k.PRICE}
_TRAILS = {"none": k.NO_LEVEL, "percent": k.FRACTION, "atr": k.DISTANCE}
_ORDERS = {"market": k.MARKET, "limit": k.LIMIT, "stop": k.STOP_ENTRY}
_SIZES = {
    "fixed_fractional": k.BY_RISK,
    "kelly": k.BY_KELLY,
    "percent_equity": k.BY_EQUITY,
    "fixed_quote": k.BY_AMOUNT,
    "vol_target": k.BY_VOLATILITY,
}


_NAMES: tuple[str, ...] = k.RULES.names or ()


def record(bound: Bound, settings: Settings, symbols: int, first: int, last: int, frame_ms: int) -> Any:
    """The record of all numbers; the policy is that of the settings."""
    costs, stops, sizing, limits, orders = settings.costs, bound.stops, bound.sizing, bound.limits, bound.orders
    market = bound.document.market
    leverage = float(market.leverage)
    short = market.direction != "long"
    if sizing is None:
        return _of_executor(bound, settings, first, last, frame_ms)
    size_value = {
        "fixed_fractional": sizing.risk,
        "kelly": 0.01,
        "percent_equity": sizing.value,
        "fixed_quote": sizing.amount,
        "vol_target": sizing.target_vol,
    }[sizing.kind]
    target = stops.target
    numbers = {
        "capital": settings.capital,
        "leverage": leverage,
        "maintenance": costs.maintenance,
        "maker_fee": costs.maker_fee,
        "taker_fee": costs.taker_fee,
        "half_spread": costs.half_spread,
        "slippage": costs.slippage,
        "volume_share": costs.volume_share,
        "least_amount": costs.least_amount,
        "borrow_per_bar": costs.borrow_per_day * frame_ms / DAY_MS,
        "loss_value": stops.loss.value,
        "target_value": target.multiple if target.kind == "rr" else target.value,
        "trail_value": stops.trail.value,
        "trail_from": stops.trail.activate_at,
        "entry_offset": orders.limit_offset,
        "size_value": size_value,
        "size_cap": sizing.max_share * leverage,
        "kelly_win_rate": sizing.win_rate or 0.0,
        "kelly_payoff": sizing.payoff or 0.0,
        "kelly_fraction": sizing.fraction,
        "add_step": limits.add_step or 0.0,
        "symbols": symbols,
        "policy": POLICIES[settings.policy],
        "shorts": int(short),
        "spot": int(leverage == 1.0 and not short),
        "fee_in_received": int(costs.fee_in == "received"),
        "loss_kind": _LOSS[stops.loss.kind],
        "target_kind": _TARGETS[target.kind],
        "trail_kind": _TRAILS[stops.trail.kind],
        "time_bars": stops.time_bars or 0,
        "entry_kind": _ORDERS[orders.entry],
        "expire_bars": orders.expire_bars,
        "size_kind": _SIZES[sizing.kind],
        "kelly_trades": sizing.min_trades,
        "max_positions": limits.max_positions,
        "max_adds": limits.max_adds,
        "cooldown": bound.filters.cooldown_bars,
        "first": first,
        "last": last,
    }
    return filled(numbers)


def filled(numbers: Mapping[str, float]) -> Any:
    """The record with these numbers; what is not named is 0. In one go: each single assignment costs 10 µs."""
    unknown = numbers.keys() - set(_NAMES)
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    row = tuple(numbers.get(name, 0) for name in _NAMES)
    return np.array([row], k.RULES).view(np.recarray)[0]


def _of_executor(bound: Bound, settings: Settings, first: int, last: int, frame_ms: int) -> Any:
    """Those of an executor. DCA is an entry that may be added to; the grid has a kernel of its own."""
    costs, executor = settings.costs, bound.executor
    numbers: dict[str, float] = {
        "capital": settings.capital,
        "leverage": 1.0,
        "maker_fee": costs.maker_fee,
        "taker_fee": costs.taker_fee,
        "half_spread": costs.half_spread,
        "slippage": costs.slippage,
        "volume_share": costs.volume_share,
        "least_amount": costs.least_amount,
        "symbols": 1,
        "policy": POLICIES[settings.policy],
        "spot": 1,
        "fee_in_received": int(costs.fee_in == "received"),
        "expire_bars": 1,
        "max_positions": 1,
        "first": first,
        "last": last,
    }
    if isinstance(executor, Dca):
        numbers |= {
            "size_kind": k.BY_AMOUNT,
            "size_value": executor.amount,
            "max_adds": max(0, int(executor.max_total / executor.amount + 1e-9) - 1),
            "target_kind": k.NO_LEVEL if executor.take_profit is None else k.FRACTION,
            "target_value": executor.take_profit or 0.0,
            "loss_kind": k.NO_LEVEL if executor.stop is None else k.FRACTION,
            "loss_value": executor.stop or 0.0,
            "stop_follows": 1,
        }
    return filled(numbers)
