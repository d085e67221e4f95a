"""Taking from the visible book, and remembering what was taken, because the real book does not know of us.

Decided here:
* Each level gives at most what it shows, less what this venue took from it before.
* What was taken stays taken while the level stands: a level that grows gives only its growth; one that falls below
  what was taken caps it, because those orders are gone; one that vanishes is forgotten. A price that leaves the visible
  levels is remembered for `HIDDEN_MS` of the book's time, because its orders may still be there when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from polotui.model.orders import Side
from polotui.trading.paper.grid import EXACT, Grid
from polotui.trading.paper.models import LiveBook

HIDDEN_MS = 60_000


@dataclass(frozen=True, slots=True)
class Piece:
    """What one level of the book gives: `level` is its price in the stream, `price` what we pay or get."""

    level: float
    price: Decimal
    lots: int


class Taken:
    """Lots that this venue took from the levels of one side of one book."""

    __slots__ = ("_bids", "_grid", "_hidden", "_lots")

    def __init__(self, grid: Grid, *, bids: bool) -> None:
        self._grid = grid
        self._bids = bids
        self._lots: dict[float, int] = {}
        self._hidden: dict[float, int] = {}

    def __bool__(self) -> bool:
        return bool(self._lots)

    def at(self, level: float) -> int:
        return self._lots.get(level, 0)

    def add(self, level: float, lots: int) -> None:
        self._lots[level] = self._lots.get(level, 0) + lots

    def see(self, book: LiveBook) -> None:
        """Looks at a book that changed."""
        gone: list[float] = []
        for level, lots in self._lots.items():
            size = book.size_at(level, bids=self._bids)
            if size is None:
                if book.ts_ms - self._hidden.setdefault(level, book.ts_ms) > HIDDEN_MS:
                    gone.append(level)
                continue
            self._hidden.pop(level, None)
            shown = self._grid.lots_shown(size)
            if shown <= 0:
                gone.append(level)
            elif shown < lots:
                self._lots[level] = shown
        for level in gone:
            del self._lots[level]
            self._hidden.pop(level, None)


def walk_lots(
    grid: Grid,
    side: Side,
    levels: Iterable[tuple[float, float]],
    taken: Taken,
    lots: int,
    *,
    slippage_bp: Decimal,
    limit: Decimal | None = None,
) -> list[Piece]:
    """The pieces that `lots` meet, best level first and never beyond `limit`."""
    buy = side is Side.BUY
    pieces: list[Piece] = []
    for level, size in levels:
        price = grid.taking(level, buy=buy, slippage_bp=Decimal(0))
        if limit is not None and (price > limit if buy else price < limit):
            break
        here = min(lots, grid.lots_shown(size) - taken.at(level))
        if here <= 0:
            continue
        price = grid.taking(level, buy=buy, slippage_bp=slippage_bp)
        if limit is not None:
            price = min(price, limit) if buy else max(price, limit)
        if price <= 0:
            break
        pieces.append(Piece(level, price, here))
        lots -= here
        if not lots:
            break
    return pieces


def walk_amount(
    grid: Grid,
    levels: Iterable[tuple[float, float]],
    taken: Taken,
    amount: Decimal,
    *,
    slippage_bp: Decimal,
) -> tuple[list[Piece], bool]:
    """The pieces that `amount` buys, and whether it bought all that it could pay."""
    pieces: list[Piece] = []
    for level, size in levels:
        there = grid.lots_shown(size) - taken.at(level)
        if there <= 0:
            continue
        price = grid.taking(level, buy=True, slippage_bp=slippage_bp)
        paid = grid.lots_for(amount, price)
        here = min(paid, there)
        if here > 0:
            pieces.append(Piece(level, price, here))
            amount = EXACT.subtract(amount, grid.amount(here, price))
        if here == paid:
            return pieces, True
    return pieces, False
