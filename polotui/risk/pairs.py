"""Symbols that only cost money: when a pair is locked, why, and until when.

A pair is locked after 5 losses in a row, or when its total return is below -10 % over at least 3 trades, all strategies
together. The rules run after each closed trade and over all pairs once a week.

Decided here:
* The total return is profit over what was invested, summed over the trades that count.
* A lock lasts 30 days. When it ends, or a person enables the pair before, a grace of 30 days begins in which trades
  closed before do not count; new ones count at once. After the grace the whole record counts again. A lock that a
  person set and that runs out begins no grace.
* A person's word stands above the rules: a pair that is always allowed is never locked, one that is locked by hand
  stays so until its own end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from polotui.risk.values import PairLock

DAY_MS = 86_400_000
LOSSES_IN_A_ROW = 5
WORST_RETURN = Decimal("-0.10")
LEAST_TRADES = 3
GRACE_MS = 30 * DAY_MS
LOCK_MS = 30 * DAY_MS
REVIEW_MS = 7 * DAY_MS

LOSSES, RETURN, BY_HAND = "PAIR-LOSSES", "PAIR-RETURN", "PAIR-BY-HAND"
ZERO = Decimal(0)


class PairTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A closed trade of any strategy or by hand; profit after fees."""

    symbol: str
    closed_ms: int
    profit: Decimal
    invested: Decimal


class PairState(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a pair beside its trades. `enabled_ms`: when it was last enabled again; None: never locked."""

    symbol: str
    enabled_ms: int | None = None
    always_allowed: bool = False
    lock: PairLock | None = None


class PairFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One pair's record. `total_return` None: nothing was invested. `losses_in_a_row` up to the newest trade."""

    symbol: str
    trades: int
    wins: int
    losses: int
    win_rate: float | None
    profit: Decimal
    invested: Decimal
    total_return: float | None
    losses_in_a_row: int
    best: Decimal | None
    worst: Decimal | None
    last_ms: int | None
    in_grace: bool
    counted: int
    lock: PairLock | None


def counted(trades: Iterable[PairTrade], state: PairState, now_ms: int) -> list[PairTrade]:
    """The trades that the rules look at, oldest first: during the grace only those since the pair was enabled."""
    mine = sorted((trade for trade in trades if trade.symbol == state.symbol), key=lambda trade: trade.closed_ms)
    if in_grace(state, now_ms):
        return [trade for trade in mine if trade.closed_ms >= (enabled_at(state, now_ms) or 0)]
    return mine


def enabled_at(state: PairState, now_ms: int) -> int | None:
    """When the pair was last allowed again: by hand, or because its lock ended."""
    ended = state.lock.until_ms if state.lock is not None and state.lock.until_ms <= now_ms else None
    times = [time for time in (state.enabled_ms, ended) if time is not None]
    return max(times) if times else None


def in_grace(state: PairState, now_ms: int) -> bool:
    since = enabled_at(state, now_ms)
    return since is not None and now_ms < since + GRACE_MS


def locked(state: PairState, now_ms: int) -> bool:
    """A lock by the rules ends early when the pair was enabled since."""
    return state.lock is not None and state.lock.until_ms > now_ms


def propose(trades: Iterable[PairTrade], state: PairState, now_ms: int) -> PairLock | None:
    """The lock that the rules ask for now; None when the pair may go on or is locked already."""
    if state.always_allowed or locked(state, now_ms):
        return None
    rows = counted(trades, state, now_ms)
    until = now_ms + LOCK_MS
    streak = _streak(rows)
    if streak >= LOSSES_IN_A_ROW:
        return PairLock(symbol=state.symbol, code=LOSSES, reason=f"{streak} losses in a row.", until_ms=until)
    invested = sum((trade.invested for trade in rows), ZERO)
    profit = sum((trade.profit for trade in rows), ZERO)
    if len(rows) >= LEAST_TRADES and invested > 0 and profit < WORST_RETURN * invested:
        reason = f"A return of {float(profit / invested):.1%} over {len(rows)} trades."
        return PairLock(symbol=state.symbol, code=RETURN, reason=reason, until_ms=until)
    return None


def review(trades: Iterable[PairTrade], states: Mapping[str, PairState], now_ms: int) -> list[PairLock]:
    """The locks that the rules ask for over all pairs, by symbol."""
    rows: dict[str, list[PairTrade]] = {}
    for trade in trades:
        rows.setdefault(trade.symbol, []).append(trade)
    found = (propose(rows[symbol], states.get(symbol, PairState(symbol=symbol)), now_ms) for symbol in sorted(rows))
    return [lock for lock in found if lock is not None]


def review_due(last_ms: int | None, now_ms: int) -> bool:
    return last_ms is None or now_ms - last_ms >= REVIEW_MS


def enable(state: PairState, now_ms: int) -> PairState:
    """A person allows the pair again: the grace begins."""
    return msgspec.structs.replace(state, enabled_ms=now_ms, lock=None)


def lock_by_hand(symbol: str, reason: str, until_ms: int) -> PairLock:
    return PairLock(symbol=symbol, code=BY_HAND, reason=reason or "Locked by hand.", until_ms=until_ms)


def figures(trades: Iterable[PairTrade], state: PairState, now_ms: int) -> PairFigures:
    """The pair's whole record, whatever the grace leaves out of it."""
    rows = sorted((trade for trade in trades if trade.symbol == state.symbol), key=lambda trade: trade.closed_ms)
    profits = [trade.profit for trade in rows]
    invested, profit = sum((trade.invested for trade in rows), ZERO), sum(profits, ZERO)
    wins = sum(value > 0 for value in profits)
    return PairFigures(
        symbol=state.symbol,
        trades=len(rows),
        wins=wins,
        losses=sum(value < 0 for value in profits),
        win_rate=wins / len(rows) if rows else None,
        profit=profit,
        invested=invested,
        total_return=float(profit / invested) if invested > 0 else None,
        losses_in_a_row=_streak(rows),
        best=max(profits, default=None),
        worst=min(profits, default=None),
        last_ms=rows[-1].closed_ms if rows else None,
        in_grace=in_grace(state, now_ms),
        counted=len(counted(rows, state, now_ms)),
        lock=state.lock if locked(state, now_ms) else None,
    )


def locked_share(states: Iterable[PairState], traded: int, now_ms: int) -> float | None:
    """Locked pairs among those traded; above 5 % the strategies rather than the pairs deserve a look."""
    return sum(locked(state, now_ms) for state in states) / traded if traded else None


def _streak(rows: list[PairTrade]) -> int:
    count = 0
    for trade in reversed(rows):
        if trade.profit >= 0:
            break
        count += 1
    return count
