"""Where a resting order stands in the queue at its price. Pure: told what the book shows and what traded.

situation                                   what happens
it joins                                    everything that stands at its price is ahead of it
its price lies beyond the visible levels    what is ahead is unknown; when the level is seen first, all of it is ahead
a print at its price                        the queue ahead is eaten first, what remains of the print is ours
a print beyond its price                    the queue ahead is gone, and as much is ours as was printed there: that
                                            taker would have met us before it went on
its level shows less than what is ahead     as much is ahead as it shows: the rest left, or traded
others leave, but the level shows enough    assumed to have stood behind us; nothing moves

Decided here: a trade reaches us twice, as a print and as a smaller level, in either order. What a level lowered ahead
of its print is remembered (`_seen`), and prints up to that book's time are first set off against it; a later print
can't be the cause and clears it. Each of these rules errs to our loss: never more is filled than a real order in that
place would have got.
"""

from __future__ import annotations

from polotui.trading.paper.grid import Grid


class QueuePlace:
    """What stands before one order, in lots; None while it is not known."""

    __slots__ = ("_ahead_size", "_grid", "_seen", "_seen_ms", "ahead")

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.ahead: int | None = None
        self._ahead_size = float("inf")
        self._seen = 0
        self._seen_ms = 0

    @property
    def first(self) -> bool:
        """Nobody is ahead, and nothing that the book shows can change that."""
        return self.ahead == 0

    def see(self, size: float | None, book_ms: int) -> None:
        """Its level as the book of `book_ms` shows it; None: not visible."""
        if size is None or size >= self._ahead_size:
            return
        shown = self._grid.lots_ahead(size)
        if self.ahead is None:
            self._set(shown)
        elif shown < self.ahead:
            self._seen += self.ahead - shown
            self._seen_ms = book_ms
            self._set(shown)

    def at_price(self, lots: int, print_ms: int) -> int:
        """So many lots traded at its price. Returns how many of them reach us."""
        if self.ahead is None:
            return 0
        if self._seen:
            if print_ms > self._seen_ms:
                self._seen = 0
            explained = min(self._seen, lots)
            self._seen -= explained
            lots -= explained
        eaten = min(self.ahead, lots)
        if eaten:
            self._set(self.ahead - eaten)
        return lots - eaten

    def beyond_price(self, lots: int) -> int:
        """So many lots traded beyond its price. Returns how many of them reach us: all."""
        self._seen = 0
        self._set(0)
        return lots

    def _set(self, ahead: int) -> None:
        self.ahead = ahead
        self._ahead_size = float(self._grid.quantity(ahead))
