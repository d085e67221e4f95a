"""The trades by hour, weekday, exit reason, symbol, or any label: where does the money come from?

Decided here: hour and weekday are those of the **entry**, in UTC, because that is the decision a trader can change. All
24 hours and all 7 weekdays have a row, also those without trades; of names only those that occur. Every row counts its
trades: with few of them it is an anecdote, and who shows it shows the count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polotui.metrics.daily import DAY_MS, Longs
from polotui.metrics.figure import Figure
from polotui.metrics.trades import HOUR_MS, TradeColumns, result_figures

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS = tuple(f"{hour:02d}:00" for hour in range(24))

#: 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One group. `share` is its part of all trades."""

    name: str
    trades: int
    share: float
    figures: dict[str, Figure]


def by_hour(trades: TradeColumns) -> tuple[Row, ...]:
    return _rows(trades, trades.entry_ms % DAY_MS // HOUR_MS, HOURS, empty=True)


def by_weekday(trades: TradeColumns) -> tuple[Row, ...]:
    return _rows(trades, (trades.entry_ms // DAY_MS + _FIRST_WEEKDAY) % 7, WEEKDAYS, empty=True)


def by_reason(trades: TradeColumns) -> tuple[Row, ...]:
    return _rows(trades, trades.reason, trades.reason_names, empty=False)


def by_label(trades: TradeColumns, label: str) -> tuple[Row, ...]:
    """By symbol, strategy or tag: whatever `trades.labels` holds. A label that it does not hold has no rows."""
    if label not in trades.labels:
        return ()
    labels = trades.labels[label]
    return _rows(trades, labels.codes, labels.names, empty=False)


def breakdowns(trades: TradeColumns) -> dict[str, tuple[Row, ...]]:
    """All of them: hour, weekday, reason, and one for each label."""
    found = {"hour": by_hour(trades), "weekday": by_weekday(trades), "reason": by_reason(trades)}
    return found | {label: by_label(trades, label) for label in trades.labels}


def _rows(trades: TradeColumns, codes: Longs, names: tuple[str, ...], *, empty: bool) -> tuple[Row, ...]:
    if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < len(names):
        raise ValueError(f"codes from {codes.min()} to {codes.max()} for {len(names)} names")
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(len(names) + 1)).tolist()
    ordered = trades.pnl[order]
    return tuple(
        Row(name, end - start, (end - start) / len(trades) if len(trades) else 0.0, result_figures(ordered[start:end]))
        for name, start, end in zip(names, edges[:-1], edges[1:], strict=True)
        if empty or end > start
    )
