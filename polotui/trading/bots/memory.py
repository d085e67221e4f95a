"""The kernel's records as plain Python objects: what a bot's decisions are made from, and what must survive a restart.

Decided here:
* Every field begins as in the backtest's zeroed memory, because what zero means (no order, no reason) is the kernel's.
* Nothing but numbers, so that a position can be written down and read back to the last bit. NaN is written as null.
* The trade log grows without end for whoever reads its size, and keeps of old trades only what Kelly needs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from polotui.backtest.kernel import shapes as k

_FIELDS: dict[str, type] = {
    name: float if k.POSITION.fields[name][0].kind == "f" else int  # type: ignore[index]
    for name in k.POSITION.names or ()
}
_NEVER_FULL = 1 << 62


def new_position() -> Any:
    """A position as the backtest begins with one."""
    return SimpleNamespace(**{name: kind() for name, kind in _FIELDS.items()})


def position_state(position: Any) -> dict[str, float | int | None]:
    """The fields that are not zero."""
    state: dict[str, float | int | None] = {}
    for name, kind in _FIELDS.items():
        value = kind(getattr(position, name))
        if value != 0:
            state[name] = None if math.isnan(value) else value
    return state


def position_of(state: Mapping[str, Any]) -> Any:
    position = new_position()
    for name, value in state.items():
        setattr(position, name, math.nan if value is None else _FIELDS[name](value))
    return position


def plain_rules(record: Any) -> Any:
    """The record of all numbers as an object; reading a numpy record takes longer."""
    return SimpleNamespace(**{name: record[name].item() for name in k.RULES.names or ()})


class TradeLog:
    """What the kernel writes trades to and Kelly reads them from. `last` is the row that was written last."""

    shape = (_NEVER_FULL,)

    def __init__(self, results: list[tuple[float, float]] | None = None) -> None:
        #: Profit and invested amount of each trade, in their order.
        self.results = results or []
        self.last: Any = None

    def __getitem__(self, place: int) -> Any:
        if place < len(self.results):
            profit, invested = self.results[place]
            return SimpleNamespace(profit=profit, invested=invested)
        self.last = SimpleNamespace()
        return self.last

    def take(self) -> Any:
        """The row that was written since the last call, or None."""
        row, self.last = self.last, None
        if row is not None:
            self.results.append((float(row.profit), float(row.invested)))
        return row


class NoLog:
    """Where the kernel's fill rows go: a bot's fills are the ledger's."""

    shape = (_NEVER_FULL,)

    def __getitem__(self, place: int) -> Any:
        return SimpleNamespace()


def new_counts() -> list[int]:
    return [0] * k.COUNTS
